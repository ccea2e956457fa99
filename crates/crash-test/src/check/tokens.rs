//! Tokens after a start: their records, and what each of their values may do.

use std::time::Instant;

use futures_util::stream::{self, StreamExt};
use toolfront_api::{Token as Record, TokenStatus};
use toolfront_client::WhichToken;

use super::Extent;
use crate::choices::Choices;
use crate::findings::Promise;
use crate::ledger::{Ledger, Operation, TokenChange};
use crate::world::{Answer, World};

/// How many tokens are asked for at the same time.
const CONCURRENT: usize = 8;
/// How many of those that nothing happened to are looked at all the same.
const SAMPLE: usize = 100;

pub(super) async fn check(world: &World, extent: Extent, choices: &mut Choices) {
    let chosen = choose(&world.ledger(), extent, choices);
    stream::iter(chosen).for_each_concurrent(CONCURRENT, |index| check_one(world, index)).await;
}

fn choose(ledger: &Ledger, extent: Extent, choices: &mut Choices) -> Vec<usize> {
    let all = 0..ledger.tokens.len();
    if extent == Extent::Whole {
        return all.collect();
    }
    let is_touched = |index: &usize| ledger.tokens.get(*index).is_some_and(|token| token.is_touched);
    let sample: Vec<usize> = (0..SAMPLE).map(|_| choices.below(all.len())).collect();
    all.filter(|index| is_touched(index) || sample.contains(index)).collect()
}

async fn check_one(world: &World, index: usize) {
    let Some(id) = world.ledger().tokens.get(index).map(crate::ledger::Token::id) else { return };
    let record = match world.admin.token(WhichToken::Id(id)).await {
        Ok(record) => record,
        Err(refusal) => {
            let seen = format!("{id} was made, and its record is answered: {refusal}");
            return world.findings.violated(Promise::CreatedWorks, seen);
        }
    };
    world.findings.check(Promise::CreatedWorks, true, String::new);
    let generations = {
        let mut ledger = world.ledger();
        let Some(token) = ledger.tokens.get_mut(index) else { return };
        find_out(token, &record);
        compare(world, token, &record);
        token.is_touched = false;
        token.generations().collect::<Vec<_>>()
    };
    for generation in generations.into_iter().rev() {
        present(world, index, generation).await;
    }
    if let Some(token) = world.ledger().tokens.get_mut(index) {
        token.is_touched = false;
    }
}

/// What became of a change that was not answered: all of it, or nothing.
fn find_out(token: &mut crate::ledger::Token, record: &Record) {
    let is_done = match token.change() {
        None => return,
        Some(TokenChange::Rotate { .. }) => record.generation == token.generation() + 1,
        Some(TokenChange::Revoke { .. }) => record.status == TokenStatus::Revoked,
    };
    if is_done { token.done(None) } else { token.not_done() }
}

fn compare(world: &World, token: &crate::ledger::Token, record: &Record) {
    let id = token.id();
    let (expected, found) = (token.generation(), record.generation);
    world.findings.check(Promise::RotatedHolds, expected == found, || {
        format!("{id} has to be at generation {expected}, and is at {found}")
    });
    let is_revoked = record.status == TokenStatus::Revoked;
    let same = is_revoked == token.is_revoked() && record.revocation_reason.as_deref() == token.revocation();
    world.findings.check(Promise::RevokedIsRefused, same, || {
        let (status, reason) = (&record.status, &record.revocation_reason);
        format!("{id} has to be revoked with {:?}, and is {status:?} with {reason:?}", token.revocation())
    });
    let (counted, sent) = (record.usage_count, token.uses());
    world.findings.check(Promise::UsageNotInvented, counted <= sent, || {
        format!("{id} was sent {sent} times, and counts {counted} uses")
    });
    world.findings.check(Promise::CreatedWorks, record.name == token.name(), || {
        format!("{id} has to be called {}, and is called {}", token.name(), record.name)
    });
}

/// Presents a value; whether it is let in as it has to be is judged where it is sent.
async fn present(world: &World, index: usize, generation: u32) {
    let presenting = {
        let mut ledger = world.ledger();
        ledger.sent(Operation::Use);
        ledger.present(index, generation, Instant::now())
    };
    let Some(presenting) = presenting else { return };
    match world.read(&presenting, "/api/v1/tokens/self").await {
        Answer::Lost(why) => world.findings.violated(Promise::Answers, why),
        Answer::Whole { status: 200, .. } => world.ledger().acknowledged(Operation::Use),
        Answer::Whole { .. } => world.ledger().refused(Operation::Use),
    }
}
