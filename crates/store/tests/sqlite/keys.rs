//! The key file: made once, needed by secrets alone, and another one without a moment at which a secret is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use toolfront_store::{Attribution, KeyFault, RotateKeyError, SecretRefusal};
use toolfront_token::{EnvId, ManageEnvironment, RunTool};

use crate::contract::secrets::{given, name};
use crate::contract::world::memory::Memory;
use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{Backend, Counter, World, at, by, env_ref, organization, permit};

const SECRETS: [(&str, &str); 3] =
    [("KEY", "planted-value-1"), ("LONG", "planted-value-2"), ("OTHER", "planted-value-3")];

fn key_file(world: &World<Sqlite>) -> PathBuf {
    world.backend.path().join("secrets.key")
}

/// A world with secrets, and the environment that has them.
async fn with_secrets() -> (World<Sqlite>, EnvId) {
    let world = World::<Sqlite>::set_up().await;
    let docs = world.create("docs", None).await.id;
    for (name, value) in SECRETS {
        world.set_secret(docs, name, value).await.unwrap();
    }
    (world, docs)
}

fn assert_all_given(world: &World<Sqlite>, environment: EnvId) {
    let expected: Vec<_> =
        SECRETS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(given(world, environment), expected);
}

fn refused(world: &World<Sqlite>, environment: EnvId) -> KeyFault {
    let record = world.memory.environment(environment).unwrap();
    let permit = permit::<RunTool>(&world.admin, env_ref(environment));
    world.store.secrets_for_run(&permit, &record).unwrap_err()
}

async fn rotate(world: &World<Sqlite>) -> u32 {
    let by = Attribution::host(organization());
    world.store.rotate_key(Counter, by, at(8)).await.unwrap().number
}

/// The lines of a key file that have keys.
fn keys(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn write_keys(file: &Path, lines: &[String]) {
    fs::write(file, lines.join("\n") + "\n").unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Closes the store, has `change` done to its directory, and opens it again.
fn reopen_after(world: World<Sqlite>, change: impl FnOnce(&Path)) -> World<Sqlite> {
    let World { backend, store, memory, admin } = world;
    drop((store, memory));
    change(&backend.path());
    let memory = Arc::new(Memory::default());
    let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
    World { backend, store, memory, admin }
}

#[tokio::test]
async fn a_key_is_made_once_and_for_its_owner_alone() {
    let world = World::<Sqlite>::set_up().await;
    let file = key_file(&world);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let made = keys(&file);
    assert!(made.len() == 1 && made[0].starts_with("1 "), "{}", made.len());
    world.store.make_key(&mut Counter).await.unwrap();
    assert_eq!(keys(&file), made);
    let world = world.reopen();
    world.store.make_key(&mut Counter).await.unwrap();
    assert_eq!(keys(&file), made);
}

#[tokio::test]
async fn a_key_that_is_lost_with_nothing_under_it_is_made_anew() {
    let world = World::<Sqlite>::set_up().await;
    let made = keys(&key_file(&world));
    let world = reopen_after(world, |directory| fs::remove_file(directory.join("secrets.key")).unwrap());
    let docs = world.create("docs", None).await.id;
    let refused = world.set_secret(docs, "KEY", "planted-value").await;
    assert!(matches!(refused, Err(SecretRefusal::Key(KeyFault::Missing { .. }))), "{refused:?}");
    world.store.make_key(&mut Counter).await.unwrap();
    assert_ne!(keys(&key_file(&world)), made);
    world.set_secret(docs, "KEY", "planted-value").await.unwrap();
}

#[tokio::test]
async fn without_its_key_file_a_store_opens_and_refuses_what_needs_one() {
    let (world, docs) = with_secrets().await;
    let other = world.create("other", None).await.id;
    let kept = fs::read(key_file(&world)).unwrap();
    let world = reopen_after(world, |directory| fs::remove_file(directory.join("secrets.key")).unwrap());
    assert!(matches!(world.store.make_key(&mut Counter).await, Err(KeyFault::Missing { .. })));
    assert!(!key_file(&world).exists(), "another key would hide that this one is missing");
    assert!(matches!(world.store.key_fault().await.unwrap(), Some(KeyFault::Missing { .. })));

    let fault = refused(&world, docs);
    let text = fault.to_string();
    assert!(text.contains("secrets.key is missing") && text.contains("backup"), "{text}");
    let set = world.set_secret(other, "KEY", "planted-value").await;
    assert!(matches!(set, Err(SecretRefusal::Key(KeyFault::Missing { .. }))), "{set:?}");
    let rotated = world.store.rotate_key(Counter, Attribution::host(organization()), at(8)).await;
    assert!(matches!(rotated, Err(RotateKeyError::Key(KeyFault::Missing { .. }))), "{rotated:?}");
    // What needs no key goes on.
    assert_eq!(given(&world, other), []);
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    assert_eq!(world.store.secrets(&permit).await.unwrap().len(), 3);
    world.store.delete_secret(&permit, name("LONG"), by(&world.admin), at(6)).await.unwrap();

    let world = reopen_after(world, |directory| {
        let file = directory.join("secrets.key");
        fs::write(&file, &kept).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    });
    assert_eq!(given(&world, docs).len(), 2);
}

#[tokio::test]
async fn secrets_that_are_lost_with_their_key_can_be_unset_and_set_anew() {
    let (world, docs) = with_secrets().await;
    let world = reopen_after(world, |directory| fs::remove_file(directory.join("secrets.key")).unwrap());
    let permit = permit::<ManageEnvironment>(&world.admin, env_ref(docs));
    for (secret, _) in SECRETS {
        world.store.delete_secret(&permit, name(secret), by(&world.admin), at(6)).await.unwrap();
    }
    let world = world.reopen();
    world.store.make_key(&mut Counter).await.unwrap();
    for (name, value) in SECRETS {
        world.set_secret(docs, name, value).await.unwrap();
    }
    assert_all_given(&world, docs);
}

#[tokio::test]
async fn another_gateways_key_file_is_refused_and_nothing_is_encrypted_under_it() {
    let (world, docs) = with_secrets().await;
    let (another, _) = with_secrets().await;
    let (foreign, own) = (keys(&key_file(&another)), keys(&key_file(&world)));
    let world = reopen_after(world, |directory| write_keys(&directory.join("secrets.key"), &foreign));
    assert!(matches!(refused(&world, docs), KeyFault::Foreign { .. }));
    assert!(matches!(world.store.key_fault().await.unwrap(), Some(KeyFault::Foreign { .. })));
    let set = world.set_secret(docs, "KEY", "planted-value").await;
    assert!(matches!(set, Err(SecretRefusal::Key(KeyFault::Foreign { .. }))), "{set:?}");
    let rotated = world.store.rotate_key(Counter, Attribution::host(organization()), at(8)).await;
    assert!(matches!(rotated, Err(RotateKeyError::Key(KeyFault::Foreign { .. }))), "{rotated:?}");
    assert_eq!(keys(&key_file(&world)), foreign, "a rotation that failed leaves the file as it was");
    let world = reopen_after(world, |directory| write_keys(&directory.join("secrets.key"), &own));
    assert_all_given(&world, docs);
}

#[tokio::test]
async fn a_key_file_that_others_can_read_or_that_is_damaged_is_refused_and_the_store_opens() {
    let (world, docs) = with_secrets().await;
    let world = reopen_after(world, |directory| {
        fs::set_permissions(directory.join("secrets.key"), fs::Permissions::from_mode(0o644)).unwrap();
    });
    let fault = refused(&world, docs);
    assert!(matches!(fault, KeyFault::Exposed { mode: 0o644, .. }), "{fault}");
    assert!(world.store.make_key(&mut Counter).await.is_err());
    let world = reopen_after(world, |directory| {
        write_keys(&directory.join("secrets.key"), &["1 abcdef".to_owned()]);
    });
    assert!(matches!(refused(&world, docs), KeyFault::Malformed { line: 1, .. }));
    world.store.check().await.unwrap();
}

#[tokio::test]
async fn a_row_that_was_changed_moved_or_renamed_can_not_be_decrypted() {
    for change in [
        "UPDATE environment_secrets SET ciphertext = x'00112233445566778899aabbccddeeff0011223344' WHERE name = 'KEY'",
        "UPDATE environment_secrets SET name = 'RENAMED' WHERE name = 'KEY'",
        "UPDATE environment_secrets SET nonce = x'000000000000000000000000' WHERE name = 'KEY'",
        "UPDATE environment_secrets SET environment_id = (SELECT id FROM environments WHERE name = 'other') WHERE name = 'KEY'",
    ] {
        let (world, docs) = with_secrets().await;
        let other = world.create("other", None).await.id;
        let world = reopen_after(world, |directory| {
            let connection = Connection::open(directory.join("toolfront.db")).unwrap();
            assert_eq!(connection.execute(change, []).unwrap(), 1);
        });
        let broken = if change.contains("other") { other } else { docs };
        let fault = refused(&world, broken);
        assert!(matches!(fault, KeyFault::Changed { .. }), "{fault}");
        assert!(fault.to_string().contains("set it anew"), "{fault}");
        // Nothing is rotated over it, and nothing that can be decrypted is lost.
        let before = keys(&key_file(&world));
        let rotated = world.store.rotate_key(Counter, Attribution::host(organization()), at(8)).await;
        assert!(matches!(rotated, Err(RotateKeyError::Key(KeyFault::Changed { .. }))), "{rotated:?}");
        assert_eq!(keys(&key_file(&world)), before);
    }
}

#[tokio::test]
async fn a_rotation_keeps_every_secret_and_leaves_the_old_key_nothing() {
    let (world, docs) = with_secrets().await;
    // What was unset and replaced before, and went with its environment, is as much the old key's.
    let other = world.create("other", None).await.id;
    for (environment, name, bytes) in [(docs, "GONE", 700), (docs, "KEY", 900), (other, "GONE", 5000)] {
        world.set_secret(environment, name, &"planted-".repeat(bytes / 8)).await.unwrap();
    }
    let old = keys(&key_file(&world));
    let sealed = ciphertexts(&world);
    let manage = |environment| permit::<ManageEnvironment>(&world.admin, env_ref(environment));
    world.store.delete_secret(&manage(docs), name("GONE"), by(&world.admin), at(6)).await.unwrap();
    world.store.delete_environment(&manage(other), by(&world.admin), at(6)).await.unwrap();
    world.set_secret(docs, "KEY", SECRETS[0].1).await.unwrap();
    assert_eq!(rotate(&world).await, 2);
    assert_all_given(&world, docs);
    let new = keys(&key_file(&world));
    assert!(new.len() == 1 && new[0].starts_with("2 ") && !new[0].ends_with(&old[0][2..]));
    let event = world.backend.events().pop().unwrap();
    assert_eq!((event.action.as_str(), event.token), ("key.rotate", None));
    assert_eq!(event.detail, serde_json::json!({ "number": 2, "secrets": 3 }));
    world.set_secret(docs, "KEY", SECRETS[0].1).await.unwrap();

    let world = world.reopen();
    assert_all_given(&world, docs);
    assert_eq!(rotate(&world).await, 3);
    assert_all_given(&world, docs);
    // Whoever has the old key finds nothing that it opens, not in what the database has left over either.
    let World { backend, store, memory, admin } = world;
    drop((store, memory));
    for file in backend.everything() {
        for old in &sealed {
            assert!(!file.windows(old.len()).any(|window| window == old), "an old ciphertext is left");
        }
    }
    write_keys(&backend.path().join("secrets.key"), &old);
    let memory = Arc::new(Memory::default());
    let (store, _) = backend.open(memory.clone(), at(0)).unwrap();
    let world = World { backend, store, memory, admin };
    assert!(matches!(refused(&world, docs), KeyFault::Foreign { .. }));
}

fn ciphertexts(world: &World<Sqlite>) -> Vec<Vec<u8>> {
    let connection = world.backend.look();
    let mut statement = connection.prepare("SELECT ciphertext FROM environment_secrets").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_rotation_that_ends_between_its_steps_loses_nothing_and_is_done_over() {
    // The steps: a file with both keys; everything under the new one; a file with the new key.
    for is_resealed in [false, true] {
        let (world, docs) = with_secrets().await;
        let old = keys(&key_file(&world));
        let before = world.backend.path().join("before");
        let world = reopen_after(world, |directory| {
            fs::copy(directory.join("toolfront.db"), &before).unwrap();
        });
        rotate(&world).await;
        let both = [old, keys(&key_file(&world))].concat();
        let world = reopen_after(world, |directory| {
            write_keys(&directory.join("secrets.key"), &both);
            fs::write(directory.join("secrets.key.new"), "3 ab").unwrap();
            if !is_resealed {
                fs::copy(&before, directory.join("toolfront.db")).unwrap();
            }
        });
        assert!(!world.backend.path().join("secrets.key.new").exists());
        assert_all_given(&world, docs);
        assert_eq!(world.store.key_fault().await.unwrap(), None);
        // What is set meanwhile is under the new key.
        world.set_secret(docs, "MEANWHILE", "planted-value-4").await.unwrap();
        let world = world.reopen();
        assert_eq!(given(&world, docs).len(), 4);
        assert_eq!(rotate(&world).await, 3);
        assert_eq!(keys(&key_file(&world)).len(), 1);
        let world = world.reopen();
        assert_eq!(given(&world, docs).len(), 4);
    }
}

#[tokio::test]
async fn a_rotation_whose_file_can_not_be_written_changes_nothing() {
    let (world, docs) = with_secrets().await;
    let before = keys(&key_file(&world));
    // A directory in the way of the file that is to be written.
    fs::create_dir(world.backend.path().join("secrets.key.new")).unwrap();
    let rotated = world.store.rotate_key(Counter, Attribution::host(organization()), at(8)).await;
    assert!(matches!(rotated, Err(RotateKeyError::Write(_))), "{rotated:?}");
    assert_eq!(keys(&key_file(&world)), before);
    assert_all_given(&world, docs);
}

#[tokio::test]
async fn a_rotation_with_no_secrets_leaves_another_key() {
    let world = World::<Sqlite>::set_up().await;
    assert_eq!(rotate(&world).await, 2);
    let docs = world.create("docs", None).await.id;
    for (name, value) in SECRETS {
        world.set_secret(docs, name, value).await.unwrap();
    }
    assert_all_given(&world.reopen(), docs);
}
