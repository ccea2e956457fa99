//! Talking to a gateway.
