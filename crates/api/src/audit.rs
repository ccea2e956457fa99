//! The audit log, and what is shown of a token's use.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::token::Token;

/// An event of the audit log. Its members are in the order of the one written form that the log's chain is made of,
/// so that this, as JSON without spaces and without its last member, is what `hash` is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// The version of the written form: 1.
    pub v: u32,
    /// Its place in the log.
    pub sequence: i64,
    /// When it happened.
    pub at: String,
    /// What happened: `noun.verb`, such as `run.begin`.
    pub action: String,
    /// `allowed`; `refused` for another reason than the token; or why the token was denied: `invalid`, `expired`,
    /// `revoked`, `rotated`, `scope`, `environment`.
    pub outcome: String,
    /// The organization that it concerns.
    pub organization_id: String,
    /// Whose token it was that did it.
    pub token_id: Option<String>,
    /// Which of its values.
    pub generation: Option<u32>,
    /// The token that it is about.
    pub subject_id: Option<String>,
    /// The environment that it is about.
    pub environment_id: Option<String>,
    /// From which address.
    pub address: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// How many uses of the token's value it tells of.
    pub uses: u64,
    /// What more there is to say; its members go by the action.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// Its hash in the chain; `null` for events from before there was one.
    pub hash: Option<String>,
}

/// What a walk along the chain of the audit log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// How many events fit.
    pub events: u64,
    /// How many events from before the chain there are, which nothing can be said of.
    pub unchained: u64,
    /// Behind which event the log begins, the first chain of it: those up to it were removed by their age.
    pub base_sequence: i64,
    /// The last event of that chain that fits.
    pub head_sequence: i64,
    /// Its hash. Kept elsewhere it proves later that nothing up to there was changed.
    pub head_hash: String,
    /// Every chain of the log, the first one first: gateways that share a database write one each.
    pub chains: Vec<AuditChain>,
    /// What is wrong at the first place where something is, in words; `null` when all fits.
    pub fault: Option<String>,
    /// The sequence number of that place.
    pub fault_sequence: Option<i64>,
}

/// How far one chain of the audit log fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditChain {
    /// Behind which event it begins: those up to it were removed by their age.
    pub base_sequence: i64,
    /// Its hash, or what the chain began with; `null` where it is not known, as that of an export that is read
    /// from a file.
    pub base_hash: Option<String>,
    /// The last event that fits.
    pub head_sequence: i64,
    /// Its hash.
    pub head_hash: String,
    /// How many events fit.
    pub events: u64,
}

/// The uses of a token for one environment on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayUsage {
    /// The day in UTC, such as `2026-11-24`.
    pub date: String,
    /// For which environment; `null` for what was for none.
    pub environment_id: Option<String>,
    /// How many.
    pub count: u64,
}

/// From where a token was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsedFrom {
    /// The address.
    pub address: String,
    /// When it was last used from there.
    pub last_used_at: String,
    /// With which program then.
    pub user_agent: Option<String>,
}

/// The use of a token, by day and by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenUsage {
    /// By day and environment, the oldest day first; days without a use are left out.
    pub days: Vec<DayUsage>,
    /// The last five addresses, the latest first.
    pub addresses: Vec<UsedFrom>,
}

/// A value that somebody found, by its digest: the value itself is never sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindToken {
    /// `sha256:` and the SHA-256 digest of the whole value, in hexadecimal.
    pub digest: String,
}

/// Whose a value is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundToken {
    /// The token.
    pub token: Token,
    /// Which of its values.
    pub generation: u32,
    /// Whether a request with the value would be let in now.
    pub is_alive: bool,
}
