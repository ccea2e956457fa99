//! How long an old value goes on after a rotation.

use std::time::Duration;

/// What a rotation does to the values before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// They die at once.
    Immediately,
    /// The value that was current goes on until so long after the first use of the new one, and in no case
    /// beyond [`Grace::LONGEST`] after the rotation.
    AfterFirstUse(Duration),
}

/// A grace longer than a rotation may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an old value can go on for 7 days (604800 seconds) at most")]
pub struct InvalidGrace;

impl Grace {
    /// The most that an old value can live on after a rotation: 7 days.
    pub const LONGEST: Duration = Duration::from_hours(7 * 24);

    /// So many seconds after the first use of the new value; 0 kills the old values at once.
    ///
    /// # Errors
    /// [`InvalidGrace`] beyond 7 days.
    pub fn from_seconds(seconds: u64) -> Result<Self, InvalidGrace> {
        match Duration::from_secs(seconds) {
            Duration::ZERO => Ok(Self::Immediately),
            span if span <= Self::LONGEST => Ok(Self::AfterFirstUse(span)),
            _ => Err(InvalidGrace),
        }
    }
}
