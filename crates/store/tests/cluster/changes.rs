//! A change holds at every node when it is answered.

use toolfront_store::Change;
use toolfront_token::{Credential, Scope, TokenRecord};

use super::nodes;
use crate::contract::world::postgres::Postgres;
use crate::contract::world::{World, at, grant, manifest, rotation};

fn credential(world: &World<Postgres>, record: &TokenRecord, place: usize) -> Credential {
    let digest = record.credentials()[place].0;
    world.memory.index().get(&digest).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_is_known_changed_and_dead_at_every_node_when_the_call_is_answered() {
    let nodes = nodes::of(3).await;
    for round in 0..20 {
        let (made_by, rotated_by, revoked_by) =
            (&nodes[round % 3], &nodes[(round + 1) % 3], &nodes[(round + 2) % 3]);
        let record = made_by.issue(grant(Scope::Read), at(1)).await;
        for node in &nodes {
            assert_eq!(node.memory.token(record.id()).as_ref(), Some(&record), "made");
        }
        let rotated = rotated_by.rotate(&record, rotation(&record), at(2)).await.unwrap();
        for node in &nodes {
            assert!(credential(node, &rotated, 0).activate(at(3)).is_err(), "the old value is dead");
            assert!(credential(node, &rotated, 1).activate(at(3)).is_ok());
        }
        let revoked = revoked_by.revoke(&rotated, at(4)).await;
        for node in &nodes {
            assert!(credential(node, &revoked, 1).activate(at(5)).is_err(), "dead");
            assert_eq!(node.memory.token(record.id()).as_ref(), Some(&revoked));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_revocation_is_answered_when_the_first_one_holds_everywhere() {
    let nodes = nodes::of(3).await;
    for _ in 0..10 {
        let record = nodes[0].issue(grant(Scope::Read), at(1)).await;
        let (first, second) = tokio::join!(nodes[0].revoke(&record, at(2)), async {
            let second = nodes[1].revoke(&record, at(3)).await;
            for node in &nodes {
                assert!(credential(node, &record, 0).activate(at(4)).is_err(), "dead");
            }
            second
        });
        assert_eq!(first, second);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_environment_is_served_changed_and_gone_at_every_node_when_the_call_is_answered() {
    let nodes = nodes::of(2).await;
    let files = manifest(&[("README.md", "one")]);
    let made = nodes[0].create("docs", Some(files)).await;
    assert_eq!(nodes[1].memory.environment(made.id).as_ref(), Some(&made));
    let permit = crate::contract::world::permit(&nodes[1].admin, crate::contract::world::env_ref(made.id));
    let by = || crate::contract::world::by(&nodes[1].admin);
    let next = manifest(&[("README.md", "two")]);
    let published = nodes[1].store.publish(&permit, next, by(), at(2)).await.unwrap();
    assert_eq!(published.release.as_ref().unwrap().number, 2);
    assert_eq!(nodes[0].memory.environment(made.id), Some(published));
    nodes[1].store.delete_environment(&permit, by(), at(3)).await.unwrap();
    for node in &nodes {
        assert_eq!(node.memory.environment(made.id), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_node_is_told_to_end_what_a_token_runs() {
    let nodes = nodes::of(3).await;
    let record = nodes[0].issue(grant(Scope::Execute), at(1)).await;
    nodes[1].store.end_runs(record.id()).await.unwrap();
    for node in &nodes {
        let changes = node.memory.changes();
        let told = |change: &&Change| matches!(change, Change::RunsEnded(id) if *id == record.id());
        assert_eq!(changes.iter().filter(told).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_rotations_at_several_nodes_at_once_exactly_one_wins() {
    let nodes = nodes::of(3).await;
    for _ in 0..10 {
        let record = nodes[0].issue(grant(Scope::Read), at(1)).await;
        let asked = nodes.iter().map(|node| node.rotate(&record, rotation(&record), at(2)));
        let answers = futures(asked).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    }
}

/// What many nodes change at once is the same in all memories, and what a store finds that is opened afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_many_nodes_at_once_leave_the_same_in_every_memory() {
    let nodes = nodes::of(3).await;
    let shared: Vec<TokenRecord> = futures((0..6).map(|_| nodes[0].issue(grant(Scope::Read), at(1)))).await;
    let work = nodes.iter().enumerate().map(|(place, node)| {
        let shared = &shared;
        async move {
            for round in 0..10 {
                let own = node.issue(grant(Scope::Execute), at(2)).await;
                let known = node.memory.token(shared[(round + place) % 6].id()).unwrap();
                let _ = node.rotate(&known, rotation(&known), at(3)).await;
                if round % 3 == 0 {
                    node.revoke(&own, at(4)).await;
                }
            }
        }
    });
    futures(work).await;
    let late = nodes::beside(&nodes[0]);
    for node in &nodes {
        assert_eq!(node.memory.index(), late.memory.index());
    }
}

/// All of them at once.
async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(all).await
}

/// A node that can't take over what changed relies on nothing when the change is answered, and on all of it later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_is_held_up_does_not_hold_its_lease_when_a_change_is_answered() {
    let nodes = nodes::of(2).await;
    let record = nodes[0].issue(grant(Scope::Read), at(1)).await;
    let (node, held_up) = (&nodes[0], &nodes[1]);
    let hold = held_up.memory.hold();
    let revoked = tokio::join!(node.revoke(&record, at(2)), async {
        tokio::task::block_in_place(|| hold.reached());
        assert!(credential(held_up, &record, 0).activate(at(3)).is_ok(), "it has not heard of it");
    });
    assert!(!held_up.store.lease().is_held());
    assert!(node.store.lease().is_held());
    drop(hold);
    // Others do not wait for it, and it comes back by itself.
    let next = node.issue(grant(Scope::Read), at(4)).await;
    while !held_up.store.lease().is_held() {
        tokio::task::yield_now().await;
    }
    assert_eq!(held_up.memory.token(record.id()), Some(revoked.0));
    assert_eq!(held_up.memory.token(next.id()), Some(next));
}
