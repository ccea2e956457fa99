//! Releases: made, served, rolled back, listed.

use std::sync::{Arc, Mutex};

use toolfront_app::Manifest;
use toolfront_store::{EnvironmentRecord, EnvironmentRefusal, Release};
use toolfront_token::{Actor, ManageEnvironment, ViewEnvironment};

use crate::world::{Backend, World, at, by, env_ref, manifest, permit};

fn first() -> Manifest {
    manifest(&[("README.md", "# Docs"), ("data.csv", "a,b\n")])
}

fn second() -> Manifest {
    manifest(&[("README.md", "# Docs"), ("guide.md", "# Guide")])
}

async fn publish<B: Backend>(
    world: &World<B>,
    environment: &EnvironmentRecord,
    files: Manifest,
    second: i64,
) -> EnvironmentRecord {
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(environment.id));
    world.store.publish(&permit, files, by(&world.admin), at(second)).await.unwrap()
}

async fn roll_back<B: Backend>(
    world: &World<B>,
    environment: &EnvironmentRecord,
    number: u32,
    second: i64,
) -> Result<EnvironmentRecord, EnvironmentRefusal> {
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(environment.id));
    world.store.roll_back(&permit, number, by(&world.admin), at(second)).await
}

fn number(environment: &EnvironmentRecord) -> Option<u32> {
    environment.release.as_ref().map(|release| release.number)
}

pub(crate) async fn a_first_release_is_made_with_the_environment<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    assert_eq!(docs.release, Some(Release { number: 1, files: 2, bytes: 10, pages: 1 }));
    assert_eq!(world.store.manifest(docs.id, 1).await.unwrap(), Some(first()));
    assert_eq!(world.store.manifest(docs.id, 2).await.unwrap(), None);
    assert_eq!(world.memory.environment(docs.id), Some(docs));
}

pub(crate) async fn publishing_makes_the_next_release_and_serves_it<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", None).await;
    assert_eq!(number(&publish(&world, &docs, first(), 2).await), Some(1));
    let published = publish(&world, &docs, second(), 3).await;
    assert_eq!((number(&published), published.updated_at), (Some(2), at(3)));
    let world = world.reopen();
    assert_eq!(world.memory.environment(docs.id), Some(published));
    assert_eq!(world.store.manifest(docs.id, 1).await.unwrap(), Some(first()));
    assert_eq!(world.store.manifest(docs.id, 2).await.unwrap(), Some(second()));
}

pub(crate) async fn publishing_what_is_served_makes_nothing<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    let changes = world.memory.changes().len();
    assert_eq!(publish(&world, &docs, first(), 9).await, docs);
    assert_eq!(world.memory.changes().len(), changes);
    assert_eq!(world.store.manifest(docs.id, 2).await.unwrap(), None);
}

pub(crate) async fn publishing_after_a_rollback_does_not_use_a_number_again<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    publish(&world, &docs, second(), 2).await;
    roll_back(&world, &docs, 1, 3).await.unwrap();
    assert_eq!(number(&publish(&world, &docs, second(), 4).await), Some(3));
    assert_eq!(world.store.manifest(docs.id, 3).await.unwrap(), Some(second()));
}

pub(crate) async fn rolling_back_serves_an_earlier_release<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    publish(&world, &docs, second(), 2).await;
    let back = roll_back(&world, &docs, 1, 3).await.unwrap();
    assert_eq!((back.release.clone(), back.updated_at), (docs.release.clone(), at(3)));
    assert_eq!(roll_back(&world, &docs, 1, 4).await.unwrap(), back, "it is served already");
    let world = world.reopen();
    assert_eq!(world.memory.environment(docs.id), Some(back));
}

pub(crate) async fn rolling_back_to_what_is_not_there_is_refused<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    let other = world.create("other", Some(first())).await;
    publish(&world, &other, second(), 2).await;
    for number in [0, 2, u32::MAX] {
        let refused = roll_back(&world, &docs, number, 3).await;
        assert!(
            matches!(refused, Err(EnvironmentRefusal::NoSuchRelease(asked)) if asked == number),
            "{refused:?}"
        );
    }
    assert_eq!(world.memory.environment(docs.id), Some(docs));
}

pub(crate) async fn releases_are_listed_newest_first_and_only_those_of_ones_own<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    world.create("other", Some(second())).await;
    publish(&world, &docs, second(), 2).await;
    roll_back(&world, &docs, 1, 3).await.unwrap();
    let permit = permit::<ViewEnvironment>(&world.admin, env_ref(docs.id));
    let releases = world.store.releases(&permit).await.unwrap();
    let told: Vec<_> = releases
        .iter()
        .map(|stored| (stored.release.number, stored.release.pages, stored.created_at))
        .collect();
    assert_eq!(told, [(2, 2, at(2)), (1, 1, at(1))]);
    assert!(releases.iter().all(|stored| stored.created_by == Actor::Token(world.admin.id())));
}

pub(crate) async fn each_manifest_of_a_living_environment_is_handed_over<B: Backend>() {
    let world = World::<B>::set_up().await;
    let docs = world.create("docs", Some(first())).await;
    publish(&world, &docs, second(), 2).await;
    let gone = world.create("gone", Some(manifest(&[("README.md", "# Gone")]))).await;
    world.create("empty", None).await;
    let manage = permit::<ManageEnvironment>(&world.admin, env_ref(gone.id));
    world.store.delete_environment(&manage, by(&world.admin), at(3)).await.unwrap();
    for (environment, expected) in
        [(None, vec![first(), second()]), (Some(docs.id), vec![first(), second()]), (Some(gone.id), vec![])]
    {
        let handed = Arc::new(Mutex::new(Vec::new()));
        let each = handed.clone();
        let each = move |manifest: &Manifest| each.lock().unwrap().push(manifest.clone());
        world.store.each_manifest(environment, each).await.unwrap();
        assert_eq!(*handed.lock().unwrap(), expected);
    }
}
