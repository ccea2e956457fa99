//! The digest of a blob's content.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

const PREFIX: &str = "sha256:";

/// The SHA-256 of a blob's bytes. Its text is `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobDigest([u8; 32]);

impl BlobDigest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> BlobDigest {
        BlobDigest(Sha256::digest(bytes).into())
    }

    /// A digest that was computed elsewhere, such as over a stream.
    pub const fn from_bytes(bytes: [u8; 32]) -> BlobDigest {
        BlobDigest(bytes)
    }

    /// Takes `sha256:` and 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<BlobDigest, DigestFault> {
        let digits = text.strip_prefix(PREFIX).ok_or(DigestFault::Algorithm)?;
        if digits.len() != 64 {
            return Err(DigestFault::Length);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
            let [high, low] = *pair;
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Ok(BlobDigest(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or(b'0');
        let mut text = [0; PREFIX.len() + 64];
        let (prefix, digits) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobDigest({self})")
    }
}

impl TryFrom<String> for BlobDigest {
    type Error = DigestFault;

    fn try_from(text: String) -> Result<Self, DigestFault> {
        BlobDigest::parse(&text)
    }
}

impl From<BlobDigest> for String {
    fn from(digest: BlobDigest) -> String {
        digest.to_string()
    }
}

/// Why text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum DigestFault {
    /// The text does not start with `sha256:`.
    #[error("a checksum starts with `sha256:`")]
    Algorithm,
    /// There are not 64 digits.
    #[error("a checksum has 64 hexadecimal digits after `sha256:`")]
    Length,
    /// A digit is not one of `0-9a-f`.
    #[error("a checksum has the digits 0-9 and a-f, in lower case")]
    Digit,
}

fn digit(character: u8) -> Result<u8, DigestFault> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(DigestFault::Digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_is_its_text_and_back() {
        assert_eq!(BlobDigest::of(b"").to_string(), EMPTY);
        assert_eq!(BlobDigest::parse(EMPTY), Ok(BlobDigest::of(b"")));
        let json = serde_json::to_string(&BlobDigest::of(b"")).unwrap();
        assert_eq!(json, format!("{EMPTY:?}"));
        assert_eq!(serde_json::from_str::<BlobDigest>(&json).unwrap(), BlobDigest::of(b""));
    }

    #[test]
    fn other_text_is_refused() {
        assert_eq!(BlobDigest::parse(EMPTY.trim_start_matches("sha256:")), Err(DigestFault::Algorithm));
        assert_eq!(BlobDigest::parse("sha256:00"), Err(DigestFault::Length));
        assert_eq!(BlobDigest::parse(&EMPTY.replace('e', "E")), Err(DigestFault::Digit));
        assert_eq!(BlobDigest::parse(&format!("sha256:{}", "ä".repeat(32))), Err(DigestFault::Digit));
    }
}
