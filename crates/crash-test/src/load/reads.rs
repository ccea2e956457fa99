//! Presenting values of every kind, living and dead; and reading pages with them.

use std::time::{Duration, Instant};

use crate::choices::Choices;
use crate::ledger::{Operation, Verdict};
use crate::world::{Answer, World};

/// Presents values until the gateway is gone, those of the youngest tokens mostly: they are being rotated and revoked meanwhile.
pub(super) async fn use_values(world: World, mut choices: Choices) {
    while !world.is_stopping() {
        let found = world.ledger().any_value(&mut choices);
        match found {
            Some((token, generation)) => use_value(&world, token, generation).await,
            None => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

/// Presents one value.
pub(super) async fn use_value(world: &World, token: usize, generation: u32) {
    let presenting = {
        let mut ledger = world.ledger();
        ledger.sent(Operation::Use);
        ledger.present(token, generation, Instant::now())
    };
    let Some(presenting) = presenting else { return };
    note(world, Operation::Use, &world.read(&presenting, "/api/v1/tokens/self").await);
}

/// Reads pages until the gateway is gone, and compares them with what was deployed.
pub(super) async fn read_pages(world: World, mut choices: Choices) {
    while !world.is_stopping() {
        if !read_page(&world, &mut choices).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn read_page(world: &World, choices: &mut Choices) -> bool {
    let (presenting, index, name, version, served) = {
        let mut ledger = world.ledger();
        let found = if choices.percent(30) { ledger.any_value(choices) } else { ledger.runner(choices) };
        let Some((token, generation)) = found else { return false };
        let index = choices.below(ledger.slots.len());
        let Some(slot) = ledger.slots.get(index) else { return false };
        let (name, version, served) = (slot.name(), slot.version(), slot.served());
        let Some(presenting) = ledger.present(token, generation, Instant::now()) else { return false };
        ledger.sent(Operation::Read);
        (presenting, index, name, version, served)
    };
    let files = served.map(|revision| world.content.files(revision)).unwrap_or_default();
    let path = choices.pick(&files).map_or("README.md", |file| file.path.as_str());
    let answer = world.read(&presenting, &format!("/e/{name}/{path}")).await;
    note(world, Operation::Read, &answer);
    let unchanged = world.ledger().slots.get(index).is_some_and(|slot| slot.version() == version);
    let file = files.iter().find(|file| file.path == path).filter(|_| unchanged);
    if let (Some(file), Some(revision), Answer::Whole { status, .. }) = (file, served, &answer) {
        // A value that may not see the environment is answered 404, and one that is dead 401.
        if *status == 200 || (presenting.before == Verdict::Alive && ![401, 404].contains(status)) {
            world.compare(&name, file, &answer, &format!("revision {}", revision.number));
        }
    }
    true
}

fn note(world: &World, operation: Operation, answer: &Answer) {
    match answer {
        Answer::Whole { status: 200, .. } => world.ledger().acknowledged(operation),
        Answer::Whole { .. } => world.ledger().refused(operation),
        Answer::Lost(_) => {}
    }
}
