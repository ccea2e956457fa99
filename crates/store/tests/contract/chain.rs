//! The chain of hashes that runs through the log.

use toolfront_store::{
    AuditRecord, ChainFault, ChainHash, ChainHead, Decision, EnvironmentChange, Outcome, RunEnded, Verifier,
};
use toolfront_token::{ManageEnvironment, Scope, Visibility};

use crate::contract::secrets::name;
use crate::world::log::{by_from, denied, read};
use crate::world::{
    Backend, Counter, World, administrator, at, begin, by, env_ref, grant, grant_until, manifest, new_token,
    permit, rotation, selector, token_id, value,
};

pub(crate) async fn the_chain_holds_after_every_kind_of_change<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (store, by) = (&world.store, by(&world.admin));
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let rotated = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    store.record_first_use(selector(&rotated), 2, by.clone(), at(3)).await.unwrap();
    world.revoke(&rotated, at(4)).await;
    let docs = world.create("docs", Some(manifest(&[("README.md", "# One")]))).await.id;
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    store.publish(&permit, manifest(&[("README.md", "# Two")]), by.clone(), at(5)).await.unwrap();
    store.roll_back(&permit, 1, by.clone(), at(6)).await.unwrap();
    let open = EnvironmentChange { visibility: Some(Visibility::Public), ..EnvironmentChange::default() };
    store.update_environment(&permit, open, by.clone(), at(7)).await.unwrap();
    for secret in ["ONE", "TWO"] {
        world.set_secret(docs, secret, "value").await.unwrap();
    }
    store.delete_secret(&permit, name("ONE"), by.clone(), at(8)).await.unwrap();
    store.rotate_key(Counter, by.clone(), at(8)).await.unwrap();
    let begin = world.begin_run(docs, 9).await;
    let ended = RunEnded { begin, outcome: Outcome::TimedOut, duration_ms: 1, output_bytes: 2 };
    store.end_run(docs, ended, by_from(&world.admin, 1), at(10)).await.unwrap();
    world.record(vec![read(&world.admin, 11), denied(&issued, Decision::Revoked, 500)]).await.unwrap();
    store.delete_environment(&permit, by, at(12)).await.unwrap();

    let mut actions: Vec<String> = world.log().await.into_iter().map(|event| event.action).collect();
    let last = world.store.prune_log(at(2), at(13)).await.unwrap().unwrap();
    actions.push(world.log().await.pop().unwrap().action);
    actions.sort();
    actions.dedup();
    let all = [
        "audit.prune",
        "environment.create",
        "environment.delete",
        "environment.update",
        "key.rotate",
        "organization.create",
        "page.read",
        "release.publish",
        "release.rollback",
        "run.begin",
        "run.end",
        "secret.delete",
        "secret.set",
        "token.create",
        "token.first_use",
        "token.reuse",
        "token.revoke",
        "token.rotate",
    ];
    assert_eq!(actions, all);
    let found = world.verified().await;
    assert_eq!(found.base, last.base);
    let world = world.reopen();
    assert_eq!(world.verified().await, found);
}

pub(crate) async fn calls_that_fail_leave_the_chain_whole<B: Backend>() {
    let world = World::<B>::set_up().await;
    let before = world.log().await;
    let held = world.memory.hold();
    let holding = begin(world.issue(grant(Scope::Read), at(1))).await;
    held.reached();
    let mut calls = Vec::new();
    for number in 0..60_i64 {
        let (authority, by) = (administrator(&world.admin), by(&world.admin));
        // Refused before anything was written, refused after an event was, or made.
        let (id, grant) = match number % 3 {
            0 => (token_id(), grant_until(Scope::Read, at(0))),
            1 => (world.admin.id(), grant(Scope::Read)),
            _ => (token_id(), grant(Scope::Read)),
        };
        let call = world.store.issue_token(authority, id, new_token(grant), value(), None, by, at(2));
        calls.push(begin(call).await);
    }
    drop(held);
    holding.await;
    let mut made = 0;
    for call in calls {
        made += usize::from(call.await.is_ok());
    }
    assert_eq!(made, 20);
    let log = world.log().await;
    assert_eq!(log.len(), before.len() + 21);
    assert!(log.iter().zip(1..).all(|(event, number)| event.sequence == number), "no number is left out");
    world.verified().await;
}

pub(crate) async fn the_first_event_after_reopening_goes_on_behind_the_last<B: Backend>() {
    let mut world = World::<B>::set_up().await;
    for second in 1..4 {
        let before = world.verified().await.head;
        world = world.reopen();
        assert_eq!(world.store.log_head(), before);
        world.issue(grant(Scope::Read), at(second)).await;
        assert_eq!(world.verified().await.head.sequence, before.sequence + 1);
        let (crashed, summary) = world.crash();
        assert!(summary.log_ends_well);
        crashed.issue(grant(Scope::Read), at(second)).await;
        assert_eq!(crashed.verified().await.head.sequence, before.sequence + 2);
    }
}

pub(crate) async fn each_commit_tells_where_the_log_ends<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut heads = world.store.log_heads();
    let first = *heads.borrow_and_update();
    world.store.count_usage().await.unwrap();
    world.issue_by(&world.admin, grant_until(Scope::Read, at(0)), at(1)).await.unwrap_err();
    assert!(!heads.has_changed().unwrap(), "no event was added");
    world.issue(grant(Scope::Read), at(1)).await;
    assert!(heads.has_changed().unwrap());
    let next = *heads.borrow_and_update();
    assert_eq!((next.sequence, next), (first.sequence + 1, world.store.log_head()));
    assert_ne!(next.hash, first.hash);
}

fn head_of(event: &AuditRecord) -> ChainHead {
    ChainHead { sequence: event.sequence, hash: event.hash.unwrap() }
}

pub(crate) async fn an_anchor_of_any_event_holds<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..20).await;
    let log = world.log().await;
    for event in &log {
        let found = world.store.verify_log(Some(head_of(event))).await.unwrap();
        assert_eq!(found.fault, None);
    }
    let (fifth, sixth) = (head_of(&log[4]), head_of(&log[5]));
    let other = ChainHead { hash: sixth.hash, ..fifth };
    let found = world.store.verify_log(Some(other)).await.unwrap();
    assert_eq!(found.fault, Some(ChainFault::Rewritten { sequence: 5 }));
    let beyond = ChainHead { sequence: 100, hash: sixth.hash };
    let found = world.store.verify_log(Some(beyond)).await.unwrap();
    let cut = ChainFault::CutOff { sequence: i64::try_from(log.len()).unwrap() + 1, last: 100 };
    assert_eq!(found.fault, Some(cut));
}

/// Whoever has an export and the head before it can check it without the gateway.
pub(crate) async fn an_exported_log_proves_itself<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..10).await;
    let base = world.verified().await.base;
    let mut verifier = Verifier::behind(base);
    for event in world.log().await {
        let line = event.export_line();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let hash = told["hash"].as_str().unwrap();
        let bare = line.replace(&format!(r#","hash":"{hash}""#), "");
        verifier.take_line(event.sequence, ChainHash::parse(hash), &bare).unwrap();
    }
    assert_eq!(verifier.head(), world.store.log_head());
    let last = world.log().await.pop().unwrap();
    let forged = AuditRecord { uses: 7, ..last };
    let before = ChainHead { sequence: forged.sequence - 1, ..verifier.head() };
    let fault = Verifier::behind(before).take(&forged).unwrap_err();
    assert_eq!(fault, ChainFault::Changed { sequence: forged.sequence });
}
