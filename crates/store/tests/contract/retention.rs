//! Events that are removed by their age.

use toolfront_store::{AuditFilter, ChainFault, ChainHead};
use toolfront_token::Timestamp;

use crate::world::log::read;
use crate::world::{Backend, World, administrator, at, env_id, selector};

/// Removes what is from before then, soon afterwards and in as many steps as it takes; yields how many events are
/// gone.
async fn prune<B: Backend>(world: &World<B>, before: Timestamp) -> u64 {
    let now = Timestamp::from_micros(before.micros() + 1);
    let mut removed = 0;
    while let Some(pruned) = world.store.prune_log(before, now).await.unwrap() {
        assert_ne!(pruned.events, 0);
        removed += pruned.events;
    }
    removed
}

pub(crate) async fn what_is_old_is_removed_and_the_rest_verifies<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..20).await;
    let log = world.log().await;
    let old = log.iter().filter(|event| event.at < at(10)).count();
    assert_eq!(prune(&world, at(10)).await, u64::try_from(old).unwrap());
    let left = world.log().await;
    assert_eq!(left[..left.len() - 1], log[old..]);
    let told = left.last().unwrap();
    assert_eq!(told.action, "audit.prune");
    let detail: serde_json::Value = serde_json::from_str(&told.detail).unwrap();
    assert_eq!(detail["through"], log[old - 1].sequence);
    assert_eq!(detail["hash"], log[old - 1].hash.unwrap().to_string());
    assert_eq!(detail["count"], old);
    let found = world.verified().await;
    assert_eq!(found.events, u64::try_from(left.len()).unwrap());
    assert_eq!((found.base.sequence, found.unchained), (log[old - 1].sequence, 0));
    // Anchors from before stay good for what is left; the last that was removed can still be held against it.
    let anchor = |event: &toolfront_store::AuditRecord| ChainHead {
        sequence: event.sequence,
        hash: event.hash.unwrap(),
    };
    for kept in [anchor(&log[old - 1]), anchor(&log[old]), anchor(log.last().unwrap())] {
        assert_eq!(world.store.verify_log(Some(kept)).await.unwrap().fault, None);
    }
    let forged = ChainHead { hash: log[0].hash.unwrap(), ..found.base };
    let fault = world.store.verify_log(Some(forged)).await.unwrap().fault;
    assert_eq!(fault, Some(ChainFault::Rewritten { sequence: forged.sequence }));
}

pub(crate) async fn several_prunings_leave_a_log_that_verifies<B: Backend>() {
    let mut world = World::<B>::set_up().await;
    for round in 0..6_i64 {
        world.record_reads(&world.admin, round * 20 + 1..round * 20 + 21).await;
        prune(&world, at(round * 20 + 5)).await;
        world.verified().await;
        world = if round % 2 == 0 { world.reopen() } else { world.crash().0 };
        world.verified().await;
    }
    let page = world.page(AuditFilter::all(1000)).await;
    let reads = page.events.iter().filter(|event| event.action == "page.read");
    assert!(reads.clone().all(|event| event.at >= at(105)));
    assert_eq!(reads.count(), 16);
    // Steps of thousands.
    for thousand in 0..12_i64 {
        let batch = (0..1_000).map(|second| read(&world.admin, 200 + thousand * 1_000 + second));
        world.record(batch.collect()).await.unwrap();
    }
    assert!(prune(&world, at(200 + 11_000)).await > 11_000);
    assert!(world.verified().await.events >= 1_000);
}

pub(crate) async fn a_run_without_an_end_is_kept<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..5).await;
    let begin = world.begin_run(env_id(), 5).await;
    world.record_reads(&world.admin, 6..10).await;
    prune(&world, at(500)).await;
    assert_eq!(world.log().await[0].sequence, begin);
    let (world, summary) = world.crash();
    assert_eq!(summary.interrupted_runs, 1);
    world.verified().await;
    prune(&world, at(500)).await;
    assert!(world.log().await[0].sequence > begin, "once it has its end it goes with the others");
    world.verified().await;
}

pub(crate) async fn uses_of_removed_events_stay_counted<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..20).await;
    prune(&world, at(500)).await;
    let (world, _) = world.crash();
    let loaded = world.store.load_token(administrator(&world.admin), selector(&world.admin)).await.unwrap();
    assert_eq!(loaded.usage[0].count, 19);
}

pub(crate) async fn a_young_log_is_left_as_it_is<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..5).await;
    let before = world.log().await;
    assert_eq!(prune(&world, at(0)).await, 0);
    assert_eq!(world.log().await, before);
}

pub(crate) async fn a_pruned_log_goes_on_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record_reads(&world.admin, 1..5).await;
    prune(&world, at(500)).await;
    let left = world.log().await;
    assert_eq!(left.last().unwrap().action, "audit.prune", "there is always a head");
    let head = world.store.log_head();
    let world = world.reopen();
    assert_eq!((world.store.log_head(), world.log().await), (head, left));
    world.record_reads(&world.admin, 600..603).await;
    world.verified().await;
    let (world, summary) = world.crash();
    assert!(summary.log_ends_well);
    world.verified().await;
}
