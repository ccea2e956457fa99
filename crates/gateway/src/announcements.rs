//! Manifests that were announced lately, so that a release of them can be made without sending them again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use toolfront_app::{BlobDigest, FileEntry, Manifest};
use toolfront_token::{Timestamp, TokenId};

/// How long a manifest is kept. Less than blobs that no release has are.
const KEPT: Duration = Duration::from_hours(1);
/// How many bytes all manifests may take; the oldest go first. One of 10,000 files takes about 1.2 MB.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The manifests that tokens announced lately, each under its digest and for the token that announced it alone. One
/// that is gone has to be sent again: nothing depends on it.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    /// The oldest first.
    kept: Mutex<VecDeque<Announcement>>,
}

#[derive(Debug)]
struct Announcement {
    token: TokenId,
    digest: BlobDigest,
    manifest: Arc<Manifest>,
    bytes: usize,
    at: Timestamp,
}

impl Announcements {
    /// Keeps a manifest, and yields its digest.
    pub(crate) fn keep(&self, token: TokenId, manifest: &Arc<Manifest>, now: Timestamp) -> BlobDigest {
        let (digest, bytes) = (manifest.digest(), bytes_of(manifest));
        let mut kept = self.kept.lock();
        kept.retain(|other| (other.token, other.digest) != (token, digest));
        kept.push_back(Announcement { token, digest, manifest: Arc::clone(manifest), bytes, at: now });
        let mut total: usize = kept.iter().map(|announcement| announcement.bytes).sum();
        while total > BYTES_MAX {
            total -= kept.pop_front().map_or(total, |oldest| oldest.bytes);
        }
        digest
    }

    /// The manifest with this digest, if this token announced it lately.
    pub(crate) fn find(&self, token: TokenId, digest: &BlobDigest, now: Timestamp) -> Option<Arc<Manifest>> {
        let kept = self.kept.lock();
        let mut lately = kept.iter().filter(|announcement| now.since(announcement.at) < KEPT);
        let found = lately.find(|found| found.token == token && found.digest == *digest)?;
        Some(Arc::clone(&found.manifest))
    }

    pub(crate) fn forget_old(&self, now: Timestamp) {
        self.kept.lock().retain(|announcement| now.since(announcement.at) < KEPT);
    }
}

/// What a manifest takes in memory, about.
fn bytes_of(manifest: &Manifest) -> usize {
    manifest.iter().map(|file| size_of::<FileEntry>() + file.path.as_str().len()).sum()
}

#[cfg(test)]
mod tests {
    use toolfront_app::{ManifestLimits, RawEntry};

    use super::*;

    fn manifest(content: &str, files: usize) -> Arc<Manifest> {
        let entry = |path: String| RawEntry {
            path,
            checksum: BlobDigest::of(content.as_bytes()).to_string(),
            size: content.len().try_into().unwrap(),
            mode: None,
        };
        let long = "x".repeat(200);
        let paths = (1..files).map(|number| format!("{long}/{long}/{long}/{long}/{number}"));
        let entries = paths.chain(["README.md".to_owned()]).map(entry).collect();
        Arc::new(Manifest::parse(entries, &ManifestLimits::default()).unwrap())
    }

    fn token(text: &str) -> TokenId {
        TokenId::parse(text).unwrap()
    }

    #[test]
    fn the_oldest_go_when_all_take_too_much() {
        let (announcements, mine, now) =
            (Announcements::default(), token("tok-aaaaaaaaaaaa"), Timestamp::from_micros(0));
        // Each takes somewhat more than a quarter of what all may take.
        let kept: Vec<_> = ["1", "2", "3", "4"]
            .map(|content| announcements.keep(mine, &manifest(content, 9900), now))
            .into();
        let found = kept.iter().map(|digest| announcements.find(mine, digest, now).is_some());
        assert_eq!(found.collect::<Vec<_>>(), [false, true, true, true]);
        // Again it is the youngest, and takes no more.
        assert_eq!(announcements.keep(mine, &manifest("2", 9900), now), kept[1]);
        let found = kept.iter().map(|digest| announcements.find(mine, digest, now).is_some());
        assert_eq!(found.collect::<Vec<_>>(), [false, true, true, true]);
    }

    #[test]
    fn one_is_forgotten_after_an_hour() {
        let (announcements, mine, now) =
            (Announcements::default(), token("tok-aaaaaaaaaaaa"), Timestamp::from_micros(0));
        let digest = announcements.keep(mine, &manifest("1", 1), now);
        let later = |minutes| now.plus(Duration::from_mins(minutes));
        announcements.forget_old(later(59));
        assert!(announcements.find(mine, &digest, later(59)).is_some());
        assert!(announcements.find(mine, &digest, later(60)).is_none());
        announcements.forget_old(later(60));
        assert!(announcements.find(mine, &digest, later(59)).is_none());
    }
}
