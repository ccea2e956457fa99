//! The stored form of a manifest: JSON with a version, the same bytes for the same files.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::FileEntry;
use super::intake::{ManifestProblem, clashes};
use crate::digest::BlobDigest;
use crate::file_path::FilePath;

const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    files: Vec<StoredFile>,
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFile {
    digest: BlobDigest,
    executable: bool,
    path: FilePath,
    size: u64,
}

/// Why stored bytes are not a manifest.
#[derive(Debug, Error)]
pub enum CorruptManifest {
    /// They are not JSON of the right shape.
    #[error("the stored manifest cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// They were written by another version of this program.
    #[error("the stored manifest has version {0}, and this program knows version {VERSION}")]
    Version(u32),
    /// A path clashes with another.
    #[error("the stored manifest contradicts itself at `{path}`: {problem}")]
    Clash {
        /// The path.
        path: String,
        /// How.
        problem: ManifestProblem,
    },
}

/// Written key by key, so that the bytes do not depend on the order that a map has.
pub(super) fn encode(entries: &[FileEntry]) -> Vec<u8> {
    let mut text = String::from(r#"{"files":["#);
    for (place, FileEntry { path, digest, size, executable }) in entries.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let path = Value::from(path.as_str());
        // Writing to a text does not fail.
        let _ = write!(
            text,
            r#"{comma}{{"digest":"{digest}","executable":{executable},"path":{path},"size":{size}}}"#
        );
    }
    let _ = write!(text, r#"],"version":{VERSION}}}"#);
    text.into_bytes()
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<FileEntry>, CorruptManifest> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(CorruptManifest::Unreadable)?;
    if stored.version != VERSION {
        return Err(CorruptManifest::Version(stored.version));
    }
    let entries: Vec<FileEntry> = stored
        .files
        .into_iter()
        .map(|StoredFile { digest, executable, path, size }| FileEntry { path, digest, size, executable })
        .collect();
    let paths: Vec<(usize, &str)> =
        entries.iter().enumerate().map(|(index, entry)| (index, entry.path.as_str())).collect();
    if let Some((index, problem)) = clashes(&paths).next() {
        let path = entries.get(index).map_or_else(String::new, |entry| entry.path.to_string());
        return Err(CorruptManifest::Clash { path, problem });
    }
    Ok(entries)
}
