//! The data directory: locked, private, tidied up.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use toolfront_app::BlobDigest;
use toolfront_store::{OpenError, Store, StorePlace};

use crate::contract::world::memory::Memory;
use crate::contract::world::sqlite::Sqlite;
use crate::contract::world::{Backend, World, at, set_up};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_second_gateway_on_the_same_directory_is_refused() {
    let world = World::<Sqlite>::set_up().await;
    let second = world.backend.open(Arc::new(Memory::default()), at(0));
    let Err(OpenError::InUse { path }) = second else { panic!("opened twice") };
    assert_eq!(path, world.backend.path());
    world.store.check().await.unwrap();

    // Closed is not gone: the directory is held as long as somebody holds the store.
    world.store.close();
    assert!(matches!(world.backend.open(Arc::new(Memory::default()), at(0)), Err(OpenError::InUse { .. })));
    world.reopen().store.check().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_was_made_is_for_its_owner_alone() {
    let world = World::<Sqlite>::set_up().await;
    world.store.blobs().put(BlobDigest::of(b"blob"), b"blob").unwrap();
    let path = world.backend.path();
    assert_eq!(mode(&path), 0o700);
    for file in ["toolfront.db", "toolfront.db-wal", "toolfront.db-shm", "toolfront.lock"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&path.join("blobs")), 0o700);
    assert_eq!(mode(&world.store.blobs().path(&BlobDigest::of(b"blob"))), 0o600);
}

#[tokio::test]
async fn a_directory_that_was_there_keeps_its_mode_and_what_is_put_into_it_is_private() {
    let backend = Sqlite::fresh();
    let path = backend.path();
    std::fs::create_dir(&path).unwrap();
    set_mode(&path, 0o1777);
    let (store, _) = backend.open(Arc::new(Memory::default()), at(0)).unwrap();
    set_up(&store).await;
    assert_eq!(mode(&path), 0o1777);
    for file in ["toolfront.db", "toolfront.db-wal", "toolfront.db-shm", "toolfront.lock"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&path.join("blobs")), 0o700);
    drop(store);

    set_mode(&path.join("toolfront.db"), 0o644);
    backend.open(Arc::new(Memory::default()), at(0)).unwrap();
    assert_eq!(mode(&path.join("toolfront.db")), 0o600);
}

#[test]
fn a_file_in_the_place_of_the_directory_is_said_to_be_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    std::fs::write(&path, "").unwrap();
    let refused = Store::open(&StorePlace::embedded(&path), Arc::new(Memory::default()), at(0));
    assert!(matches!(refused, Err(OpenError::Directory { path: told, .. }) if told == path));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let backend = Sqlite::fresh();
    let path = backend.path().join("toolfront.db");
    std::fs::create_dir(backend.path()).unwrap();
    let text = "not a database, but somebody's only copy of something ".repeat(20);
    std::fs::write(&path, &text).unwrap();
    let refused = backend.open(Arc::new(Memory::default()), at(0));
    assert!(matches!(refused, Err(OpenError::Store(_))));
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

/// The directory is mounted so, which only root may do; without that the test fails.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_can_only_be_read_is_said_to_be_so_and_is_opened_when_it_can_be_written() {
    use rustix::mount::{MountFlags, UnmountFlags, mount_bind, mount_remount, unmount};

    let World { backend, store, memory, admin } = World::<Sqlite>::set_up().await;
    drop((store, memory));
    let path = backend.path();
    mount_bind(&path, &path).expect("this test mounts: run it as root, or with CAP_SYS_ADMIN");
    mount_remount(&path, MountFlags::BIND | MountFlags::RDONLY, "").unwrap();
    let refused = backend.open(Arc::new(Memory::default()), at(0)).map(|_| ());
    unmount(&path, UnmountFlags::DETACH).unwrap();
    let refused = refused.unwrap_err();
    let OpenError::Directory { path: told, source } = &refused else { panic!("{refused:?}") };
    assert!(told.starts_with(&path), "{refused:?}");
    assert_eq!(source.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let memory = Arc::new(Memory::default());
    backend.open(memory.clone(), at(0)).unwrap();
    assert_eq!(memory.token(admin.id()), Some(admin));
}

#[tokio::test]
async fn a_store_that_is_dropped_leaves_one_whole_file() {
    let world = World::<Sqlite>::set_up().await;
    world.store.organizations().await.unwrap(); // a reader's connection is open
    let World { backend, store, admin, .. } = world;
    drop(store);
    assert!(!backend.path().join("toolfront.db-wal").exists());

    let copy = Sqlite::fresh();
    std::fs::create_dir(copy.path()).unwrap();
    std::fs::copy(backend.path().join("toolfront.db"), copy.path().join("toolfront.db")).unwrap();
    let memory = Arc::new(Memory::default());
    copy.open(memory.clone(), at(0)).unwrap();
    assert_eq!(memory.token(admin.id()), Some(admin));
}

#[tokio::test]
async fn a_store_that_is_closed_leaves_one_whole_file_though_it_was_read() {
    let world = World::<Sqlite>::set_up().await;
    world.store.organizations().await.unwrap();
    world.store.close();
    assert!(!world.backend.path().join("toolfront.db-wal").exists());
    assert_eq!(world.store.organizations().await.unwrap().len(), 1, "it can still be read");
}

#[tokio::test]
async fn blobs_that_were_not_finished_are_cleared_at_opening() {
    let world = World::<Sqlite>::set_up().await;
    let digest = BlobDigest::of(b"kept");
    world.store.blobs().put(digest, b"kept").unwrap();
    let incoming = world.backend.path().join("blobs/incoming");
    std::fs::write(incoming.join("left-over"), "half a blob").unwrap();
    std::fs::create_dir(incoming.join("directory")).unwrap();
    let world = world.reopen();
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
    assert_eq!(world.store.blobs().read(&digest).unwrap(), b"kept");
}

#[tokio::test]
async fn a_blob_that_is_refused_leaves_nothing_in_incoming() {
    let world = World::<Sqlite>::set_up().await;
    world.store.blobs().put(BlobDigest::of(b"announced"), b"other").unwrap_err();
    drop(world.store.blobs().begin(BlobDigest::of(b"given up")).unwrap());
    let incoming = world.backend.path().join("blobs/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sweep_leaves_what_is_no_blob() {
    let world = World::<Sqlite>::set_up().await;
    let blobs = world.backend.path().join("blobs");
    std::fs::create_dir(blobs.join("ab")).unwrap();
    std::fs::write(blobs.join("ab/notes.txt"), "").unwrap();
    std::fs::write(blobs.join("README"), "").unwrap();
    let writing = world.store.blobs().begin(BlobDigest::of(b"on its way")).unwrap();
    assert_eq!(world.store.blobs().sweep(&|_| false, std::time::Duration::ZERO).unwrap(), 0);
    assert!(blobs.join("ab/notes.txt").exists() && blobs.join("README").exists());
    drop(writing);
}
