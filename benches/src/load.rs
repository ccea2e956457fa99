//! Putting a server under load: `wrk` for reads when it is there, and a plain client of our own for the rest.

mod client;
mod generator;

pub(crate) use self::client::{Client, closed_loop, post_request};
pub(crate) use self::generator::{Generator, Reading, Speed};
