//! Who may change what: not more than it could administer, and not after its own end.

use toolfront_store::{EnvironmentChange, EnvironmentRefusal, NewEnvironment, TokenRefusal};
use toolfront_token::{
    CreateEnvironment, Grace, ManageEnvironment, NewToken, RotateRequest, Scope, Status, Visibility,
};

use crate::world::{
    Backend, World, administrator, another_organization, at, by, env_id, env_name, env_ref, grant, holder,
    manifest, new_token, organization, permit, rotation, selector, token_id, value,
};

pub(crate) async fn pitfall_12_nobody_makes_a_token_of_another_organization<B: Backend>() {
    let world = World::<B>::set_up().await;
    let new = NewToken { organization: another_organization(), ..new_token(grant(Scope::Read)) };
    let (authority, by) = (administrator(&world.admin), by(&world.admin));
    let refused = world.store.issue_token(authority, token_id(), new, value(), None, by, at(1)).await;
    assert!(matches!(refused, Err(TokenRefusal::NotFound)), "{refused:?}");
    assert_eq!(world.memory.tokens(), 1);
}

pub(crate) async fn a_holder_makes_no_other_token<B: Backend>() {
    let world = World::<B>::set_up().await;
    let reader = world.issue(grant(Scope::Read), at(1)).await;
    let new = new_token(grant(Scope::Read));
    let refused =
        world.store.issue_token(holder(&reader), token_id(), new, value(), None, by(&reader), at(2)).await;
    assert!(matches!(refused, Err(TokenRefusal::NotFound)), "{refused:?}");
    assert_eq!(world.memory.tokens(), 2);
}

pub(crate) async fn a_token_that_was_revoked_since_its_call_began_makes_nothing<B: Backend>() {
    let world = World::<B>::set_up().await;
    let stolen = world.issue(grant(Scope::Admin), at(1)).await;
    let victim = world.issue(grant(Scope::Read), at(1)).await;
    let authority = || administrator(&stolen);
    let (a, b, c) = (authority(), authority(), authority());
    world.revoke(&stolen, at(2)).await;
    let before = world.memory.changes().len();

    let (new, by) = (new_token(grant(Scope::Admin)), by(&stolen));
    let issued = world.store.issue_token(a, token_id(), new, value(), None, by.clone(), at(3)).await;
    assert!(matches!(issued, Err(TokenRefusal::NotFound)), "{issued:?}");
    let (selector, request) = (selector(&victim), rotation(&victim));
    let rotated = world.store.rotate_token(b, selector, request, value(), None, by.clone(), at(3)).await;
    assert!(matches!(rotated, Err(TokenRefusal::NotFound)), "{rotated:?}");
    let revoked = world.store.revoke_token(c, selector, None, by, at(3)).await;
    assert!(matches!(revoked, Err(TokenRefusal::NotFound)), "{revoked:?}");
    assert_eq!(world.memory.changes().len(), before);
}

pub(crate) async fn a_value_that_was_rotated_away_since_its_call_began_makes_nothing<B: Backend>() {
    let world = World::<B>::set_up().await;
    let stolen = world.issue(grant(Scope::Admin), at(1)).await;
    let authority = administrator(&stolen);
    let rotated = world.rotate(&stolen, rotation(&stolen), at(2)).await.unwrap();
    let new = new_token(grant(Scope::Admin));
    let refused =
        world.store.issue_token(authority, token_id(), new, value(), None, by(&stolen), at(3)).await;
    assert!(matches!(refused, Err(TokenRefusal::NotFound)), "{refused:?}");
    world.issue_by(&rotated, grant(Scope::Admin), at(3)).await.unwrap();
}

pub(crate) async fn a_token_that_was_revoked_since_its_call_began_changes_no_environment<B: Backend>() {
    let world = World::<B>::set_up().await;
    let stolen = world.issue(grant(Scope::Admin), at(1)).await;
    let docs = world.create("docs", Some(manifest(&[("README.md", "# Docs")]))).await;
    let manage = permit::<ManageEnvironment>(&stolen, env_ref(docs.id));
    let create = permit::<CreateEnvironment>(&stolen, organization());
    world.revoke(&stolen, at(2)).await;
    let before = world.memory.changes().len();

    let (store, by) = (&world.store, by(&stolen));
    let new = NewEnvironment { name: env_name("mine"), visibility: Visibility::Public, manifest: None };
    let open = EnvironmentChange { visibility: Some(Visibility::Public), ..EnvironmentChange::default() };
    let files = manifest(&[("README.md", "# Mine")]);
    for refused in [
        store.create_environment(&create, env_id(), new, by.clone(), at(3)).await,
        store.publish(&manage, files, by.clone(), at(3)).await,
        store.roll_back(&manage, 1, by.clone(), at(3)).await,
        store.update_environment(&manage, open, by.clone(), at(3)).await,
        store.delete_environment(&manage, by, at(3)).await,
    ] {
        assert!(matches!(refused, Err(EnvironmentRefusal::NotFound)), "{refused:?}");
    }
    assert_eq!(world.memory.changes().len(), before);
    assert_eq!(world.memory.environment(docs.id), Some(docs));
}

pub(crate) async fn a_token_revokes_itself_twice<B: Backend>() {
    let world = World::<B>::set_up().await;
    let reader = world.issue(grant(Scope::Read), at(1)).await;
    let (first, second) = (holder(&reader), holder(&reader));
    let revoked = world.store.revoke_token(first, selector(&reader), None, by(&reader), at(2)).await.unwrap();
    assert_eq!(revoked.status(at(2)), Status::Revoked);
    let again = world.store.revoke_token(second, selector(&reader), None, by(&reader), at(3)).await.unwrap();
    assert_eq!(again, revoked);
}

pub(crate) async fn a_value_in_its_grace_still_acts<B: Backend>() {
    let world = World::<B>::set_up().await;
    let robot = world.issue(grant(Scope::Admin), at(1)).await;
    let authority = administrator(&robot);
    let hour = Grace::AfterFirstUse(std::time::Duration::from_hours(1));
    world.rotate(&robot, RotateRequest { grace: hour, ..rotation(&robot) }, at(2)).await.unwrap();
    let new = new_token(grant(Scope::Read));
    world.store.issue_token(authority, token_id(), new, value(), None, by(&robot), at(3)).await.unwrap();
}
