//! A launcher and nothing else, for the tests and benchmarks of this crate. With `costs`, it prints what each layer of
//! the cage costs.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if std::env::args().nth(1).as_deref() == Some("costs") {
        return match toolfront_sandbox::layer_costs() {
            Ok(lines) => {
                for (layer, microseconds) in lines {
                    println!("{microseconds:>8.1} µs  {layer}");
                }
                ExitCode::SUCCESS
            }
            Err(error) => {
                println!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    toolfront_sandbox::launcher_main()
}
