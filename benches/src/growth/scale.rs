//! From a value to its place on an axis, and what is written beside it.

/// More than so many times the least, and the values need a logarithmic axis.
const LINEAR_MAX: f64 = 20.0;
/// How many ticks a linear axis may have.
const TICKS_MAX: f64 = 5.0;

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scale {
    /// From 0 on.
    Linear { greatest: f64, step: f64 },
    /// Between these; both are above 0.
    Logarithmic { least: f64, greatest: f64 },
}

impl Scale {
    /// An axis on which these have their place: linear from 0 on, unless the small ones would be lost there.
    pub(crate) fn over(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut greatest) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| *value > 0.0) {
            (least, greatest) = (least.min(value), greatest.max(value));
        }
        if greatest <= 0.0 {
            return Self::Linear { greatest: 1.0, step: 0.5 };
        }
        if greatest / least > LINEAR_MAX {
            let decade = |value: f64| 10_f64.powf(value);
            return Self::Logarithmic {
                least: decade(least.log10().floor()),
                greatest: decade(greatest.log10().ceil()),
            };
        }
        let rough = greatest / TICKS_MAX;
        let decade = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * decade);
        let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough);
        Self::Linear { greatest: (greatest / step - 1e-9).ceil() * step, step }
    }

    /// Where a value is: 0 at the axis's begin, 1 at its end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        match self {
            Self::Linear { greatest, .. } => value / greatest,
            Self::Logarithmic { least, greatest } => {
                (value.max(*least).log10() - least.log10()) / (greatest.log10() - least.log10())
            }
        }
    }

    /// What is written beside it.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let (first, last, next): (f64, f64, Box<dyn Fn(f64) -> f64>) = match *self {
            Self::Linear { greatest, step } => (0.0, greatest, Box::new(move |tick| tick + step)),
            Self::Logarithmic { least, greatest } => (least, greatest, Box::new(|tick| tick * 10.0)),
        };
        let ticks = std::iter::successors(Some(first), |tick| Some(next(*tick)));
        ticks.take_while(|tick| *tick <= last * 1.000_001).collect()
    }
}

/// Where each size is on a logarithmic axis from 0 to 1; one of 0 is a decade left of the next.
pub(crate) fn places(sizes: &[u32]) -> Vec<f64> {
    let least = sizes.iter().copied().filter(|size| *size > 0).min().map_or(1.0, f64::from);
    let place = |size: u32| if size == 0 { least.log10() - 1.0 } else { f64::from(size).log10() };
    let places: Vec<f64> = sizes.iter().map(|size| place(*size)).collect();
    let first = places.iter().copied().fold(f64::INFINITY, f64::min);
    let last = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    places.iter().map(|place| if last > first { (place - first) / (last - first) } else { 0.5 }).collect()
}

/// A number as short as it can be read: `0.25`, `64`, `10k`, `1M`; three digits count.
pub(crate) fn label(value: f64) -> String {
    let (scaled, suffix) = match value {
        size if size >= 999_500.0 => (value / 1e6, "M"),
        size if size >= 9_995.0 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = match scaled {
        size if size >= 99.95 => format!("{scaled:.0}"),
        size if size >= 9.995 => format!("{scaled:.1}"),
        size if size >= 0.095 || size == 0.0 => format!("{scaled:.2}"),
        _ => format!("{scaled:.3}"),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_begins_at_zero_unless_the_small_values_would_be_lost() {
        let linear = Scale::over([80.0, 123.0].into_iter());
        assert_eq!(linear, Scale::Linear { greatest: 125.0, step: 25.0 });
        assert_eq!(linear.ticks(), [0.0, 25.0, 50.0, 75.0, 100.0, 125.0]);
        assert!((linear.place(62.5) - 0.5).abs() < 1e-9);

        let wide = Scale::over([3.0, 0.0, 400.0].into_iter());
        assert_eq!(wide.ticks().into_iter().map(label).collect::<Vec<_>>(), ["1", "10", "100", "1000"]);
        assert!((wide.place(10.0) - 1.0 / 3.0).abs() < 1e-9);
        assert!(wide.place(0.0).abs() < 1e-9);
        assert_eq!(Scale::over(std::iter::empty()).ticks(), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn sizes_are_placed_by_their_decades_and_nothing_stands_left_of_the_first() {
        assert_eq!(places(&[0, 10_000, 100_000]), [0.0, 0.5, 1.0]);
        assert_eq!(places(&[1, 1_000]), [0.0, 1.0]);
        assert_eq!(places(&[7]), [0.5]);
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 0.0123, 0.25, 1.5, 64.0, 999.6, 1_000.0, 10_000.0, 123_456.0, 1e6, 1e7];
        let texts = ["0", "0.012", "0.25", "1.5", "64", "1000", "1000", "10k", "123k", "1M", "10M"];
        assert_eq!(numbers.map(label), texts);
    }
}
