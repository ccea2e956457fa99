//! A tool: one command line that a page allows, with what an agent may put into it.

mod reading;

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::fault::Position;
use crate::literal::Literal;
use crate::pattern::Pattern;
use crate::variable::VariableName;

pub(crate) use reading::read_tools;

/// How long a tool runs when it does not say so itself.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that a tool may ask for.
pub const MAX_TIMEOUT: Duration = Duration::from_mins(10);

/// One command line that a page allows. Its `Display` is how an agent should read it: `cat {regex: ".*\.txt$"} ;`.
#[derive(Clone, Debug)]
pub struct Tool {
    slots: Vec<Slot>,
    closed: bool,
    description: Option<String>,
    timeout: Option<Duration>,
    position: Position,
}

/// What one argument of a command must be.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Literal(Literal),
    Any,
    Fitting(Pattern),
}

/// What one argument of a command must be, for showing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'t> {
    /// Exactly this text, with `$NAME` as written.
    Literal(&'t str),
    /// Any one argument; in a tool that is closed, none that begins with `-`.
    Any,
    /// One argument in which this pattern matches from the start.
    Pattern(&'t str),
}

impl Tool {
    /// What the tool does, in its author's words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// How long a command of this tool may run, when the tool says so; otherwise [`DEFAULT_TIMEOUT`] is meant.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Where in its page the tool is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The program that the tool runs.
    pub fn program(&self) -> &str {
        match self.slots.first() {
            Some(Slot::Literal(literal)) => literal.written(),
            // Reading a tool refuses any other beginning.
            Some(Slot::Any | Slot::Fitting(_)) | None => "",
        }
    }

    /// What each argument must be, the program first.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        self.slots.iter().map(|slot| match slot {
            Slot::Literal(literal) => Element::Literal(literal.written()),
            Slot::Any => Element::Any,
            Slot::Fitting(pattern) => Element::Pattern(pattern.source()),
        })
    }

    /// Whether the tool ends with `;`: no further arguments, and no flags for a bare `{ }`.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The variables that the tool mentions.
    pub fn variables(&self) -> impl Iterator<Item = &VariableName> {
        self.literals().flat_map(Literal::variables)
    }

    pub(crate) fn literals(&self) -> impl Iterator<Item = &Literal> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Literal(literal) => Some(literal),
            Slot::Any | Slot::Fitting(_) => None,
        })
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, element) in self.elements().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match element {
                Element::Literal(text) if needs_quotes(text) => write!(f, "{text:?}")?,
                Element::Literal(text) => f.write_str(text)?,
                Element::Any => f.write_str("{ }")?,
                Element::Pattern(pattern) => {
                    f.write_str("{regex: \"")?;
                    for character in pattern.chars() {
                        if character.is_control() {
                            write!(f, "{}", character.escape_debug())?;
                        } else {
                            f.write_char(character)?;
                        }
                    }
                    f.write_str("\"}")?;
                }
            }
        }
        f.write_str(if self.closed { " ;" } else { "" })
    }
}

/// Whether a literal could be misread between the others.
fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | ';' | '{' | '}')
        })
}

#[cfg(test)]
mod tests;
