//! What can happen: a closed set, each with its fields.

use serde::Serialize;
use toolfront_token::{EnvGrant, EnvId, Grant, Timestamp, TokenId};

use super::attribution::Attribution;
use super::decision::Decision;
use crate::environments::EnvironmentLimits;

/// A command about to run.
#[derive(Clone, Debug, Serialize)]
pub struct RunBegun {
    /// The release that it runs in.
    pub release: u32,
    /// The page whose tool it is.
    pub page: String,
    /// The command as it was asked for, its variables unexpanded.
    pub command: Vec<String>,
}

/// How a command ended.
#[derive(Clone, Debug, Serialize)]
pub struct RunEnded {
    /// The sequence number of the event that tells of its begin.
    pub begin: i64,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// How many bytes of its output were kept.
    pub output_bytes: u64,
}

/// What came of a command.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ended with this code.
    Exited(i32),
    /// It ran out of time.
    TimedOut,
    /// It could not be started.
    NotStarted,
    /// It was ended with the token that ran it.
    EndedWithToken,
    /// Its client went away, or the gateway stopped.
    Ended,
    /// The gateway ended before it could tell: found out at the next start.
    Interrupted,
}

/// What a request was, that changes nothing and runs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum AccessEvent {
    /// A page or file of an application.
    PageRead {
        /// Of which release; `None` when there was no such page.
        release: Option<u32>,
        /// Its path, or the one that was asked for.
        page: Box<str>,
        /// The status that was answered.
        status: u16,
    },
    /// A command that was not run.
    RunRefused {
        /// The path that it was sent to.
        page: Box<str>,
        /// The status that was answered.
        status: u16,
    },
    /// A call of the management API, or another request of a valid token.
    Called {
        /// The method.
        method: Box<str>,
        /// The path.
        path: Box<str>,
        /// The status that was answered.
        status: u16,
    },
    /// A request whose token was no good for it. Told as `token.reuse` when the value has been dead for more than a
    /// minute: somebody still holds it.
    Denied {
        /// The method.
        method: Box<str>,
        /// The path.
        path: Box<str>,
        /// The status that was answered.
        status: u16,
    },
    /// Denials of one address that were too many to be told one by one.
    Omitted,
}

impl AccessEvent {
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::PageRead { .. } => "page.read",
            Self::RunRefused { .. } => "run.refuse",
            Self::Called { .. } => "api.call",
            Self::Denied { .. } => "access.deny",
            Self::Omitted => "access.omit",
        }
    }
}

/// Requests of one kind, by one value from one place, shortly one after the other: one event tells of all of them.
#[derive(Clone, Debug)]
pub struct RequestGroup {
    /// Who sent them.
    pub by: Attribution,
    /// The environment that they asked for.
    pub environment: Option<EnvId>,
    /// What was answered.
    pub decision: Decision,
    /// What they were.
    pub event: AccessEvent,
    /// When the first of them came.
    pub first: Timestamp,
    /// When the last of them came.
    pub last: Timestamp,
    /// How many they were.
    pub count: u64,
    /// How many of them were uses of the token's value that no other event tells of.
    pub uses: u64,
    /// The bytes of all answers' bodies, where they are known.
    pub bytes: u64,
    /// The numbers of the requests' ids; not more than some hundreds of them.
    pub requests: Vec<u64>,
}

/// The detail of a group: what the requests were, and how many.
#[derive(Debug, Serialize)]
pub(super) struct GroupDetail<'g> {
    #[serde(flatten)]
    event: &'g AccessEvent,
    count: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<String>,
}

impl<'g> From<&'g RequestGroup> for GroupDetail<'g> {
    fn from(group: &'g RequestGroup) -> Self {
        let several = group.count > 1;
        Self {
            event: &group.event,
            count: group.count,
            bytes: group.bytes,
            until: several.then(|| group.last.to_string()),
            requests: if several {
                group.requests.iter().copied().map(request_id).collect()
            } else {
                Vec::new()
            },
        }
    }
}

/// The text of a request's id.
pub(super) fn request_id(number: u64) -> String {
    format!("req-{number:016x}")
}

/// What happened. The fields are the `detail` of the event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Event {
    OrganizationCreated {
        name: String,
    },
    TokenCreated {
        token: TokenId,
        name: String,
        grant: GrantDetail,
    },
    TokenRotated {
        token: TokenId,
        name: String,
        generation: u32,
        grant: GrantDetail,
    },
    TokenFirstUsed {
        token: TokenId,
        generation: u32,
    },
    TokenRevoked {
        token: TokenId,
        reason: Option<String>,
    },
    EnvironmentCreated {
        name: String,
        visibility: &'static str,
    },
    EnvironmentUpdated {
        name: String,
        visibility: &'static str,
        network: &'static str,
        limits: EnvironmentLimits,
        end_runs_with_token: bool,
    },
    EnvironmentDeleted {
        name: String,
    },
    ReleasePublished {
        release: u32,
        files: u64,
        bytes: u64,
    },
    ReleaseRolledBack {
        from: Option<u32>,
        release: u32,
    },
    SecretSet {
        name: String,
    },
    SecretDeleted {
        name: String,
    },
    KeyRotated {
        number: u32,
        secrets: usize,
    },
    RunBegun(RunBegun),
    RunEnded(RunEnded),
    LogPruned {
        through: i64,
        hash: String,
        count: u64,
    },
}

impl Event {
    /// `noun.verb`.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::OrganizationCreated { .. } => "organization.create",
            Self::TokenCreated { .. } => "token.create",
            Self::TokenRotated { .. } => "token.rotate",
            Self::TokenFirstUsed { .. } => "token.first_use",
            Self::TokenRevoked { .. } => "token.revoke",
            Self::EnvironmentCreated { .. } => "environment.create",
            Self::EnvironmentUpdated { .. } => "environment.update",
            Self::EnvironmentDeleted { .. } => "environment.delete",
            Self::ReleasePublished { .. } => "release.publish",
            Self::ReleaseRolledBack { .. } => "release.rollback",
            Self::SecretSet { .. } => "secret.set",
            Self::SecretDeleted { .. } => "secret.delete",
            Self::KeyRotated { .. } => "key.rotate",
            Self::RunBegun(_) => RUN_BEGIN,
            Self::RunEnded(_) => RUN_END,
            Self::LogPruned { .. } => "audit.prune",
        }
    }

    /// The token that it is about.
    pub(super) fn subject(&self) -> Option<TokenId> {
        match self {
            Self::TokenCreated { token, .. }
            | Self::TokenRotated { token, .. }
            | Self::TokenFirstUsed { token, .. }
            | Self::TokenRevoked { token, .. } => Some(*token),
            _ => None,
        }
    }
}

pub(super) const RUN_BEGIN: &str = "run.begin";
pub(super) const RUN_END: &str = "run.end";

/// A grant, as events tell it.
#[derive(Debug, Serialize)]
pub(crate) struct GrantDetail {
    scope: &'static str,
    environments: Option<Vec<EnvId>>,
    expires_at: Option<String>,
}

impl From<&Grant> for GrantDetail {
    fn from(grant: &Grant) -> Self {
        Self {
            scope: grant.scope.wire(),
            environments: match &grant.environments {
                EnvGrant::All => None,
                EnvGrant::Only(set) => Some(set.iter().collect()),
            },
            expires_at: grant.expiry.at().map(|at| at.to_string()),
        }
    }
}
