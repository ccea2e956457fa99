//! What a gateway holds in memory of each value, and what it becomes when a request presents the value.

use crate::action::Action;
use crate::grant::{EnvGrant, Expiry, Grant};
use crate::id::{OrgId, TokenId};
use crate::permit::{Denied, Permit};
use crate::scope::Scope;
use crate::timestamp::Timestamp;

/// All that is needed to judge a request that presents one value; found by the value's digest.
///
/// A gateway has one for each value, of a million tokens too, and reading it is a wait for memory. So it is packed: an
/// [`Expiry`] and a [`CredentialState`] take 16 bytes each, half of them for saying which kind they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    token: TokenId,
    organization: OrgId,
    environments: EnvGrant,
    /// Zero unless `is_mortal`.
    expires_at: Timestamp,
    /// Zero unless the standing is one of grace.
    grace_until: Timestamp,
    generation: u32,
    scope: Scope,
    is_mortal: bool,
    standing: Standing,
}

/// A [`CredentialState`] without its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Current,
    CurrentUnused,
    Grace,
    GraceSuccessorUnused,
    Rotated,
    Revoked,
}

/// Where a value stands in its token's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialState {
    /// The newest value.
    Current {
        /// It was made by a rotation and has not been used yet: its first use has to be recorded, since
        /// from it the values before count their end.
        first_use_pending: bool,
    },
    /// An older value that goes on until this instant.
    Grace {
        /// It is valid strictly before this instant.
        until: Timestamp,
        /// The newest value has not been used yet, so that its holder may never have received it.
        successor_unused: bool,
    },
    /// An older value that a rotation ended.
    Rotated,
    /// The token is revoked.
    Revoked,
}

/// Why a value that is known may do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dead {
    /// Its token was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// Its token's lifetime is over.
    #[error("the token has expired")]
    Expired,
    /// A rotation put another value in its place.
    #[error("the token was rotated, this value is no longer valid")]
    Rotated,
}

/// A living token, at the instant that it was judged. Only [`Credential::activate`] makes one.
#[derive(Clone, Debug)]
pub struct ActiveToken {
    token: TokenId,
    organization: OrgId,
    generation: u32,
    grant: Grant,
    state: CredentialState,
}

impl Credential {
    pub(crate) fn new(
        token: TokenId,
        organization: OrgId,
        generation: u32,
        grant: Grant,
        state: CredentialState,
    ) -> Self {
        const UNSET: Timestamp = Timestamp::from_micros(0);
        let (standing, grace_until) = match state {
            CredentialState::Current { first_use_pending: false } => (Standing::Current, UNSET),
            CredentialState::Current { first_use_pending: true } => (Standing::CurrentUnused, UNSET),
            CredentialState::Grace { until, successor_unused: false } => (Standing::Grace, until),
            CredentialState::Grace { until, successor_unused: true } => {
                (Standing::GraceSuccessorUnused, until)
            }
            CredentialState::Rotated => (Standing::Rotated, UNSET),
            CredentialState::Revoked => (Standing::Revoked, UNSET),
        };
        let Grant { scope, environments, expiry } = grant;
        let (is_mortal, expires_at) = match expiry {
            Expiry::Never => (false, UNSET),
            Expiry::At(end) => (true, end),
        };
        Self {
            token,
            organization,
            environments,
            expires_at,
            grace_until,
            generation,
            scope,
            is_mortal,
            standing,
        }
    }

    /// The token, if this value is alive at `now`. *Revoked* beats *rotated* beats *expired*.
    ///
    /// # Errors
    /// [`Dead`] says why it is not.
    pub fn activate(&self, now: Timestamp) -> Result<ActiveToken, Dead> {
        let state = self.state();
        match state {
            CredentialState::Revoked => return Err(Dead::Revoked),
            CredentialState::Rotated => return Err(Dead::Rotated),
            CredentialState::Grace { until, .. } if now >= until => return Err(Dead::Rotated),
            CredentialState::Grace { .. } | CredentialState::Current { .. } => {}
        }
        let expiry = self.expiry();
        if !expiry.is_live(now) {
            return Err(Dead::Expired);
        }
        Ok(ActiveToken {
            token: self.token,
            organization: self.organization,
            generation: self.generation,
            grant: Grant { scope: self.scope, environments: self.environments.clone(), expiry },
            state,
        })
    }

    /// The token that the value belongs to.
    pub fn token(&self) -> TokenId {
        self.token
    }

    /// Which of the token's values it is; the first is 1.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whose token it is.
    pub fn organization(&self) -> OrgId {
        self.organization
    }

    /// Where the value stands.
    pub fn state(&self) -> CredentialState {
        let until = self.grace_until;
        match self.standing {
            Standing::Current => CredentialState::Current { first_use_pending: false },
            Standing::CurrentUnused => CredentialState::Current { first_use_pending: true },
            Standing::Grace => CredentialState::Grace { until, successor_unused: false },
            Standing::GraceSuccessorUnused => CredentialState::Grace { until, successor_unused: true },
            Standing::Rotated => CredentialState::Rotated,
            Standing::Revoked => CredentialState::Revoked,
        }
    }

    /// When the value ends by itself.
    pub fn expiry(&self) -> Expiry {
        if self.is_mortal { Expiry::At(self.expires_at) } else { Expiry::Never }
    }
}

impl ActiveToken {
    /// The proof that this token may do `A` to `target`.
    ///
    /// # Errors
    /// [`Denied::OutOfSight`] is judged first, so that a token learns nothing of what it may not see.
    pub fn authorize<A: Action>(&self, target: A::Target) -> Result<Permit<A>, Denied> {
        if !A::within(self.organization, &self.grant.environments, &target) {
            return Err(Denied::OutOfSight);
        }
        match A::SCOPE {
            Some(needed) if self.grant.scope < needed => Err(Denied::MissingScope(needed)),
            _ if A::NEEDS_ALL && self.grant.environments != EnvGrant::All => Err(Denied::NotForAll),
            _ => Ok(Permit::granted(Some(self.clone()), target)),
        }
    }

    /// Which token it is.
    pub fn token(&self) -> TokenId {
        self.token
    }

    /// Whose it is.
    pub fn organization(&self) -> OrgId {
        self.organization
    }

    /// Which of its values was presented; the first is 1.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What the presented value may do.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Its scope.
    pub fn scope(&self) -> Scope {
        self.grant.scope
    }

    /// Its environments.
    pub fn environments(&self) -> &EnvGrant {
        &self.grant.environments
    }

    /// Whether this is the first use of a value that a rotation made. It must be recorded before the
    /// request goes on, because it starts the end of the values before.
    pub fn first_use_pending(&self) -> bool {
        matches!(self.state, CredentialState::Current { first_use_pending: true })
    }

    /// Whether the presented value may put another in its place: the newest one may, and one in its grace
    /// may while the newest was never used (its holder may not have received it).
    pub fn may_succeed_itself(&self) -> bool {
        matches!(
            self.state,
            CredentialState::Current { .. } | CredentialState::Grace { successor_unused: true, .. }
        )
    }
}
