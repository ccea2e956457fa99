//! Tokens.

use serde::{Deserialize, Serialize};
use toolfront_token::{EnvId, OrgId, TokenId};
use utoipa::ToSchema;

use crate::secret::ShownOnce;

/// What a token is at the time of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenStatus {
    /// It is valid.
    Active,
    /// Its lifetime is over.
    Expired,
    /// It was revoked, which is final.
    Revoked,
}

/// An environment that a token names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedEnvironment {
    /// Its id.
    #[schema(value_type = String, example = "env-k5x2mq7abcde")]
    pub id: EnvId,
    /// Its name; the last one, when it is deleted.
    pub name: String,
    /// Whether it is deleted. Its id is never used again.
    pub deleted: bool,
}

/// A token's record. Never has its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    #[schema(value_type = String, example = "tok-k5x2mq7abcde")]
    pub id: TokenId,
    /// Whose it is.
    #[schema(value_type = String, example = "org-k5x2mq7abcde")]
    pub organization_id: OrgId,
    /// What people call it.
    pub name: String,
    /// `environments:read`, `environments:execute` or `environments:admin`.
    pub scope: String,
    /// What it is now.
    pub status: TokenStatus,
    /// Whether `status` is `active`.
    pub is_active: bool,
    /// The last 4 characters of its newest value.
    pub hint: String,
    /// How many values it has had.
    pub generation: u32,
    /// When it was made.
    pub created_at: String,
    /// The id of the token that made it, or `setup`.
    pub created_by: String,
    /// The instant from which it is not valid any more; `null` for none.
    pub expires_at: Option<String>,
    /// When it was last rotated.
    pub rotated_at: Option<String>,
    /// When it was last used.
    pub last_used_at: Option<String>,
    /// From which address.
    pub last_used_ip: Option<String>,
    /// By which program.
    pub last_used_user_agent: Option<String>,
    /// How often it was used, with all its values.
    pub usage_count: u64,
    /// The ids of its environments; `null` for all of the organization's.
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_environments: Option<Vec<EnvId>>,
    /// The same with their names; empty for all.
    pub environments: Vec<NamedEnvironment>,
    /// How often each value was used, the first value first.
    pub usage_by_generation: Vec<u64>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// The id of the token that revoked it, or `setup`.
    pub revoked_by: Option<String>,
    /// Why.
    pub revocation_reason: Option<String>,
}

/// A record with the value that was just made; shown this once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// The record.
    #[serde(flatten)]
    pub record: Token,
    /// The value.
    #[schema(value_type = String, format = Password)]
    pub token: ShownOnce,
}

/// A new token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What to call it: 1 to 100 characters.
    pub name: String,
    /// `read`, `execute` or `admin`, with `environments:` before it or without.
    pub scope: String,
    /// Must be the caller's organization, when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// RFC 3339 with an offset or without (UTC), or a plain date (the end of that day, UTC); absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Ids or names of environments; absent or `null` for all of the organization's. `[]` is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_environment_ids: Option<Vec<String>>,
}

/// Which environments a rotated token is to have, as some clients say it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum EnvironmentScope {
    /// All of the organization's.
    All {},
    /// These.
    Restricted {
        /// Ids or names.
        environment_ids: Vec<String>,
    },
}

/// What changes when a token is rotated; what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateToken {
    /// A new name.
    #[serde(default, alias = "new_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new scope.
    #[serde(default, alias = "new_scope", skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// New environments, as ids or names. `[]` is refused.
    #[serde(default, alias = "new_allowed_environment_ids", skip_serializing_if = "Option::is_none")]
    pub allowed_environment_ids: Option<Vec<String>>,
    /// The same in another form, which can also say *all*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_scope: Option<EnvironmentScope>,
    /// A new end; `never` takes it away.
    #[serde(default, alias = "new_expires_at", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// How many seconds the old value goes on after the first use of the new one; 604800 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u64>,
    /// The generation that is to be replaced; the current one when absent. 409 when it is another by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Must be the caller's organization, when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
}

/// How a token is revoked.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    /// Why: 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether commands that it runs are ended too.
    #[serde(default)]
    pub kill: bool,
}
