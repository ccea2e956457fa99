//! Creating, rotating and revoking tokens.

use std::time::Duration;

use toolfront_api::{CreateToken, IssuedToken, RevokeToken, RotateToken};
use toolfront_client::{ClientError, WhichToken};
use toolfront_token::{EnvId, TokenSecret};

use super::reads::use_value;
use crate::choices::Choices;
use crate::findings::Promise;
use crate::ledger::{Operation, Token, TokenChange};
use crate::world::{Outcome, World};

/// The graces that rotations ask for, in seconds: one that ends while the campaign goes on, and one that does not.
const GRACES: [u64; 2] = [1, 3600];

/// Changes tokens until the gateway is gone.
pub(super) async fn change(world: World, mut choices: Choices) {
    while !world.is_stopping() {
        match choices.below(100) {
            0..40 => create(&world, &mut choices).await,
            40..72 => rotate(&world, &mut choices).await,
            _ => revoke(&world, &mut choices).await,
        }
    }
}

async fn create(world: &World, choices: &mut Choices) {
    let scope = ["read", "execute", "execute", "execute", "admin"].get(choices.below(5)).copied();
    let scope = scope.unwrap_or("execute");
    let only = only_environment(world, choices);
    let mut new = CreateToken {
        name: String::new(),
        scope: scope.to_owned(),
        organization_id: None,
        expires_at: choices.percent(20).then(|| "2999-12-31".to_owned()),
        allowed_environment_ids: only.map(|(_, id)| vec![id.to_string()]),
    };
    {
        let mut ledger = world.ledger();
        new.name = ledger.new_name();
        ledger.sent(Operation::Create);
    }
    match Outcome::of(world.admin.create_token(&new).await) {
        Outcome::Acknowledged(IssuedToken { record, token }) => {
            let may_run = only.is_none() && scope != "read";
            let secret = token.into_secret();
            let index = {
                let mut ledger = world.ledger();
                ledger.acknowledged(Operation::Create);
                ledger.tokens.push(Token::new(record.id, record.name, may_run, secret));
                ledger.tokens.len() - 1
            };
            if choices.percent(50) {
                use_value(world, index, 1).await;
            }
        }
        Outcome::Refused(refusal) => {
            world.ledger().refused(Operation::Create);
            // Somebody may have deleted the environment that the token was to be for.
            let excused = only.is_some_and(|(slot, id)| !is_there(world, slot, id));
            expect(world, excused, "a token was not made", &refusal);
        }
        Outcome::Unknown => {}
    }
}

/// Now and then, an environment that a token is to be for alone.
fn only_environment(world: &World, choices: &mut Choices) -> Option<(usize, EnvId)> {
    if choices.percent(80) {
        return None;
    }
    let ledger = world.ledger();
    let slot = choices.below(ledger.slots.len());
    ledger.slots.get(slot)?.living().map(|living| (slot, living.id))
}

fn is_there(world: &World, slot: usize, id: EnvId) -> bool {
    world
        .ledger()
        .slots
        .get(slot)
        .is_some_and(|slot| slot.change().is_none() && slot.living().is_some_and(|living| living.id == id))
}

async fn rotate(world: &World, choices: &mut Choices) {
    let seconds = if choices.percent(60) { 0 } else { choices.pick(&GRACES).copied().unwrap_or_default() };
    let grace = Duration::from_secs(seconds);
    let operation = if seconds == 0 { Operation::Rotate } else { Operation::RotateWithGrace };
    let Some((index, which)) = begin(world, choices, operation, TokenChange::Rotate { grace }) else {
        return pause().await;
    };
    let change = RotateToken { grace_seconds: Some(seconds), ..RotateToken::default() };
    let answer = world.admin.rotate_token(which, &change).await;
    let answer = answer.map(|issued| Some(issued.token.into_secret()));
    if settle(world, index, operation, answer, "a token was not rotated") {
        use_some_values(world, index, choices).await;
    }
}

async fn revoke(world: &World, choices: &mut Choices) {
    let reason = format!("crash test {:08x}", choices.next() >> 32);
    let change = TokenChange::Revoke { reason: reason.clone() };
    let Some((index, which)) = begin(world, choices, Operation::Revoke, change) else {
        return pause().await;
    };
    let how = RevokeToken { reason: Some(reason), kill: choices.percent(30) };
    let answer = world.admin.revoke_token(which, &how).await.map(|_| None);
    if settle(world, index, Operation::Revoke, answer, "a token was not revoked") {
        use_some_values(world, index, choices).await;
    }
}

fn begin(
    world: &World,
    choices: &mut Choices,
    operation: Operation,
    change: TokenChange,
) -> Option<(usize, WhichToken)> {
    let mut ledger = world.ledger();
    let index = ledger.changeable(choices)?;
    let token = ledger.tokens.get_mut(index)?;
    token.begin(change);
    let which = WhichToken::Id(token.id());
    ledger.sent(operation);
    Some((index, which))
}

/// Notes what became of a change; without an answer it stays under way until the next check finds out.
fn settle(
    world: &World,
    index: usize,
    operation: Operation,
    answer: Result<Option<TokenSecret>, ClientError>,
    told: &str,
) -> bool {
    let outcome = Outcome::of(answer);
    let mut ledger = world.ledger();
    match outcome {
        Outcome::Acknowledged(value) => {
            ledger.acknowledged(operation);
            if let Some(token) = ledger.tokens.get_mut(index) {
                token.done(value);
            }
            true
        }
        Outcome::Refused(refusal) => {
            ledger.refused(operation);
            if let Some(token) = ledger.tokens.get_mut(index) {
                token.not_done();
            }
            drop(ledger);
            expect(world, false, told, &refusal);
            false
        }
        Outcome::Unknown => false,
    }
}

/// Whatever had to die with the change is tried at once: this request begins after the acknowledgement.
async fn use_some_values(world: &World, index: usize, choices: &mut Choices) {
    let generations: Vec<u32> =
        world.ledger().tokens.get(index).map(|token| token.generations().collect()).unwrap_or_default();
    for generation in generations.into_iter().rev().take(3) {
        if choices.percent(70) {
            use_value(world, index, generation).await;
        }
    }
}

fn expect(world: &World, holds: bool, told: &str, refusal: &ClientError) {
    world.findings.check(Promise::Answers, holds, || format!("{told}: {refusal}"));
}

/// There is nothing to do at the moment.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}
