//! An event as a line for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use toolfront_api::AuditEvent;

use super::names::Names;
use crate::layout::{line, moment};

const DENIED: Style = AnsiColor::Red.on_default();
const REFUSED: Style = AnsiColor::Yellow.on_default();
const ALLOWED: Style = AnsiColor::Green.on_default();
/// The most characters of what happened.
const WHAT_MAX: usize = 200;

/// When, who, what, where, the outcome, from which address, and the particulars.
pub(crate) fn event_line(event: &AuditEvent, names: &Names) -> String {
    let who = match (&event.token_id, &event.address) {
        (Some(id), _) => names.of(id),
        (None, Some(_)) => "nobody",
        (None, None) => "gateway",
    };
    let environment = event.environment_id.as_deref().map_or("-", |id| names.of(id));
    let style = match event.outcome.as_str() {
        "allowed" => ALLOWED,
        "refused" => REFUSED,
        _ => DENIED,
    };
    let text = format!(
        "{:<20}  {:<18}  {:<18}  {:<14}  {style}{:<11}{style:#}  {:<15}  {}",
        moment(&event.at),
        line(who),
        line(&event.action),
        line(environment),
        line(&event.outcome),
        line(event.address.as_deref().unwrap_or("-")),
        line(&describe(event, names)),
    );
    text.trim_end().to_owned()
}

/// The particulars of an event, in short.
fn describe(event: &AuditEvent, names: &Names) -> String {
    let detail = &event.detail;
    let text = |name: &str| detail.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| detail.get(name).and_then(Value::as_u64);
    let mut told = match event.action.as_str() {
        "page.read" | "run.refuse" => text("page").to_owned(),
        "run.begin" => format!("{}: {}", text("page"), command_line(detail)),
        "run.end" => ended(detail),
        "api.call" | "access.deny" | "token.reuse" => format!("{} {}", text("method"), text("path")),
        "access.omit" => "denials that were too many to be told".to_owned(),
        action if action.starts_with("token.") => {
            let subject = event.subject_id.as_deref().map(|id| names.of(id)).unwrap_or_default();
            let rest = pairs(detail, &["name"]);
            if rest.is_empty() { subject.to_owned() } else { format!("{subject}: {rest}") }
        }
        _ => pairs(detail, &[]),
    };
    if let Some(status) = number("status").filter(|status| *status != 200) {
        let _ = write!(told, " ({status})");
    }
    if let Some(count) = number("count").filter(|count| *count > 1 && event.action != "audit.prune") {
        let _ = write!(told, " ×{count}");
    }
    match told.char_indices().nth(WHAT_MAX) {
        Some((end, _)) => format!("{}…", told.get(..end).unwrap_or_default()),
        None => told,
    }
}

/// The words of a command, quoted where that makes a difference.
pub(crate) fn command_line(detail: &Value) -> String {
    let words = detail.get("command").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let plain = |letter: char| letter.is_alphanumeric() || "-_./=:@%+,$*".contains(letter);
    let quoted = words.iter().filter_map(Value::as_str).map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn ended(detail: &Value) -> String {
    let outcome = detail.get("outcome").unwrap_or(&Value::Null);
    let told = match (outcome.get("exited").and_then(Value::as_i64), outcome.as_str()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(word)) => word.replace('_', " "),
        (None, None) => "ended".to_owned(),
    };
    let number = |name: &str| detail.get(name).and_then(Value::as_u64).unwrap_or_default();
    format!("{told} after {} ms (began with {})", number("duration_ms"), number("begin"))
}

/// Members as `name value`, all that is not left out and not null.
fn pairs(detail: &Value, left_out: &[&str]) -> String {
    let Some(members) = detail.as_object() else { return String::new() };
    let told = members
        .iter()
        .filter(|(name, value)| !value.is_null() && *name != "count" && !left_out.contains(&name.as_str()));
    let told = told.map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        Value::Object(_) => pairs(value, left_out),
        Value::Array(all) => {
            let texts: Vec<_> =
                all.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
            format!("{name} {}", texts.join(" "))
        }
        other => format!("{name} {other}"),
    });
    told.filter(|pair| !pair.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(action: &str, detail: Value) -> AuditEvent {
        AuditEvent {
            v: 1,
            sequence: 7,
            at: "2026-11-24T07:24:45.321803Z".to_owned(),
            action: action.to_owned(),
            outcome: "allowed".to_owned(),
            organization_id: "org-aaaaaaaaaaab".to_owned(),
            token_id: Some("tok-aaaaaaaaaaac".to_owned()),
            generation: Some(1),
            subject_id: None,
            environment_id: None,
            address: Some("192.0.2.1".to_owned()),
            user_agent: None,
            request_id: None,
            uses: 1,
            detail,
            hash: None,
        }
    }

    #[test]
    fn what_happened_is_told_in_short() {
        let names = Names::default();
        for (action, detail, told) in [
            (
                "page.read",
                json!({ "page": "README.md", "status": 200, "count": 3, "bytes": 9 }),
                "README.md ×3",
            ),
            ("page.read", json!({ "page": "x", "status": 404, "count": 1 }), "x (404)"),
            (
                "run.begin",
                json!({ "page": "a.md", "command": ["grep", "it's", "f"] }),
                "a.md: grep 'it'\\''s' f",
            ),
            (
                "run.end",
                json!({ "begin": 5, "outcome": { "exited": 3 }, "duration_ms": 12 }),
                "exit 3 after 12 ms (began with 5)",
            ),
            (
                "run.end",
                json!({ "begin": 5, "outcome": "timed_out", "duration_ms": 1 }),
                "timed out after 1 ms (began with 5)",
            ),
            ("secret.set", json!({ "name": "KEY" }), "name KEY"),
            ("token.create", json!({ "grant": { "scope": "read", "expires_at": null } }), ": scope read"),
        ] {
            assert_eq!(describe(&event(action, detail), &names), told);
        }
    }

    #[test]
    fn nothing_that_a_client_sent_moves_the_cursor() {
        let line = event_line(&event("page.read", json!({ "page": "\u{1b}[2J\n" })), &Names::default());
        let plain = anstream::adapter::strip_str(&line).to_string();
        assert!(plain.contains("\\u{1b}[2J\\n") && !plain.contains('\n'), "{plain}");
    }
}
