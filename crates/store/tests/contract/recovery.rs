//! What a store finds in its log when the process before was killed.

use std::collections::BTreeMap;

use serde_json::json;
use toolfront_store::{Outcome, RequestGroup, RunEnded};
use toolfront_token::{Scope, TokenId, TokenRecord};

use crate::world::log::{by_from, read};
use crate::world::{Backend, World, administrator, at, env_id, grant, selector};

/// The begins whose end tells of an interruption.
async fn interrupted<B: Backend>(world: &World<B>) -> Vec<i64> {
    let ends = world.log().await.into_iter().filter(|event| event.action == "run.end");
    let detail = ends.map(|event| serde_json::from_str::<serde_json::Value>(&event.detail).unwrap());
    let told = detail.filter(|detail| detail["outcome"] == json!("interrupted"));
    told.map(|detail| detail["begin"].as_i64().unwrap()).collect()
}

pub(crate) async fn a_run_without_an_end_is_interrupted_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    let environment = env_id();
    let begins = [world.begin_run(environment, 1).await, world.begin_run(environment, 2).await];
    let (world, summary) = world.crash();
    assert_eq!(summary.interrupted_runs, 2);
    assert_eq!(interrupted(&world).await, begins);
    let end = world.log().await.pop().unwrap();
    assert_eq!((end.token, end.generation), (Some(world.admin.id()), Some(1)));
    assert_eq!((end.environment, end.address.as_deref()), (Some(environment), Some("192.0.2.1")));
    assert_eq!((end.at, end.uses), (at(1_000), 0));
    world.verified().await;
    // Once is enough: after another crash, and after an orderly end.
    let (world, summary) = world.crash();
    assert_eq!(summary.interrupted_runs, 0);
    let world = world.reopen();
    assert_eq!(interrupted(&world).await, begins);
    world.verified().await;
}

pub(crate) async fn a_run_with_an_end_is_not_interrupted<B: Backend>() {
    let world = World::<B>::set_up().await;
    let environment = env_id();
    let (ended, open) = (world.begin_run(environment, 1).await, world.begin_run(environment, 2).await);
    let end = RunEnded { begin: ended, outcome: Outcome::Exited(0), duration_ms: 1, output_bytes: 0 };
    world.store.end_run(environment, end, by_from(&world.admin, 1), at(3)).await.unwrap();
    let (world, summary) = world.crash();
    assert_eq!(summary.interrupted_runs, 1);
    assert_eq!(interrupted(&world).await, [open]);
}

/// The log is read from where the oldest run without an end began, though all before was counted long ago.
pub(crate) async fn a_run_that_began_long_before_the_last_count_is_interrupted<B: Backend>() {
    let world = World::<B>::set_up().await;
    let environment = env_id();
    let first = world.begin_run(environment, 1).await;
    world.record_reads(&world.admin, 2..50).await;
    world.store.count_usage().await.unwrap();
    let second = world.begin_run(environment, 50).await;
    world.record_reads(&world.admin, 51..60).await;
    world.store.count_usage().await.unwrap();
    let (world, summary) = world.crash();
    assert_eq!((summary.interrupted_runs, interrupted(&world).await), (2, vec![first, second]));
    assert_eq!(counted(&world, &world.admin).await, vec![57]);
}

/// What the tables say, with no more counting.
async fn counted<B: Backend>(world: &World<B>, record: &TokenRecord) -> Vec<u64> {
    let loaded = world.store.load_token(administrator(&world.admin), selector(record)).await.unwrap();
    loaded.usage.iter().map(|value| value.count).collect()
}

pub(crate) async fn uses_that_were_not_counted_are_counted_from_the_log<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..8).await;
    assert_eq!(counted(&world, &world.admin).await, [0], "they are in the log alone");
    let (crashed, _) = world.crash();
    assert_eq!(counted(&crashed, &crashed.admin).await, [7]);
    let usage = crashed.store.load_token(administrator(&crashed.admin), selector(&crashed.admin)).await;
    let last = usage.unwrap().usage.pop().unwrap().last.unwrap();
    assert_eq!((last.at, last.user_agent.as_deref()), (at(7), Some("agent/1")));
    let shown = crashed.store.token_usage(administrator(&crashed.admin), selector(&crashed.admin), 30, at(9));
    let shown = shown.await.unwrap();
    assert_eq!((shown.days[0].count, shown.addresses.len()), (7, 1));
}

pub(crate) async fn uses_that_were_counted_are_not_counted_again<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..8).await;
    world.store.count_usage().await.unwrap();
    let (crashed, _) = world.crash();
    let (crashed, _) = crashed.crash();
    assert_eq!(counted(&crashed, &crashed.admin).await, [7]);
    crashed.record_reads(&crashed.admin, 8..10).await;
    let crashed = crashed.reopen();
    assert_eq!(counted(&crashed, &crashed.admin).await, [9]);
}

/// At whichever instant the process is killed, and however often.
pub(crate) async fn counters_equal_the_log_after_a_crash<B: Backend>() {
    let mut world = World::<B>::set_up().await;
    let tokens = [world.issue(grant(Scope::Read), at(1)).await, world.issue(grant(Scope::Read), at(1)).await];
    for round in 1..12_i64 {
        let group = |token: &TokenRecord, count| RequestGroup { count, uses: count, ..read(token, round) };
        let counts = (round.unsigned_abs(), 1 + round.unsigned_abs() % 3);
        world.record(vec![group(&tokens[0], counts.0), group(&tokens[1], counts.1)]).await.unwrap();
        if round % 3 == 0 {
            world.store.count_usage().await.unwrap();
        }
        if round % 4 == 0 {
            world.begin_run(env_id(), round).await;
        }
        world.record(vec![group(&tokens[0], 1)]).await.unwrap();
        world = world.crash().0;
        let mut told = BTreeMap::<TokenId, u64>::new();
        for event in world.log().await {
            if let Some(token) = event.token {
                *told.entry(token).or_default() += event.uses;
            }
        }
        for token in &tokens {
            assert_eq!(counted(&world, token).await, [told[&token.id()]], "round {round}");
        }
        world.verified().await;
    }
}
