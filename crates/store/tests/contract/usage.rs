//! How often values were used.

use std::net::IpAddr;

use toolfront_store::{LastUse, UsageDelta, ValueUsage};
use toolfront_token::{Scope, TokenRecord};

use crate::world::{Backend, World, administrator, at, grant, rotation, selector};

fn last(second: i64) -> LastUse {
    LastUse {
        at: at(second),
        address: Some(IpAddr::from([192, 0, 2, u8::try_from(second).unwrap()])),
        user_agent: Some(format!("agent/{second}")),
    }
}

fn uses(record: &TokenRecord, generation: u32, count: u64, second: i64) -> UsageDelta {
    UsageDelta { token: record.id(), generation, count, last: last(second) }
}

async fn usage<B: Backend>(world: &World<B>, record: &TokenRecord) -> Vec<ValueUsage> {
    world.store.load_token(administrator(&world.admin), selector(record)).await.unwrap().usage
}

pub(crate) async fn uses_are_added_for_each_value<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    assert_eq!(
        usage(&world, &issued).await,
        [ValueUsage { count: 0, last: None }, ValueUsage { count: 0, last: None }]
    );
    world.store.add_usage(vec![uses(&issued, 1, 3, 3), uses(&issued, 2, 5, 4)]).await.unwrap();
    world.store.add_usage(vec![uses(&issued, 1, 4, 5)]).await.unwrap();
    let expected =
        [ValueUsage { count: 7, last: Some(last(5)) }, ValueUsage { count: 5, last: Some(last(4)) }];
    assert_eq!(usage(&world, &issued).await, expected);
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 0, last: None }]);
}

pub(crate) async fn uses_are_there_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    let unnamed = LastUse { at: at(9), address: None, user_agent: None };
    let delta = UsageDelta { token: world.admin.id(), generation: 1, count: 2, last: unnamed.clone() };
    world.store.add_usage(vec![delta]).await.unwrap();
    let world = world.reopen();
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 2, last: Some(unnamed) }]);
}

pub(crate) async fn a_late_batch_does_not_set_the_last_use_back<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.store.add_usage(vec![uses(&world.admin, 1, 1, 20)]).await.unwrap();
    world.store.add_usage(vec![uses(&world.admin, 1, 2, 10)]).await.unwrap();
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 3, last: Some(last(20)) }]);
}

pub(crate) async fn uses_added_at_once_are_all_counted<B: Backend>() {
    let world = World::<B>::set_up().await;
    let tasks: Vec<_> = (1..=50)
        .map(|second| {
            let (store, delta) = (world.store.clone(), uses(&world.admin, 1, 2, second));
            tokio::spawn(async move { store.add_usage(vec![delta]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 100, last: Some(last(50)) }]);
}
