//! Gateways that differ in one size, and what is measured at each of them in turn.

use std::rc::Rc;

use anyhow::ensure;

use super::series::{Curve, Ratios};
use crate::figures::get::{Measured, PAGE, measured};
use crate::figures::memory::REST;
use crate::figures::run::PROGRAM;
use crate::load::{CONNECTIONS, Client, Read, Reading, closed_loop, post_request};
use crate::machine::Core;
use crate::servers::gateway::{Home, Server};
use crate::site::Site;

/// How many requests one sample of an answer's time is the median of.
const REQUESTS: u32 = 40;
/// How many runs there are at once.
const AT_ONCE: u32 = 8;
/// Room for as many runs at once as there are connections.
pub(super) const LIMITS: &str =
    "[limits]\nruns_max = 512\nruns_per_environment_max = 512\nruns_per_token_max = 512\n";

const RECORDED: &str = "";
const UNRECORDED: &str = "[audit]\nreads = \"off\"\n";

/// A data directory of one size.
pub(super) struct Subject {
    pub(super) home: Rc<Home>,
    /// A page that is read and run by the administrator.
    pub(super) path: String,
    /// What is read in turn besides; nothing when there is no such figure.
    pub(super) in_turn: Vec<Read>,
}

/// A request whose time is measured at each size.
pub(super) struct Question {
    pub(super) panel: &'static str,
    pub(super) name: &'static str,
    pub(super) ratios: Ratios,
    /// By size; `None` where it would not be the same question.
    pub(super) requests: Vec<Option<Vec<u8>>>,
}

/// A page with a tool, different for each number.
pub(super) fn page(number: u32) -> String {
    let text = PAGE.rsplit_once("---\n# Orders").map_or(PAGE, |(_, text)| text);
    format!("---\ntools:\n  - [{PROGRAM}]\n---\n# Page {number}\n{text}")
}

/// The request to run its program.
pub(super) fn run_request(path: &str, token: &str) -> Vec<u8> {
    post_request(path, token, &format!("{{\"command\":[\"{PROGRAM}\"]}}"))
}

/// Measures each subject in turn, so many rounds, every second one backwards; yields what was measured by subject.
pub(super) fn in_turn<S, T>(
    rounds: u32,
    subjects: &[S],
    measure: impl Fn(&S) -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Vec<Vec<T>>> {
    let mut all: Vec<Vec<T>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let mut pairs: Vec<_> = subjects.iter().zip(&mut all).collect();
        if round % 2 == 1 {
            pairs.reverse();
        }
        for (subject, samples) in pairs {
            samples.extend(measure(subject)?);
        }
    }
    Ok(all)
}

/// Everything that is the same for each kind of size.
pub(super) fn measure(
    site: &mut Site,
    subjects: &[Subject],
    questions: &[Question],
) -> anyhow::Result<Vec<Curve>> {
    let mut curves = reads(site, subjects)?;
    let answers = answers(site, subjects, questions)?;
    let starts = starts(site, subjects)?;
    // At last, because each run has two events in the log.
    curves.push(runs(site, subjects)?);
    curves.extend(answers);
    curves.extend(starts);
    Ok(curves)
}

/// The curves of two panels: requests a second, and the processor's time for each.
pub(super) fn of_reads(name: &str, samples: &[Vec<Measured>]) -> [Curve; 2] {
    let curve = |panel, unit, value: fn(&Measured) -> f64| Curve {
        panel,
        unit,
        name: name.to_owned(),
        ratios: Ratios::Shown,
        samples: samples.iter().map(|samples| samples.iter().map(value).collect()).collect(),
    };
    [
        curve("GET a page", "requests/s", |one| one.speed.per_second),
        curve("CPU time of a GET", "µs", |one| one.cpu_micros),
    ]
}

fn started<'s>(
    subjects: &'s [Subject],
    core: Core,
    configuration: &str,
) -> anyhow::Result<Vec<(&'s Subject, Server)>> {
    let start = |subject: &'s Subject| Ok((subject, subject.home.start_configured(core, configuration)?));
    subjects.iter().map(start).collect()
}

/// GET over 64 connections: the same page again and again; all there is in turn; and that without a record of each.
fn reads(site: &mut Site, subjects: &[Subject]) -> anyhow::Result<Vec<Curve>> {
    let directory = site.directory("reads")?;
    let kinds = [
        ("the same", Subject::same as fn(&Subject) -> Vec<Read>, RECORDED),
        ("in turn", Subject::turns, RECORDED),
        ("unrecorded", Subject::turns, UNRECORDED),
    ];
    let have_turns = subjects.iter().any(|subject| !subject.in_turn.is_empty());
    let mut curves = Vec::new();
    for (name, reads, configuration) in kinds.into_iter().take(if have_turns { 3 } else { 1 }) {
        let servers = started(subjects, Core::Server, configuration)?;
        let read = |(subject, server): &(&Subject, Server)| {
            let (address, reads, directory) = (server.address, reads(subject), directory.clone());
            let reading = Reading { address, connections: CONNECTIONS, reads, directory };
            measured(site, server, &reading).map(Some)
        };
        // What is read for the first time comes from the disk.
        in_turn(1, &servers, read)?;
        curves.extend(of_reads(name, &in_turn(site.plan.rounds, &servers, read)?));
    }
    // Panel by panel.
    curves.sort_by_key(|curve| curve.unit != "requests/s");
    Ok(curves)
}

/// How long single requests take, one after the other.
fn answers(site: &Site, subjects: &[Subject], questions: &[Question]) -> anyhow::Result<Vec<Curve>> {
    let servers = started(subjects, Core::Any, LIMITS)?;
    let mut curves = Vec::new();
    for question in questions {
        let asked: Vec<_> = servers.iter().zip(&question.requests).collect();
        let samples = in_turn(site.plan.rounds, &asked, |((_, server), request)| {
            let Some(request) = request else { return Ok(None) };
            Client::connect(server.address)?.median_ms(request, REQUESTS).map(Some)
        })?;
        let Question { panel, name, ratios, .. } = *question;
        curves.push(Curve { panel, unit: "ms", name: name.to_owned(), ratios, samples });
    }
    Ok(curves)
}

fn runs(site: &Site, subjects: &[Subject]) -> anyhow::Result<Curve> {
    let servers = started(subjects, Core::Any, LIMITS)?;
    let run = |(subject, server): &(&Subject, Server)| {
        let request = run_request(&subject.path, subject.home.admin());
        closed_loop(server.address, AT_ONCE, site.plan.slice, &request, 200).map(Some)
    };
    in_turn(1, &servers, run)?;
    Ok(Curve {
        panel: "Runs of /bin/true, 8 at once",
        unit: "runs/s",
        name: String::new(),
        ratios: Ratios::Shown,
        samples: in_turn(site.plan.rounds, &servers, run)?,
    })
}

/// From the start of the process to its first answer, its memory then, and the first run.
fn starts(site: &Site, subjects: &[Subject]) -> anyhow::Result<[Curve; 3]> {
    let samples = in_turn(site.plan.starts, subjects, |subject| {
        let server = subject.home.start_configured(Core::Any, LIMITS)?;
        let start = server.first_answer.as_secs_f64() * 1e3;
        std::thread::sleep(REST);
        let memory = server.resident_bytes()? / 1e6;
        let request = run_request(&subject.path, subject.home.admin());
        let first_run = Client::connect(server.address)?.median_ms(&request, 1)?;
        Ok(Some([start, memory, first_run]))
    })?;
    let curve = |panel, unit, value: fn(&[f64; 3]) -> f64| Curve {
        panel,
        unit,
        name: String::new(),
        ratios: Ratios::LeftOut,
        samples: samples.iter().map(|samples| samples.iter().map(value).collect()).collect(),
    };
    Ok([
        curve("Start, to the first answer", "ms", |one| one[0]),
        curve("Idle memory", "MB", |one| one[1]),
        curve("First run after the start", "ms", |one| one[2]),
    ])
}

impl Subject {
    fn same(&self) -> Vec<Read> {
        vec![Read { path: self.path.clone(), token: self.home.admin().to_owned() }]
    }

    /// Twice where there is but one, so that the load is made in the same way.
    fn turns(&self) -> Vec<Read> {
        match self.in_turn.as_slice() {
            [only] => vec![only.clone(), only.clone()],
            several => several.to_vec(),
        }
    }
}

/// Sizes up to the greatest that the plan allows.
pub(super) fn sizes(site: &Site, all: &[u32]) -> anyhow::Result<Vec<u32>> {
    let sizes: Vec<u32> = all.iter().copied().filter(|size| *size <= site.plan.size_max).collect();
    ensure!(!sizes.is_empty(), "no size is small enough");
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn every_second_round_goes_backwards() {
        let order = RefCell::new(Vec::new());
        let samples = in_turn(2, &['a', 'b', 'c'], |subject| {
            order.borrow_mut().push(*subject);
            Ok((*subject != 'b').then_some(order.borrow().len()))
        });
        assert_eq!(samples.unwrap(), [vec![1, 6], vec![], vec![3, 4]]);
        assert_eq!(order.into_inner(), ['a', 'b', 'c', 'c', 'b', 'a']);
    }
}
