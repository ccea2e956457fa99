//! The organization and the first token.

use std::sync::Arc;

use toolfront_store::{Organization, SetupRefusal};
use toolfront_token::{Actor, IssueError, Scope};

use crate::world::memory::Memory;
use crate::world::{
    Backend, World, another_organization, at, grant, grant_until, new_token, organization, set_up, token_id,
    value,
};

pub(crate) async fn a_gateway_is_set_up_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    assert_eq!(world.admin.parts().created_by, Actor::Setup);

    let another = Organization { id: another_organization(), name: "other".to_owned() };
    let again = world.store.set_up(another, token_id(), new_token(grant(Scope::Admin)), value(), at(1)).await;
    assert!(matches!(again, Err(SetupRefusal::AlreadySetUp)), "{again:?}");

    let world = world.reopen();
    let acme = Organization { id: organization(), name: "acme".to_owned() };
    assert_eq!(world.store.organizations().await.unwrap(), [acme]);
    assert_eq!(world.memory.token(world.admin.id()), Some(world.admin));
    assert_eq!(world.memory.tokens(), 1);
}

pub(crate) async fn of_two_setups_at_once_one_wins<B: Backend>() {
    let backend = B::fresh();
    let (store, summary) = backend.open(Arc::new(Memory::default()), at(0)).unwrap();
    assert_eq!((summary.tokens, summary.environments), (0, 0));
    let one = |name: &str| {
        let organization = Organization { id: organization(), name: name.to_owned() };
        store.set_up(organization, token_id(), new_token(grant(Scope::Admin)), value(), at(0))
    };
    let (a, b) = tokio::join!(one("a"), one("b"));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(store.organizations().await.unwrap().len(), 1);
}

pub(crate) async fn a_setup_that_is_refused_leaves_nothing<B: Backend>() {
    let backend = B::fresh();
    let memory = Arc::new(Memory::default());
    let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
    let acme = Organization { id: organization(), name: "acme".to_owned() };
    let dead = new_token(grant_until(Scope::Admin, at(0)));
    let refused = store.set_up(acme, token_id(), dead, value(), at(0)).await;
    assert!(matches!(refused, Err(SetupRefusal::Token(IssueError::PastExpiry))), "{refused:?}");
    assert_eq!(store.organizations().await.unwrap(), []);
    assert_eq!(backend.events(), []);
    assert!(memory.changes().is_empty());
    set_up(&store).await;
}

pub(crate) async fn an_opened_store_can_be_read_and_written<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.store.check().await.unwrap();
    let world = world.reopen();
    world.store.check().await.unwrap();
}
