//! A token's record as a list of fields.

use toolfront_api::{IssuedToken, Token, TokenStatus};

use crate::failure::Failure;
use crate::layout::{self, moment};
use crate::printer::Printer;

/// The value alone on standard output and the record on standard error; or the whole answer as JSON.
pub(super) fn print_issued(printer: Printer, issued: IssuedToken) -> Result<(), Failure> {
    if printer.is_json() {
        return printer.json(&issued);
    }
    printer.say(layout::fields(&record_fields(&issued.record)));
    printer.say("The value follows. It is shown this once: keep it where only its user can read it.");
    printer.value(&issued.token.into_secret())
}

/// What a person wants to know of a token.
pub(crate) fn record_fields(token: &Token) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("id", token.id.to_string()),
        ("name", token.name.clone()),
        ("scope", token.scope.clone()),
        ("status", status(token.status).to_owned()),
        ("environments", environments(token)),
        ("expires", token.expires_at.as_deref().map_or_else(|| "never".to_owned(), moment)),
        ("value", format!("tf_…{}, generation {}", token.hint, token.generation)),
        ("created", format!("{} by {}", moment(&token.created_at), token.created_by)),
        ("used", used(token)),
    ];
    if token.usage_by_generation.len() > 1 {
        let counts = token.usage_by_generation.iter().zip(1..);
        let counts: Vec<String> =
            counts.map(|(count, generation)| format!("{generation}: {count}")).collect();
        fields.push(("used by generation", counts.join(", ")));
    }
    if let Some(rotated) = &token.rotated_at {
        fields.push(("rotated", moment(rotated)));
    }
    if let Some(revoked) = &token.revoked_at {
        let by = token.revoked_by.as_deref().unwrap_or("-");
        let reason =
            token.revocation_reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        fields.push(("revoked", format!("{} by {by}{reason}", moment(revoked))));
    }
    fields
}

/// The environments of a token. None is said to be none, and never looks like all.
pub(super) fn environments(token: &Token) -> String {
    let Some(ids) = &token.allowed_environments else { return "all".to_owned() };
    if ids.is_empty() {
        return "none".to_owned();
    }
    let named = ids.iter().map(|id| match token.environments.iter().find(|named| named.id == *id) {
        Some(named) if named.deleted => format!("{} (deleted)", named.name),
        Some(named) => named.name.clone(),
        None => id.to_string(),
    });
    named.collect::<Vec<_>>().join(", ")
}

pub(super) fn status(status: TokenStatus) -> &'static str {
    match status {
        TokenStatus::Active => "active",
        TokenStatus::Expired => "expired",
        TokenStatus::Revoked => "revoked",
    }
}

fn used(token: &Token) -> String {
    let times = layout::count(usize::try_from(token.usage_count).unwrap_or(usize::MAX), "time", "times");
    let Some(last) = &token.last_used_at else { return times };
    let mut text = format!("{times}, last {}", moment(last));
    for (word, value) in [(" from ", &token.last_used_ip), (" with ", &token.last_used_user_agent)] {
        if let Some(value) = value {
            text.push_str(word);
            text.push_str(value);
        }
    }
    text
}
