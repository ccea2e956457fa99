//! An object store that all gateways have: `prefix/ab/cdef…`, each object named by the SHA-256 of its bytes.
//!
//! It has no locks, so a gateway may remove an object that was old when it looked, and that another has claimed since.
//! Therefore what is removed leaves a spare copy (`prefix/spare/ab/cdef…`), which stays for as long again: whoever
//! misses an object that a release names has it back from there, and so has a later sweep.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use sha2::{Digest, Sha256};
use toolfront_app::BlobDigest;

use super::background::Background;
use super::files::{Files, shard_and_rest};
use super::object_faults::{found, unusable};
use super::{BlobError, SWEEP_AGE, machine_time};
use crate::s3_place::S3Place;

/// How many requests without a body are under way at once.
const QUESTIONS_AT_ONCE: usize = 64;
/// How many objects come, or are copied or removed, at once.
const TRANSFERS_AT_ONCE: usize = 32;
/// Larger files are sent in parts of this many bytes.
const PART_BYTES: u64 = 8 * 1024 * 1024;
/// How many objects of a list are judged together: a page of S3 has as many.
const PAGE: usize = 1000;
const SPARE: &str = "spare";

#[derive(Debug)]
pub(super) struct Objects {
    bucket: Bucket,
    background: Background,
}

/// What a future on its own takes along.
#[derive(Clone)]
struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Path,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client has the credentials.
        f.debug_struct("Bucket").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// An object, as a list tells of it.
struct Listed {
    digest: BlobDigest,
    is_spare: bool,
}

impl Objects {
    /// Says nothing to the object store yet.
    pub(super) fn open(place: &S3Place) -> Result<Self, BlobError> {
        let patience = ClientOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            .with_read_timeout(Duration::from_mins(1))
            .with_timeout_disabled();
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        };
        let retry = RetryConfig { backoff, max_retries: 3, retry_timeout: Duration::from_secs(30) };
        let builder = AmazonS3Builder::new()
            .with_client_options(patience)
            .with_retry(retry)
            .with_bucket_name(place.bucket());
        let builder = place.settings().fold(builder, |builder, (key, value)| builder.with_config(key, value));
        let store = Arc::new(builder.build().map_err(unusable)?);
        let bucket = Bucket { store, prefix: place.prefix().clone() };
        Ok(Self { bucket, background: Background::start()? })
    }

    /// Whether the bucket is there and lets itself be listed.
    pub(super) fn check(&self) -> Result<(), BlobError> {
        let bucket = self.bucket.clone();
        self.wait_for(async move {
            let mut listed = bucket.store.list(bucket.root());
            listed.next().await.transpose().map(|_| ()).map_err(unusable)
        })
    }

    /// How many bytes each has that is there.
    pub(super) fn sizes(&self, digests: &[BlobDigest]) -> Result<Vec<Option<u64>>, BlobError> {
        let heads = self.heads(digests)?;
        Ok(heads.into_iter().map(|head| head.map(|head| head.size)).collect())
    }

    /// How many bytes each has that is there. What is not young any more is made so.
    pub(super) fn claim(&self, digests: &[BlobDigest]) -> Result<Vec<Option<u64>>, BlobError> {
        let heads = self.heads(digests)?;
        let young = machine_time().checked_sub(SWEEP_AGE / 2);
        let is_old =
            |head: &ObjectMeta| young.is_some_and(|young| SystemTime::from(head.last_modified) < young);
        let old = digests.iter().zip(&heads).filter(|(_, head)| head.as_ref().is_some_and(is_old));
        let old: Vec<_> = old.map(|(digest, _)| *digest).collect();
        let renewed = self.for_each(old.clone(), TRANSFERS_AT_ONCE, |bucket, digest| async move {
            bucket.renew(&digest).await
        })?;
        let gone: Vec<_> =
            old.iter().zip(renewed).filter(|(_, there)| !there).map(|(gone, _)| *gone).collect();
        let size = |(digest, head): (&BlobDigest, Option<ObjectMeta>)| {
            head.filter(|_| !gone.contains(digest)).map(|head| head.size)
        };
        Ok(digests.iter().zip(heads).map(size).collect())
    }

    fn heads(&self, digests: &[BlobDigest]) -> Result<Vec<Option<ObjectMeta>>, BlobError> {
        self.for_each(digests.to_vec(), QUESTIONS_AT_ONCE, |bucket, digest| async move {
            found(bucket.store.head(&bucket.key(&digest)).await)
        })
    }

    /// Sends what is in the file, from its start.
    pub(super) fn put(&self, digest: &BlobDigest, file: &mut File) -> Result<(), BlobError> {
        let size = file.metadata()?.len();
        file.rewind()?;
        let (store, key) = (Arc::clone(&self.bucket.store), self.bucket.key(digest));
        if size <= PART_BYTES {
            let bytes = part(file)?;
            return self
                .wait_for(async move { store.put(&key, bytes.into()).await.map(|_| ()).map_err(unusable) });
        }
        let mut upload = self.wait_for(async move { store.put_multipart(&key).await.map_err(unusable) })?;
        let sent = self.send_parts(upload.as_mut(), file);
        self.wait_for(async move {
            let ended = match sent {
                Ok(()) => upload.complete().await.map(|_| ()).map_err(unusable),
                Err(fault) => Err(fault),
            };
            if ended.is_err() {
                // The first fault is told. Parts that stay behind are the bucket's to remove.
                let _ = upload.abort().await;
            }
            ended
        })
    }

    fn send_parts(&self, upload: &mut dyn MultipartUpload, file: &mut File) -> Result<(), BlobError> {
        loop {
            let bytes = part(file)?;
            if bytes.is_empty() {
                return Ok(());
            }
            let sent = upload.put_part(bytes.into());
            self.wait_for(async move { sent.await.map_err(unusable) })?;
        }
    }

    /// Has the objects put among the files, if their bytes are what their names say; passes over those that are not
    /// there.
    pub(super) fn fetch(&self, digests: Vec<BlobDigest>, files: &Files) -> Result<(), BlobError> {
        let files = files.clone();
        self.for_each(digests, TRANSFERS_AT_ONCE, move |bucket, digest| {
            let files = files.clone();
            async move { bucket.fetch(&digest, &files).await }
        })?;
        Ok(())
    }

    /// As [`super::Blobs::sweep`].
    pub(super) fn sweep(&self, keep: &dyn Fn(&BlobDigest) -> bool, age: Duration) -> Result<u64, BlobError> {
        let Some(before) = machine_time().checked_sub(age) else { return Ok(0) };
        let (mut removed, mut last) = (0, None);
        loop {
            let bucket = self.bucket.clone();
            let (old, end) = self.wait_for(async move { bucket.page(last, before).await })?;
            let (kept, dropped): (Vec<_>, Vec<_>) = old.into_iter().partition(|listed| keep(&listed.digest));
            let (spare, dropped): (Vec<_>, Vec<_>) = dropped.into_iter().partition(|listed| listed.is_spare);
            let kept_spare = kept.into_iter().filter(|listed| listed.is_spare);
            self.for_each(kept_spare.collect(), TRANSFERS_AT_ONCE, |bucket, listed| async move {
                bucket.restore_if_missing(&listed.digest).await
            })?;
            self.for_each(spare, TRANSFERS_AT_ONCE, |bucket, listed| async move {
                bucket.remove(&bucket.spare_key(&listed.digest)).await
            })?;
            let gone = self.for_each(dropped, TRANSFERS_AT_ONCE, |bucket, listed| async move {
                bucket.set_aside(&listed.digest).await
            })?;
            removed += gone.into_iter().map(u64::from).sum::<u64>();
            match end {
                Some(_) => last = end,
                None => return Ok(removed),
            }
        }
    }

    /// Does work for each, some at once; yields what it yields in their order.
    fn for_each<I, T, F>(
        &self,
        items: Vec<I>,
        at_once: usize,
        work: impl Fn(Bucket, I) -> F + Send + 'static,
    ) -> Result<Vec<T>, BlobError>
    where
        I: Send + 'static,
        T: Send + 'static,
        F: Future<Output = Result<T, BlobError>> + Send + 'static,
    {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let bucket = self.bucket.clone();
        self.wait_for(async move {
            stream::iter(items)
                .map(move |item| work(bucket.clone(), item))
                .buffered(at_once)
                .try_collect()
                .await
        })
    }

    fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, BlobError>> + Send + 'static,
    ) -> Result<T, BlobError> {
        let broken_off = || BlobError::Unavailable { reason: "the call was broken off".to_owned() };
        self.background.wait_for(work).unwrap_or_else(|| Err(broken_off()))
    }
}

impl Bucket {
    fn root(&self) -> Option<&Path> {
        Some(&self.prefix).filter(|prefix| !prefix.is_root())
    }

    fn key(&self, digest: &BlobDigest) -> Path {
        let text = digest.to_string();
        let (shard, rest) = shard_and_rest(&text);
        self.prefix.clone().join(shard).join(rest)
    }

    fn spare_key(&self, digest: &BlobDigest) -> Path {
        let text = digest.to_string();
        let (shard, rest) = shard_and_rest(&text);
        self.prefix.clone().join(SPARE).join(shard).join(rest)
    }

    fn read(&self, key: &Path) -> Option<Listed> {
        let mut parts = key.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).peekable();
        let is_spare = parts.next_if(|part| part == SPARE).is_some();
        let (shard, rest) = (parts.next()?, parts.next()?);
        let digest = BlobDigest::parse(&format!("sha256:{shard}{rest}")).ok()?;
        parts.next().is_none().then_some(Listed { digest, is_spare })
    }

    /// The next page of the list: what is old in it, and where it ends if it does not end the list.
    async fn page(
        &self,
        after: Option<Path>,
        before: SystemTime,
    ) -> Result<(Vec<Listed>, Option<Path>), BlobError> {
        let listed = match &after {
            Some(after) => self.store.list_with_offset(self.root(), after),
            None => self.store.list(self.root()),
        };
        let page: Vec<ObjectMeta> = listed.take(PAGE).try_collect().await.map_err(unusable)?;
        let end = page.last().filter(|_| page.len() == PAGE).map(|object| object.location.clone());
        let old = page.iter().filter(|object| SystemTime::from(object.last_modified) <= before);
        Ok((old.filter_map(|object| self.read(&object.location)).collect(), end))
    }

    /// Copies; yields whether there was something.
    async fn copy(&self, from: &Path, to: &Path) -> Result<bool, BlobError> {
        Ok(found(self.store.copy(from, to).await)?.is_some())
    }

    async fn remove(&self, key: &Path) -> Result<(), BlobError> {
        found(self.store.delete(key).await).map(|_| ())
    }

    /// Makes an object young. S3 does not copy one onto itself, but by way of its spare copy it does; and a sweep that
    /// has found the object old may remove it then, and does no harm.
    async fn renew(&self, digest: &BlobDigest) -> Result<bool, BlobError> {
        let (key, spare) = (self.key(digest), self.spare_key(digest));
        // If a sweep was faster there is the copy that it made.
        self.copy(&key, &spare).await?;
        self.copy(&spare, &key).await
    }

    /// Removes an object but for a spare copy.
    async fn set_aside(&self, digest: &BlobDigest) -> Result<bool, BlobError> {
        let key = self.key(digest);
        let is_there = self.copy(&key, &self.spare_key(digest)).await?;
        self.remove(&key).await?;
        Ok(is_there)
    }

    async fn restore_if_missing(&self, digest: &BlobDigest) -> Result<(), BlobError> {
        let (key, spare) = (self.key(digest), self.spare_key(digest));
        if found(self.store.head(&key).await)?.is_none() {
            self.copy(&spare, &key).await?;
        }
        self.remove(&spare).await
    }

    async fn fetch(&self, digest: &BlobDigest, files: &Files) -> Result<(), BlobError> {
        let key = self.key(digest);
        let mut got = found(self.store.get(&key).await)?;
        if got.is_none() && self.copy(&self.spare_key(digest), &key).await? {
            got = found(self.store.get(&key).await)?;
        }
        let Some(got) = got else { return Ok(()) };
        let (mut file, mut hasher) = (files.begin()?, Sha256::new());
        let mut pieces = got.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(unusable)?;
            hasher.update(&piece);
            file.write_all(&piece)?;
        }
        if BlobDigest::from_bytes(hasher.finalize().into()) != *digest {
            return Err(BlobError::Damaged(*digest));
        }
        Ok(files.keep_copy(file, digest)?)
    }
}

/// The next bytes of a file that are sent together; none at its end.
fn part(file: &mut File) -> Result<Vec<u8>, BlobError> {
    let mut bytes = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
