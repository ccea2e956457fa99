//! The use of a token, as a row of bars.

use toolfront_api::TokenUsage;
use toolfront_token::Timestamp;

use crate::layout::moment;

/// How many days the chart shows.
pub(super) const DAYS: u16 = 30;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NOTHING: char = '·';

/// The fields that tell of a token's use: a bar for each day, and from where it was used.
pub(super) fn usage_fields(usage: &TokenUsage, now: Timestamp) -> Vec<(&'static str, String)> {
    let counts = counts(usage, now);
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let bars: String = counts.iter().map(|(_, count)| bar(*count, most)).collect();
    let mut fields = Vec::new();
    if let (Some((first, _)), Some((last, _))) = (counts.first(), counts.last()) {
        fields.push(("by day", bars));
        fields.push(("", format!("{first} to {last}, {most} a day at the most")));
    }
    for (from, name) in usage.addresses.iter().zip(["addresses", "", "", "", ""]) {
        let with = from.user_agent.as_deref().map(|agent| format!(" with {agent}")).unwrap_or_default();
        fields.push((name, format!("{}, last {}{with}", from.address, moment(&from.last_used_at))));
    }
    fields
}

/// Each day up to today, and its uses for all environments.
fn counts(usage: &TokenUsage, now: Timestamp) -> Vec<(String, u64)> {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    let days = (0..i64::from(DAYS)).rev().map(|ago| {
        let at = Timestamp::from_micros(now.micros().saturating_sub(ago * DAY)).to_string();
        let date = at.split_once('T').map_or(at.clone(), |(date, _)| date.to_owned());
        let of_day = usage.days.iter().filter(|day| day.date == date);
        let count = of_day.map(|day| day.count).sum();
        (date, count)
    });
    days.collect()
}

/// A bar as high as its part of the most; what is more than nothing always shows.
fn bar(count: u64, most: u64) -> char {
    if count == 0 || most == 0 {
        return NOTHING;
    }
    let eighths = u128::from(count) * 8 / u128::from(most);
    let place = usize::try_from(eighths.saturating_sub(1)).unwrap_or_default();
    BARS.get(place).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use toolfront_api::DayUsage;

    use super::*;

    #[test]
    fn a_day_is_as_high_as_its_part_of_the_most() {
        let now = Timestamp::from_micros(1_800_000_000_000_000); // 2027-01-15T08:00:00Z
        let day = |date: &str, environment: Option<&str>, count| DayUsage {
            date: date.to_owned(),
            environment_id: environment.map(str::to_owned),
            count,
        };
        let days = vec![
            day("2026-12-16", None, 999), // the day before the first that is shown
            day("2026-12-17", None, 1),
            day("2027-01-14", Some("a"), 30),
            day("2027-01-14", Some("b"), 50),
            day("2027-01-15", None, 40),
        ];
        let fields = usage_fields(&TokenUsage { days, addresses: Vec::new() }, now);
        let days = "·".repeat(27);
        assert_eq!(
            fields,
            [
                ("by day", format!("▁{days}·█▄").replacen("·", "", 1)),
                ("", "2026-12-17 to 2027-01-15, 80 a day at the most".to_owned()),
            ]
        );
    }
}
