//! Commands under way: how many there may be at once, and which to end with their token.
//!
//! Of the gateway's places, and of each environment's, a quarter is kept for runners that have nothing under way
//! there: whoever runs much can't take the place of whoever runs a first command.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use toolfront_token::{EnvId, TokenId};

use crate::settings::Limits;

/// Who runs a command: a token, or the visitors of a public application taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Runner {
    Token(TokenId),
    Visitors(EnvId),
}

/// The commands under way; by default there may be none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    counts: Arc<Mutex<Counts>>,
    all_max: usize,
    runner_max: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    environments: HashMap<EnvId, InEnvironment>,
    runners: HashMap<Runner, (usize, watch::Sender<Orders>)>,
}

/// What those that run a runner's commands were told so far.
#[derive(Clone, Copy, Debug, Default)]
struct Orders {
    /// How often it was said to end all.
    ends: u64,
    /// How often the token changed.
    changes: u64,
}

#[derive(Debug, Default)]
struct InEnvironment {
    all: usize,
    runners: HashMap<Runner, usize>,
}

/// Whether there is room for one more, where `all` are under way of which `own` are the runner's. A quarter of the
/// places, rounded down, is for those that have none yet.
fn has_room(max: usize, all: usize, own: usize) -> bool {
    let reserve = if own == 0 { 0 } else { max / 4 };
    all < max.saturating_sub(reserve)
}

/// A command's place among those under way; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct RunPlace {
    counts: Arc<Mutex<Counts>>,
    environment: EnvId,
    runner: Runner,
    orders: watch::Receiver<Orders>,
    /// How often it had been said to end all when this one began.
    ends_before: u64,
}

/// What a command under way is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is to end.
    End,
    /// Its token changed: whether it may go on is to be judged again.
    Reconsider,
}

/// As many commands are under way as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    Gateway,
    Environment,
    Runner,
}

impl Runs {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { counts: Arc::default(), all_max: limits.runs_max, runner_max: limits.runs_per_token_max }
    }

    /// How many are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.counts.lock().all
    }

    /// A place for one more command, in an environment that runs at most so many.
    pub(crate) fn begin(
        &self,
        environment: EnvId,
        environment_max: usize,
        runner: Runner,
    ) -> Result<RunPlace, Busy> {
        let mut counts = self.counts.lock();
        let own = counts.runners.get(&runner).map_or(0, |(own, _)| *own);
        if own >= self.runner_max {
            return Err(Busy::Runner);
        }
        if !has_room(self.all_max, counts.all, own) {
            return Err(Busy::Gateway);
        }
        let there = counts.environments.get(&environment);
        let own_there = there.and_then(|there| there.runners.get(&runner)).copied().unwrap_or_default();
        if !has_room(environment_max, there.map_or(0, |there| there.all), own_there) {
            return Err(Busy::Environment);
        }
        counts.all += 1;
        let there = counts.environments.entry(environment).or_default();
        there.all += 1;
        *there.runners.entry(runner).or_default() += 1;
        let (own, orders) = counts.runners.entry(runner).or_insert_with(|| (0, watch::Sender::default()));
        *own += 1;
        let orders = orders.subscribe();
        let ends_before = orders.borrow().ends;
        Ok(RunPlace { counts: Arc::clone(&self.counts), environment, runner, orders, ends_before })
    }

    /// Ends every command of a token that is under way.
    pub(crate) fn end(&self, token: TokenId) {
        self.order(token, |orders| orders.ends += 1);
    }

    /// Has whoever runs commands with the token judge again whether they may go on.
    pub(crate) fn reconsider(&self, token: TokenId) {
        self.order(token, |orders| orders.changes += 1);
    }

    fn order(&self, token: TokenId, change: impl FnOnce(&mut Orders)) {
        if let Some((_, orders)) = self.counts.lock().runners.get(&Runner::Token(token)) {
            orders.send_modify(change);
        }
    }
}

impl RunPlace {
    /// Where the command runs.
    pub(crate) fn environment(&self) -> EnvId {
        self.environment
    }

    /// Returns when the command is told something.
    pub(crate) async fn told(&mut self) -> Order {
        if self.orders.changed().await.is_err() {
            return std::future::pending().await;
        }
        if self.orders.borrow_and_update().ends > self.ends_before { Order::End } else { Order::Reconsider }
    }
}

impl Drop for RunPlace {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        if let Some(there) = counts.environments.get_mut(&self.environment) {
            there.all = there.all.saturating_sub(1);
            if let Some(own) = there.runners.get_mut(&self.runner) {
                *own = own.saturating_sub(1);
                if *own == 0 {
                    there.runners.remove(&self.runner);
                }
            }
            if there.all == 0 {
                counts.environments.remove(&self.environment);
            }
        }
        if let Some((count, _)) = counts.runners.get_mut(&self.runner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.runners.remove(&self.runner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_kept_for_those_that_have_nothing_under_way() {
        for (max, all, own, expected) in [
            // Places, of those taken all and one's own: whether there is one more.
            (64, 0, 0, true),
            (64, 47, 47, true),
            (64, 48, 48, false),
            (64, 48, 1, false),
            (64, 48, 0, true),
            (64, 63, 0, true),
            (64, 64, 0, false),
            (64, 64, 64, false),
            (64, 63, 16, false),
            (32, 23, 1, true),
            (32, 24, 1, false),
            (4, 2, 2, true),
            (4, 3, 3, false),
            (4, 3, 0, true),
            // A quarter of so few is nothing.
            (3, 2, 2, true),
            (2, 1, 1, true),
            (1, 0, 0, true),
            (1, 1, 0, false),
            (0, 0, 0, false),
        ] {
            assert_eq!(has_room(max, all, own), expected, "{all} of {max}, {own} of them its own");
        }
    }

    fn id(bits: u64) -> EnvId {
        EnvId::from_bits(bits).unwrap()
    }

    fn visitors(number: u64) -> Runner {
        Runner::Visitors(id(number))
    }

    #[test]
    fn who_runs_much_does_not_keep_out_who_runs_a_first_command() {
        let limits = Limits { runs_max: 8, runs_per_token_max: 100, ..Limits::default() };
        let runs = Runs::new(&limits);
        let begin = |environment, max, runner| runs.begin(id(environment), max, visitors(runner));
        let busy: Vec<_> = (0..6).map(|_| begin(1, 32, 1).unwrap()).collect();
        assert_eq!(begin(1, 32, 1).unwrap_err(), Busy::Gateway);
        assert_eq!(begin(2, 32, 1).unwrap_err(), Busy::Gateway);
        let first = begin(1, 32, 2).unwrap();
        assert_eq!(begin(1, 32, 2).unwrap_err(), Busy::Gateway);
        let last = begin(2, 32, 3).unwrap();
        assert_eq!(begin(2, 32, 4).unwrap_err(), Busy::Gateway);
        drop((busy, first, last));
        // The same within an environment; what a runner does elsewhere is not held against it.
        let elsewhere = begin(2, 32, 2).unwrap();
        let busy: Vec<_> = (0..3).map(|_| begin(1, 4, 1).unwrap()).collect();
        assert_eq!(begin(1, 4, 1).unwrap_err(), Busy::Environment);
        let first = begin(1, 4, 2).unwrap();
        assert_eq!(begin(1, 4, 3).unwrap_err(), Busy::Environment);
        drop((busy, first, elsewhere));
        let counts = runs.counts.lock();
        assert_eq!((counts.all, counts.environments.len(), counts.runners.len()), (0, 0, 0));
    }
}
