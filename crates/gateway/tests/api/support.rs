//! A gateway to test against, and a client that sends what it is told, byte for byte.

mod client;
mod gateway;

pub(crate) use self::client::{Answer, Call};
pub(crate) use self::gateway::{Issued, PAGE, TestGateway, inline};
