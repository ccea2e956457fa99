//! A figure, and the report of all of them.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::pairs::Pairs;

/// One thing that was measured, in lines.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// What it is, and against what, in one line.
    pub(crate) what: String,
    pub(crate) lines: Vec<Line>,
}

/// One line of a figure.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    pub(crate) other: Option<f64>,
    /// The ratio, the least and the greatest of the pairs.
    pub(crate) ratio: Option<(f64, f64, f64)>,
    pub(crate) goal: Goal,
    pub(crate) raw: Value,
}

/// What the project has set itself; nothing is asserted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    None,
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtMost(f64),
}

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Report {
    notes: Vec<String>,
    figures: Vec<Figure>,
    took: Duration,
}

impl Line {
    /// A comparison.
    pub(crate) fn compared(name: impl Into<String>, unit: &'static str, pairs: &Pairs, goal: Goal) -> Self {
        Self {
            name: name.into(),
            unit,
            ours: pairs.ours(),
            other: Some(pairs.other()),
            ratio: Some(pairs.ratio()),
            goal,
            raw: pairs.json(),
        }
    }

    /// Something that has nothing beside it.
    pub(crate) fn alone(name: impl Into<String>, unit: &'static str, value: f64, goal: Goal) -> Self {
        Self { name: name.into(), unit, ours: value, other: None, ratio: None, goal, raw: Value::Null }
    }

    fn is_reached(&self) -> Option<bool> {
        let ratio = self.ratio.map(|(ratio, _, _)| ratio);
        match self.goal {
            Goal::None => None,
            Goal::RatioAtLeast(least) => ratio.map(|ratio| ratio >= least),
            Goal::RatioAtMost(most) => ratio.map(|ratio| ratio <= most),
            Goal::AtMost(most) => Some(self.ours <= most),
        }
    }

    fn cells(&self) -> [String; 7] {
        let ratio = self.ratio.map_or_else(String::new, |(ratio, least, greatest)| {
            format!("{} ({}–{})", number(ratio), number(least), number(greatest))
        });
        let goal = match self.goal {
            Goal::None => String::new(),
            Goal::RatioAtLeast(least) => format!("≥ {} ×", number(least)),
            Goal::RatioAtMost(most) => format!("≤ {} ×", number(most)),
            Goal::AtMost(most) => format!("≤ {} {}", number(most), self.unit),
        };
        let reached = match self.is_reached() {
            None => "",
            Some(true) => "yes",
            Some(false) => "no",
        };
        let other = self.other.map(number).unwrap_or_default();
        [
            format!("  {}", self.name),
            number(self.ours),
            other,
            self.unit.to_owned(),
            ratio,
            goal,
            reached.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let (kind, goal) = match self.goal {
            Goal::None => (Value::Null, None),
            Goal::RatioAtLeast(least) => (json!("ratio_at_least"), Some(least)),
            Goal::RatioAtMost(most) => (json!("ratio_at_most"), Some(most)),
            Goal::AtMost(most) => (json!("at_most"), Some(most)),
        };
        json!({
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "other": self.other,
            "ratio": self.ratio.map(|ratio| ratio.0),
            "ratio_least": self.ratio.map(|ratio| ratio.1),
            "ratio_greatest": self.ratio.map(|ratio| ratio.2),
            "goal_kind": kind,
            "goal": goal,
            "reached": self.is_reached(),
            "pairs": self.raw,
        })
    }
}

impl Report {
    pub(crate) fn new(notes: Vec<String>) -> Self {
        Self { notes, figures: Vec::new(), took: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn end(&mut self, took: Duration) {
        self.took = took;
    }

    /// A table: a figure's explanation, and its lines below it.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        table.set_header(["", "toolfront", "beside it", "unit", "ratio (least–greatest)", "goal", "reached"]);
        let mut text = String::new();
        for figure in &self.figures {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}: {}", figure.name, figure.what);
            table.add_row([figure.name]);
            for line in &figure.lines {
                table.add_row(line.cells());
            }
        }
        for column in table.column_iter_mut().skip(1).take(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        let notes = self.notes.join("; ");
        format!("{text}\n{}\n\n{notes}; {:.0} s\n", lines.join("\n"), self.took.as_secs_f64())
    }

    /// The same as one JSON object, with what was measured pair by pair.
    pub(crate) fn json(&self) -> Value {
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        json!({ "seconds": self.took.as_secs_f64(), "notes": self.notes, "figures": figures })
    }
}

impl Figure {
    fn json(&self) -> Value {
        let lines: Vec<Value> = self.lines.iter().map(Line::json).collect();
        json!({ "name": self.name, "what": self.what, "lines": lines })
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
