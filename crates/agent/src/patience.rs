//! How often and after which waits a provider is asked again.

use std::time::Duration;

use crate::chat_model::ModelError;

/// How often and after which waits a provider is asked again, when it is too busy or the connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often it is asked in all.
    pub attempts: u32,
    /// The wait before the second time; it doubles with each.
    pub first_wait: Duration,
    /// No wait is longer. A provider that asks for a longer one is not asked again.
    pub wait_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_secs(1), wait_max: Duration::from_mins(1) }
    }
}

impl Patience {
    /// How long to wait after the `attempt`th failure; `None` to give up.
    pub(crate) fn after(&self, attempt: u32, error: &ModelError) -> Option<Duration> {
        if attempt >= self.attempts || !error.is_transient() {
            return None;
        }
        if let ModelError::Busy { retry_after: Some(wanted), .. } = error {
            return (*wanted <= self.wait_max).then_some(*wanted);
        }
        let doubled = self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        Some(doubled.min(self.wait_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(retry_after: Option<u64>) -> ModelError {
        let retry_after = retry_after.map(Duration::from_secs);
        ModelError::Busy { model: "m".to_owned(), status: Some(429), message: String::new(), retry_after }
    }

    #[test]
    fn waits_double_and_the_providers_word_counts() {
        let patience = Patience::default();
        let waits: Vec<_> = (1..=5).map(|attempt| patience.after(attempt, &busy(None))).collect();
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(waits, [seconds(1), seconds(2), seconds(4), seconds(8), None]);
        assert_eq!(patience.after(1, &busy(Some(7))), seconds(7));
        assert_eq!(patience.after(1, &busy(Some(3600))), None);
        let refused = ModelError::Refused { model: String::new(), status: Some(400), message: String::new() };
        assert_eq!(patience.after(1, &refused), None);
    }
}
