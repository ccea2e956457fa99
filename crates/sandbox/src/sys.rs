//! The system calls that no safe wrapper offers. Nearly all `unsafe` of the workspace is here.
//!
//! All of them are meant for the launcher and what it forks, which have one thread each.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::ptr;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid};

/// Which side of a fork this is.
pub(crate) enum Forked {
    Parent(Pid),
    Child,
}

/// Forks this process, which must have one thread.
pub(crate) fn fork() -> io::Result<Forked> {
    #[expect(unsafe_code, reason = "no safe wrapper can know that there is one thread")]
    // SAFETY: takes no pointer. The launcher and its forks never start a thread, so no lock can be held by a thread
    // that the child lacks, and the child may run any code.
    let pid = unsafe { libc::fork() };
    forked(pid)
}

/// Forks into a process that is the first of a new namespace of process ids, and has its own view of the mounts.
pub(crate) fn fork_into_namespaces() -> io::Result<Forked> {
    let flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::SIGCHLD;
    #[expect(unsafe_code, reason = "glibc has no fork with flags")]
    // SAFETY: without CLONE_VM and with a null stack this is a fork: the child goes on with a copy of this memory on a
    // copy of this stack. There is one thread, see `fork`; glibc keeps no copy of the process id (since 2.25), and its
    // own set-up after a fork concerns other threads' locks.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags), 0, 0, 0, 0) };
    forked(c_int::try_from(pid).unwrap_or(-1))
}

fn forked(pid: c_int) -> io::Result<Forked> {
    match pid {
        0 => Ok(Forked::Child),
        -1 => Err(io::Error::last_os_error()),
        pid => Pid::from_raw(pid).map(Forked::Parent).ok_or_else(|| io::Error::from(Errno::INVAL)),
    }
}

/// Ends this process without running anything that it registered.
pub(crate) fn exit_now(code: i32) -> ! {
    #[expect(unsafe_code, reason = "std's exit runs handlers that belong to the parent of a fork")]
    // SAFETY: `_exit` ends the process and touches no memory.
    unsafe {
        libc::_exit(code)
    }
}

/// A stack for a child that shares this process's memory.
pub(crate) struct Stack(Vec<u128>);

impl Stack {
    const WORDS: usize = 256 * 1024 / size_of::<u128>();

    pub(crate) fn new() -> Self {
        Self(vec![0; Self::WORDS])
    }
}

/// Starts a child that runs `become_program`, and returns when the child has become a program or ended.
///
/// Until then the child works in *this* memory (which is what makes it cheap: nothing is copied, neither now nor at
/// the first write to each page) while this process stands still. What the child allocates and does not free stays.
pub(crate) fn start<F: Fn() -> i32>(stack: &mut Stack, become_program: &F) -> io::Result<Pid> {
    extern "C" fn run<F: Fn() -> i32>(become_program: *mut c_void) -> c_int {
        #[expect(unsafe_code, reason = "a C function gets a pointer")]
        // SAFETY: this is the reference that `start` was given, which it holds until the child no longer runs this.
        let become_program = unsafe { &*become_program.cast_const().cast::<F>() };
        become_program()
    }
    let top = stack.0.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let argument = ptr::from_ref(become_program).cast_mut().cast::<c_void>();
    #[expect(unsafe_code, reason = "no safe wrapper can know what the child will do")]
    // SAFETY: this is what posix_spawn does. CLONE_VFORK suspends this process, which has one thread, until the child
    // executes a program or ends, so the memory has one user at a time and the borrows of `stack` and
    // `become_program` outlive the child's use of them. The stack is 256 KiB, grows down from its aligned end, and
    // belongs to this child alone. A panic in the child cannot unwind out of `run`: it aborts the child.
    let pid = unsafe { libc::clone(run::<F>, top.cast::<c_void>(), flags, argument) };
    Pid::from_raw(pid.max(0)).ok_or_else(io::Error::last_os_error)
}

/// A program with its arguments and environment, in the form in which the kernel takes them.
pub(crate) struct Program<'a> {
    file: &'a CStr,
    argv: Vec<*const c_char>,
    environment: Vec<*const c_char>,
}

impl<'a> Program<'a> {
    pub(crate) fn new(file: &'a CStr, argv: &'a [CString], environment: &'a [CString]) -> Self {
        Self { file, argv: null_terminated(argv), environment: null_terminated(environment) }
    }

    /// Becomes the program; returns only if that failed. Allocates nothing.
    pub(crate) fn execute(&self) -> Errno {
        #[expect(unsafe_code, reason = "std's `exec` runs a shell for files without a known format")]
        // SAFETY: both arrays end with a null pointer, and all that they point to is borrowed for as long as `self`.
        unsafe {
            libc::execve(self.file.as_ptr(), self.argv.as_ptr(), self.environment.as_ptr())
        };
        last_errno()
    }
}

fn null_terminated(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

/// Marks every descriptor from `first` on as close-on-exec.
pub(crate) fn seal_descriptors_from(first: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "neither std nor rustix has close_range")]
    // SAFETY: with this flag nothing is closed: descriptors get a flag that all of this process carry anyway.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// SIGKILL to every process of the namespace of which this process is the first.
pub(crate) fn kill_namespace() {
    if getpid().as_raw_nonzero().get() != 1 {
        return;
    }
    #[expect(unsafe_code, reason = "rustix names single processes and groups only")]
    // SAFETY: touches no memory. This process is number 1, so "everybody" is everybody in its own namespace.
    unsafe {
        libc::kill(-1, libc::SIGKILL)
    };
}

/// What the launcher and its slots do not die of: they end when their sockets do, after clearing away.
const HELD_BACK: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

/// Holds back the signals that a terminal or a supervisor sends, and keeps ended children to be waited for.
pub(crate) fn hold_back_signals() {
    reset(Signal::CHILD);
    set_signal_mask(libc::SIG_BLOCK, &HELD_BACK);
}

/// Gives a program the signals as it expects to find them.
pub(crate) fn release_signals() {
    reset(Signal::PIPE);
    // Python ignores it, and so does the launcher that Python became.
    reset(Signal::XFSZ);
    set_signal_mask(libc::SIG_SETMASK, &[]);
}

fn reset(signal: Signal) {
    #[expect(unsafe_code, reason = "rustix has no stable signal dispositions")]
    // SAFETY: SIG_DFL is a valid disposition, and no handler of this program is replaced by it.
    unsafe {
        libc::signal(signal.as_raw(), libc::SIG_DFL)
    };
}

fn set_signal_mask(how: c_int, signals: &[Signal]) {
    #[expect(unsafe_code, reason = "rustix has no signal masks")]
    // SAFETY: `sigemptyset` initializes the set before anything reads it; the rest works on that set alone, and the
    // old mask is not asked for.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal.as_raw());
        }
        libc::sigprocmask(how, set.as_ptr(), ptr::null_mut());
    }
}

fn last_errno() -> Errno {
    Errno::from_raw_os_error(io::Error::last_os_error().raw_os_error().unwrap_or(0))
}
