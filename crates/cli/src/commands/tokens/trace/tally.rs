//! How often what happened: by action, page, command, address and reason of a refusal.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use toolfront_api::AuditEvent;
use toolfront_token::TokenId;

use crate::commands::audit::command_line;
use crate::layout;

/// As many as a person reads; JSON has them all.
const SHOWN: usize = 20;

/// How often what happened.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    actions: BTreeMap<String, u64>,
    refusals: BTreeMap<String, u64>,
    pages: BTreeMap<String, u64>,
    commands: BTreeMap<String, u64>,
    addresses: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts what is in the events. Pages, commands and addresses are those of the token itself, and not of who
    /// administered it.
    pub(super) fn of(token: TokenId, events: &[AuditEvent]) -> Self {
        let token = token.to_string();
        let mut tally = Self::default();
        for event in events {
            let several = ["page.read", "run.refuse", "api.call", "access.deny", "token.reuse"];
            let count = event.detail.get("count").and_then(Value::as_u64);
            let count = count.filter(|_| several.contains(&event.action.as_str())).unwrap_or(1);
            let add = |counts: &mut BTreeMap<String, u64>, what: &str| {
                *counts.entry(what.to_owned()).or_default() += count;
            };
            add(&mut tally.actions, &event.action);
            if event.token_id.as_deref() != Some(token.as_str()) {
                continue;
            }
            if event.outcome != "allowed" {
                add(&mut tally.refusals, &event.outcome);
            }
            // The end of a run is its begin once more.
            if event.action == "run.end" {
                continue;
            }
            if let Some(page) = event.detail.get("page").and_then(Value::as_str) {
                add(&mut tally.pages, page);
            }
            if event.detail.get("command").is_some() {
                add(&mut tally.commands, &command_line(&event.detail));
            }
            if let Some(address) = &event.address {
                add(&mut tally.addresses, address);
            }
        }
        tally
    }

    /// As a table, what was most often first.
    pub(super) fn told(&self) -> String {
        let groups = [
            ("actions", &self.actions),
            ("refusals", &self.refusals),
            ("pages", &self.pages),
            ("commands", &self.commands),
            ("addresses", &self.addresses),
        ];
        let mut rows = Vec::new();
        for (name, counts) in groups {
            let mut sorted: Vec<_> = counts.iter().collect();
            sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let mut name = name;
            for (what, count) in sorted.iter().take(SHOWN) {
                rows.push(vec![std::mem::take(&mut name).to_owned(), (*what).clone(), count.to_string()]);
            }
            if sorted.len() > SHOWN {
                rows.push(vec![String::new(), format!("and {} more", sorted.len() - SHOWN), String::new()]);
            }
        }
        layout::table(&["COUNTED", "", "TIMES"], rows)
    }
}
