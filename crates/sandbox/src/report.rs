//! What the machine offers of the cage, and what is enforced.

/// What the machine offers of the cage, and what is enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxReport {
    /// Layer by layer, in the order in which a command gets them.
    pub layers: Vec<LayerReport>,
    /// A command that is to have no network has none. Elsewhere it does not run.
    pub can_withhold_network: bool,
}

/// One layer of the cage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerReport {
    /// Its name, for people.
    pub name: &'static str,
    /// Without it, the cage does not hold what it promises.
    pub required: bool,
    /// It was tried at the start, and is in force for every command.
    pub enforced: bool,
    /// What it does, or what is not held without it.
    pub note: String,
}

impl SandboxReport {
    /// Everything that the promise rests on is in force.
    pub fn is_full(&self) -> bool {
        self.missing().next().is_none()
    }

    /// The layers that the promise rests on and that are not in force.
    pub fn missing(&self) -> impl Iterator<Item = &LayerReport> {
        self.layers.iter().filter(|layer| layer.required && !layer.enforced)
    }

    /// Commands are started directly, without any of it.
    pub(crate) fn of_nothing(why: &'static str) -> Self {
        Self {
            layers: vec![LayerReport { name: "cage", required: true, enforced: false, note: why.to_owned() }],
            can_withhold_network: false,
        }
    }
}

#[cfg(target_os = "linux")]
mod offered {
    use super::{LayerReport, SandboxReport};
    use crate::wire::Offered;

    impl SandboxReport {
        pub(crate) fn of(offered: Offered, unix_sockets: bool) -> Self {
            let abi = offered.landlock_abi;
            let layer = |name, required, enforced, note: &str, otherwise: &str| LayerReport {
                name,
                required,
                enforced,
                note: if enforced { note } else { otherwise }.to_owned(),
            };
            let held_otherwise = offered.own_user || offered.namespaces;
            let layers = vec![
                LayerReport {
                    name: "landlock: files",
                    required: true,
                    enforced: abi >= 3,
                    note: match abi {
                        0 => "the kernel has no Landlock, or it is not enabled: a command reads and writes what its \
                              user may. Linux 6.2 and `landlock` in the kernel's `lsm=` list are needed"
                            .to_owned(),
                        1 | 2 => format!("ABI {abi} does not hold truncating files; Linux 6.2 is needed"),
                        abi => format!("ABI {abi}: the system's own directories, the release and a private directory"),
                    },
                },
                layer(
                    "landlock: signals and abstract sockets",
                    !held_otherwise,
                    abi >= 6,
                    "none leave the run",
                    "ABI 6 (Linux 6.12) is needed; a user of its own and a process namespace hold signals too",
                ),
                layer(
                    "seccomp",
                    true,
                    offered.seccomp,
                    "no ptrace, mounts, modules, keys, bpf, io_uring or namespaces; no socket where there is to be no \
                     network",
                    "the kernel refuses filters: system calls are not held, and commands that are to have no network do not run",
                ),
                layer(
                    "unix sockets",
                    false,
                    offered.seccomp && !unix_sockets,
                    "none can be made: services that listen on one (containers, sessions, databases) are out of reach",
                    "allowed: a command reaches every service whose socket its user may open",
                ),
                layer(
                    "no new privileges",
                    true,
                    offered.no_new_privs,
                    "setuid programs run without their privileges",
                    "setuid programs work",
                ),
                layer(
                    "own user",
                    false,
                    offered.own_user,
                    "each run has a user id that no other run at that time has: permissions of files hold, and the \
                     number of processes is each run's own",
                    "the gateway does not run as root: commands run as its user. Landlock keeps them from its files \
                     and processes; the limit on processes is shared by all runs",
                ),
                layer(
                    "own processes",
                    false,
                    offered.namespaces,
                    "each run sees its own processes only, and /proc shows no others",
                    "no process namespace: of /proc a command reads what is its first process's own",
                ),
            ];
            Self { layers, can_withhold_network: offered.seccomp }
        }
    }
}
