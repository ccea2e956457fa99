//! Pages elsewhere in a browser, and what else does not fit the transport.

use serde_json::json;

use super::client::{Client, REVISIONS, STATELESS};
use crate::support::TestGateway;

async fn start() -> TestGateway {
    let gateway = TestGateway::start_with(|settings| {
        settings.public_url = Some("https://tools.example.com".to_owned());
    })
    .await;
    gateway.deploy("docs").await;
    gateway
}

#[tokio::test]
async fn only_pages_of_the_gateway_itself_may_send_messages() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let from = async |origin: &str| {
            client.request("tools/list", json!({})).header("origin", origin).send().await
        };
        for origin in [
            "https://evil.example",
            "http://localhost:1",
            "null",
            "",
            "https://tools.example.com.evil.example",
            "http://tools.example.com",
        ] {
            from(origin).await.assert_problem(403, "foreign-origin");
        }
        for origin in ["https://tools.example.com", &format!("http://{}", gateway.address)] {
            assert_eq!(from(origin).await.status, 200, "{origin}");
        }
    }
}

/// DNS rebinding: the page's own name points here, so that its origin is the host that it names.
#[tokio::test]
async fn a_host_that_is_none_of_ours_is_refused_whatever_the_origin() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let call = client.request("tools/list", json!({})).header("host", "evil.example:80");
        let answer = call.header("origin", "http://evil.example:80").send().await;
        answer.assert_problem(421, "misdirected-request");
    }
}

#[tokio::test]
async fn other_methods_and_media_types_are_refused() {
    let gateway = start().await;
    for method in ["GET", "DELETE", "PUT"] {
        let call = gateway.as_admin(method, "/e/docs/mcp").header("accept", "text/event-stream");
        let answer = call.send().await;
        answer.assert_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "POST");
    }
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    // A form is what a page elsewhere could send without asking first.
    let form = gateway.as_admin("POST", "/e/docs/mcp").bytes("text/plain", b"{}".to_vec());
    form.send().await.assert_problem(415, "unsupported-media-type");
    let json_alone =
        gateway.as_admin("POST", "/e/docs/mcp").json(&json!({})).header("accept", "application/json");
    json_alone.send().await.assert_problem(406, "not-acceptable");
    for message in [json!([1, 2]), json!("tools/list"), json!({ "method": "tools/list" })] {
        client.post(&message).send().await.assert_problem(400, "bad-request");
    }
    let unknown = client.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
    unknown.header("mcp-protocol-version", "1999-01-01").send().await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn a_header_that_contradicts_its_message_is_refused() {
    let gateway = start().await;
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    let listed = client.request("tools/list", json!({}));
    let mut changed = listed.clone();
    changed.headers.retain(|(name, _)| name != "mcp-method");
    let answer = changed.header("mcp-method", "tools/call").send().await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(-32020)), "{}", answer.text());
    let mut unknown = listed;
    unknown.body = String::from_utf8(unknown.body).unwrap().replace(STATELESS, "1999-01-01").into_bytes();
    unknown.headers.retain(|(name, _)| name != "mcp-protocol-version");
    let answer = unknown.header("mcp-protocol-version", "1999-01-01").send().await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(-32022)), "{}", answer.text());
}
