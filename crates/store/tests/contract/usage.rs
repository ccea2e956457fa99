//! How often values were used: told by events, counted exactly.

use std::net::IpAddr;
use std::sync::Arc;

use toolfront_store::{DayUsage, LastUse, RequestGroup, TokenRefusal, UsageDetail, Use, ValueUsage};
use toolfront_token::{EnvId, Grant, Scope, Timestamp, TokenRecord};

use crate::world::log::{address, by_from, read};
use crate::world::{Backend, World, administrator, at, env_id, grant, grant_on, rotation, selector};

const DAY: i64 = 86_400;
/// The day on which the world begins.
const FIRST_DAY: i64 = 1_800_000_000 / DAY;

fn last(second: i64) -> LastUse {
    let address = IpAddr::from([192, 0, 2, u8::try_from(second).unwrap()]);
    LastUse { at: at(second), address: Some(address), user_agent: Some(format!("agent/{second}")) }
}

/// So many uses of a value, the last of them at that second and from an address that tells it.
fn uses(record: &TokenRecord, generation: u32, count: u64, second: i64) -> RequestGroup {
    let mut by = by_from(record, u8::try_from(second).unwrap());
    by.generation = Some(generation);
    RequestGroup { by, count, uses: count, ..read(record, second) }
}

async fn usage<B: Backend>(world: &World<B>, record: &TokenRecord) -> Vec<ValueUsage> {
    world.store.count_usage().await.unwrap();
    world.store.load_token(administrator(&world.admin), selector(record)).await.unwrap().usage
}

async fn detail<B: Backend>(
    world: &World<B>,
    record: &TokenRecord,
    days: u16,
    now: Timestamp,
) -> UsageDetail {
    world.store.count_usage().await.unwrap();
    world.store.token_usage(administrator(&world.admin), selector(record), days, now).await.unwrap()
}

pub(crate) async fn uses_are_added_for_each_value<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    let unused = ValueUsage { count: 0, last: None };
    assert_eq!(usage(&world, &issued).await, [unused.clone(), unused.clone()]);
    world.record(vec![uses(&issued, 1, 3, 3), uses(&issued, 2, 5, 4)]).await.unwrap();
    world.record(vec![uses(&issued, 1, 4, 5)]).await.unwrap();
    let expected =
        [ValueUsage { count: 7, last: Some(last(5)) }, ValueUsage { count: 5, last: Some(last(4)) }];
    assert_eq!(usage(&world, &issued).await, expected);
    assert_eq!(usage(&world, &world.admin).await, [unused]);
}

pub(crate) async fn uses_are_there_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut unnamed = uses(&world.admin, 1, 2, 9);
    (unnamed.by.address, unnamed.by.user_agent) = (None, None);
    world.record(vec![unnamed]).await.unwrap();
    let world = world.reopen();
    let last = LastUse { at: at(9), address: None, user_agent: None };
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 2, last: Some(last) }]);
}

pub(crate) async fn a_late_batch_does_not_set_the_last_use_back<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record(vec![uses(&world.admin, 1, 1, 20)]).await.unwrap();
    // Before the first is counted, and after it.
    world.record(vec![uses(&world.admin, 1, 2, 10)]).await.unwrap();
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 3, last: Some(last(20)) }]);
    world.record(vec![uses(&world.admin, 1, 1, 15)]).await.unwrap();
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 4, last: Some(last(20)) }]);
}

pub(crate) async fn uses_added_at_once_are_all_counted<B: Backend>() {
    let world = World::<B>::set_up().await;
    let tasks: Vec<_> = (1..=50)
        .map(|second| {
            let (store, groups) = (world.store.clone(), Arc::new(vec![uses(&world.admin, 1, 2, second)]));
            tokio::spawn(async move {
                store.record_requests(groups, Vec::new()).await.unwrap();
                store.count_usage().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 100, last: Some(last(50)) }]);
    let world = world.reopen();
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 100, last: Some(last(50)) }]);
}

pub(crate) async fn uses_are_told_by_day_and_environment<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (docs, other) = (env_id(), env_id());
    let on = |day: i64, environment: Option<EnvId>, count| {
        let group = read(&world.admin, day * DAY);
        RequestGroup { environment, count, uses: count, ..group }
    };
    world.record(vec![on(0, Some(docs), 2), on(0, Some(other), 3), on(0, None, 4)]).await.unwrap();
    world.record(vec![on(1, Some(docs), 5), on(0, Some(docs), 6)]).await.unwrap();
    let of = |day, environment, count| DayUsage { day: FIRST_DAY + day, environment, count };
    let mut expected =
        vec![of(0, None, 4), of(0, Some(docs), 8), of(0, Some(other), 3), of(1, Some(docs), 5)];
    expected.sort_by_key(|day| (day.day, day.environment));
    assert_eq!(detail(&world, &world.admin, 30, at(DAY)).await.days, expected);
    let today = detail(&world, &world.admin, 1, at(DAY)).await.days;
    assert_eq!(today, [of(1, Some(docs), 5)]);
    let world = world.reopen();
    assert_eq!(detail(&world, &world.admin, 2, at(DAY)).await.days, expected);
}

pub(crate) async fn the_last_five_addresses_are_kept<B: Backend>() {
    let world = World::<B>::set_up().await;
    for second in [1, 2, 3, 4, 5, 6, 7, 2] {
        let again = RequestGroup { last: at(second + 10), ..uses(&world.admin, 1, 1, second) };
        let again = RequestGroup { first: at(second + 10), ..again };
        world.record(vec![again]).await.unwrap();
        world.store.count_usage().await.unwrap();
    }
    let seen = async |world: &World<B>| {
        let seen = detail(world, &world.admin, 1, at(0)).await.addresses;
        seen.into_iter().map(|from| (from.address, from.at, from.user_agent.unwrap())).collect::<Vec<_>>()
    };
    let from =
        |number: u8| (address(number).to_string(), at(i64::from(number) + 10), format!("agent/{number}"));
    // The one that was used again, with an earlier time, does not come back.
    let expected = [7, 6, 5, 4, 3].map(from);
    assert_eq!(seen(&world).await, expected);
    world.record(vec![uses(&world.admin, 1, 1, 100)]).await.unwrap();
    let expected = [(address(100).to_string(), at(100), "agent/100".to_owned())];
    assert_eq!(seen(&world).await[..1], expected);
    assert_eq!(seen(&world.reopen()).await.len(), 5);
}

pub(crate) async fn days_are_forgotten_after_400<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record(vec![read(&world.admin, 0), read(&world.admin, DAY)]).await.unwrap();
    world.store.count_usage().await.unwrap();
    let days = async |world: &World<B>| {
        let days = detail(world, &world.admin, 1_000, at(400 * DAY)).await.days;
        days.into_iter().map(|day| day.day - FIRST_DAY).collect::<Vec<_>>()
    };
    world.store.forget_old_days(at(399 * DAY)).await.unwrap();
    assert_eq!(days(&world).await, [0, 1]);
    world.store.forget_old_days(at(400 * DAY)).await.unwrap();
    assert_eq!(days(&world).await, [1]);
    assert_eq!(usage(&world, &world.admin).await[0].count, 2, "the total knows of them");
}

pub(crate) async fn usage_is_shown_to_who_dominates_the_token_alone<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (docs, other) = (env_id(), env_id());
    let issue = async |grant: Grant| world.issue(grant, at(1)).await;
    let only = issue(grant_on(Scope::Admin, [docs])).await;
    let (below, beside) =
        (issue(grant_on(Scope::Read, [docs])).await, issue(grant_on(Scope::Read, [other])).await);
    world.record(vec![read(&below, 2), read(&beside, 2)]).await.unwrap();
    world.store.count_usage().await.unwrap();
    let ask = async |token: &TokenRecord| {
        world.store.token_usage(administrator(&only), selector(token), 30, at(3)).await
    };
    assert_eq!(ask(&below).await.unwrap().days.len(), 1);
    for hidden in [&beside, &world.admin] {
        let refused = ask(hidden).await.unwrap_err();
        assert!(matches!(refused, TokenRefusal::NotFound), "{refused:?}");
    }
}

pub(crate) async fn uses_that_no_event_tells_of_are_counted<B: Backend>() {
    let world = World::<B>::set_up().await;
    let before = world.backend.events().len();
    let untold = Use {
        token: world.admin.id(),
        generation: 1,
        environment: None,
        at: at(7),
        count: 3,
        address: last(7).address,
        user_agent: last(7).user_agent,
    };
    world.count_untold(vec![untold]).await;
    assert_eq!(usage(&world, &world.admin).await, [ValueUsage { count: 3, last: Some(last(7)) }]);
    assert_eq!(world.backend.events().len(), before);
    let world = world.reopen();
    assert_eq!(usage(&world, &world.admin).await[0].count, 3);
}

pub(crate) async fn what_is_counted_again_is_not_counted_twice<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.record(vec![uses(&world.admin, 1, 2, 3)]).await.unwrap();
    for _ in 0..3 {
        assert_eq!(usage(&world, &world.admin).await[0].count, 2);
    }
    let days = detail(&world, &world.admin, 30, at(3)).await.days;
    assert_eq!(days.iter().map(|day| day.count).sum::<u64>(), 2);
}
