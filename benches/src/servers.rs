//! The servers that are compared: the real gateway, and a bare hyper.

pub(crate) mod bare_http;
pub(crate) mod gateway;
