//! Connections that are lost, and nodes that are taken for dead.

use toolfront_token::Scope;

use super::nodes;
use crate::contract::world::log::{a_run, by_from};
use crate::contract::world::{at, env_id, grant};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_whose_connections_were_lost_goes_on_by_itself() {
    let nodes = nodes::of(2).await;
    let environment = env_id();
    for second in 1..6 {
        nodes[0].begin_run(environment, second).await;
        let known = nodes[1].issue(grant(Scope::Read), at(second)).await;
        nodes[0].backend.cut_off();
        // What fails meanwhile fails clearly; what is answered is there.
        let made = loop {
            match nodes[0].issue_by(&nodes[0].admin, grant(Scope::Read), at(second)).await {
                Ok(made) => break made,
                Err(failure) => assert!(failure.to_string().contains("database"), "{failure}"),
            }
        };
        for node in &nodes {
            while node.memory.token(made.id()).is_none() {
                tokio::task::yield_now().await;
            }
            assert_eq!(node.memory.token(known.id()).as_ref(), Some(&known));
        }
        assert_eq!(nodes[0].store.verify_log(None).await.unwrap().fault, None);
    }
}

/// What others have given up is not written to any more: neither a change nor the begin of a run.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_was_taken_for_dead_takes_another_place() {
    let nodes = nodes::of(2).await;
    let environment = env_id();
    let before = nodes[1].begin_run(environment, 1).await;
    let id = nodes[1].backend.query("SELECT max(id) FROM nodes")[0].get::<_, i64>(0);
    nodes[0].backend.tamper(&format!("DELETE FROM nodes WHERE id = {id}"));
    let third = nodes::beside(&nodes[0]);
    let taken = third.begin_run(environment, 2).await;
    assert_eq!(taken >> 40, before >> 40, "the chain is the third one's now");
    let (store, by) = (&nodes[1].store, by_from(&nodes[1].admin, 1));
    let after = loop {
        match store.begin_run(environment, a_run(), by.clone(), at(3)).await {
            Ok(begin) => break begin,
            Err(refused) => assert!(refused.to_string().contains("taken this gateway for dead"), "{refused}"),
        }
    };
    assert_ne!(after >> 40, before >> 40, "and it has another one");
    let made = nodes[1].issue(grant(Scope::Read), at(4)).await;
    for node in [&nodes[0], &nodes[1], &third] {
        assert_eq!(node.memory.token(made.id()).as_ref(), Some(&made));
    }
    assert_eq!(nodes[0].store.verify_log(None).await.unwrap().fault, None);
}
