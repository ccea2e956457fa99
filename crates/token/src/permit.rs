//! The proof that an action was allowed.

use std::fmt;

use crate::action::{Action, EnvRef, Visit};
use crate::credential::ActiveToken;
use crate::scope::Scope;

/// The proof that somebody may do `A` to one target, now. It can't be made outside this crate, copied or
/// kept in a default: whoever needs one is handed the one that was granted.
pub struct Permit<A: Action> {
    by: Option<ActiveToken>,
    target: A::Target,
}

/// Why an action is refused to a living token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The target is outside what the token may know of: it is answered as if it did not exist.
    #[error("outside the token's environments")]
    OutOfSight,
    /// The token may see the target, and its scope is too low for the action.
    #[error("needs the scope {0}")]
    MissingScope(Scope),
    /// The action takes a token for all environments of the organization, and this one names some.
    #[error("needs a token for all environments")]
    NotForAll,
}

/// Who may read and run an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Whoever has a token for it.
    Private,
    /// Everybody.
    Public,
}

impl<A: Action> Permit<A> {
    pub(crate) fn granted(by: Option<ActiveToken>, target: A::Target) -> Self {
        Self { by, target }
    }

    /// The token it was granted to; `None` for a visitor of a public application.
    pub fn by(&self) -> Option<&ActiveToken> {
        self.by.as_ref()
    }

    /// What it is for.
    pub fn target(&self) -> &A::Target {
        &self.target
    }
}

impl<A: Visit> Permit<A> {
    /// The permit for a visitor without a token: granted on a public application, and nowhere else.
    pub fn for_visitor(target: EnvRef, visibility: Visibility) -> Option<Self> {
        (visibility == Visibility::Public).then(|| Self::granted(None, target))
    }

    /// The permit for a living token on a public application, which asks nothing of it.
    pub fn for_guest(by: &ActiveToken, target: EnvRef, visibility: Visibility) -> Option<Self> {
        (visibility == Visibility::Public).then(|| Self::granted(Some(by.clone()), target))
    }
}

impl<A: Action> fmt::Debug for Permit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("action", &A::NAME).field("by", &self.by).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "permit/tests.rs"]
mod tests;
