//! What a token may know of others.

use toolfront_store::{Position, TokenFilter, TokenRefusal, TokenSelector};
use toolfront_token::{ManageTokens, Scope, TokenRecord};

use crate::world::{
    Backend, World, administrator, another_organization, at, by, env_id, grant, grant_on, holder,
    organization, permit, rotation, selector, token_id, value,
};

/// An administrator of two environments, what it dominates, and what it does not.
async fn only_admin<B: Backend>(world: &World<B>) -> (TokenRecord, Vec<TokenRecord>, Vec<TokenRecord>) {
    let (docs, billing, other) = (env_id(), env_id(), env_id());
    let admin = world.issue(grant_on(Scope::Admin, [docs, billing]), at(1)).await;
    let mut dominated = vec![admin.clone()];
    let mut hidden = vec![world.admin.clone()];
    for grant in [
        grant_on(Scope::Read, [docs]),
        grant_on(Scope::Admin, [docs, billing]),
        grant_on(Scope::Execute, [billing]),
    ] {
        dominated.push(world.issue(grant, at(2)).await);
    }
    for grant in [
        grant(Scope::Read),
        grant_on(Scope::Read, [other]),
        grant_on(Scope::Read, [docs, other]),
        grant_on(Scope::Admin, [docs, billing, other]),
    ] {
        hidden.push(world.issue(grant, at(3)).await);
    }
    (admin, dominated, hidden)
}

pub(crate) async fn an_only_admin_is_answered_as_if_others_did_not_exist<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (admin, dominated, hidden) = only_admin(&world).await;
    let (store, authority) = (&world.store, administrator(&admin));
    let nobody = TokenSelector { organization: organization(), token: token_id() };
    let absent = format!("{:?}", store.load_token(authority.clone(), nobody).await.unwrap_err());
    for record in &hidden {
        let (selector, by) = (selector(record), by(&admin));
        let loaded = store.load_token(authority.clone(), selector).await.unwrap_err();
        let request = rotation(record);
        let rotated = store
            .rotate_token(authority.clone(), selector, request, value(), None, by.clone(), at(4))
            .await
            .unwrap_err();
        let revoked = store.revoke_token(authority.clone(), selector, None, by, at(4)).await.unwrap_err();
        for refused in [loaded, rotated, revoked] {
            assert_eq!(format!("{refused:?}"), absent);
        }
        assert_eq!(world.memory.token(record.id()).as_ref(), Some(record));
    }
    for record in &dominated {
        store.load_token(authority.clone(), selector(record)).await.unwrap();
    }
}

pub(crate) async fn an_only_admin_lists_just_what_it_dominates<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (admin, dominated, _) = only_admin(&world).await;
    let permit = permit::<ManageTokens>(&admin, organization());
    let filter = TokenFilter {
        only_active: true,
        environment: None,
        expiring_before: None,
        unused_since: None,
        limit: 3,
        from: Position::Offset(0),
    };
    let first = world.store.list_tokens(&permit, filter.clone(), at(4)).await.unwrap();
    let from = Position::Behind(first.next.unwrap());
    let second = world.store.list_tokens(&permit, TokenFilter { from, ..filter }, at(4)).await.unwrap();
    assert_eq!((first.tokens.len(), second.tokens.len()), (3, 1));
    assert!(second.next.is_none());
    let mut listed: Vec<_> =
        first.tokens.iter().chain(&second.tokens).map(|token| token.record.id()).collect();
    let mut expected: Vec<_> = dominated.iter().map(TokenRecord::id).collect();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

pub(crate) async fn another_organizations_token_is_not_found<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Read), at(1)).await;
    let elsewhere = TokenSelector { organization: another_organization(), token: issued.id() };
    let (store, authority, by) = (&world.store, administrator(&world.admin), by(&world.admin));
    let loaded = store.load_token(authority.clone(), elsewhere).await.unwrap_err();
    let rotated = store
        .rotate_token(authority.clone(), elsewhere, rotation(&issued), value(), None, by.clone(), at(2))
        .await
        .unwrap_err();
    let revoked = store.revoke_token(authority, elsewhere, None, by.clone(), at(2)).await.unwrap_err();
    for refused in [loaded, rotated, revoked] {
        assert!(matches!(refused, TokenRefusal::NotFound), "{refused:?}");
    }
    store.record_first_use(elsewhere, 1, by, at(2)).await.unwrap();
    assert_eq!(world.memory.token(issued.id()), Some(issued));
}

pub(crate) async fn a_holder_loads_itself_and_nothing_else<B: Backend>() {
    let world = World::<B>::set_up().await;
    let reader = world.issue(grant(Scope::Read), at(1)).await;
    let itself = world.store.load_token(holder(&reader), selector(&reader)).await.unwrap();
    assert_eq!(itself.record, reader);
    let other = world.store.load_token(holder(&reader), selector(&world.admin)).await;
    assert!(matches!(other, Err(TokenRefusal::NotFound)), "{other:?}");
}
