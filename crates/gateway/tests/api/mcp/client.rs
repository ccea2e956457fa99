//! A client that speaks JSON-RPC by hand, in a revision that it is told.

use serde_json::{Value, json};

use crate::support::{Answer, Call, Issued, TestGateway};

/// Every revision that is supported.
pub(super) const REVISIONS: [&str; 3] = ["2025-06-18", "2025-11-25", STATELESS];
/// The first revision without `initialize`, whose requests say everything themselves.
pub(super) const STATELESS: &str = "2026-07-28";

/// Somebody who speaks MCP with the application `docs`.
#[derive(Clone, Copy)]
pub(super) struct Client<'g> {
    pub(super) gateway: &'g TestGateway,
    pub(super) token: Option<&'g Issued>,
    pub(super) revision: &'static str,
    pub(super) target: &'static str,
}

impl<'g> Client<'g> {
    pub(super) fn new(gateway: &'g TestGateway, token: &'g Issued, revision: &'static str) -> Self {
        Self { gateway, token: Some(token), revision, target: "/e/docs/mcp" }
    }

    /// A POST that takes what a client has to take.
    pub(super) fn post(&self, body: &Value) -> Call {
        let call = self.gateway.call("POST", self.target).json(body);
        let call = call.header("accept", "application/json, text/event-stream");
        match self.token {
            Some(token) => call.token(&token.value),
            None => call,
        }
    }

    /// A request, ready to be sent.
    pub(super) fn request(&self, method: &str, mut params: Value) -> Call {
        if self.revision == STATELESS {
            let meta = params["_meta"].take();
            params["_meta"] = if meta.is_null() { json!({}) } else { meta };
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = self.revision.into();
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
        }
        let name =
            params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str).map(str::to_owned);
        let call = self.post(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }));
        let call = call.header("mcp-protocol-version", self.revision);
        if self.revision != STATELESS {
            return call;
        }
        let call = call.header("mcp-method", method);
        match name {
            Some(name) => call.header("mcp-name", &name),
            None => call,
        }
    }

    pub(super) async fn send(&self, method: &str, params: Value) -> Answer {
        self.request(method, params).send().await
    }

    /// The result of a request that succeeds.
    pub(super) async fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.send(method, params).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let message = answer.json();
        assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), &json!(7)), "{message}");
        assert!(message["result"].is_object(), "{message}");
        message["result"].clone()
    }

    /// The result of a tool's call.
    pub(super) async fn tool(&self, name: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({ "name": name, "arguments": arguments })).await
    }

    /// The names of the tools, in their order.
    pub(super) async fn tools(&self) -> Vec<String> {
        let listed = self.result("tools/list", json!({})).await;
        let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
        listed["tools"].as_array().unwrap().iter().map(name).collect()
    }
}

/// The text of a tool's result.
pub(super) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"))
}
