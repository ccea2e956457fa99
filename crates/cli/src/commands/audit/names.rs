//! What the ids in events are called.

use std::collections::{BTreeMap, BTreeSet};

use toolfront_api::AuditEvent;
use toolfront_client::{ApiClient, TokenFilter};

/// For more tokens than this ids have to do.
const TOKENS_MAX: usize = 10_000;

/// The names of tokens and environments.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: BTreeMap<String, String>,
    asked_for: BTreeSet<String>,
}

impl Names {
    /// Learns the names that an event needs, if they can be learned.
    pub(crate) async fn learn(&mut self, client: &ApiClient, event: &AuditEvent) {
        let mut is_new = false;
        for id in [&event.token_id, &event.subject_id, &event.environment_id].into_iter().flatten() {
            is_new |= !self.names.contains_key(id) && self.asked_for.insert(id.clone());
        }
        if !is_new {
            return;
        }
        // Without names ids are shown: no reason to show nothing.
        let everything = TokenFilter { only_active: false, limit: TOKENS_MAX, ..TokenFilter::default() };
        if let Ok((tokens, _)) = client.tokens(&everything).await {
            self.names.extend(tokens.into_iter().map(|token| (token.id.to_string(), token.name)));
        }
        if let Ok(environments) = client.environments().await {
            let named = environments.into_iter().map(|one| (one.id.to_string(), one.name));
            self.names.extend(named);
        }
    }

    /// What an id is called; itself when that is not known.
    pub(crate) fn of<'n>(&'n self, id: &'n str) -> &'n str {
        self.names.get(id).map_or(id, String::as_str)
    }
}
