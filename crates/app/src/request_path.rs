//! The path of a request, decoded once, before anyone looks for a file.

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::file_path::{FilePath, PathFault};

/// A path as a request names it: the root, or something that could be a file, a page or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestPath(Option<FilePath>);

impl RequestPath {
    /// Takes the path of a URI, still percent-encoded, without query, with or without the `/` at its start. One `/` at the end is
    /// left out. Escapes are decoded once: `%252e` is the three characters `%2e`.
    ///
    /// # Errors
    /// When the path, decoded, is no path of a file: `..`, backslash, control characters, `//`, not UTF-8, a broken escape.
    pub fn parse(raw: &str) -> Result<RequestPath, BadPath> {
        let raw = raw.strip_prefix('/').unwrap_or(raw);
        if has_broken_escape(raw) {
            return Err(BadPath::BrokenEscape);
        }
        let decoded = percent_decode_str(raw).decode_utf8().map_err(|_| BadPath::NotUtf8)?;
        if decoded.is_empty() {
            return Ok(RequestPath(None));
        }
        let path = decoded.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(&decoded);
        Ok(RequestPath(Some(FilePath::parse(path)?)))
    }

    /// The path as text, without slashes at its ends; `""` for the root.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", FilePath::as_str)
    }

    /// Whether it is the application's top directory.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a segment starts with a dot.
    pub fn is_hidden(&self) -> bool {
        self.0.as_ref().is_some_and(FilePath::is_hidden)
    }
}

/// Why the path of a request cannot mean any file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum BadPath {
    /// A `%` is not followed by two hexadecimal digits.
    #[error("the path has a `%` that two hexadecimal digits do not follow")]
    BrokenEscape,
    /// The decoded bytes are not UTF-8.
    #[error("the path is not UTF-8 when decoded")]
    NotUtf8,
    /// The decoded text is not a path of a file.
    #[error(transparent)]
    Unfit(#[from] PathFault),
}

fn has_broken_escape(raw: &str) -> bool {
    raw.split('%').skip(1).any(|after| {
        let mut digits = after.bytes();
        !(digits.next().is_some_and(|digit| digit.is_ascii_hexdigit())
            && digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Result<String, BadPath> {
        RequestPath::parse(raw).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn slashes_at_the_ends_are_left_out() {
        assert_eq!(parse(""), Ok(String::new()));
        assert_eq!(parse("/"), Ok(String::new()));
        assert_eq!(parse("/docs/guide/"), Ok("docs/guide".to_owned()));
        assert_eq!(parse("docs"), Ok("docs".to_owned()));
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(parse("/a%20b"), Ok("a b".to_owned()));
        assert_eq!(parse("/%252e%252e/x"), Ok("%2e%2e/x".to_owned()));
        assert_eq!(parse("/a%2Fb"), Ok("a/b".to_owned()));
    }

    #[test]
    fn what_leads_elsewhere_is_refused_whatever_the_encoding() {
        for raw in [
            "/..",
            "/../x",
            "/%2e%2e/x",
            "/%2E./x",
            "/a/..%2fb",
            "/a%2f..",
            "/./x",
            "//etc/passwd",
            "/%2fetc",
            "/%2f",
            "/a//b",
            "/a\\b",
            "/a%5cb",
            "/a%00",
            "/a%0a",
            "/a//",
            "/%ff",
            "/%c0%ae%c0%ae/",
            "/%",
            "/%2",
            "/%zz",
            "//",
        ] {
            assert!(parse(raw).is_err(), "{raw}");
        }
    }
}
