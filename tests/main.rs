//! Every integration test, in one binary.

mod audit;
mod conformance;
mod flows;
mod process;
mod secrets;
mod sp;
mod store;
mod tidy;
mod world;
