//! The name of an environment: a DNS label, since it can be the first part of a host name.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest label of a host name (RFC 1035, section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A DNS label: `a-z`, `0-9`, and single `-` between them, at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvName(String);

impl EnvName {
    /// Makes a label of any text: lower case, a run of other characters to one `-`, none at the ends, cut at 63.
    ///
    /// # Errors
    /// When nothing is left; the caller may then generate a name.
    pub fn parse(text: &str) -> Result<EnvName, EnvNameFault> {
        let mut label = String::new();
        for character in text.chars().map(|c| c.to_ascii_lowercase()) {
            if label.len() == LABEL_BYTES_MAX {
                break;
            }
            if character.is_ascii_alphanumeric() {
                label.push(character);
            } else if !label.is_empty() && !label.ends_with('-') {
                label.push('-');
            }
        }
        label.truncate(label.trim_end_matches('-').len());
        if label.is_empty() { Err(EnvNameFault::Empty) } else { Ok(EnvName(label)) }
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for EnvName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EnvName {
    type Error = EnvNameFault;

    fn try_from(text: String) -> Result<Self, EnvNameFault> {
        EnvName::parse(&text)
    }
}

impl From<EnvName> for String {
    fn from(name: EnvName) -> String {
        name.0
    }
}

/// Why text cannot be made a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum EnvNameFault {
    /// There is no letter and no digit in it.
    #[error("the name has no letter a-z and no digit in it")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Result<String, EnvNameFault> {
        EnvName::parse(text).map(String::from)
    }

    #[test]
    fn any_text_becomes_a_label() {
        assert_eq!(label("Sales Reports!"), Ok("sales-reports".to_owned()));
        assert_eq!(label("--a__b..c--"), Ok("a-b-c".to_owned()));
        assert_eq!(label("Größe"), Ok("gr-e".to_owned()));
        assert_eq!(label(&"x".repeat(100)), Ok("x".repeat(63)));
        assert_eq!(label(&format!("{}-y", "x".repeat(62))), Ok("x".repeat(62)));
    }

    #[test]
    fn a_name_without_letter_or_digit_is_refused() {
        assert_eq!(label(""), Err(EnvNameFault::Empty));
        assert_eq!(label("- _ é"), Err(EnvNameFault::Empty));
    }

    #[test]
    fn a_label_stays_as_it_is() {
        let once = EnvName::parse("A b-C 9").unwrap();
        assert_eq!(EnvName::parse(once.as_str()), Ok(once));
    }
}
