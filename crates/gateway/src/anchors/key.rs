//! The key that anchors are signed with, and the one that they are checked with (Ed25519, RFC 8032; RFC 8410).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toolfront_store::ChainHead;
use toolfront_token::Timestamp;
use zeroize::Zeroizing;

use super::line::Anchor;

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
/// What stands before the 32 bytes of a public key in DER: `SubjectPublicKeyInfo` of RFC 8410.
const PUBLIC_HEAD: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];
/// More than any file of a key has.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// Why anchors can't be signed or checked.
#[derive(Debug, thiserror::Error)]
pub enum AnchorFault {
    /// A file can't be read or written.
    #[error("{} can't be used: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the key.
    #[error(
        "others can read the signing key {path} (mode {mode:04o}): chmod 600 {path}, and make another one if somebody may \
         have read it",
        path = path.display()
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is no key in the file.
    #[error(
        "{} is no Ed25519 key in PEM of the kind {kind}: `toolfront audit keygen FILE` makes one",
        path.display()
    )]
    NoKey {
        /// Which file.
        path: PathBuf,
        /// Which kind of key it should be.
        kind: &'static str,
    },
    /// No key could be made.
    #[error("no key could be made: the system gives no randomness")]
    NotMade,
}

/// The key that anchors are signed with. Prints nothing of itself.
pub struct AnchorKey(Ed25519KeyPair);

/// The key that anchors are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorPublicKey([u8; 32]);

impl AnchorKey {
    /// Makes a key in a new file that only its owner can read.
    ///
    /// # Errors
    /// [`AnchorFault`] when there is such a file already, or it can't be written.
    pub fn make(path: &Path) -> Result<Self, AnchorFault> {
        let pair = Ed25519KeyPair::generate().map_err(|_| AnchorFault::NotMade)?;
        let document = pair.to_pkcs8v1().map_err(|_| AnchorFault::NotMade)?;
        let text = Zeroizing::new(to_pem(PRIVATE, document.as_ref()));
        let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        let written = written.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| AnchorFault::Unreadable { path: path.to_owned(), source })?;
        Ok(Self(pair))
    }

    /// Reads a key that nobody else can read.
    pub(super) fn read(path: &Path) -> Result<Self, AnchorFault> {
        let unreadable = |source| AnchorFault::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(AnchorFault::Exposed { path: path.to_owned(), mode });
        }
        let room = usize::try_from(FILE_BYTES_MAX).unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(room));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let der = from_pem(PRIVATE, &text).map(Zeroizing::new);
        let pair = der.and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok());
        pair.map(Self).ok_or_else(|| AnchorFault::NoKey { path: path.to_owned(), kind: PRIVATE })
    }

    /// The key that its anchors are checked with.
    ///
    /// # Errors
    /// [`AnchorFault::NotMade`] when the key has none.
    pub fn public_key(&self) -> Result<AnchorPublicKey, AnchorFault> {
        let bytes = self.0.public_key().as_ref().try_into();
        bytes.map(AnchorPublicKey).map_err(|_| AnchorFault::NotMade)
    }

    pub(super) fn sign(&self, head: ChainHead, at: Timestamp) -> Anchor {
        let at = at.to_string();
        let signature = self.0.sign(Anchor::signed_text(head, &at).as_bytes());
        Anchor {
            head,
            at,
            public_key: STANDARD.encode(self.0.public_key()),
            signature: signature.as_ref().to_vec(),
        }
    }
}

impl AnchorPublicKey {
    /// Reads a key from a file.
    ///
    /// # Errors
    /// [`AnchorFault`] when there is none.
    pub fn read(path: &Path) -> Result<Self, AnchorFault> {
        let unreadable = |source| AnchorFault::Unreadable { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let der = from_pem(PUBLIC, &text).unwrap_or_default();
        let bytes = der.strip_prefix(&PUBLIC_HEAD).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| AnchorFault::NoKey { path: path.to_owned(), kind: PUBLIC })
    }

    /// The form that [`AnchorPublicKey::read`] reads.
    pub fn to_pem(&self) -> String {
        to_pem(PUBLIC, &[PUBLIC_HEAD.as_slice(), &self.0].concat())
    }

    pub(super) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(text.as_bytes(), signature).is_ok()
    }
}

fn to_pem(kind: &str, der: &[u8]) -> String {
    // So short that it fits on one line.
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", *Zeroizing::new(STANDARD.encode(der)))
}

fn from_pem(kind: &str, text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {kind}-----"))?;
    let mut packed = Zeroizing::new(String::with_capacity(body.len()));
    packed.extend(body.chars().filter(|letter| !letter.is_ascii_whitespace()));
    STANDARD.decode(packed.as_bytes()).ok()
}

impl fmt::Debug for AnchorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnchorKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_that_was_made_reads_back_and_only_its_owner_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        let public = AnchorKey::make(&path).unwrap().public_key().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(AnchorKey::read(&path).unwrap().public_key().unwrap(), public);
        assert!(matches!(AnchorKey::make(&path), Err(AnchorFault::Unreadable { .. })), "it was there");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(AnchorKey::read(&path), Err(AnchorFault::Exposed { mode: 0o640, .. })));
        let file = directory.path().join("public.pem");
        fs::write(&file, public.to_pem()).unwrap();
        assert_eq!(AnchorPublicKey::read(&file).unwrap(), public);
        assert!(matches!(AnchorPublicKey::read(&path), Err(AnchorFault::NoKey { .. })));
    }
}
