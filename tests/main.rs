//! Every integration test, in one binary.

mod flows;
mod sp;
mod tidy;
mod world;
