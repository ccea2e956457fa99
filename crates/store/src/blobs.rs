//! Content-addressed bytes, each named by its SHA-256 and never changed: in the data directory, or where several
//! gateways have them.

mod background;
mod cache;
mod exclusion;
mod files;
mod incoming;
mod object_faults;
mod objects;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use toolfront_app::BlobDigest;

use self::cache::Cache;
use self::files::Files;
use crate::error::OpenError;
use crate::place::BlobPlace;

/// The age for [`Blobs::sweep`]. What was claimed is half as old at the most, wherever the blobs are.
pub const SWEEP_AGE: Duration = Duration::from_hours(24);
/// How many blobs are sent to an object store at once.
const SENT_AT_ONCE: usize = 16;

/// The blobs of a store. Everything here blocks; call it off the async threads.
#[derive(Clone, Debug)]
pub struct Blobs {
    files: Files,
    /// There when the files are copies of what is in an object store.
    cache: Option<Arc<Cache>>,
}

/// Why a blob was not kept, or can't be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes are not the ones that were announced.
    #[error("the bytes have the digest {found}, announced was {announced}")]
    Mismatch {
        /// What was announced.
        announced: BlobDigest,
        /// What the bytes have.
        found: BlobDigest,
    },
    /// There is no room for it.
    #[error("the disk that blobs are kept on is full")]
    DiskFull,
    /// There is no such blob.
    #[error("there is no blob {0}")]
    Absent(BlobDigest),
    /// What is kept under the blob's name has other bytes.
    #[error("what the object store has as {0} has other bytes: remove that object, and deploy again")]
    Damaged(BlobDigest),
    /// The object store can't be reached, or fails. What was to be changed may have been.
    #[error("the object store can't be used now: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// The object store does not do what it was asked for, and will not until somebody changes that.
    #[error("the object store refuses: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The disk refused.
    #[error("the blob can't be read or written")]
    Io(#[source] io::Error),
}

impl From<io::Error> for BlobError {
    fn from(err: io::Error) -> Self {
        // By kind: what tempfile adds to an error hides its number.
        if matches!(err.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::DiskFull
        } else {
            Self::Io(err)
        }
    }
}

/// A blob on its way in: what is written is hashed, and kept only when [`BlobWriter::finish`] finds the
/// announced digest.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    announced: BlobDigest,
    file: NamedTempFile,
    hasher: Sha256,
}

impl Blobs {
    pub(crate) fn open(place: &BlobPlace, data_directory: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory { path: data_directory.to_owned(), source };
        let own = || Files::own(&data_directory.join("blobs")).map_err(unusable);
        match place {
            BlobPlace::DataDirectory => Ok(Self { files: own()?, cache: None }),
            BlobPlace::Directory(shared) => Files::shared(shared)
                .map(|files| Self { files, cache: None })
                .map_err(|source| OpenError::Blobs { path: shared.clone(), source }),
            BlobPlace::S3(place) => {
                let files = own()?;
                let cache = Cache::open(place, files.clone());
                let cache =
                    cache.map_err(|source| OpenError::Objects { place: place.to_string(), source })?;
                Ok(Self { files, cache: Some(Arc::new(cache)) })
            }
        }
    }

    /// Whether what is on this machine are copies, which [`Blobs::fetch_all`] brings.
    pub fn are_elsewhere(&self) -> bool {
        self.cache.is_some()
    }

    /// Whether the place of the blobs can be used, by asking it. Opening a store does not ask an object store: tokens
    /// can be revoked without one.
    ///
    /// # Errors
    /// [`BlobError::Refused`] when somebody has to change something, [`BlobError::Unavailable`] when it may be better
    /// later.
    pub fn check(&self) -> Result<(), BlobError> {
        self.cache.as_ref().map_or(Ok(()), |cache| cache.objects.check())
    }

    /// Where the blob's bytes are on this machine, if they are.
    pub fn path(&self, digest: &BlobDigest) -> PathBuf {
        self.files.path(digest)
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// [`BlobError`] when that can't be found out.
    pub fn contains(&self, digest: &BlobDigest) -> Result<bool, BlobError> {
        match &self.cache {
            None => Ok(self.files.has(digest)?),
            Some(_) => Ok(self.contains_all(std::slice::from_ref(digest))?.contains(&true)),
        }
    }

    /// Which of the blobs are there, in their order.
    ///
    /// # Errors
    /// As [`Blobs::contains`].
    pub fn contains_all(&self, digests: &[BlobDigest]) -> Result<Vec<bool>, BlobError> {
        match &self.cache {
            None => digests.iter().map(|digest| self.contains(digest)).collect(),
            Some(cache) => Ok(cache.objects.sizes(digests)?.iter().map(Option::is_some).collect()),
        }
    }

    /// How many bytes the blob has, if it is there; it is then made as young as one that was just taken in, so
    /// that [`Blobs::sweep`] leaves it for a release to come. To be asked when a client is told that it need
    /// not send a blob that no release has.
    ///
    /// # Errors
    /// [`BlobError`] when that can't be found out.
    pub fn claim(&self, digest: &BlobDigest) -> Result<Option<u64>, BlobError> {
        Ok(self.claim_all(std::slice::from_ref(digest))?.pop().flatten())
    }

    /// As [`Blobs::claim`], for many at once and in their order.
    ///
    /// # Errors
    /// As [`Blobs::claim`]; some may have been made young then.
    pub fn claim_all(&self, digests: &[BlobDigest]) -> Result<Vec<Option<u64>>, BlobError> {
        match &self.cache {
            None => Ok(self.files.claim(digests)?),
            Some(cache) => cache.objects.claim(digests),
        }
    }

    /// Has the blobs on a disk of this machine, many at once, so that opening each does not wait for it. Those that
    /// are not there are passed over.
    ///
    /// # Errors
    /// [`BlobError`] when one can't be had.
    pub fn fetch_all(&self, digests: &[BlobDigest]) -> Result<(), BlobError> {
        self.cache.as_ref().map_or(Ok(()), |cache| cache.fetch(digests))
    }

    /// Opens the blob.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when it is not there.
    pub fn open_file(&self, digest: &BlobDigest) -> Result<File, BlobError> {
        if let Some(cache) = &self.cache {
            return cache.open_file(digest);
        }
        File::open(self.path(digest))
            .map_err(|err| if is_absent(&err) { BlobError::Absent(*digest) } else { err.into() })
    }

    /// Reads the blob whole.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when it is not there.
    pub fn read(&self, digest: &BlobDigest) -> Result<Vec<u8>, BlobError> {
        let mut file = self.open_file(digest)?;
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Begins to take in a blob.
    ///
    /// # Errors
    /// [`BlobError`] when there is no room.
    pub fn begin(&self, announced: BlobDigest) -> Result<BlobWriter, BlobError> {
        let file = self.files.begin()?;
        Ok(BlobWriter { blobs: self.clone(), announced, file, hasher: Sha256::new() })
    }

    /// Takes in a blob whose bytes are at hand.
    ///
    /// # Errors
    /// As [`BlobWriter::write`] and [`BlobWriter::finish`].
    pub fn put(&self, announced: BlobDigest, bytes: &[u8]) -> Result<(), BlobError> {
        let mut writer = self.begin(announced)?;
        writer.write(bytes)?;
        writer.finish()
    }

    /// Takes in blobs whose bytes are at hand; into an object store several at once.
    ///
    /// # Errors
    /// As [`Blobs::put`], the first of them; some blobs may have been taken in then.
    pub fn put_all(&self, blobs: &[(BlobDigest, &[u8])]) -> Result<(), BlobError> {
        let put_each = |blobs: &[(BlobDigest, &[u8])]| {
            blobs.iter().try_for_each(|(announced, bytes)| self.put(*announced, bytes))
        };
        if self.cache.is_none() || blobs.len() < 2 {
            return put_each(blobs);
        }
        std::thread::scope(|scope| {
            let shares = blobs.chunks(blobs.len().div_ceil(SENT_AT_ONCE));
            let senders: Vec<_> = shares.map(|share| scope.spawn(move || put_each(share))).collect();
            let broken_off = || BlobError::Unavailable { reason: "sending was broken off".to_owned() };
            // All are waited for, whatever the first one says.
            let sent: Vec<_> = senders.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
            sent.into_iter().try_for_each(|sent| sent.unwrap_or_else(|_| Err(broken_off())))
        })
    }

    /// Removes every blob for which `keep` is false and that is older than `age`; yields how many. Where several
    /// gateways have the blobs, what any of them has taken in or claimed lately is young, if `age` is [`SWEEP_AGE`] or
    /// more.
    ///
    /// # Errors
    /// [`BlobError`] when the blobs can't be listed or one can't be removed.
    pub fn sweep(&self, keep: &dyn Fn(&BlobDigest) -> bool, age: Duration) -> Result<u64, BlobError> {
        match &self.cache {
            None => Ok(self.files.sweep(keep, age)?),
            Some(cache) => cache.sweep(keep, age),
        }
    }
}

impl BlobWriter {
    /// Takes in the next bytes.
    ///
    /// # Errors
    /// [`BlobError`] when there is no room.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes)?)
    }

    /// Keeps the blob, for good before this returns.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`] when the bytes are not the announced ones: nothing is kept then.
    pub fn finish(self) -> Result<(), BlobError> {
        let found = BlobDigest::from_bytes(self.hasher.finalize().into());
        if found != self.announced {
            return Err(BlobError::Mismatch { announced: self.announced, found });
        }
        match &self.blobs.cache {
            None => Ok(self.blobs.files.keep(self.file, &found)?),
            Some(cache) => cache.keep(self.file, &found),
        }
    }
}

fn is_absent(err: &io::Error) -> bool {
    err.kind() == io::ErrorKind::NotFound
}

/// What the times at which files and objects were written are held against.
#[expect(
    clippy::disallowed_methods,
    reason = "files get their times from the same clock, and not from the caller"
)]
fn machine_time() -> SystemTime {
    SystemTime::now()
}
