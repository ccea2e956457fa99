//! From a list of files as it was sent to one that is consistent; every fault is told.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use thiserror::Error;

use super::FileEntry;
use crate::digest::{BlobDigest, DigestFault};
use crate::file_path::{FilePath, PathFault};

/// The bits of a mode that say what kind of file it is, and the value for a regular one (POSIX `S_IFMT`, `S_IFREG`).
const KIND_BITS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const EXECUTE_BITS: u32 = 0o111;

/// A file as a client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// Its path.
    pub path: String,
    /// Its digest as text.
    pub checksum: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its POSIX mode; of the permissions only the executable bits count.
    pub mode: Option<u32>,
}

/// What a release may hold at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestLimits {
    /// How many files.
    pub files_max: usize,
    /// How many bytes in one file.
    pub file_bytes_max: u64,
    /// How many bytes in all files.
    pub total_bytes_max: u64,
    /// Whether paths with a segment that starts with a dot are taken.
    pub allow_hidden: bool,
}

impl Default for ManifestLimits {
    fn default() -> Self {
        ManifestLimits {
            files_max: 10_000,
            file_bytes_max: 64 * 1024 * 1024,
            total_bytes_max: 512 * 1024 * 1024,
            allow_hidden: false,
        }
    }
}

/// Why a list of files is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestRefusal {
    /// It is over a limit (413).
    #[error("the files are over a limit{}", first_of(.0))]
    TooLarge(Vec<ManifestFault>),
    /// Something is wrong with it (422). Every fault is told.
    #[error("the list of files is not valid{}", first_of(.0))]
    Invalid(Vec<ManifestFault>),
}

impl ManifestRefusal {
    /// All faults, in the order of the list.
    pub fn faults(&self) -> &[ManifestFault] {
        match self {
            ManifestRefusal::TooLarge(faults) | ManifestRefusal::Invalid(faults) => faults,
        }
    }
}

/// One fault of a list of files.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {problem}")]
pub struct ManifestFault {
    /// Where, such as `files[3].path`.
    pub field: String,
    /// What.
    pub problem: ManifestProblem,
}

/// What can be wrong with a list of files.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestProblem {
    /// The path is no path.
    #[error(transparent)]
    Path(PathFault),
    /// A segment starts with a dot.
    #[error("hidden files are not deployed unless that was asked for")]
    Hidden,
    /// Two paths are the same.
    #[error("the same path as files[{other}]")]
    Duplicate {
        /// The index of the one before.
        other: usize,
    },
    /// Two paths differ by case only.
    #[error("differs from the path of files[{other}] by case only")]
    DuplicateByCase {
        /// The index of the one before.
        other: usize,
    },
    /// The path leads through another file.
    #[error("leads through files[{other}], which is a file and not a directory")]
    ThroughFile {
        /// The index of the file.
        other: usize,
    },
    /// The checksum is no digest.
    #[error(transparent)]
    Checksum(DigestFault),
    /// The same checksum was given with another size.
    #[error("the size differs from that of files[{other}], which has the same checksum")]
    ConflictingSize {
        /// The index of the one before.
        other: usize,
    },
    /// The mode is that of a link, a device or a directory.
    #[error("the mode {mode:o} is not that of a regular file")]
    NotRegular {
        /// The mode that was given.
        mode: u32,
    },
    /// There is no page at the top.
    #[error("there is no README.md and no index.md at the top")]
    NoIndex,
    /// There are too many files.
    #[error("{count} files are too many; at most {max} are taken")]
    TooManyFiles {
        /// How many there are.
        count: usize,
        /// How many are taken.
        max: usize,
    },
    /// A file is too big.
    #[error("{size} bytes are too many for one file; at most {max} are taken")]
    FileTooBig {
        /// How many bytes it has.
        size: u64,
        /// How many are taken.
        max: u64,
    },
    /// The files are too big together.
    #[error("{size} bytes are too many for all files; at most {max} are taken")]
    TotalTooBig {
        /// How many bytes they have.
        size: u64,
        /// How many are taken.
        max: u64,
    },
}

/// The list, consistent, in no particular order.
pub(super) fn take(raw: Vec<RawEntry>, limits: &ManifestLimits) -> Result<Vec<FileEntry>, ManifestRefusal> {
    let over = over_limits(&raw, limits);
    if !over.is_empty() {
        return Err(ManifestRefusal::TooLarge(over));
    }
    let mut faults: Vec<(usize, ManifestFault)> = Vec::new();
    let mut entries: Vec<(usize, FileEntry)> = Vec::new();
    let mut sizes: HashMap<BlobDigest, (usize, u64)> = HashMap::new();
    for (index, entry) in raw.into_iter().enumerate() {
        let mut fault = |field: &str, problem| faults.push((index, at_entry(index, field, problem)));
        let path =
            FilePath::parse(&entry.path).map_err(|found| fault("path", ManifestProblem::Path(found))).ok();
        if path.as_ref().is_some_and(|path| path.is_hidden() && !limits.allow_hidden) {
            fault("path", ManifestProblem::Hidden);
        }
        let digest = BlobDigest::parse(&entry.checksum)
            .map_err(|found| fault("checksum", ManifestProblem::Checksum(found)))
            .ok();
        if let Some(other) = digest.and_then(|digest| conflicting_size(&mut sizes, digest, index, entry.size))
        {
            fault("size", ManifestProblem::ConflictingSize { other });
        }
        let mode = entry.mode.unwrap_or(REGULAR);
        if mode & KIND_BITS != 0 && mode & KIND_BITS != REGULAR || mode > KIND_BITS | 0o7777 {
            fault("mode", ManifestProblem::NotRegular { mode });
        }
        // A path that is well-formed is compared with the others even when something else is wrong with its entry.
        if let Some(path) = path {
            let digest = digest.unwrap_or(BlobDigest::from_bytes([0; 32]));
            entries.push((
                index,
                FileEntry { path, digest, size: entry.size, executable: mode & EXECUTE_BITS != 0 },
            ));
        }
    }
    let paths: Vec<(usize, &str)> =
        entries.iter().map(|(index, entry)| (*index, entry.path.as_str())).collect();
    faults.extend(clashes(&paths).map(|(index, problem)| (index, at_entry(index, "path", problem))));
    if !paths.iter().any(|(_, path)| matches!(*path, "README.md" | "index.md")) {
        faults.push((
            usize::MAX,
            ManifestFault { field: "files".to_owned(), problem: ManifestProblem::NoIndex },
        ));
    }
    if faults.is_empty() {
        return Ok(entries.into_iter().map(|(_, entry)| entry).collect());
    }
    faults.sort_by_key(|(index, _)| *index);
    Err(ManifestRefusal::Invalid(faults.into_iter().map(|(_, fault)| fault).collect()))
}

/// The paths that clash with another: the same, the same by case, or through a file. Each with its index in the list.
pub(super) fn clashes(paths: &[(usize, &str)]) -> impl Iterator<Item = (usize, ManifestProblem)> {
    // No path has a NUL. In the place of `/` it sorts by segments: a file comes right before all that leads through it.
    let mut folded: Vec<(String, usize, &str)> =
        paths.iter().map(|(index, path)| (path.to_lowercase().replace('/', "\0"), *index, *path)).collect();
    folded.sort_unstable();
    let mut file: Option<(String, usize, &str)> = None;
    let mut found = Vec::new();
    for (segments, index, path) in folded {
        let above = file.as_ref().and_then(|(above, other, other_path)| {
            let below = segments.strip_prefix(above.as_str())?;
            (below.is_empty() || below.starts_with('\0')).then_some((below.is_empty(), *other, *other_path))
        });
        match above {
            Some((false, other, _)) => found.push((index, ManifestProblem::ThroughFile { other })),
            Some((true, other, same)) if path == same => {
                found.push((index, ManifestProblem::Duplicate { other }));
            }
            Some((true, other, _)) => found.push((index, ManifestProblem::DuplicateByCase { other })),
            None => file = Some((segments, index, path)),
        }
    }
    found.into_iter()
}

fn over_limits(raw: &[RawEntry], limits: &ManifestLimits) -> Vec<ManifestFault> {
    if raw.len() > limits.files_max {
        let problem = ManifestProblem::TooManyFiles { count: raw.len(), max: limits.files_max };
        return vec![ManifestFault { field: "files".to_owned(), problem }];
    }
    let max = limits.file_bytes_max;
    let mut over: Vec<ManifestFault> = raw
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.size > max)
        .map(|(index, entry)| at_entry(index, "size", ManifestProblem::FileTooBig { size: entry.size, max }))
        .collect();
    let size = raw.iter().fold(0_u64, |total, entry| total.saturating_add(entry.size));
    if size > limits.total_bytes_max {
        let problem = ManifestProblem::TotalTooBig { size, max: limits.total_bytes_max };
        over.push(ManifestFault { field: "files".to_owned(), problem });
    }
    over
}

fn conflicting_size(
    sizes: &mut HashMap<BlobDigest, (usize, u64)>,
    digest: BlobDigest,
    index: usize,
    size: u64,
) -> Option<usize> {
    match sizes.entry(digest) {
        Entry::Vacant(vacant) => {
            vacant.insert((index, size));
            None
        }
        Entry::Occupied(known) => {
            let (other, known_size) = *known.get();
            (known_size != size).then_some(other)
        }
    }
}

fn at_entry(index: usize, field: &str, problem: ManifestProblem) -> ManifestFault {
    ManifestFault { field: format!("files[{index}].{field}"), problem }
}

fn first_of(faults: &[ManifestFault]) -> String {
    match faults {
        [] => String::new(),
        [only] => format!(": {only}"),
        [first, rest @ ..] => format!(": {first} (and {} more)", rest.len()),
    }
}
