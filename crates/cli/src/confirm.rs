//! Asking a person before something that can't be undone.

use std::io::{BufRead, IsTerminal};

use crate::failure::Failure;
use crate::printer::Printer;

/// Asks `question`, unless `yes` was given. Without a terminal nobody can be asked.
pub(crate) fn confirm(printer: Printer, yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    need_terminal(question)?;
    printer.say(format_args!("{question} Type yes to go on:"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "yes" | "y") => Ok(()),
        (Ok(_) | Err(_), _) => Err(Failure::failed("nothing was done")),
    }
}

/// Refuses when nobody can be asked.
pub(crate) fn need_terminal(question: &str) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Failure::wrong_use(format!(
        "{question} There is no terminal to ask on: give --yes to go on without asking"
    )))
}
