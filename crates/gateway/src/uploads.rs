//! Who has sent which blobs lately: knowing a file's digest is not having the file.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use toolfront_app::BlobDigest;
use toolfront_token::{Timestamp, TokenId};

/// How long it is remembered who sent a blob.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(12);

/// Which blobs each token has sent lately. After a restart they are asked for again.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    by_token: Mutex<HashMap<TokenId, (Timestamp, HashSet<BlobDigest>)>>,
}

impl Uploads {
    pub(crate) fn has(&self, token: TokenId, digest: &BlobDigest) -> bool {
        self.by_token.lock().get(&token).is_some_and(|(_, blobs)| blobs.contains(digest))
    }

    pub(crate) fn forget_old(&self, now: Timestamp) {
        self.by_token.lock().retain(|_, (last, _)| now.since(*last) < REMEMBERED);
    }

    pub(crate) fn note(&self, token: TokenId, digest: BlobDigest, now: Timestamp) {
        let mut by_token = self.by_token.lock();
        let (last, blobs) = by_token.entry(token).or_insert_with(|| (now, HashSet::new()));
        *last = now;
        blobs.insert(digest);
    }
}
