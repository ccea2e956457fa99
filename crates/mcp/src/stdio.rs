//! The transport over standard input and output.

use std::sync::Arc;

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;

use crate::application::Application;
use crate::server::Server;

/// Serves one client over standard input and output, until it closes the input.
///
/// # Errors
/// What went wrong with the first message, in words.
pub async fn serve_stdio<A: Application>(application: Arc<A>) -> Result<(), String> {
    let running = match Server::new(application).serve(rmcp::transport::stdio()).await {
        Ok(running) => running,
        // A client that only looked whether there is a server.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    running.waiting().await.map(drop).map_err(|error| error.to_string())
}
