//! The audit log: what it tells, and that nobody changes it unnoticed.

mod chain;
mod events;
