//! Who is let in, and what those are told who are not.

use serde_json::{Value, json};

use super::client::{Client, REVISIONS, STATELESS, text};
use crate::support::TestGateway;

const LIST: &str = "tools/list";

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway
}

#[tokio::test]
async fn whoever_has_no_token_is_told_where_to_find_out_what_is_needed() {
    let gateway = start().await;
    let address = gateway.address;
    for revision in REVISIONS {
        let client = Client { token: None, ..Client::new(&gateway, &gateway.admin, revision) };
        for (target, path) in [("/e/docs/mcp", "/e/docs/mcp"), ("/e/no-such-one/mcp", "/e/no-such-one/mcp")] {
            let answer = Client { target, ..client }.send(LIST, json!({})).await;
            answer.assert_problem(401, "unauthorized");
            let metadata = format!("http://{address}/.well-known/oauth-protected-resource{path}");
            let challenge = format!(r#"Bearer realm="toolfront", resource_metadata="{metadata}""#);
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
    }
}

#[tokio::test]
async fn the_metadata_says_where_a_token_goes_and_names_no_authorization_server() {
    let gateway = start().await;
    for name in ["docs", "no-such-one"] {
        let answer = gateway.get(&format!("/.well-known/oauth-protected-resource/e/{name}/mcp")).send().await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(
            answer.json(),
            json!({
                "resource": format!("http://{}/e/{name}/mcp", gateway.address),
                "resource_name": "An application on a ToolFront gateway",
                "bearer_methods_supported": ["header"],
                "scopes_supported": ["environments:read", "environments:execute"],
            })
        );
    }
    for path in ["", "/", "/mcp", "/e/docs", "/e/a/b/mcp", "/e/Docs/mcp", "/api/v1/mcp"] {
        let answer = gateway.get(&format!("/.well-known/oauth-protected-resource{path}")).send().await;
        answer.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused_on_public_applications_too() {
    let gateway = start().await;
    let revoked = gateway.token().issue().await;
    gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", revoked.id)).send().await.data();
    for visibility in ["private", "public"] {
        let change = json!({ "visibility": visibility });
        gateway.as_admin("PATCH", "/api/v1/environments/docs").json(&change).send().await.data();
        for revision in REVISIONS {
            let answer = Client::new(&gateway, &revoked, revision).send(LIST, json!({})).await;
            answer.assert_problem(401, "invalid-token");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
            assert!(challenge.contains("resource_metadata=\"http://"), "{challenge}");
            let none = Client { token: None, ..Client::new(&gateway, &revoked, revision) };
            let expected = if visibility == "public" { 200 } else { 401 };
            assert_eq!(none.send(LIST, json!({})).await.status, expected);
        }
    }
}

#[tokio::test]
async fn a_public_application_is_open_to_everybody_and_its_tools_run() {
    let gateway = start().await;
    let change = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/docs").json(&change).send().await.data();
    for revision in REVISIONS {
        let client = Client { token: None, ..Client::new(&gateway, &gateway.admin, revision) };
        assert_eq!(client.tools().await, ["list_pages", "read_page", "run_command"]);
        let ran = client.tool("run_command", json!({ "page": "", "command": ["echo", "x"] })).await;
        assert_eq!(text(&ran), "x\n[exit code 0]");
    }
}

#[tokio::test]
async fn an_environment_out_of_sight_is_answered_as_one_that_does_not_exist() {
    let gateway = start().await;
    gateway.deploy("hidden").await;
    let token = gateway.token().only(&["docs"]).issue().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &token, revision);
        for method in ["initialize", LIST, "tools/call", "server/discover"] {
            let ask = async |target| {
                let answer = Client { target, ..client }.send(method, json!({})).await;
                answer.assert_problem(404, "not-found").without_request_id()
            };
            assert_eq!(ask("/e/hidden/mcp").await, ask("/e/no-such-one/mcp").await, "{method}");
        }
    }
}

#[tokio::test]
async fn pitfall_04_a_token_counts_alike_in_both_headers() {
    let gateway = start().await;
    let client = Client { token: None, ..Client::new(&gateway, &gateway.admin, STATELESS) };
    let listed = client.request(LIST, json!({})).header("token", &gateway.admin.value).send().await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let other = gateway.token().issue().await;
    let both = Client::new(&gateway, &gateway.admin, STATELESS).request(LIST, json!({}));
    both.header("token", &other.value).send().await.assert_problem(400, "conflicting-tokens");
}

#[tokio::test]
async fn an_application_with_a_host_of_its_own_is_a_server_there() {
    let gateway = TestGateway::start_with(|settings| {
        settings.public_url = Some("https://tools.example.com".to_owned());
        settings.app_domain = Some("apps.example.com".to_owned());
    })
    .await;
    gateway.deploy("docs").await;
    let host = "docs.apps.example.com";
    let client = Client { target: "/mcp", ..Client::new(&gateway, &gateway.admin, STATELESS) };
    let answer = client.request(LIST, json!({})).header("host", host).send().await;
    assert_eq!(answer.json()["result"]["tools"].as_array().map(Vec::len), Some(3), "{}", answer.text());
    let refused = Client { token: None, ..client }.request(LIST, json!({})).header("host", host).send().await;
    let metadata = "https://docs.apps.example.com/.well-known/oauth-protected-resource/mcp";
    assert!(refused.header("www-authenticate").contains(metadata), "{}", refused.header("www-authenticate"));
    let document = gateway.get("/.well-known/oauth-protected-resource/mcp").header("host", host).send().await;
    assert_eq!(document.json()["resource"], "https://docs.apps.example.com/mcp");
    // At the gateway's own host there is no endpoint by that path.
    client
        .request(LIST, json!({}))
        .header("host", "tools.example.com")
        .send()
        .await
        .assert_problem(404, "not-found");
}

#[tokio::test]
async fn no_answer_and_no_listing_repeats_a_token() {
    let gateway = start().await;
    let value = &gateway.admin.value;
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    let arguments = json!({ "page": value, "command": [value], "env": { value: value } });
    let called: Value = client.tool("run_command", arguments).await;
    let read = client.tool("read_page", json!({ "path": value })).await;
    let misshapen = client.tool("run_command", json!({ "page": "", "command": value })).await;
    let unknown = client.send("tools/call", json!({ "name": "x", "arguments": {} }));
    let unknown = unknown.await.text();
    let named = client
        .post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": value } }));
    let named = named.header("mcp-protocol-version", "2025-11-25").send().await.text();
    for told in [called.to_string(), read.to_string(), misshapen.to_string(), unknown, named] {
        assert!(!told.contains(value), "{told}");
    }
}
