//! How near two names are: how many edits make one of the other.

/// Names longer than this, in characters, are near nothing: the work for a request that finds nothing stays bounded.
const CHARACTERS_MAX: usize = 64;

/// The candidates nearest to `wanted`, the nearest first, at most `count`.
pub(crate) fn nearest<'c>(
    wanted: &str,
    candidates: impl Iterator<Item = &'c str>,
    count: usize,
) -> Vec<&'c str> {
    let wanted: Vec<char> = wanted.chars().take(CHARACTERS_MAX + 1).flat_map(char::to_lowercase).collect();
    let edits_max = (wanted.len() / 3).max(2);
    let mut near: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| {
            let stem = candidate.strip_suffix(".md").unwrap_or(candidate);
            let edits = edits(&wanted, candidate, edits_max)
                .into_iter()
                .chain(edits(&wanted, stem, edits_max))
                .min()?;
            Some((edits, candidate))
        })
        .collect();
    near.sort_unstable();
    near.truncate(count);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The Levenshtein distance, if it is at most `edits_max`.
fn edits(wanted: &[char], candidate: &str, edits_max: usize) -> Option<usize> {
    let candidate: Vec<char> =
        candidate.chars().take(CHARACTERS_MAX + 1).flat_map(char::to_lowercase).collect();
    if wanted.len() > CHARACTERS_MAX
        || candidate.len() > CHARACTERS_MAX
        || wanted.len().abs_diff(candidate.len()) > edits_max
    {
        return None;
    }
    let mut row: Vec<usize> = (0..=candidate.len()).collect();
    for (line, from) in wanted.iter().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (above, to) in row.iter().skip(1).zip(&candidate) {
            left = (diagonal + usize::from(from != to)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().filter(|edits| *edits <= edits_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(edits(&chars("kitten"), "sitting", 3), Some(3));
        assert_eq!(edits(&chars("kitten"), "sitting", 2), None);
        assert_eq!(edits(&chars(""), "", 2), Some(0));
        assert_eq!(edits(&chars("ab"), "ba", 2), Some(2));
    }

    #[test]
    fn the_nearest_come_first_and_the_far_not_at_all() {
        let names = ["orders.md", "order.md", "invoices.md", "readme.md"];
        assert_eq!(nearest("ordrs", names.into_iter(), 5), ["orders.md", "order.md"]);
        assert!(nearest(&"x".repeat(500), names.into_iter(), 5).is_empty());
    }
}
