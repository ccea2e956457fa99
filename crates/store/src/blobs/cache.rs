//! Files in front of an object store. They can be lost at any time, and what a crash or a hand has spoilt is noticed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use toolfront_app::BlobDigest;

use super::files::Files;
use super::objects::Objects;
use super::{BlobError, is_absent};
use crate::s3_place::S3Place;

#[derive(Debug)]
pub(super) struct Cache {
    pub(super) objects: Objects,
    files: Files,
    /// The files whose bytes were found to be the right ones, as they were then.
    sound: Mutex<HashMap<BlobDigest, Stamp>>,
}

/// What changes when a file is written to: its inode, its size, and when it was last changed in any way.
type Stamp = (u64, u64, i64, i64);

impl Cache {
    pub(super) fn open(place: &S3Place, files: Files) -> Result<Self, BlobError> {
        Ok(Self { objects: Objects::open(place)?, files, sound: Mutex::default() })
    }

    /// The blob's file, with the right bytes in it.
    pub(super) fn open_file(&self, digest: &BlobDigest) -> Result<File, BlobError> {
        if let Some(file) = self.sound_file(digest)? {
            return Ok(file);
        }
        self.objects.fetch(vec![*digest], &self.files)?;
        self.sound_file(digest)?.ok_or(BlobError::Absent(*digest))
    }

    /// Has the files of all of them that are in the object store.
    pub(super) fn fetch(&self, digests: &[BlobDigest]) -> Result<(), BlobError> {
        let mut missing = Vec::new();
        for digest in digests {
            if self.sound_file(digest)?.is_none() {
                missing.push(*digest);
            }
        }
        self.objects.fetch(missing, &self.files)
    }

    /// Sends what is in the file, and keeps it.
    pub(super) fn keep(&self, mut file: NamedTempFile, digest: &BlobDigest) -> Result<(), BlobError> {
        self.objects.put(digest, file.as_file_mut())?;
        // The blob is where it has to be: without its copy it is fetched again.
        let _ = self.files.keep_copy(file, digest);
        Ok(())
    }

    pub(super) fn sweep(&self, keep: &dyn Fn(&BlobDigest) -> bool, age: Duration) -> Result<u64, BlobError> {
        self.files.sweep(keep, age)?;
        self.sound.lock().retain(|digest, _| keep(digest));
        self.objects.sweep(keep, age)
    }

    /// The file, unless it is not there, or has other bytes: then it is removed.
    fn sound_file(&self, digest: &BlobDigest) -> io::Result<Option<File>> {
        let path = self.files.path(digest);
        let mut file = match File::open(&path) {
            Err(err) if is_absent(&err) => return Ok(None),
            file => file?,
        };
        let stamp = stamp(&file)?;
        if self.sound.lock().get(digest) == Some(&stamp) {
            return Ok(Some(file));
        }
        let mut hasher = Sha256::new();
        io::copy(&mut file, &mut Hashing(&mut hasher))?;
        if BlobDigest::from_bytes(hasher.finalize().into()) != *digest {
            return match fs::remove_file(&path) {
                Err(err) if !is_absent(&err) => Err(err),
                _ => Ok(None),
            };
        }
        self.sound.lock().insert(*digest, stamp);
        file.rewind()?;
        Ok(Some(file))
    }
}

fn stamp(file: &File) -> io::Result<Stamp> {
    let metadata = file.metadata()?;
    Ok((metadata.ino(), metadata.size(), metadata.ctime(), metadata.ctime_nsec()))
}

/// Hashes what is written to it.
struct Hashing<'h>(&'h mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
