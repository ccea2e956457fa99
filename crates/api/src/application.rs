//! Running a tool of a page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which command to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The command and its arguments, as one of the page's tools allows it.
    #[schema(example = json!(["ls", "-la"]))]
    pub command: Vec<String>,
    /// Values for variables that the page mentions.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub env: BTreeMap<String, String>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What the command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunReply {
    /// What it wrote to standard output; what is not UTF-8 is replaced, or all of it is base64 when `encoding`
    /// says so.
    pub stdout: String,
    /// What it wrote to standard error, likewise.
    pub stderr: String,
    /// Its exit code; 124 when it ran out of time, 128 and the signal's number when a signal ended it.
    pub returncode: i32,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// Whether output beyond the limit was dropped.
    pub truncated: bool,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// The request's id.
    pub request_id: String,
    /// Names in `env` whose values were not used: the page does not mention them, or a secret of the environment has
    /// the name.
    #[serde(default)]
    pub ignored_env: Vec<String>,
    /// `base64` when that was asked for, else `null`.
    #[serde(default)]
    pub encoding: Option<String>,
}

/// How a command ended whose output was streamed: the last event, `exit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunExit {
    /// Its exit code; 124 when it ran out of time, 128 and the signal's number when a signal ended it.
    pub returncode: i32,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// Whether output beyond the limit was dropped.
    pub truncated: bool,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// The request's id.
    pub request_id: String,
    /// Names in `env` whose values were not used.
    #[serde(default)]
    pub ignored_env: Vec<String>,
    /// `base64` when that was asked for: the events have `base64` in place of `text` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}
