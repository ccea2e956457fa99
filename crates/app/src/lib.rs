//! Pages, front matter, tools, command matching, path resolution and manifests. Pure.
//!
//! Nothing here opens a file or a socket, reads a clock or an environment variable: text and bytes come in as arguments. What
//! may run is decided in this crate alone, and the decision is a value:
//! [`Page::admit`] yields an [`Admitted`], [`Admitted::expand`] the [`AllowedCommand`] that the sandbox takes, and there is no
//! other way to make one.

mod admission;
mod command;
mod digest;
mod env_name;
mod fault;
mod file_path;
mod file_tree;
mod front_matter;
mod literal;
mod manifest;
mod masking;
mod nearness;
mod page;
mod pattern;
mod request_path;
mod risk;
mod secret;
mod tool;
mod variable;

pub use crate::admission::{Admitted, AllowedCommand, ExpansionFault, Misfit, NearMiss, NotAllowed};
pub use crate::command::{ARGUMENTS_MAX, COMMAND_BYTES_MAX, CommandFault, CommandLine};
pub use crate::digest::{BlobDigest, DigestFault};
pub use crate::env_name::{EnvName, EnvNameFault};
pub use crate::fault::{Fault, Position, Severity};
pub use crate::file_path::{FilePath, PathFault};
pub use crate::file_tree::{FileTree, Kind, NotThere, resolve};
pub use crate::manifest::{
    CorruptManifest, FileEntry, Manifest, ManifestFault, ManifestLimits, ManifestProblem, ManifestRefusal,
    RawEntry,
};
pub use crate::masking::{Mask, MaskedStream};
pub use crate::page::Page;
pub use crate::request_path::{BadPath, RequestPath};
pub use crate::secret::{
    SECRET_BYTES_MAX, SECRET_BYTES_MIN, Secret, SecretFault, SecretName, SecretNameFault, SecretValue,
};
pub use crate::tool::{DEFAULT_TIMEOUT, Element, MAX_TIMEOUT, Tool};
pub use crate::variable::{VariableFault, VariableName};
