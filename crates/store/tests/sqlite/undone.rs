//! Calls that fail after they have written events: those are undone, with all that goes with them. A trigger refuses
//! the events of one program.

use std::sync::Arc;

use rusqlite::Connection;
use toolfront_store::{Attribution, RequestGroup, UseSlip};
use toolfront_token::Scope;

use crate::contract::world::log::{a_run, by_from, read};
use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{World, administrator, at, begin, env_id, grant, selector};

const REFUSED: &str = "refused/1";

async fn world() -> World<Sqlite> {
    let world = World::<Sqlite>::set_up().await;
    let connection = Connection::open(world.backend.path().join("toolfront.db")).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TRIGGER refuse AFTER INSERT ON audit_events WHEN new.user_agent = '{REFUSED}'
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ))
        .unwrap();
    world
}

fn refused(group: RequestGroup) -> RequestGroup {
    let by = Attribution { user_agent: Some(REFUSED.to_owned()), ..group.by };
    RequestGroup { by, ..group }
}

async fn uses(world: &World<Sqlite>) -> u64 {
    world.store.count_usage().await.unwrap();
    let loaded = world.store.load_token(administrator(&world.admin), selector(&world.admin)).await.unwrap();
    loaded.usage[0].count
}

#[tokio::test]
async fn events_of_a_call_that_failed_are_neither_in_the_chain_nor_counted() {
    let world = world().await;
    let before = world.log().await.len();
    let held = world.memory.hold();
    let holding = begin(world.issue(grant(Scope::Read), at(1))).await;
    held.reached();
    let mut calls = Vec::new();
    for second in 0..30 {
        let groups = vec![read(&world.admin, second), read(&world.admin, second)];
        let fails = second % 2 == 1;
        let groups =
            if fails { [groups, vec![refused(read(&world.admin, second))]].concat() } else { groups };
        let call = world.store.record_requests(Arc::new(groups), Vec::new());
        calls.push((fails, begin(call).await));
    }
    drop(held);
    holding.await;
    for (fails, call) in calls {
        assert_eq!(call.await.is_err(), fails);
    }
    assert_eq!(world.log().await.len(), before + 1 + 30);
    world.verified().await;
    assert_eq!(uses(&world).await, 30);
    let world = world.reopen();
    world.verified().await;
    assert_eq!(uses(&world).await, 30);
}

#[tokio::test]
async fn a_use_whose_event_was_undone_is_free_for_another_event() {
    let world = world().await;
    let slip = Arc::new(UseSlip::default());
    let by = Attribution { use_slip: Some(Arc::clone(&slip)), ..by_from(&world.admin, 1) };
    let doomed = Attribution { user_agent: Some(REFUSED.to_owned()), ..by.clone() };
    world.store.begin_run(env_id(), a_run(), doomed, at(1)).await.unwrap_err();
    assert_eq!(uses(&world).await, 0);
    world.store.begin_run(env_id(), a_run(), by, at(2)).await.unwrap();
    assert_eq!((uses(&world).await, slip.take()), (1, false));
    // The run that did not begin is not ended at the next start.
    let (_, summary) = world.crash();
    assert_eq!(summary.interrupted_runs, 1);
}
