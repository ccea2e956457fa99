//! What was answered to whoever asked.

use std::fmt;

/// What was answered to whoever asked; told as an event's `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// It was allowed, and done.
    Allowed,
    /// It was allowed, and not done for another reason: bad input, a command that no tool allows, no such page.
    Refused,
    /// The value is none of a token.
    Invalid,
    /// The token had expired.
    Expired,
    /// The token was revoked.
    Revoked,
    /// The token had been rotated, and the value was no longer its own.
    Rotated,
    /// The token's scope is too low.
    Scope,
    /// The target lies outside the token's environments, or does not exist.
    Environment,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Allowed,
        Self::Refused,
        Self::Invalid,
        Self::Expired,
        Self::Revoked,
        Self::Rotated,
        Self::Scope,
        Self::Environment,
    ];

    /// As it stands on the wire and in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Rotated => "rotated",
            Self::Scope => "scope",
            Self::Environment => "environment",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.word() == word)
    }

    /// Whether it was the value of a token that is alive no more.
    pub fn is_dead(self) -> bool {
        matches!(self, Self::Expired | Self::Revoked | Self::Rotated)
    }

    /// Whether the token, or its absence, was the reason.
    pub fn is_denial(self) -> bool {
        !matches!(self, Self::Allowed | Self::Refused)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
