//! The audit log and the usage of several nodes.

use toolfront_store::{AuditFilter, Outcome, RunEnded};
use toolfront_token::Scope;

use super::nodes;
use crate::contract::world::log::by_from;
use crate::contract::world::{Backend, at, env_id, grant, selector};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_node_writes_a_chain_of_its_own_and_shows_the_whole_log() {
    let nodes = nodes::of(3).await;
    let environment = env_id();
    for (place, node) in nodes.iter().enumerate() {
        let second = i64::try_from(place).unwrap() + 10;
        let begin = node.begin_run(environment, second).await;
        let ended = RunEnded { begin, outcome: Outcome::Exited(0), duration_ms: 1, output_bytes: 0 };
        node.store.end_run(environment, ended, by_from(&node.admin, 1), at(second)).await.unwrap();
    }
    let filter = || AuditFilter { action: Some("run.".to_owned()), ..AuditFilter::all(100) };
    let shown = nodes[0].page(filter()).await.events;
    assert_eq!(shown.len(), 6);
    for node in &nodes {
        assert_eq!(node.page(filter()).await.events, shown);
        let found = node.store.verify_log(None).await.unwrap();
        assert_eq!(found.fault, None);
        assert_eq!(found.events, u64::try_from(node.log().await.len()).unwrap(), "every chain is walked");
    }
    let mut heads: Vec<i64> = nodes.iter().map(|node| node.store.log_head().sequence >> 40).collect();
    heads.sort_unstable();
    assert_eq!(heads, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_of_any_nodes_chain_is_named() {
    let nodes = nodes::of(2).await;
    nodes[1].record_reads(&nodes[1].admin, 1..5).await;
    let head = nodes[1].store.log_head().sequence;
    nodes[0]
        .backend
        .tamper(&format!("UPDATE audit_events SET address = '198.51.100.1' WHERE sequence = {head}"));
    let fault = nodes[0].store.verify_log(None).await.unwrap().fault;
    assert_eq!(fault.map(toolfront_store::ChainFault::sequence), Some(head));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uses_of_several_nodes_add_up() {
    let nodes = nodes::of(3).await;
    let record = nodes[0].issue(grant(Scope::Read), at(1)).await;
    for (place, node) in (0_i64..).zip(&nodes) {
        node.record_reads(&record, place * 10..place * 10 + 5).await;
        node.store.count_usage().await.unwrap();
    }
    let authority = crate::contract::world::administrator(&nodes[0].admin);
    let shown = nodes[0].store.load_token(authority, selector(&record)).await.unwrap();
    assert_eq!(shown.usage[0].count, 15);
    assert_eq!(shown.usage[0].last.as_ref().unwrap().at, at(24));
}

/// What was under way there is put right, though an earlier chain is free too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_was_killed_takes_its_own_chain_again() {
    let mut nodes = nodes::of(2).await;
    let begin = nodes[1].begin_run(env_id(), 1).await;
    drop(nodes.remove(0));
    let killed = nodes[0].backend.crashed();
    let (store, summary) = nodes::opened_with_summary(&killed);
    assert_eq!(summary.interrupted_runs, 1);
    assert_eq!(store.log_head().sequence >> 40, begin >> 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_left_gives_its_chain_to_the_next() {
    let mut nodes = nodes::of(2).await;
    nodes[1].record_reads(&nodes[1].admin, 1..3).await;
    let left = nodes.pop().unwrap();
    let head = left.store.log_head();
    drop(left);
    let next = nodes::beside(&nodes[0]);
    assert_eq!(next.store.log_head(), head, "where the one before ended");
    next.record_reads(&next.admin, 3..5).await;
    assert_eq!(next.store.verify_log(None).await.unwrap().fault, None);
    assert_eq!(next.store.log_head().sequence, head.sequence + 2);
}
