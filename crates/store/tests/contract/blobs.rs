//! Content-addressed files.

use std::io::Read;
use std::time::Duration;

use toolfront_app::BlobDigest;
use toolfront_store::BlobError;

use crate::world::{Backend, World};

pub(crate) async fn a_blob_reads_back<B: Backend>() {
    let world = World::<B>::set_up().await;
    let digest = BlobDigest::of(b"hello, world");
    assert!(!world.store.blobs().contains(&digest).unwrap());
    let mut writer = world.store.blobs().begin(digest).unwrap();
    for piece in ["hello", ", ", "world"] {
        writer.write(piece.as_bytes()).unwrap();
    }
    assert!(!world.store.blobs().contains(&digest).unwrap(), "not before it is finished");
    writer.finish().unwrap();

    let world = world.reopen();
    let blobs = world.store.blobs();
    assert!(blobs.contains(&digest).unwrap());
    assert_eq!(blobs.read(&digest).unwrap(), b"hello, world");
    let mut text = String::new();
    blobs.open_file(&digest).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello, world");
}

pub(crate) async fn a_blob_that_is_not_what_was_announced_is_not_kept<B: Backend>() {
    let world = World::<B>::set_up().await;
    let blobs = world.store.blobs();
    let (announced, found) = (BlobDigest::of(b"announced"), BlobDigest::of(b"a planted text"));
    let refused = blobs.put(announced, b"a planted text").unwrap_err();
    assert!(
        matches!(refused, BlobError::Mismatch { announced: a, found: f } if (a, f) == (announced, found)),
        "{refused:?}"
    );
    assert!(!blobs.contains(&announced).unwrap() && !blobs.contains(&found).unwrap());
    let kept = world.backend.everything();
    assert!(!kept.iter().any(|file| file.windows(14).any(|window| window == b"a planted text")));
}

pub(crate) async fn one_blob_put_many_times_at_once_is_kept_once<B: Backend>() {
    let world = World::<B>::set_up().await;
    let bytes = vec![7_u8; 200_000];
    let digest = BlobDigest::of(&bytes);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (blobs, bytes) = (world.store.blobs().clone(), bytes.clone());
            tokio::task::spawn_blocking(move || {
                blobs.put(digest, &bytes).unwrap();
                blobs.read(&digest).unwrap() == bytes
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    let kept = world.backend.everything();
    assert_eq!(kept.iter().filter(|file| **file == bytes).count(), B::COPIES);
}

pub(crate) async fn an_absent_blob_is_said_to_be_absent<B: Backend>() {
    let world = World::<B>::set_up().await;
    let (blobs, digest) = (world.store.blobs(), BlobDigest::of(b"nothing"));
    assert!(matches!(blobs.read(&digest), Err(BlobError::Absent(absent)) if absent == digest));
    assert!(matches!(blobs.open_file(&digest), Err(BlobError::Absent(_))));
    assert_eq!(blobs.claim(&digest).unwrap(), None);
}

pub(crate) async fn a_sweep_removes_what_is_not_kept_and_is_old<B: Backend>() {
    let world = World::<B>::set_up().await;
    let blobs = world.store.blobs();
    let (kept, dropped) = (BlobDigest::of(b"kept"), BlobDigest::of(b"dropped"));
    blobs.put(kept, b"kept").unwrap();
    blobs.put(dropped, b"dropped").unwrap();
    assert_eq!(blobs.sweep(&|_| false, Duration::from_hours(1)).unwrap(), 0, "both are young");
    assert_eq!(blobs.sweep(&|digest| *digest == kept, Duration::ZERO).unwrap(), 1);
    assert!(blobs.contains(&kept).unwrap() && !blobs.contains(&dropped).unwrap());
    blobs.put(dropped, b"dropped").unwrap();
    assert_eq!(blobs.read(&dropped).unwrap(), b"dropped");
}

pub(crate) async fn many_blobs_are_claimed_in_their_order<B: Backend>() {
    let world = World::<B>::set_up().await;
    let blobs = world.store.blobs();
    let texts: Vec<String> = (0..200).map(|number| "x".repeat(number)).collect();
    let digests: Vec<_> = texts.iter().map(|text| BlobDigest::of(text.as_bytes())).collect();
    for (text, digest) in texts.iter().zip(&digests).step_by(2) {
        blobs.put(*digest, text.as_bytes()).unwrap();
    }
    let claimed = blobs.claim_all(&digests).unwrap();
    let are_there = blobs.contains_all(&digests).unwrap();
    for (number, (size, is_there)) in claimed.into_iter().zip(are_there).enumerate() {
        let expected = (number % 2 == 0).then_some(u64::try_from(number).unwrap());
        assert_eq!((size, is_there), (expected, expected.is_some()), "{number}");
    }
}

pub(crate) async fn a_claimed_blob_is_left_by_the_sweep<B: Backend>() {
    let world = World::<B>::set_up().await;
    let blobs = world.store.blobs();
    let (claimed, forgotten) = (BlobDigest::of(b"claimed"), BlobDigest::of(b"forgotten"));
    for (digest, bytes) in [(claimed, "claimed"), (forgotten, "forgotten")] {
        blobs.put(digest, bytes.as_bytes()).unwrap();
        world.backend.age(blobs, &digest);
    }
    assert_eq!(blobs.claim(&claimed).unwrap(), Some(7));
    assert_eq!(blobs.sweep(&|_| false, Duration::from_hours(1)).unwrap(), 1);
    assert!(blobs.contains(&claimed).unwrap() && !blobs.contains(&forgotten).unwrap());
}
