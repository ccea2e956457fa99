//! The chain: each event carries a hash over itself and the hash of the one before it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::database::Connection;
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

/// Which chain: 1 is the only one of an embedded store; where several gateways share a database each has one of its
/// own, so that none waits for another.
///
/// The sequence numbers of its events follow each other, in a range that is the chain's: a number is one event's, and
/// tells its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainNumber(i64);

/// How many events a chain has room for.
const EVENTS_MAX: i64 = 1 << 40;

impl ChainNumber {
    pub(crate) const FIRST: Self = Self(1);

    /// The chain with that number, which is at least 1.
    pub(crate) fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// The chain of the event with this sequence number, or of the place in front of a chain's first event.
    pub fn of(sequence: i64) -> Self {
        Self(sequence.max(0) / EVENTS_MAX + 1)
    }

    pub(crate) fn to_stored(self) -> i64 {
        self.0
    }

    /// The number in front of its first event, which no event has.
    pub fn start(self) -> i64 {
        self.0.saturating_sub(1).saturating_mul(EVENTS_MAX)
    }

    /// The number behind its last event.
    pub(crate) fn end(self) -> i64 {
        self.0.saturating_mul(EVENTS_MAX)
    }
}

/// The row of a chain.
#[derive(Clone, Debug)]
pub(super) struct ChainRow {
    pub(super) number: ChainNumber,
    pub(super) base: ChainHead,
    /// Whether the events up to the base were removed; else those stand there that are from before the chain.
    pub(super) is_pruned: bool,
    pub(super) head: ChainHead,
    pub(super) counted_through: i64,
    pub(super) runs_from: i64,
}

impl ChainRow {
    pub(super) fn read(connection: &Connection, chain: ChainNumber) -> Result<Self, StoreError> {
        let rows = Self::query(connection, chain.start(), chain.end())?;
        let missing = StoreError::Corrupt { table: "audit_chain", column: "base_sequence", id: chain.0 };
        rows.into_iter().next().ok_or(missing)
    }

    /// All chains, the first one first.
    pub(super) fn read_all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        Self::query(connection, 0, i64::MAX)
    }

    /// The chains whose base is in a range: where it begins in the log says which chain it is.
    fn query(connection: &Connection, from: i64, below: i64) -> Result<Vec<Self>, StoreError> {
        let mut statement = connection.prepare_cached(
            "SELECT name, base_sequence, base_hash, head_sequence, head_hash, counted_through, runs_from
             FROM audit_chain WHERE base_sequence >= ?1 AND base_sequence < ?2 ORDER BY base_sequence",
        )?;
        statement.query_all((from, below), |row| {
            let hash = |stored: Option<[u8; 32]>| stored.map(ChainHash);
            let base_hash = hash(row.get(2)?);
            let is_pruned = base_hash.is_some();
            let sequence: i64 = row.get(1)?;
            let name = row.text(0)?;
            let base = ChainHead { sequence, hash: base_hash.unwrap_or_else(|| ChainHash::genesis(name)) };
            let head = ChainHead { sequence: row.get(3)?, hash: hash(row.get(4)?).unwrap_or(base.hash) };
            let number = ChainNumber::of(sequence);
            Ok(Self { number, base, is_pruned, head, counted_through: row.get(5)?, runs_from: row.get(6)? })
        })
    }
}

/// Writes where the chain ends.
pub(super) fn write_head(
    connection: &Connection,
    chain: ChainNumber,
    head: ChainHead,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE audit_chain SET head_sequence = ?1, head_hash = ?2
             WHERE base_sequence >= ?3 AND base_sequence < ?4",
        )?
        .execute_later((head.sequence, head.hash.as_bytes(), chain.start(), chain.end()))
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
