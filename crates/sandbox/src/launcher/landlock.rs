//! Which files a command reaches, which ports, and whom it may signal.

use std::ffi::CStr;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope, make_bitflags,
};
use rustix::io::Errno;

use super::kit::Kit;
use super::paths::{Access, Place};
use crate::wire::Order;

/// The newest that is known here. What the kernel lacks is left out by the crate: the cage as it should be is one
/// thing, what a machine offers another, and [`super::trial`] says which of it there is.
const NEWEST: ABI = ABI::V10;

/// Confines this process for good. `own_proc`: where there is no `/proc` for the run alone, the place in it that is
/// this process's.
pub(super) fn confine(kit: &Kit, order: &Order, own_proc: Option<&Place>) -> Result<(), Errno> {
    if kit.offered.landlock_abi == 0 {
        return Ok(());
    }
    let private = open(&order.private, Access::ReadWrite)?;
    let release_access =
        if order.writable_release { Access::ReadWriteExecute } else { Access::ReadExecute };
    let release = open(&order.release, release_access)?;
    let places = kit.places.iter().chain([&private, &release]).chain(own_proc);
    restrict(places, kit.unix_sockets, order.network).map_err(|_| errno())
}

fn open(path: &CStr, access: Access) -> Result<Place, Errno> {
    Place::open(path, access).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
}

fn errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

fn restrict<'a>(
    places: impl Iterator<Item = &'a Place>,
    unix_sockets: bool,
    network: bool,
) -> Result<(), RulesetError> {
    let mut files = AccessFs::from_all(NEWEST);
    if unix_sockets {
        files.remove(AccessFs::ResolveUnix);
    }
    let mut ruleset = Ruleset::default().handle_access(files)?.scope(Scope::from_all(NEWEST))?;
    if !network {
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let mut ruleset = ruleset.create()?;
    for place in places {
        ruleset = ruleset.add_rule(PathBeneath::new(&place.handle, rights(place)))?;
    }
    ruleset.restrict_self()?;
    Ok(())
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
