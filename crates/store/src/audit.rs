//! Audit events: a closed set, each written in the transaction of what it tells of.

use std::net::IpAddr;

use serde::Serialize;
use toolfront_token::{Actor, EnvId, Grant, OrgId, Timestamp, TokenId};

use crate::environments::EnvironmentLimits;
use crate::error::StoreError;
use crate::sqlite::Stored;

/// Who does something, and from where; goes with every change.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// The organization that it concerns.
    pub organization: OrgId,
    /// Which token, if it was one.
    pub token: Option<TokenId>,
    /// Which of its values.
    pub generation: Option<u32>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
}

impl Attribution {
    /// Something that is done on the gateway's host, not by a request.
    pub fn host(organization: OrgId) -> Self {
        Self {
            organization,
            token: None,
            generation: None,
            address: None,
            user_agent: None,
            request_id: None,
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        self.token.map_or(Actor::Setup, Actor::Token)
    }
}

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
}

/// What happened. `noun.verb` in the `action` column; the fields are the `detail`.
#[derive(Debug, Serialize)]
#[serde(tag = "action", content = "detail")]
pub(crate) enum Event {
    #[serde(rename = "organization.create")]
    OrganizationCreated { name: String },
    #[serde(rename = "token.create")]
    TokenCreated { token: TokenId, name: String, grant: GrantDetail },
    #[serde(rename = "token.rotate")]
    TokenRotated { token: TokenId, name: String, generation: u32, grant: GrantDetail },
    #[serde(rename = "token.first_use")]
    TokenFirstUsed { token: TokenId, generation: u32 },
    #[serde(rename = "token.revoke")]
    TokenRevoked { token: TokenId, reason: Option<String> },
    #[serde(rename = "environment.create")]
    EnvironmentCreated { name: String, visibility: &'static str },
    #[serde(rename = "environment.update")]
    EnvironmentUpdated {
        name: String,
        visibility: &'static str,
        network: &'static str,
        limits: EnvironmentLimits,
        end_runs_with_token: bool,
    },
    #[serde(rename = "environment.delete")]
    EnvironmentDeleted { name: String },
    #[serde(rename = "release.publish")]
    ReleasePublished { release: u32, files: u64, bytes: u64 },
    #[serde(rename = "release.rollback")]
    ReleaseRolledBack { from: Option<u32>, release: u32 },
    #[serde(rename = "secret.set")]
    SecretSet { name: String },
    #[serde(rename = "secret.delete")]
    SecretDeleted { name: String },
    #[serde(rename = "key.rotate")]
    KeyRotated { number: u32, secrets: usize },
    #[serde(rename = "run.begin")]
    RunBegun(RunBegun),
    #[serde(rename = "run.end")]
    RunEnded(RunEnded),
}

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
                toolfront_token::EnvGrant::All => None,
                toolfront_token::EnvGrant::Only(set) => Some(set.iter().collect()),
            },
            expires_at: grant.expiry.at().map(|at| at.to_string()),
        }
    }
}

/// Writes an event into the transaction, and yields its sequence number.
pub(crate) fn append(
    connection: &rusqlite::Connection,
    by: &Attribution,
    environment: Option<EnvId>,
    event: &Event,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let unwritable = |err: serde_json::Error| StoreError::Unavailable { reason: err.to_string() };
    let written = serde_json::to_value(event).map_err(unwritable)?;
    let action = written.get("action").and_then(serde_json::Value::as_str).unwrap_or_default();
    let detail = written.get("detail").map(ToString::to_string).unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "INSERT INTO audit_events
            (at, action, organization_id, token_id, generation, environment_id, address, user_agent, request_id, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    statement.execute(rusqlite::params![
        now.micros(),
        action,
        by.organization.to_stored(),
        by.token.map(Stored::to_stored),
        by.generation,
        environment.map(Stored::to_stored),
        by.address.map(|address| address.to_string()),
        by.user_agent,
        by.request_id,
        detail,
    ])?;
    Ok(connection.last_insert_rowid())
}
