//! Secrets of environments: stored encrypted, under a key outside the database; never shown again.
//!
//! In memory they are encrypted too, in the environment's record. A value is in clear only where one is set, and
//! for as long as a command runs that it is given to.

mod key;
mod key_file;
mod keyring;
mod rotation;
mod rows;
mod sealed;

use std::sync::Arc;

use toolfront_app::{Secret, SecretName, SecretValue, VariableName};
use toolfront_token::{Entropy, EntropyFailed, ManageEnvironment, Permit, RunTool, Timestamp};

use self::key::{NONCE_BYTES, SecretKey};
pub(crate) use self::key_file::KeyFile;
pub use self::keyring::KeyFault;
pub(crate) use self::keyring::Keys;
pub use self::rotation::{KeyRotated, RotateKeyError};
pub(crate) use self::rows::{all, delete_all, of};
use self::sealed::SealedSecret;
pub use self::sealed::SealedSecrets;
use crate::actor::Acting;
use crate::audit::{self, Attribution, Event};
use crate::change::Change;
use crate::environments::{self, EnvironmentRecord, EnvironmentRefusal};
use crate::error::StoreError;
use crate::store::Store;

/// How many secrets an environment may have.
pub const SECRETS_MAX: usize = 100;
/// How many bytes their names and values may have together: a command is given all of them, and the kernel takes
/// two megabytes of arguments and variables at the most.
pub const SECRETS_BYTES_MAX: usize = 512 * 1024;
/// What each of them is longer in the table.
const TAG_BYTES: usize = 16;

/// What is shown of a secret: never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRecord {
    /// The variable that it is given as.
    pub name: VariableName,
    /// When a secret of this name was first set.
    pub created_at: Timestamp,
    /// When it was last set.
    pub updated_at: Timestamp,
}

/// A secret to be stored.
#[derive(Debug)]
pub struct NewSecret {
    name: VariableName,
    value: SecretValue,
    nonce: [u8; NONCE_BYTES],
}

impl NewSecret {
    /// A secret of that name. What `entropy` gives goes into its encryption, once.
    ///
    /// # Errors
    /// [`EntropyFailed`] when `entropy` can't be read.
    pub fn new(
        name: SecretName,
        value: SecretValue,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, EntropyFailed> {
        Ok(Self { name: name.into_variable(), value, nonce: nonce(entropy)? })
    }
}

/// A number that is used once. 96 random bits: for any number of secrets that a gateway may have, none comes twice.
fn nonce(entropy: &mut dyn Entropy) -> Result<[u8; NONCE_BYTES], EntropyFailed> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce)?;
    Ok(nonce)
}

/// Why a secret was not set or deleted; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SecretRefusal {
    /// There is no such environment.
    #[error("no such environment")]
    NotFound,
    /// The environment has no such secret.
    #[error("this environment has no secret {0}")]
    NoSuchSecret(VariableName),
    /// The environment has as many as it may have.
    #[error("this environment has {SECRETS_MAX} secrets, and may have no more")]
    TooMany,
    /// The environment's secrets are too long together.
    #[error("the secrets of an environment have at most {SECRETS_BYTES_MAX} bytes together")]
    TooLong,
    /// It can't be encrypted.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EnvironmentRefusal> for SecretRefusal {
    fn from(refusal: EnvironmentRefusal) -> Self {
        match refusal {
            EnvironmentRefusal::Store(err) => Self::Store(err),
            EnvironmentRefusal::NotFound
            | EnvironmentRefusal::NoSuchRelease(_)
            | EnvironmentRefusal::NameTaken(_) => Self::NotFound,
        }
    }
}

impl Store {
    /// Stores a secret of an environment, in the place of the one that has its name. Yields what is shown of it,
    /// and whether it is new.
    ///
    /// # Errors
    /// [`SecretRefusal`]; nothing was changed then.
    pub async fn set_secret(
        &self,
        permit: &Permit<ManageEnvironment>,
        new: NewSecret,
        by: Attribution,
        now: Timestamp,
    ) -> Result<(SecretRecord, bool), SecretRefusal> {
        let (target, acting, keys) = (*permit.target(), Acting::new(permit.by()), Arc::clone(self.keys()));
        let environment = target.environment;
        let NewSecret { name, value, nonce } = new;
        // Another gateway of the database may have rotated them.
        let ring = if self.is_shared() { keys.read_anew() } else { keys.ring() }?;
        let bytes = name.as_str().len() + value.reveal().len();
        let sealed = SealedSecret::seal(environment, &name, &value, ring.newest(), nonce)?;
        drop(value);
        self.change(move |transaction| {
            let mut record = environments::find(transaction, target, acting)?;
            // Under another file's key it would be lost when the right file is put back.
            if rows::keys(transaction)?.into_iter().any(|id| ring.get(id).is_none()) {
                return Err(KeyFault::Foreign { path: keys.path().to_owned() }.into());
            }
            let before = rows::find(transaction, environment, &name)?;
            let (others, others_bytes) = rows::beside(transaction, environment, &name)?;
            if others >= SECRETS_MAX {
                return Err(SecretRefusal::TooMany);
            }
            if others_bytes.saturating_sub(others * TAG_BYTES) + bytes > SECRETS_BYTES_MAX {
                return Err(SecretRefusal::TooLong);
            }
            rows::put(transaction, environment, &sealed, by.actor(), now)?;
            let event = Event::SecretSet { name: name.to_string() };
            audit::append(transaction, &by, Some(environment), &event, now)?;
            record.secrets = rows::of(transaction, environment)?;
            transaction.note(Change::Environment(Arc::new(record)));
            let is_new = before.is_none();
            let created_at = before.map_or(now, |before| before.created_at);
            Ok((SecretRecord { name, created_at, updated_at: now }, is_new))
        })
        .await
    }

    /// Deletes a secret of an environment, and yields what was shown of it. Takes no key.
    ///
    /// # Errors
    /// [`SecretRefusal`]; nothing was changed then.
    pub async fn delete_secret(
        &self,
        permit: &Permit<ManageEnvironment>,
        name: VariableName,
        by: Attribution,
        now: Timestamp,
    ) -> Result<SecretRecord, SecretRefusal> {
        let (target, acting) = (*permit.target(), Acting::new(permit.by()));
        let environment = target.environment;
        self.change(move |transaction| {
            let mut record = environments::find(transaction, target, acting)?;
            let Some(deleted) = rows::find(transaction, environment, &name)? else {
                return Err(SecretRefusal::NoSuchSecret(name));
            };
            rows::delete(transaction, environment, &name)?;
            let event = Event::SecretDeleted { name: name.to_string() };
            audit::append(transaction, &by, Some(environment), &event, now)?;
            record.secrets = rows::of(transaction, environment)?;
            transaction.note(Change::Environment(Arc::new(record)));
            Ok(deleted)
        })
        .await
    }

    /// What is shown of the secrets of an environment, by name. Takes no key.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn secrets(&self, permit: &Permit<ManageEnvironment>) -> Result<Vec<SecretRecord>, StoreError> {
        let target = *permit.target();
        self.read(move |connection| rows::records(connection, target)).await
    }

    /// The secrets of the permit's environment in clear, for a command that is about to run in it: those of
    /// `record`, which has to be that environment's. Nothing is read from the disk.
    ///
    /// # Errors
    /// [`KeyFault`] when there are some and they can't be decrypted; the command must not run without them.
    pub fn secrets_for_run(
        &self,
        permit: &Permit<RunTool>,
        record: &EnvironmentRecord,
    ) -> Result<Vec<Secret>, KeyFault> {
        record.secrets.open(permit.target().environment, self.keys())
    }

    /// Makes the key that secrets are encrypted under, when there is no key file and no secret is stored.
    ///
    /// # Errors
    /// [`KeyFault`] when there is no usable key afterwards: secrets can't be used then, and all else can.
    pub async fn make_key(&self, entropy: &mut (dyn Entropy + Send)) -> Result<(), KeyFault> {
        let missing = match self.keys().ring() {
            Ok(_) => return Ok(()),
            Err(fault @ KeyFault::Missing { .. }) => fault,
            Err(fault) => return Err(fault),
        };
        let unusable = |reason: String| KeyFault::Unusable { path: self.keys().path().to_owned(), reason };
        let first = SecretKey::generate(entropy).map_err(|err| unusable(err.to_string()))?;
        let used = self.read(rows::keys).await;
        if !used.map_err(|err: StoreError| unusable(err.to_string()))?.is_empty() {
            return Err(missing);
        }
        let first = SecretKey::new(1, first).ok_or_else(|| unusable("no key could be made".to_owned()))?;
        let keys = Arc::clone(self.keys());
        let written = tokio::task::spawn_blocking(move || keys.create(&first)).await;
        let written = written.map_err(|err| unusable(err.to_string()))?;
        written.map_err(|err| unusable(err.to_string()))
    }

    /// Whether secrets are stored that can't be used, and why.
    ///
    /// # Errors
    /// [`StoreError`] when that can't be read.
    pub async fn key_fault(&self) -> Result<Option<KeyFault>, StoreError> {
        let used = self.read(rows::keys).await?;
        Ok(match self.keys().ring() {
            _ if used.is_empty() => None,
            Ok(ring) if used.into_iter().all(|id| ring.get(id).is_some()) => None,
            Ok(_) => Some(KeyFault::Foreign { path: self.keys().path().to_owned() }),
            Err(fault) => Some(fault),
        })
    }
}
