//! When a token is to end, as people type it.

use std::str::FromStr;

use toolfront_token::{Expiry, InvalidExpiry, Timestamp};

use crate::failure::Failure;
use crate::span::{self, InvalidSpan};

/// When a token is to end, as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expires {
    /// So long from now.
    After(std::time::Duration),
    /// At this instant.
    At(Timestamp),
    /// Not at all.
    Never,
}

/// A text that says no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time: write a span such as 45m, 12h, 30d or 2w, an instant such as 2030-01-31T12:00:00Z, or a date such as 2030-01-31 (the end of that day, UTC)"
)]
pub(crate) struct InvalidExpires;

impl FromStr for Expires {
    type Err = InvalidExpires;

    fn from_str(text: &str) -> Result<Self, InvalidExpires> {
        if text == "never" {
            return Ok(Self::Never);
        }
        match (span::parse(text), Expiry::parse(text)) {
            (Ok(span), _) => Ok(Self::After(span)),
            (Err(InvalidSpan::Form | InvalidSpan::TooLong), Ok(Expiry::At(instant))) => Ok(Self::At(instant)),
            (Err(_), Ok(Expiry::Never) | Err(InvalidExpiry)) => Err(InvalidExpires),
        }
    }
}

impl Expires {
    /// The end as an instant; `None` for none.
    ///
    /// # Errors
    /// When it is not after `now`.
    pub(crate) fn resolve(self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let end = match self {
            Self::Never => return Ok(None),
            Self::At(instant) => instant,
            Self::After(span) => now.plus(span),
        };
        if end <= now {
            return Err(Failure::wrong_use(format!("--expires {end} is not in the future: it is {now} now")));
        }
        Ok(Some(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000); // 2027-01-15T08:00:00Z

    fn resolved(text: &str) -> Result<Option<String>, String> {
        let expires: Expires = text.parse().map_err(|error: InvalidExpires| error.to_string())?;
        let end = expires.resolve(NOW).map_err(|failure| failure.message().to_owned())?;
        Ok(end.map(|end| end.to_string()))
    }

    #[test]
    fn spans_count_from_now_and_dates_end_with_their_day() {
        assert_eq!(resolved("12h"), Ok(Some("2027-01-15T20:00:00Z".to_owned())));
        assert_eq!(resolved("30d"), Ok(Some("2027-02-14T08:00:00Z".to_owned())));
        assert_eq!(resolved("2027-01-15"), Ok(Some("2027-01-16T00:00:00Z".to_owned())));
        assert_eq!(resolved("2027-01-15T10:00:00+01:00"), Ok(Some("2027-01-15T09:00:00Z".to_owned())));
        assert_eq!(resolved("2030-01-31T12:00:00"), Ok(Some("2030-01-31T12:00:00Z".to_owned())));
        assert_eq!(resolved("never"), Ok(None));
    }

    #[test]
    fn what_is_past_or_no_time_is_refused() {
        for text in ["0", "0d", "2027-01-15T08:00:00Z", "2020-01-01"] {
            assert!(resolved(text).unwrap_err().contains("is not in the future"), "{text}");
        }
        for text in ["", "soon", "30", "2027-13-01", "-1d", "Never"] {
            assert!(resolved(text).unwrap_err().starts_with("not a time"), "{text}");
        }
    }
}
