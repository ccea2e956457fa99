//! One value of a token, from its making to its end.

use std::time::Duration;

use crate::credential::CredentialState;
use crate::digest::TokenDigest;
use crate::grace::Grace;
use crate::grant::Grant;
use crate::timestamp::Timestamp;
use crate::value::{Hint, TokenSecret};

/// One value of a token, and what was granted with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// 1 for the first value.
    pub number: u32,
    /// The value's digest.
    pub digest: TokenDigest,
    /// The value's last characters.
    pub hint: Hint,
    /// When it was made.
    pub issued_at: Timestamp,
    /// What was granted when it was made.
    pub grant: Grant,
    /// When it was first used; recorded for values that a rotation made.
    pub first_used_at: Option<Timestamp>,
    /// How long it goes on after the first use of a later value, when a rotation left it alive.
    pub grace: Option<Duration>,
    /// When a rotation ended it.
    pub ended_at: Option<Timestamp>,
}

/// What a new value is known by once it is given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewValue {
    pub(crate) digest: TokenDigest,
    hint: Hint,
}

impl NewValue {
    /// What is kept of `secret`.
    pub fn of(secret: &TokenSecret) -> Self {
        Self { digest: secret.digest(), hint: secret.hint() }
    }
}

impl Generation {
    pub(crate) fn issued(number: u32, value: NewValue, grant: Grant, now: Timestamp) -> Self {
        let NewValue { digest, hint } = value;
        Self { number, digest, hint, issued_at: now, grant, first_used_at: None, grace: None, ended_at: None }
    }

    /// The first value is given out by hand and may wait for its first use; one that a rotation made has to
    /// tell of it.
    pub(crate) fn first_use_pending(&self) -> bool {
        self.number > 1 && self.first_used_at.is_none()
    }

    /// What a rotation at `now` does to this value. A value that a rotation made and nobody used is
    /// cancelled: there are never two new ones.
    pub(crate) fn retire(&mut self, grace: Grace, is_current: bool, now: Timestamp) {
        if self.ended_at.is_some() {
            return;
        }
        match grace {
            Grace::Immediately => self.ended_at = Some(now),
            Grace::AfterFirstUse(_) if is_current && self.first_use_pending() => self.ended_at = Some(now),
            Grace::AfterFirstUse(span) if is_current => self.grace = Some(span),
            Grace::AfterFirstUse(_) => {}
        }
    }

    /// Where this value stands when `next` followed it, and a later value was first used at `used`.
    pub(crate) fn state_before(
        &self,
        next: &Self,
        used: Option<Timestamp>,
        newest_unused: bool,
    ) -> CredentialState {
        let (None, Some(grace)) = (self.ended_at, self.grace) else { return CredentialState::Rotated };
        let longest = next.issued_at.plus(Grace::LONGEST);
        let until = used.map_or(longest, |used| used.plus(grace).min(longest));
        CredentialState::Grace { until, successor_unused: newest_unused }
    }
}
