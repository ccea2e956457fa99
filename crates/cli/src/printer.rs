//! The only way to standard output and standard error: the result goes to the first, all talk to the second.

use std::fmt::Display;
use std::io::{self, Write};
use std::ops::ControlFlow;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;
use toolfront_token::TokenSecret;

use crate::arguments::Answer;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key_text::redacted;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Prints results and talk. Colours only on a terminal, and never when `NO_COLOR` is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    json: bool,
}

#[expect(clippy::unused_self, reason = "who prints has to have been given the printer")]
impl Printer {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the result is wanted as JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// A line, or more, of the result.
    pub(crate) fn result(self, text: impl Display) -> Result<(), Failure> {
        written(writeln!(anstream::stdout().lock(), "{text}"))
    }

    /// The result as JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::failed(format!("the result can't be written as JSON: {error}")))?;
        let text = zeroize::Zeroizing::new(text);
        self.result(text.as_str())
    }

    /// The result: as JSON when that is wanted, else as text.
    pub(crate) fn either(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { self.json(value) } else { self.result(text()) }
    }

    /// A token's value, alone on its line. It is shown this once, so that a failure to write it counts even when nobody reads.
    pub(crate) fn value(self, value: &TokenSecret) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}", value.reveal()).and_then(|()| out.flush()).map_err(|error| {
            Failure::failed(format!(
                "the value could not be written to standard output ({error}), and is lost: rotate the token"
            ))
        })
    }

    /// Bytes of the result, as they are.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        written(io::stdout().lock().write_all(bytes))
    }

    /// A line of a result that goes on; breaks off when nobody reads any more.
    pub(crate) fn line(self, text: impl Display) -> Result<ControlFlow<()>, Failure> {
        flowing(writeln!(anstream::stdout().lock(), "{text}"))
    }

    /// The same as JSON.
    pub(crate) fn json_line(self, value: &impl Serialize) -> Result<ControlFlow<()>, Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::failed(format!("the result can't be written as JSON: {error}")))?;
        flowing(writeln!(io::stdout().lock(), "{text}"))
    }

    /// The same as bytes.
    pub(crate) fn piece(self, bytes: &[u8]) -> Result<ControlFlow<()>, Failure> {
        let mut out = io::stdout().lock();
        flowing(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// Talk: what is happening, what was done, what to do next.
    pub(crate) fn say(self, text: impl Display) {
        // When standard error is closed, there is nobody to tell.
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Talk that should be heeded.
    pub(crate) fn warn(self, text: impl Display) {
        self.say(format_args!("{WARNING}warning{WARNING:#}: {text}"));
    }

    /// Why the command failed, and its exit code.
    pub(crate) fn failure(self, failure: &Failure) -> Exit {
        if failure.message().is_empty() {
            return failure.exit();
        }
        if self.json {
            self.say(redacted(&failure.to_json().to_string()));
        } else {
            self.say(format_args!(
                "{ERROR}error{ERROR:#}: {}",
                redacted(&crate::layout::lines(failure.message()))
            ));
        }
        failure.exit()
    }

    /// What the parser of the command line says: help on standard output, errors on standard error.
    pub(crate) fn usage(self, answer: &Answer) -> Exit {
        let text = answer.error.render();
        if !answer.error.use_stderr() {
            let _ = write!(anstream::stdout().lock(), "{}", text.ansi());
            return Exit::Done;
        }
        if self.json {
            let detail = redacted(text.to_string().trim());
            let (title, code) = (Exit::WrongUse.title(), Exit::WrongUse as u8);
            self.say(json!({ "type": "about:blank", "title": title, "detail": detail, "exit_code": code }));
        } else {
            let _ = write!(anstream::stderr().lock(), "{}", redacted(&text.ansi().to_string()));
        }
        Exit::WrongUse
    }
}

/// The same for a result that goes on.
fn flowing(outcome: io::Result<()>) -> Result<ControlFlow<()>, Failure> {
    let is_over = matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
    written(outcome)?;
    Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// A reader that has seen enough is no failure.
fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("the result can't be written: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
