//! A directory that is to be an application: its files, and all that keeps it from being one.
//!
//! Links are followed when they lead to a file inside the directory; the file is then sent under the link's name. A link that
//! leaves the directory, leads nowhere, to a directory, or to a hidden file is a fault. Hidden files and directories are left
//! out unless asked for. What can't be read is a fault, never left out.

mod reading;
mod walk;

use std::path::{Path, PathBuf};

use toolfront_api::ManifestEntry;
use toolfront_app::{
    BlobDigest, EnvName, Fault, FilePath, Manifest, ManifestFault, ManifestLimits, ManifestProblem, Page,
    RawEntry, Severity,
};

/// A file of an application on the disk.
#[derive(Clone, Debug)]
pub struct AppFile {
    /// Where it stands in the application.
    pub path: FilePath,
    /// Where its bytes are: inside the directory, links followed.
    pub source: PathBuf,
    /// How many bytes it has.
    pub size: u64,
    /// Their digest.
    pub digest: BlobDigest,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A directory whose files can be deployed: every page parses, and no two paths clash.
#[derive(Clone, Debug)]
pub struct AppDirectory {
    root: PathBuf,
    files: Vec<AppFile>,
    pages: Vec<(FilePath, Page)>,
    hidden: bool,
    left_out: usize,
}

/// What was found in a directory: an application, or all that is wrong with it.
#[derive(Debug)]
pub struct Inspection {
    directory: AppDirectory,
    faults: Vec<Fault>,
}

/// Why a directory can't be looked through at all.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is no directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// What was given.
        path: PathBuf,
    },
    /// It can't be read.
    #[error("{} can't be read", path.display())]
    Unreadable {
        /// What was given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The faults of a directory that can't be deployed; each names its file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} in the application; nothing was sent", count(.0))]
pub struct DirectoryFaults(pub Vec<Fault>);

impl Inspection {
    /// Looks through a directory, reads every file once, and parses every page. Blocks.
    ///
    /// # Errors
    /// [`DirectoryError`] when there is no directory to read. All that is wrong inside it is in [`Inspection::faults`].
    pub fn of(root: &Path, hidden: bool) -> Result<Self, DirectoryError> {
        let unreadable = |source| DirectoryError::Unreadable { path: root.to_owned(), source };
        let real = root.canonicalize().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => DirectoryError::NotADirectory { path: root.to_owned() },
            _ => unreadable(source),
        })?;
        if !real.is_dir() {
            return Err(DirectoryError::NotADirectory { path: root.to_owned() });
        }
        std::fs::read_dir(&real).map_err(unreadable)?;
        let walked = walk::walk(&real, hidden);
        let mut faults = walked.faults;
        let mut directory = AppDirectory {
            root: real,
            files: Vec::new(),
            pages: Vec::new(),
            hidden,
            left_out: walked.left_out,
        };
        for read in reading::read_all(&walked.files) {
            match read {
                Ok((file, page)) => {
                    directory.pages.extend(page.map(|page| (file.path.clone(), page)));
                    directory.files.push(file);
                }
                Err((file, mut found)) => {
                    faults.append(&mut found);
                    directory.files.extend(file);
                }
            }
        }
        faults.extend(inconsistencies(&directory.files, hidden));
        faults.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        Ok(Self { directory, faults })
    }

    /// What keeps it from being deployed, by file and place.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What was found; pages that do not parse are not among its pages.
    pub fn directory(&self) -> &AppDirectory {
        &self.directory
    }

    /// The directory, when nothing is wrong with it.
    ///
    /// # Errors
    /// All of its faults.
    pub fn deployable(self) -> Result<AppDirectory, DirectoryFaults> {
        if self.faults.is_empty() { Ok(self.directory) } else { Err(DirectoryFaults(self.faults)) }
    }
}

impl AppDirectory {
    /// The files, sorted by path.
    pub fn files(&self) -> &[AppFile] {
        &self.files
    }

    /// The pages that parse, sorted by path.
    pub fn pages(&self) -> &[(FilePath, Page)] {
        &self.pages
    }

    /// The first page: `README.md`, else `index.md`.
    pub fn first_page(&self) -> Option<&(FilePath, Page)> {
        let at = |name: &str| self.pages.iter().find(|(path, _)| path.as_str() == name);
        at("README.md").or_else(|| at("index.md"))
    }

    /// What the authors of the pages should know.
    pub fn warnings(&self) -> impl Iterator<Item = &Fault> {
        self.pages.iter().flat_map(|(_, page)| page.warnings())
    }

    /// Where it is on the disk, links followed.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name that an environment gets from it, when it has a letter or a digit.
    pub fn name(&self) -> Option<EnvName> {
        EnvName::parse(self.root.file_name()?.to_str()?).ok()
    }

    /// Whether hidden files are among its files.
    pub fn with_hidden(&self) -> bool {
        self.hidden
    }

    /// How many hidden files and directories were left out.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// How many bytes the files have together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |total, file| total.saturating_add(file.size))
    }

    /// The files as a release's manifest.
    pub fn manifest(&self) -> Vec<ManifestEntry> {
        let entry = |file: &AppFile| ManifestEntry {
            path: file.path.to_string(),
            checksum: file.digest.to_string(),
            size: file.size,
            mode: Some(mode(file.executable)),
        };
        self.files.iter().map(entry).collect()
    }
}

fn mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

/// What is wrong with the files together. The limits are the gateway's to tell.
fn inconsistencies(files: &[AppFile], hidden: bool) -> Vec<Fault> {
    let limits = ManifestLimits {
        files_max: usize::MAX,
        file_bytes_max: u64::MAX,
        total_bytes_max: u64::MAX,
        allow_hidden: hidden,
    };
    let entry = |file: &AppFile| RawEntry {
        path: file.path.to_string(),
        checksum: file.digest.to_string(),
        size: file.size,
        mode: Some(mode(file.executable)),
    };
    let Err(refusal) = Manifest::parse(files.iter().map(entry).collect(), &limits) else { return Vec::new() };
    refusal.faults().iter().map(|fault| named(fault, files)).collect()
}

/// A fault of a list of files, with paths in the place of indices.
fn named(fault: &ManifestFault, files: &[AppFile]) -> Fault {
    let path = |index: usize| files.get(index).map_or("another file", |file| file.path.as_str());
    let index = fault.field.strip_prefix("files[").and_then(|rest| rest.split(']').next()?.parse().ok());
    let message = match &fault.problem {
        ManifestProblem::Duplicate { other } => format!("the same path as {}", path(*other)),
        ManifestProblem::DuplicateByCase { other } => {
            format!("differs from {} by case only, and some systems can't tell them apart", path(*other))
        }
        ManifestProblem::ThroughFile { other } => format!("leads through {}, which is a file", path(*other)),
        problem => problem.to_string(),
    };
    let file = index.map_or(".", path).to_owned();
    Fault { file, position: None, message, severity: Severity::Error }
}

fn count(faults: &[Fault]) -> String {
    if faults.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", faults.len()) }
}

#[cfg(test)]
mod tests;
