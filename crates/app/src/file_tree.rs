//! Which file a path means.

use thiserror::Error;

use crate::file_path::FilePath;
use crate::nearness::nearest;
use crate::request_path::RequestPath;

/// How many near misses are told.
const NEAR_MAX: usize = 5;
/// How many names of a directory are compared for near misses.
const COMPARED_MAX: usize = 1000;
/// What stands for a directory, in this order.
const INDEX_FILES: [&str; 2] = ["README.md", "index.md"];

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// The files of an application: a release's manifest, or a directory on disk. Paths are relative, with `/`, and `""` is the top.
pub trait FileTree {
    /// What is at `path`, if anything.
    fn kind(&self, path: &str) -> Option<Kind>;

    /// The names of what is in the directory `directory`: for near misses, so it need not be complete.
    fn siblings(&self, directory: &str) -> Vec<String>;

    /// Whether files with a segment that starts with a dot may be seen.
    fn shows_hidden(&self) -> bool {
        false
    }
}

/// Finds the file that a path means: the file itself; the path with `.md`; in a directory `README.md`, then `index.md`.
///
/// # Errors
/// When there is none, with the paths that come near.
pub fn resolve<T: FileTree + ?Sized>(tree: &T, path: &RequestPath) -> Result<FilePath, NotThere> {
    if path.is_hidden() && !tree.shows_hidden() {
        return Err(NotThere { near: Vec::new() });
    }
    let found = match (path.is_root(), tree.kind(path.as_str())) {
        (false, Some(Kind::File)) => file_at(tree, path.as_str()),
        (false, Some(Kind::Directory)) => file_at(tree, &format!("{path}.md", path = path.as_str()))
            .or_else(|| index_of(tree, path.as_str())),
        (false, None) => file_at(tree, &format!("{path}.md", path = path.as_str())),
        (true, _) => index_of(tree, ""),
    };
    found.ok_or_else(|| NotThere { near: near_misses(tree, path) })
}

/// No file is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no such page or file{}", did_you_mean(.near))]
pub struct NotThere {
    /// Paths that come near, the nearest first, at most five.
    pub near: Vec<String>,
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; near it are: {}", near.join(", ")) }
}

fn file_at<T: FileTree + ?Sized>(tree: &T, path: &str) -> Option<FilePath> {
    FilePath::parse(path).ok().filter(|path| tree.kind(path.as_str()) == Some(Kind::File))
}

fn index_of<T: FileTree + ?Sized>(tree: &T, directory: &str) -> Option<FilePath> {
    INDEX_FILES.iter().find_map(|name| file_at(tree, &join(directory, name)))
}

fn near_misses<T: FileTree + ?Sized>(tree: &T, path: &RequestPath) -> Vec<String> {
    let Some((directory, missing)) = first_missing(tree, path.as_str()) else {
        return Vec::new();
    };
    let mut names = tree.siblings(directory);
    names.retain(|name| tree.shows_hidden() || !name.starts_with('.'));
    names.truncate(COMPARED_MAX);
    names.sort_unstable();
    names.dedup();
    nearest(missing, names.iter().map(String::as_str), NEAR_MAX)
        .into_iter()
        .map(|name| join(directory, name))
        .collect()
}

/// The deepest directory on the way that exists, and the name that is not in it.
fn first_missing<'p, T: FileTree + ?Sized>(tree: &T, path: &'p str) -> Option<(&'p str, &'p str)> {
    let mut directory = "";
    loop {
        let rest = path.get(directory.len()..)?.trim_start_matches('/');
        if rest.is_empty() {
            return None;
        }
        let name = rest.split('/').next()?;
        let end = path.len() - rest.len() + name.len();
        let next = path.get(..end)?;
        if tree.kind(next) != Some(Kind::Directory) {
            return Some((directory, name));
        }
        directory = next;
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Listed(&'static [&'static str]);

    impl FileTree for Listed {
        fn kind(&self, path: &str) -> Option<Kind> {
            if self.0.contains(&path) {
                return Some(Kind::File);
            }
            let within = |file: &&str| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
            (path.is_empty() || self.0.iter().any(within)).then_some(Kind::Directory)
        }

        fn siblings(&self, directory: &str) -> Vec<String> {
            let below = |file: &&str| {
                let rest = if directory.is_empty() {
                    file
                } else {
                    file.strip_prefix(directory)?.strip_prefix('/')?
                };
                rest.split('/').next().map(str::to_owned)
            };
            self.0.iter().filter_map(below).collect()
        }
    }

    const TREE: Listed = Listed(&[
        "README.md",
        "index.md",
        "orders.md",
        "orders/README.md",
        "docs/index.md",
        "docs/guide.md",
        "data/a.csv",
        ".env",
    ]);

    fn resolved(raw: &str) -> Result<String, Vec<String>> {
        resolve(&TREE, &RequestPath::parse(raw).unwrap()).map(String::from).map_err(|fault| fault.near)
    }

    #[test]
    fn a_path_means_the_file_then_the_page_then_the_index_of_the_directory() {
        assert_eq!(resolved("/data/a.csv"), Ok("data/a.csv".to_owned()));
        assert_eq!(resolved("/orders"), Ok("orders.md".to_owned()));
        assert_eq!(resolved("/docs/"), Ok("docs/index.md".to_owned()));
        assert_eq!(resolved("/docs/guide"), Ok("docs/guide.md".to_owned()));
        assert_eq!(resolved("/"), Ok("README.md".to_owned()));
    }

    #[test]
    fn a_directory_without_an_index_is_not_there() {
        assert_eq!(resolved("/data"), Err(Vec::new()));
    }

    #[test]
    fn near_misses_are_told() {
        assert_eq!(resolved("/ordrs"), Err(vec!["orders".to_owned(), "orders.md".to_owned()]));
        assert_eq!(resolved("/dcos/guide"), Err(vec!["docs".to_owned()]));
        assert_eq!(resolved("/docs/giude"), Err(vec!["docs/guide.md".to_owned()]));
    }

    #[test]
    fn hidden_files_are_not_there() {
        assert_eq!(resolved("/.env"), Err(Vec::new()));
        assert_eq!(resolved("/.enx"), Err(Vec::new()));
    }

    #[test]
    fn a_name_too_long_for_its_suffix_is_not_there() {
        assert!(resolved(&"a".repeat(254)).is_err());
    }
}
