//! Calls that are committed together, and what an answer is worth.

use toolfront_store::{EnvironmentRefusal, NewEnvironment, Position, StoreError, TokenFilter, TokenRefusal};
use toolfront_token::{ManageTokens, RotateError, RotateRequest, Scope, Visibility};

use crate::world::{
    Backend, World, administrator, at, begin, by, env_id, env_name, grant, grant_until, new_token,
    organization, permit, rotation, selector, token_id, value,
};

pub(crate) async fn a_call_that_fails_does_not_harm_the_others_of_its_batch<B: Backend>() {
    let world = World::<B>::set_up().await;
    let held = world.memory.hold();
    let holding = begin(world.issue(grant(Scope::Read), at(1))).await;
    held.reached();
    let mut calls = Vec::new();
    for number in 0..60_i64 {
        // Refused by the rules, refused by the database after something was written, or made.
        let (authority, by) = (administrator(&world.admin), by(&world.admin));
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
    let mut made = Vec::new();
    for (number, call) in calls.into_iter().enumerate() {
        match (number % 3, call.await) {
            (0, Err(TokenRefusal::Issue(_)))
            | (1, Err(TokenRefusal::Store(StoreError::Unavailable { .. }))) => {}
            (2, Ok(record)) => made.push(record),
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(made.len(), 20);
    let index = world.memory.index();
    let world = world.reopen();
    assert_eq!(world.memory.index(), index);
    assert_eq!(world.memory.tokens(), 22);
    assert_eq!(world.backend.events().len(), 23, "one for the organization, and one for each token");
}

pub(crate) async fn calls_of_one_batch_see_what_those_before_them_did<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    let create = permit(&world.admin, organization());
    let new = |name| NewEnvironment { name: env_name(name), visibility: Visibility::Private, manifest: None };
    let held = world.memory.hold();
    let holding = begin(world.issue(grant(Scope::Read), at(1))).await;
    held.reached();
    let (store, by) = (&world.store, by(&world.admin));
    let made = begin(store.create_environment(&create, env_id(), new("docs"), by.clone(), at(2))).await;
    let taken = begin(store.create_environment(&create, env_id(), new("docs"), by, at(2))).await;
    let won = begin(world.rotate(&issued, rotation(&issued), at(2))).await;
    let lost = begin(world.rotate(&issued, rotation(&issued), at(2))).await;
    let next = RotateRequest { expected_generation: 2, ..rotation(&issued) };
    let third = begin(world.rotate(&issued, next, at(3))).await;
    drop(held);
    holding.await;
    made.await.unwrap();
    assert!(matches!(taken.await, Err(EnvironmentRefusal::NameTaken(_))));
    assert_eq!(won.await.unwrap().generation(), 2);
    let lost = lost.await;
    assert!(matches!(lost, Err(TokenRefusal::Rotate(RotateError::Superseded { current: 2 }))), "{lost:?}");
    assert_eq!(third.await.unwrap().generation(), 3);
}

pub(crate) async fn a_call_whose_caller_went_away_is_done_all_the_same<B: Backend>() {
    let world = World::<B>::set_up().await;
    let held = world.memory.hold();
    let holding = begin(world.issue(grant(Scope::Read), at(1))).await;
    held.reached();
    let gone = begin(world.issue(grant(Scope::Read), at(2))).await;
    drop(gone);
    drop(held);
    holding.await;
    world.store.check().await.unwrap();
    assert_eq!(world.memory.tokens(), 3);
}

pub(crate) async fn a_closed_store_takes_no_more_changes<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    world.store.close();
    world.store.close();
    let refused = world.issue_by(&world.admin, grant(Scope::Read), at(2)).await;
    assert!(matches!(refused, Err(TokenRefusal::Store(StoreError::Closed))), "{refused:?}");
    assert!(matches!(world.store.check().await, Err(StoreError::Closed)));
    assert!(matches!(world.record(Vec::new()).await, Err(StoreError::Closed)));
    assert_eq!(world.memory.tokens(), 2);
    let world = world.reopen();
    assert_eq!(world.memory.token(issued.id()), Some(issued));
}

pub(crate) async fn what_waits_when_the_store_is_closed_is_done<B: Backend>() {
    let world = World::<B>::set_up().await;
    let held = world.memory.hold();
    let holding = begin(world.issue(grant(Scope::Read), at(1))).await;
    held.reached();
    let waiting = begin(world.issue(grant(Scope::Read), at(2))).await;
    let closing = tokio::task::spawn_blocking({
        let store = world.store.clone();
        move || store.close()
    });
    drop(held);
    closing.await.unwrap();
    let (first, second) = (holding.await, waiting.await);
    let world = world.reopen();
    for record in [first, second] {
        assert_eq!(world.memory.token(record.id()), Some(record));
    }
}

pub(crate) async fn what_was_answered_is_there_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, authority, by) = (world.store.clone(), administrator(&world.admin), by(&world.admin));
            tokio::spawn(async move {
                let mut answered = Vec::new();
                for _ in 0..8 {
                    let (id, new) = (token_id(), new_token(grant(Scope::Read)));
                    let (authority, by) = (authority.clone(), by.clone());
                    let issued = store.issue_token(authority, id, new, value(), None, by, at(1)).await;
                    answered.push(issued.unwrap());
                }
                answered
            })
        })
        .collect();
    let mut answered = Vec::new();
    for task in tasks {
        answered.extend(task.await.unwrap());
    }
    let world = world.reopen();
    assert_eq!(answered.len(), 128);
    for record in answered {
        assert_eq!(world.memory.token(record.id()), Some(record));
    }
}

/// Tokens are rotated in turn, the newest first, again and again. At any instant those that are before others in
/// the list are as far as they are or one ahead, and never behind.
pub(crate) async fn a_list_is_of_one_instant<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut records = Vec::new();
    for second in 1..=40 {
        records.push(world.issue(grant(Scope::Read), at(second)).await);
    }
    let (store, actor) = (world.store.clone(), world.admin.clone());
    let rotating = tokio::spawn(async move {
        for _ in 0..8 {
            for record in records.iter_mut().rev() {
                let (authority, selector, request) =
                    (administrator(&actor), selector(record), rotation(record));
                let rotated =
                    store.rotate_token(authority, selector, request, value(), None, by(&actor), at(50));
                *record = rotated.await.unwrap();
            }
        }
    });
    let permit = permit::<ManageTokens>(&world.admin, organization());
    let filter = TokenFilter {
        only_active: true,
        environment: None,
        expiring_before: None,
        unused_since: None,
        limit: 40,
        from: Position::Offset(0),
    };
    while !rotating.is_finished() {
        let page = world.store.list_tokens(&permit, filter.clone(), at(100)).await.unwrap();
        let generations: Vec<u32> = page.tokens.iter().map(|token| token.record.generation()).collect();
        assert!(generations.is_sorted_by(|before, after| before >= after), "{generations:?}");
        assert!(generations[0] - generations[39] <= 1, "{generations:?}");
        for token in &page.tokens {
            assert_eq!(token.usage.len(), usize::try_from(token.record.generation()).unwrap());
        }
    }
    rotating.await.unwrap();
}
