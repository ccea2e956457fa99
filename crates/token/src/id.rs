//! Identifiers: a prefix and 12 characters of lower-case base32 (RFC 4648 alphabet), 60 random bits.
//!
//! In memory and in the store an id is one 60-bit number, so that a set of them is small and fast.

use std::fmt;
use std::str::FromStr;

use crate::entropy::{Entropy, EntropyFailed};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LETTERS: usize = 12;
const BITS: u32 = 60;

/// A text that is not an id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {kind} id: it looks like {prefix}k5x2… (the prefix, then 12 characters of a-z and 2-7)")]
pub struct InvalidId {
    kind: &'static str,
    prefix: &'static str,
}

fn encode(bits: u64) -> [u8; LETTERS] {
    let mut letters = [b'a'; LETTERS];
    for (place, letter) in letters.iter_mut().rev().enumerate() {
        let index = usize::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
        *letter = ALPHABET.get(index).copied().unwrap_or(b'a');
    }
    letters
}

fn decode(text: &str) -> Option<u64> {
    if text.len() != LETTERS {
        return None;
    }
    text.bytes().try_fold(0_u64, |bits, letter| {
        let value = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        Some(bits << 5 | u64::from(value))
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The prefix that the written form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new random id.
            ///
            /// # Errors
            /// [`EntropyFailed`] when `entropy` can't be read.
            pub fn generate(entropy: &mut dyn Entropy) -> Result<Self, EntropyFailed> {
                let mut bytes = [0_u8; 8];
                entropy.fill(&mut bytes)?;
                Ok(Self(u64::from_le_bytes(bytes) >> (64 - BITS)))
            }

            /// The id that the number stands for; `None` beyond 60 bits.
            pub fn from_bits(bits: u64) -> Option<Self> {
                (bits >> BITS == 0).then_some(Self(bits))
            }

            /// The id as a number below 2^60, which every store can hold as a signed 64-bit integer.
            pub fn bits(self) -> u64 {
                self.0
            }

            /// Reads the written form, with its prefix or without.
            ///
            /// # Errors
            /// [`InvalidId`] for anything else.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                decode(text.strip_prefix($prefix).unwrap_or(text))
                    .map(Self)
                    .ok_or(InvalidId { kind: $kind, prefix: $prefix })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                encode(self.0).iter().try_for_each(|letter| fmt::Write::write_char(f, char::from(*letter)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// The identity of a token; its values change by rotation, this never does.
    TokenId, "tok-", "a token"
);
id!(
    /// The identity of an environment. Never used again after the environment is deleted.
    EnvId, "env-", "an environment"
);
id!(
    /// The identity of an organization.
    OrgId, "org-", "an organization"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_with_its_prefix_and_without(bits in 0_u64..1 << 60) {
            let id = TokenId::from_bits(bits).unwrap();
            let text = id.to_string();
            prop_assert_eq!(text.len(), 16);
            prop_assert_eq!(TokenId::parse(&text).unwrap(), id);
            prop_assert_eq!(TokenId::parse(&text[4..]).unwrap(), id);
            prop_assert!(EnvId::parse(&text).is_err());
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".*") {
            let _ = TokenId::parse(&text);
        }
    }

    #[test]
    fn a_number_beyond_sixty_bits_is_no_id() {
        assert!(TokenId::from_bits(1 << 60).is_none());
    }
}
