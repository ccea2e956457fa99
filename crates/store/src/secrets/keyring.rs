//! The keys at hand, or why there are none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use super::key::{KeyId, SecretKey};
use super::key_file::KeyFile;

/// Why secrets can't be encrypted or decrypted. Everything that needs none goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is no key file.
    #[error(
        "the key file {path} is missing: put it back from its backup and start the gateway again; if it is lost, so are \
         the secrets: unset all of them, start the gateway again, and set them anew"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It can't be read, or not be made.
    #[error("the key file {path} can't be used: {reason}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// Others than its owner can read it.
    #[error(
        "others can read the key file {path} (mode {mode:04o}): chmod 600 it and start the gateway again, and rotate the \
         key and the secrets if somebody may have read it"
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no file of keys.
    #[error("the key file {path} is damaged at line {line}: put it back from its backup")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where it is wrong.
        line: usize,
    },
    /// It lacks the key that secrets were encrypted under.
    #[error(
        "the key file {path} does not have the key that the secrets were encrypted under: put the right one back from its \
         backup and start the gateway again"
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// What is stored of a secret is not what was stored.
    #[error("what is stored of the secret {name} was changed and can't be decrypted: set it anew")]
    Changed {
        /// Which secret.
        name: String,
    },
}

/// The keys of a file, at least one.
#[derive(Debug)]
pub(crate) struct Keyring {
    keys: Vec<SecretKey>,
    newest: SecretKey,
}

impl Keyring {
    /// A ring of these keys, the newest one last. `None` without any.
    fn of(mut keys: Vec<SecretKey>) -> Option<Self> {
        let newest = keys.pop()?;
        Some(Self { keys, newest })
    }

    /// What is encrypted under from now on.
    pub(crate) fn newest(&self) -> &SecretKey {
        &self.newest
    }

    pub(crate) fn get(&self, id: KeyId) -> Option<&SecretKey> {
        self.iter().find(|key| key.id() == id)
    }

    /// All of them, the newest one last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SecretKey> {
        self.keys.iter().chain([&self.newest])
    }
}

/// The key file and what was read of it.
#[derive(Debug)]
pub(crate) struct Keys {
    file: KeyFile,
    ring: RwLock<Result<Arc<Keyring>, KeyFault>>,
}

impl Keys {
    /// Reads the keys of a file, if there are any.
    pub(crate) fn open(file: KeyFile) -> io::Result<Self> {
        file.clear()?;
        let ring = RwLock::new(read(&file));
        Ok(Self { file, ring })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The keys, read anew when that one is not among those that are known: another gateway may have put another file
    /// in the place of this one.
    pub(crate) fn ring_with(&self, key: KeyId) -> Result<Arc<Keyring>, KeyFault> {
        let known = self.ring()?;
        if known.get(key).is_some() { Ok(known) } else { self.read_anew() }
    }

    /// The keys as they are in the file now. Blocks.
    pub(crate) fn read_anew(&self) -> Result<Arc<Keyring>, KeyFault> {
        let mut ring = self.ring.write();
        *ring = read(&self.file);
        ring.clone()
    }

    /// Has a file of this key where there is none, and what is there then in memory. Blocks.
    pub(crate) fn create(&self, key: &SecretKey) -> io::Result<()> {
        let mut ring = self.ring.write();
        let created = self.file.create(key);
        *ring = read(&self.file);
        created
    }

    pub(crate) fn ring(&self) -> Result<Arc<Keyring>, KeyFault> {
        self.ring.read().clone()
    }

    /// Has a file of these keys in the place of the one there was, and the same in memory. Blocks.
    pub(crate) fn put<'k>(&self, keys: impl IntoIterator<Item = &'k SecretKey>) -> io::Result<()> {
        let mut ring = self.ring.write();
        let written = self.file.write(keys);
        // Whatever came of it: what counts is what is there.
        *ring = read(&self.file);
        written
    }
}

fn read(file: &KeyFile) -> Result<Arc<Keyring>, KeyFault> {
    let ring = Keyring::of(file.read()?).map(Arc::new);
    ring.ok_or_else(|| KeyFault::Malformed { path: file.path().to_owned(), line: 1 })
}
