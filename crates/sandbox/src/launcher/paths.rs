//! What of the system a command may read: a list of names, and the files that are there now.
//!
//! All of it is what any user of a common distribution may read anyway, and what programs cannot do without: the
//! programs themselves, their libraries, and from `/etc` the files that say who and where things are. The rest of
//! `/etc` stays out: other services' configuration is there, and not always as private as it should be.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};

/// Programs and libraries: read and executed. `/opt` is not among them: what lies there is as often an application
/// with its data as it is a program. The gateway's configuration adds it where it is wanted.
const PROGRAMS: [&str; 10] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec", "/nix/store", "/gnu/store"];

/// Configuration that programs and libraries look for: read.
const CONFIGURATION: [&str; 56] = [
    // Who is who, and which machine is where.
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/networks",
    "/etc/rpc",
    "/etc/netconfig",
    // Whom to trust: certificates, never private keys.
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/gnutls/config",
    "/var/lib/ca-certificates",
    // Loading and choosing programs.
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/alternatives",
    "/etc/static",
    // Language, time, terminal, types of files.
    "/etc/localtime",
    "/etc/timezone",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/default/locale",
    "/etc/terminfo",
    "/etc/inputrc",
    "/etc/mime.types",
    "/etc/magic",
    "/etc/magic.mime",
    "/etc/fonts",
    "/etc/papersize",
    "/etc/paperspecs",
    // Which system this is.
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/debian_version",
    "/etc/redhat-release",
    "/etc/alpine-release",
    // What single programs refuse to work without when it is there.
    "/etc/gitconfig",
    "/etc/wgetrc",
    "/etc/perl",
    "/etc/ssh/ssh_config",
    "/etc/ssh/ssh_config.d",
    "/etc/ssh/ssh_known_hosts",
];

/// Directories of `/etc` with a version in their names, which interpreters keep their settings in.
const CONFIGURATION_PREFIXES: [&str; 3] = ["java-", "python3", "ImageMagick-"];

/// What tells how many processors and how much memory there are.
const MACHINE: [&str; 2] = ["/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage"];

/// What `/proc` tells about the machine and no process: read where a command has no `/proc` of its own.
const PROC_OF_THE_MACHINE: [&str; 12] = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/ngroups_max",
    "/proc/sys/kernel/cap_last_cap",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/net/core/somaxconn",
];

/// Devices that hold nothing: read and written.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// What may be done with a file or below a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    ReadExecute,
    ReadWriteDevice,
    /// Everything but executing and making devices.
    ReadWrite,
    /// Everything but making devices.
    ReadWriteExecute,
}

/// A file or directory, held open by name only.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) handle: OwnedFd,
    pub(super) is_directory: bool,
    pub(super) access: Access,
    /// The device and the number on it: nothing else has them for as long as this is held open.
    pub(super) inode: (u64, u64),
}

impl Place {
    pub(super) fn open(path: impl rustix::path::Arg, access: Access) -> io::Result<Self> {
        let handle = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let found = fstat(&handle)?;
        let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        Ok(Self { handle, is_directory, access, inode: (found.st_dev, found.st_ino) })
    }
}

/// The names that make up the system for a command, whether there is something of that name or not.
pub(super) fn of_the_system(extra_read: &[PathBuf], own_proc: bool) -> Vec<(PathBuf, Access)> {
    let programs = PROGRAMS.into_iter().map(|path| (path.into(), Access::ReadExecute));
    let configuration = CONFIGURATION.into_iter().chain(MACHINE).map(|path| (path.into(), Access::Read));
    let proc: &[&str] = if own_proc { &["/proc"] } else { &PROC_OF_THE_MACHINE };
    let proc = proc.iter().map(|path| (path.into(), Access::Read));
    let devices = DEVICES.into_iter().map(|path| (path.into(), Access::ReadWriteDevice));
    let extra = extra_read.iter().map(|path| (path.clone(), Access::ReadExecute));
    let versioned = versioned_configuration().into_iter().map(|path| (path, Access::Read));
    programs.chain(configuration).chain(versioned).chain(proc).chain(devices).chain(extra).collect()
}

fn versioned_configuration() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new("/etc")) else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| CONFIGURATION_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .map(|name| Path::new("/etc").join(name))
        .collect()
}

/// Those that are there now. Links that are names for one place in the list add nothing.
pub(super) fn open_present(names: &[(PathBuf, Access)]) -> Vec<Place> {
    let mut seen = std::collections::BTreeSet::new();
    names
        .iter()
        .filter_map(|(path, access)| Place::open(path, *access).ok())
        .filter(|place| seen.insert(place.inode))
        .collect()
}
