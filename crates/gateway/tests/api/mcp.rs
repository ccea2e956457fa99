//! Applications as MCP servers: JSON-RPC over HTTP, in each revision.

mod auditing;
mod authorization;
mod cancelling;
mod client;
mod listing;
mod origins;
mod reading;
mod running;
mod sessions;
