//! The SHA-256 digest of a token's value: all that a store keeps of it.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

const PREFIX: &str = "sha256:";

/// SHA-256 (FIPS 180-4) of a token's value. A value has 202 random bits, so that one plain round of a fast
/// hash can't be reversed by guessing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenDigest([u8; 32]);

/// Stored bytes that are not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token digest is `sha256:` and 64 hexadecimal digits")]
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

    /// Reads `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`InvalidDigest`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidDigest)?.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidDigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidDigest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidDigest)?;
        }
        Ok(Self(bytes))
    }

    /// The form that [`TokenDigest::parse`] reads: for asking a gateway about a value without sending it.
    pub fn to_text(&self) -> String {
        self.0.iter().fold(PREFIX.to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back() {
        let digest = TokenDigest::of(b"a value");
        assert_eq!(TokenDigest::parse(&digest.to_text()), Ok(digest));
        for text in
            ["", "sha256:", "sha256:00", &digest.to_text()[7..], &format!("sha256:{}", "+1".repeat(32))]
        {
            assert_eq!(TokenDigest::parse(text), Err(InvalidDigest), "{text}");
        }
    }
}
