//! Two things measured alternately: A B, B A, A B, …, so that whatever else the machine does meets both.

use serde_json::{Value, json};

/// What was measured of both, pair by pair.
#[derive(Clone, Debug)]
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// What was measured alternately.
    pub(crate) fn of(pairs: Vec<(f64, f64)>) -> Self {
        Self(pairs)
    }

    pub(crate) fn ours(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.0))
    }

    pub(crate) fn other(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.1))
    }

    /// The median of the pairs' ratios, the least and the greatest.
    pub(crate) fn ratio(&self) -> (f64, f64, f64) {
        let ratios = sorted(self.0.iter().map(|(ours, other)| ours / other));
        let edge = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        (median(ratios.iter().copied()), edge(ratios.first()), edge(ratios.last()))
    }

    pub(crate) fn json(&self) -> Value {
        self.0.iter().map(|(ours, other)| json!([ours, other])).collect()
    }
}

/// Measures `ours` and `other` so many times each, changing which of them comes first.
pub(crate) fn alternate<S, T>(
    count: u32,
    state: &mut S,
    ours: impl Fn(&mut S) -> anyhow::Result<T>,
    other: impl Fn(&mut S) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(T, T)>> {
    let mut pairs = Vec::new();
    for pair in 0..count {
        pairs.push(if pair % 2 == 0 {
            let ours = ours(state)?;
            (ours, other(state)?)
        } else {
            let other = other(state)?;
            (ours(state)?, other)
        });
    }
    Ok(pairs)
}

/// The middle one; between both when there are two.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let sorted = sorted(values);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    match sorted.len() {
        0 => f64::NAN,
        count => f64::midpoint(at((count - 1) / 2), at(count / 2)),
    }
}

/// The least first.
pub(crate) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_come_first_as_often_and_the_median_is_of_the_ratios() {
        let mut order = Vec::new();
        let pairs = alternate(
            3,
            &mut order,
            |order| {
                order.push('a');
                Ok(f64::from(u32::try_from(order.len())?))
            },
            |order| {
                order.push('b');
                Ok(2.0)
            },
        )
        .unwrap();
        assert_eq!(order, ['a', 'b', 'b', 'a', 'a', 'b']);
        assert_eq!(Pairs::of(pairs).ratio(), (2.0, 0.5, 2.5));
        assert!((median([1.0, 3.0].into_iter()) - 2.0).abs() < f64::EPSILON);
    }
}
