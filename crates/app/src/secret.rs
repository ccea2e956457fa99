//! Secrets of an environment: what one may be called, and what its value may be.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::variable::{VariableFault, VariableName};

/// The shortest value that is taken, in bytes. A shorter one can't be masked without masking everything.
pub const SECRET_BYTES_MIN: usize = 4;
/// The longest value that is taken, in bytes.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

/// The name of a secret: that of a variable which steers nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(VariableName);

/// The value of a secret. Wiped from memory when dropped; there is no `Clone`, `Display`, `PartialEq` or
/// `Serialize`, and the only way out is [`SecretValue::reveal`].
pub struct SecretValue(Zeroizing<String>);

/// A secret of an environment, for a command that is about to run in it.
#[derive(Debug)]
pub struct Secret {
    /// The variable that it is given as.
    pub name: VariableName,
    /// What it is.
    pub value: SecretValue,
}

impl SecretName {
    /// Makes a name of text, without the `$`.
    ///
    /// # Errors
    /// When it is no variable's name, or that of one which steers loaders or interpreters.
    pub fn parse(text: &str) -> Result<Self, SecretNameFault> {
        let name = VariableName::parse(text)?;
        if name.is_steering() { Err(SecretNameFault::Steering(name)) } else { Ok(Self(name)) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The variable that the secret is given as.
    pub fn into_variable(self) -> VariableName {
        self.0
    }
}

impl SecretValue {
    /// Takes a text as a value, as it is.
    ///
    /// # Errors
    /// What is wrong with it; never the text.
    pub fn parse(text: Zeroizing<String>) -> Result<Self, SecretFault> {
        match text.len() {
            0 => Err(SecretFault::Empty),
            1..SECRET_BYTES_MIN => Err(SecretFault::TooShort),
            _ if text.len() > SECRET_BYTES_MAX => Err(SecretFault::TooLong { bytes: text.len() }),
            _ if text.contains('\0') => Err(SecretFault::Nul),
            _ => Ok(Self(text)),
        }
    }

    /// The value itself, for the command that it is given to and for encrypting it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// Why text is not the name of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretNameFault {
    /// It is no variable's name.
    #[error(transparent)]
    Variable(#[from] VariableFault),
    /// It is that of a variable which steers what is run.
    #[error("`{0}` steers what is run, or is set by the server: a secret can't have that name")]
    Steering(VariableName),
}

/// Why text is not the value of a secret. No value is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretFault {
    /// There is no text.
    #[error("a secret's value is not empty")]
    Empty,
    /// The text is shorter than can be masked.
    #[error(
        "a secret's value has at least {SECRET_BYTES_MIN} bytes: a shorter one can't be masked in what commands print \
         without masking everything"
    )]
    TooShort,
    /// The text is longer than is taken.
    #[error("a secret's value has at most {SECRET_BYTES_MAX} bytes, this has {bytes}")]
    TooLong {
        /// How many bytes were given.
        bytes: usize,
    },
    /// The text has a NUL, which no variable can have.
    #[error("a secret's value has no NUL: no variable can have one")]
    Nul,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SecretValue, SecretFault> {
        SecretValue::parse(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_name_is_that_of_a_variable_that_steers_nothing() {
        assert_eq!(SecretName::parse("API_KEY").unwrap().as_str(), "API_KEY");
        assert_eq!(SecretName::parse("2FA"), Err(VariableFault::LeadingDigit.into()));
        for name in ["PATH", "LD_PRELOAD", "PYTHONPATH", "HOME", "GIT_SSH_COMMAND"] {
            assert!(matches!(SecretName::parse(name), Err(SecretNameFault::Steering(_))), "{name}");
        }
    }

    #[test]
    fn a_value_can_be_masked_and_given_as_a_variable() {
        assert_eq!(parse("s3cr").unwrap().reveal(), "s3cr");
        assert_eq!(parse("é\n \u{1F511}").unwrap().reveal(), "é\n \u{1F511}");
        assert_eq!(parse("").unwrap_err(), SecretFault::Empty);
        assert_eq!(parse("s3c").unwrap_err(), SecretFault::TooShort);
        assert_eq!(parse("s3\0cr3t").unwrap_err(), SecretFault::Nul);
        assert!(parse(&"x".repeat(SECRET_BYTES_MAX)).is_ok());
        let bytes = SECRET_BYTES_MAX + 1;
        assert_eq!(parse(&"x".repeat(bytes)).unwrap_err(), SecretFault::TooLong { bytes });
    }

    #[test]
    fn nothing_prints_a_value() {
        let secret = Secret { name: VariableName::parse("KEY").unwrap(), value: parse("hunter2").unwrap() };
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!SecretFault::TooShort.to_string().contains("hunter2"));
    }
}
