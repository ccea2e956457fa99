//! The `toolfront` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    toolfront_cli::main(std::env::args_os())
}
