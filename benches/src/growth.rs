//! How figures change as tokens, environments, pages, connections or events become more: where a cliff is, it shows.
//!
//! Sizes of a series take turns, so that whatever else the machine does meets all of them.

mod connections;
mod drawing;
mod environments;
mod log;
mod pages;
mod plot;
mod scale;
mod series;
mod subject;
mod tokens;

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;

use self::series::Series;
use crate::machine::Circumstances;
use crate::site::Site;

/// Measures one series.
type Measure = fn(&mut Site) -> anyhow::Result<Series>;

const SERIES: [(&str, Measure); 5] = [
    ("tokens", tokens::measure),
    ("environments", environments::measure),
    ("pages", pages::measure),
    ("connections", connections::measure),
    ("log", log::measure),
];

/// The name of a series, as somebody typed it.
pub(crate) fn parse(text: &str) -> Result<&'static str, String> {
    let names = SERIES.map(|(name, _)| name);
    names
        .into_iter()
        .find(|name| *name == text)
        .ok_or_else(|| format!("has to be one of {}", names.join(", ")))
}

/// Measures these series, or all when none is named; prints a table of each, and writes a plot and all points of each into
/// `plots` as `NAME.svg` and `NAME.json`.
pub(crate) fn measure(site: &mut Site, only: &[&str], plots: Option<&Path>) -> anyhow::Result<()> {
    let begun = Instant::now();
    let seen = Circumstances::find();
    for (name, measure) in SERIES.iter().filter(|(name, _)| only.is_empty() || only.contains(name)) {
        eprintln!("{:>4.0} s  {name}", begun.elapsed().as_secs_f64());
        let setting = site.setting();
        let series = measure(site)?;
        println!("{}", series.table());
        if let Some(directory) = plots {
            let write = |name: String, text: String| {
                let path = directory.join(name);
                std::fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))
            };
            std::fs::create_dir_all(directory)?;
            let short = format!("{}; {} rounds", seen.line(), site.plan.rounds);
            write(format!("{name}.svg"), plot::svg(&series, &short))?;
            let circumstances = json!({ "date": seen.date, "machine": seen.machine, "commit": seen.commit, "setting": setting });
            write(format!("{name}.json"), format!("{:#}\n", series.json(&circumstances)))?;
        }
    }
    eprintln!("{:>4.0} s  done", begun.elapsed().as_secs_f64());
    Ok(())
}
