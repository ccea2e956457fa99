//! How a command ends, for scripts.

use std::process::ExitCode;

/// The exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It did not, for a reason that has no number of its own.
    Failed = 1,
    /// It was used wrongly; asking again will not help.
    WrongUse = 2,
    /// The gateway refused: 401 or 403.
    Refused = 3,
    /// What it is about is not there: 404.
    NotFound = 4,
    /// Somebody else was there first: 409.
    Conflict = 5,
    /// The gateway can't be reached. The number is `EX_UNAVAILABLE` of BSD's `sysexits.h`.
    Unreachable = 69,
    /// Ctrl-C ended it: 128 and the number of SIGINT, as shells report it.
    Interrupted = 130,
}

impl Exit {
    /// What a refusal with this HTTP status ends a command with.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            400 | 422 => Self::WrongUse,
            401 | 403 => Self::Refused,
            404 => Self::NotFound,
            409 => Self::Conflict,
            _ => Self::Failed,
        }
    }

    /// What it is, in words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Failed => "The command failed",
            Self::WrongUse => "The command was used wrongly",
            Self::Refused => "The gateway refused",
            Self::NotFound => "There is nothing here",
            Self::Conflict => "The request conflicts with what is there",
            Self::Unreachable => "The gateway can't be reached",
            Self::Interrupted => "It was interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
