//! `NAME=VALUE` as it is typed, where the value may be a secret.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// A name and a value. Prints the name alone.
#[derive(Clone)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: Zeroizing<String>,
}

impl FromStr for Assignment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), value: Zeroizing::new(value.to_owned()) })
            }
            _ => Err("it has to be NAME=VALUE"),
        }
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)
    }
}
