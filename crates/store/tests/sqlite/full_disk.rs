//! A disk that is full: what does not fit is refused whole, what was answered stays, and room is enough to go on.
//! The disk is a tmpfs of two megabytes, which only root may mount; without that these tests fail.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;
use toolfront_app::{BlobDigest, Manifest};
use toolfront_store::{
    BlobError, EnvironmentRefusal, NewEnvironment, Outcome, RunEnded, Store, StoreError, StorePlace,
    TokenRefusal, TokenSelector,
};
use toolfront_token::{Scope, TokenRecord, Visibility};

use crate::contract::world::log::{a_run, read};
use crate::contract::world::memory::Memory;
use crate::contract::world::{
    administrator, at, begin, by, env_id, env_name, grant, manifest, new_token, organization, permit,
    rotation, selector, set_up, token_id, value,
};

struct SmallDisk {
    place: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        mount("tmpfs", place.path(), "tmpfs", MountFlags::empty(), Some(c"size=2m"))
            .expect("this test mounts a tmpfs: run it as root, or with CAP_SYS_ADMIN");
        Self { place }
    }

    fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Takes all the room but so many bytes.
    fn fill_but(&self, bytes: usize) -> Ballast {
        let ballast = self.fill();
        let file = File::options().write(true).open(&ballast.path).unwrap();
        let taken = file.metadata().unwrap().len();
        file.set_len(taken - u64::try_from(bytes).unwrap()).unwrap();
        ballast
    }

    /// Takes all the room that is left.
    fn fill(&self) -> Ballast {
        let path = self.place.path().join("ballast");
        let mut file = File::create(&path).unwrap();
        for size in [65_536, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Ballast { path }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(self.place.path(), UnmountFlags::DETACH);
    }
}

struct Ballast {
    path: PathBuf,
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

fn open(path: &Path) -> (Store, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let (store, _) = Store::open(&StorePlace::embedded(path), memory.clone(), at(0)).unwrap();
    (store, memory)
}

fn manifest_of(files: usize) -> Manifest {
    let paths: Vec<String> = (0..files).map(|number| format!("{number:0>150}/{number:0>150}.md")).collect();
    let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    files.push(("README.md", "# Large"));
    manifest(&files)
}

fn is_about_room(failure: &StoreError) -> bool {
    matches!(failure, StoreError::DiskFull | StoreError::Unavailable { .. })
}

async fn issue(store: &Store, admin: &TokenRecord) -> Result<TokenRecord, StoreError> {
    let (authority, new) = (administrator(admin), new_token(grant(Scope::Read)));
    match store.issue_token(authority, token_id(), new, value(), None, by(admin), at(1)).await {
        Ok(record) => Ok(record),
        Err(TokenRefusal::Store(failure)) => Err(failure),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_that_does_not_fit_is_refused_whole_and_the_next_that_fits_is_made() {
    let disk = SmallDisk::new();
    let (store, memory) = open(&disk.data());
    let admin = set_up(&store).await;
    let rotating = issue(&store, &admin).await.unwrap();
    let mut acknowledged = vec![admin.clone(), rotating.clone()];

    let ballast = disk.fill();
    let mut failures = Vec::new();
    while failures.len() < 20 {
        assert!(acknowledged.len() < 10_000, "the disk is not full");
        match issue(&store, &admin).await {
            Ok(record) => acknowledged.push(record),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.iter().all(is_about_room), "{failures:?}");
    assert!(failures.iter().any(|failure| matches!(failure, StoreError::DiskFull)), "{failures:?}");
    assert_eq!(memory.tokens(), acknowledged.len());
    for record in &acknowledged {
        let loaded = store.load_token(administrator(&admin), selector(record)).await.unwrap();
        assert_eq!(loaded.record, *record, "what was answered can be read while the disk is full");
    }

    drop(ballast);
    acknowledged.push(issue(&store, &admin).await.unwrap());
    let (authority, request) = (administrator(&admin), rotation(&rotating));
    let rotated = store
        .rotate_token(authority, selector(&rotating), request, value(), None, by(&admin), at(2))
        .await
        .unwrap();
    acknowledged[1] = rotated;
    store.check().await.unwrap();

    let index = memory.index();
    drop(store);
    let (_store, memory) = open(&disk.data());
    assert_eq!(memory.index(), index);
    assert_eq!(memory.tokens(), acknowledged.len());
    for record in acknowledged {
        assert_eq!(memory.token(record.id()), Some(record));
    }
}

#[tokio::test]
async fn a_refusal_that_rests_on_a_change_that_did_not_fit_is_not_told() {
    let disk = SmallDisk::new();
    let (store, memory) = open(&disk.data());
    let admin = set_up(&store).await;
    // Small enough for SQLite to keep in memory until the commit, and too large for the disk then.
    let large = manifest_of(1_500);
    let create = permit(&admin, organization());
    let new = |manifest| NewEnvironment { name: env_name("docs"), visibility: Visibility::Private, manifest };

    let held = memory.hold();
    let holding = begin(issue(&store, &admin)).await;
    held.reached();
    let ballast = disk.fill();
    let large = store.create_environment(&create, env_id(), new(Some(large)), by(&admin), at(1));
    let small = store.create_environment(&create, env_id(), new(None), by(&admin), at(1));
    let (large, small) = (begin(large).await, begin(small).await);
    drop(held);
    holding.await.unwrap();
    for refused in [large.await, small.await] {
        match refused {
            Err(EnvironmentRefusal::Store(failure)) => assert!(is_about_room(&failure), "{failure:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(memory.environments().is_empty());

    drop(ballast);
    store.create_environment(&create, env_id(), new(None), by(&admin), at(2)).await.unwrap();
}

#[tokio::test]
async fn calls_behind_one_that_ended_the_transaction_are_done_in_the_next() {
    let disk = SmallDisk::new();
    let (store, memory) = open(&disk.data());
    let admin = set_up(&store).await;
    // Too large for SQLite to keep in memory until the commit: it fails in the midst of it, and SQLite ends the
    // whole transaction.
    let files = Some(manifest_of(9_500));
    let new = NewEnvironment { name: env_name("docs"), visibility: Visibility::Private, manifest: files };
    let create = permit(&admin, organization());

    let held = memory.hold();
    let holding = begin(issue(&store, &admin)).await;
    held.reached();
    let before = begin(issue(&store, &admin)).await;
    let large = begin(store.create_environment(&create, env_id(), new, by(&admin), at(1))).await;
    let behind = begin(issue(&store, &admin)).await;
    drop(held);
    holding.await.unwrap();
    let before = before.await;
    assert!(matches!(before, Err(StoreError::Unavailable { .. })), "its work was undone: {before:?}");
    let large = large.await;
    assert!(matches!(large, Err(EnvironmentRefusal::Store(StoreError::DiskFull))), "{large:?}");
    let behind = behind.await.unwrap();
    assert_eq!(memory.token(behind.id()), Some(behind));
    assert_eq!((memory.tokens(), memory.environments().len()), (3, 0));
    assert_eq!(store.verify_log(None).await.unwrap().fault, None, "the chain goes on behind what is kept");
}

/// Takes the room of the disk and that of the database's own files.
async fn exhaust(disk: &SmallDisk, store: &Store, admin: &TokenRecord) -> Ballast {
    let ballast = disk.fill();
    for _ in 0..10_000 {
        if issue(store, admin).await.is_err() {
            return ballast;
        }
    }
    panic!("the disk is not full");
}

async fn revoke(
    store: &Store,
    admin: &TokenRecord,
    token: TokenSelector,
) -> Result<TokenRecord, TokenRefusal> {
    store.revoke_token(administrator(admin), token, None, by(admin), at(3)).await
}

#[tokio::test]
async fn a_full_disk_has_room_for_revocations_and_ends_of_runs_and_for_nothing_else() {
    let disk = SmallDisk::new();
    let (store, memory) = open(&disk.data());
    let admin = set_up(&store).await;
    let tokens = [issue(&store, &admin).await.unwrap(), issue(&store, &admin).await.unwrap()];
    let environment = env_id();
    let begin = store.begin_run(environment, a_run(), by(&admin), at(1)).await.unwrap();
    let open_run = store.begin_run(environment, a_run(), by(&admin), at(1)).await.unwrap();
    let room = store.disk_room().unwrap();
    assert!(room.reserve > 0 && !room.is_nearly_full, "{room:?}");

    let ballast = exhaust(&disk, &store, &admin).await;
    assert!(store.disk_room().unwrap().is_nearly_full);
    let revoked = revoke(&store, &admin, selector(&tokens[0])).await.unwrap();
    assert_eq!(memory.token(tokens[0].id()), Some(revoked.clone()));
    let end = |begin| RunEnded { begin, outcome: Outcome::Exited(0), duration_ms: 1, output_bytes: 0 };
    store.end_run(environment, end(begin), by(&admin), at(3)).await.unwrap();
    let room = store.disk_room().unwrap();
    assert!(room.reserve == 0 && room.is_nearly_full, "{room:?}");

    // The reserve is for those alone: all else is refused, though there would be room for it.
    for _ in 0..3 {
        let begun = store.begin_run(environment, a_run(), by(&admin), at(4)).await.unwrap_err();
        assert!(matches!(begun, StoreError::DiskFull), "{begun:?}");
        let issued = issue(&store, &admin).await.unwrap_err();
        assert!(matches!(issued, StoreError::DiskFull), "{issued:?}");
        let recorded = store.record_requests(Arc::new(vec![read(&admin, 4)]), Vec::new()).await.unwrap_err();
        assert!(matches!(recorded, StoreError::DiskFull), "{recorded:?}");
        assert!(matches!(store.check().await, Err(StoreError::DiskFull)), "it is not told to be ready");
    }
    revoke(&store, &admin, selector(&tokens[1])).await.unwrap();
    store.end_run(environment, end(open_run), by(&admin), at(5)).await.unwrap();
    assert_eq!(store.verify_log(None).await.unwrap().fault, None);

    drop(ballast);
    store.check().await.unwrap();
    issue(&store, &admin).await.unwrap();
    let room = store.disk_room().unwrap();
    assert!(room.reserve > 0 && !room.is_nearly_full, "it is kept back again: {room:?}");
    let index = memory.index();
    drop(store);
    let (store, memory) = open(&disk.data());
    assert_eq!(memory.index(), index);
    assert_eq!(store.verify_log(None).await.unwrap().fault, None);
    // And once more from there.
    let token = issue(&store, &admin).await.unwrap();
    let _ballast = exhaust(&disk, &store, &admin).await;
    revoke(&store, &admin, selector(&token)).await.unwrap();
}

#[tokio::test]
async fn the_reserve_is_not_given_up_for_a_revocation_that_is_refused() {
    let disk = SmallDisk::new();
    let (store, _) = open(&disk.data());
    let admin = set_up(&store).await;
    let reserve = usize::try_from(store.disk_room().unwrap().reserve).unwrap();
    // Nearly full, with room enough to go on.
    let _ballast = disk.fill_but(reserve / 2);
    assert!(store.disk_room().unwrap().is_nearly_full);
    let nobody = TokenSelector { token: token_id(), ..selector(&admin) };
    let refused = revoke(&store, &admin, nobody).await.unwrap_err();
    assert!(matches!(refused, TokenRefusal::NotFound), "{refused:?}");
    issue(&store, &admin).await.unwrap();
}

#[tokio::test]
async fn a_blob_that_does_not_fit_leaves_nothing_behind() {
    let disk = SmallDisk::new();
    let (store, _) = open(&disk.data());
    let bytes = vec![7_u8; 4_000_000];
    let digest = BlobDigest::of(&bytes);
    let refused = store.blobs().put(digest, &bytes).unwrap_err();
    assert!(matches!(refused, BlobError::DiskFull), "{refused:?}");
    assert!(!store.blobs().contains(&digest).unwrap());
    let incoming = disk.data().join("blobs/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
    let small = BlobDigest::of(b"small");
    store.blobs().put(small, b"small").unwrap();
    assert!(store.blobs().contains(&small).unwrap());
}
