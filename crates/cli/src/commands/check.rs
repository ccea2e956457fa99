//! `toolfront check`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use toolfront_app::{Fault, Severity};
use toolfront_client::Inspection;

use crate::failure::Failure;
use crate::layout::count;
use crate::session::Invocation;

/// Find every fault of an application's pages, with file, line and column, without deploying it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront check .\n  toolfront check ./my-app --json\n\nExits with 1 when there is an error. \
                  Warnings, and tools that take further flags because they do not end with `;`, are told too."
)]
pub(crate) struct Arguments {
    /// The application's directory
    path: PathBuf,
    /// Check hidden files too
    #[arg(long)]
    hidden: bool,
}

/// What a check found, as JSON.
#[derive(Serialize)]
struct Report<'r> {
    files: usize,
    pages: usize,
    tools: usize,
    faults: Vec<Found<'r>>,
    open_to_flags: Vec<OpenTool<'r>>,
}

#[derive(Serialize)]
struct Found<'r> {
    severity: &'static str,
    file: &'r str,
    line: Option<u32>,
    column: Option<u32>,
    message: &'r str,
}

#[derive(Serialize)]
struct OpenTool<'r> {
    file: &'r str,
    line: u32,
    column: u32,
    tool: String,
}

pub(crate) fn run(arguments: &Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let inspection = Inspection::of(&arguments.path, arguments.hidden)?;
    let report = report(&inspection);
    let printer = invocation.printer;
    if printer.is_json() {
        printer.json(&report)?;
    } else {
        for fault in inspection.faults().iter().chain(inspection.directory().warnings()) {
            printer.result(crate::layout::line(&fault_line(fault)))?;
        }
        for open in &report.open_to_flags {
            let line = format!(
                "{}:{}:{}: open: any further arguments and flags are allowed, since it does not end with `;`: {}",
                open.file, open.line, open.column, open.tool
            );
            printer.result(crate::layout::line(&line))?;
        }
        let errors = inspection.faults().len();
        let warnings = inspection.directory().warnings().count();
        printer.say(format_args!(
            "{}, {}, {}: {}, {}, {} open to flags",
            count(report.files, "file", "files"),
            count(report.pages, "page", "pages"),
            count(report.tools, "tool", "tools"),
            count(errors, "error", "errors"),
            count(warnings, "warning", "warnings"),
            count(report.open_to_flags.len(), "tool", "tools"),
        ));
    }
    if inspection.faults().is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{} in {}",
            count(inspection.faults().len(), "error", "errors"),
            arguments.path.display()
        )))
    }
}

/// A fault on a line: `file:line:column: error: message`.
pub(super) fn fault_line(fault: &Fault) -> String {
    let severity = severity(fault);
    match fault.position {
        Some(position) => format!("{}:{position}: {severity}: {}", fault.file, fault.message),
        None => format!("{}: {severity}: {}", fault.file, fault.message),
    }
}

fn report(inspection: &Inspection) -> Report<'_> {
    let directory = inspection.directory();
    let pages = directory.pages();
    let open_to_flags = pages.iter().flat_map(|(path, page)| {
        page.open_to_flags().map(|tool| {
            let at = tool.position();
            OpenTool { file: path.as_str(), line: at.line, column: at.column, tool: tool.to_string() }
        })
    });
    Report {
        files: directory.files().len(),
        pages: pages.len(),
        tools: pages.iter().map(|(_, page)| page.tools().len()).sum(),
        faults: inspection.faults().iter().chain(directory.warnings()).map(fault_fields).collect(),
        open_to_flags: open_to_flags.collect(),
    }
}

fn fault_fields(fault: &Fault) -> Found<'_> {
    Found {
        severity: severity(fault),
        file: &fault.file,
        line: fault.position.map(|at| at.line),
        column: fault.position.map(|at| at.column),
        message: &fault.message,
    }
}

fn severity(fault: &Fault) -> &'static str {
    match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
