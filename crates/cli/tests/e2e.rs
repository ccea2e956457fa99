//! End to end: the real binary on a free port with a fresh data directory, driven by its command line and over
//! HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test can not set up, it can not test")]

#[path = "e2e/ask.rs"]
mod ask;
#[path = "e2e/audit.rs"]
mod audit;
#[path = "e2e/bounds.rs"]
mod bounds;
#[path = "e2e/cage.rs"]
mod cage;
#[path = "e2e/caged.rs"]
mod caged;
#[path = "e2e/cluster.rs"]
mod cluster;
#[path = "e2e/examples.rs"]
mod examples;
#[path = "e2e/life.rs"]
mod life;
#[path = "e2e/mcp.rs"]
mod mcp;
#[path = "e2e/permission.rs"]
mod permission;
#[path = "e2e/refusals.rs"]
mod refusals;
#[path = "e2e/running.rs"]
mod running;
#[path = "e2e/secrets.rs"]
mod secrets;
#[path = "e2e/server.rs"]
mod server;
#[path = "e2e/telemetry.rs"]
mod telemetry;
#[path = "e2e/up.rs"]
mod up;
