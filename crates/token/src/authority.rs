//! Who acts on a token, and what that one can't give because it does not have it.

use std::time::Duration;

use crate::action::{ManageTokens, ReadAudit, UseSelf};
use crate::credential::ActiveToken;
use crate::grace::Grace;
use crate::grant::Grant;
use crate::id::OrgId;
use crate::permit::Permit;
use crate::record::{Actor, TokenRecord};

/// Who acts on a token record. Made from a permit, or by whoever commands the host itself.
#[derive(Clone, Debug)]
pub struct Authority(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Host,
    Administrator(ActiveToken),
    Holder(ActiveToken),
}

/// What the actor would have given without having it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Escalation {
    /// A scope above its own.
    #[error("a token can't give a scope above its own")]
    Scope,
    /// Environments outside its own.
    #[error("a token can't give environments outside its own")]
    Environments,
    /// A lifetime beyond its own.
    #[error("a token can't give a lifetime beyond its own: set an expiry no later than its own")]
    Expiry,
}

impl Authority {
    /// Whoever commands the gateway's host: `gateway init`, `gateway recover`, `up`. Bound by nothing.
    pub fn host() -> Self {
        Self(Kind::Host)
    }

    /// An administrator, acting on the tokens that it dominates. `None` without a token behind the permit.
    pub fn administrator(permit: &Permit<ManageTokens>) -> Option<Self> {
        permit.by().cloned().map(|token| Self(Kind::Administrator(token)))
    }

    /// An administrator who reads the audit log, for what it may know of tokens. `None` without a token behind the
    /// permit.
    pub fn auditor(permit: &Permit<ReadAudit>) -> Option<Self> {
        permit.by().cloned().map(|token| Self(Kind::Administrator(token)))
    }

    /// A token, acting on itself. `None` without a token behind the permit.
    pub fn holder(permit: &Permit<UseSelf>) -> Option<Self> {
        permit.by().cloned().map(|token| Self(Kind::Holder(token)))
    }

    /// How the actor is recorded.
    pub fn actor(&self) -> Actor {
        match &self.0 {
            Kind::Host => Actor::Setup,
            Kind::Administrator(token) | Kind::Holder(token) => Actor::Token(token.token()),
        }
    }

    /// The living token that acts; `None` for the host.
    pub fn token(&self) -> Option<&ActiveToken> {
        match &self.0 {
            Kind::Host => None,
            Kind::Administrator(token) | Kind::Holder(token) => Some(token),
        }
    }

    /// Whether the actor may make tokens of `organization`. A token that acts on itself makes none.
    pub(crate) fn administers(&self, organization: OrgId) -> bool {
        match &self.0 {
            Kind::Host => true,
            Kind::Administrator(token) => token.organization() == organization,
            Kind::Holder(_) => false,
        }
    }

    /// Whether the actor may know of `record` and end it: an administrator when the record's environments
    /// are contained in its own, a holder when it is its own record.
    pub fn sees(&self, record: &TokenRecord) -> bool {
        match &self.0 {
            Kind::Host => true,
            Kind::Holder(token) => token.token() == record.id(),
            Kind::Administrator(token) => {
                token.organization() == record.organization()
                    && record.grant().scope <= token.scope()
                    && record.grant().environments.is_within(token.environments())
            }
        }
    }

    /// Whether the presented value may put another in its own place; see
    /// [`ActiveToken::may_succeed_itself`]. An administrator acts on others and is not bound by it.
    pub(crate) fn may_rotate(&self, record: &TokenRecord) -> bool {
        match &self.0 {
            Kind::Host => true,
            Kind::Administrator(token) | Kind::Holder(token) => {
                token.token() != record.id() || token.may_succeed_itself()
            }
        }
    }

    /// The grace of a rotation by this actor. Whoever rotates the value in its own hands would be stranded
    /// by a lost answer, so that value always lives until the first use of the new one.
    pub(crate) fn grace(&self, asked: Grace) -> Grace {
        match (&self.0, asked) {
            (Kind::Holder(_), Grace::Immediately) => Grace::AfterFirstUse(Duration::ZERO),
            _ => asked,
        }
    }

    /// Holds `grant` against what the actor has itself.
    pub(crate) fn dominates(&self, grant: &Grant) -> Result<(), Escalation> {
        let Some(own) = self.token().map(ActiveToken::grant) else { return Ok(()) };
        if grant.scope > own.scope {
            return Err(Escalation::Scope);
        }
        if !grant.environments.is_within(&own.environments) {
            return Err(Escalation::Environments);
        }
        if !grant.expiry.is_within(own.expiry) {
            return Err(Escalation::Expiry);
        }
        Ok(())
    }
}
