//! Lists of tokens.

use toolfront_store::{Cursor, Position, TokenFilter, TokenPage};
use toolfront_token::{ManageTokens, Scope, TokenId, TokenRecord};

use crate::world::{
    Backend, World, at, env_id, grant, grant_on, grant_until, organization, permit, rotation,
};

fn all() -> TokenFilter {
    TokenFilter {
        only_active: false,
        environment: None,
        expiring_before: None,
        unused_since: None,
        limit: 1000,
        from: Position::Offset(0),
    }
}

async fn list<B: Backend>(world: &World<B>, filter: TokenFilter) -> TokenPage {
    list_as(world, &world.admin, filter).await
}

async fn list_as<B: Backend>(world: &World<B>, actor: &TokenRecord, filter: TokenFilter) -> TokenPage {
    let permit = permit::<ManageTokens>(actor, organization());
    world.store.list_tokens(&permit, filter, at(100)).await.unwrap()
}

fn ids(page: &TokenPage) -> Vec<TokenId> {
    page.tokens.iter().map(|token| token.record.id()).collect()
}

/// Issues so many tokens, all at once, a second apart; yields their ids, the newest first.
async fn issue_many<B: Backend>(world: &World<B>, count: i64) -> Vec<TokenId> {
    let mut issued = Vec::new();
    for second in 1..=count {
        issued.push(world.issue(grant(Scope::Read), at(second)).await.id());
    }
    issued.reverse();
    issued
}

pub(crate) async fn tokens_are_listed_newest_first<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut expected = issue_many(&world, 10).await;
    expected.push(world.admin.id());
    assert_eq!(ids(&list(&world, all()).await), expected);
}

pub(crate) async fn pages_stay_as_they_are_while_tokens_are_made<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut expected = issue_many(&world, 10).await;
    expected.push(world.admin.id());
    let mut listed = Vec::new();
    let mut from = Position::Offset(0);
    for second in 50.. {
        let page = list(&world, TokenFilter { limit: 3, from, ..all() }).await;
        listed.extend(ids(&page));
        world.issue(grant(Scope::Read), at(second)).await;
        let Some(next) = page.next else { break };
        from = Position::Behind(Cursor::decode(&next.encode()).unwrap());
    }
    assert_eq!(listed, expected);
}

pub(crate) async fn tokens_of_one_instant_are_all_listed_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    let mut expected = vec![world.admin.id()];
    for _ in 0..20 {
        expected.push(world.issue(grant(Scope::Read), at(0)).await.id());
    }
    expected.sort_unstable();
    let mut listed = Vec::new();
    let mut from = Position::Offset(0);
    loop {
        let page = list(&world, TokenFilter { limit: 4, from, ..all() }).await;
        listed.extend(ids(&page));
        let Some(next) = page.next else { break };
        from = Position::Behind(next);
    }
    listed.reverse();
    assert_eq!(listed, expected);
}

pub(crate) async fn an_offset_reaches_over_several_chunks<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = issue_many(&world, 450).await;
    for (offset, limit) in [(0, 450), (199, 2), (200, 200), (410, 30), (449, 1)] {
        let page = list(&world, TokenFilter { limit, from: Position::Offset(offset), ..all() }).await;
        let begin = usize::try_from(offset).unwrap();
        assert_eq!(ids(&page), issued[begin..begin + limit], "{limit} behind {offset}");
        assert!(page.next.is_some(), "{limit} behind {offset}: the first token is left");
    }
    for offset in [451, 1000, u64::MAX] {
        let page = list(&world, TokenFilter { from: Position::Offset(offset), ..all() }).await;
        assert!(page.tokens.is_empty() && page.next.is_none());
    }
}

pub(crate) async fn an_offset_counts_only_what_is_seen<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = env_id();
    let admin = world.issue(grant_on(Scope::Admin, [docs]), at(1)).await;
    let mut seen = vec![admin.id()];
    for second in 2..230 {
        world.issue(grant(Scope::Read), at(second)).await;
        if second % 50 == 0 {
            seen.push(world.issue(grant_on(Scope::Read, [docs]), at(second)).await.id());
        }
    }
    seen.reverse();
    let page = list_as(&world, &admin, TokenFilter { from: Position::Offset(2), ..all() }).await;
    assert_eq!(ids(&page), seen[2..]);
}

pub(crate) async fn only_active_tokens_are_listed_unless_all_are_asked_for<B: Backend>() {
    let world = World::<B>::set_up().await;
    let revoked = world.issue(grant(Scope::Read), at(1)).await;
    let expired = world.issue(grant_until(Scope::Read, at(100)), at(2)).await;
    let living = world.issue(grant_until(Scope::Read, at(101)), at(3)).await;
    let rotated = world.issue(grant_until(Scope::Read, at(90)), at(4)).await;
    let longer = toolfront_token::RotateRequest {
        expiry: Some(toolfront_token::Expiry::At(at(200))),
        ..rotation(&rotated)
    };
    world.rotate(&rotated, longer, at(5)).await.unwrap();
    world.revoke(&revoked, at(6)).await;
    let active = list(&world, TokenFilter { only_active: true, ..all() }).await;
    assert_eq!(ids(&active), [rotated.id(), living.id(), world.admin.id()]);
    let every = list(&world, all()).await;
    assert_eq!(ids(&every), [rotated.id(), living.id(), expired.id(), revoked.id(), world.admin.id()]);
}

pub(crate) async fn a_list_can_be_narrowed_to_an_environment<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (docs, billing) = (env_id(), env_id());
    let both = world.issue(grant_on(Scope::Read, [docs, billing]), at(1)).await;
    world.issue(grant_on(Scope::Read, [billing]), at(2)).await;
    let moved = world.issue(grant_on(Scope::Read, [docs]), at(3)).await;
    let elsewhere = toolfront_token::RotateRequest {
        environments: Some(toolfront_token::EnvGrant::only([billing]).unwrap()),
        ..rotation(&moved)
    };
    world.rotate(&moved, elsewhere, at(4)).await.unwrap();
    let page = list(&world, TokenFilter { environment: Some(docs), ..all() }).await;
    assert_eq!(ids(&page), [both.id(), world.admin.id()]);
    let page = list(&world, TokenFilter { environment: Some(env_id()), ..all() }).await;
    assert_eq!(ids(&page), [world.admin.id()]);
}

pub(crate) async fn a_list_can_be_narrowed_to_what_expires_soon<B: Backend>() {
    let world = World::<B>::set_up().await;
    let soon = world.issue(grant_until(Scope::Read, at(199)), at(1)).await;
    world.issue(grant_until(Scope::Read, at(200)), at(2)).await;
    world.issue(grant_until(Scope::Read, at(50)), at(3)).await;
    let filter = TokenFilter { only_active: true, expiring_before: Some(at(200)), ..all() };
    assert_eq!(ids(&list(&world, filter).await), [soon.id()]);
}

pub(crate) async fn the_last_page_has_no_next<B: Backend>() {
    let world = World::<B>::set_up().await;
    issue_many(&world, 3).await;
    let exactly = list(&world, TokenFilter { limit: 4, ..all() }).await;
    assert_eq!((exactly.tokens.len(), exactly.next), (4, None));
    let fewer = list(&world, TokenFilter { limit: 3, ..all() }).await;
    let rest = TokenFilter { from: Position::Behind(fewer.next.unwrap()), ..all() };
    let rest = list(&world, rest).await;
    assert_eq!((rest.tokens.len(), rest.next), (1, None));
}

pub(crate) async fn a_cursor_reads_back_and_nonsense_does_not<B: Backend>() {
    let world = World::<B>::set_up().await;
    issue_many(&world, 2).await;
    let next = list(&world, TokenFilter { limit: 1, ..all() }).await.next.unwrap();
    assert_eq!(Cursor::decode(&next.encode()), Some(next));
    for text in ["", ".", "1", "1.", ".tok-aaaaaaaaaaaa", "x.tok-aaaaaaaaaaaa", "1.tok-aaaaaaaaaaa!"] {
        assert_eq!(Cursor::decode(text), None, "{text:?}");
    }
}
