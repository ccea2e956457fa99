//! Applications: reading their pages and files, and running the tools that the pages declare.

mod audited_run;
mod content;
mod directory;
mod entry;
mod files;
mod mcp;
mod page_view;
mod pages;
mod reading;
mod release;
mod run_hold;
mod run_secrets;
mod running;
mod streaming;
mod tool_run;

pub(crate) use self::content::{FileCache, IN_MEMORY_MAX};
pub(crate) use self::directory::Directory;
pub(crate) use self::entry::serve;
pub(crate) use self::files::Files;
pub(crate) use self::mcp::{refuse_foreign_origin, resource_metadata, session_id, told};
pub(crate) use self::reading::{Reading, read};
pub(crate) use self::release::Release;
pub(crate) use self::run_secrets::RunSecrets;
pub(crate) use self::running::{Prepare, prepare, reply};
pub(crate) use self::streaming::{ReadyStream, Streamed, is_asked_for as is_stream_asked_for};
