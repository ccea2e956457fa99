//! A token's record and its life: issue, rotate, revoke, expire. A state machine that takes the time as an
//! argument and never changes in place: each step yields the record as it is afterwards.

use crate::authority::{Authority, Escalation};
use crate::credential::{Credential, CredentialState};
use crate::digest::TokenDigest;
use crate::generation::{Generation, NewValue};
use crate::grace::Grace;
use crate::grant::{EnvGrant, Expiry, Grant};
use crate::id::{OrgId, TokenId};
use crate::name::{RevocationReason, TokenName};
use crate::scope::Scope;
use crate::timestamp::Timestamp;
use crate::value::Hint;

/// Who did something to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever set the gateway up, on its host.
    Setup,
    /// A token.
    Token(TokenId),
}

/// Everything that is remembered of a token. Holds no value, only digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord(TokenParts);

/// The parts of a record, as a store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenParts {
    /// Its identity.
    pub id: TokenId,
    /// Whose it is.
    pub organization: OrgId,
    /// What people call it.
    pub name: TokenName,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Actor,
    /// Its values before the newest, the oldest first, numbered from 1 without a gap.
    pub earlier: Vec<Generation>,
    /// Its newest value.
    pub newest: Generation,
    /// How it was ended, if it was.
    pub revocation: Option<Revocation>,
}

/// How a token was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// Why, if that was said.
    pub reason: Option<RevocationReason>,
}

/// What a token is, derived from its record and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its newest value is valid.
    Active,
    /// Its lifetime is over.
    Expired,
    /// It was revoked, whatever its lifetime.
    Revoked,
}

/// What is asked for when a token is made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose it is to be.
    pub organization: OrgId,
    /// What to call it.
    pub name: TokenName,
    /// What it may do.
    pub grant: Grant,
}

/// What is asked for when a token is rotated; what is `None` stays as it is.
#[derive(Clone, Debug)]
pub struct RotateRequest {
    /// The generation that the caller saw: of several rotations of the same generation one wins.
    pub expected_generation: u32,
    /// A new name.
    pub name: Option<TokenName>,
    /// A new scope.
    pub scope: Option<Scope>,
    /// New environments.
    pub environments: Option<EnvGrant>,
    /// A new end.
    pub expiry: Option<Expiry>,
    /// What becomes of the values before.
    pub grace: Grace,
}

/// Stored parts that can't be a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the generations of {0} are not numbered from 1 without a gap")]
pub struct CorruptRecord(pub TokenId);

/// Why a token is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The actor administers no tokens of that organization.
    #[error("no such organization")]
    OutOfSight,
    /// The actor does not have what it would give.
    #[error(transparent)]
    Escalation(#[from] Escalation),
    /// It would be dead already.
    #[error("the expiry lies in the past")]
    PastExpiry,
}

/// Why a token is not rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// The actor may not know of it.
    #[error("no such token")]
    OutOfSight,
    /// The actor does not have what it would give.
    #[error(transparent)]
    Escalation(#[from] Escalation),
    /// The new end lies in the past.
    #[error("the expiry lies in the past")]
    PastExpiry,
    /// It is revoked, and that is final.
    #[error("the token is revoked, which is final: create a new one")]
    Revoked,
    /// It has expired, and no new expiry was given.
    #[error("the token has expired: rotate it with a new expiry")]
    Expired,
    /// Another rotation came first.
    #[error(
        "the token was rotated meanwhile (it is at generation {current}): its newest value was given out by that rotation"
    )]
    Superseded {
        /// The generation that it is at.
        current: u32,
    },
    /// The presented value is an old one whose successor is in use.
    #[error("this is an old value of the token and the new one is in use: rotate with that")]
    OldValue,
}

/// Why a token is not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such token")]
pub struct RevokeError;

impl TokenRecord {
    /// A new token.
    ///
    /// # Errors
    /// [`IssueError`] when the actor administers no tokens there or does not dominate the grant, or the grant
    /// would be over already.
    pub fn issue(
        authority: &Authority,
        id: TokenId,
        new: NewToken,
        value: NewValue,
        now: Timestamp,
    ) -> Result<Self, IssueError> {
        if !authority.administers(new.organization) {
            return Err(IssueError::OutOfSight);
        }
        authority.dominates(&new.grant)?;
        if !new.grant.expiry.is_live(now) {
            return Err(IssueError::PastExpiry);
        }
        Ok(Self(TokenParts {
            id,
            organization: new.organization,
            name: new.name,
            created_at: now,
            created_by: authority.actor(),
            earlier: Vec::new(),
            newest: Generation::issued(1, value, new.grant, now),
            revocation: None,
        }))
    }

    /// The record that a store had kept in parts.
    ///
    /// # Errors
    /// [`CorruptRecord`] when the numbers of the generations are not 1, 2, 3, ….
    pub fn restore(parts: TokenParts) -> Result<Self, CorruptRecord> {
        let numbered = (1_u32..).zip(parts.generations()).all(|(number, value)| value.number == number);
        if numbered { Ok(Self(parts)) } else { Err(CorruptRecord(parts.id)) }
    }

    /// The record with a new value in place of the current one.
    ///
    /// # Errors
    /// [`RotateError`] says why the record stays as it is.
    pub fn rotate(
        &self,
        authority: &Authority,
        request: RotateRequest,
        value: NewValue,
        now: Timestamp,
    ) -> Result<Self, RotateError> {
        if !authority.sees(self) {
            return Err(RotateError::OutOfSight);
        }
        if self.0.revocation.is_some() {
            return Err(RotateError::Revoked);
        }
        let current = self.generation();
        if request.expected_generation != current {
            return Err(RotateError::Superseded { current });
        }
        if !authority.may_rotate(self) {
            return Err(RotateError::OldValue);
        }
        let grant = self.grant_after(&request);
        match (request.expiry, grant.expiry.is_live(now)) {
            (_, true) => {}
            (Some(_), false) => return Err(RotateError::PastExpiry),
            (None, false) => return Err(RotateError::Expired),
        }
        authority.dominates(&grant)?;

        let grace = authority.grace(request.grace);
        let mut parts = self.0.clone();
        parts.earlier.push(parts.newest);
        for old in &mut parts.earlier {
            old.retire(grace, old.number == current, now);
        }
        parts.newest = Generation::issued(current.saturating_add(1), value, grant, now);
        parts.name = request.name.unwrap_or(parts.name);
        Ok(Self(parts))
    }

    fn grant_after(&self, request: &RotateRequest) -> Grant {
        let old = self.grant();
        Grant {
            scope: request.scope.unwrap_or(old.scope),
            environments: request.environments.clone().unwrap_or_else(|| old.environments.clone()),
            expiry: request.expiry.unwrap_or(old.expiry),
        }
    }

    /// The record as revoked. A record that is revoked already is answered as it is.
    ///
    /// # Errors
    /// [`RevokeError`] when the actor may not know of it.
    pub fn revoke(
        &self,
        authority: &Authority,
        reason: Option<RevocationReason>,
        now: Timestamp,
    ) -> Result<Self, RevokeError> {
        if !authority.sees(self) {
            return Err(RevokeError);
        }
        let mut parts = self.0.clone();
        parts.revocation.get_or_insert(Revocation { at: now, by: authority.actor(), reason });
        Ok(Self(parts))
    }

    /// The record after the first use of a value that a rotation made; `None` when that changes nothing.
    pub fn first_used(&self, generation: u32, now: Timestamp) -> Option<Self> {
        let mut parts = self.0.clone();
        let used = &mut parts.newest;
        if used.number != generation || !used.first_use_pending() {
            return None;
        }
        used.first_used_at = Some(now);
        Some(Self(parts))
    }

    /// What the token is at `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        if self.0.revocation.is_some() {
            Status::Revoked
        } else if self.grant().expiry.is_live(now) {
            Status::Active
        } else {
            Status::Expired
        }
    }

    /// What each of the token's values is known by and may do, the oldest first.
    pub fn credentials(&self) -> Vec<(TokenDigest, Credential)> {
        let newest = &self.0.newest;
        let mut credentials = Vec::with_capacity(self.0.earlier.len() + 1);
        let mut grant = newest.grant.clone();
        let mut successor: Option<(&Generation, Option<Timestamp>)> = None;
        for value in self.0.generations().rev() {
            grant = value.grant.meet(&grant);
            let state = match (self.0.revocation.is_some(), successor) {
                (true, _) => CredentialState::Revoked,
                (false, None) => CredentialState::Current { first_use_pending: value.first_use_pending() },
                (false, Some((next, used))) => value.state_before(next, used, newest.first_use_pending()),
            };
            let credential =
                Credential::new(self.0.id, self.0.organization, value.number, grant.clone(), state);
            credentials.push((value.digest, credential));
            let used_since = successor.and_then(|(_, used)| used);
            successor = Some((value, earliest(value.first_used_at, used_since)));
        }
        credentials.reverse();
        credentials
    }

    /// Since when the value of that generation has been dead; `None` while it is alive at `now`.
    pub fn dead_since(&self, generation: u32, now: Timestamp) -> Option<Timestamp> {
        if let Some(revocation) = &self.0.revocation {
            return Some(revocation.at);
        }
        let credentials = self.credentials();
        let (_, credential) = credentials.iter().find(|(_, known)| known.generation() == generation)?;
        let ended = match credential.state() {
            CredentialState::Rotated => {
                self.0.generations().find(|value| value.number == generation)?.ended_at
            }
            CredentialState::Grace { until, .. } => Some(until),
            CredentialState::Revoked | CredentialState::Current { .. } => None,
        };
        let end = earliest(ended, credential.expiry().at());
        end.filter(|end| *end <= now)
    }

    /// Its identity.
    pub fn id(&self) -> TokenId {
        self.0.id
    }

    /// Whose it is.
    pub fn organization(&self) -> OrgId {
        self.0.organization
    }

    /// The number of its newest value.
    pub fn generation(&self) -> u32 {
        self.0.newest.number
    }

    /// What its newest value may do.
    pub fn grant(&self) -> &Grant {
        &self.0.newest.grant
    }

    /// All that is remembered.
    pub fn parts(&self) -> &TokenParts {
        &self.0
    }

    /// When it was last rotated.
    pub fn rotated_at(&self) -> Option<Timestamp> {
        let newest = &self.0.newest;
        (newest.number > 1).then_some(newest.issued_at)
    }

    /// The last characters of its newest value.
    pub fn hint(&self) -> Hint {
        self.0.newest.hint
    }
}

impl TokenParts {
    /// All its values, the oldest first.
    pub fn generations(&self) -> impl DoubleEndedIterator<Item = &Generation> {
        self.earlier.iter().chain(std::iter::once(&self.newest))
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
#[path = "record/tests.rs"]
mod tests;
