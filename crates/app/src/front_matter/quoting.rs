//! The commonest mistake: a pattern in double quotes, where a backslash starts an escape of YAML or TOML.

/// The source between the quotes of the double-quoted string that starts at or before `at` on its line.
pub(super) fn quoted_around(text: &str, at: usize) -> Option<(usize, &str)> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let mut position = line_start;
    // The string that holds `at` is the one still open there, or the one that opens there.
    loop {
        let open = position + text.get(position..)?.find('"')?;
        if open > at {
            return None;
        }
        let inside = text.get(open + 1..)?;
        let close = closing_quote(inside).unwrap_or_else(|| inside.find('\n').unwrap_or(inside.len()));
        if open + 1 + close >= at {
            return Some((open + 1, inside.get(..close)?));
        }
        position = open + 1 + close + 1;
    }
}

/// The offset of the first backslash that `is_escape` says starts no escape.
pub(super) fn first_bad_escape(inside: &str, is_escape: impl Fn(char) -> bool) -> Option<usize> {
    escapes(inside).find(|(_, escaped)| !is_escape(*escaped)).map(|(at, _)| at)
}

/// An escape that is one in double quotes, but surely was meant for the pattern, and what it stands for in double quotes.
pub(crate) fn misread_escape(inside: &str) -> Option<(char, &'static str)> {
    escapes(inside).find_map(|(_, escaped)| {
        let meaning = match escaped {
            'b' => "a backspace",
            'e' => "an escape character",
            '0' => "a NUL",
            'N' | 'L' | 'P' => "a line break of Unicode",
            '_' => "a no-break space",
            _ => return None,
        };
        Some((escaped, meaning))
    })
}

/// How the author can write what stands between the double quotes so that backslashes stay as they are.
pub(crate) fn shown_single_quoted(inside: &str, doubled_quotes: bool) -> String {
    let meant = inside.replace("\\\"", "\"");
    if !meant.contains('\'') {
        format!("'{meant}'")
    } else if doubled_quotes {
        format!("'{}'", meant.replace('\'', "''"))
    } else {
        format!("'''{meant}'''")
    }
}

/// The escaped characters, each with the offset of its backslash.
fn escapes(inside: &str) -> impl Iterator<Item = (usize, char)> {
    let mut characters = inside.char_indices();
    std::iter::from_fn(move || {
        let (at, _) = characters.find(|(_, character)| *character == '\\')?;
        Some((at, characters.next()?.1))
    })
}

fn closing_quote(inside: &str) -> Option<usize> {
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_string_around_a_place_is_found() {
        let text = "x\n- [\"a\\\"b\", \"c\\.d\"]";
        let at = text.find("c\\").unwrap();
        assert_eq!(quoted_around(text, at), Some((at, "c\\.d")));
        assert_eq!(quoted_around(text, at - 1), Some((at, "c\\.d")));
        assert_eq!(quoted_around(text, 6).unwrap().1, "a\\\"b");
        assert_eq!(quoted_around(text, 0), None);
        assert_eq!(quoted_around("\"never closed", 3).unwrap().1, "never closed");
    }

    #[test]
    fn single_quotes_show_what_was_meant() {
        assert_eq!(shown_single_quoted(r".*\.txt$", true), r"'.*\.txt$'");
        assert_eq!(shown_single_quoted(r#"\"a'\d"#, true), r#"'"a''\d'"#);
        assert_eq!(shown_single_quoted(r"a'\d", false), r"'''a'\d'''");
    }

    #[test]
    fn escapes_meant_for_the_pattern_are_known() {
        assert_eq!(misread_escape(r"^SELECT\b.*").unwrap().0, 'b');
        assert_eq!(misread_escape(r"^SELECT\\b.*"), None);
        assert_eq!(misread_escape(r"\n\t\\"), None);
    }
}
