//! The wire types of the HTTP API, shared by gateway and client; and problem details (RFC 9457).
//!
//! Requests are read as they were sent (texts stay texts); the gateway parses them into the types of the
//! pure crates and names each field that does not fit. Times are RFC 3339 in UTC. Absent values are `null`.

mod application;
mod audit;
mod envelope;
mod environment;
mod organization;
mod problem;
mod secret;
mod service;
mod token;

pub use application::{RunExit, RunReply, RunRequest};
pub use audit::{
    AuditChain, AuditEvent, AuditVerification, DayUsage, FindToken, FoundToken, TokenUsage, UsedFrom,
};
pub use envelope::{Data, Page};
pub use environment::{
    CreateEnvironment, Deployed, Environment, EnvironmentLimits, InlineFile, ManifestEntry, PatchEnvironment,
    PatchLimits, Publish, Published, Release, Rollback, Upload,
};
pub use organization::Organization;
pub use problem::{Code, FieldError, Problem};
pub use secret::{Secret, SecretText, SetSecret, ShownOnce};
pub use service::{Health, Introspection, IntrospectionRequest};
pub use token::{
    CreateToken, EnvironmentScope, IssuedToken, NamedEnvironment, RevokeToken, RotateToken, Token,
    TokenStatus,
};

/// The header in which every answer carries the request's id.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// The media type of every error body.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
