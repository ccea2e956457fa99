//! Whether a command may run: the first tool that matches admits it, and only what was admitted becomes a command to run.

use std::fmt;
use std::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::command::{COMMAND_BYTES_MAX, CommandLine};
use crate::literal::Literal;
use crate::tool::{DEFAULT_TIMEOUT, Slot, Tool};
use crate::variable::VariableName;

/// Proof that a tool of a page allows a command.
#[derive(Clone, Copy)]
pub struct Admitted<'p> {
    tool: &'p Tool,
    command: &'p CommandLine,
}

impl Admitted<'_> {
    /// The tool that allows the command.
    pub fn tool(&self) -> &Tool {
        self.tool
    }

    /// Puts values into the tool's literals, once, in one pass. What the agent supplied stays as it was sent.
    ///
    /// # Errors
    /// When a variable has no value, or its value cannot be in an argument.
    pub fn expand<'v>(
        self,
        values: &dyn Fn(&VariableName) -> Option<&'v str>,
    ) -> Result<AllowedCommand, ExpansionFault> {
        let sent = self.command.arguments();
        let mut argv = Zeroizing::new(Vec::with_capacity(sent.len()));
        let mut masked = None;
        let mut slots = self.tool.slots().iter();
        for argument in sent {
            argv.push(match slots.next() {
                Some(Slot::Literal(literal)) => {
                    let expanded = expand_literal(literal, values)?;
                    if expanded != *argument {
                        masked.get_or_insert_with(|| sent.to_vec());
                    }
                    expanded
                }
                Some(Slot::Any | Slot::Fitting(_)) | None => argument.clone(),
            });
        }
        if argv.iter().map(|argument| argument.len() + 1).sum::<usize>() > COMMAND_BYTES_MAX {
            return Err(ExpansionFault::TooLong);
        }
        Ok(AllowedCommand { argv, masked, timeout: self.tool.timeout().unwrap_or(DEFAULT_TIMEOUT) })
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("tool", &self.tool.to_string())
            .field("command", &self.command)
            .finish()
    }
}

/// A command that may run, with the values in place. It comes from [`Admitted::expand`] only, and is wiped from
/// memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct AllowedCommand {
    argv: Zeroizing<Vec<String>>,
    /// What was sent, where it differs from what runs.
    masked: Option<Vec<String>>,
    timeout: Duration,
}

impl AllowedCommand {
    /// What runs, the program first. It may hold secrets: it goes to the kernel and nowhere else.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// What the agent sent, variables unexpanded: for the audit log and for traces.
    pub fn masked_argv(&self) -> &[String] {
        self.masked.as_deref().unwrap_or(&self.argv)
    }

    /// How long it may run.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Shows what was sent, never what runs.
impl fmt::Debug for AllowedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllowedCommand")
            .field("masked_argv", &self.masked_argv())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why values could not be put into an admitted command (400). No value is told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpansionFault {
    /// A variable is nowhere set.
    #[error("the variable `{name}` is not set: store it as a secret of the environment, or send it in `env`")]
    UnsetVariable {
        /// Its name.
        name: VariableName,
    },
    /// A variable's value has a NUL in it.
    #[error("the value of the variable `{name}` has a NUL in it, which no argument can have")]
    NulInValue {
        /// The variable's name.
        name: VariableName,
    },
    /// With the values in it the command is longer than a command may be.
    #[error("with the values of its variables the command is longer than {COMMAND_BYTES_MAX} bytes in all")]
    TooLong,
}

/// No tool of the page allows the command (403).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no tool of this page allows this command{}", nearest_said(.nearest.as_ref()))]
pub struct NotAllowed {
    /// The tool of the same program that fits the longest, if there is one.
    pub nearest: Option<NearMiss>,
}

/// The tool that comes nearest to a command, and where the two part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The tool, as an agent should read it.
    pub tool: String,
    /// The index of the argument that does not fit; the program is 0.
    pub argument: usize,
    /// What is wrong with it.
    pub misfit: Misfit,
}

/// Why an argument does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Misfit {
    /// It is another text than the tool's.
    #[error("must be exactly what the tool says")]
    Literal,
    /// The pattern does not match from its start.
    #[error("does not fit the pattern, which must match from the start")]
    Pattern,
    /// It begins with `-`, where the tool takes no flag.
    #[error("begins with `-`, and the tool takes no flag there")]
    Flag,
    /// It is missing.
    #[error("is missing")]
    Missing,
    /// The tool takes no further argument.
    #[error("is one too many: the tool ends before it")]
    Extra,
}

/// The first of the tools that allows the command.
pub(crate) fn admit<'p>(tools: &'p [Tool], command: &'p CommandLine) -> Result<Admitted<'p>, NotAllowed> {
    match tools.iter().find(|tool| first_misfit(tool, command.arguments()).is_none()) {
        Some(tool) => Ok(Admitted { tool, command }),
        None => Err(NotAllowed { nearest: nearest(tools, command.arguments()) }),
    }
}

/// Where the command and the tool part; `None` when the tool allows it.
fn first_misfit(tool: &Tool, arguments: &[String]) -> Option<(usize, Misfit)> {
    for (index, slot) in tool.slots().iter().enumerate() {
        let Some(argument) = arguments.get(index) else {
            return Some((index, Misfit::Missing));
        };
        let misfit = match slot {
            Slot::Literal(literal) if literal.written() != argument => Some(Misfit::Literal),
            Slot::Any if tool.is_closed() && argument.starts_with('-') => Some(Misfit::Flag),
            Slot::Fitting(pattern) if !pattern.fits(argument) => Some(Misfit::Pattern),
            Slot::Literal(_) | Slot::Any | Slot::Fitting(_) => None,
        };
        if let Some(misfit) = misfit {
            return Some((index, misfit));
        }
    }
    (tool.is_closed() && arguments.len() > tool.slots().len()).then_some((tool.slots().len(), Misfit::Extra))
}

fn nearest(tools: &[Tool], arguments: &[String]) -> Option<NearMiss> {
    let mut nearest: Option<(&Tool, usize, Misfit)> = None;
    for tool in tools {
        if let Some((index, misfit)) = first_misfit(tool, arguments)
            && index > nearest.map_or(0, |(_, furthest, _)| furthest)
        {
            nearest = Some((tool, index, misfit));
        }
    }
    nearest.map(|(tool, argument, misfit)| NearMiss { tool: tool.to_string(), argument, misfit })
}

fn nearest_said(nearest: Option<&NearMiss>) -> String {
    nearest.map_or_else(String::new, |NearMiss { tool, argument, misfit }| {
        format!("; the nearest is `{tool}`, where argument {argument} {misfit}")
    })
}

fn expand_literal<'v>(
    literal: &Literal,
    values: &dyn Fn(&VariableName) -> Option<&'v str>,
) -> Result<String, ExpansionFault> {
    let nul_in = std::cell::Cell::new(false);
    let checked = |name: &VariableName| {
        values(name).filter(|value| {
            let has_nul = value.contains('\0');
            nul_in.set(has_nul);
            !has_nul
        })
    };
    literal.expand(&checked).map_err(|name| {
        let name = name.clone();
        if nul_in.get() {
            ExpansionFault::NulInValue { name }
        } else {
            ExpansionFault::UnsetVariable { name }
        }
    })
}

#[cfg(test)]
mod tests;
