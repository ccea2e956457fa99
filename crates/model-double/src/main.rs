//! Runs the stand-in as a process of its own: `toolfront-model-double --script FILE` prints its URL and stays.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use toolfront_model_double::{KEY, ModelDouble, Script};

/// A stand-in for model providers that says what a script tells it to
#[derive(Debug, Parser)]
struct Arguments {
    /// The script, as JSON: {"turns": [{"text": "Hello"}]}
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let script: Script = serde_json::from_slice(&std::fs::read(arguments.script)?)?;
    let double = ModelDouble::start(script).await?;
    writeln!(std::io::stdout(), "{}", double.url())?;
    std::io::stdout().flush()?;
    writeln!(std::io::stderr(), "The key is {KEY}; requests are shown at {}/double/requests.", double.url())?;
    double.wait().await?;
    Ok(())
}
