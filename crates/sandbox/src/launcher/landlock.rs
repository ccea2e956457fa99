//! Which files a command reaches, which ports, and whom it may signal.

use std::ffi::CStr;

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

    /// Confines this process for good, to these rules and those of its run. `own_proc`: where there is no `/proc` for
    /// the run alone, the place in it that is this process's.
    pub(super) fn confine(
        &self,
        order: &Order,
        private: &CStr,
        own_proc: Option<Place>,
    ) -> Result<(), Errno> {
        let release_access =
            if order.writable_release { Access::ReadWriteExecute } else { Access::ReadExecute };
        let private = open(private, Access::ReadWrite)?;
        let release = open(&order.release, release_access)?;
        let ruleset = self.0.try_clone().map_err(|error| errno_of(&error))?;
        let places = [Some(private), Some(release), own_proc];
        let ruleset = add(ruleset, places.iter().flatten()).map_err(|_| last_errno())?;
        ruleset.restrict_self().map_err(|_| last_errno())?;
        if !order.network {
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
