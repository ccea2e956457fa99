//! Another key for all secrets.
//!
//! The order holds whenever a process may end: the file has both keys; then everything is encrypted under the new
//! one, in one transaction; then the file has the new key alone. At each step the file has the keys of everything
//! that is stored, and a rotation that was cut short is done over by the next one.

use std::io;
use std::sync::Arc;

use toolfront_token::{Entropy, EntropyFailed, EnvId, Timestamp};

use super::key::SecretKey;
use super::keyring::{KeyFault, Keyring};
use super::sealed::SealedSecret;
use super::{nonce, rows};
use crate::audit::{self, Attribution, Event};
use crate::change::Change;
use crate::environments;
use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::store::Store;
use crate::writer::ChangeTransaction;

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotated {
    /// The number of the key that everything is encrypted under now.
    pub number: u32,
    /// How many secrets were encrypted anew.
    pub secrets: usize,
}

/// Why the key was not rotated. No secret is lost, whichever it is.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// The present keys can't be used, so that nothing can be encrypted anew.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The file of keys can't be written.
    #[error("the key file can't be written; the secrets are as they were")]
    Write(#[source] io::Error),
    /// Everything is encrypted anew, and the old key is still in the file.
    #[error(
        "the secrets are encrypted under the new key, and the old one could not be taken out of the file: rotate again"
    )]
    OldKeyRemains(#[source] io::Error),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes another key, encrypts all secrets under it, and removes the keys before it; on the authority of
    /// whoever commands the host.
    ///
    /// # Errors
    /// [`RotateKeyError`]; each says what is the case then.
    pub async fn rotate_key(
        &self,
        mut entropy: impl Entropy + Send + 'static,
        by: Attribution,
        now: Timestamp,
    ) -> Result<KeyRotated, RotateKeyError> {
        let keys = Arc::clone(self.keys());
        let old = keys.ring()?;
        let number = old.newest().number().saturating_add(1);
        let bytes = SecretKey::generate(&mut entropy)?;
        let new = Arc::new(SecretKey::new(number, bytes).ok_or(EntropyFailed)?);

        self.put_keys(&old, Some(&new)).await.map_err(RotateKeyError::Write)?;
        let (ring, newest) = (Arc::clone(&old), Arc::clone(&new));
        let path = keys.path().to_owned();
        let resealed = self
            .change(move |transaction| {
                let foreign = KeyFault::Foreign { path };
                let secrets = reseal_all(transaction, &ring, &newest, &foreign, &mut entropy)?;
                let event = Event::KeyRotated { number, secrets };
                audit::append(transaction, &by, None, &event, now)?;
                Ok::<_, RotateKeyError>(secrets)
            })
            .await;
        let secrets = match resealed {
            Ok(secrets) => secrets,
            Err(err) => {
                // Unless the commit's fate is unknown: then both keys have to stay.
                let is_undone = self.read(rows::keys).await;
                if is_undone.is_ok_and(|used: Vec<_>| !used.contains(&new.id())) {
                    let _ = self.put_keys(&old, None).await;
                }
                return Err(err);
            }
        };
        let newest = Arc::clone(&new);
        let removed = tokio::task::spawn_blocking(move || keys.put([newest.as_ref()])).await;
        removed.unwrap_or_else(|err| Err(io::Error::other(err))).map_err(RotateKeyError::OldKeyRemains)?;
        Ok(KeyRotated { number, secrets })
    }

    async fn put_keys(&self, old: &Arc<Keyring>, new: Option<&Arc<SecretKey>>) -> io::Result<()> {
        let (keys, old, new) = (Arc::clone(self.keys()), Arc::clone(old), new.cloned());
        let put = tokio::task::spawn_blocking(move || keys.put(old.iter().chain(new.as_deref())));
        put.await.unwrap_or_else(|err| Err(io::Error::other(err)))
    }
}

/// Encrypts everything under `newest`, and yields how much that is.
fn reseal_all(
    transaction: &mut ChangeTransaction<'_, '_>,
    ring: &Keyring,
    newest: &SecretKey,
    foreign: &KeyFault,
    entropy: &mut dyn Entropy,
) -> Result<usize, RotateKeyError> {
    let mut count = 0;
    for (id, secrets) in rows::all(transaction)? {
        let environment = EnvId::from_stored(id, "environment_secrets", "environment_id")?;
        for sealed in secrets.iter() {
            let key = ring.get(sealed.value.key).ok_or_else(|| foreign.clone())?;
            let secret = sealed.open(environment, key)?;
            let nonce = nonce(entropy)?;
            let sealed = SealedSecret::seal(environment, &secret.name, &secret.value, newest, nonce)?;
            rows::reseal(transaction, environment, &sealed)?;
            count += 1;
        }
    }
    let mut changed = Vec::new();
    environments::load(transaction, &mut |record| changed.push(record))?;
    for record in changed.into_iter().filter(|record| !record.secrets.is_empty()) {
        transaction.note(Change::Environment(Arc::new(record)));
    }
    Ok(count)
}
