//! Blobs in an object store: the copies in front of it, and when it can't be used.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStoreExt;
use toolfront_app::BlobDigest;
use toolfront_store::{BlobError, Store, StorePlace};

use crate::contract::world::memory::Memory;
use crate::contract::world::s3::{S3, endpoint, place};
use crate::contract::world::{Backend, World, at};

fn open(place: StorePlace, directory: &Path) -> Store {
    let place = StorePlace { directory: directory.to_owned(), ..place };
    Store::open(&place, Arc::new(Memory::default()), at(0)).unwrap().0
}

/// An endpoint that nobody answers at.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn copies_that_are_lost_are_fetched_again() {
    let world = World::<S3>::set_up().await;
    let digest = BlobDigest::of(b"a page");
    world.store.blobs().put(digest, b"a page").unwrap();
    let World { backend, store, .. } = world;
    drop(store);
    std::fs::remove_dir_all(backend.own.path().join("blobs")).unwrap();
    let (store, _) = backend.open(Arc::new(Memory::default()), at(0)).unwrap();
    assert_eq!(store.blobs().read(&digest).unwrap(), b"a page");
    std::fs::remove_dir_all(backend.own.path().join("blobs")).unwrap();
    store.blobs().fetch_all(&[digest]).unwrap();
    assert_eq!(std::fs::read(store.blobs().path(&digest)).unwrap(), b"a page");
}

#[tokio::test]
async fn a_copy_that_was_spoilt_is_not_served() {
    let world = World::<S3>::set_up().await;
    let (blobs, digest) = (world.store.blobs(), BlobDigest::of(b"a page"));
    blobs.put(digest, b"a page").unwrap();
    let path = blobs.path(&digest);
    for spoilt in ["a pagf", "", "a page and more"] {
        assert_eq!(blobs.read(&digest).unwrap(), b"a page");
        std::fs::write(&path, spoilt).unwrap();
        assert_eq!(blobs.read(&digest).unwrap(), b"a page", "{spoilt:?}");
        std::fs::write(&path, spoilt).unwrap();
        assert_eq!(
            std::io::read_to_string(blobs.open_file(&digest).unwrap()).unwrap(),
            "a page",
            "{spoilt:?}"
        );
        std::fs::write(&path, spoilt).unwrap();
        blobs.fetch_all(&[digest]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a page", "{spoilt:?}");
    }
}

#[tokio::test]
async fn an_object_with_other_bytes_is_not_served() {
    let world = World::<S3>::set_up().await;
    let (blobs, digest) = (world.store.blobs(), BlobDigest::of(b"a page"));
    S3::client().put(&world.backend.key(&digest), "planted".into()).await.unwrap();
    let refused = blobs.read(&digest).unwrap_err();
    assert!(matches!(refused, BlobError::Damaged(damaged) if damaged == digest), "{refused:?}");
    assert!(!blobs.path(&digest).exists());
    blobs.put(digest, b"a page").unwrap();
    assert_eq!(blobs.read(&digest).unwrap(), b"a page");
}

#[tokio::test]
async fn a_large_blob_goes_in_parts_and_comes_back_whole() {
    let world = World::<S3>::set_up().await;
    let bytes: Vec<u8> =
        (0..20_000_000_u32).map(|number| number.to_le_bytes()[number as usize % 3]).collect();
    let digest = BlobDigest::of(&bytes);
    world.store.blobs().put(digest, &bytes).unwrap();
    assert_eq!(world.store.blobs().claim(&digest).unwrap(), Some(20_000_000));
    std::fs::remove_file(world.store.blobs().path(&digest)).unwrap();
    assert!(world.store.blobs().read(&digest).unwrap() == bytes);
}

#[tokio::test]
async fn a_long_list_is_swept_to_its_end_and_the_copies_too() {
    let world = World::<S3>::set_up().await;
    let blobs = world.store.blobs();
    let texts: Vec<String> = (0..1100).map(|number| format!("blob {number}")).collect();
    let digests: Vec<_> = texts.iter().map(|text| BlobDigest::of(text.as_bytes())).collect();
    let all: Vec<_> = digests.iter().copied().zip(texts.iter().map(String::as_bytes)).collect();
    blobs.put_all(&all).unwrap();
    assert_eq!(blobs.contains_all(&digests).unwrap(), vec![true; 1100]);
    assert_eq!(blobs.sweep(&|digest| *digest == digests[7], Duration::ZERO).unwrap(), 1099);
    let expected: Vec<_> = (0..1100).map(|number| number == 7).collect();
    assert_eq!(blobs.contains_all(&digests).unwrap(), expected);
    let copies: Vec<_> = digests.iter().map(|digest| blobs.path(digest).exists()).collect();
    assert_eq!(copies, expected);
}

#[tokio::test]
async fn what_a_sweep_removed_while_it_was_claimed_comes_back() {
    let world = World::<S3>::set_up().await;
    let blobs = world.store.blobs();
    let (read, swept) = (BlobDigest::of(b"read"), BlobDigest::of(b"swept"));
    blobs.put(read, b"read").unwrap();
    blobs.put(swept, b"swept").unwrap();
    assert_eq!(blobs.sweep(&|_| false, Duration::ZERO).unwrap(), 2);
    assert!(!blobs.contains(&read).unwrap() && !blobs.contains(&swept).unwrap());
    assert_eq!(blobs.read(&read).unwrap(), b"read");
    blobs.sweep(&|_| true, Duration::ZERO).unwrap();
    assert!(blobs.contains(&read).unwrap() && blobs.contains(&swept).unwrap());
    assert_eq!(world.backend.objects().len(), 2, "the spare copies are gone");
}

#[tokio::test]
async fn what_nobody_claims_is_gone_after_a_second_sweep() {
    let world = World::<S3>::set_up().await;
    let blobs = world.store.blobs();
    let digest = BlobDigest::of(b"forgotten");
    blobs.put(digest, b"forgotten").unwrap();
    blobs.sweep(&|_| false, Duration::ZERO).unwrap();
    blobs.sweep(&|_| false, Duration::ZERO).unwrap();
    assert_eq!(world.backend.objects().len(), 0);
    assert!(matches!(blobs.read(&digest), Err(BlobError::Absent(_))));
}

#[tokio::test]
async fn without_the_object_store_nothing_is_taken_in_and_what_is_here_is_served() {
    let World { backend, store, .. } = World::<S3>::set_up().await;
    let (here, new) = (BlobDigest::of(b"here"), BlobDigest::of(b"new"));
    store.blobs().put(here, b"here").unwrap();
    drop(store);

    let store = open(place(&nobody(), "blobs", &backend.prefix), &backend.own.path());
    let blobs = store.blobs();
    assert_eq!(blobs.read(&here).unwrap(), b"here");
    let refusals = [
        blobs.put(new, b"new").unwrap_err(),
        blobs.put_all(&[(new, b"new"), (here, b"here")]).unwrap_err(),
        blobs.read(&new).unwrap_err(),
        blobs.contains(&here).unwrap_err(),
        blobs.claim(&here).unwrap_err(),
        blobs.sweep(&|_| true, Duration::ZERO).unwrap_err(),
        blobs.check().unwrap_err(),
    ];
    for refused in refusals {
        assert!(matches!(refused, BlobError::Unavailable { .. }), "{refused:?}");
    }
    assert!(!blobs.path(&new).exists());
    assert_eq!(std::fs::read_dir(backend.own.path().join("blobs/incoming")).unwrap().count(), 0);
    drop(store);

    let (store, _) = backend.open(Arc::new(Memory::default()), at(0)).unwrap();
    assert!(!store.blobs().contains(&new).unwrap());
}

#[tokio::test]
async fn an_opened_store_shows_no_credentials() {
    let backend = S3::fresh();
    let store = open(place(&nobody(), "blobs", "tests"), &backend.own.path());
    let shown = format!("{store:?}{:?}", store.blobs());
    assert!(shown.contains("Bucket") && !shown.contains("testing"), "{shown}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_said_not_to_be() {
    let backend = S3::fresh();
    let store = open(place(&endpoint(), "no-such-bucket", "tests"), &backend.own.path());
    let digest = BlobDigest::of(b"a page");
    for refused in [store.blobs().check().unwrap_err(), store.blobs().put(digest, b"a page").unwrap_err()] {
        assert!(matches!(refused, BlobError::Refused { .. }), "{refused:?}");
        assert!(refused.to_string().contains("no such bucket"), "{refused}");
    }
}
