//! What a slot holds ready for all its runs.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{Gid, Uid};
use rustix::process::geteuid;
use seccompiler::BpfProgram;

use super::landlock::SystemRules;
use super::paths::{Access, Place, of_the_system, open_present};
use super::seccomp;
use crate::wire::{Offered, Settings};

/// Files of the system are replaced while the gateway runs (`resolv.conf`, certificates, the loader's cache). What is
/// held open is looked up again after this.
const PLACES_FRESH: Duration = Duration::from_secs(2);

/// What a slot holds ready for all its runs.
#[derive(Default)]
pub(super) struct Kit {
    /// What the kernel was found to offer.
    pub(super) offered: Offered,
    /// Keeps the users of commands from other gateways, for as long as it is open.
    pub(super) claim: Option<OwnedFd>,
    first_user: u32,
    user_count: u32,
    pub(super) scratch_bytes: u64,
    extra_read: Vec<PathBuf>,
    unix_sockets: bool,
    names: Vec<(PathBuf, Access)>,
    places: Vec<Place>,
    places_opened: Option<Instant>,
    rules: Option<SystemRules>,
    rules_made: Option<Instant>,
    /// For a slot: inherited by all its commands.
    pub(super) filter: BpfProgram,
    /// For a command without a network, on top of that.
    pub(super) filter_of_sockets: BpfProgram,
    /// For a command that runs as the gateway's user in a release that is not its to write.
    pub(super) filters_of_shared_user: [BpfProgram; 2],
}

impl Kit {
    pub(super) fn prepare(settings: &Settings) -> io::Result<Self> {
        let as_root = geteuid().is_root();
        Ok(Self {
            first_user: settings.first_user,
            scratch_bytes: settings.scratch_bytes,
            user_count: if as_root { settings.user_count } else { 0 },
            extra_read: settings
                .extra_read
                .iter()
                .map(|path| PathBuf::from(OsStr::from_bytes(path.to_bytes())))
                .collect(),
            unix_sockets: settings.unix_sockets,
            filter: seccomp::filter(settings.unix_sockets).map_err(io::Error::other)?,
            filter_of_sockets: seccomp::filter_of_sockets().map_err(io::Error::other)?,
            filters_of_shared_user: seccomp::filters_of_shared_user().map_err(io::Error::other)?,
            ..Self::default()
        })
    }

    /// Moves everything out, for a slot.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The user that the commands of a slot run as; none where that is the gateway's own, or where none is left.
    pub(super) fn user_of_slot(&self, number: usize) -> Option<(Uid, Gid)> {
        let number = u32::try_from(number).ok().filter(|number| *number < self.user_count)?;
        let id = self.first_user.checked_add(number).filter(|id| *id > 0 && *id < u32::MAX)?;
        Some((Uid::from_raw(id), Gid::from_raw(id)))
    }

    /// The rules for one run, or none where the kernel has no Landlock.
    pub(super) fn take_rules(&mut self) -> io::Result<Option<SystemRules>> {
        if self.rules_made.is_none_or(|made| made.elapsed() >= PLACES_FRESH) {
            self.rules = None;
        }
        self.make_rules()?;
        Ok(self.rules.take())
    }

    /// Makes the rules for the next run, which takes longer than all that a run adds to them.
    pub(super) fn make_rules(&mut self) -> io::Result<()> {
        if self.offered.landlock_abi == 0 || self.rules.is_some() {
            return Ok(());
        }
        if self.names.is_empty() {
            self.names = of_the_system(&self.extra_read, self.offered.namespaces);
        }
        if self.places_opened.is_none_or(|opened| opened.elapsed() >= PLACES_FRESH) {
            self.places = open_present(&self.names);
            self.places_opened = Some(Instant::now());
        }
        let rules = SystemRules::of(&self.places, self.unix_sockets).map_err(io::Error::other)?;
        self.rules = Some(rules);
        self.rules_made = self.places_opened;
        Ok(())
    }
}
