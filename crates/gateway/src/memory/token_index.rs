//! Digest → credential: complete, and read without locks.

use std::hash::{BuildHasher, Hasher};

use toolfront_token::{Credential, TokenDigest, TokenRecord};

/// Every value of every token, the dead ones too: a look-up costs the same for all of them.
#[derive(Debug)]
pub(crate) struct TokenIndex {
    by_digest: papaya::HashMap<TokenDigest, Credential, DigestHash>,
}

impl Default for TokenIndex {
    fn default() -> Self {
        Self { by_digest: papaya::HashMap::with_hasher(DigestHash) }
    }
}

impl TokenIndex {
    /// What is known of a value.
    pub(crate) fn find<T>(&self, digest: &TokenDigest, with: impl FnOnce(&Credential) -> T) -> Option<T> {
        self.by_digest.pin().get(digest).map(with)
    }

    pub(super) fn put(&self, record: &TokenRecord) {
        let index = self.by_digest.pin();
        for (digest, credential) in record.credentials() {
            index.insert(digest, credential);
        }
    }
}

/// A digest of 202 random bits is spread evenly as it is.
#[derive(Clone, Debug, Default)]
struct DigestHash;

/// Takes the 8 bytes that a [`TokenDigest`] hands it for the hash.
#[derive(Default)]
struct FirstBytes(u64);

impl BuildHasher for DigestHash {
    type Hasher = FirstBytes;

    fn build_hasher(&self) -> FirstBytes {
        FirstBytes::default()
    }
}

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
