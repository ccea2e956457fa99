//! A series as an SVG: the ratios to the first point in one panel, and each figure in one of its own.

use super::drawing::{Anchor, Drawing, GREY, INK, PALE};
use super::scale::{Scale, label, places};
use super::series::{Curve, Ratios, Series, Spread};

const WIDTH: f64 = 1000.0;
const HEADER: f64 = 76.0;
/// The panel of ratios, without its legend.
const RATIOS: (f64, f64) = (560.0, 250.0);
/// How many panels are side by side below it.
const COLUMNS: u32 = 3;
/// One panel of the others, with what is around it.
const CELL: (f64, f64) = (WIDTH / 3.0, 236.0);
/// What is left around a panel's data: left, top, right, bottom.
const MARGINS: (f64, f64, f64, f64) = (58.0, 44.0, 14.0, 44.0);
/// Room within the data for what is drawn around the first and the last point.
const INSET: f64 = 14.0;
/// How far apart the curves of a panel are drawn at the same size.
const ASIDE: f64 = 2.5;
/// Told apart by who sees no colours too, and on paper (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5c5c5c"];
/// After the colours are used up, lines are dashed.
const DASHES: [&str; 3] = ["", "5 3", "1 3"];

/// A curve as it is drawn.
struct Drawn {
    name: String,
    number: usize,
    values: Vec<Option<Spread>>,
}

/// A rectangle that data is drawn in.
#[derive(Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// The whole picture; `circumstances` stand below its heading.
pub(super) fn svg(series: &Series, circumstances: &str) -> String {
    let numbered: Vec<(usize, &Curve)> = series.curves.iter().enumerate().collect();
    let mut panels: Vec<(&Curve, Vec<Drawn>)> = Vec::new();
    for (number, curve) in &numbered {
        let drawn = Drawn { name: curve.name.clone(), number: *number, values: curve.values() };
        match panels.iter_mut().find(|(first, _)| first.panel == curve.panel) {
            Some((_, of_panel)) => of_panel.push(drawn),
            None => panels.push((curve, vec![drawn])),
        }
    }
    let height = HEADER + RATIOS.1 + 10.0 + CELL.1 * f64::from(rows(panels.len()));
    let mut drawing = Drawing::new(WIDTH, height, series.title);
    drawing.text((16.0, 28.0), Anchor::Start, 18.0, INK, series.title);
    drawing.text(
        (16.0, 47.0),
        Anchor::Start,
        11.0,
        GREY,
        "Points are medians of the rounds, bars the least and the greatest.",
    );
    drawing.text((16.0, 63.0), Anchor::Start, 11.0, GREY, circumstances);

    let shown = numbered.iter().filter(|(_, curve)| curve.ratios == Ratios::Shown);
    let ratios: Vec<Drawn> = shown
        .map(|(number, curve)| Drawn { name: curve.full_name(), number: *number, values: curve.ratios() })
        .collect();
    let frame = Frame::within((0.0, HEADER), RATIOS);
    frame.panel(&mut drawing, "As a ratio to the first point, round by round", series, &ratios);
    for (row, curve) in (0_u32..).zip(&ratios) {
        curve.legend(&mut drawing, (frame.right + 22.0, frame.top + 8.0 + 17.0 * f64::from(row)));
    }
    for (index, (first, curves)) in (0_u32..).zip(&panels) {
        let (column, row) = (f64::from(index % COLUMNS), f64::from(index / COLUMNS));
        let corner = (column * CELL.0, HEADER + RATIOS.1 + 10.0 + row * CELL.1);
        let frame = Frame::within(corner, CELL);
        frame.panel(&mut drawing, &format!("{}, {}", first.panel, first.unit), series, curves);
        let named = curves.iter().filter(|curve| !curve.name.is_empty());
        let step = (frame.right - frame.left) / 3.0;
        for (column, curve) in (0_u32..).zip(named) {
            curve.legend(&mut drawing, (frame.left + step * f64::from(column), frame.top - 9.0));
        }
    }
    drawing.end()
}

fn rows(panels: usize) -> u32 {
    u32::try_from(panels).unwrap_or_default().div_ceil(COLUMNS)
}

impl Frame {
    fn within(corner: (f64, f64), size: (f64, f64)) -> Self {
        let (left, top, right, bottom) = MARGINS;
        Self {
            left: corner.0 + left,
            top: corner.1 + top,
            right: corner.0 + size.0 - right,
            bottom: corner.1 + size.1 - bottom,
        }
    }

    /// The place of a size and of a value.
    fn point(self, across: f64, up: f64) -> (f64, f64) {
        let (left, right) = (self.left + INSET, self.right - INSET);
        (left + across * (right - left), self.bottom - up * (self.bottom - self.top))
    }

    /// A heading, both axes, and the curves.
    fn panel(self, drawing: &mut Drawing, heading: &str, series: &Series, curves: &[Drawn]) {
        let spreads = curves.iter().flat_map(|curve| curve.values.iter().flatten());
        let scale = Scale::over(spreads.flat_map(|spread| [spread.least, spread.greatest]));
        drawing.text((self.left, self.top - 24.0), Anchor::Start, 12.5, INK, heading);
        for tick in scale.ticks() {
            let (_, y) = self.point(0.0, scale.place(tick));
            drawing.line((self.left, y), (self.right, y), PALE, 1.0, "");
            drawing.text((self.left - 6.0, y + 3.5), Anchor::End, 10.0, GREY, &label(tick));
        }
        drawing.line((self.left, self.bottom), (self.right, self.bottom), GREY, 1.0, "");
        let places = places(&series.sizes);
        for (place, size) in places.iter().zip(&series.sizes) {
            let (x, y) = self.point(*place, 0.0);
            drawing.line((x, y), (x, y + 4.0), GREY, 1.0, "");
            drawing.text((x, y + 15.0), Anchor::Middle, 10.0, GREY, &label(f64::from(*size)));
        }
        if let ([0, ..], [first, second, ..]) = (series.sizes.as_slice(), places.as_slice()) {
            // The axis is broken: nothing logarithmic has a place for 0.
            let (x, y) = self.point(f64::midpoint(*first, *second), 0.0);
            drawing.line((x - 5.0, y + 4.0), (x - 1.0, y - 4.0), GREY, 1.0, "");
            drawing.line((x + 1.0, y + 4.0), (x + 5.0, y - 4.0), GREY, 1.0, "");
        }
        let middle = f64::midpoint(self.left, self.right);
        drawing.text((middle, self.bottom + 30.0), Anchor::Middle, 10.5, INK, series.axis);
        // Side by side, so that bars do not hide each other.
        let mut aside =
            -0.5 * ASIDE * f64::from(u32::try_from(curves.len()).unwrap_or_default().saturating_sub(1));
        for curve in curves {
            self.curve(drawing, &scale, &places, curve, aside);
            aside += ASIDE;
        }
    }

    fn curve(self, drawing: &mut Drawing, scale: &Scale, places: &[f64], curve: &Drawn, aside: f64) {
        let (colour, dash) = curve.style();
        let at = |across: f64, value: f64| {
            let (x, y) = self.point(across, scale.place(value));
            (x + aside, y)
        };
        let points =
            places.iter().zip(&curve.values).filter_map(|(across, spread)| Some((*across, (*spread)?)));
        let mut before = None;
        for (across, spread) in points {
            let here = at(across, spread.median);
            if let Some(before) = before.replace(here) {
                drawing.line(before, here, colour, 1.6, dash);
            }
            drawing.line(at(across, spread.least), at(across, spread.greatest), colour, 1.2, "");
            drawing.dot(here, 2.6, colour);
        }
    }
}

impl Drawn {
    fn style(&self) -> (&'static str, &'static str) {
        let colour = COLOURS.get(self.number % COLOURS.len()).copied().unwrap_or(INK);
        (colour, DASHES.get(self.number / COLOURS.len()).copied().unwrap_or_default())
    }

    fn legend(&self, drawing: &mut Drawing, at: (f64, f64)) {
        let (colour, dash) = self.style();
        drawing.line(at, (at.0 + 18.0, at.1), colour, 1.6, dash);
        drawing.dot((at.0 + 9.0, at.1), 2.6, colour);
        drawing.text((at.0 + 24.0, at.1 + 3.5), Anchor::Start, 10.5, INK, &self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_axes_and_every_curve_and_nothing_that_is_markup() {
        let curve = |name: &str, samples| Curve {
            panel: "GET <a page>",
            unit: "requests/s",
            name: name.to_owned(),
            ratios: Ratios::Shown,
            samples,
        };
        let series = Series {
            name: "log",
            title: "A & B",
            axis: "events",
            sizes: vec![0, 10_000, 1_000_000],
            curves: vec![
                curve("one", vec![vec![1.0], vec![2.0], vec![3.0]]),
                curve("many", vec![vec![], vec![2.0], vec![2.5]]),
            ],
        };
        let svg = svg(&series, "today");
        for text in
            ["A &amp; B", "today", "GET &lt;a page&gt;, requests/s", "events", ">10k<", ">1M<", ">many<"]
        {
            assert!(svg.contains(text), "{text}");
        }
        // Three points and two in both panels, and one in each entry of both legends.
        assert_eq!(svg.matches("<circle").count(), 2 * 5 + 4);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
