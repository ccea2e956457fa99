//! The front matter of a page: where it is in the file, and what it says, as a tree whose nodes know their place.

mod node;
mod quoting;
mod toml;
mod yaml;

use crate::fault::FaultLog;

pub(crate) use node::{Entry, Node, NodeKind, Quoting, Scalar};
pub(crate) use quoting::{misread_escape, shown_single_quoted};

/// The most front matter that is read, in bytes.
const FRONT_MATTER_BYTES_MAX: usize = 64 * 1024;

/// In which language front matter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Yaml,
    Toml,
}

/// A page cut in two.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Divided<'s> {
    /// The language, where in the file the front matter starts, and the front matter.
    pub(crate) front: Option<(Language, usize, &'s str)>,
    pub(crate) body: &'s str,
}

/// Cuts a page at its fences. Without an opening fence in the first line, all of it is body.
pub(crate) fn divide<'s>(log: &mut FaultLog<'s>) -> Divided<'s> {
    let source = log.source();
    let text = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let (language, fence) = match first.trim_end() {
        "---" => (Language::Yaml, "---"),
        "+++" => (Language::Toml, "+++"),
        _ => return Divided { front: None, body: text },
    };
    let start = source.len() - text.len() + first.len();
    let mut end = start;
    for line in lines {
        if line.trim_end() == fence {
            let front = source.get(start..end).unwrap_or_default();
            let body = source.get(end + line.len()..).unwrap_or_default();
            return Divided { front: Some((language, start, front)), body };
        }
        end += line.len();
    }
    log.error(
        0,
        format!("the front matter that `{fence}` opens here is never closed: a line `{fence}` is missing"),
    );
    Divided { front: None, body: "" }
}

/// Reads front matter as a mapping. Faults of its syntax go to the log, and then there is no mapping.
pub(crate) fn read(log: &mut FaultLog<'_>, language: Language, start: usize, front: &str) -> Vec<Entry> {
    if front.len() > FRONT_MATTER_BYTES_MAX {
        log.error(start, format!("the front matter is longer than {FRONT_MATTER_BYTES_MAX} bytes"));
        return Vec::new();
    }
    match language {
        Language::Yaml => yaml::read(log, start, front),
        Language::Toml => toml::read(log, start, front),
    }
}

#[cfg(test)]
mod tests;
