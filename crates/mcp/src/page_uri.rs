//! The URIs of pages as resources: `page:///guide.md`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const PREFIX: &str = "page:///";
/// The template of all of them (RFC 6570).
pub(crate) const TEMPLATE: &str = "page:///{+path}";

/// What stands in a path as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URI of the page at that path.
pub(crate) fn of(path: &str) -> String {
    format!("{PREFIX}{}", utf8_percent_encode(path, ESCAPED))
}

/// The path that a URI means; `None` when it is no page's.
pub(crate) fn path(uri: &str) -> Option<String> {
    let path = percent_decode_str(uri.strip_prefix(PREFIX)?).decode_utf8().ok()?;
    Some(path.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_into_a_uri_and_comes_out_of_it() {
        for text in ["", "guide.md", "a b/ü%?#.md", "x/y.z"] {
            assert_eq!(path(&of(text)).as_deref(), Some(text));
        }
        assert_eq!(of("a b.md"), "page:///a%20b.md");
        for other in ["guide.md", "file:///guide.md", "page://guide.md", "page:///%ff"] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
