//! What a token may do: a scope, on a set of environments, for a time.

use std::fmt;
use std::sync::Arc;

use crate::id::EnvId;
use crate::scope::Scope;
use crate::timestamp::Timestamp;

/// A sorted set of environment ids, without duplicates. Cloning shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvSet(Arc<[EnvId]>);

/// The environments that a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvGrant {
    /// Every environment of the organization, those to come included. Has to be said aloud.
    All,
    /// These and no others. An empty set grants nothing.
    Only(EnvSet),
}

/// A list of environments without one in it: refused, since it must mean neither *all* nor *nothing*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("name at least one environment, or leave the list out to mean all of them")]
pub struct EmptyGrant;

/// When a token ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It does not.
    Never,
    /// It is valid strictly before this instant.
    At(Timestamp),
}

/// A text that is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time: write it as 2030-01-31T12:00:00Z, with another offset or none (UTC), or as 2030-01-31 \
     (the end of that day, UTC)"
)]
pub struct InvalidExpiry;

/// All that a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The kind of actions.
    pub scope: Scope,
    /// The environments.
    pub environments: EnvGrant,
    /// The lifetime.
    pub expiry: Expiry,
}

impl EnvSet {
    /// The set of these ids.
    pub fn new(ids: impl IntoIterator<Item = EnvId>) -> Self {
        let mut ids: Vec<EnvId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids.into())
    }

    /// Whether `env` is in it.
    pub fn contains(&self, env: EnvId) -> bool {
        self.0.binary_search(&env).is_ok()
    }

    /// The ids, in order.
    pub fn iter(&self) -> impl Iterator<Item = EnvId> + '_ {
        self.0.iter().copied()
    }
}

impl EnvGrant {
    /// A grant for these environments.
    ///
    /// # Errors
    /// [`EmptyGrant`] when there are none.
    pub fn only(ids: impl IntoIterator<Item = EnvId>) -> Result<Self, EmptyGrant> {
        let set = EnvSet::new(ids);
        if set.0.is_empty() { Err(EmptyGrant) } else { Ok(Self::Only(set)) }
    }

    /// Whether `env`, of the same organization, is granted.
    pub fn contains(&self, env: EnvId) -> bool {
        match self {
            Self::All => true,
            Self::Only(set) => set.contains(env),
        }
    }

    /// Whether everything that this grants, now or later, is granted by `other` too.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::All) => true,
            (Self::All, Self::Only(_)) => false,
            (Self::Only(mine), Self::Only(theirs)) => mine.iter().all(|env| theirs.contains(env)),
        }
    }

    /// What both grant.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, both) | (both, Self::All) => both.clone(),
            (Self::Only(mine), Self::Only(theirs)) => {
                Self::Only(EnvSet::new(mine.iter().filter(|env| theirs.contains(*env))))
            }
        }
    }
}

impl Expiry {
    /// Reads an instant: RFC 3339 / ISO 8601 with an offset, the same without one (UTC), or a plain date
    /// (the end of that day, UTC).
    ///
    /// # Errors
    /// [`InvalidExpiry`] for anything else. Whether it lies in the past is for who sets it to say.
    pub fn parse(text: &str) -> Result<Self, InvalidExpiry> {
        let text = text.trim();
        let end_of_day = |date: jiff::civil::Date| date.tomorrow().ok().map(|next| next.at(0, 0, 0, 0));
        let utc = |at: jiff::civil::DateTime| jiff::tz::TimeZone::UTC.to_timestamp(at).ok();
        let instant = if text.len() <= "2030-01-31".len() {
            text.parse().ok().and_then(end_of_day).and_then(utc)
        } else {
            let with_offset = text.parse::<jiff::Timestamp>().ok();
            with_offset.or_else(|| text.parse().ok().and_then(utc))
        };
        instant.map(|instant| Self::At(instant.into())).ok_or(InvalidExpiry)
    }

    /// Whether a token that ends so is alive at `now`.
    pub fn is_live(self, now: Timestamp) -> bool {
        match self {
            Self::Never => true,
            Self::At(end) => now < end,
        }
    }

    /// The instant, if there is one.
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(end) => Some(end),
        }
    }

    /// Whether this ends no later than `other`.
    pub fn is_within(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Never) => true,
            (Self::Never, Self::At(_)) => false,
            (Self::At(mine), Self::At(theirs)) => mine <= theirs,
        }
    }

    /// The earlier of both.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        if self.is_within(other) { self } else { other }
    }
}

impl Grant {
    /// What both grant: never more than either.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            scope: self.scope.min(other.scope),
            environments: self.environments.meet(&other.environments),
            expiry: self.expiry.meet(other.expiry),
        }
    }
}

impl fmt::Debug for EnvSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter()).finish()
    }
}

#[cfg(test)]
#[path = "grant/tests.rs"]
mod tests;
