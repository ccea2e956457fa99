//! `toolfront-bench`: see `scripts/bench --help`.
//!
//! Every figure is a ratio of two things that were measured alternately in this one run, so that a slow or busy machine does
//! not matter. Nothing is asserted.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints what it measured")]

mod figure;
mod figures;
mod growth;
mod load;
mod machine;
mod pairs;
mod plan;
mod servers;
mod site;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::figure::Report;
use crate::figures::FIGURES;
use crate::plan::Plan;
use crate::site::Site;

/// Measure what ToolFront costs, beside the least that it could cost
///
/// Prints each figure as a ratio taken side by side in this run, with the project's own goal beside it; nothing is asserted.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    /// Fewer and smaller, to see that it works, not what it says: about a minute for all figures, four for growth
    #[arg(long, global = true)]
    quick: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Only these figures
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = figures::parse)]
    only: Vec<&'static str>,
    /// The toolfront binary; the one beside this program unless given
    #[arg(long, global = true, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Where data directories are made, and that matters: some figures are made of the disk's flushes. The system's temporary
    /// directory unless given
    #[arg(long, global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The Python package, for `size`; what scripts/bench-python has built unless given
    #[arg(long, value_name = "PATH")]
    wheel: Option<PathBuf>,
    /// A PostgreSQL server that waits for its disk, for `revoke`: `scripts/bench` starts one
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Have `size` tell how long a clean build takes as well: several minutes
    #[arg(long)]
    clean_build: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Another thing than the figures.
#[derive(Debug, Subcommand)]
enum Part {
    /// Measure how figures change as tokens, environments, pages, connections or the audit log's events become more
    Growth {
        /// Only these series
        #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = growth::parse)]
        only: Vec<&'static str>,
        /// Where a plot and all points of each series are written
        #[arg(long, value_name = "DIR")]
        plots: Option<PathBuf>,
    },
    /// A bare hyper server that answers everything with the answer in a file
    #[command(hide = true)]
    BareHttp {
        #[arg(long)]
        answer: PathBuf,
    },
    /// The resident memory that so many tokens take
    #[command(hide = true)]
    IndexMemory {
        #[arg(long)]
        tokens: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.part {
        Some(Part::BareHttp { answer }) => servers::bare_http::serve(answer),
        Some(Part::IndexMemory { tokens }) => figures::memory::index_memory(*tokens),
        Some(Part::Growth { only, plots }) => {
            site(&arguments).and_then(|mut site| growth::measure(&mut site, only, plots.as_deref()))
        }
        None => measure(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn site(arguments: &Arguments) -> anyhow::Result<Site> {
    let plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    let plan = Plan { builds: arguments.clean_build, ..plan };
    let Arguments { binary, wheel, directory, postgres, .. } = arguments;
    let mut site = Site::new(binary.as_deref(), wheel.as_deref(), directory.as_deref(), plan)?;
    site.postgres.clone_from(postgres);
    Ok(site)
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut site = site(arguments)?;
    let mut report = Report::new(site.notes());
    for (name, measure) in FIGURES {
        if arguments.only.is_empty() || arguments.only.contains(&name) {
            eprintln!("{:>4.0} s  {name}", begun.elapsed().as_secs_f64());
            report.add(measure(&mut site)?);
        }
    }
    report.end(begun.elapsed());
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}
