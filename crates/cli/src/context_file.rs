//! The file of contexts: gateways that were logged in to, with their keys. Written atomically, for its owner alone.

mod contexts;
mod text;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub(crate) use contexts::{Context, Contexts};
pub(crate) use text::position;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The file of contexts, which need not be there yet.
#[derive(Clone, Debug)]
pub(crate) struct ContextFile {
    path: PathBuf,
}

impl ContextFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the contexts; none when there is no file.
    ///
    /// # Errors
    /// When the file can't be read or is not what it should be; the message names the line and the column, and repeats no key.
    pub(crate) fn read(&self) -> Result<Contexts, Failure> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contexts::default()),
            Err(error) => return Err(self.fault(&format!("can't be read: {error}"))),
        };
        let mut contexts = text::parse(&text)
            .map_err(|fault| Failure::wrong_use(format!("{}{fault}", self.path.display())))?;
        if contexts.has_keys() && self.is_open_to_others() {
            contexts.warn(format!(
                "others can read {path}, which has keys in it: chmod 600 {path}",
                path = self.path.display()
            ));
        }
        Ok(contexts)
    }

    /// Changes the contexts. Two programs that do so at the same time do it one after the other.
    ///
    /// # Errors
    /// When the file can't be read or written; it is then as it was before.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Contexts) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        let failed = |error: std::io::Error| self.fault(&format!("can't be written: {error}"));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let lock = File::open(directory).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut contexts = self.read()?;
        let outcome = change(&mut contexts)?;
        self.write(&text::render(&contexts)).map_err(failed)?;
        Ok(outcome)
    }

    /// Puts a whole new file into the place of the old one. When the path is a link, the file that it leads to is replaced.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let target = match self.path.canonicalize() {
            Ok(target) => target,
            Err(error) if error.kind() == ErrorKind::NotFound => self.path.clone(),
            Err(error) => return Err(error),
        };
        let directory = target.parent().unwrap_or_else(|| Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".config-")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&target).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    }

    fn is_open_to_others(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    fn fault(&self, what: &str) -> Failure {
        Failure::failed(format!("{} {what}", self.path.display()))
    }
}

#[cfg(test)]
mod tests;
