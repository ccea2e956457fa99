//! Issue, rotate, first use, revoke; and what the copy in memory is handed.

use toolfront_store::{Change, StoreError, TokenRefusal};
use toolfront_token::{
    Actor, CredentialState, EnvGrant, Expiry, Grace, RotateError, RotateRequest, Scope, Status, TokenRecord,
};

use crate::world::{
    Backend, World, administrator, at, by, env_id, grant, grant_on, grant_until, name, new_token, reason,
    rotation, selector, token_id, value,
};

pub(crate) async fn a_token_is_there_after_reopening_as_it_was_issued<B: Backend>() {
    let world = World::<B>::set_up().await;
    let grants = [
        grant(Scope::Admin),
        grant_on(Scope::Read, [env_id()]),
        grant_until(Scope::Execute, at(500)),
        grant_on(Scope::Execute, (0..40).map(|_| env_id())),
    ];
    let mut issued = vec![world.admin.clone()];
    for (second, grant) in (1..).zip(grants) {
        issued.push(world.issue(grant, at(second)).await);
    }
    let index = world.memory.index();

    let world = world.reopen();
    for record in &issued {
        assert_eq!(world.memory.token(record.id()).as_ref(), Some(record));
        let loaded = world.store.load_token(administrator(&world.admin), selector(record)).await.unwrap();
        assert_eq!(loaded.record, *record);
    }
    assert_eq!(world.memory.index(), index);
}

fn told(change: &Change) -> (TokenRecord, Status) {
    let Change::Token(record) = change else { panic!("not a token: {change:?}") };
    (TokenRecord::clone(record), record.status(at(10)))
}

pub(crate) async fn the_sink_is_handed_each_change_in_order_before_the_call_is_answered<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    assert_eq!(world.memory.token(issued.id()).as_ref(), Some(&issued));
    let rotated = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    assert_eq!(world.memory.token(issued.id()).as_ref(), Some(&rotated));
    world.store.record_first_use(selector(&issued), 2, by(&issued), at(3)).await.unwrap();
    let used = world.memory.token(issued.id()).unwrap();
    assert_eq!(used.parts().newest.first_used_at, Some(at(3)));
    let revoked = world.revoke(&used, at(4)).await;

    let changes: Vec<_> = world.memory.changes().iter().map(told).collect();
    assert_eq!(
        changes,
        [
            (world.admin.clone(), Status::Active),
            (issued, Status::Active),
            (rotated, Status::Active),
            (used, Status::Active),
            (revoked, Status::Revoked),
        ]
    );
}

pub(crate) async fn a_change_that_is_refused_is_not_handed_to_the_sink<B: Backend>() {
    let world = World::<B>::set_up().await;
    let before = world.memory.changes().len();
    let dead = grant_until(Scope::Read, at(1));
    world.issue_by(&world.admin, dead, at(1)).await.unwrap_err();
    let old = RotateRequest { expected_generation: 9, ..rotation(&world.admin) };
    world.rotate(&world.admin, old, at(1)).await.unwrap_err();
    assert_eq!(world.memory.changes().len(), before);
}

pub(crate) async fn a_rotation_keeps_what_it_is_not_told_to_change<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant_until(Scope::Execute, at(900)), at(1)).await;
    let rotated = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    assert_eq!(rotated.id(), issued.id());
    assert_eq!(rotated.generation(), 2);
    assert_eq!(rotated.grant(), issued.grant());
    assert_eq!(rotated.parts().name, issued.parts().name);
    assert_ne!(rotated.parts().newest.digest, issued.parts().newest.digest);
}

pub(crate) async fn a_rotation_is_there_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let (first, second) = (env_id(), env_id());
    let request = RotateRequest {
        name: Some(name("deploy")),
        scope: Some(Scope::Read),
        environments: Some(EnvGrant::only([first, second]).unwrap()),
        expiry: Some(Expiry::At(at(700))),
        grace: Grace::AfterFirstUse(std::time::Duration::from_mins(1)),
        ..rotation(&issued)
    };
    let rotated = world.rotate(&issued, request, at(2)).await.unwrap();
    let narrowed =
        RotateRequest { environments: Some(EnvGrant::only([second]).unwrap()), ..rotation(&rotated) };
    let again = world.rotate(&rotated, narrowed, at(3)).await.unwrap();
    let index = world.memory.index();

    let world = world.reopen();
    assert_eq!(world.memory.token(issued.id()), Some(again));
    assert_eq!(world.memory.index(), index);
}

pub(crate) async fn pitfall_13_of_many_rotations_at_once_exactly_one_wins<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (store, authority, by) = (world.store.clone(), administrator(&world.admin), by(&world.admin));
            let (selector, request) = (selector(&issued), rotation(&issued));
            tokio::spawn(async move {
                store.rotate_token(authority, selector, request, value(), None, by, at(2)).await
            })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(record) => won.push(record),
            Err(TokenRefusal::Rotate(RotateError::Superseded { current: 2 })) => {}
            Err(refused) => panic!("{refused}"),
        }
    }
    let [winner] = won.as_slice() else { panic!("{} won", won.len()) };
    assert_eq!(winner.generation(), 2);
    let world = world.reopen();
    assert_eq!(world.memory.token(issued.id()).as_ref(), Some(winner));
}

pub(crate) async fn pitfall_14_a_repeated_rotation_does_not_kill_the_winner<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let rotated = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    world.rotate(&issued, rotation(&issued), at(3)).await.unwrap_err();
    assert_eq!(world.memory.token(issued.id()), Some(rotated));
}

pub(crate) async fn a_first_use_starts_the_end_of_the_value_before<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let minute = Grace::AfterFirstUse(std::time::Duration::from_mins(1));
    let request = RotateRequest { grace: minute, ..rotation(&issued) };
    let rotated = world.rotate(&issued, request, at(2)).await.unwrap();
    world.store.record_first_use(selector(&rotated), 2, by(&rotated), at(100)).await.unwrap();

    let world = world.reopen();
    let old = world.memory.index().get(&issued.parts().newest.digest).cloned().unwrap();
    assert_eq!(old.state(), CredentialState::Grace { until: at(160), successor_unused: false });
    assert!(old.activate(at(159)).is_ok());
    assert!(old.activate(at(160)).is_err());
}

pub(crate) async fn a_first_use_is_recorded_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let rotated = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    let (changes, events) = (world.memory.changes().len(), world.backend.events().len());
    for (generation, second) in [(1, 3), (2, 4), (2, 5), (3, 6)] {
        let (selector, by) = (selector(&rotated), by(&rotated));
        world.store.record_first_use(selector, generation, by, at(second)).await.unwrap();
    }
    let used = world.memory.token(issued.id()).unwrap();
    assert_eq!(used.parts().newest.first_used_at, Some(at(4)));
    assert_eq!(world.memory.changes().len(), changes + 1);
    assert_eq!(world.actions_since(events), ["token.first_use"]);
}

pub(crate) async fn a_revoked_token_stays_revoked_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let (authority, selector) = (administrator(&world.admin), selector(&issued));
    let leaked = Some(reason("it leaked"));
    let revoked =
        world.store.revoke_token(authority, selector, leaked.clone(), by(&world.admin), at(5)).await.unwrap();
    let revocation = revoked.parts().revocation.clone().unwrap();
    assert_eq!((revocation.at, revocation.reason), (at(5), leaked));
    assert_eq!(revocation.by, Actor::Token(world.admin.id()));

    let world = world.reopen();
    assert_eq!(world.memory.token(issued.id()), Some(revoked));
    let credential = world.memory.index().get(&issued.parts().newest.digest).cloned().unwrap();
    assert_eq!(credential.state(), CredentialState::Revoked);
}

pub(crate) async fn a_second_revocation_yields_what_the_first_one_left<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let revoked = world.revoke(&issued, at(2)).await;
    let (changes, events) = (world.memory.changes().len(), world.backend.events().len());
    let (authority, by) = (administrator(&world.admin), by(&world.admin));
    let again = world.store.revoke_token(authority, selector(&issued), Some(reason("late")), by, at(3)).await;
    assert_eq!(again.unwrap(), revoked);
    assert_eq!(world.memory.changes().len(), changes);
    assert_eq!(world.actions_since(events), [""; 0]);
}

pub(crate) async fn of_many_revocations_at_once_one_is_kept<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let events = world.backend.events().len();
    let tasks: Vec<_> = (0..16)
        .map(|second| {
            let (store, authority, by) = (world.store.clone(), administrator(&world.admin), by(&world.admin));
            let selector = selector(&issued);
            tokio::spawn(async move { store.revoke_token(authority, selector, None, by, at(second)).await })
        })
        .collect();
    for task in tasks {
        let answered = task.await.unwrap().unwrap();
        assert_eq!(Some(answered), world.memory.token(issued.id()));
    }
    assert_eq!(world.actions_since(events), ["token.revoke"]);
}

pub(crate) async fn a_revoked_token_is_not_rotated<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    world.revoke(&issued, at(2)).await;
    let refused = world.rotate(&issued, rotation(&issued), at(3)).await;
    assert!(matches!(refused, Err(TokenRefusal::Rotate(RotateError::Revoked))), "{refused:?}");
}

pub(crate) async fn a_digest_is_taken_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (value, new) = (value(), new_token(grant(Scope::Read)));
    let issue = |id| {
        let (authority, by) = (administrator(&world.admin), by(&world.admin));
        world.store.issue_token(authority, id, new.clone(), value, None, by, at(1))
    };
    issue(token_id()).await.unwrap();
    let refused = issue(token_id()).await;
    assert!(matches!(refused, Err(TokenRefusal::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    assert_eq!(world.memory.tokens(), 2);
}

pub(crate) async fn an_id_is_taken_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (authority, by) = (administrator(&world.admin), by(&world.admin));
    let (id, new) = (world.admin.id(), new_token(grant(Scope::Read)));
    let refused = world.store.issue_token(authority, id, new, value(), None, by, at(1)).await;
    assert!(matches!(refused, Err(TokenRefusal::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    assert_eq!(world.memory.token(id), Some(world.admin));
}
