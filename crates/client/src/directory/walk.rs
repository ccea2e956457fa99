//! Which files a directory has, links followed and hidden ones left out.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use toolfront_app::{Fault, FilePath, Severity};

/// A regular file that was found.
pub(super) struct FoundFile {
    pub(super) path: FilePath,
    pub(super) source: PathBuf,
}

/// What a walk found.
pub(super) struct Walked {
    /// In the order of their paths.
    pub(super) files: Vec<FoundFile>,
    pub(super) faults: Vec<Fault>,
    /// How many hidden files and directories were left out.
    pub(super) left_out: usize,
}

/// Looks through `root`, which is a real path.
pub(super) fn walk(root: &Path, hidden: bool) -> Walked {
    let mut walk =
        Walk { root, hidden, walked: Walked { files: Vec::new(), faults: Vec::new(), left_out: 0 } };
    walk.directory(root, "");
    let mut walked = walk.walked;
    walked.files.sort_by(|a, b| a.path.cmp(&b.path));
    walked
}

struct Walk<'r> {
    root: &'r Path,
    hidden: bool,
    walked: Walked,
}

impl Walk<'_> {
    /// Looks through one directory, whose path in the application is `relative`.
    fn directory(&mut self, directory: &Path, relative: &str) {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => return self.fault(relative, format!("can't be read: {error}")),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, relative),
                Err(error) => self.fault(relative, format!("can't be read to its end: {error}")),
            }
        }
    }

    fn entry(&mut self, entry: &DirEntry, directory: &str) {
        let name = entry.file_name();
        if !self.hidden && name.as_encoded_bytes().starts_with(b".") {
            self.walked.left_out += 1;
            return;
        }
        let relative = join(directory, &name.to_string_lossy());
        if name.to_str().is_none() {
            return self.fault(&relative, "the name is not UTF-8, so that no URL can have it".to_owned());
        }
        let path = match FilePath::parse(&relative) {
            Ok(path) => path,
            Err(fault) => return self.fault(&relative, fault.to_string()),
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => self.directory(&entry.path(), &relative),
            Ok(kind) if kind.is_symlink() => self.link(&entry.path(), path),
            Ok(kind) if kind.is_file() => self.file(path, entry.path()),
            Ok(_) => self.fault(&relative, "is neither a file nor a directory".to_owned()),
            Err(error) => self.fault(&relative, format!("can't be read: {error}")),
        }
    }

    /// A link counts as the file that it leads to, when that is one of this application.
    fn link(&mut self, link: &Path, path: FilePath) {
        match self.target(link) {
            Ok(target) => self.file(path, target),
            Err(message) => self.fault(path.as_str(), message),
        }
    }

    fn target(&self, link: &Path) -> Result<PathBuf, String> {
        let written = std::fs::read_link(link).map_or_else(|_| String::new(), |to| to.display().to_string());
        let target = link.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("is a link to {written}, where nothing is"),
            _ => format!("is a link to {written}, which can't be followed: {error}"),
        })?;
        let Ok(inside) = target.strip_prefix(self.root) else {
            return Err(format!("is a link that leaves the application's directory, to {written}"));
        };
        let is_hidden = inside.iter().any(|segment| segment.as_encoded_bytes().starts_with(b"."));
        if is_hidden && !self.hidden {
            return Err(format!(
                "is a link to a hidden file, {written}: hidden files are only sent with --hidden"
            ));
        }
        let metadata = target.metadata().map_err(|error| format!("can't be read: {error}"))?;
        if metadata.is_file() {
            Ok(target)
        } else {
            Err(format!("is a link to {written}, which is not a file: only links to files are followed"))
        }
    }

    fn file(&mut self, path: FilePath, source: PathBuf) {
        self.walked.files.push(FoundFile { path, source });
    }

    fn fault(&mut self, relative: &str, message: String) {
        let file = if relative.is_empty() { "." } else { relative }.to_owned();
        self.walked.faults.push(Fault { file, position: None, message, severity: Severity::Error });
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
