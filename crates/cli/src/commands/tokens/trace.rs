//! `toolfront tokens trace`.

mod found_value;
mod tally;

use clap::Args;
use serde::Serialize;
use toolfront_api::{AuditEvent, Token, TokenUsage};
use toolfront_client::{ApiClient, AuditFilter, AuditOrder, WhichToken};
use toolfront_token::has_token_value;

use self::found_value::read_value;
use self::tally::Tally;
use super::record::record_fields;
use super::usage_chart::{DAYS, usage_fields};
use crate::clock;
use crate::commands::audit::{Names, event_line};
use crate::failure::Failure;
use crate::layout;
use crate::session::Invocation;

/// Tell the whole story of a token, or of a value that somebody found: who made it, what it was for, everything it did
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront tokens trace ci\n  toolfront tokens trace < leaked.txt\n  \
                  grep -o 'tf_[0-9A-Za-z]*' build.log | head -n 1 | toolfront tokens trace\n  toolfront tokens trace ci --json | jq .counts\n\n\
                  A value is read from standard input, or asked for, and hashed here: it is never sent, and never an argument, where \
                  other users of the machine could read it.")]
pub(crate) struct Arguments {
    /// Its id, the beginning of its id, its name, or `self`; without it, a value is read from standard input
    #[arg(value_name = "T")]
    token: Option<String>,
}

/// The whole story.
#[derive(Serialize)]
struct Story {
    token: Token,
    /// The value that was found, when it was one that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    usage: TokenUsage,
    counts: Tally,
    events: Vec<AuditEvent>,
}

#[derive(Serialize)]
struct Value {
    generation: u32,
    is_alive: bool,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    if arguments.token.as_deref().is_some_and(is_like_a_value) {
        return Err(Failure::wrong_use(
            "this looks like a token's value, which has no place among the arguments: other users of the machine and the \
             shell's history have it now. Give it on standard input: toolfront tokens trace < FILE",
        ));
    }
    let session = invocation.session()?;
    let client = &session.client;
    let (token, value) = if let Some(text) = &arguments.token {
        (client.token(super::find(client, text).await?.which).await?, None)
    } else {
        let digest = read_value(invocation)?.digest();
        let found = client.find_token(&digest).await.map_err(|error| match error.status() {
            Some(404) => Failure::not_found(
                "no token that you may know of has ever had this value: it is another gateway's, or organization's",
            ),
            _ => error.into(),
        })?;
        let value = Value { generation: found.generation, is_alive: found.is_alive };
        (client.token(WhichToken::Id(found.token.id)).await?, Some(value))
    };
    let story = Story::of(client, token, value).await?;
    if invocation.printer.is_json() {
        return invocation.printer.json(&story);
    }
    let text = story.told(client).await;
    invocation.printer.result(text)
}

/// Whether somebody may have meant it as a value. A name of a token may begin so, and is short.
fn is_like_a_value(text: &str) -> bool {
    const LONG: usize = 20;
    has_token_value(text) || text.trim_start().starts_with("tf_") && text.len() >= LONG
}

impl Story {
    async fn of(client: &ApiClient, token: Token, value: Option<Value>) -> Result<Self, Failure> {
        let filter = AuditFilter { token: Some(token.id), ..AuditFilter::default() };
        let mut events = client.audit_events(&filter, AuditOrder::NewestFirst, usize::MAX).await?;
        events.reverse();
        let usage = client.token_usage(token.id, DAYS).await?;
        let counts = Tally::of(token.id, &events);
        Ok(Self { token, value, usage, counts, events })
    }

    async fn told(&self, client: &ApiClient) -> String {
        let mut fields = record_fields(&self.token);
        fields.extend(usage_fields(&self.usage, clock::now()));
        if let Some(value) = &self.value {
            let alive = if value.is_alive { "ALIVE: a request with it is let in" } else { "dead" };
            let uses = usize::try_from(value.generation)
                .ok()
                .and_then(|place| self.token.usage_by_generation.get(place.checked_sub(1)?));
            let uses = usize::try_from(uses.copied().unwrap_or_default()).unwrap_or(usize::MAX);
            let uses = layout::count(uses, "use", "uses");
            fields.push((
                "this value",
                format!("generation {} of {}, {uses}, {alive}", value.generation, self.token.generation),
            ));
        }
        let mut names = Names::default();
        let mut text = layout::fields(&fields);
        text.push_str("\n\n");
        for event in &self.events {
            names.learn(client, event).await;
            text.push_str(&event_line(event, &names));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.counts.told());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_value_is_told_from_a_name() {
        for text in [
            "tf_0000000000000000000000000000000000000000",
            " tf_aaaaaaaaaaaaaaaaaaaaaa",
            "tf_a-mistyped-value-of-a-token",
        ] {
            assert!(is_like_a_value(text), "{text}");
        }
        for text in ["ci", "tok-k5x2mq7abcde", "tf_ci", "self"] {
            assert!(!is_like_a_value(text), "{text}");
        }
    }
}
