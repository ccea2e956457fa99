//! Connections: what is taken of them, how they end, and when the server does not start.

mod connections;
mod starting;
mod tls;
