//! What a slot holds ready for all its runs.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::geteuid;
use seccompiler::BpfProgram;

use super::landlock::{RunDirectories, RunRules, SystemRules};
use super::paths::{Access, Place, of_the_system, open_present};
use super::seccomp;
use crate::wire::{Offered, Order, Settings};

/// Files of the system are replaced while the gateway runs (`resolv.conf`, certificates, the loader's cache). What is
/// held open is looked up again after this.
const PLACES_FRESH: Duration = Duration::from_secs(2);
/// For how many releases a slot keeps the rules of their runs.
const RULES_KEPT_MAX: usize = 4;

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
    /// For the next run in a release for which none are kept. Both are made from the places as they are now.
    spare_rules: Option<SystemRules>,
    /// Those of runs that have ended, the last one last.
    rules: Vec<RunRules>,
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

    /// The rules for one run, or none where the kernel has no Landlock: those of the run before it in the very same
    /// directories, or new ones. The inner error is the run's.
    pub(super) fn take_rules(
        &mut self,
        order: &Order,
        private: &CStr,
    ) -> io::Result<Result<Option<RunRules>, Errno>> {
        if self.offered.landlock_abi == 0 {
            return Ok(Ok(None));
        }
        self.refresh_places();
        let directories = match RunDirectories::open(order, private) {
            Ok(directories) => directories,
            Err(errno) => return Ok(Err(errno)),
        };
        if let Some(kept) = self.rules.iter().position(|rules| rules.are_for(&directories)) {
            return Ok(Ok(Some(self.rules.remove(kept))));
        }
        let system = self.spare_rules.take().map_or_else(|| self.system_rules(), Ok)?;
        Ok(system.with(directories).map(Some))
    }

    /// Takes the rules of a run that has ended, for the next one in its directories. Where something of the run alone
    /// was added to them there is none.
    pub(super) fn keep_rules(&mut self, rules: RunRules) {
        if !self.offered.namespaces {
            return;
        }
        if self.rules.len() >= RULES_KEPT_MAX {
            self.rules.remove(0);
        }
        self.rules.push(rules);
    }

    /// Makes the rules that the next run may need, which takes longer than all that a run adds to them.
    pub(super) fn make_rules(&mut self) -> io::Result<()> {
        if self.offered.landlock_abi == 0 {
            return Ok(());
        }
        self.refresh_places();
        if self.spare_rules.is_none() {
            self.spare_rules = Some(self.system_rules()?);
        }
        Ok(())
    }

    pub(super) fn forget_rules(&mut self) {
        self.spare_rules = None;
        self.rules.clear();
    }

    fn system_rules(&self) -> io::Result<SystemRules> {
        SystemRules::of(&self.places, self.unix_sockets).map_err(io::Error::other)
    }

    fn refresh_places(&mut self) {
        if self.places_opened.is_some_and(|opened| opened.elapsed() < PLACES_FRESH) {
            return;
        }
        if self.names.is_empty() {
            self.names = of_the_system(&self.extra_read, self.offered.namespaces);
        }
        self.forget_rules();
        self.places = open_present(&self.names);
        self.places_opened = Some(Instant::now());
    }
}
