//! The places where values are on the wire: a token's in the answer that shows it once, a secret's on its way in.

use std::fmt;

use serde::{Deserialize, Serialize};
use toolfront_token::TokenSecret;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A token's value in the answer that shows it once. Prints nothing of it.
#[derive(Debug)]
pub struct ShownOnce(TokenSecret);

impl ShownOnce {
    /// The value to be shown.
    pub fn new(secret: TokenSecret) -> Self {
        Self(secret)
    }

    /// The value that was shown.
    pub fn into_secret(self) -> TokenSecret {
        self.0
    }
}

impl Serialize for ShownOnce {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.reveal())
    }
}

impl<'de> Deserialize<'de> for ShownOnce {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        TokenSecret::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The value of an environment's secret, as it is sent to be stored. No answer has one. Wiped from memory when it
/// is dropped, and prints nothing of itself.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text to be sent.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text that was sent.
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// A secret to be stored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// Its value: 4 bytes to 64 KiB, as it is; it is never shown again.
    #[schema(value_type = String)]
    pub value: SecretText,
}

/// A secret of an environment: never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// The variable that it is given to commands as.
    #[schema(example = "API_KEY")]
    pub name: String,
    /// When a secret of this name was first set.
    pub created_at: String,
    /// When it was last set.
    pub updated_at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_to_be_stored_prints_nothing_of_its_value() {
        let value = SecretText::new(Zeroizing::new("hunter2".to_owned()));
        let printed = format!("{:?}", SetSecret { value });
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
