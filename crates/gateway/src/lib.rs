//! The server: management API and applications.
