//! Asking a gateway's MCP endpoint what an application's other answers do not say: its pages, and which tools it lists
//! for this token.

use reqwest::header::{ACCEPT, HeaderValue};
use serde_json::{Map, Value, json};
use toolfront_mcp::PageEntry;

use super::{ApplicationClient, READ_TIMEOUT};
use crate::answer::read_json;
use crate::api_client::exchange;
use crate::error::ClientError;

const REVISION: &str = "2026-07-28";
/// How many parts a list of pages may come in.
const PARTS_MAX: usize = 100;

impl ApplicationClient {
    /// Whether the server lists the tool that runs commands; `None` when it is no MCP server.
    ///
    /// # Errors
    /// [`ClientError`] when it can't be reached.
    pub async fn lists_commands(&self) -> Result<Option<bool>, ClientError> {
        let Some(result) = self.ask("tools/list", Map::new()).await? else { return Ok(None) };
        let tools = result.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(Some(tools.iter().any(|tool| tool.get("name").and_then(Value::as_str) == Some("run_command"))))
    }

    /// All pages; `None` when the server is no MCP server.
    ///
    /// # Errors
    /// [`ClientError`] when it can't be reached.
    pub async fn pages(&self) -> Result<Option<Vec<PageEntry>>, ClientError> {
        let (mut pages, mut cursor) = (Vec::new(), None);
        for _ in 0..PARTS_MAX {
            let params = cursor.take().map(|cursor| ("cursor".to_owned(), cursor)).into_iter().collect();
            let Some(result) = self.ask("resources/list", params).await? else { return Ok(None) };
            let part =
                result.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            pages.extend(part.iter().filter_map(page));
            cursor = result.get("nextCursor").filter(|cursor| cursor.is_string()).cloned();
            if cursor.is_none() {
                break;
            }
        }
        Ok(Some(pages))
    }

    /// The result of a request; `None` when something else than an MCP server answers, or it refuses.
    async fn ask(&self, method: &str, mut params: Map<String, Value>) -> Result<Option<Value>, ClientError> {
        params.insert(
            "_meta".to_owned(),
            json!({
                "io.modelcontextprotocol/protocolVersion": REVISION,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": { "name": "toolfront", "version": env!("CARGO_PKG_VERSION") },
            }),
        );
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let url = self.page_url("mcp");
        let request = self.http.post(url.clone()).json(&message);
        let request = request.header(ACCEPT, "application/json, text/event-stream");
        let request = request.header("mcp-protocol-version", HeaderValue::from_static(REVISION));
        let request = request.header("mcp-method", method);
        let response = exchange(request, self.token.as_ref(), &url, READ_TIMEOUT).await?;
        match read_json::<Value>(response).await {
            Ok(mut answer) => Ok(answer.get_mut("result").map(Value::take)),
            Err(
                error @ (ClientError::Unreachable { .. }
                | ClientError::BrokenOff { .. }
                | ClientError::TimedOut { .. }),
            ) => Err(error),
            Err(error) if matches!(error.status(), Some(401 | 429 | 500..)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

fn page(resource: &Value) -> Option<PageEntry> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
    let tools =
        resource.get("_meta").and_then(|meta| meta.get(toolfront_mcp::TOOLS_KEY)).and_then(Value::as_u64);
    Some(PageEntry {
        path: text("name")?,
        title: text("title"),
        description: text("description"),
        tools: tools.and_then(|tools| usize::try_from(tools).ok()).unwrap_or_default(),
    })
}
