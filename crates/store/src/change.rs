//! What a commit changed, for whoever keeps a copy in memory.

use std::sync::Arc;
use std::time::Duration;

use toolfront_token::{EnvId, TokenId, TokenRecord};

use crate::database::Connection;
use crate::environments::{self, EnvironmentRecord};
use crate::error::StoreError;
use crate::tokens;

/// One thing as it is after a commit.
#[derive(Clone, Debug)]
pub enum Change {
    /// A token was made, rotated, first used or revoked.
    Token(Arc<TokenRecord>),
    /// An environment was made or changed.
    Environment(Arc<EnvironmentRecord>),
    /// An environment is gone.
    EnvironmentDeleted(EnvId),
    /// The commands that a token runs are to end, wherever they run.
    RunsEnded(TokenId),
}

/// How much was handed to a sink at the beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) tokens: u64,
    /// Those that are not deleted.
    pub(crate) environments: u64,
}

/// Hands everything that is kept in memory to a sink.
pub(crate) fn load(connection: &Connection, sink: &dyn ChangeSink) -> Result<Loaded, StoreError> {
    let tokens = tokens::load(connection, &mut |record| sink.apply(&Change::Token(record.into())))?;
    let environments =
        environments::load(connection, &mut |record| sink.apply(&Change::Environment(record.into())))?;
    Ok(Loaded { tokens, environments })
}

/// What a commit was like.
#[derive(Clone, Copy, Debug)]
pub struct CommitReport {
    /// How many calls it carried.
    pub calls: usize,
    /// How long it took, from its begin until all was on the disk.
    pub took: Duration,
    /// Whether it was kept.
    pub is_kept: bool,
}

/// A copy in memory of what the store holds. It is filled when the store is opened and changed by nothing
/// but the changes that it is handed, in the order of their commits.
pub trait ChangeSink: Send + Sync + 'static {
    /// Takes over one change. Called on the writer's thread, before the calls of that commit are answered.
    fn apply(&self, change: &Change);

    /// Is told of each commit, on the writer's thread, before its calls are answered.
    fn committed(&self, _report: CommitReport) {}
}
