//! A campaign: rounds of load, kill, look, start, look.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use toolfront_client::WhichToken;

use crate::check::{self, Extent, Places};
use crate::choices::Choices;
use crate::content::Content;
use crate::findings::{Findings, PROMISES, Promise, Violation};
use crate::ledger::Ledger;
use crate::load;
use crate::marks::MarkKeeper;
use crate::process::{Host, Running};
use crate::world::{Lasting, World};

/// How many environments are deployed to.
const SLOTS: usize = 6;
/// How long the load goes on before the kill.
const LOAD: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(900));
/// One start in so many is killed while it is under way.
const EARLY_KILLS: usize = 4;
/// When such a start is killed, at the latest.
const EARLY: Duration = Duration::from_millis(40);

/// What to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `toolfront` binary.
    pub binary: PathBuf,
    /// How many times the gateway is killed under load.
    pub rounds: u32,
    /// What the choices come from.
    pub seed: u64,
    /// An empty directory for all that is written.
    pub directory: PathBuf,
}

/// A round that is over.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Which, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// How long the load went on before the kill.
    pub load: Duration,
    /// How many changes, runs, reads and uses were acknowledged in it.
    pub acknowledged: u64,
    /// How many were sent and had no answer when the gateway was gone.
    pub unknown: u64,
    /// How many checks there were, those under load too.
    pub checks: u64,
    /// How long the start after the kill took.
    pub start: Duration,
}

/// What came of a campaign.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What the choices came from.
    pub seed: u64,
    /// How many rounds there were; fewer than asked for when a promise was broken.
    pub rounds: u32,
    /// How long it took.
    pub took: Duration,
    /// What was done: the name, and how often it was sent, acknowledged, refused, and not answered.
    pub operations: Vec<(&'static str, [u64; 4])>,
    /// How often each promise was checked.
    pub checks: Vec<(Promise, u64)>,
    /// Which were broken.
    pub violations: Vec<Violation>,
}

/// Runs a campaign; `told` hears of each round. Ends early when a promise was broken.
///
/// # Errors
/// When the campaign itself can't go on: the binary is not there, the disk is full.
pub async fn run(settings: &Settings, told: &mut (dyn FnMut(&Round) + Send)) -> anyhow::Result<Summary> {
    let begun = Instant::now();
    let mut campaign = Campaign::set_up(settings)?;
    let mut running = campaign.host.start()?;
    campaign.meet_administrator(&running).await?;
    let mut rounds = 0;
    for number in 1..=settings.rounds {
        rounds = number;
        campaign.lasting.findings.begin_round(number);
        let before = campaign.totals();
        let load = campaign.load_and_kill(running, number).await?;
        let extent = if number == settings.rounds { Extent::Whole } else { Extent::Touched };
        campaign.look_at_disk(extent).await?;
        let start = Instant::now();
        let Some(started) = campaign.start_again().await else { break };
        running = started;
        let start = start.elapsed();
        let world = World::new(&campaign.lasting, running.url())?;
        check::after_start(&world, extent, &mut campaign.choices).await;
        let after = campaign.totals();
        told(&Round {
            number,
            of: settings.rounds,
            load,
            acknowledged: after.0 - before.0,
            unknown: after.1 - before.1,
            checks: after.2 - before.2,
            start,
        });
        if campaign.lasting.findings.is_violated() {
            break;
        }
    }
    Ok(campaign.summary(settings.seed, rounds, begun.elapsed()))
}

struct Campaign {
    host: Host,
    lasting: Lasting,
    places: Places,
    choices: Choices,
    seed: u64,
}

impl Campaign {
    fn set_up(settings: &Settings) -> anyhow::Result<Self> {
        let directory = std::path::absolute(&settings.directory)?;
        let host = Host::new(&settings.binary, &directory)?;
        let (marks, uploads) = (directory.join("marks"), directory.join("uploads"));
        std::fs::create_dir_all(&marks)?;
        std::fs::create_dir_all(&uploads)?;
        let admin = Arc::new(host.init()?);
        let lasting = Lasting {
            content: Content::new(settings.seed, MarkKeeper::start(&marks)?),
            findings: Arc::default(),
            ledger: Arc::new(Mutex::new(Ledger::new(SLOTS))),
            uploads,
            admin,
        };
        let (data, copy) = (host.data(), directory.join("copy"));
        let places = Places { data, marks, copy, administrator: String::new() };
        let choices = Choices::new(settings.seed, u64::MAX);
        Ok(Self { host, lasting, places, choices, seed: settings.seed })
    }

    async fn meet_administrator(&mut self, running: &Running) -> anyhow::Result<()> {
        let world = World::new(&self.lasting, running.url())?;
        self.places.administrator = world.admin.token(WhichToken::Own).await?.name;
        Ok(())
    }

    /// Acknowledged, unanswered, and checked so far.
    fn totals(&self) -> (u64, u64, u64) {
        let ledger = self.lasting.ledger.lock();
        let counts = ledger.counts().values();
        let (acknowledged, unknown) = counts.fold((0, 0), |(acknowledged, unknown), count| {
            (acknowledged + count.acknowledged, unknown + count.unknown())
        });
        (acknowledged, unknown, self.lasting.findings.checks_in_all())
    }

    /// Puts the gateway under load, and kills it at a moment that chance has chosen.
    async fn load_and_kill(&mut self, mut running: Running, round: u32) -> anyhow::Result<Duration> {
        let world = World::new(&self.lasting, running.url())?;
        let load = self.choices.between(LOAD.0, LOAD.1);
        let workers = load::start(&world, self.seed, round);
        tokio::time::sleep(load).await;
        let findings = &self.lasting.findings;
        findings.check(Promise::Answers, running.is_alive(), || "the gateway ended by itself".to_owned());
        // Lost answers are to be expected from here on.
        world.stop();
        spawn_blocking(move || running.kill()).await?;
        workers.join_all().await;
        Ok(load)
    }

    async fn look_at_disk(&self, extent: Extent) -> anyhow::Result<()> {
        let (places, lasting) = (self.places.clone(), self.lasting.clone());
        spawn_blocking(move || check::at_rest(&places, &mut lasting.ledger.lock(), &lasting.findings, extent))
            .await?
    }

    /// Starts the gateway again; now and then only after another start that was killed on its way.
    async fn start_again(&mut self) -> Option<Running> {
        let early =
            (self.choices.below(EARLY_KILLS) == 0).then(|| self.choices.between(Duration::ZERO, EARLY));
        let host = self.host.clone();
        let started = spawn_blocking(move || {
            early.map_or(Ok(()), |after| host.start_and_kill(after))?;
            host.start()
        });
        let started = started.await.map_err(anyhow::Error::from).and_then(|started| started);
        let fault = started.as_ref().err().map(|fault| format!("{fault:#}"));
        let findings = &self.lasting.findings;
        findings.check(Promise::StartsAgain, fault.is_none(), || fault.unwrap_or_default());
        started.ok()
    }

    fn summary(&self, seed: u64, rounds: u32, took: Duration) -> Summary {
        let ledger = self.lasting.ledger.lock();
        let findings: &Findings = &self.lasting.findings;
        let row =
            |count: &crate::ledger::Count| [count.sent, count.acknowledged, count.refused, count.unknown()];
        let operations = ledger.counts().iter().map(|(operation, count)| (operation.name(), row(count)));
        Summary {
            seed,
            rounds,
            took,
            operations: operations.collect(),
            checks: PROMISES.iter().map(|promise| (*promise, findings.checks(*promise))).collect(),
            violations: findings.violations(),
        }
    }
}

/// The binary that stands beside this program's own: `target/debug/toolfront` for a test of `target/debug/deps`.
///
/// # Errors
/// When this program can't tell where it is.
pub fn binary_beside(program: &Path) -> Option<PathBuf> {
    program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("toolfront"))
        .find(|path| path.is_file())
}
