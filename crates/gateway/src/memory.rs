//! The copy in memory of what the store holds: what requests are judged by.

mod catalogue;
mod token_index;

use std::sync::{Arc, OnceLock};

use toolfront_store::{Change, ChangeSink, CommitReport, EnvironmentRecord, Lease};
use toolfront_token::{Credential, EnvId, TokenDigest};

use self::catalogue::Catalogue;
pub(crate) use self::catalogue::Environment;
use self::token_index::TokenIndex;
use crate::metrics::Metrics;
use crate::runs::Runs;

/// Changed by nothing but the store's changes, in their order. Requests are judged by it through [`Memory::trusted`]
/// alone: what other gateways have changed may not have come here yet.
#[derive(Debug)]
pub(crate) struct Memory {
    tokens: TokenIndex,
    environments: Catalogue,
    lease: OnceLock<Lease>,
    runs: Runs,
    metrics: Arc<Metrics>,
}

/// What is in memory, for a request that had arrived when it could be relied on: all that had been answered to anybody
/// by then is in it, and what is looked up later is newer still.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trusted<'m>(&'m Memory);

/// Other gateways may have ended tokens that are still in memory here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this gateway has lost touch with the database that it shares with others and can't tell what is still allowed"
)]
pub(crate) struct LeaseLost;

impl Memory {
    /// Empty; the commands of a token that changes are told so.
    pub(crate) fn new(runs: Runs, metrics: Arc<Metrics>) -> Self {
        let (tokens, environments, lease) = Default::default();
        Self { tokens, environments, lease, runs, metrics }
    }

    /// From now on it is trusted while this lease is held; before, never. The first lease stays.
    pub(crate) fn trust_while_held(&self, lease: Lease) {
        self.lease.get_or_init(|| lease);
    }

    /// Whether requests may be judged by it at this moment.
    pub(crate) fn is_trusted(&self) -> bool {
        self.lease.get().is_some_and(Lease::is_held)
    }

    /// The way to all look-ups for a request. To be asked for after the request has arrived, and never kept for
    /// another one.
    ///
    /// # Errors
    /// [`LeaseLost`] when it can't be relied on at this moment.
    pub(crate) fn trusted(&self) -> Result<Trusted<'_>, LeaseLost> {
        if self.is_trusted() { Ok(Trusted(self)) } else { Err(LeaseLost) }
    }

    /// The environment and the token's value of a command that is under way, as they are known here: for what can end
    /// it. Nothing new may be allowed by it.
    pub(crate) fn of_run<T>(
        &self,
        environment: EnvId,
        value: &TokenDigest,
        with: impl FnOnce(&Credential) -> T,
    ) -> (Option<Arc<Environment>>, Option<T>) {
        (self.environments.by_id(environment), self.tokens.find(value, with))
    }

    /// How many environments there are.
    pub(crate) fn environment_count(&self) -> usize {
        self.environments.count()
    }

    /// The place for the release that was just made, if it is still the environment's; that spares reading it back.
    pub(crate) fn place_for_release(&self, made: &EnvironmentRecord) -> Option<Arc<Environment>> {
        let environment = self.environments.by_id(made.id)?;
        // Another release may have been made meanwhile.
        (environment.record.release == made.release).then_some(environment)
    }
}

impl<'m> Trusted<'m> {
    /// Every value of every token.
    pub(crate) fn tokens(self) -> &'m TokenIndex {
        &self.0.tokens
    }

    /// Every environment.
    pub(crate) fn environments(self) -> &'m Catalogue {
        &self.0.environments
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
            Change::RunsEnded(token) => self.runs.end(*token),
        }
    }

    fn committed(&self, report: CommitReport) {
        self.metrics.committed(report);
    }
}
