//! Files of the database that were removed or replaced while it was in use: nothing more is written, and nothing that
//! was answered is lost.

use std::fs;
use std::path::PathBuf;

use toolfront_store::{StoreError, TokenRefusal};
use toolfront_token::{Scope, TokenRecord};

use crate::contract::world::log::{a_run, read};
use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{World, administrator, at, by, env_id, grant, selector};

fn file(world: &World<Sqlite>, name: &str) -> PathBuf {
    world.backend.path().join(name)
}

/// Holds everything that writes to be refused, with the file named, and nothing to be done.
async fn assert_displaced(world: &World<Sqlite>, path: &PathBuf, victim: &TokenRecord) {
    let is_named =
        |failure: &StoreError| matches!(failure, StoreError::Displaced { path: told } if told == path);
    let (store, by) = (&world.store, by(&world.admin));
    let (tokens, head) = (world.memory.tokens(), store.log_head());
    let run = a_run();
    let begun = store.begin_run(env_id(), run, by.clone(), at(5)).await.unwrap_err();
    assert!(is_named(&begun), "{begun:?}");
    let issued = world.issue_by(&world.admin, grant(Scope::Read), at(5)).await.unwrap_err();
    assert!(matches!(&issued, TokenRefusal::Store(failure) if is_named(failure)), "{issued:?}");
    let revoked = store.revoke_token(administrator(&world.admin), selector(victim), None, by, at(5)).await;
    let revoked = revoked.unwrap_err();
    assert!(matches!(&revoked, TokenRefusal::Store(failure) if is_named(failure)), "{revoked:?}");
    for failure in
        [world.record(vec![read(&world.admin, 5)]).await.unwrap_err(), store.check().await.unwrap_err()]
    {
        assert!(is_named(&failure), "{failure:?}");
    }
    assert_eq!((world.memory.tokens(), store.log_head()), (tokens, head));
    assert_eq!(world.memory.token(victim.id()).as_ref(), Some(victim), "it is not told to be revoked");
}

/// Holds all to be as it was and to go on.
async fn assert_in_service(world: &World<Sqlite>, victim: &TokenRecord) {
    world.store.check().await.unwrap();
    let record = world.issue(grant(Scope::Read), at(6)).await;
    world.revoke(victim, at(6)).await;
    let found = world.verified().await;
    assert_eq!(found.head.sequence, i64::try_from(world.log().await.len()).unwrap());
    let loaded = world.store.load_token(administrator(&world.admin), selector(&record)).await.unwrap();
    assert_eq!(loaded.record, record);
}

#[tokio::test]
async fn pitfall_26_a_database_that_was_taken_away_takes_nothing_until_it_is_back() {
    for name in ["toolfront.db", "toolfront.db-wal"] {
        let world = World::<Sqlite>::set_up().await;
        let victim = world.issue(grant(Scope::Read), at(1)).await;
        let (path, away) = (file(&world, name), file(&world, "away"));
        fs::rename(&path, &away).unwrap();
        assert_displaced(&world, &path, &victim).await;
        fs::rename(&away, &path).unwrap();
        assert_in_service(&world, &victim).await;
        assert_in_service(&world.reopen(), &victim).await;
    }
}

#[tokio::test]
async fn pitfall_26_a_database_that_was_replaced_takes_nothing_until_the_own_one_is_back() {
    for name in ["toolfront.db", "toolfront.db-wal"] {
        let world = World::<Sqlite>::set_up().await;
        let victim = world.issue(grant(Scope::Read), at(1)).await;
        let (path, away) = (file(&world, name), file(&world, "away"));
        fs::rename(&path, &away).unwrap();
        // The same bytes in another file.
        fs::copy(&away, &path).unwrap();
        assert_displaced(&world, &path, &victim).await;
        fs::rename(&away, &path).unwrap();
        assert_in_service(&world, &victim).await;
    }
}

#[tokio::test]
async fn pitfall_26_a_database_that_was_removed_is_noticed_before_the_next_answer() {
    for name in ["toolfront.db", "toolfront.db-wal"] {
        let world = World::<Sqlite>::set_up().await;
        let victim = world.issue(grant(Scope::Read), at(1)).await;
        let path = file(&world, name);
        fs::remove_file(&path).unwrap();
        assert_displaced(&world, &path, &victim).await;
        assert_displaced(&world, &path, &victim).await;
    }
}

#[tokio::test]
async fn what_a_request_used_up_while_the_database_was_away_is_counted_later() {
    let world = World::<Sqlite>::set_up().await;
    let (path, away) = (file(&world, "toolfront.db"), file(&world, "away"));
    fs::rename(&path, &away).unwrap();
    let group = vec![read(&world.admin, 5)];
    world.record(group.clone()).await.unwrap_err();
    fs::rename(&away, &path).unwrap();
    world.record(group).await.unwrap();
    world.store.count_usage().await.unwrap();
    let usage =
        world.store.load_token(administrator(&world.admin), selector(&world.admin)).await.unwrap().usage;
    assert_eq!(usage[0].count, 1);
}
