//! `toolfront-crash-test`: see `scripts/crash-test --help`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that tells what it found")]

mod report;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use toolfront_crash_test::{Round, Settings, binary_beside, run};

/// Kill a gateway again and again under a mixed load, and see that it keeps what it acknowledged and lets in nothing that it
/// had ended
///
/// A line a round goes to standard error, the result to standard output. Exit code 1 when a promise was broken: the data
/// directory is kept then, and named.
#[derive(Debug, Parser)]
#[command(name = "crash-test", version)]
struct Arguments {
    /// How many times the gateway is killed
    #[arg(long, default_value_t = 100, value_name = "N")]
    rounds: u32,
    /// What the choices and the moments of the kills come from; a random one unless given
    #[arg(long, value_name = "HEX", value_parser = seed)]
    seed: Option<u64>,
    /// The toolfront binary; the one beside this program unless given
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Where the data directory is made; the system's temporary directory unless given
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn seed(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).map_err(|fault| fault.to_string())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match campaign(&arguments) {
        Ok(is_kept) => ExitCode::from(u8::from(!is_kept)),
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether every promise was kept.
fn campaign(arguments: &Arguments) -> anyhow::Result<bool> {
    let beside = || binary_beside(&std::env::current_exe().ok()?);
    let binary = arguments.binary.clone().or_else(beside);
    let binary =
        binary.context("there is no toolfront binary beside this program: name one with --binary")?;
    let directory = match &arguments.directory {
        Some(directory) => tempfile::Builder::new().prefix("crash-test-").tempdir_in(directory)?,
        None => tempfile::Builder::new().prefix("crash-test-").tempdir()?,
    };
    let seed = arguments.seed.map_or_else(random, Ok)?;
    eprintln!("seed {seed:016x}, {} rounds of {}", arguments.rounds, binary.display());
    let settings =
        Settings { binary, rounds: arguments.rounds, seed, directory: directory.path().to_owned() };
    let progress = Progress::new(arguments.rounds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let summary = runtime.block_on(run(&settings, &mut |round| progress.tell(round)))?;
    progress.end();
    if arguments.json {
        println!("{}", report::json(&summary));
    } else {
        print!("{}", report::table(&summary));
    }
    if summary.violations.is_empty() {
        return Ok(true);
    }
    for violation in &summary.violations {
        eprintln!("{violation}");
    }
    eprintln!("seed {seed:016x}; everything was kept in {}", directory.keep().display());
    Ok(false)
}

fn random() -> anyhow::Result<u64> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).context("the operating system's random generator could not be read")?;
    Ok(u64::from_le_bytes(bytes))
}

/// A bar on a terminal, else a line a round.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new(rounds: u32) -> Self {
        Self(std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(rounds.into());
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        }))
    }

    fn tell(&self, round: &Round) {
        let Round { number, of, load, acknowledged, unknown, checks, start } = round;
        let line = format!(
            "killed after {:>3} ms: {acknowledged} acknowledged, {unknown} unanswered; started in {} ms, {checks} checks",
            load.as_millis(),
            start.as_millis()
        );
        match &self.0 {
            Some(bar) => {
                bar.set_message(line);
                bar.set_position(u64::from(*number));
            }
            None => eprintln!("round {number:>3}/{of}  {line}"),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
