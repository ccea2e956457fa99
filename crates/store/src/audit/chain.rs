//! The chain: each event carries a hash over itself and the hash of the one before it.

use std::fmt;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// A hash of the chain: SHA-256 over the one before it, as lower-case hexadecimal, a line feed, and the event's
/// canonical line.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What a chain of that name begins with.
    pub(super) fn genesis(name: &str) -> Self {
        Self(Sha256::digest(format!("toolfront audit chain {name}")).into())
    }

    /// The hash of the event whose canonical line this is, after the event with this hash.
    pub(super) fn then(&self, line: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(self.hex());
        digest.update(b"\n");
        digest.update(line.as_bytes());
        Self(digest.finalize().into())
    }

    fn hex(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [b'0'; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
            }
        }
        hex
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.contains('+'))?;
        }
        Some(Self(bytes))
    }
}

impl From<[u8; 32]> for ChainHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An event's place in the chain, and its hash: whoever keeps this elsewhere can prove later that nothing up to
/// there was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The sequence number of the last event.
    pub sequence: i64,
    /// Its hash.
    pub hash: ChainHash,
}

/// The row of the chain.
#[derive(Clone, Debug)]
pub(super) struct ChainRow {
    pub(super) base: ChainHead,
    /// Whether the events up to the base were removed; else those stand there that are from before the chain.
    pub(super) is_pruned: bool,
    pub(super) head: ChainHead,
    pub(super) counted_through: i64,
    pub(super) runs_from: i64,
}

impl ChainRow {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        connection
            .prepare_cached(
                "SELECT name, base_sequence, base_hash, head_sequence, head_hash, counted_through, runs_from
                 FROM audit_chain",
            )?
            .query_row([], |row| {
                let name: String = row.get(0)?;
                let hash = |stored: Option<[u8; 32]>| stored.map(ChainHash);
                let base_hash = hash(row.get(2)?);
                let is_pruned = base_hash.is_some();
                let base = ChainHead {
                    sequence: row.get(1)?,
                    hash: base_hash.unwrap_or_else(|| ChainHash::genesis(&name)),
                };
                let head = ChainHead { sequence: row.get(3)?, hash: hash(row.get(4)?).unwrap_or(base.hash) };
                Ok(Self { base, is_pruned, head, counted_through: row.get(5)?, runs_from: row.get(6)? })
            })
            .map_err(StoreError::from)
    }
}

/// Writes where the chain ends.
pub(super) fn write_head(connection: &Connection, head: ChainHead) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE audit_chain SET head_sequence = ?1, head_hash = ?2")?
        .execute((head.sequence, head.hash.as_bytes()))
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back() {
        let hash = ChainHash::genesis("x").then("{}");
        assert_eq!(ChainHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(ChainHash::parse("00"), None);
        assert_eq!(ChainHash::parse(&"+1".repeat(32)), None);
    }

    /// The form that the documentation describes, so that others can check an export.
    #[test]
    fn the_hash_is_over_the_one_before_in_hexadecimal_a_line_feed_and_the_line() {
        let first = ChainHash::genesis("x");
        let expected: [u8; 32] = Sha256::digest(format!("{first}\n{{\"v\":1}}")).into();
        assert_eq!(first.then("{\"v\":1}"), ChainHash(expected));
    }
}
