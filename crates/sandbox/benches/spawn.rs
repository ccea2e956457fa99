//! Runs of `/bin/true` per second through [`Sandbox::run`], beside a bare `posix_spawn` + pipes + wait loop on as many
//! threads, in interleaved pairs: `cargo bench -p toolfront-sandbox --bench spawn [-- --json] [--seconds N]`.
//!
//! The bare loop starts the same program with the same three streams, reads both pipes to their ends and waits; it
//! has no group, no deadline, no private directory and no search path.
//!
//! The private directories are made where `TMPDIR` says, and that matters: on ext4 mounted with `discard`, making and
//! removing one costs over 100 µs; on a tmpfs 3 µs.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints what it measured")]

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use toolfront_app::{AllowedCommand, CommandLine, FilePath, Page};
use toolfront_sandbox::{Cage, LauncherCommand, Run, RunLimits, Sandbox, SandboxConfig};

const CONCURRENCIES: [usize; 3] = [1, 8, 32];
const PAIRS: u32 = 6;
const SLICES: u32 = 36; // a pair is two, at each of the three

struct Line {
    at_once: usize,
    sandbox: f64,
    bare: f64,
    ratio: f64,
    ratio_min: f64,
    ratio_max: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds = arguments
        .iter()
        .position(|argument| argument == "--seconds")
        .and_then(|at| arguments.get(at + 1)?.parse::<u32>().ok())
        .unwrap_or(20);
    let slice = Duration::from_secs(seconds.into()) / SLICES;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let root = tempfile::tempdir().unwrap();
    toolfront_sandbox::seal_inherited_descriptors();
    let mut config = SandboxConfig::new(root.path().join("runs"));
    if !arguments.iter().any(|argument| argument == "--uncaged") {
        std::fs::set_permissions(root.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        config.launcher = Some(LauncherCommand {
            program: env!("CARGO_BIN_EXE_toolfront-launcher").into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        });
    }
    let sandbox = Arc::new(runtime.block_on(Sandbox::start(config)).unwrap());

    let lines: Vec<Line> = CONCURRENCIES
        .into_iter()
        .map(|at_once| {
            let pairs: Vec<(f64, f64)> = (0..PAIRS)
                .map(|pair| {
                    if pair % 2 == 0 {
                        let sandboxed = runtime.block_on(sandboxed_rate(&sandbox, at_once, slice));
                        (sandboxed, bare_rate(at_once, slice))
                    } else {
                        let bare = bare_rate(at_once, slice);
                        (runtime.block_on(sandboxed_rate(&sandbox, at_once, slice)), bare)
                    }
                })
                .collect();
            let ratios = sorted(pairs.iter().map(|(sandboxed, bare)| sandboxed / bare));
            Line {
                at_once,
                sandbox: median(&sorted(pairs.iter().map(|pair| pair.0))),
                bare: median(&sorted(pairs.iter().map(|pair| pair.1))),
                ratio: median(&ratios),
                ratio_min: ratios[0],
                ratio_max: ratios[ratios.len() - 1],
            }
        })
        .collect();
    if arguments.iter().any(|argument| argument == "--json") {
        print_json(&lines);
    } else {
        print_table(&lines);
    }
}

async fn sandboxed_rate(sandbox: &Arc<Sandbox>, at_once: usize, slice: Duration) -> f64 {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let sandbox = Arc::clone(sandbox);
            tokio::spawn(async move {
                let mut runs = 0_u32;
                let command = command();
                while begun.elapsed() < slice {
                    let run = Run {
                        command: command.clone(),
                        directory: "/".into(),
                        environment: Vec::new(),
                        limits: RunLimits::default(),
                        cage: Cage::around("/usr"),
                    };
                    assert_eq!(sandbox.run(run).await.unwrap().returncode, 0);
                    runs += 1;
                }
                runs
            })
        })
        .collect();
    let mut runs = 0;
    for task in tasks {
        runs += task.await.unwrap();
    }
    f64::from(runs) / begun.elapsed().as_secs_f64()
}

fn bare_rate(at_once: usize, slice: Duration) -> f64 {
    let begun = Instant::now();
    let runs = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while begun.elapsed() < slice {
                    bare_run();
                    runs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(runs.into_inner()) / begun.elapsed().as_secs_f64()
}

#[expect(clippy::disallowed_methods, reason = "the bare loop that the sandbox is measured against")]
fn bare_run() {
    let mut child = std::process::Command::new("/bin/true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut output).unwrap();
    assert!(child.wait().unwrap().success());
}

fn command() -> AllowedCommand {
    let page =
        Page::parse(&FilePath::parse("page.md").unwrap(), "---\ntools:\n  - [\"true\"]\n---\n").unwrap();
    let command = CommandLine::parse(vec!["true".to_owned()]).unwrap();
    page.admit(&command).unwrap().expand(&|_| None).unwrap()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

fn print_table(lines: &[Line]) {
    println!("at once   sandbox runs/s   bare runs/s   ratio (least–greatest of {PAIRS} pairs)");
    for Line { at_once, sandbox, bare, ratio, ratio_min, ratio_max } in lines {
        println!(
            "{at_once:>7}   {sandbox:>14.0}   {bare:>11.0}   {ratio:.2} ({ratio_min:.2}–{ratio_max:.2})"
        );
    }
}

fn print_json(lines: &[Line]) {
    let rows: Vec<String> = lines
        .iter()
        .map(|Line { at_once, sandbox, bare, ratio, ratio_min, ratio_max }| {
            format!(
                r#"{{"at_once":{at_once},"sandbox_runs_per_second":{sandbox:.1},"bare_runs_per_second":{bare:.1},"ratio":{ratio:.4},"ratio_min":{ratio_min:.4},"ratio_max":{ratio_max:.4}}}"#
            )
        })
        .collect();
    println!(r#"{{"bench":"spawn","program":"/bin/true","pairs":{PAIRS},"results":[{}]}}"#, rows.join(","));
}
