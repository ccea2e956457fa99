//! A key that secrets are encrypted under.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use toolfront_token::{Entropy, EntropyFailed};
use zeroize::Zeroizing;

pub(crate) const KEY_BYTES: usize = 32;
pub(crate) const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const ID_BYTES: usize = 8;

/// What stands in the database for the key that a value was encrypted under: enough to tell keys apart, and
/// nothing from which the key could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId(pub(crate) [u8; ID_BYTES]);

/// A key. Wiped from memory when dropped, and prints nothing of itself.
pub(crate) struct SecretKey {
    number: u32,
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    cipher: LessSafeKey,
}

/// What a value became: of no use without the key, its environment and its name.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Ciphertext {
    pub(crate) key: KeyId,
    pub(crate) nonce: [u8; NONCE_BYTES],
    /// As long as the value, and a tag behind it.
    pub(crate) bytes: Box<[u8]>,
}

/// The cipher refused: what was encrypted was changed, or is another's.
#[derive(Debug)]
pub(crate) struct NotAuthentic;

impl SecretKey {
    /// The key with that number. `None` when the cipher takes no such key, which it does of this length.
    pub(crate) fn new(number: u32, bytes: Zeroizing<[u8; KEY_BYTES]>) -> Option<Self> {
        let digest = Sha256::new().chain_update(b"toolfront secrets key").chain_update(&bytes[..]).finalize();
        let id = KeyId(*digest.first_chunk()?);
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes[..]).ok()?);
        Some(Self { number, id, bytes, cipher })
    }

    /// New random bytes for a key.
    pub(crate) fn generate(entropy: &mut dyn Entropy) -> Result<Zeroizing<[u8; KEY_BYTES]>, EntropyFailed> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(&mut bytes[..])?;
        Ok(bytes)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// For the key file, and nothing else.
    pub(crate) fn reveal(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// Encrypts a value. A nonce is used once.
    pub(crate) fn seal(
        &self,
        value: &[u8],
        nonce: [u8; NONCE_BYTES],
        bound_to: &[u8],
    ) -> Result<Ciphertext, NotAuthentic> {
        let mut bytes = Vec::with_capacity(value.len() + TAG_BYTES);
        bytes.extend_from_slice(value);
        let sealing = Nonce::assume_unique_for_key(nonce);
        let sealed = self.cipher.seal_in_place_separate_tag(sealing, Aad::from(bound_to), &mut bytes);
        let Ok(tag) = sealed else {
            drop(Zeroizing::new(bytes));
            return Err(NotAuthentic);
        };
        bytes.extend_from_slice(tag.as_ref());
        Ok(Ciphertext { key: self.id, nonce, bytes: bytes.into() })
    }

    /// Decrypts a value that was encrypted under this key, bound to the same.
    pub(crate) fn open(
        &self,
        sealed: &Ciphertext,
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let mut bytes = Zeroizing::new(sealed.bytes.to_vec());
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let opened = self.cipher.open_in_place(nonce, Aad::from(bound_to), &mut bytes);
        let length = opened.map_err(|_| NotAuthentic)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, …)", self.number)
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ciphertext([{} bytes])", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::new(1, Zeroizing::new([byte; KEY_BYTES])).unwrap()
    }

    #[test]
    fn a_value_comes_back_and_is_not_in_what_it_became() {
        let sealed = key(1).seal(b"hunter2", [0; NONCE_BYTES], b"docs/KEY").unwrap();
        assert_eq!(sealed.bytes.len(), 7 + TAG_BYTES);
        assert!(!sealed.bytes.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(key(1).open(&sealed, b"docs/KEY").unwrap().as_slice(), b"hunter2");
    }

    #[test]
    fn nothing_comes_back_of_what_was_changed_or_is_anothers() {
        let sealed = key(1).seal(b"hunter2", [0; NONCE_BYTES], b"docs/KEY").unwrap();
        assert!(key(2).open(&sealed, b"docs/KEY").is_err());
        assert!(key(1).open(&sealed, b"docs/OTHER").is_err());
        for place in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[place] ^= 1;
            assert!(key(1).open(&changed, b"docs/KEY").is_err(), "{place}");
        }
        let cut = Ciphertext { bytes: sealed.bytes[..TAG_BYTES - 1].into(), ..sealed.clone() };
        assert!(key(1).open(&cut, b"docs/KEY").is_err());
        assert!(key(1).open(&Ciphertext { nonce: [1; NONCE_BYTES], ..sealed }, b"docs/KEY").is_err());
    }

    #[test]
    fn keys_are_told_apart_and_print_nothing_of_themselves() {
        assert_ne!(key(1).id(), key(2).id());
        assert_eq!(format!("{:?}", key(0x61)), "SecretKey(1, …)");
        let sealed = key(1).seal(b"hunter2", [0; NONCE_BYTES], b"").unwrap();
        assert_eq!(format!("{sealed:?}"), "Ciphertext([23 bytes])");
    }

    /// Test case 16 of the specification of GCM (by `McGrew` and `Viega`), which has additional data.
    #[test]
    fn the_cipher_is_aes_256_gcm() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let bytes = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let key = SecretKey::new(1, Zeroizing::new(bytes.try_into().unwrap())).unwrap();
        let plain = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let nonce = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let sealed = key.seal(&plain, nonce, &hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")).unwrap();
        let expected = hex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        );
        assert_eq!(sealed.bytes.as_ref(), expected);
    }
}
