//! A token's value as somebody typed it, before it is known to be one; and keeping values out of what is printed.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use toolfront_token::{MalformedToken, TokenSecret};
use zeroize::Zeroizing;

/// A text that is meant to be a token's value. Prints nothing of it.
#[derive(Clone)]
pub(crate) struct KeyText(Zeroizing<String>);

impl KeyText {
    /// The value, without white space around it.
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// The token, when it is one.
    ///
    /// # Errors
    /// What is wrong with it; never the text.
    pub(crate) fn parse(&self) -> Result<TokenSecret, MalformedToken> {
        TokenSecret::parse(&self.0)
    }

    /// The text, to be written into the context file.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(…)")
    }
}

/// A token as it may be shown: its beginning and its last 4 characters.
pub(crate) fn masked(token: &TokenSecret) -> String {
    format!("tf_…{}", token.hint().as_str())
}

/// The text without what looks like a token's value, wherever it came from.
pub(crate) fn redacted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("tf_") {
        let value = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
        safe.push_str(before);
        safe.push_str("tf_");
        // Nothing that short is a value, and people write about `tf_…`.
        let (shown, hidden) = if value < 8 { (value, "") } else { (0, "…") };
        safe.push_str(after.get(..shown).unwrap_or_default());
        safe.push_str(hidden);
        rest = after.get(value..).unwrap_or_default();
    }
    safe.push_str(rest);
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_value_is_taken_out_of_a_text() {
        assert_eq!(redacted("unexpected 'tf_abcdefgh12' found"), "unexpected 'tf_…' found");
        assert_eq!(redacted("tf_aaaaaaaaaa,tf_bbbbbbbbbbé"), "tf_…,tf_…é");
        assert_eq!(redacted("a token begins with tf_"), "a token begins with tf_");
        assert_eq!(redacted("tf_short and nothing"), "tf_short and nothing");
        assert_eq!(redacted("plain"), "plain");
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", KeyText::new("tf_secret")), "KeyText(…)");
    }
}
