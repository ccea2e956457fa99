//! The one place where a token's value is on the wire.

use serde::{Deserialize, Serialize};
use toolfront_token::TokenSecret;

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
