//! The texts that people give to tokens.

use std::fmt;

use crate::leak::has_token_value;

const NAME_CHARS_MAX: usize = 100;
const REASON_CHARS_MAX: usize = 500;

/// What is wrong with a name or a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// It is too long.
    #[error("must have at most {max} characters, this has {found}")]
    TooLong {
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// It has control characters, or ones that turn the direction of writing.
    #[error("must not contain control characters")]
    Control,
    /// It has a token's value in it.
    #[error("must not contain a token's value: rotate the one that was sent")]
    TokenValue,
}

/// The name of a token: 1 to 100 characters after trimming, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(Box<str>);

/// Why a token was revoked: 1 to 500 characters after trimming, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationReason(Box<str>);

impl TokenName {
    /// Reads a name, without the white space around it.
    ///
    /// # Errors
    /// [`InvalidName`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        plain(text, NAME_CHARS_MAX).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RevocationReason {
    /// Reads a reason, without the white space around it.
    ///
    /// # Errors
    /// [`InvalidName`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        plain(text, REASON_CHARS_MAX).map(Self)
    }

    /// The reason.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn plain(text: &str, max: usize) -> Result<Box<str>, InvalidName> {
    let text = text.trim();
    let found = text.chars().count();
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if found > max {
        return Err(InvalidName::TooLong { found, max });
    }
    if text.chars().any(is_control) {
        return Err(InvalidName::Control);
    }
    if has_token_value(text) {
        return Err(InvalidName::TokenValue);
    }
    Ok(text.into())
}

/// Control characters, line and paragraph separators, and the marks that reorder a line of text (Unicode
/// bidirectional controls), with which one name could be shown as another.
fn is_control(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_held_to_its_limits() {
        assert_eq!(TokenName::parse("  ci \n").unwrap().as_str(), "ci");
        assert_eq!(TokenName::parse(&"ü".repeat(100)).unwrap().as_str().chars().count(), 100);
        assert_eq!(TokenName::parse(" \t"), Err(InvalidName::Empty));
        assert_eq!(TokenName::parse(&"ü".repeat(101)), Err(InvalidName::TooLong { found: 101, max: 100 }));
        let leaked = format!("for tf_{}", "0".repeat(40));
        assert_eq!(TokenName::parse(&leaked), Err(InvalidName::TokenValue));
        assert_eq!(RevocationReason::parse(&leaked), Err(InvalidName::TokenValue));
        for text in ["a\u{0}b", "a\nb", "a\u{1b}[31mb", "a\u{202e}b", "a\u{85}b"] {
            assert_eq!(TokenName::parse(text), Err(InvalidName::Control), "{text:?}");
        }
    }
}
