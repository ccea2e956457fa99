//! An application as an MCP server (Model Context Protocol), for the revisions 2025-06-18, 2025-11-25 and 2026-07-28.
//!
//! [`Application`] is what is served: the gateway implements it over its own releases and permits, the bridge over HTTP.
//! [`Endpoint`] speaks the streamable HTTP transport, [`serve_stdio`] the one over standard input and output. Nothing here
//! knows of tokens: whoever calls has judged them, for every request.

mod application;
mod calls;
mod http_endpoint;
mod instructions;
mod message;
mod output;
mod page_list;
mod page_uri;
mod progress;
mod resources;
mod server;
mod stdio;
mod tools;

pub use application::{Application, Content, PageEntry, Refused};
pub use http_endpoint::{Answer, Endpoint};
pub use resources::TOOLS_KEY;
pub use stdio::serve_stdio;

/// The longest page or file that is handed out, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
