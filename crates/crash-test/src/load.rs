//! The mixed load: workers that change tokens and environments, run tools, and read, until the gateway is gone.

mod environments;
mod reads;
mod runs;
mod tokens;

use tokio::task::JoinSet;

use crate::choices::Choices;
use crate::world::World;

/// How many workers do what.
const TOKENS: usize = 4;
const ENVIRONMENTS: usize = 3;
const RUNS: usize = 3;
const USES: usize = 3;
const PAGES: usize = 2;

/// Starts the workers. Each has a stream of choices of its own.
pub(crate) fn start(world: &World, seed: u64, round: u32) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    let mut streams = (u64::from(round) << 16..).map(|stream| Choices::new(seed, stream));
    for choices in streams.by_ref().take(TOKENS) {
        workers.spawn(tokens::change(world.clone(), choices));
    }
    for (choices, worker) in streams.by_ref().take(ENVIRONMENTS).zip(0..) {
        workers.spawn(environments::change(world.clone(), choices, worker));
    }
    for choices in streams.by_ref().take(RUNS) {
        workers.spawn(runs::run(world.clone(), choices));
    }
    for choices in streams.by_ref().take(USES) {
        workers.spawn(reads::use_values(world.clone(), choices));
    }
    for choices in streams.take(PAGES) {
        workers.spawn(reads::read_pages(world.clone(), choices));
    }
    workers
}
