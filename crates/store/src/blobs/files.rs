//! A directory of content-addressed files: `ab/cdef…`, each named by the SHA-256 of its bytes, never changed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;
use toolfront_app::BlobDigest;

use super::exclusion::{Exclusion, make_young};
use super::incoming::{INCOMING, Incoming};
use super::is_absent;
use crate::data_directory;

/// How many blobs are claimed before others may have their turn.
const CLAIMS_AT_ONCE: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Files {
    directory: PathBuf,
    incoming: Incoming,
    /// Held while a blob's age is looked at and what is too old removed, and while a blob is put in place or
    /// made young.
    exclusion: Arc<Exclusion>,
}

impl Files {
    /// A directory that this process has alone.
    pub(super) fn own(directory: &Path) -> io::Result<Self> {
        let incoming = Incoming::emptied(directory)?;
        let exclusion = Arc::new(Exclusion::of_this_process());
        Ok(Self { directory: directory.to_owned(), incoming, exclusion })
    }

    /// A directory that other processes have too. It has to be there: one that is not mounted must not be made in
    /// its place.
    pub(super) fn shared(directory: &Path) -> io::Result<Self> {
        if !fs::metadata(directory)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let exclusion = Arc::new(Exclusion::among_processes(directory)?);
        let incoming = Incoming::beside_others(directory)?;
        Ok(Self { directory: directory.to_owned(), incoming, exclusion })
    }

    pub(super) fn path(&self, digest: &BlobDigest) -> PathBuf {
        let text = digest.to_string();
        let (shard, rest) = shard_and_rest(&text);
        self.directory.join(shard).join(rest)
    }

    pub(super) fn has(&self, digest: &BlobDigest) -> io::Result<bool> {
        match fs::metadata(self.path(digest)) {
            Err(err) if is_absent(&err) => Ok(false),
            found => Ok(found?.is_file()),
        }
    }

    /// How many bytes each has that is there, which is made young.
    pub(super) fn claim(&self, digests: &[BlobDigest]) -> io::Result<Vec<Option<u64>>> {
        let mut sizes = Vec::with_capacity(digests.len());
        for some in digests.chunks(CLAIMS_AT_ONCE) {
            let _held = self.exclusion.beside_claims()?;
            for digest in some {
                sizes.push(self.claim_one(digest)?);
            }
        }
        Ok(sizes)
    }

    fn claim_one(&self, digest: &BlobDigest) -> io::Result<Option<u64>> {
        let file = match File::open(self.path(digest)) {
            Err(err) if is_absent(&err) => return Ok(None),
            file => file?,
        };
        make_young(&file)?;
        Ok(Some(file.metadata()?.len()))
    }

    /// A file to write a blob to.
    pub(super) fn begin(&self) -> io::Result<NamedTempFile> {
        self.incoming.file()
    }

    /// Puts a file that is whole in its place, on the disk before this returns.
    pub(super) fn keep(&self, file: NamedTempFile, digest: &BlobDigest) -> io::Result<()> {
        file.as_file().sync_all()?;
        data_directory::sync(&self.put_in_place(file, digest)?)
    }

    /// Puts a file that is whole in its place, which may be lost with the power: it is a copy.
    pub(super) fn keep_copy(&self, file: NamedTempFile, digest: &BlobDigest) -> io::Result<()> {
        self.put_in_place(file, digest).map(|_| ())
    }

    /// Puts a file that is whole in its place; yields the directory that it is in.
    fn put_in_place(&self, file: NamedTempFile, digest: &BlobDigest) -> io::Result<PathBuf> {
        let path = self.path(digest);
        let shard = path.parent().unwrap_or(&self.directory);
        let _held = self.exclusion.alone()?;
        // Under the lock, so that nobody builds on a directory whose own name is not on the disk yet.
        data_directory::make(shard)?;
        file.persist(&path).map_err(|err| err.error)?;
        Ok(shard.to_owned())
    }

    pub(super) fn sweep(&self, keep: &dyn Fn(&BlobDigest) -> bool, age: Duration) -> io::Result<u64> {
        let now = self.exclusion.now()?;
        self.incoming.remove_abandoned(now)?;
        let Some(before) = now.checked_sub(age) else { return Ok(0) };
        let mut removed = 0;
        for shard in fs::read_dir(&self.directory)? {
            let shard = shard?;
            let name = shard.file_name();
            if name == INCOMING || !shard.file_type()?.is_dir() {
                continue;
            }
            for blob in fs::read_dir(shard.path())? {
                let blob = blob?;
                let text = format!("sha256:{}{}", name.display(), blob.file_name().display());
                if BlobDigest::parse(&text).is_ok_and(|digest| !keep(&digest)) {
                    removed += u64::from(self.remove_if_older(&blob.path(), before)?);
                }
            }
        }
        Ok(removed)
    }

    fn remove_if_older(&self, path: &Path, before: SystemTime) -> io::Result<bool> {
        // Without the lock first: most are young.
        if !is_older(path, before)? {
            return Ok(false);
        }
        let _held = self.exclusion.alone()?;
        if !is_older(path, before)? {
            return Ok(false);
        }
        match fs::remove_file(path) {
            Err(err) if is_absent(&err) => Ok(false),
            removed => removed.map(|()| true),
        }
    }
}

/// Whether the file was last written, or claimed, before that time or at it; not when it is not there.
fn is_older(path: &Path, before: SystemTime) -> io::Result<bool> {
    match fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Err(err) if is_absent(&err) => Ok(false),
        modified => Ok(modified? <= before),
    }
}

/// What a digest's text is parted into.
pub(super) fn shard_and_rest(text: &str) -> (&str, &str) {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.split_at_checked(2).unwrap_or(("", hex))
}
