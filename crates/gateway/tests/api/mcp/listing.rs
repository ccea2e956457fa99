//! What is told of the server, and what is listed for whom.

use serde_json::{Value, json};

use super::client::{Client, REVISIONS, STATELESS, text};
use crate::support::TestGateway;

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway
}

#[tokio::test]
async fn initialize_agrees_on_the_revision_and_tells_the_first_page() {
    let gateway = start().await;
    for revision in ["2025-06-18", "2025-11-25"] {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let params = json!({
            "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" }
        });
        let result = client.result("initialize", params).await;
        assert_eq!(result["protocolVersion"], revision);
        assert_eq!(result["serverInfo"]["name"], "toolfront");
        assert_eq!(result["serverInfo"]["title"], "docs");
        assert_eq!(result["capabilities"], json!({ "tools": {}, "resources": {} }));
        let instructions = result["instructions"].as_str().unwrap();
        assert!(instructions.contains("# A page") && instructions.contains("run_command"), "{instructions}");
        let notified = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let answer = client.post(&notified).header("mcp-protocol-version", revision).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (202, ""));
        assert_eq!(client.result("ping", json!({})).await, json!({}));
    }
}

#[tokio::test]
async fn a_revision_that_is_not_spoken_is_answered_with_one_that_is() {
    let gateway = start().await;
    let client = Client::new(&gateway, &gateway.admin, "2024-11-05");
    let params = json!({
        "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" }
    });
    assert_eq!(client.result("initialize", params).await["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn discover_tells_the_revisions_and_the_first_page() {
    let gateway = start().await;
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    let result = client.result("server/discover", json!({})).await;
    assert_eq!(result["supportedVersions"], json!(REVISIONS));
    assert_eq!((&result["resultType"], &result["cacheScope"]), (&json!("complete"), &json!("private")));
    assert!(result["instructions"].as_str().unwrap().contains("# A page"), "{result}");
}

#[tokio::test]
async fn only_who_may_run_commands_sees_the_tool_for_it() {
    let gateway = start().await;
    let reader = gateway.token().scope("read").issue().await;
    let runner = gateway.token().scope("execute").issue().await;
    for revision in REVISIONS {
        let list = async |token| Client::new(&gateway, token, revision).tools().await;
        assert_eq!(list(&reader).await, ["list_pages", "read_page"], "{revision}");
        for token in [&runner, &gateway.admin] {
            assert_eq!(list(token).await, ["list_pages", "read_page", "run_command"], "{revision}");
        }
        let client = Client::new(&gateway, &reader, revision);
        let refused = client.tool("run_command", json!({ "page": "", "command": ["ls"] })).await;
        assert_eq!(refused["isError"], true);
        assert!(text(&refused).contains("environments:execute"), "{refused}");
    }
}

#[tokio::test]
async fn tools_say_what_they_take_and_do() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let listed = client.result("tools/list", json!({})).await;
        let hints = |tool: &Value| {
            let hint = |name: &str| tool["annotations"][name].as_bool().unwrap();
            (hint("readOnlyHint"), hint("destructiveHint"), hint("idempotentHint"), hint("openWorldHint"))
        };
        let all: Vec<_> = listed["tools"].as_array().unwrap().iter().map(hints).collect();
        assert_eq!(all, [(true, false, true, false), (true, false, true, false), (false, true, false, true)]);
        for tool in listed["tools"].as_array().unwrap() {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        }
        if revision == STATELESS {
            assert_eq!((&listed["cacheScope"], &listed["ttlMs"]), (&json!("private"), &json!(0)));
            assert_eq!(listed["resultType"], "complete");
        } else {
            assert!(listed.get("resultType").is_none(), "{listed}");
        }
    }
}

#[tokio::test]
async fn pages_are_listed_with_their_titles_in_a_stable_order() {
    let gateway = TestGateway::start().await;
    let files = [
        ("README.md", "# Top\n"),
        ("z.md", "---\ntitle: Last\ndescription: The end\ntools:\n  - [ls]\n---\n# Other\n"),
        ("sub/a.md", "no heading\n"),
        ("sub/data.csv", "1,2\n"),
    ];
    gateway.deploy_files("docs", &files).await.data();
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let all = client.tool("list_pages", json!({})).await;
        assert_eq!(
            all["structuredContent"],
            json!({ "left_out": 0, "pages": [
                { "path": "README.md", "title": "Top", "tools": 0 },
                { "path": "sub/a.md", "tools": 0 },
                { "path": "z.md", "title": "Last", "description": "The end", "tools": 1 },
            ] })
        );
        assert_eq!(text(&all), "README.md: Top\nsub/a.md\nz.md: Last (1 tool)\n");
        let below = client.tool("list_pages", json!({ "under": "sub/" })).await;
        assert_eq!(text(&below), "sub/a.md\n");
        let resources = client.result("resources/list", json!({})).await;
        let uris: Vec<_> =
            resources["resources"].as_array().unwrap().iter().map(|one| one["uri"].clone()).collect();
        assert_eq!(uris, ["page:///README.md", "page:///sub/a.md", "page:///z.md"]);
        let templates = client.result("resources/templates/list", json!({})).await;
        assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "page:///{+path}");
    }
    // Another release lists its own pages.
    gateway.deploy_files("docs", &[("README.md", "# New\n")]).await.data();
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    assert_eq!(text(&client.tool("list_pages", json!({})).await), "README.md: New\n");
}
