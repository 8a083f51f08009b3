//! The program itself: started as an operator starts it, stopped as operators and power cuts stop it.

mod commands;
mod house;
mod ledger;
mod mistakes;
mod running;
mod upstream;

pub use house::{House, Neighbourhood, Outcome, eventually};
