//! The gateway over HTTP: a real server on a real socket, a real store in a fresh directory, and a clock
//! that the tests turn.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test can not set up, it can not test"
)]

mod applications;
mod audit;
mod authentication;
mod authorize;
mod blob_places;
mod codes;
mod development;
mod environments;
mod hidden;
mod introspection;
mod lease;
mod matrix;
mod mcp;
mod metrics;
mod openapi;
mod operations;
mod organizations;
mod secrecy;
mod secrets;
mod server;
mod support;
mod tokens;
mod uploads;
