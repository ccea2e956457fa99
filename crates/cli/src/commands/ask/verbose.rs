//! Telling on standard error what an agent does.

use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use toolfront_agent::Event;

use super::markdown::styled;
use crate::layout;
use crate::printer::Printer;

const FAINT: Style = Style::new().dimmed();
const CALL: Style = AnsiColor::Cyan.on_default();
const REFUSED: Style = AnsiColor::Yellow.on_default();
/// How many lines of a result are shown.
const LINES_MAX: usize = 12;

/// Tells events as lines of text. What models say comes in pieces, and is told line by line.
pub(super) struct Narrator {
    printer: Printer,
    is_verbose: bool,
    open: Mutex<Open>,
}

/// A line that is not at its end yet.
#[derive(Default)]
struct Open {
    line: String,
    is_thought: bool,
}

impl Narrator {
    pub(super) fn new(printer: Printer, is_verbose: bool) -> Self {
        Self { printer, is_verbose, open: Mutex::default() }
    }

    pub(super) fn tell(&self, event: &Event) {
        // Whoever waits for minutes is told why.
        if let Event::Retry { reason, after } = event {
            self.finish();
            self.printer.say(format_args!(
                "{FAINT}{}; asking again in {} s{FAINT:#}",
                layout::line(reason),
                after.as_secs()
            ));
        }
        if !self.is_verbose {
            return;
        }
        match event {
            Event::Thought { text } => self.piece(text, true),
            Event::Text { text } => self.piece(text, false),
            Event::Call { name, arguments, .. } => {
                self.finish();
                self.printer.say(format_args!("{CALL}→ {}{CALL:#}", layout::line(&call(name, arguments))));
            }
            Event::Result { content, is_error, .. } => {
                self.finish();
                self.result(content, *is_error);
            }
            Event::Repair { reason } => {
                self.finish();
                self.printer.say(format_args!(
                    "{REFUSED}the answer does not fit: {}{REFUSED:#}",
                    layout::lines(reason)
                ));
            }
            Event::Dropped { results } => {
                self.finish();
                let results = layout::count(*results, "result", "results");
                self.printer.say(format_args!("{FAINT}the conversation is long: {results} dropped{FAINT:#}"));
            }
            _ => {}
        }
    }

    /// Ends the line that is open.
    pub(super) fn finish(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        if !open.line.is_empty() {
            self.line(&open.line, open.is_thought);
        }
    }

    fn piece(&self, text: &str, is_thought: bool) {
        let changed = self.open.lock().unwrap_or_else(PoisonError::into_inner).is_thought != is_thought;
        if changed {
            self.finish();
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.is_thought = is_thought;
        open.line.push_str(text);
        while let Some(end) = open.line.find('\n') {
            let rest = open.line.split_off(end + 1);
            let line = std::mem::replace(&mut open.line, rest);
            self.line(line.trim_end_matches('\n'), is_thought);
        }
    }

    fn line(&self, line: &str, is_thought: bool) {
        let line = layout::line(line);
        if is_thought {
            self.printer.say(format_args!("{FAINT}{line}{FAINT:#}"));
        } else {
            self.printer.say(styled(&line));
        }
    }

    fn result(&self, content: &str, is_error: bool) {
        let style = if is_error { REFUSED } else { FAINT };
        let mut lines = content.lines();
        for line in lines.by_ref().take(LINES_MAX) {
            self.printer.say(format_args!("{style}  {}{style:#}", layout::line(line)));
        }
        let left = lines.count();
        if left > 0 {
            self.printer
                .say(format_args!("{style}  … {} more{style:#}", layout::count(left, "line", "lines")));
        }
    }
}

/// A call as people write it.
fn call(name: &str, arguments: &Value) -> String {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    match name {
        "read_page" => format!("read {}", text("path")),
        "run_command" => {
            let words = arguments.get("command").and_then(Value::as_array).into_iter().flatten();
            let words: Vec<&str> = words.filter_map(Value::as_str).collect();
            format!("run {}: {}", text("page"), words.join(" "))
        }
        _ => format!("{name} {arguments}"),
    }
}
