//! What the gateway and the launcher say to each other: messages, and their bytes.
//!
//! A message is a tag and its fields, each of a fixed width or preceded by its length. Reading is total: any bytes
//! either are one message, whole, or are [`Malformed`]. It refuses to know how messages travel (see
//! [`crate::frames`]).

mod bytes;

use std::ffi::CString;

use bytes::{Reader, Writer};

/// These bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no message of the launcher's protocol")]
pub(crate) struct Malformed;

/// A message that has a form in bytes.
pub(crate) trait Message: Sized {
    fn write(&self, to: &mut Writer);
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed>;

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::of(bytes);
        let message = Self::read(&mut reader)?;
        reader.end()?;
        Ok(message)
    }
}

/// From the gateway to the launcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToLauncher {
    /// The first message: what is the same for all runs.
    Configure(Settings),
    /// Start a slot. The other end of its socket comes with the message.
    OpenSlot {
        /// The private directory of its runs, which the slot makes.
        private: CString,
    },
}

/// What is the same for all runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Files and directories that commands may read and execute besides the system's own.
    pub(crate) extra_read: Vec<CString>,
    /// The first of the user ids for commands, and how many there are.
    pub(crate) first_user: u32,
    pub(crate) user_count: u32,
    /// Commands may make Unix sockets.
    pub(crate) unix_sockets: bool,
    /// The bytes that a private directory holds, where it is a file system of its own.
    pub(crate) scratch_bytes: u64,
}

/// The launcher's answer to [`ToLauncher::Configure`]: what it tried, and what worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says of one layer whether it is there")]
pub(crate) struct Offered {
    pub(crate) landlock_abi: u32,
    pub(crate) seccomp: bool,
    pub(crate) no_new_privs: bool,
    pub(crate) own_user: bool,
    pub(crate) namespaces: bool,
}

/// From the gateway to a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToSlot {
    /// Run this. Standard output and error come with the message.
    Run(Order),
    /// Start the program of an order that is held.
    Go,
    /// SIGTERM to the command's process group.
    Terminate,
    /// SIGKILL to the command and everything that it started.
    Kill,
}

/// One command to run. No string holds a NUL.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
#[expect(clippy::struct_excessive_bools, reason = "each says of one thing whether it is so")]
pub(crate) struct Order {
    pub(crate) argv: Vec<CString>,
    /// `NAME=value` each.
    pub(crate) environment: Vec<CString>,
    pub(crate) search_path: CString,
    pub(crate) directory: CString,
    pub(crate) release: CString,
    pub(crate) writable_release: bool,
    pub(crate) network: bool,
    pub(crate) memory: u64,
    pub(crate) processes: u64,
    pub(crate) open_files: u64,
    pub(crate) file_size: u64,
    pub(crate) cpu_seconds: u64,
    /// Say when the program runs, not only when it has ended.
    pub(crate) tell_start: bool,
    /// Do everything but start the program, and wait for [`ToSlot::Go`]; anything else calls it off.
    pub(crate) held: bool,
}

/// Shows no argument and no variable.
impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// From a slot to the gateway: how the run ended, and before it, where the order asks for it, that it began. At the end
/// everything that it started is gone, and so is what it left in its private directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FromSlot {
    /// The program runs; its end follows.
    Started,
    Failed(Failure),
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

/// Why a command did not come into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: i32,
}

/// The steps from an order to a running program, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    PrivateDirectory = 1,
    Program,
    Fork,
    Session,
    Streams,
    Limits,
    User,
    Capabilities,
    Parent,
    Directory,
    Descriptors,
    NoNewPrivileges,
    Landlock,
    Seccomp,
    Word,
    Execute,
}

impl Step {
    const ALL: [Self; 16] = [
        Self::PrivateDirectory,
        Self::Program,
        Self::Fork,
        Self::Session,
        Self::Streams,
        Self::Limits,
        Self::User,
        Self::Capabilities,
        Self::Parent,
        Self::Directory,
        Self::Descriptors,
        Self::NoNewPrivileges,
        Self::Landlock,
        Self::Seccomp,
        Self::Word,
        Self::Execute,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| *step as u8 == number)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PrivateDirectory => "private directory",
            Self::Program => "program",
            Self::Fork => "fork",
            Self::Session => "session",
            Self::Streams => "streams",
            Self::Limits => "limits",
            Self::User => "user",
            Self::Capabilities => "capabilities",
            Self::Parent => "parent",
            Self::Directory => "working directory",
            Self::Descriptors => "descriptors",
            Self::NoNewPrivileges => "no new privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Word => "word to start",
            Self::Execute => "execute",
        }
    }
}

impl Message for ToLauncher {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Configure(settings) => {
                to.u8(1);
                to.strings(&settings.extra_read);
                to.u32(settings.first_user);
                to.u32(settings.user_count);
                to.flag(settings.unix_sockets);
                to.u64(settings.scratch_bytes);
            }
            Self::OpenSlot { private } => {
                to.u8(2);
                to.string(private);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            1 => Ok(Self::Configure(Settings {
                extra_read: from.strings()?,
                first_user: from.u32()?,
                user_count: from.u32()?,
                unix_sockets: from.flag()?,
                scratch_bytes: from.u64()?,
            })),
            2 => Ok(Self::OpenSlot { private: from.string()? }),
            _ => Err(Malformed),
        }
    }
}

impl Message for Offered {
    fn write(&self, to: &mut Writer) {
        to.u32(self.landlock_abi);
        for flag in [self.seccomp, self.no_new_privs, self.own_user, self.namespaces] {
            to.flag(flag);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            landlock_abi: from.u32()?,
            seccomp: from.flag()?,
            no_new_privs: from.flag()?,
            own_user: from.flag()?,
            namespaces: from.flag()?,
        })
    }
}

impl Message for ToSlot {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Run(order) => {
                to.u8(1);
                order.write(to);
            }
            Self::Terminate => to.u8(2),
            Self::Kill => to.u8(3),
            Self::Go => to.u8(4),
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            1 => Ok(Self::Run(Order::read(from)?)),
            2 => Ok(Self::Terminate),
            3 => Ok(Self::Kill),
            4 => Ok(Self::Go),
            _ => Err(Malformed),
        }
    }
}

impl Message for Order {
    fn write(&self, to: &mut Writer) {
        to.strings(&self.argv);
        to.strings(&self.environment);
        for string in [&self.search_path, &self.directory, &self.release] {
            to.string(string);
        }
        to.flag(self.writable_release);
        to.flag(self.network);
        for limit in [self.memory, self.processes, self.open_files, self.file_size, self.cpu_seconds] {
            to.u64(limit);
        }
        to.flag(self.tell_start);
        to.flag(self.held);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            argv: from.strings()?,
            environment: from.strings()?,
            search_path: from.string()?,
            directory: from.string()?,
            release: from.string()?,
            writable_release: from.flag()?,
            network: from.flag()?,
            memory: from.u64()?,
            processes: from.u64()?,
            open_files: from.u64()?,
            file_size: from.u64()?,
            cpu_seconds: from.u64()?,
            tell_start: from.flag()?,
            held: from.flag()?,
        })
    }
}

impl Message for FromSlot {
    fn write(&self, to: &mut Writer) {
        let (tag, number) = match self {
            Self::Failed(failure) => {
                to.u8(1);
                to.u8(failure.step as u8);
                return to.u32(failure.errno.cast_unsigned());
            }
            Self::Exited(code) => (2, *code),
            Self::Signalled(signal) => (3, *signal),
            Self::Started => return to.u8(4),
        };
        to.u8(tag);
        to.u32(number.cast_unsigned());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            1 => Ok(Self::Failed(Failure {
                step: Step::from_number(from.u8()?).ok_or(Malformed)?,
                errno: from.u32()?.cast_signed(),
            })),
            2 => Ok(Self::Exited(from.u32()?.cast_signed())),
            3 => Ok(Self::Signalled(from.u32()?.cast_signed())),
            4 => Ok(Self::Started),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
