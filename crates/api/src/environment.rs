//! Environments: deployed applications, and their releases.

use serde::{Deserialize, Deserializer, Serialize};
use toolfront_token::{EnvId, OrgId};
use utoipa::ToSchema;

/// A file sent in the request.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InlineFile {
    /// Where it stands in the application.
    #[schema(example = "README.md")]
    pub path: String,
    /// Its bytes, in base64 (RFC 4648 section 4).
    pub content: String,
    /// `sha256:` and the digest of its bytes in 64 lower-case hexadecimal digits.
    pub checksum: String,
}

/// A file of which only the digest is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// Where it stands in the application.
    #[schema(example = "README.md")]
    pub path: String,
    /// `sha256:` and the digest of its bytes in 64 lower-case hexadecimal digits.
    pub checksum: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its Unix permission bits; only whether it is executable is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// A new environment. Its first release is given by `files`, `manifest` or `upload`, or not yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEnvironment {
    /// Made a DNS label: lower case, other characters to `-`, at most 63. A name is made up when it is empty.
    #[serde(default)]
    pub name: String,
    /// The files themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<InlineFile>>,
    /// Files that the gateway has or was sent by `PUT /api/v1/blobs/{checksum}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Vec<ManifestEntry>>,
    /// In the place of the manifest: the `upload` that announcing it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// `private` unless said, or `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Must be the caller's organization, when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Whether hidden files are admitted. For an `upload` that was said when it was announced.
    #[serde(default)]
    pub hidden: bool,
}

/// The whole set of files of a new release, by `files`, `manifest` or `upload`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The files themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<InlineFile>>,
    /// Files that the gateway has or was sent by `PUT /api/v1/blobs/{checksum}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Vec<ManifestEntry>>,
    /// In the place of the manifest: the `upload` that announcing it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The visibility of an environment that is created by this call; an existing one keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Whether hidden files are admitted. For an `upload` that was said when it was announced.
    #[serde(default)]
    pub hidden: bool,
}

/// What became of a manifest that was announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// What it is published by, by the same token and within the hour, once the missing blobs are sent. The same files have
    /// the same one.
    pub upload: String,
    /// The checksums of the blobs that have to be sent, each once.
    pub missing: Vec<String>,
}

/// What changes of an environment; what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchEnvironment {
    /// `private` or `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// A new name; the URL changes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `outbound`, or `none`: its commands have no network at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Limits that change; `null` for the gateway's own in all of them.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<PatchLimits>)]
    pub limits: Option<Option<PatchLimits>>,
    /// Whether its commands end as soon as the token that runs them may no longer run them: when it expires, is
    /// rotated without grace, revoked or narrowed. Else they end by themselves, or with `kill` at the revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_runs_with_token: Option<bool>,
}

/// Limits that change. What is absent stays as it is; with `null` the gateway's own holds again. Each is more than
/// nothing and at most the gateway's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatchLimits {
    /// Bytes that are kept of each output stream of a command.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub output_bytes: Option<Option<u64>>,
    /// Bytes of memory of each process.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub memory_bytes: Option<Option<u64>>,
    /// Processes and threads of a command at once.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub processes: Option<Option<u64>>,
    /// Bytes of each file that is written.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub file_bytes: Option<Option<u64>>,
    /// Open files of each process.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub open_files: Option<Option<u64>>,
    /// Seconds of processor time of each process.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub cpu_seconds: Option<Option<u64>>,
    /// Commands at once.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub runs: Option<Option<u64>>,
    /// Seconds that a command may take, where its tool allows more.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    pub timeout_seconds: Option<Option<u64>>,
}

/// A field that is there, if only with `null`; the default tells that it is not.
#[expect(clippy::option_option, reason = "absent, null and a value are three things here")]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The limits that an environment has of its own; `null` where the gateway's holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentLimits {
    /// Bytes that are kept of each output stream of a command.
    pub output_bytes: Option<u64>,
    /// Bytes of memory of each process.
    pub memory_bytes: Option<u64>,
    /// Processes and threads of a command at once.
    pub processes: Option<u64>,
    /// Bytes of each file that is written.
    pub file_bytes: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
    /// Seconds of processor time of each process.
    pub cpu_seconds: Option<u64>,
    /// Commands at once.
    pub runs: Option<u64>,
    /// Seconds that a command may take, where its tool allows more.
    pub timeout_seconds: Option<u64>,
}

/// Which release becomes the current one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Its number.
    pub release: u32,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// Its id.
    #[schema(value_type = String, example = "env-k5x2mq7abcde")]
    pub id: EnvId,
    /// Whose it is.
    #[schema(value_type = String, example = "org-k5x2mq7abcde")]
    pub organization_id: OrgId,
    /// Its name, a DNS label.
    pub name: String,
    /// Where its pages are.
    pub url: String,
    /// The same as `url`, under the name that older clients read.
    pub fly_url: String,
    /// Always `null`; older clients read it. Tokens come from `POST /api/v1/tokens`.
    #[schema(value_type = Option<String>)]
    pub auth_token: Option<()>,
    /// `private` or `public`.
    pub visibility: String,
    /// The network that its commands have: `outbound` or `none`.
    pub network: String,
    /// The limits that it has of its own.
    pub limits: EnvironmentLimits,
    /// Whether its commands end as soon as the token that runs them may no longer run them.
    #[serde(default)]
    pub end_runs_with_token: bool,
    /// `running`, or `empty` before its first release.
    pub status: String,
    /// The number of the current release; `null` before the first.
    pub release: Option<u32>,
    /// How many files the current release has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of them are pages.
    pub pages: u64,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// An environment, and whether this call made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployed {
    /// The environment.
    #[serde(flatten)]
    pub environment: Environment,
    /// Whether it was created; else a release was published.
    pub created: bool,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// 1 for the first.
    pub release: u32,
    /// Whether it is the one that is served.
    pub current: bool,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of them are pages.
    pub pages: u64,
    /// When it was made.
    pub created_at: String,
    /// The id of the token that made it, or `setup`.
    pub created_by: String,
}

/// The release that a call made current, and where it is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// The environment's id.
    #[schema(value_type = String, example = "env-k5x2mq7abcde")]
    pub id: EnvId,
    /// Its name.
    pub name: String,
    /// Where its pages are.
    pub url: String,
    /// The release.
    #[serde(flatten)]
    pub release: Release,
}
