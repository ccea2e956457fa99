//! Values that are used after their end.

use std::time::Duration;

use toolfront_store::{AuditRecord, Decision, RequestGroup};
use toolfront_token::{Grace, RotateRequest, Scope, TokenRecord};

use crate::world::log::denied;
use crate::world::{Backend, World, at, grant, grant_until, rotation};

async fn told<B: Backend>(world: &World<B>, group: RequestGroup) -> AuditRecord {
    world.record(vec![group]).await.unwrap();
    world.log().await.pop().unwrap()
}

async fn assert_reused_after<B: Backend>(
    world: &World<B>,
    token: &TokenRecord,
    decision: Decision,
    end: i64,
) {
    for second in [end, end + 1, end + 60] {
        let event = told(world, denied(token, decision, second)).await;
        assert_eq!((event.action.as_str(), event.subject), ("access.deny", None), "{decision} {second}");
        assert_eq!((event.decision, event.token), (decision, Some(token.id())));
    }
    let event = told(world, denied(token, decision, end + 61)).await;
    assert_eq!((event.action.as_str(), event.subject), ("token.reuse", Some(token.id())), "{decision}");
    assert_eq!((event.decision, event.uses), (decision, 0));
    world.verified().await;
}

pub(crate) async fn a_dead_value_used_within_a_minute_is_a_denial_and_later_a_reuse<B: Backend>() {
    let world = World::<B>::set_up().await;
    let revoked = world.issue(grant(Scope::Read), at(1)).await;
    world.revoke(&revoked, at(10)).await;
    assert_reused_after(&world, &revoked, Decision::Revoked, 10).await;

    let expired = world.issue(grant_until(Scope::Read, at(1_000)), at(1)).await;
    assert_reused_after(&world, &expired, Decision::Expired, 1_000).await;

    let rotated = world.issue(grant(Scope::Read), at(1)).await;
    world.rotate(&rotated, rotation(&rotated), at(20)).await.unwrap();
    assert_reused_after(&world, &rotated, Decision::Rotated, 20).await;

    // A value in its grace ends with it.
    let graced = world.issue(grant(Scope::Read), at(1)).await;
    let grace = Grace::from_seconds(3_600).unwrap();
    world.rotate(&graced, RotateRequest { grace, ..rotation(&graced) }, at(20)).await.unwrap();
    let first_use = at(30);
    let by = crate::world::by(&graced);
    world.store.record_first_use(crate::world::selector(&graced), 2, by, first_use).await.unwrap();
    let end = 30 + i64::try_from(Duration::from_hours(1).as_secs()).unwrap();
    assert_reused_after(&world, &graced, Decision::Rotated, end).await;
}

pub(crate) async fn a_value_that_never_was_is_no_reuse<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut unknown = denied(&world.admin, Decision::Invalid, 500);
    (unknown.by.token, unknown.by.generation) = (None, None);
    assert_eq!(told(&world, unknown).await.action, "access.deny");
}

pub(crate) async fn a_living_tokens_denial_is_no_reuse<B: Backend>() {
    let world = World::<B>::set_up().await;
    let living = world.issue(grant(Scope::Read), at(1)).await;
    for decision in [Decision::Scope, Decision::Environment] {
        let event = told(&world, denied(&living, decision, 500)).await;
        assert_eq!((event.action.as_str(), event.decision), ("access.deny", decision));
    }
}
