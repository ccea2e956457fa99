//! Where this process keeps what only lasts as long as it does: releases that are laid out, and the private
//! directories of commands.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use toolfront_app::BlobDigest;

/// Passed through by everybody, listed by its owner alone.
const PASSABLE: u32 = 0o711;

/// A place of this process's own. Each process has one, so that what another one left, perhaps half done, is never
/// taken for its own.
#[derive(Debug)]
pub(crate) struct WorkDirectory {
    /// Where the places of all processes of the data directory are.
    all: PathBuf,
    own: PathBuf,
}

impl WorkDirectory {
    /// Makes the place, in the data directory where it will do. When the gateway is root, commands run as other users,
    /// who must be able to pass through to it: where they can't, it is made in the system's directory for what lasts
    /// as long as the system does. `process` tells this process from every other one. Blocks.
    pub(crate) fn make(data_directory: &Path, process: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(data_directory)?;
        let data_directory = data_directory.canonicalize()?;
        let name = format!("{process:016x}");
        let is_root = rustix::process::geteuid().is_root();
        let all = match data_directory.parent() {
            _ if !is_root => data_directory.join("work"),
            Some(above) if is_passable(above) => {
                let mode = data_directory.metadata()?.permissions().mode();
                fs::set_permissions(&data_directory, Permissions::from_mode(mode | 0o011))?;
                data_directory.join("work")
            }
            _ => elsewhere(&data_directory),
        };
        DirBuilder::new().recursive(true).mode(PASSABLE).create(&all)?;
        let own = all.join(name);
        DirBuilder::new().mode(PASSABLE).create(&own)?;
        for part in [own.join("releases"), own.join("runs")] {
            DirBuilder::new().mode(PASSABLE).create(part)?;
        }
        Ok(Self { all, own })
    }

    /// Where releases are laid out.
    pub(crate) fn releases(&self) -> PathBuf {
        self.own.join("releases")
    }

    /// Where commands have their private directories.
    pub(crate) fn runs(&self) -> PathBuf {
        self.own.join("runs")
    }

    /// Removes what earlier processes of the data directory left. To be called by who has its lock. Blocks.
    pub(crate) fn tidy(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.all)? {
            let path = entry?.path();
            if path != self.own {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes it all. Blocks.
    pub(crate) fn remove(&self) -> io::Result<()> {
        remove(&self.own)
    }
}

/// Whether every user can pass through a directory and all those above it.
fn is_passable(directory: &Path) -> bool {
    directory
        .ancestors()
        .all(|above| above.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}

/// `/run` is there for what lasts as long as the system does, and is not tidied meanwhile as `/tmp` is.
fn elsewhere(data_directory: &Path) -> PathBuf {
    let run = Path::new("/run");
    let base = if run.is_dir() && is_passable(run) { run.to_owned() } else { std::env::temp_dir() };
    // A place of the data directory's own, whose lock says that nobody else is in it.
    let digest = BlobDigest::of(data_directory.as_os_str().as_encoded_bytes()).to_string();
    base.join("toolfront").join(digest.trim_start_matches("sha256:").get(..16).unwrap_or_default())
}

/// Removes a directory and all that is in it, read-only directories too.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    make_writable(path)?;
    fs::remove_dir_all(path)
}

fn make_writable(path: &Path) -> io::Result<()> {
    if !path.symlink_metadata()?.is_dir() {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    fs::read_dir(path)?.try_for_each(|entry| make_writable(&entry?.path()))
}
