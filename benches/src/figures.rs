//! The figures, each in a file of its own.

pub(crate) mod audit;
mod check;
mod create;
pub(crate) mod get;
mod list;
pub(crate) mod memory;
mod redeploy;
mod revoke;
pub(crate) mod run;
mod size;
mod start;

use crate::figure::Figure;
use crate::site::Site;

/// Measures one figure.
type Measure = fn(&mut Site) -> anyhow::Result<Figure>;

/// All of them, in their order.
pub(crate) const FIGURES: [(&str, Measure); 11] = [
    ("get", get::measure),
    ("run", run::measure),
    ("check", check::measure),
    ("memory", memory::measure),
    ("start", start::measure),
    ("create", create::measure),
    ("list", list::measure),
    ("redeploy", redeploy::measure),
    ("revoke", revoke::measure),
    ("audit", audit::measure),
    ("size", size::measure),
];

/// The name of a figure, as somebody typed it.
pub(crate) fn parse(text: &str) -> Result<&'static str, String> {
    let names = FIGURES.map(|(name, _)| name);
    names
        .into_iter()
        .find(|name| *name == text)
        .ok_or_else(|| format!("has to be one of {}", names.join(", ")))
}
