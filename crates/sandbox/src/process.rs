//! A command's process, however it was started.

use std::io;

#[cfg(target_os = "linux")]
use crate::caged::{Caged, NotBegun};
use crate::direct::Direct;
#[cfg(target_os = "linux")]
use crate::wire::{Failure, FromSlot};

/// A command's process, however it was started. Dropping it ends it.
pub(crate) enum Process {
    Direct(Direct),
    #[cfg(target_os = "linux")]
    Caged(Caged),
}

/// Why there is no exit code.
#[derive(Debug)]
pub(crate) enum NoCode {
    /// The command never became a program.
    #[cfg(target_os = "linux")]
    Failed(Failure),
    /// What held the command is gone.
    #[cfg(target_os = "linux")]
    Lost,
    /// The operating system does not say.
    Wait(io::Error),
}

impl Process {
    /// Has the program started of a command that was held.
    #[cfg(target_os = "linux")]
    pub(crate) async fn go(&self) -> Result<(), NotBegun> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Caged(caged) => caged.go().await,
        }
    }

    /// Returns when the command has ended. May be dropped and called again.
    pub(crate) async fn ended(&mut self) -> Result<(), NoCode> {
        match self {
            Self::Direct(direct) => direct.ended().await.map_err(NoCode::Wait),
            #[cfg(target_os = "linux")]
            Self::Caged(caged) => caged.ended().await.map(drop).map_err(|_| NoCode::Lost),
        }
    }

    /// SIGTERM to the group.
    pub(crate) fn terminate(&self) {
        match self {
            Self::Direct(direct) => direct.terminate(),
            #[cfg(target_os = "linux")]
            Self::Caged(caged) => caged.terminate(),
        }
    }

    /// SIGKILL to the group, or to everything that the command started.
    pub(crate) fn kill(&self) {
        match self {
            Self::Direct(direct) => direct.kill(),
            #[cfg(target_os = "linux")]
            Self::Caged(caged) => caged.kill(),
        }
    }

    /// The command has ended: kills what is left, so that nothing writes any more.
    pub(crate) fn silence(&self) {
        match self {
            Self::Direct(direct) => direct.kill(),
            // Its end was answered when there was nothing left.
            #[cfg(target_os = "linux")]
            Self::Caged(_) => {}
        }
    }

    /// The exit code of a command that has ended. Its private directory is gone afterwards.
    pub(crate) async fn conclude(&mut self) -> Result<i32, NoCode> {
        match self {
            Self::Direct(direct) => direct.conclude().await.map_err(NoCode::Wait),
            #[cfg(target_os = "linux")]
            Self::Caged(caged) => match caged.ended().await {
                Ok(FromSlot::Exited(code)) => Ok(code),
                Ok(FromSlot::Signalled(signal)) => Ok(128 + signal),
                Ok(FromSlot::Failed(failure)) => Err(NoCode::Failed(failure)),
                Ok(FromSlot::Started) | Err(_) => Err(NoCode::Lost),
            },
        }
    }
}
