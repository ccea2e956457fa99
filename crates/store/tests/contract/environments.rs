//! Environments, and how grants name them.

use serde_json::json;
use toolfront_store::{
    EnvironmentChange, EnvironmentRefusal, Limit, NamedEnvironment, Network, NewEnvironment,
};
use toolfront_token::{EnvRef, ManageEnvironment, NewToken, Scope, Visibility};

use crate::world::{
    Backend, World, administrator, another_organization, at, by, env_id, env_name, env_ref, grant_on,
    manifest, new_token, organization, permit, selector, token_id, value,
};

fn named(name: &str) -> NewEnvironment {
    NewEnvironment { name: env_name(name), visibility: Visibility::Private, manifest: None }
}

fn rename(name: &str) -> EnvironmentChange {
    EnvironmentChange { name: Some(env_name(name)), ..EnvironmentChange::default() }
}

pub(crate) async fn an_environment_is_there_after_reopening<B: Backend>() {
    let world = World::<B>::set_up().await;
    let empty = world.create("empty", None).await;
    assert_eq!(empty.release, None);
    let docs = world.create("docs", Some(manifest(&[("README.md", "# Docs")]))).await;
    assert_eq!(world.memory.environment(docs.id).as_ref(), Some(&docs));
    let world = world.reopen();
    for environment in [empty, docs] {
        assert_eq!(world.memory.environment(environment.id), Some(environment));
    }
}

pub(crate) async fn a_name_is_taken_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    world.create("docs", None).await;
    let permit = permit(&world.admin, organization());
    let taken =
        world.store.create_environment(&permit, env_id(), named("docs"), by(&world.admin), at(2)).await;
    assert!(matches!(taken, Err(EnvironmentRefusal::NameTaken(name)) if name.as_str() == "docs"));
    assert_eq!(world.memory.environments().len(), 1);
}

pub(crate) async fn of_many_environments_with_one_name_one_is_made<B: Backend>() {
    let world = World::<B>::set_up().await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, by) = (world.store.clone(), by(&world.admin));
            let permit = permit(&world.admin, organization());
            tokio::spawn(async move {
                store.create_environment(&permit, env_id(), named("docs"), by, at(1)).await
            })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(refused) => assert!(matches!(refused, EnvironmentRefusal::NameTaken(_)), "{refused:?}"),
        }
    }
    assert_eq!((made, world.memory.environments().len()), (1, 1));
}

pub(crate) async fn a_name_and_a_visibility_can_be_changed<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(manifest(&[("README.md", "# Docs")]))).await;
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let (name, visibility) = (Some(env_name("manual")), Some(Visibility::Public));
    let change = EnvironmentChange { name, visibility, ..EnvironmentChange::default() };
    let changed = world.store.update_environment(&permit, change, by(&world.admin), at(5)).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.visibility), ("manual", Visibility::Public));
    assert_eq!((changed.created_at, changed.updated_at), (docs.created_at, at(5)));
    assert_eq!(changed.release, docs.release);
    let world = world.reopen();
    assert_eq!(world.memory.environment(docs.id), Some(changed));
    world.create("docs", None).await;
}

pub(crate) async fn what_commands_are_confined_to_can_be_changed<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(manifest(&[("README.md", "# Docs")]))).await;
    assert_eq!((docs.network, docs.limits.get(Limit::Runs)), (Network::Outbound, None));
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let update = |network, limits: &[(Limit, Option<u64>)], now| {
        let change = EnvironmentChange { network, limits: limits.to_vec(), ..EnvironmentChange::default() };
        world.store.update_environment(&permit, change, by(&world.admin), at(now))
    };
    let first = [(Limit::Runs, Some(2)), (Limit::MemoryBytes, Some(u64::MAX))];
    let changed = update(Some(Network::None), &first, 5).await.unwrap();
    assert_eq!(changed.network, Network::None);
    assert_eq!(
        (changed.limits.get(Limit::Runs), changed.limits.get(Limit::MemoryBytes)),
        (Some(2), Some(u64::MAX))
    );
    // What is not named stays as it is.
    let changed = update(None, &[(Limit::MemoryBytes, None), (Limit::OpenFiles, Some(64))], 6).await.unwrap();
    assert_eq!((changed.network, changed.updated_at), (Network::None, at(6)));
    assert_eq!(update(Some(Network::None), &[(Limit::Runs, Some(2))], 7).await.unwrap(), changed);
    let events = world.backend.events();
    let told: Vec<_> = events.iter().filter(|event| event.action == "environment.update").collect();
    assert_eq!(told.len(), 2);
    let [network, limits] = ["network", "limits"].map(|field| told[1].detail[field].clone());
    assert_eq!((network, limits), (json!("none"), json!({ "open_files": 64, "runs": 2 })));
    let world = world.reopen();
    assert_eq!(world.memory.environment(docs.id).as_ref(), Some(&changed));
    let published = manifest(&[("README.md", "# New")]);
    let published = world.store.publish(&permit, published, by(&world.admin), at(8)).await.unwrap();
    assert_eq!((published.network, published.limits), (changed.network, changed.limits));
}

pub(crate) async fn an_environment_can_be_renamed_to_its_own_name_and_not_to_anothers<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await;
    world.create("billing", None).await;
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let update = |change| world.store.update_environment(&permit, change, by(&world.admin), at(5));
    assert_eq!(update(rename("docs")).await.unwrap(), docs);
    assert_eq!(update(EnvironmentChange::default()).await.unwrap(), docs);
    let taken = update(rename("billing")).await;
    assert!(matches!(taken, Err(EnvironmentRefusal::NameTaken(_))), "{taken:?}");
    assert_eq!(world.memory.environment(docs.id), Some(docs));
}

pub(crate) async fn a_deleted_environment_is_gone_and_its_name_is_free_for_another<B: Backend>() {
    let world = World::<B>::set_up().await;
    let files = manifest(&[("README.md", "# Docs")]);
    let docs = world.create("docs", Some(files.clone())).await;
    let (store, by) = (&world.store, by(&world.admin));
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    let deleted = store.delete_environment(&permit, by.clone(), at(2)).await.unwrap();
    assert_eq!(deleted, docs);
    assert_eq!(world.memory.environments(), []);
    for refused in [
        store.delete_environment(&permit, by.clone(), at(3)).await,
        store.publish(&permit, files, by.clone(), at(3)).await,
        store.roll_back(&permit, 1, by.clone(), at(3)).await,
        store.update_environment(&permit, rename("manual"), by, at(3)).await,
    ] {
        assert!(matches!(refused, Err(EnvironmentRefusal::NotFound)), "{refused:?}");
    }

    let another = world.create("docs", None).await;
    assert_ne!(another.id, docs.id);
    let world = world.reopen();
    assert_eq!(world.memory.environments(), [another.id]);
}

pub(crate) async fn an_environment_of_another_organization_is_not_found<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(manifest(&[("README.md", "# Docs")]))).await;
    // A stranger with all environments of its own organization, that names one of ours.
    let stranger = toolfront_token::TokenRecord::issue(
        &toolfront_token::Authority::host(),
        world.admin.id(),
        NewToken { organization: another_organization(), ..new_token(world.admin.grant().clone()) },
        value(),
        at(0),
    );
    let stranger = stranger.unwrap();
    let target = EnvRef { organization: another_organization(), environment: docs.id };
    let manage = permit::<ManageEnvironment>(&stranger, target);
    let view = permit(&stranger, target);
    let (store, by) = (&world.store, by(&stranger));
    for refused in [
        store.publish(&manage, manifest(&[("README.md", "# Theirs")]), by.clone(), at(3)).await,
        store.roll_back(&manage, 1, by.clone(), at(3)).await,
        store.update_environment(&manage, rename("theirs"), by.clone(), at(3)).await,
        store.delete_environment(&manage, by, at(3)).await,
    ] {
        assert!(matches!(refused, Err(EnvironmentRefusal::NotFound)), "{refused:?}");
    }
    assert_eq!(store.releases(&view).await.unwrap(), []);
    assert_eq!(world.memory.environment(docs.id), Some(docs));
}

pub(crate) async fn a_deleted_environment_stays_in_the_grants_that_name_it<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (docs, billing) = (world.create("docs", None).await, world.create("billing", None).await);
    let reader = world.issue(grant_on(Scope::Read, [docs.id, billing.id]), at(2)).await;
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs.id));
    world.store.delete_environment(&permit, by(&world.admin), at(3)).await.unwrap();
    world.create("docs", None).await;

    let world = world.reopen();
    assert_eq!(world.memory.token(reader.id()).as_ref(), Some(&reader));
    let loaded = world.store.load_token(administrator(&world.admin), selector(&reader)).await.unwrap();
    let mut expected = [
        NamedEnvironment { id: docs.id, name: env_name("docs"), deleted: true },
        NamedEnvironment { id: billing.id, name: env_name("billing"), deleted: false },
    ];
    expected.sort_by_key(|environment| environment.id);
    assert_eq!(loaded.environments, expected);
}

pub(crate) async fn a_grant_that_names_an_unknown_environment_does_not_hide_the_token<B: Backend>() {
    let world = World::<B>::set_up().await;
    let unknown = env_id();
    let (authority, new) = (administrator(&world.admin), new_token(grant_on(Scope::Read, [unknown])));
    let issued = world
        .store
        .issue_token(authority.clone(), token_id(), new, value(), None, by(&world.admin), at(1))
        .await
        .unwrap();
    let loaded = world.store.load_token(authority, selector(&issued)).await.unwrap();
    let name = env_name(&unknown.to_string());
    assert_eq!(loaded.environments, [NamedEnvironment { id: unknown, name, deleted: true }]);
}
