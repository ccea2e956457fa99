//! What must last: organizations, tokens, environments, their secrets, releases, blobs and audit events.
//!
//! A [`Store`] is a data directory: a SQLite database (WAL, `synchronous=FULL`), content-addressed blobs
//! beside it, a lock file that keeps a second gateway out, and the key that secrets are encrypted under. Or it is a
//! PostgreSQL database and a place for blobs that several gateways have, each with a data directory of its own: then a
//! change is answered when it holds at all of them, and each relies on what it has in memory while it holds a [`Lease`].
//!
//! Every change goes through one writer that gathers what is waiting and commits it together; a call is answered
//! after its commit, and after the commit's [`Change`]s were applied to the [`ChangeSink`] in their order. A
//! change and its audit event commit together. Methods that change or show something take the permit for it.
//!
//! Time and randomness are arguments. Nothing here knows of HTTP.

mod actor;
mod audit;
mod blobs;
mod change;
mod cluster;
mod data_directory;
mod database;
mod database_file;
mod database_url;
mod disk;
mod environments;
mod error;
mod idempotency;
mod lease;
mod lock;
mod migrate;
mod organizations;
mod place;
mod reader;
mod s3_place;
mod secrets;
mod sqlite;
mod store;
mod tokens;
mod uploads;
mod usage;
mod writer;

pub use audit::{
    AccessEvent, Attribution, AuditCursor, AuditFilter, AuditOrder, AuditPage, AuditRecord, AuditSight,
    ChainFault, ChainHash, ChainHead, ChainNumber, ChainVerification, Decision, LogPlace, Outcome, Pruned,
    RequestGroup, RunBegun, RunEnded, UseSlip, Verification, Verifier, Written, verify_directory,
};
pub use blobs::{BlobError, BlobWriter, Blobs, SWEEP_AGE};
pub use change::{Change, ChangeSink, CommitReport};
pub use database_url::{DatabaseUrl, DatabaseUrlFault};
pub use disk::DiskRoom;
pub use environments::{
    EnvironmentChange, EnvironmentLimits, EnvironmentRecord, EnvironmentRefusal, Limit, Network,
    NewEnvironment, Release, StoredRelease,
};
pub use error::{OpenError, StoreError};
pub use idempotency::IdempotencyKey;
pub use lease::{Lease, Moment};
pub use organizations::{Organization, SetupRefusal};
pub use place::{BlobPlace, DatabasePlace, StorePlace};
pub use s3_place::{S3Place, S3PlaceFault};
pub use secrets::{
    KeyFault, KeyRotated, NewSecret, RotateKeyError, SECRETS_BYTES_MAX, SECRETS_MAX, SealedSecrets,
    SecretRecord, SecretRefusal,
};
pub use store::{Store, Summary};
pub use tokens::{
    Cursor, NamedEnvironment, Position, StoredToken, TokenCounts, TokenFilter, TokenPage, TokenRefusal,
    TokenSelector,
};
pub use usage::{DayUsage, LastUse, UsageDetail, Use, UsedFrom, ValueUsage};
