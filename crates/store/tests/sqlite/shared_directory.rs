//! A directory of blobs that several gateways have: its files, and when it can't be used.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use toolfront_app::BlobDigest;
use toolfront_store::{BlobPlace, OpenError, Store, StorePlace};

use crate::contract::world::memory::Memory;
use crate::contract::world::shared_directory::SharedDirectory;
use crate::contract::world::{Backend, World, at};

fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn the_data_directory_has_no_blobs_then() {
    let world = World::<SharedDirectory>::set_up().await;
    let digest = BlobDigest::of(b"elsewhere");
    world.store.blobs().put(digest, b"elsewhere").unwrap();
    assert!(world.store.blobs().path(&digest).starts_with(world.backend.shared.path()));
    assert!(!world.backend.own.path().join("blobs").exists());
}

#[tokio::test]
async fn what_gateways_that_are_no_more_had_begun_is_removed_a_day_later() {
    let world = World::<SharedDirectory>::set_up().await;
    let incoming = world.backend.shared.path().join("incoming");
    let (gone, alive) = (incoming.join("gateway-gone"), incoming.join("gateway-alive"));
    for (directory, is_old) in [(&gone, true), (&alive, false)] {
        std::fs::create_dir(directory).unwrap();
        let file = std::fs::File::create(directory.join("half")).unwrap();
        if is_old {
            file.set_modified(UNIX_EPOCH).unwrap();
        }
    }
    let sweep = || world.store.blobs().sweep(&|_| false, Duration::ZERO).unwrap();
    sweep();
    assert!(entries(&gone).is_empty() && alive.join("half").exists());
    std::fs::File::open(&gone).unwrap().set_modified(UNIX_EPOCH).unwrap();
    sweep();
    assert!(!gone.exists() && alive.join("half").exists());
}

#[tokio::test]
async fn a_gateway_goes_on_that_was_taken_for_gone() {
    let world = World::<SharedDirectory>::set_up().await;
    for directory in entries(&world.backend.shared.path().join("incoming")) {
        std::fs::remove_dir(directory).unwrap();
    }
    let digest = BlobDigest::of(b"after a long time");
    world.store.blobs().put(digest, b"after a long time").unwrap();
    assert!(world.store.blobs().contains(&digest).unwrap());
}

#[tokio::test]
async fn a_gateway_that_stops_leaves_nothing_in_incoming() {
    let World { backend, store, .. } = World::<SharedDirectory>::set_up().await;
    drop(store);
    assert_eq!(entries(&backend.shared.path().join("incoming")), Vec::<PathBuf>::new());
}

#[test]
fn a_directory_that_is_not_there_is_not_made() {
    let backend = SharedDirectory::fresh();
    let absent = backend.shared.path().join("not-mounted");
    let blobs = BlobPlace::Directory(absent.clone());
    let place = StorePlace { blobs, ..StorePlace::embedded(backend.own.path()) };
    let refused = Store::open(&place, Arc::new(Memory::default()), at(0)).map(|_| ()).unwrap_err();
    assert!(matches!(&refused, OpenError::Blobs { path, .. } if *path == absent), "{refused:?}");
    assert!(!absent.exists());
}
