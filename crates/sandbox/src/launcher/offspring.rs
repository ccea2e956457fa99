//! Killing what descends from this process.
//!
//! Whoever loses its parent becomes a child of this process, which is a subreaper. So killing the children until none
//! is left kills them all: a killed process can no longer fork, and what it had forked comes next.

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};

use crate::sys;

/// Kills and reaps every descendant. Returns when there is none.
pub(super) fn kill_all() {
    loop {
        match wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return,
            Ok(Some(_)) | Err(Errno::INTR) => continue,
            Ok(None) | Err(_) => {}
        }
        if getpid() == Pid::INIT {
            sys::kill_namespace();
        } else {
            children().for_each(kill);
        }
        // At least one of them ends now; more of them can be waited for in the next round.
        if matches!(wait(WaitOptions::empty()), Err(Errno::CHILD)) {
            return;
        }
    }
}

/// Kills and reaps every descendant but these children and what is below them.
pub(super) fn kill_all_but(kept: &[Pid]) {
    loop {
        let mut others = children().filter(|child| !kept.contains(child)).peekable();
        if others.peek().is_none() {
            return;
        }
        for child in others {
            kill(child);
            let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
        }
    }
}

/// Reaps the children that have ended, and says how `leader` did if it is among them.
pub(super) fn reap(leader: Pid) -> Option<rustix::process::WaitStatus> {
    let mut status_of_leader = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == leader {
            status_of_leader = Some(status);
        }
    }
    status_of_leader
}

fn kill(child: Pid) {
    let _ = kill_process(child, Signal::KILL);
}

/// The children of this process, as the kernel lists them or, where it was built without that list, from a walk.
fn children() -> impl Iterator<Item = Pid> {
    let own = getpid().as_raw_nonzero().get();
    let listed = fs::read_to_string(format!("/proc/self/task/{own}/children"));
    let pids: Vec<i32> = match listed {
        Ok(list) => list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
        Err(_) => walk(own),
    };
    pids.into_iter().filter_map(Pid::from_raw)
}

fn walk(parent: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(1)?.parse().ok()
}
