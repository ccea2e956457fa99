//! The value of a token: `tf_`, 34 random characters, and a 6-character checksum.

use std::fmt;

use zeroize::Zeroizing;

use crate::digest::TokenDigest;
use crate::entropy::{self, Entropy, EntropyFailed};

const PREFIX: &[u8; 3] = b"tf_";
const RANDOM: usize = 34;
const CHECKSUM: usize = 6;
const BODY: usize = PREFIX.len() + RANDOM;
const LENGTH: usize = BODY + CHECKSUM;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token's value, to be shown once or sent. Wiped from memory when dropped; there is no `Clone`,
/// `Display`, `PartialEq` or `Serialize`, and the only way out is [`TokenSecret::reveal`].
pub struct TokenSecret {
    text: Zeroizing<[u8; LENGTH]>,
}

/// A value that somebody sent: well formed, its checksum right, and nothing more is known of it.
pub struct PresentedToken(TokenSecret);

/// The last 4 characters of a value, by which people tell their tokens apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hint([u8; 4]);

/// A text that can't be a token's value; found without a look-up. Never carries the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedToken {
    /// It does not begin with `tf_`.
    #[error("a token begins with tf_")]
    Prefix,
    /// It does not have 43 characters.
    #[error("a token has 43 characters, this has {found}")]
    Length {
        /// How many bytes were given.
        found: usize,
    },
    /// It has a character other than a letter or a digit after the prefix.
    #[error("a token has only the letters a-z and A-Z and digits after tf_")]
    Alphabet,
    /// Its last six characters are not the checksum of the rest.
    #[error("the token's checksum does not fit: it was mistyped or cut")]
    Checksum,
}

impl TokenSecret {
    /// A new value, 202 random bits.
    ///
    /// # Errors
    /// [`EntropyFailed`] when `entropy` can't be read.
    pub fn mint(entropy: &mut dyn Entropy) -> Result<Self, EntropyFailed> {
        let mut text = Zeroizing::new([0_u8; LENGTH]);
        let (body, checksum) = text.split_at_mut(BODY);
        let (prefix, random) = body.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX);
        entropy::fill_from_alphabet(entropy, BASE62, random)?;
        checksum.copy_from_slice(&checksum_of(body));
        Ok(Self { text })
    }

    /// Reads a value that somebody typed, pasted or sent.
    ///
    /// # Errors
    /// [`MalformedToken`] says what is wrong, and never repeats the text.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let bytes = text.as_bytes();
        if !bytes.starts_with(PREFIX) {
            return Err(MalformedToken::Prefix);
        }
        let text: [u8; LENGTH] =
            bytes.try_into().map_err(|_| MalformedToken::Length { found: bytes.len() })?;
        let text = Zeroizing::new(text);
        let (body, checksum) = text.split_at(BODY);
        if !is_alphanumeric(text.as_slice().split_at(PREFIX.len()).1) {
            return Err(MalformedToken::Alphabet);
        }
        if checksum != checksum_of(body) {
            return Err(MalformedToken::Checksum);
        }
        Ok(Self { text })
    }

    /// The value itself, for the answer that shows it once and for the header that carries it.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(self.text.as_slice()).unwrap_or_default()
    }

    /// What the store keeps of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.text.as_slice())
    }

    /// Its last 4 characters.
    pub fn hint(&self) -> Hint {
        let [.., a, b, c, d] = *self.text;
        Hint([a, b, c, d])
    }
}

/// Without a branch for each character: a processor can't guess which of random ones are digits, and each wrong guess throws
/// away what it had begun of the work behind it. It also takes the same time for every text.
fn is_alphanumeric(text: &[u8]) -> bool {
    text.iter().fold(true, |so_far, letter| so_far & letter.is_ascii_alphanumeric())
}

/// CRC-32 (IEEE 802.3) of `body` in base62, left-padded with `0`.
fn checksum_of(body: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(body);
    let mut letters = [b'0'; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        let index = usize::try_from(rest % 62).unwrap_or_default();
        *letter = BASE62.get(index).copied().unwrap_or(b'0');
        rest /= 62;
    }
    letters
}

impl PresentedToken {
    /// Reads a value from a request.
    ///
    /// # Errors
    /// [`MalformedToken`] says what is wrong, and never repeats the text.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        TokenSecret::parse(text).map(Self)
    }

    /// By what it is looked up.
    pub fn digest(&self) -> TokenDigest {
        self.0.digest()
    }

    /// Whether both are the same value.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Hint {
    /// A stored hint; `None` unless it is 4 letters or digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 4] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The four characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(tf_…)")
    }
}

impl fmt::Debug for PresentedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedToken(tf_…)")
    }
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hint({})", self.as_str())
    }
}

#[cfg(test)]
#[path = "value/tests.rs"]
mod tests;
