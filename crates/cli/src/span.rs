//! Spans of time as people type them.

use std::time::Duration;

/// A text that is no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSpan {
    /// It is written in another way.
    #[error("not a span of time: write it as 45m, 12h, 30d or 2w")]
    Form,
    /// It is longer than can be counted with.
    #[error("the span is too long")]
    TooLong,
}

/// Reads `90s`, `45m` (minutes), `12h`, `30d` or `2w`; `0` needs no unit.
pub(crate) fn parse(text: &str) -> Result<Duration, InvalidSpan> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(InvalidSpan::Form)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(InvalidSpan::Form),
    };
    if number.is_empty() {
        return Err(InvalidSpan::Form);
    }
    // A thousand years are beyond any use, and far from where counting in microseconds ends.
    let number: u64 = number.parse().map_err(|_| InvalidSpan::TooLong)?;
    let total = number.checked_mul(seconds).filter(|total| *total <= 1000 * 366 * 24 * 60 * 60);
    total.map(Duration::from_secs).ok_or(InvalidSpan::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_their_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("45m", 2700),
            ("12h", 43_200),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("0", 0),
            ("0d", 0),
            (" 1h ", 3600),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "30", "d", "-1d", "+1d", "1.5h", "30 d", "30D", "1d12h", "1y", "٣d", "never", "1ü"]
        {
            assert_eq!(parse(text), Err(InvalidSpan::Form), "{text}");
        }
        for text in ["99999999999999999999d", "18446744073709551615w", "400000d"] {
            assert_eq!(parse(text), Err(InvalidSpan::TooLong), "{text}");
        }
    }
}
