//! A directory that is served as it is now, for development.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toolfront_app::{BlobDigest, Fault, FilePath, FileTree, Kind, Page};

use super::content::{Content, IN_MEMORY_MAX, SmallFile};

/// The root is canonical: what a link leads out of it is not there.
#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    hidden: bool,
}

impl Directory {
    pub(crate) fn open(path: &Path, hidden: bool) -> io::Result<Self> {
        let root = path.canonicalize()?;
        fs::read_dir(&root)?;
        Ok(Self { root, hidden })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn find(&self, path: &str) -> Option<PathBuf> {
        let found = self.root.join(path).canonicalize().ok()?;
        found.starts_with(&self.root).then_some(found)
    }

    /// The file's bytes as they are now. Blocks.
    pub(crate) fn content(&self, file: &FilePath) -> io::Result<Content> {
        let path = self.find(file.as_str()).ok_or(io::ErrorKind::NotFound)?;
        let size = path.metadata()?.len();
        if size <= IN_MEMORY_MAX {
            let bytes = fs::read(&path)?;
            let digest = BlobDigest::of(&bytes);
            return Ok(Content::Memory(SmallFile::new(bytes, digest).into()));
        }
        // A digest of all its bytes at every request would be slow: what tells versions apart is enough here.
        let modified = path.metadata()?.modified()?;
        let digest = BlobDigest::of(format!("{}:{size}:{modified:?}", path.display()).as_bytes());
        Ok(Content::Disk { path, size, digest })
    }

    /// The faults of all pages, as they are now. Blocks.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.visit("", &mut faults);
        faults
    }

    fn visit(&self, directory: &str, faults: &mut Vec<Fault>) {
        let mut names = self.siblings(directory);
        names.sort_unstable();
        for name in names {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            let Ok(file) = FilePath::parse(&path) else { continue };
            if file.is_hidden() && !self.hidden {
                continue;
            }
            match self.kind(&path) {
                Some(Kind::Directory) if !self.is_link(&path) => self.visit(&path, faults),
                Some(Kind::File) if file.is_markdown() => {
                    let bytes = fs::read(self.root.join(&path)).unwrap_or_default();
                    let page = Page::parse(&file, &String::from_utf8_lossy(&bytes));
                    faults.extend(page.err().into_iter().flatten());
                }
                _ => {}
            }
        }
    }

    /// Links to directories are not followed in search of pages: they could lead round in a circle.
    fn is_link(&self, path: &str) -> bool {
        self.root.join(path).symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
    }
}

impl FileTree for Directory {
    fn kind(&self, path: &str) -> Option<Kind> {
        let metadata = self.find(path)?.metadata().ok()?;
        if metadata.is_dir() { Some(Kind::Directory) } else { metadata.is_file().then_some(Kind::File) }
    }

    fn siblings(&self, directory: &str) -> Vec<String> {
        let entries = self.find(directory).and_then(|path| fs::read_dir(path).ok());
        let names =
            entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.collect()
    }

    fn shows_hidden(&self) -> bool {
        self.hidden
    }
}
