//! Commands under way: how many there may be at once, and which to end with their token.

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

/// The commands under way.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    counts: Arc<Mutex<Counts>>,
    all_max: usize,
    environment_max: usize,
    runner_max: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    environments: HashMap<EnvId, usize>,
    runners: HashMap<Runner, (usize, watch::Sender<u64>)>,
}

/// A command's place among those under way; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct RunPlace {
    counts: Arc<Mutex<Counts>>,
    environment: EnvId,
    runner: Runner,
    ended: watch::Receiver<u64>,
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
        Self {
            counts: Arc::default(),
            all_max: limits.runs_max,
            environment_max: limits.runs_per_environment_max,
            runner_max: limits.runs_per_token_max,
        }
    }

    /// A place for one more command.
    pub(crate) fn begin(&self, environment: EnvId, runner: Runner) -> Result<RunPlace, Busy> {
        let mut counts = self.counts.lock();
        if counts.all >= self.all_max {
            return Err(Busy::Gateway);
        }
        if counts.environments.get(&environment).is_some_and(|count| *count >= self.environment_max) {
            return Err(Busy::Environment);
        }
        let (count, kill) = counts.runners.entry(runner).or_insert_with(|| (0, watch::Sender::new(0)));
        if *count >= self.runner_max {
            return Err(Busy::Runner);
        }
        *count += 1;
        let ended = kill.subscribe();
        counts.all += 1;
        *counts.environments.entry(environment).or_default() += 1;
        Ok(RunPlace { counts: Arc::clone(&self.counts), environment, runner, ended })
    }

    /// Ends every command of a token that is under way.
    pub(crate) fn end(&self, token: TokenId) {
        if let Some((_, kill)) = self.counts.lock().runners.get(&Runner::Token(token)) {
            kill.send_modify(|times| *times += 1);
        }
    }
}

impl RunPlace {
    /// Returns when the command is to be ended with its token.
    pub(crate) async fn ended(&mut self) {
        if self.ended.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for RunPlace {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.environments.get_mut(&self.environment) {
            *count = count.saturating_sub(1);
            if *count == 0 {
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
