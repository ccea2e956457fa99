//! Applications: what is read of them, and what runs in them.

mod browser;
mod ending;
mod ending_with_token;
mod hosts;
mod limits;
mod paths;
mod ranges;
mod read;
mod run;
mod streaming;
mod variables;
