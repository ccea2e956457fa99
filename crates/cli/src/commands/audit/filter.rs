//! Which events are meant, as people type it.

use clap::Args;
use toolfront_client::{ApiClient, AuditFilter, TokenReference, WhichToken};
use toolfront_token::Timestamp;

use crate::clock;
use crate::failure::Failure;
use crate::span;

// No doc comment: clap would take it as what the command is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct FilterArguments {
    /// What a token did, and what became of it; by its id, the beginning of its id, its name, or `self`
    #[arg(long, value_name = "T")]
    token: Option<String>,
    /// What was for an environment, by its id or name
    #[arg(long = "env", value_name = "E")]
    environment: Option<String>,
    /// An action, such as run.begin, or all of a noun: run, page, token, environment, secret, api, access
    #[arg(long, value_name = "A")]
    action: Option<String>,
    /// Outcomes, divided by commas: allowed, refused, invalid, expired, revoked, rotated, scope, environment; or denied for the
    /// last six
    #[arg(long, value_name = "O")]
    outcome: Option<String>,
    /// From then on: a span back from now (24h, 30d), an instant (2030-01-31T12:00:00Z) or a date
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Before then, in the same forms
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

impl FilterArguments {
    /// What to ask the gateway for.
    pub(super) async fn resolve(self, client: &ApiClient) -> Result<AuditFilter, Failure> {
        let token = match self.token {
            None => None,
            Some(text) => {
                let found = TokenReference::parse(&text)?.find(client).await?;
                Some(match found.which {
                    WhichToken::Id(id) => id,
                    WhichToken::Own => client.token(WhichToken::Own).await?.id,
                })
            }
        };
        // An action has a dot in it; a word without one is a noun.
        let action = self.action.map(|action| if action.contains('.') { action } else { action + "." });
        let now = clock::now();
        Ok(AuditFilter {
            token,
            environment: self.environment,
            action,
            outcome: self.outcome,
            since: self.since.map(|text| instant(text, now)),
            until: self.until.map(|text| instant(text, now)),
        })
    }
}

/// A span back from now as an instant; everything else as it is: the gateway reads it.
pub(super) fn instant(text: String, now: Timestamp) -> String {
    let Ok(span) = span::parse(&text) else { return text };
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(micros).max(0)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_counts_back_from_now() {
        let now = Timestamp::from_micros(1_800_000_000_000_000); // 2027-01-15T08:00:00Z
        assert_eq!(instant("24h".to_owned(), now), "2027-01-14T08:00:00Z");
        assert_eq!(instant("2027-01-01".to_owned(), now), "2027-01-01");
        assert_eq!(instant("52000w".to_owned(), now), "1970-01-01T00:00:00Z");
    }
}
