//! Events: one for each change, in its transaction; none for what was refused.

use std::net::IpAddr;

use serde_json::json;
use toolfront_store::{Attribution, EnvironmentChange, NewEnvironment, Outcome, RunBegun, RunEnded};
use toolfront_token::{ManageEnvironment, RotateRequest, Scope, Visibility};

use crate::world::{
    Backend, World, administrator, at, by, env_id, env_name, env_ref, grant, grant_until, manifest,
    new_token, organization, permit, rotation, selector, token_id, value,
};

pub(crate) async fn each_change_writes_exactly_one_event<B: Backend>() {
    let world = World::<B>::set_up().await;
    assert_eq!(world.actions_since(0), ["organization.create", "token.create"]);
    let (store, by) = (&world.store, by(&world.admin));
    let mut seen = 2;
    let mut wrote = |expected: &[&str]| {
        assert_eq!(world.actions_since(seen), expected);
        seen += expected.len();
    };

    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    wrote(&["token.create"]);
    let rotated = world.rotate(&issued, rotation(&issued), at(2)).await.unwrap();
    wrote(&["token.rotate"]);
    store.record_first_use(selector(&rotated), 2, by.clone(), at(3)).await.unwrap();
    wrote(&["token.first_use"]);
    world.revoke(&rotated, at(4)).await;
    wrote(&["token.revoke"]);

    let docs = world.create("docs", None).await;
    wrote(&["environment.create"]);
    world.create("full", Some(manifest(&[("README.md", "# Full")]))).await;
    wrote(&["environment.create", "release.publish"]);
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    for text in ["# One", "# Two"] {
        store.publish(&permit, manifest(&[("README.md", text)]), by.clone(), at(5)).await.unwrap();
        wrote(&["release.publish"]);
    }
    store.roll_back(&permit, 1, by.clone(), at(6)).await.unwrap();
    wrote(&["release.rollback"]);
    let open = EnvironmentChange { visibility: Some(Visibility::Public), ..EnvironmentChange::default() };
    store.update_environment(&permit, open, by.clone(), at(7)).await.unwrap();
    wrote(&["environment.update"]);
    store.delete_environment(&permit, by, at(8)).await.unwrap();
    wrote(&["environment.delete"]);

    let events = world.backend.events();
    assert!(events.is_sorted_by(|a, b| a.sequence < b.sequence));
    let told = events.iter().filter(|event| event.environment == Some(docs.id)).count();
    assert_eq!(told, 6);
}

pub(crate) async fn a_change_that_is_refused_writes_no_event<B: Backend>() {
    let world = World::<B>::set_up().await;
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    let docs = world.create("docs", None).await;
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let before = world.backend.events();

    let (store, by) = (&world.store, by(&world.admin));
    world.issue_by(&world.admin, grant_until(Scope::Read, at(0)), at(1)).await.unwrap_err();
    let superseded = RotateRequest { expected_generation: 7, ..rotation(&issued) };
    world.rotate(&issued, superseded, at(2)).await.unwrap_err();
    let (authority, new) = (administrator(&world.admin), new_token(grant(Scope::Read)));
    store.issue_token(authority, issued.id(), new, value(), None, by.clone(), at(2)).await.unwrap_err();
    store.roll_back(&permit, 4, by.clone(), at(2)).await.unwrap_err();
    let create = crate::world::permit(&world.admin, organization());
    let files = Some(manifest(&[("README.md", "# Docs")]));
    let new = NewEnvironment { name: env_name("docs"), visibility: Visibility::Public, manifest: files };
    store.create_environment(&create, env_id(), new.clone(), by.clone(), at(2)).await.unwrap_err();
    // The id is found to be taken only after the event is written.
    let new = NewEnvironment { name: env_name("manual"), ..new };
    store.create_environment(&create, docs.id, new, by, at(2)).await.unwrap_err();
    assert_eq!(world.backend.events(), before);
    let world = world.reopen();
    assert_eq!(world.backend.events(), before);
    assert_eq!(world.memory.environments(), [docs.id]);
}

pub(crate) async fn a_change_that_changes_nothing_writes_no_event<B: Backend>() {
    let world = World::<B>::set_up().await;
    let files = manifest(&[("README.md", "# Docs")]);
    let docs = world.create("docs", Some(files.clone())).await;
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let issued = world.issue(grant(Scope::Execute), at(1)).await;
    world.revoke(&issued, at(2)).await;
    let before = world.backend.events();

    let (store, by) = (&world.store, by(&world.admin));
    world.revoke(&issued, at(3)).await;
    store.record_first_use(selector(&issued), 1, by.clone(), at(3)).await.unwrap();
    store.publish(&permit, files, by.clone(), at(3)).await.unwrap();
    store.roll_back(&permit, 1, by.clone(), at(3)).await.unwrap();
    store.update_environment(&permit, EnvironmentChange::default(), by, at(3)).await.unwrap();
    assert_eq!(world.backend.events(), before);
}

pub(crate) async fn a_run_is_recorded_at_its_begin_and_at_its_end<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (environment, by) = (env_id(), by(&world.admin));
    let command = vec!["curl".to_owned(), "$KEY".to_owned()];
    let begun = RunBegun { release: 3, page: "README.md".to_owned(), command };
    let begin = world.store.begin_run(environment, begun, by.clone(), at(1)).await.unwrap();
    let ended = RunEnded { begin, outcome: Outcome::Exited(2), duration_ms: 40, output_bytes: 512 };
    world.store.end_run(environment, ended, by, at(2)).await.unwrap();

    let world = world.reopen();
    let events = world.backend.events();
    let [.., first, last] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((first.sequence, first.action.as_str()), (begin, "run.begin"));
    assert_eq!(first.detail, json!({ "release": 3, "page": "README.md", "command": ["curl", "$KEY"] }));
    assert_eq!((last.environment, last.action.as_str()), (Some(environment), "run.end"));
    assert_eq!(
        last.detail,
        json!({ "begin": begin, "outcome": { "exited": 2 }, "duration_ms": 40, "output_bytes": 512 })
    );
}

pub(crate) async fn an_event_tells_who_and_from_where<B: Backend>() {
    let world = World::<B>::set_up().await;
    let from = Attribution {
        address: Some(IpAddr::from([192, 0, 2, 1])),
        user_agent: Some("curl/9".to_owned()),
        request_id: Some("r-1".to_owned()),
        ..by(&world.admin)
    };
    let (authority, id, new) = (administrator(&world.admin), token_id(), new_token(grant(Scope::Read)));
    world.store.issue_token(authority, id, new, value(), None, from, at(1)).await.unwrap();
    let event = world.backend.events().pop().unwrap();
    assert_eq!((event.token, event.generation), (Some(world.admin.id()), Some(1)));
    assert_eq!(event.address.as_deref(), Some("192.0.2.1"));
    assert_eq!((event.user_agent.as_deref(), event.request_id.as_deref()), (Some("curl/9"), Some("r-1")));
    assert_eq!(
        event.detail,
        json!({
            "token": id,
            "name": "ci",
            "grant": { "scope": "environments:read", "environments": null, "expires_at": null },
        })
    );
}
