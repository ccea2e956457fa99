//! Putting a server under load: `wrk` for reads when it is there, and a plain client of our own for the rest.

mod client;
mod generator;

pub(crate) use self::client::{
    Client, closed_loop, delete_request, get_request, post_request, post_request_with,
};
pub(crate) use self::generator::{CONNECTIONS, Generator, Read, Reading, Speed};
