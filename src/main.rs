//! The `medict` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    medict::cli::main()
}
