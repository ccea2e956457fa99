//! Front matter in TOML.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::node::{Entry, Node, NodeKind, Quoting, Scalar};
use super::quoting::{first_bad_escape, quoted_around, shown_single_quoted};
use crate::fault::FaultLog;

/// The characters that start an escape in double quotes (TOML 1.1).
const ESCAPES: &str = "btnfre\"\\xuU\n\r ";

/// Reads `front`, which starts at the byte `start` of the file, as a mapping.
pub(super) fn read(log: &mut FaultLog<'_>, start: usize, front: &str) -> Vec<Entry> {
    let (table, errors) = DeTable::parse_recoverable(front);
    if errors.is_empty() {
        return Reader { start, front }.entries(table.get_ref());
    }
    for error in &errors {
        let (offset, message) = explain(error, front);
        log.error(start + offset, message);
    }
    Vec::new()
}

struct Reader<'s> {
    start: usize,
    front: &'s str,
}

impl Reader<'_> {
    fn entries(&self, table: &DeTable<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_offset: self.start + key.span().start,
                value: self.node(value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_offset);
        entries
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let written = self.written(value.span());
        let kind = match value.get_ref() {
            DeValue::String(text) => {
                let inside = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let quoting = inside.map_or(Quoting::Verbatim, |inside| Quoting::Escaped(inside.into()));
                NodeKind::Scalar(Scalar { text: text.to_string(), quoting })
            }
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
                NodeKind::Scalar(Scalar { text: written.trim().to_owned(), quoting: Quoting::Verbatim })
            }
            DeValue::Array(items) => NodeKind::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => NodeKind::Map(self.entries(table)),
        };
        Node { offset: self.start + value.span().start, kind }
    }

    fn written(&self, span: Range<usize>) -> &str {
        self.front.get(span).unwrap_or_default()
    }
}

fn explain(error: &Error, front: &str) -> (usize, String) {
    let at = error.span().map_or(0, |span| span.start);
    let quoted = quoted_around(front, at).and_then(|(inside_at, inside)| {
        let bad = first_bad_escape(inside, |escaped| ESCAPES.contains(escaped))?;
        Some((inside_at + bad, inside, inside.get(bad..)?.chars().take(2).collect::<String>()))
    });
    match quoted {
        Some((bad, inside, escape)) => {
            let message = format!(
                "`{escape}` is not an escape of TOML in double quotes; in single quotes a backslash is a backslash: {}",
                shown_single_quoted(inside, false)
            );
            (bad, message)
        }
        None => (at, format!("the front matter is not TOML: {}", error.message().replace('\n', "; "))),
    }
}
