//! The agent over an application that says what it is told to, with the stand-in for model providers.

#![expect(clippy::unwrap_used, reason = "what a test can not set up, it can not test")]

#[path = "agent/answers.rs"]
mod answers;
#[path = "agent/failures.rs"]
mod failures;
#[path = "agent/formats.rs"]
mod formats;
#[path = "agent/support.rs"]
mod support;
#[path = "agent/tools.rs"]
mod tools;
