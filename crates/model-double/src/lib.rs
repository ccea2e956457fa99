//! A stand-in for model providers, for tests: a local server that speaks their wire formats (OpenAI chat completions and
//! responses, Anthropic messages, Gemini; streaming and not) and says what a script tells it to.
//!
//! Every request is checked against the schemas in `schemas/`, which `scripts/model-schemas` makes from the types of the
//! providers' own packages (each file says which version), closed so that one wrong field is refused; and its conversation is
//! checked for what schemas can't say: that each result answers a call, and each call has a result. What is refused is
//! answered as the provider would, and kept in [`ModelDouble::faults`].

mod format;
mod requests;
mod script;
mod server;

pub use format::Format;
pub use requests::{KEY, Recorded, fault_of};
pub use script::{Call, Script, Turn};
pub use server::ModelDouble;
