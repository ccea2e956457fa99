//! Personal access tokens: values, grants, the authorization decision, and the token's life cycle.
//!
//! Everything here is pure. Time and randomness come in as arguments, nothing is read and nothing is
//! written; what a gateway must remember is in [`TokenRecord`], and what it must know to judge one request
//! is in [`Credential`].
//!
//! The way of one request: a [`PresentedToken`] is well formed; its [`TokenDigest`] finds a [`Credential`];
//! [`Credential::activate`] yields an [`ActiveToken`] when the value is alive; and
//! [`ActiveToken::authorize`] yields a [`Permit`] for one action on one target, or says why not.

mod action;
mod authority;
mod credential;
mod digest;
mod entropy;
mod generation;
mod grace;
mod grant;
mod id;
mod leak;
mod name;
mod permit;
mod record;
mod scope;
#[cfg(test)]
mod testing;
mod timestamp;
mod value;

pub use action::{
    Action, CreateEnvironment, EnvRef, ManageEnvironment, ManageTokens, ReadAudit, ReadPage, RunTool,
    UploadBlobs, UseSelf, ViewEnvironment, ViewEnvironments, Visit,
};
pub use authority::{Authority, Escalation};
pub use credential::{ActiveToken, Credential, CredentialState, Dead};
pub use digest::{InvalidDigest, TokenDigest};
pub use entropy::{Entropy, EntropyFailed};
pub use generation::{Generation, NewValue};
pub use grace::{Grace, InvalidGrace};
pub use grant::{EmptyGrant, EnvGrant, EnvSet, Expiry, Grant, InvalidExpiry};
pub use id::{EnvId, InvalidId, OrgId, TokenId};
pub use leak::{has_token_value, without_token_values};
pub use name::{InvalidName, RevocationReason, TokenName};
pub use permit::{Denied, Permit, Visibility};
pub use record::{
    Actor, CorruptRecord, IssueError, NewToken, Revocation, RevokeError, RotateError, RotateRequest, Status,
    TokenParts, TokenRecord,
};
pub use scope::{Scope, UnknownScope};
pub use timestamp::Timestamp;
pub use value::{Hint, MalformedToken, PresentedToken, TokenSecret};
