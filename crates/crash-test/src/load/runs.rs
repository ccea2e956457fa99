//! Running tools: each run leaves a mark of its own outside the gateway.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::choices::Choices;
use crate::content::PAGE;
use crate::findings::Promise;
use crate::ledger::{Operation, Presenting};
use crate::world::{Answer, World, excerpt};

/// What an answer tells of the command.
#[derive(Deserialize)]
struct Reply {
    returncode: i32,
}

/// A run that a worker has taken on.
struct Task {
    presenting: Presenting,
    /// The value may run tools everywhere, and nobody was changing the environment.
    is_certain: bool,
    slot: usize,
    environment: String,
    version: u64,
    run: u64,
}

/// Runs tools until the gateway is gone.
pub(super) async fn run(world: World, mut choices: Choices) {
    while !world.is_stopping() {
        if !run_once(&world, &mut choices).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn run_once(world: &World, choices: &mut Choices) -> bool {
    let Some(task) = begin(world, choices) else { return false };
    let path = format!("/e/{}/{PAGE}", task.environment);
    let answer = world.run(&task.presenting, &path, &world.content.command(task.run)).await;
    match answer {
        Answer::Lost(_) => {}
        Answer::Whole { status: 200, body } => {
            let mut ledger = world.ledger();
            ledger.acknowledged(Operation::Run);
            ledger.runs.acknowledged.insert(task.run);
            drop(ledger);
            let exit = serde_json::from_slice::<Reply>(&body).ok().map(|reply| reply.returncode);
            world.findings.check(Promise::Answers, exit == Some(0), || {
                format!("{path}: run {} was answered {}", task.run, excerpt(&body))
            });
        }
        Answer::Whole { status, body } => refused(world, &task, &path, status, &body),
    }
    true
}

fn begin(world: &World, choices: &mut Choices) -> Option<Task> {
    let mut ledger = world.ledger();
    // One of ten comes with any value at all, a dead one perhaps.
    let is_runner = !choices.percent(10);
    let (token, generation) = if is_runner { ledger.runner(choices) } else { ledger.any_value(choices) }?;
    let slot = choices.below(ledger.slots.len());
    let chosen = ledger.slots.get(slot).filter(|slot| slot.living().is_some())?;
    let (environment, version) = (chosen.name(), chosen.version());
    let is_certain = is_runner && chosen.change().is_none();
    let presenting = ledger.present(token, generation, Instant::now())?;
    ledger.sent(Operation::Run);
    Some(Task { presenting, is_certain, slot, environment, version, run: ledger.runs.begin() })
}

fn refused(world: &World, task: &Task, path: &str, status: u16, body: &[u8]) {
    let mut ledger = world.ledger();
    ledger.refused(Operation::Run);
    // 401 can also come of a revocation that ended the command.
    if [403, 404, 429].contains(&status) || (status == 401 && task.presenting.before.is_dead()) {
        ledger.runs.refused.insert(task.run);
    }
    let unchanged = ledger.slots.get(task.slot).is_some_and(|slot| slot.version() == task.version);
    drop(ledger);
    let holds = !(unchanged && task.is_certain && [403, 404].contains(&status));
    world.findings.check(Promise::DeployedServes, holds, || {
        format!("{path} was deployed, and a run was answered {status} {}", excerpt(body))
    });
}
