//! What was measured while one thing grew.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::scale::label;
use crate::pairs::{median, sorted};

/// Something that grows, and what was measured at each of its sizes.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// What grows, as a heading.
    pub(crate) title: &'static str,
    /// What the sizes are numbers of.
    pub(crate) axis: &'static str,
    pub(crate) sizes: Vec<u32>,
    pub(crate) curves: Vec<Curve>,
}

/// One figure at all sizes.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// What it is; curves of the same figure are in one panel.
    pub(crate) panel: &'static str,
    pub(crate) unit: &'static str,
    /// Which of the panel's it is; empty when it is the only one.
    pub(crate) name: String,
    pub(crate) ratios: Ratios,
    /// By size, then by round; a size at which it can't be measured has no samples.
    pub(crate) samples: Vec<Vec<f64>>,
}

/// Whether the plot's panel of ratios has a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ratios {
    Shown,
    /// It grows by its nature, and would leave the others no room.
    LeftOut,
}

/// The middle of the rounds, and how far they lay apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// Of these values; `None` without any.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let sorted = sorted(values);
        let (least, greatest) = (*sorted.first()?, *sorted.last()?);
        Some(Self { median: median(sorted.into_iter()), least, greatest })
    }
}

impl Curve {
    /// Its values at each size.
    pub(crate) fn values(&self) -> Vec<Option<Spread>> {
        self.samples.iter().map(|samples| Spread::of(samples.iter().copied())).collect()
    }

    /// The same as ratios to the first size that has any, taken in the same round.
    pub(crate) fn ratios(&self) -> Vec<Option<Spread>> {
        let first = self.samples.iter().find(|samples| !samples.is_empty());
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let ratios =
            |samples: &Vec<f64>| Spread::of(samples.iter().zip(first).map(|(sample, first)| sample / first));
        self.samples.iter().map(ratios).collect()
    }

    /// The figure, and which of it.
    pub(crate) fn full_name(&self) -> String {
        if self.name.is_empty() { self.panel.to_owned() } else { format!("{}: {}", self.panel, self.name) }
    }
}

impl Series {
    /// The medians and their ratios to the first, a line for each figure.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        let sizes = self.sizes.iter().map(|size| label(f64::from(*size)));
        table.set_header([self.axis.to_owned(), String::new()].into_iter().chain(sizes));
        for curve in &self.curves {
            let cells = curve.values().into_iter().zip(curve.ratios()).map(|cell| match cell {
                (Some(value), Some(ratio)) => format!("{} (× {:.2})", label(value.median), ratio.median),
                _ => String::new(),
            });
            table.add_row(
                [format!("  {}", curve.full_name()), curve.unit.to_owned()].into_iter().chain(cells),
            );
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        format!("{}\n", lines.join("\n"))
    }

    /// All of it, each sample too; `circumstances` are the date, the machine and so on.
    pub(crate) fn json(&self, circumstances: &Value) -> Value {
        let curves: Vec<Value> = self.curves.iter().map(|curve| curve.json(&self.sizes)).collect();
        json!({
            "series": self.name,
            "title": self.title,
            "axis": self.axis,
            "circumstances": circumstances,
            "curves": curves,
        })
    }
}

impl Curve {
    fn json(&self, sizes: &[u32]) -> Value {
        let spread = |spread: Option<Spread>| {
            spread.map(|one| json!({ "median": one.median, "least": one.least, "greatest": one.greatest }))
        };
        let spreads = self.values().into_iter().zip(self.ratios());
        let points =
            sizes.iter().zip(&self.samples).zip(spreads).filter(|((_, samples), _)| !samples.is_empty());
        let points: Vec<Value> = points
            .map(|((size, samples), (value, ratio))| {
                json!({ "size": size, "value": spread(value), "ratio": spread(ratio), "samples": samples })
            })
            .collect();
        json!({ "figure": self.panel, "of": self.name, "unit": self.unit, "points": points })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_to_the_first_measured_size_in_the_same_round() {
        let samples = vec![vec![], vec![10.0, 20.0, 40.0], vec![20.0, 20.0, 20.0]];
        let curve = Curve { panel: "GET", unit: "ms", name: String::new(), ratios: Ratios::Shown, samples };
        assert_eq!(curve.values()[0], None);
        assert_eq!(curve.values()[1], Some(Spread { median: 20.0, least: 10.0, greatest: 40.0 }));
        assert_eq!(curve.ratios()[0], None);
        assert_eq!(curve.ratios()[1], Some(Spread { median: 1.0, least: 1.0, greatest: 1.0 }));
        assert_eq!(curve.ratios()[2], Some(Spread { median: 1.0, least: 0.5, greatest: 2.0 }));
    }
}
