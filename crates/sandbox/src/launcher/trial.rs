//! Finding out what the kernel offers by trying it, in a process that ends right after.

use std::io;

use rustix::io::{read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, geteuid, waitpid};
use rustix::thread::set_no_new_privs;

use super::kit::Kit;
use super::landlock;
use super::slot::enter_namespaces;
use crate::sys::{self, Forked};
use crate::wire::Offered;

const NO_NEW_PRIVS: i32 = 1;
const SECCOMP: i32 = 2;
const OWN_USER: i32 = 4;
const ABI_SHIFT: i32 = 8;

/// Tries everything once.
pub(super) fn of(kit: &Kit) -> io::Result<Offered> {
    let namespaces = namespaces_work()?;
    let found = in_a_fork(sys::fork, || {
        let abi = i32::try_from(landlock::abi()).unwrap_or(0);
        let mut found = abi << ABI_SHIFT;
        if kit.user_of_slot(0).is_some_and(|(uid, gid)| {
            use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
            set_thread_groups(&[])
                .and_then(|()| set_thread_res_gid(gid, gid, gid))
                .and_then(|()| set_thread_res_uid(uid, uid, uid))
                .is_ok()
        }) {
            found |= OWN_USER;
        }
        if set_no_new_privs(true).is_ok() {
            found |= NO_NEW_PRIVS;
        }
        if seccompiler::apply_filter(&kit.filter).is_ok() {
            found |= SECCOMP;
        }
        found
    })?;
    Ok(Offered {
        landlock_abi: u32::try_from(found >> ABI_SHIFT).unwrap_or(0),
        seccomp: found & SECCOMP != 0,
        no_new_privs: found & NO_NEW_PRIVS != 0,
        own_user: found & OWN_USER != 0,
        namespaces,
    })
}

fn namespaces_work() -> io::Result<bool> {
    let entered = || i32::from(enter_namespaces().is_ok());
    Ok(geteuid().is_root() && in_a_fork(sys::fork_into_namespaces, entered)? == 1)
}

/// What a function gives in a process of its own; 0 if there is no such process.
fn in_a_fork(fork: fn() -> io::Result<Forked>, tried: impl FnOnce() -> i32) -> io::Result<i32> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    match fork() {
        Ok(Forked::Child) => {
            let _ = write(&writer, &tried().to_ne_bytes());
            sys::exit_now(0)
        }
        Ok(Forked::Parent(pid)) => {
            drop(writer);
            let mut found = [0; 4];
            let count = read(&reader, &mut found)?;
            waitpid(Some(pid), WaitOptions::empty())?;
            Ok(if count == found.len() { i32::from_ne_bytes(found) } else { 0 })
        }
        Err(_) => Ok(0),
    }
}
