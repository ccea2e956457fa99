//! What each layer of the cage costs: the steps of a child, timed one by one.

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::io;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, mkdir, rmdir};
use rustix::pipe::pipe;
use rustix::process::{WaitOptions, getpid, waitpid};

use super::child::Becoming;
use super::kit::Kit;
use super::trial;
use crate::cage::CageLimits;
use crate::sys::{self, Program, Stack};
use crate::wire::{Order, Settings};

const ROUNDS: usize = 500;

/// Times every step of a child `ROUNDS` times, in a process with one thread, and gives the medians in microseconds.
/// For the benchmarks: `toolfront-launcher costs`.
///
/// # Errors
///
/// When a step fails.
pub fn layer_costs() -> io::Result<Vec<(String, f64)>> {
    let settings = Settings {
        extra_read: Vec::new(),
        first_user: 64_000,
        user_count: 1,
        unix_sockets: false,
        scratch_bytes: 1 << 20,
    };
    let mut kit = Kit::prepare(&settings)?;
    kit.offered = trial::of(&kit)?;
    let mut stack = Stack::new();
    let mut lines = Vec::new();
    let idle = repeat(|| {
        let begun = Instant::now();
        let child = sys::start(&mut stack, &|| 0)?;
        waitpid(Some(child), WaitOptions::empty())?;
        Ok(begun.elapsed())
    })?;
    lines.push(("a child that ends at once, started and waited for".to_owned(), idle));
    let rules = repeat(|| {
        kit.forget_rules();
        let begun = Instant::now();
        kit.make_rules()?;
        Ok(begun.elapsed())
    })?;
    lines.push(("the system's Landlock rules (made between runs)".to_owned(), rules));
    let filter = repeat(|| {
        let spent = RefCell::new(Duration::ZERO);
        let child = sys::start(&mut stack, &|| {
            let begun = Instant::now();
            let _ = seccompiler::apply_filter(&kit.filter);
            *spent.borrow_mut() = begun.elapsed();
            0
        })?;
        waitpid(Some(child), WaitOptions::empty())?;
        Ok(spent.into_inner())
    })?;
    lines.push(("the common seccomp filter (once for each slot)".to_owned(), filter));
    let private = std::env::temp_dir().join(format!("toolfront-costs-{}", std::process::id()));
    let directory = repeat(|| {
        let begun = Instant::now();
        mkdir(&private, Mode::RWXU)?;
        rmdir(&private)?;
        Ok(begun.elapsed())
    })?;
    lines.push((
        format!("a private directory, made and removed in {}", std::env::temp_dir().display()),
        directory,
    ));
    mkdir(&private, Mode::RWXU)?;
    let order = order();
    let home = CString::new(private.as_os_str().as_encoded_bytes())?;
    let stepped = steps(&mut kit, &mut stack, &order, &home);
    rmdir(&private)?;
    lines.extend(stepped?);
    Ok(lines)
}

fn order() -> Order {
    let limits = CageLimits::default();
    Order {
        argv: vec![c"true".into()],
        environment: Vec::new(),
        search_path: c"/usr/bin:/bin".into(),
        directory: c"/".into(),
        release: c"/usr".into(),
        writable_release: false,
        network: false,
        memory: limits.memory,
        processes: limits.processes,
        open_files: limits.open_files,
        file_size: limits.file_size,
        cpu_seconds: limits.cpu_seconds,
        tell_start: false,
        held: false,
    }
}

fn steps(kit: &mut Kit, stack: &mut Stack, order: &Order, private: &CStr) -> io::Result<Vec<(String, f64)>> {
    let user = kit.user_of_slot(0);
    let mut times: Vec<(&'static str, Vec<Duration>)> = Vec::new();
    for _ in 0..ROUNDS {
        let rules = kit.take_rules(order, private)?.map_err(io::Error::from)?;
        let ((_stdout, stdout), (_stderr, stderr)) = (pipe()?, pipe()?);
        let streams = [stdout, stderr];
        let becoming = Becoming {
            kit,
            order,
            program: Program::new(c"/bin/true", &[], &[]),
            rules: Ok(rules.as_ref()),
            streams: &streams,
            user,
            processes_taken: 0,
            parent: getpid(),
            word: None,
        };
        let taken = RefCell::new(Vec::with_capacity(32));
        let failed = RefCell::new(None);
        let child = sys::start(stack, &|| {
            let last = RefCell::new(Instant::now());
            let result = becoming.take_steps(|step| {
                let now = Instant::now();
                taken.borrow_mut().push((step.name(), now - last.replace(now)));
            });
            *failed.borrow_mut() = result.err();
            0
        })?;
        waitpid(Some(child), WaitOptions::empty())?;
        drop(becoming);
        if let Some(rules) = rules {
            kit.keep_rules(rules);
        }
        if let Some(failure) = failed.into_inner() {
            return Err(io::Error::other(format!("the step `{}` failed", failure.step.name())));
        }
        for (index, (name, time)) in taken.into_inner().into_iter().enumerate() {
            match times.get_mut(index) {
                Some((_, all)) => all.push(time),
                None => times.push((name, vec![time])),
            }
        }
    }
    Ok(times.into_iter().map(|(name, all)| (format!("step: {name}"), median(all))).collect())
}

fn repeat(mut one: impl FnMut() -> io::Result<Duration>) -> io::Result<f64> {
    (0..ROUNDS).map(|_| one()).collect::<io::Result<Vec<_>>>().map(median)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6
}
