//! The files of one release: immutable, sorted by path, and consistent with itself.

mod intake;
mod stored;

use std::cmp::Ordering;

pub use intake::{ManifestFault, ManifestLimits, ManifestProblem, ManifestRefusal, RawEntry};
pub use stored::CorruptManifest;

use crate::digest::BlobDigest;
use crate::file_path::FilePath;
use crate::file_tree::{FileTree, Kind};

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is.
    pub path: FilePath,
    /// What it holds.
    pub digest: BlobDigest,
    /// How many bytes it has.
    pub size: u64,
    /// Whether it may be executed.
    pub executable: bool,
}

/// The files of one release. No path is there twice, also by case; no path leads through a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Sorted by the bytes of the path.
    entries: Vec<FileEntry>,
    total_bytes: u64,
}

impl Manifest {
    /// Takes a list of files as a release.
    ///
    /// # Errors
    /// Every fault of the list, or that it is over a limit.
    pub fn parse(entries: Vec<RawEntry>, limits: &ManifestLimits) -> Result<Manifest, ManifestRefusal> {
        intake::take(entries, limits).map(Manifest::from_checked)
    }

    /// The file at exactly this path.
    pub fn get(&self, path: &str) -> Option<&FileEntry> {
        let index = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(index)
    }

    /// All files, sorted by path.
    pub fn iter(&self) -> std::slice::Iter<'_, FileEntry> {
        self.entries.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes the files have together.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The same bytes for the same files, for storing: JSON.
    pub fn encode(&self) -> Vec<u8> {
        stored::encode(&self.entries)
    }

    /// The digest of what [`encode`](Manifest::encode) writes: the same for the same files, and for no others.
    pub fn digest(&self) -> BlobDigest {
        BlobDigest::of(&self.encode())
    }

    /// Reads what [`encode`](Manifest::encode) wrote.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, CorruptManifest> {
        stored::decode(bytes).map(Manifest::from_checked)
    }

    fn from_checked(mut entries: Vec<FileEntry>) -> Manifest {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let total_bytes = entries.iter().fold(0_u64, |total, entry| total.saturating_add(entry.size));
        Manifest { entries, total_bytes }
    }

    /// The files below a directory; `""` is the top.
    fn below(&self, directory: &str) -> &[FileEntry] {
        if directory.is_empty() {
            return &self.entries;
        }
        let start =
            self.entries.partition_point(|entry| against_directory(entry, directory) == Ordering::Less);
        let from_start = self.entries.get(start..).unwrap_or_default();
        let count = from_start.partition_point(|entry| rest_below(entry, directory).is_some());
        from_start.get(..count).unwrap_or_default()
    }
}

impl<'m> IntoIterator for &'m Manifest {
    type Item = &'m FileEntry;
    type IntoIter = std::slice::Iter<'m, FileEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FileTree for Manifest {
    fn kind(&self, path: &str) -> Option<Kind> {
        if path.is_empty() {
            Some(Kind::Directory)
        } else if self.get(path).is_some() {
            Some(Kind::File)
        } else {
            let start =
                self.entries.partition_point(|entry| against_directory(entry, path) == Ordering::Less);
            self.entries.get(start).and_then(|entry| rest_below(entry, path)).map(|_| Kind::Directory)
        }
    }

    fn siblings(&self, directory: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for entry in self.below(directory) {
            let rest =
                if directory.is_empty() { Some(entry.path.as_str()) } else { rest_below(entry, directory) };
            let name = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Hidden files are in a manifest only when they were allowed.
    fn shows_hidden(&self) -> bool {
        true
    }
}

/// How an entry's path compares with `{directory}/`, without making that text.
fn against_directory(entry: &FileEntry, directory: &str) -> Ordering {
    let path = entry.path.as_str().as_bytes();
    let directory = directory.as_bytes();
    match path.split_at_checked(directory.len()) {
        Some((head, tail)) => head.cmp(directory).then_with(|| tail.cmp(b"/".as_slice())),
        None => path.cmp(directory),
    }
}

/// What follows `{directory}/` in an entry's path.
fn rest_below<'e>(entry: &'e FileEntry, directory: &str) -> Option<&'e str> {
    entry.path.as_str().strip_prefix(directory)?.strip_prefix('/')
}

#[cfg(test)]
mod tests;
