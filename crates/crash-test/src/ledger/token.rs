//! One token, as far as it was acknowledged; and of each of its values, whether it has to work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use toolfront_token::{TokenId, TokenSecret};

/// How far two clocks of one machine, and the moments before and after a call, are taken to be apart at the most.
const MARGIN: Duration = Duration::from_millis(250);

/// A token whose creation was acknowledged.
#[derive(Debug)]
pub(crate) struct Token {
    id: TokenId,
    name: String,
    may_run: bool,
    /// The values that were shown, the oldest first. One that a kill swallowed is missing.
    values: Vec<Value>,
    generation: u32,
    revocation: Option<String>,
    change: Option<TokenChange>,
    /// The newest value had been used, for certain, before the change under way was sent.
    was_used: bool,
    version: u64,
    uses: u64,
    /// Something happened since it was last checked.
    pub(crate) is_touched: bool,
}

#[derive(Debug)]
struct Value {
    generation: u32,
    secret: Arc<TokenSecret>,
    life: Life,
    /// When a use was first sent, and when one was first known to have been accepted.
    use_sent: Option<Instant>,
    use_acknowledged: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Current,
    /// Goes on so long after the first use of a later value.
    Grace(Duration),
    Ended,
    /// A rotation came while nobody could tell whether the value had been used before it.
    Unsure,
}

/// A change that was sent and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenChange {
    Rotate { grace: Duration },
    Revoke { reason: String },
}

/// Whether a value has to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alive,
    Revoked,
    Rotated,
    Unsure,
}

impl Token {
    pub(crate) fn new(id: TokenId, name: String, may_run: bool, secret: TokenSecret) -> Self {
        Self {
            id,
            name,
            may_run,
            values: vec![Value::new(1, Arc::new(secret))],
            generation: 1,
            revocation: None,
            change: None,
            was_used: false,
            version: 0,
            uses: 0,
            is_touched: true,
        }
    }

    pub(crate) fn id(&self) -> TokenId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn may_run(&self) -> bool {
        self.may_run
    }

    /// The number of its newest value, as far as is known.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// The generations whose values are known.
    pub(crate) fn generations(&self) -> impl Iterator<Item = u32> {
        self.values.iter().map(|value| value.generation)
    }

    pub(crate) fn secret(&self, generation: u32) -> Option<Arc<TokenSecret>> {
        self.values.iter().find(|value| value.generation == generation).map(|value| Arc::clone(&value.secret))
    }

    /// The reason of its revocation, once that is acknowledged.
    pub(crate) fn revocation(&self) -> Option<&str> {
        self.revocation.as_deref()
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revocation.is_some()
    }

    /// The change under way.
    pub(crate) fn change(&self) -> Option<&TokenChange> {
        self.change.as_ref()
    }

    /// Another number after each step of a change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// How often its values were sent, at the most.
    pub(crate) fn uses(&self) -> u64 {
        self.uses
    }

    /// Notes a change that is about to be sent.
    pub(crate) fn begin(&mut self, change: TokenChange) {
        self.was_used = self.values.last().is_some_and(|value| value.use_acknowledged.is_some());
        self.change = Some(change);
        self.step();
    }

    /// Notes that the change was made. A rotation whose answer was lost has no value.
    pub(crate) fn done(&mut self, value: Option<TokenSecret>) {
        match self.change.take() {
            Some(TokenChange::Rotate { grace }) => self.rotated(grace, value),
            Some(TokenChange::Revoke { reason }) => self.revocation = Some(reason),
            None => {}
        }
        self.step();
    }

    /// Notes that the change was not made.
    pub(crate) fn not_done(&mut self) {
        self.change = None;
        self.step();
    }

    fn step(&mut self) {
        self.version += 1;
        self.is_touched = true;
    }

    fn rotated(&mut self, grace: Duration, secret: Option<TokenSecret>) {
        let (current, was_used) = (self.generation, self.was_used);
        for value in self.values.iter_mut().filter(|value| value.life != Life::Ended) {
            value.life = match value.life {
                _ if grace.is_zero() => Life::Ended,
                // There are never two new values: one that was not used is cancelled. The first needs no use.
                Life::Current if current == 1 || was_used => Life::Grace(grace),
                Life::Current if value.use_sent.is_none() => Life::Ended,
                Life::Current => Life::Unsure,
                other => other,
            };
        }
        self.generation += 1;
        self.values.extend(secret.map(|secret| Value::new(self.generation, Arc::new(secret))));
    }

    pub(crate) fn use_sent(&mut self, generation: u32, now: Instant) {
        self.uses += 1;
        self.is_touched = true;
        if let Some(value) = self.values.iter_mut().find(|value| value.generation == generation) {
            value.use_sent.get_or_insert(now);
        }
    }

    pub(crate) fn use_acknowledged(&mut self, generation: u32, now: Instant) {
        if let Some(value) = self.values.iter_mut().find(|value| value.generation == generation) {
            value.use_acknowledged.get_or_insert(now);
        }
    }

    /// Whether a request with this value that arrives at `now` has to be let in.
    pub(crate) fn verdict(&self, generation: u32, now: Instant) -> Verdict {
        let Some(place) = self.values.iter().position(|value| value.generation == generation) else {
            return Verdict::Unsure;
        };
        let life = self.values.get(place).map_or(Life::Unsure, |value| value.life);
        let verdict = match life {
            _ if self.revocation.is_some() => return Verdict::Revoked,
            Life::Ended => return Verdict::Rotated,
            Life::Unsure => Verdict::Unsure,
            Life::Current => Verdict::Alive,
            Life::Grace(grace) => self.in_grace(place, grace, now),
        };
        // While a change is under way, what is alive may be dead already; what is dead stays so.
        if verdict == Verdict::Alive && self.change.is_some() { Verdict::Unsure } else { verdict }
    }

    fn in_grace(&self, place: usize, grace: Duration, now: Instant) -> Verdict {
        let later = self.values.get(place + 1..).unwrap_or_default();
        let sent = later.iter().filter_map(|value| value.use_sent).min();
        let acknowledged = later.iter().filter_map(|value| value.use_acknowledged).min();
        if acknowledged.is_some_and(|used| now >= used + grace + MARGIN) {
            return Verdict::Rotated;
        }
        if sent.is_none_or(|used| now + MARGIN < used + grace) { Verdict::Alive } else { Verdict::Unsure }
    }
}

impl Value {
    fn new(generation: u32, secret: Arc<TokenSecret>) -> Self {
        Self { generation, secret, life: Life::Current, use_sent: None, use_acknowledged: None }
    }
}

impl Verdict {
    /// Whether the value has to be refused.
    pub(crate) fn is_dead(self) -> bool {
        matches!(self, Self::Revoked | Self::Rotated)
    }
}

#[cfg(test)]
#[path = "token/tests.rs"]
mod tests;
