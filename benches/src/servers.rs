//! The servers that are compared: the real gateway, several on one database, and a bare hyper.

pub(crate) mod bare_http;
pub(crate) mod cluster;
pub(crate) mod gateway;
