//! What was sent and what was acknowledged: the measure of what has to be there after a kill.
//!
//! Each token and each environment is changed by one worker at a time, so that at most one change of each is without an answer
//! when the gateway is killed. Reads, uses and runs go on beside that and change nothing here but counts.

mod environment;
mod runs;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use toolfront_token::TokenSecret;

pub(crate) use self::environment::{EnvironmentChange, Living, Slot};
pub(crate) use self::runs::Runs;
pub(crate) use self::token::{Token, TokenChange, Verdict};
use crate::choices::Choices;

/// What was done, for the counts in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Create,
    Rotate,
    RotateWithGrace,
    Revoke,
    Deploy,
    RollBack,
    Delete,
    Run,
    Read,
    Use,
}

/// How often something was sent, and what became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
}

/// The ledger of a whole campaign.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) tokens: Vec<Token>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) runs: Runs,
    /// The names of all tokens that were asked for, the unanswered ones too.
    pub(crate) names: BTreeSet<String>,
    counts: BTreeMap<Operation, Count>,
}

/// A value about to be presented, and what was known of it just before.
#[derive(Clone, Debug)]
pub(crate) struct Presenting {
    pub(crate) token: usize,
    pub(crate) generation: u32,
    pub(crate) secret: std::sync::Arc<TokenSecret>,
    pub(crate) before: Verdict,
    version: u64,
    is_calm: bool,
}

impl Ledger {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            tokens: Vec::new(),
            slots: (0..slots).map(Slot::new).collect(),
            runs: Runs::default(),
            names: BTreeSet::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Notes that something is being sent.
    pub(crate) fn sent(&mut self, operation: Operation) {
        self.counts.entry(operation).or_default().sent += 1;
    }

    /// Notes that it was acknowledged.
    pub(crate) fn acknowledged(&mut self, operation: Operation) {
        self.counts.entry(operation).or_default().acknowledged += 1;
    }

    /// Notes that it was refused.
    pub(crate) fn refused(&mut self, operation: Operation) {
        self.counts.entry(operation).or_default().refused += 1;
    }

    /// All counts.
    pub(crate) fn counts(&self) -> &BTreeMap<Operation, Count> {
        &self.counts
    }

    /// A name for a new token, used once.
    pub(crate) fn new_name(&mut self) -> String {
        let name = format!("crash-{}", self.names.len());
        self.names.insert(name.clone());
        name
    }

    /// A living token that nobody changes at the moment; a young one more often than an old one.
    pub(crate) fn changeable(&self, choices: &mut Choices) -> Option<usize> {
        (0..8).map(|_| self.some_token(choices)).find(|index| {
            self.tokens.get(*index).is_some_and(|token| token.change().is_none() && !token.is_revoked())
        })
    }

    /// Any value of any token; a young token's more often than an old one's.
    pub(crate) fn any_value(&self, choices: &mut Choices) -> Option<(usize, u32)> {
        let index = self.some_token(choices);
        let generations: Vec<u32> = self.tokens.get(index)?.generations().collect();
        choices.pick(&generations).map(|generation| (index, *generation))
    }

    /// A value that may run tools everywhere, as far as is known.
    pub(crate) fn runner(&self, choices: &mut Choices) -> Option<(usize, u32)> {
        (0..8).find_map(|_| {
            let index = self.some_token(choices);
            let token = self.tokens.get(index).filter(|token| token.may_run())?;
            let generation = token.generations().last()?;
            (token.verdict(generation, Instant::now()) == Verdict::Alive).then_some((index, generation))
        })
    }

    fn some_token(&self, choices: &mut Choices) -> usize {
        let all = self.tokens.len();
        let among = if choices.percent(70) { all.min(40) } else { all };
        (all - among) + choices.below(among)
    }

    /// Notes that a value is about to be presented.
    pub(crate) fn present(&mut self, token: usize, generation: u32, now: Instant) -> Option<Presenting> {
        let entry = self.tokens.get_mut(token)?;
        let secret = entry.secret(generation)?;
        let before = entry.verdict(generation, now);
        entry.use_sent(generation, now);
        let (version, is_calm) = (entry.version(), entry.change().is_none());
        Some(Presenting { token, generation, secret, before, version, is_calm })
    }

    /// Notes that a value was accepted, and judges whether it might be. `Err` says what is wrong.
    pub(crate) fn accepted(&mut self, presenting: &Presenting, now: Instant) -> Result<(), Verdict> {
        let Some(entry) = self.tokens.get_mut(presenting.token) else { return Ok(()) };
        // Beside a rotation nobody can tell from here which of both came first.
        if presenting.is_calm && entry.version() == presenting.version {
            entry.use_acknowledged(presenting.generation, now);
        }
        if presenting.before.is_dead() { Err(presenting.before) } else { Ok(()) }
    }

    /// Judges whether a value might be refused. `Err` when it had to be accepted.
    pub(crate) fn was_refused(&self, presenting: &Presenting, now: Instant) -> Result<(), Verdict> {
        let Some(entry) = self.tokens.get(presenting.token) else { return Ok(()) };
        let after = entry.verdict(presenting.generation, now);
        let unchanged = entry.version() == presenting.version;
        if presenting.before == Verdict::Alive && after == Verdict::Alive && unchanged {
            return Err(Verdict::Alive);
        }
        Ok(())
    }
}

impl Count {
    /// How often no answer came.
    pub(crate) fn unknown(self) -> u64 {
        self.sent.saturating_sub(self.acknowledged + self.refused)
    }
}

impl Operation {
    /// Its name in the report and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::RotateWithGrace => "rotate_with_grace",
            Self::Revoke => "revoke",
            Self::Deploy => "deploy",
            Self::RollBack => "roll_back",
            Self::Delete => "delete",
            Self::Run => "run",
            Self::Read => "read",
            Self::Use => "use",
        }
    }
}
