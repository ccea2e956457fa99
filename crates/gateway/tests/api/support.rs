//! A gateway to test against, and a client that sends what it is told, byte for byte.

mod client;
mod connection;
mod events;
mod gateway;
mod processes;
mod uploading;
mod world;

pub(crate) use self::client::{Answer, Call};
pub(crate) use self::connection::Connection;
pub(crate) use self::events::{Event, events};
pub(crate) use self::gateway::{Issued, PAGE, TestGateway, inline};
pub(crate) use self::processes::{Napper, eventually};
pub(crate) use self::uploading::{checksum_of, entry};
pub(crate) use self::world::{percent_encoded, unknown_value};
