//! Which system calls a command cannot make.
//!
//! A list of what is denied, not of what is allowed: tools are arbitrary programs, and one that dies because a new
//! libc calls something new is of no use. Denied is what reaches into other processes, changes the machine, or opens
//! large and rarely needed parts of the kernel. Landlock and the user of its own hold what is about files and signals.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

const ALWAYS: [i64; 51] = [
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Files by number instead of by name.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    // Parts of the kernel with a history.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

#[cfg(target_arch = "x86_64")]
const OF_THIS_MACHINE: [i64; 10] = [
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_uselib,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
    libc::SYS_ustat,
];
#[cfg(target_arch = "aarch64")]
const OF_THIS_MACHINE: [i64; 3] = [libc::SYS_kexec_file_load, libc::SYS_lookup_dcookie, libc::SYS_nfsservctl];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OF_THIS_MACHINE: [i64; 0] = [];

/// Flags of `clone` that make namespaces.
const NAMESPACES: [libc::c_int; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    0x80, // CLONE_NEWTIME
];

/// Pushes characters into a terminal's input, as if they had been typed.
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541C]; // TIOCSTI, TIOCLINUX
const PERSONALITY_IS_ASKED: u64 = 0xffff_ffff;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filter for every command.
pub(super) fn filter(unix_sockets: bool) -> Result<BpfProgram, Error> {
    let mut rules: Rules = ALWAYS.into_iter().chain(OF_THIS_MACHINE).map(|call| (call, Vec::new())).collect();
    let namespaces = NAMESPACES.iter().map(|flag| {
        let flag = u64::from(flag.cast_unsigned());
        when(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
    let terminal_input = TERMINAL_INPUT.iter().map(|request| when(&[(1, SeccompCmpOp::Eq, *request)]));
    rules.insert(libc::SYS_ioctl, terminal_input.collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_personality, vec![when(&[(0, SeccompCmpOp::Ne, PERSONALITY_IS_ASKED)])?]);
    // The limits of other processes, of which the gateway may be one.
    rules.insert(libc::SYS_prlimit64, vec![when(&[(0, SeccompCmpOp::Ne, 0)])?]);
    // The priority of all processes of a user.
    rules.insert(libc::SYS_setpriority, vec![when(&[(0, SeccompCmpOp::Eq, 2)])?]);
    rules.insert(libc::SYS_socket, socket_rules(unix_sockets)?);
    Ok(compile(rules)?)
}

/// Inet sockets, and asking the kernel for the machine's addresses. Unix sockets, if allowed: no filter can tell one
/// by its path, and at the end of some (a container engine's, a user's service manager) there is everything.
fn socket_rules(unix_sockets: bool) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let mut families = vec![libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    if unix_sockets {
        families.push(libc::AF_UNIX);
    }
    let others: Vec<_> =
        families.iter().map(|family| (0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned()))).collect();
    let netlink = u64::from(libc::AF_NETLINK.cast_unsigned());
    let route = u64::from(libc::NETLINK_ROUTE.cast_unsigned());
    Ok(vec![when(&others)?, when(&[(0, SeccompCmpOp::Eq, netlink), (2, SeccompCmpOp::Ne, route)])?])
}

/// For commands without a network: no socket at all. A connected pair of Unix sockets is another call.
pub(super) fn filter_of_sockets() -> Result<BpfProgram, Error> {
    Ok(compile([(libc::SYS_socket, Vec::new())].into())?)
}

/// For commands that run as the gateway's own user, which owns its files and processes: Landlock does not hold what
/// changes a file without opening it, nor how processes are scheduled.
///
/// Permissions, times and attributes seem to be changed and are not: programs that set them on what they have just
/// written (git, tar, cp) take a refusal for a failure, and in a private directory nothing depends on them. Owners are
/// refused, which such programs expect of a user.
pub(super) fn filters_of_shared_user() -> Result<[BpfProgram; 2], Error> {
    let seemingly = [
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        452, // fchmodat2
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        463, // setxattrat
        466, // removexattrat
        469, // file_setattr
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utime,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utimes,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat,
    ];
    let refused = [
        libc::SYS_fchown,
        libc::SYS_fchownat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chown,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown,
    ];
    let of_others = [
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
    ];
    let mut rules: Rules = refused.into_iter().map(|call| (call, Vec::new())).collect();
    for call in of_others {
        rules.insert(call, vec![when(&[(0, SeccompCmpOp::Ne, 0)])?]);
    }
    for call in [libc::SYS_setpriority, libc::SYS_ioprio_set] {
        rules.insert(call, vec![when(&[(1, SeccompCmpOp::Ne, 0)])?]);
    }
    let seemingly = seemingly.into_iter().map(|call| (call, Vec::new())).collect();
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let done_nothing = SeccompAction::Errno(0);
    let seemingly = SeccompFilter::new(seemingly, SeccompAction::Allow, done_nothing, machine)?;
    Ok([compile(rules)?, seemingly.try_into()?])
}

fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions.iter().map(|(argument, operator, value)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

fn compile(rules: Rules) -> Result<BpfProgram, seccompiler::BackendError> {
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, denied, machine)?.try_into()?;
    Ok(first_looks().into_iter().chain(filter).collect())
}

/// What comes before the list. The list's own first look, at the architecture, follows.
fn first_looks() -> Vec<sock_filter> {
    const LOAD_NUMBER: sock_filter = instruction(0x20, 0, 0, 0);
    const RETURN: u16 = 0x06;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
    const ANSWER: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
    let clone3 = u32::try_from(libc::SYS_clone3).unwrap_or(u32::MAX);
    let mut looks = vec![
        LOAD_NUMBER,
        // Its flags are in memory, where no filter sees them. "No such call" makes libc fall back to `clone`.
        instruction(JUMP_EQUAL, 0, 1, clone3),
        instruction(RETURN, 0, 0, ANSWER | libc::ENOSYS.cast_unsigned()),
    ];
    if cfg!(target_arch = "x86_64") {
        // The numbers of the x32 interface name the same calls and would pass any list.
        looks.push(instruction(JUMP_GREATER_OR_EQUAL, 0, 1, 0x4000_0000));
        looks.push(instruction(RETURN, 0, 0, ANSWER | libc::ENOSYS.cast_unsigned()));
    }
    looks
}

const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
