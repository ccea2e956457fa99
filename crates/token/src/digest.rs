//! The SHA-256 digest of a token's value: all that a store keeps of it.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 (FIPS 180-4) of a token's value. A value has 202 random bits, so that one plain round of a fast
/// hash can't be reversed by guessing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenDigest([u8; 32]);

/// Stored bytes that are not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token digest has 32 bytes")]
pub struct InvalidDigest;

impl TokenDigest {
    pub(crate) fn of(value: &[u8]) -> Self {
        Self(Sha256::digest(value).into())
    }

    /// The digest whose bytes are given.
    ///
    /// # Errors
    /// [`InvalidDigest`] unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        bytes.try_into().map(Self).map_err(|_| InvalidDigest)
    }

    /// The 32 bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest is uniform already: its first 8 bytes serve as its hash.
impl std::hash::Hash for TokenDigest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first)));
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "TokenDigest({a:02x}{b:02x}…)")
    }
}
