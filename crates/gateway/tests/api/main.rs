//! The gateway over HTTP: a real server on a real socket, a real store in a fresh directory, and a clock
//! that the tests turn.

mod matrix;
mod support;
