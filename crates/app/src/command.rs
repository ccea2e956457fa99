//! A command as an agent asks for it: a list of strings that could be an argument vector.

use thiserror::Error;

/// How many arguments a command may have, the program included.
pub const ARGUMENTS_MAX: usize = 256;
/// How many bytes a command may have in all, each argument counted with the NUL that ends it for the kernel.
pub const COMMAND_BYTES_MAX: usize = 128 * 1024;

/// A command line: not empty, with a program, without NUL, within the limits. Nothing says yet that it may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// Takes a list of strings as a command.
    ///
    /// # Errors
    /// When the list or its first element is empty, an element has a NUL, or there are too many elements or bytes.
    pub fn parse(arguments: Vec<String>) -> Result<CommandLine, CommandFault> {
        match arguments.first() {
            None => return Err(CommandFault::Empty),
            Some(program) if program.is_empty() => return Err(CommandFault::NoProgram),
            Some(_) => {}
        }
        if arguments.len() > ARGUMENTS_MAX {
            return Err(CommandFault::TooMany { count: arguments.len() });
        }
        if arguments.iter().map(|argument| argument.len() + 1).sum::<usize>() > COMMAND_BYTES_MAX {
            return Err(CommandFault::TooLong);
        }
        if let Some(index) = arguments.iter().position(|argument| argument.contains('\0')) {
            return Err(CommandFault::Nul { argument: index });
        }
        Ok(CommandLine(arguments))
    }

    /// The arguments as they were sent, the program first.
    pub fn arguments(&self) -> &[String] {
        &self.0
    }
}

/// Why a list of strings is not a command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandFault {
    /// The list is empty.
    #[error("the command is empty: it needs at least a program")]
    Empty,
    /// The first string is empty.
    #[error("the command's first element, the program, is empty")]
    NoProgram,
    /// There are too many strings.
    #[error("the command has {count} elements; at most {ARGUMENTS_MAX} are taken")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// The strings are too long together.
    #[error("the command is longer than {COMMAND_BYTES_MAX} bytes in all")]
    TooLong,
    /// A string has a NUL, which no argument can have.
    #[error("element {argument} of the command has a NUL in it (the program is element 0)")]
    Nul {
        /// The string's index in the list.
        argument: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, CommandFault> {
        CommandLine::parse(arguments.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_command_needs_a_program() {
        assert_eq!(parse(&[]), Err(CommandFault::Empty));
        assert_eq!(parse(&["", "x"]), Err(CommandFault::NoProgram));
        assert!(parse(&["ls", ""]).is_ok());
    }

    #[test]
    fn a_nul_is_refused_wherever_it_is() {
        assert_eq!(parse(&["ls", "a\0b"]), Err(CommandFault::Nul { argument: 1 }));
        assert_eq!(parse(&["\0"]), Err(CommandFault::Nul { argument: 0 }));
    }

    #[test]
    fn a_command_at_the_limits_is_taken_and_one_beyond_is_not() {
        assert!(parse(&["a"; ARGUMENTS_MAX]).is_ok());
        assert_eq!(parse(&["a"; ARGUMENTS_MAX + 1]), Err(CommandFault::TooMany { count: 257 }));
        assert!(parse(&["a", &"b".repeat(COMMAND_BYTES_MAX - 3)]).is_ok());
        assert_eq!(parse(&["a", &"b".repeat(COMMAND_BYTES_MAX - 2)]), Err(CommandFault::TooLong));
    }
}
