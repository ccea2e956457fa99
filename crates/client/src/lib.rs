//! Talking to a gateway: its management API, and the applications that it serves.
//!
//! [`ApiClient`] has a method for each endpoint and returns the wire types of `toolfront-api`;
//! [`ApplicationClient`] reads pages and runs tools below the URL of one application. [`AppDirectory`] is a directory that
//! was looked through and whose pages parse, and [`Deployment`] sends it. Nothing here prints, asks, reads an environment
//! variable or keeps a token's value in a text.

mod answer;
mod api_client;
mod application;
mod audit;
mod blobs;
mod bridge;
mod connection;
mod deployment;
mod directory;
mod environments;
mod error;
mod gateway_url;
mod lookup;
mod progress;
mod readback;
mod secrets;
mod tokens;

pub use api_client::ApiClient;
pub use application::{ApplicationClient, PageBytes, RunOutput};
pub use audit::{AuditFilter, AuditFollower, AuditOrder};
pub use blobs::BlobError;
pub use bridge::Bridge;
pub use connection::{Connection, HeaderFault, SetupFault};
pub use deployment::{DeployError, Deployment, Sent};
pub use directory::{AppDirectory, AppFile, DirectoryError, DirectoryFaults, Inspection};
pub use error::ClientError;
pub use gateway_url::{GatewayUrl, GatewayUrlFault};
pub use lookup::{FoundToken, LookupError, TokenReference};
pub use progress::{NoProgress, Progress};
pub use readback::{Readback, ReadbackError};
pub use tokens::{TokenFilter, WhichToken};
