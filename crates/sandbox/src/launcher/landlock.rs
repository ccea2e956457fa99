//! Which files a command reaches, which ports, and whom it may signal.

use std::ffi::{CStr, CString};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};
use rustix::io::Errno;

use super::paths::{Access, Place};
use crate::wire::Order;

/// The newest that is known here. What the kernel lacks is left out by the crate: the cage as it should be is one
/// thing, what a machine offers another, and [`super::trial`] says which of it there is.
const NEWEST: ABI = ABI::V10;

/// The rules that are the same for every run, ready for those of one run to be added.
pub(super) struct SystemRules(RulesetCreated);

impl SystemRules {
    pub(super) fn of(places: &[Place], unix_sockets: bool) -> Result<Self, RulesetError> {
        let mut files = AccessFs::from_all(NEWEST);
        if unix_sockets {
            files.remove(AccessFs::ResolveUnix);
        }
        let ruleset = Ruleset::default().handle_access(files)?.scope(Scope::from_all(NEWEST))?.create()?;
        add(ruleset, places).map(Self)
    }

    /// Adds those of a run in these directories.
    pub(super) fn with(self, directories: RunDirectories) -> Result<RunRules, Errno> {
        let ruleset = add(self.0, [&directories.private, &directories.release]).map_err(|_| last_errno())?;
        Ok(RunRules { ruleset, directories })
    }
}

/// What the rules of one run name and those of another may not. Held open, so that nothing else can become of what
/// they are known by.
pub(super) struct RunDirectories {
    release_path: CString,
    release: Place,
    private: Place,
}

impl RunDirectories {
    pub(super) fn open(order: &Order, private: &CStr) -> Result<Self, Errno> {
        let access = if order.writable_release { Access::ReadWriteExecute } else { Access::ReadExecute };
        let private = open(private, Access::ReadWrite)?;
        Ok(Self { release_path: order.release.clone(), release: open(&order.release, access)?, private })
    }

    /// The name is compared too: there are file systems that do not number their files as they should.
    fn are(&self, others: &Self) -> bool {
        let same = |one: &Place, other: &Place| one.inode == other.inode && one.access == other.access;
        self.release_path == others.release_path
            && same(&self.release, &others.release)
            && same(&self.private, &others.private)
    }
}

/// All the rules of a run. They confine any number of runs in the very same directories, one after the other.
pub(super) struct RunRules {
    ruleset: RulesetCreated,
    directories: RunDirectories,
}

impl RunRules {
    pub(super) fn are_for(&self, directories: &RunDirectories) -> bool {
        self.directories.are(directories)
    }

    /// Confines this process for good. `own_proc`: where there is no `/proc` for the run alone, the place in it that
    /// is this process's. It is added to the rules, which are of no use to another run then.
    pub(super) fn confine(&self, network: bool, own_proc: Option<&Place>) -> Result<(), Errno> {
        let ruleset = self.ruleset.try_clone().map_err(|error| errno_of(&error))?;
        let ruleset = add(ruleset, own_proc).map_err(|_| last_errno())?;
        ruleset.restrict_self().map_err(|_| last_errno())?;
        if !network {
            without_network().map_err(|_| last_errno())?;
        }
        Ok(())
    }
}

fn add<'a>(
    mut ruleset: RulesetCreated,
    places: impl IntoIterator<Item = &'a Place>,
) -> Result<RulesetCreated, RulesetError> {
    for place in places {
        ruleset = ruleset.add_rule(PathBeneath::new(&place.handle, rights(place)))?;
    }
    Ok(ruleset)
}

/// A second layer: no port may be bound or connected to. (That no socket can be made is seccomp's part.)
fn without_network() -> Result<(), RulesetError> {
    Ruleset::default().handle_access(AccessNet::from_all(NEWEST))?.create()?.restrict_self()?;
    Ok(())
}

fn open(path: &CStr, access: Access) -> Result<Place, Errno> {
    Place::open(path, access).map_err(|error| errno_of(&error))
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::INVAL)
}

/// The crate's errors hold the system's, deep inside; it is still the last one.
fn last_errno() -> Errno {
    errno_of(&std::io::Error::last_os_error())
}

fn rights(place: &Place) -> BitFlags<AccessFs> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = make_bitflags!(AccessFs::{
        WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg | MakeSock | MakeFifo | MakeSym | Refer | Truncate
    });
    let rights = match place.access {
        Access::Read => read,
        Access::ReadExecute => read | AccessFs::Execute,
        Access::ReadWriteDevice => read | AccessFs::WriteFile | AccessFs::IoctlDev,
        Access::ReadWrite => read | write,
        Access::ReadWriteExecute => read | write | AccessFs::Execute,
    };
    if place.is_directory { rights } else { rights & AccessFs::from_file(NEWEST) }
}

/// What the kernel has. 0: none of it.
pub(super) fn abi() -> u32 {
    use landlock::LandlockStatus;
    match landlock_status() {
        Some(LandlockStatus::Available { effective_abi, kernel_abi }) => {
            kernel_abi.and_then(|abi| u32::try_from(abi).ok()).unwrap_or(effective_abi as u32)
        }
        _ => 0,
    }
}

/// The crate tells what there is as part of restricting a process, so a process has to be restricted: a fork of the
/// launcher that ends right after.
fn landlock_status() -> Option<landlock::LandlockStatus> {
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(ABI::V1)).ok()?.create().ok()?;
    ruleset.restrict_self().ok().map(|status| status.landlock)
}
