//! A launcher and nothing else, for the tests and benchmarks of this crate.

fn main() -> std::process::ExitCode {
    toolfront_sandbox::launcher_main()
}
