//! A counted source of bytes and a readable clock, for this crate's tests.

use crate::entropy::{Entropy, EntropyFailed};
use crate::timestamp::Timestamp;

/// Gives other bytes at every call, the same in every run.
#[derive(Default)]
pub(crate) struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = mixed.to_be_bytes()[1];
        }
        Ok(())
    }
}

/// So many seconds after the epoch.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}
