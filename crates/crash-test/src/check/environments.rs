//! Environments after a start: which there are, and byte for byte what they serve.

use toolfront_api::Environment;
use toolfront_client::ClientError;
use toolfront_token::EnvId;

use crate::findings::Promise;
use crate::ledger::{EnvironmentChange, Living, Slot};
use crate::world::{Answer, World};

/// How many of the deleted ones of a name are asked for: the youngest.
const GONE_MAX: usize = 5;

pub(super) async fn check(world: &World) {
    let slots = world.ledger().slots.len();
    for index in 0..slots {
        check_one(world, index).await;
    }
}

async fn check_one(world: &World, index: usize) {
    let Some(name) = world.ledger().slots.get(index).map(Slot::name) else { return };
    let found = match world.admin.environment(&name).await {
        Ok(environment) => Some(environment),
        Err(ClientError::Problem(problem)) if problem.status == 404 => None,
        Err(refusal) => return world.findings.violated(Promise::Answers, format!("{name}: {refusal}")),
    };
    let (living, gone) = {
        let mut ledger = world.ledger();
        let Some(slot) = ledger.slots.get_mut(index) else { return };
        find_out(slot, found.as_ref());
        (slot.living().cloned(), slot.gone.clone())
    };
    compare(world, &name, living.as_ref(), found.as_ref(), &gone);
    if let (Some(living), Some(_)) = (&living, &found) {
        check_served(world, &name, living).await;
        check_releases(world, &name, living).await;
    }
    for id in gone.iter().rev().take(GONE_MAX) {
        check_gone(world, &name, *id).await;
    }
}

/// What became of a change that was not answered: all of it, or nothing.
fn find_out(slot: &mut Slot, found: Option<&Environment>) {
    let Some(change) = slot.change() else { return };
    let release = found.and_then(|environment| environment.release).unwrap_or_default();
    let id = found.map(|environment| environment.id).or_else(|| slot.living().map(|living| living.id));
    let is_known = slot.living().is_some_and(|living| living.releases.contains_key(&release));
    let is_done = match change {
        EnvironmentChange::Create(_) => found.is_some(),
        EnvironmentChange::Publish(_) => found.is_some() && !is_known,
        EnvironmentChange::RollBack(earlier) => release == earlier,
        EnvironmentChange::Delete => found.is_none(),
    };
    match id {
        Some(id) if is_done => slot.done(id, release),
        _ => slot.not_done(),
    }
}

fn compare(world: &World, name: &str, living: Option<&Living>, found: Option<&Environment>, gone: &[EnvId]) {
    let expected = living.map(|living| (living.id, Some(living.current)));
    let seen = found.map(|environment| (environment.id, environment.release));
    let promise = match expected {
        Some(_) => Promise::DeployedServes,
        None => Promise::DeletedIsGone,
    };
    world.findings.check(promise, expected == seen, || {
        format!("{name} has to be {expected:?} (id, release), and is {seen:?}")
    });
    let is_new = found.is_none_or(|environment| !gone.contains(&environment.id));
    world.findings.check(Promise::DeletedIsGone, is_new, || format!("{name} has a deleted one's id again"));
}

async fn check_served(world: &World, name: &str, living: &Living) {
    let Some(revision) = living.releases.get(&living.current) else { return };
    for file in world.content.files(*revision) {
        let answer = world.read_as_admin(&format!("/e/{name}/{}", file.path)).await;
        let told = format!("revision {} (release {})", revision.number, living.current);
        world.compare(name, &file, &answer, &told);
    }
}

async fn check_releases(world: &World, name: &str, living: &Living) {
    let found = match world.admin.releases(name).await {
        Ok(releases) => releases,
        Err(refusal) => return world.findings.violated(Promise::Answers, format!("{name}: {refusal}")),
    };
    for number in living.releases.keys() {
        let is_there = found.iter().any(|release| release.release == *number);
        world.findings.check(Promise::DeployedServes, is_there, || {
            format!("release {number} of {name} was acknowledged, and is not listed")
        });
    }
    for release in &found {
        let is_known = living.releases.contains_key(&release.release);
        world.findings.check(Promise::NothingInvented, is_known, || {
            format!("release {} of {name} was never deployed", release.release)
        });
    }
}

async fn check_gone(world: &World, name: &str, id: EnvId) {
    let seen = match world.read_as_admin(&format!("/api/v1/environments/{id}")).await {
        Answer::Whole { status: 404, .. } => None,
        Answer::Whole { status, .. } => Some(status.to_string()),
        Answer::Lost(why) => Some(why),
    };
    let holds = seen.is_none();
    world.findings.check(Promise::DeletedIsGone, holds, || {
        format!("{id} ({name}) was deleted, and is answered {}", seen.unwrap_or_default())
    });
}
