//! An anchor, and the line that it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use toolfront_store::{ChainHash, ChainHead};

use super::key::AnchorPublicKey;

/// Where the log ended at an instant, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub(super) head: ChainHead,
    pub(super) at: String,
    pub(super) public_key: String,
    pub(super) signature: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    sequence: i64,
    hash: String,
    at: String,
    public_key: String,
    signature: String,
}

impl Anchor {
    /// What is signed.
    pub(super) fn signed_text(head: ChainHead, at: &str) -> String {
        format!("toolfront audit anchor 1\n{}:{}\n{at}", head.sequence, head.hash)
    }

    /// Reads a line of the file of anchors; `None` when it is none.
    pub fn parse(line: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(line).ok()?;
        let head = ChainHead { sequence: line.sequence, hash: ChainHash::parse(&line.hash)? };
        let signature = STANDARD.decode(&line.signature).ok()?;
        Some(Self { head, at: line.at, public_key: line.public_key, signature })
    }

    /// The line that [`Anchor::parse`] reads.
    pub fn to_line(&self) -> String {
        let line = Line {
            sequence: self.head.sequence,
            hash: self.head.hash.to_string(),
            at: self.at.clone(),
            public_key: self.public_key.clone(),
            signature: STANDARD.encode(&self.signature),
        };
        // Numbers and texts can't fail to be JSON.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Where the log ended.
    pub fn head(&self) -> ChainHead {
        self.head
    }

    /// Whether the holder of that key signed it, as it is.
    pub fn is_signed_by(&self, key: &AnchorPublicKey) -> bool {
        key.has_signed(&Self::signed_text(self.head, &self.at), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use toolfront_token::Timestamp;

    use super::*;
    use crate::anchors::AnchorKey;

    #[test]
    fn an_anchor_is_signed_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let [key, other] = ["one", "two"].map(|name| AnchorKey::make(&directory.path().join(name)).unwrap());
        let head = ChainHead { sequence: 7, hash: ChainHash::from([7; 32]) };
        let line = key.sign(head, Timestamp::from_micros(1_800_000_000_000_000)).to_line();
        let (key, other) = (key.public_key().unwrap(), other.public_key().unwrap());
        let anchor = Anchor::parse(&line).unwrap();
        assert_eq!((anchor.head(), anchor.to_line()), (head, line.clone()));
        assert!(anchor.is_signed_by(&key) && !anchor.is_signed_by(&other));
        for (from, to) in [(":7,", ":8,"), ("0707", "0708"), ("2027", "2028")] {
            let changed = Anchor::parse(&line.replacen(from, to, 1)).unwrap();
            assert_ne!(changed, anchor, "{from}");
            assert!(!changed.is_signed_by(&key), "{from}");
        }
    }
}
