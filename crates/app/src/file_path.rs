//! The path of a file in an application: relative, normalized, and with nothing in it that could mean another place.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 1024;
/// The longest name of a file or directory, in bytes: what Linux file systems take.
const SEGMENT_BYTES_MAX: usize = 255;

/// A relative path with `/` between its segments: none empty, `.` or `..`, no backslash, no control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

impl FilePath {
    /// Takes text as a path. Nothing is mended: what is not normalized is refused.
    ///
    /// # Errors
    /// The first thing about the text that no path may have.
    pub fn parse(text: &str) -> Result<FilePath, PathFault> {
        if text.is_empty() {
            return Err(PathFault::Empty);
        }
        if text.len() > PATH_BYTES_MAX {
            return Err(PathFault::TooLong);
        }
        if text.starts_with('/') {
            return Err(PathFault::Absolute);
        }
        if text.contains('\\') {
            return Err(PathFault::Backslash);
        }
        if text.contains(char::is_control) {
            return Err(PathFault::ControlCharacter);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(PathFault::EmptySegment),
                "." | ".." => return Err(PathFault::Dots),
                _ if segment.len() > SEGMENT_BYTES_MAX => return Err(PathFault::SegmentTooLong),
                _ => {}
            }
        }
        Ok(FilePath(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, name)| name)
    }

    /// The directory the file is in; `""` for the top.
    pub fn directory(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    /// Whether a segment starts with a dot.
    pub fn is_hidden(&self) -> bool {
        self.0.split('/').any(|segment| segment.starts_with('.'))
    }

    /// What follows the last dot of the name, if anything comes before the dot.
    pub fn extension(&self) -> Option<&str> {
        self.name().rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
    }

    /// Whether the file is a page by its name: it ends with `.md`, in any case.
    pub fn is_markdown(&self) -> bool {
        self.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("md"))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for FilePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FilePath {
    type Error = PathFault;

    fn try_from(text: String) -> Result<Self, PathFault> {
        FilePath::parse(&text)
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> String {
        path.0
    }
}

/// Why text is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum PathFault {
    /// There is no text.
    #[error("the path is empty")]
    Empty,
    /// The path is too long.
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// A segment is too long.
    #[error("a name in the path is longer than {SEGMENT_BYTES_MAX} bytes")]
    SegmentTooLong,
    /// The path starts with `/`.
    #[error("the path is absolute; it must be relative to the application's directory")]
    Absolute,
    /// A segment is `.` or `..`.
    #[error("the path has `.` or `..` in it")]
    Dots,
    /// Two slashes follow each other, or one is last.
    #[error("the path has an empty segment (`//`, or a `/` at its end)")]
    EmptySegment,
    /// The path has a backslash.
    #[error("the path has a backslash in it; directories are separated by `/`")]
    Backslash,
    /// The path has NUL or another control character.
    #[error("the path has NUL or another control character in it")]
    ControlCharacter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mean_another_place_is_refused() {
        for (text, fault) in [
            ("", PathFault::Empty),
            ("/etc/passwd", PathFault::Absolute),
            ("..", PathFault::Dots),
            ("a/../b", PathFault::Dots),
            ("./a", PathFault::Dots),
            ("a//b", PathFault::EmptySegment),
            ("a/", PathFault::EmptySegment),
            ("a\\b", PathFault::Backslash),
            ("a\0b", PathFault::ControlCharacter),
            ("a\nb", PathFault::ControlCharacter),
        ] {
            assert_eq!(FilePath::parse(text), Err(fault), "{text:?}");
        }
        assert_eq!(FilePath::parse(&"a".repeat(256)), Err(PathFault::SegmentTooLong));
        assert_eq!(FilePath::parse(&"a/".repeat(600)), Err(PathFault::TooLong));
    }

    #[test]
    fn the_parts_of_a_path_are_told() {
        let path = FilePath::parse("docs/guide.MD").unwrap();
        assert_eq!((path.directory(), path.name(), path.extension()), ("docs", "guide.MD", Some("MD")));
        assert!(path.is_markdown() && !path.is_hidden());
        let hidden = FilePath::parse("a/.git/config").unwrap();
        assert!(hidden.is_hidden() && hidden.extension().is_none());
        assert_eq!(FilePath::parse(".env").unwrap().extension(), None);
        assert!(FilePath::parse("...").is_ok());
    }
}
