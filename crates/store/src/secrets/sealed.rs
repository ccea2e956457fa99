//! Secrets as they are stored and kept in memory: encrypted.

use std::sync::Arc;

use toolfront_app::{Secret, SecretValue, VariableName};
use toolfront_token::EnvId;
use zeroize::Zeroizing;

use super::key::{Ciphertext, NONCE_BYTES, SecretKey};
use super::keyring::{KeyFault, Keys};

/// The secrets of an environment, encrypted: what a run is given its values from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedSecrets(Arc<[SealedSecret]>);

/// One of them. Its value is of no use without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedSecret {
    pub(crate) name: VariableName,
    pub(crate) value: Ciphertext,
}

impl SealedSecrets {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SealedSecret> {
        self.0.iter()
    }

    /// Decrypts those that may be given to a command: a name that was found to steer what is run since its secret
    /// was stored is left out.
    pub(super) fn open(&self, environment: EnvId, keys: &Keys) -> Result<Vec<Secret>, KeyFault> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let open = |sealed: &SealedSecret| {
            let ring = keys.ring_with(sealed.value.key)?;
            let key = ring.get(sealed.value.key);
            let key = key.ok_or_else(|| KeyFault::Foreign { path: keys.path().to_owned() })?;
            sealed.open(environment, key)
        };
        self.0.iter().filter(|sealed| !sealed.name.is_steering()).map(open).collect()
    }
}

impl FromIterator<SealedSecret> for SealedSecrets {
    fn from_iter<I: IntoIterator<Item = SealedSecret>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl SealedSecret {
    /// Encrypts a value, bound to its environment and its name.
    pub(super) fn seal(
        environment: EnvId,
        name: &VariableName,
        value: &SecretValue,
        key: &SecretKey,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Self, KeyFault> {
        let value = key.seal(value.reveal().as_bytes(), nonce, &bound_to(environment, name));
        let value = value.map_err(|_| changed(name))?;
        Ok(Self { name: name.clone(), value })
    }

    pub(super) fn open(&self, environment: EnvId, key: &SecretKey) -> Result<Secret, KeyFault> {
        let opened = key.open(&self.value, &bound_to(environment, &self.name));
        let mut bytes = opened.map_err(|_| changed(&self.name))?;
        let text = String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new);
        let text = text.map_err(|err| {
            drop(Zeroizing::new(err.into_bytes()));
            changed(&self.name)
        })?;
        let value = SecretValue::parse(text).map_err(|_| changed(&self.name))?;
        Ok(Secret { name: self.name.clone(), value })
    }
}

/// What is authenticated with a value. The environment's part has a fixed length, so that no two environments and
/// names make the same.
fn bound_to(environment: EnvId, name: &VariableName) -> Vec<u8> {
    [&environment.bits().to_be_bytes()[..], name.as_str().as_bytes()].concat()
}

fn changed(name: &VariableName) -> KeyFault {
    KeyFault::Changed { name: name.to_string() }
}
