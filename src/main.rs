//! The `hearth` command line.

use std::process::ExitCode;

use hearth::{cli, start};

fn main() -> ExitCode {
    cli::run(start::start, start::alone)
}
