//! The copy in memory of what the store holds: what requests are judged by.

mod catalogue;
mod token_index;

use std::sync::Arc;

use toolfront_store::{Change, ChangeSink, CommitReport};

pub(crate) use self::catalogue::{Catalogue, Environment};
pub(crate) use self::token_index::TokenIndex;
use crate::metrics::Metrics;
use crate::runs::Runs;

/// Changed by nothing but the store's changes, in their order.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) tokens: TokenIndex,
    pub(crate) environments: Catalogue,
    runs: Runs,
    metrics: Arc<Metrics>,
}

impl Memory {
    /// Empty; the commands of a token that changes are told so.
    pub(crate) fn new(runs: Runs, metrics: Arc<Metrics>) -> Self {
        Self { tokens: TokenIndex::default(), environments: Catalogue::default(), runs, metrics }
    }
}

impl ChangeSink for Memory {
    fn apply(&self, change: &Change) {
        match change {
            Change::Token(record) => {
                self.tokens.put(record);
                self.runs.reconsider(record.id());
            }
            Change::Environment(record) => self.environments.put(record),
            Change::EnvironmentDeleted(id) => self.environments.remove(*id),
        }
    }

    fn committed(&self, report: CommitReport) {
        self.metrics.committed(report);
    }
}
