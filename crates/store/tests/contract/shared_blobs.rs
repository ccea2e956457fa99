//! Blobs that several gateways have.

use std::sync::Arc;
use std::time::Duration;

use toolfront_app::BlobDigest;
use toolfront_store::{Blobs, Store};

use crate::world::memory::Memory;
use crate::world::{Backend, Shared, at};

const HOUR: Duration = Duration::from_hours(1);

/// Two gateways over the same blobs.
struct Two<B> {
    backend: B,
    /// The other's, which must be there while its store is open.
    _other: B,
    one: Store,
    other: Store,
}

impl<B: Shared> Two<B> {
    fn start() -> Self {
        let backend = B::fresh();
        let one = open(&backend);
        let beside = backend.beside();
        let other = open(&beside);
        Self { backend, _other: beside, one, other }
    }

    fn blobs(&self) -> (&Blobs, &Blobs) {
        (self.one.blobs(), self.other.blobs())
    }
}

fn open<B: Backend>(backend: &B) -> Store {
    backend.open(Arc::new(Memory::default()), at(0)).unwrap().0
}

/// Does both at once, each on a thread of its own.
async fn at_once<A: Send + 'static, B: Send + 'static>(
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let (a, b) = (tokio::task::spawn_blocking(a), tokio::task::spawn_blocking(b));
    (a.await.unwrap(), b.await.unwrap())
}

pub(crate) async fn what_one_gateway_puts_another_reads<B: Shared>() {
    let two = Two::<B>::start();
    let (one, other) = two.blobs();
    let digest = BlobDigest::of(b"put by one");
    one.put(digest, b"put by one").unwrap();
    assert!(other.contains(&digest).unwrap());
    assert_eq!(other.claim(&digest).unwrap(), Some(10));
    other.fetch_all(&[digest, BlobDigest::of(b"absent")]).unwrap();
    assert_eq!(std::fs::read(other.path(&digest)).unwrap(), b"put by one");
    assert_eq!(other.read(&digest).unwrap(), b"put by one");
}

pub(crate) async fn a_gateway_that_starts_or_sweeps_leaves_what_another_is_taking_in<B: Shared>() {
    let two = Two::<B>::start();
    let (one, other) = two.blobs();
    let digest = BlobDigest::of(b"half, whole");
    let mut writer = one.begin(digest).unwrap();
    writer.write(b"half, ").unwrap();
    let third = two.backend.beside();
    drop(open(&third));
    other.sweep(&|_| false, Duration::ZERO).unwrap();
    writer.write(b"whole").unwrap();
    writer.finish().unwrap();
    assert_eq!(other.read(&digest).unwrap(), b"half, whole");
}

pub(crate) async fn a_sweep_of_one_gateway_leaves_what_another_has_claimed<B: Shared>() {
    let two = Two::<B>::start();
    let (one, other) = two.blobs();
    let (claimed, forgotten) = (BlobDigest::of(b"claimed"), BlobDigest::of(b"forgotten"));
    for (digest, bytes) in [(claimed, "claimed"), (forgotten, "forgotten")] {
        one.put(digest, bytes.as_bytes()).unwrap();
        two.backend.age(one, &digest);
    }
    assert_eq!(other.claim(&claimed).unwrap(), Some(7));
    assert_eq!(one.sweep(&|_| false, HOUR).unwrap(), 1);
    assert!(other.contains(&claimed).unwrap() && !other.contains(&forgotten).unwrap());
}

pub(crate) async fn what_is_claimed_during_a_sweep_can_be_read<B: Shared>() {
    let two = Two::<B>::start();
    for round in 0..50 {
        let bytes = format!("claimed in round {round}").into_bytes();
        let digest = BlobDigest::of(&bytes);
        two.one.blobs().put(digest, &bytes).unwrap();
        two.backend.age(two.one.blobs(), &digest);
        let (one, other) = (two.one.blobs().clone(), two.other.blobs().clone());
        let (claimed, swept) =
            at_once(move || one.claim(&digest), move || other.sweep(&|_| false, HOUR)).await;
        swept.unwrap();
        if claimed.unwrap().is_some() {
            assert_eq!(two.other.blobs().read(&digest).unwrap(), bytes, "round {round}");
        }
    }
}

pub(crate) async fn what_two_gateways_put_at_once_is_whole<B: Shared>() {
    let two = Two::<B>::start();
    for round in 0..10 {
        let bytes: Arc<[u8]> = format!("put in round {round}").repeat(1000).into_bytes().into();
        let digest = BlobDigest::of(&bytes);
        let put = |blobs: &Blobs| {
            let (blobs, bytes) = (blobs.clone(), Arc::clone(&bytes));
            move || {
                blobs.put(digest, &bytes).unwrap();
                blobs.read(&digest).unwrap() == *bytes
            }
        };
        assert_eq!(at_once(put(two.one.blobs()), put(two.other.blobs())).await, (true, true));
    }
}
