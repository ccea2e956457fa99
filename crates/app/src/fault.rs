//! What is wrong with a page, and where: faults that name the file, the line and the column.

use std::fmt;

/// How many faults of one page are told. Beyond that a last one says that there are more.
const FAULTS_MAX: usize = 200;

/// A place in a file. Both numbers count from 1; the column counts characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, the first being 1.
    pub line: u32,
    /// The character in the line, the first being 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Whether a fault keeps a page from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The page cannot be used; nothing is deployed.
    Error,
    /// The page can be used, and its author should know.
    Warning,
}

/// One thing that is wrong in one file. Its `Display` is `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The file's path in the application.
    pub file: String,
    /// Where in the file; `None` when the fault is with the file as a whole.
    pub position: Option<Position>,
    /// What is wrong and what to do about it, in one line.
    pub message: String,
    /// Whether it is an error or a warning.
    pub severity: Severity,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{}:{position}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Gathers the faults of one file, and turns byte offsets of its source into positions.
pub(crate) struct FaultLog<'s> {
    file: &'s str,
    source: &'s str,
    line_starts: Vec<usize>,
    errors: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl<'s> FaultLog<'s> {
    pub(crate) fn new(file: &'s str, source: &'s str) -> FaultLog<'s> {
        let first = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let line_starts =
            std::iter::once(first).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        FaultLog { file, source, line_starts, errors: Vec::new(), warnings: Vec::new() }
    }

    pub(crate) fn source(&self) -> &'s str {
        self.source
    }

    /// The position of a byte offset; an offset inside a character counts as that character's start.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let lines_before = self.line_starts.partition_point(|start| *start <= offset);
        let line_start =
            lines_before.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied().unwrap_or(0);
        let column = self.source.get(line_start..).map_or(0, |rest| {
            rest.char_indices().take_while(|(at, c)| line_start + at + c.len_utf8() <= offset).count()
        });
        Position { line: saturate(lines_before.max(1)), column: saturate(column + 1) }
    }

    pub(crate) fn error(&mut self, offset: usize, message: impl Into<String>) {
        let fault = self.fault(offset, message.into(), Severity::Error);
        if self.errors.len() < FAULTS_MAX {
            self.errors.push(fault);
        } else if self.errors.len() == FAULTS_MAX {
            self.errors
                .push(Fault { message: "and there are more errors after this one".to_owned(), ..fault });
        }
    }

    pub(crate) fn warning(&mut self, offset: usize, message: impl Into<String>) {
        if self.warnings.len() < FAULTS_MAX {
            let fault = self.fault(offset, message.into(), Severity::Warning);
            self.warnings.push(fault);
        }
    }

    /// The warnings when there is no error; otherwise the errors, in the order of the file.
    pub(crate) fn finish(mut self) -> Result<Vec<Fault>, Vec<Fault>> {
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        self.errors.sort_by_key(|fault| fault.position);
        Err(self.errors)
    }

    fn fault(&self, offset: usize, message: String, severity: Severity) -> Fault {
        let message = in_one_line(message);
        Fault { file: self.file.to_owned(), position: Some(self.position(offset)), message, severity }
    }
}

/// Messages quote the page, and what they quote must neither break the line nor steer a terminal.
fn in_one_line(message: String) -> String {
    if !message.contains(char::is_control) {
        return message;
    }
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() {
            line.extend(character.escape_debug());
        } else {
            line.push(character);
        }
    }
    line
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let log = FaultLog::new("a.md", "äb\ncd");
        assert_eq!(log.position(0), Position { line: 1, column: 1 });
        assert_eq!(log.position(2), Position { line: 1, column: 2 });
        assert_eq!(log.position(5), Position { line: 2, column: 2 });
        assert_eq!(log.position(500), Position { line: 2, column: 3 });
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        let log = FaultLog::new("a.md", "\u{feff}ab");
        assert_eq!(log.position(3), Position { line: 1, column: 1 });
        assert_eq!(log.position(0), Position { line: 1, column: 1 });
    }

    #[test]
    fn a_fault_reads_as_file_line_column_message() {
        let mut log = FaultLog::new("docs/a.md", "one\ntwo");
        log.error(5, "wrong");
        let faults = log.finish().unwrap_err();
        assert_eq!(faults[0].to_string(), "docs/a.md:2:2: wrong");
    }

    #[test]
    fn a_message_is_one_line_and_steers_no_terminal() {
        let mut log = FaultLog::new("a.md", "x");
        log.error(0, "no key `a\n\u{1b}[2J`");
        assert_eq!(log.finish().unwrap_err()[0].message, "no key `a\\n\\u{1b}[2J`");
    }

    #[test]
    fn the_number_of_faults_told_is_bounded() {
        let mut log = FaultLog::new("a.md", "x");
        for _ in 0..10_000 {
            log.error(0, "wrong");
        }
        assert_eq!(log.finish().unwrap_err().len(), FAULTS_MAX + 1);
    }
}
