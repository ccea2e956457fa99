//! Content-addressed files: `blobs/ab/cdef…`, each named by the SHA-256 of its bytes, never changed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use toolfront_app::BlobDigest;

use crate::data_directory;

/// The blobs of a data directory. Everything here blocks; call it off the async threads.
#[derive(Clone, Debug)]
pub struct Blobs {
    directory: PathBuf,
    temporary: PathBuf,
    /// Held while a blob's age is looked at and what is too old removed, and while a blob is put in place or
    /// made young.
    ages: Arc<Mutex<()>>,
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
    #[error("the disk of the data directory is full")]
    DiskFull,
    /// There is no such blob.
    #[error("there is no blob {0}")]
    Absent(BlobDigest),
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
    pub(crate) fn open(data_directory: &Path) -> io::Result<Self> {
        let directory = data_directory.join("blobs");
        let temporary = directory.join("incoming");
        // What an earlier process had not finished is of no use.
        match fs::remove_dir_all(&temporary) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => data_directory::make(&temporary)?,
        }
        Ok(Self { directory, temporary, ages: Arc::default() })
    }

    /// Where the blob's bytes are, if it is there.
    pub fn path(&self, digest: &BlobDigest) -> PathBuf {
        let text = digest.to_string();
        let hex = text.strip_prefix("sha256:").unwrap_or(&text);
        let (shard, rest) = hex.split_at_checked(2).unwrap_or(("", hex));
        self.directory.join(shard).join(rest)
    }

    /// Whether the blob is there.
    pub fn contains(&self, digest: &BlobDigest) -> bool {
        self.path(digest).is_file()
    }

    /// How many bytes the blob has, if it is there; it is then made as young as one that was just taken in, so
    /// that [`Blobs::sweep`] leaves it for a release to come. To be asked when a client is told that it need
    /// not send a blob that no release has.
    ///
    /// # Errors
    /// [`BlobError::Io`] when that can't be found out.
    pub fn claim(&self, digest: &BlobDigest) -> Result<Option<u64>, BlobError> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let _held = self.ages.lock();
        let file = match File::open(self.path(digest)) {
            Ok(file) => file,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err.into()),
        };
        rustix::fs::futimens(&file, &times).map_err(io::Error::from)?;
        Ok(Some(file.metadata()?.len()))
    }

    /// Opens the blob.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when it is not there.
    pub fn open_file(&self, digest: &BlobDigest) -> Result<File, BlobError> {
        File::open(self.path(digest)).map_err(|err| match err.kind() {
            io::ErrorKind::NotFound => BlobError::Absent(*digest),
            _ => err.into(),
        })
    }

    /// Reads the blob whole.
    ///
    /// # Errors
    /// [`BlobError::Absent`] when it is not there.
    pub fn read(&self, digest: &BlobDigest) -> Result<Vec<u8>, BlobError> {
        fs::read(self.path(digest)).map_err(|err| match err.kind() {
            io::ErrorKind::NotFound => BlobError::Absent(*digest),
            _ => err.into(),
        })
    }

    /// Begins to take in a blob.
    ///
    /// # Errors
    /// [`BlobError`] when there is no room.
    pub fn begin(&self, announced: BlobDigest) -> Result<BlobWriter, BlobError> {
        let file = NamedTempFile::new_in(&self.temporary)?;
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

    /// Removes every blob for which `keep` is false and that is older than `age`; yields how many.
    ///
    /// # Errors
    /// [`BlobError::Io`] when a directory can't be read or a blob can't be removed.
    pub fn sweep(
        &self,
        keep: &dyn Fn(&BlobDigest) -> bool,
        age: std::time::Duration,
    ) -> Result<u64, BlobError> {
        let mut removed = 0;
        for shard in fs::read_dir(&self.directory)? {
            let shard = shard?;
            let name = shard.file_name();
            if name == "incoming" || !shard.file_type()?.is_dir() {
                continue;
            }
            for blob in fs::read_dir(shard.path())? {
                let blob = blob?;
                let text = format!("sha256:{}{}", name.display(), blob.file_name().display());
                if BlobDigest::parse(&text).is_ok_and(|digest| !keep(&digest)) {
                    removed += u64::from(self.remove_if_older(&blob.path(), age)?);
                }
            }
        }
        Ok(removed)
    }

    fn remove_if_older(&self, path: &Path, age: std::time::Duration) -> io::Result<bool> {
        let _held = self.ages.lock();
        let removed = fs::metadata(path).and_then(|metadata| {
            let old = metadata.modified()?.elapsed().is_ok_and(|elapsed| elapsed >= age);
            if old { fs::remove_file(path).map(|()| true) } else { Ok(false) }
        });
        match removed {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed,
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

    /// Keeps the blob, on the disk before this returns.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`] when the bytes are not the announced ones: nothing is kept then.
    pub fn finish(self) -> Result<(), BlobError> {
        let found = BlobDigest::from_bytes(self.hasher.finalize().into());
        if found != self.announced {
            return Err(BlobError::Mismatch { announced: self.announced, found });
        }
        let path = self.blobs.path(&found);
        let shard = path.parent().unwrap_or(&self.blobs.directory);
        self.file.as_file().sync_all()?;
        {
            let _held = self.blobs.ages.lock();
            // Under the lock, so that nobody builds on a directory whose own name is not on the disk yet.
            data_directory::make(shard)?;
            self.file.persist(&path).map_err(|err| BlobError::from(err.error))?;
        }
        Ok(data_directory::sync(shard)?)
    }
}
