//! The matrix: scope × environments × action, every cell over HTTP, from one table.

use serde_json::{Value, json};

use crate::support::{Answer, Call, Issued, TestGateway};

/// What a cell answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Success.
    Yes,
    /// 403, insufficient scope.
    LowScope,
    /// 403, because the token is not for all environments.
    NotForAll,
    /// 404, as for what does not exist.
    Hidden,
}

use Cell::{Hidden, LowScope, NotForAll, Yes};

/// Who asks: for each scope, a token of all environments, one whose set has `here`, one whose set does not.
const GRANTS: [&str; 3] = ["all", "here", "elsewhere"];
const SCOPES: [&str; 3] = ["read", "execute", "admin"];

/// A row of the matrix: an action, and what it answers for each scope and each grant.
struct Row {
    action: &'static str,
    cells: [[Cell; 3]; 3],
}

/// `needed` is the index of the least scope that will do.
const fn in_set(action: &'static str, needed: usize) -> Row {
    let mut cells = [[LowScope, LowScope, Hidden]; 3];
    let mut scope = needed;
    while scope < 3 {
        cells[scope] = [Yes, Yes, Hidden];
        scope += 1;
    }
    Row { action, cells }
}

const fn anywhere(action: &'static str, needed: usize) -> Row {
    let mut cells = [[LowScope; 3]; 3];
    let mut scope = needed;
    while scope < 3 {
        cells[scope] = [Yes; 3];
        scope += 1;
    }
    Row { action, cells }
}

const MATRIX: [Row; 28] = [
    in_set("read a page", 0),
    in_set("read a file", 0),
    in_set("run a tool", 1),
    anywhere("read a public page", 0),
    anywhere("run a public tool", 0),
    in_set("list pages by MCP", 0),
    in_set("read a page by MCP", 0),
    in_set("run a tool by MCP", 1),
    anywhere("read a public page by MCP", 0),
    anywhere("run a public tool by MCP", 0),
    anywhere("list environments", 0),
    in_set("get an environment", 0),
    in_set("list releases", 0),
    Row {
        action: "create an environment",
        cells: [[LowScope; 3], [LowScope; 3], [Yes, NotForAll, NotForAll]],
    },
    in_set("publish", 2),
    in_set("roll back", 2),
    in_set("change visibility", 2),
    in_set("delete an environment", 2),
    in_set("list secrets", 2),
    in_set("set a secret", 2),
    in_set("delete a secret", 2),
    anywhere("upload", 2),
    anywhere("list tokens", 2),
    // A narrow token for `here`: it is dominated by whoever has all environments, or `here` among them.
    Row { action: "get a token", cells: [[LowScope; 3], [LowScope; 3], [Yes, Yes, Hidden]] },
    Row { action: "rotate a token", cells: [[LowScope; 3], [LowScope; 3], [Yes, Yes, Hidden]] },
    Row { action: "revoke a token", cells: [[LowScope; 3], [LowScope; 3], [Yes, Yes, Hidden]] },
    anywhere("get itself", 0),
    anywhere("rotate itself", 0),
];

/// Does the action, on an environment and a token that are made for it.
async fn attempt(gateway: &TestGateway, action: &str, asker: &Issued) -> Answer {
    let target = gateway.token().scope("read").only(&["here"]).issue().await;
    let call = |method: &str, path: &str| gateway.call(method, path).token(&asker.value);
    let run = json!({ "command": ["ls"] });
    let (page, command) = (json!({ "path": "guide" }), json!({ "page": "README.md", "command": ["ls"] }));
    match action {
        "read a page" => call("GET", "/e/here/guide").send().await,
        "read a file" => call("GET", "/e/here/notes.txt").send().await,
        "run a tool" => call("POST", "/e/here/README.md").json(&run).send().await,
        "read a public page" => call("GET", "/e/open/guide").send().await,
        "run a public tool" => call("POST", "/e/open").json(&run).send().await,
        "list pages by MCP" => call_tool(call("POST", "/e/here/mcp"), "list_pages", &json!({})).await,
        "read a page by MCP" => call_tool(call("POST", "/e/here/mcp"), "read_page", &page).await,
        "run a tool by MCP" => call_tool(call("POST", "/e/here/mcp"), "run_command", &command).await,
        "read a public page by MCP" => call_tool(call("POST", "/e/open/mcp"), "read_page", &page).await,
        "run a public tool by MCP" => call_tool(call("POST", "/e/open/mcp"), "run_command", &command).await,
        "list environments" => call("GET", "/api/v1/environments").send().await,
        "get an environment" => call("GET", "/api/v1/environments/here").send().await,
        "list releases" => call("GET", "/api/v1/environments/here/releases").send().await,
        "create an environment" => call("POST", "/api/v1/environments").json(&json!({})).send().await,
        "publish" => {
            let body = json!({ "files": crate::support::inline(&[("README.md", "# New\n")]) });
            call("POST", "/api/v1/environments/spare/publish").json(&body).send().await
        }
        "roll back" => {
            call("POST", "/api/v1/environments/spare/rollback").json(&json!({ "release": 1 })).send().await
        }
        "change visibility" => {
            let body = json!({ "visibility": "private" });
            call("PATCH", "/api/v1/environments/spare").json(&body).send().await
        }
        "delete an environment" => call("DELETE", "/api/v1/environments/spare").send().await,
        "list secrets" => call("GET", "/api/v1/environments/spare/secrets").send().await,
        "set a secret" => {
            call("PUT", "/api/v1/environments/spare/secrets/NEW")
                .json(&json!({ "value": "hunter2" }))
                .send()
                .await
        }
        "delete a secret" => {
            let path = "/api/v1/environments/spare/secrets/KEY";
            gateway.as_admin("PUT", path).json(&json!({ "value": "hunter2" })).send().await.data();
            call("DELETE", path).send().await
        }
        "upload" => call("POST", "/api/v1/uploads").json(&manifest()).send().await,
        "list tokens" => call("GET", "/api/v1/tokens").send().await,
        "get a token" => call("GET", &format!("/api/v1/tokens/{}", target.id)).send().await,
        "rotate a token" => call("POST", &format!("/api/v1/tokens/{}/rotate", target.id)).send().await,
        "revoke a token" => call("DELETE", &format!("/api/v1/tokens/{}", target.id)).send().await,
        "get itself" => call("GET", "/api/v1/tokens/self").send().await,
        "rotate itself" => call("POST", "/api/v1/tokens/self/rotate").send().await,
        other => panic!("no such action: {other}"),
    }
}

async fn call_tool(call: Call, name: &str, arguments: &Value) -> Answer {
    let params = json!({ "name": name, "arguments": arguments });
    let call = call.header("accept", "application/json, text/event-stream");
    call.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })).send().await
}

fn manifest() -> Value {
    let checksum = toolfront_app::BlobDigest::of(b"# Hi\n").to_string();
    json!([{ "path": "README.md", "checksum": checksum, "size": 5 }])
}

fn cell(answer: &Answer) -> Cell {
    match answer.status {
        // A model is told what its token lacks by a result that it can read.
        200 if answer.text().contains(r#""isError":true"#) => {
            assert!(answer.text().contains("takes a token with the scope"), "{}", answer.text());
            LowScope
        }
        200..300 => Yes,
        404 => {
            answer.assert_problem(404, "not-found");
            Hidden
        }
        403 => {
            answer.assert_problem(403, "insufficient-scope");
            if answer.header("www-authenticate").contains("insufficient_scope") {
                LowScope
            } else {
                NotForAll
            }
        }
        _ => panic!("{} {}", answer.status, answer.text()),
    }
}

#[tokio::test]
async fn every_cell_of_the_matrix_answers_as_written() {
    let gateway = TestGateway::start().await;
    for name in ["here", "elsewhere", "open"] {
        gateway.deploy(name).await;
    }
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/open").json(&public).send().await.data();
    let mut wrong = Vec::new();
    for row in &MATRIX {
        for (scope, cells) in SCOPES.iter().zip(row.cells) {
            for (grant, expected) in GRANTS.iter().zip(cells) {
                // Actions that change an environment get one of their own: `spare`, in the set with `here`.
                gateway.deploy("spare").await;
                let token = gateway.token().scope(scope);
                let asker = match *grant {
                    "all" => token,
                    "here" => token.only(&["here", "spare"]),
                    _ => token.only(&["elsewhere"]),
                };
                let answer = attempt(&gateway, row.action, &asker.issue().await).await;
                let found = cell(&answer);
                if found != expected {
                    wrong.push(format!("{} / {scope} / {grant}: {found:?}, not {expected:?}", row.action));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn without_a_token_every_action_of_the_matrix_but_the_public_ones_is_refused() {
    let gateway = TestGateway::start().await;
    gateway.deploy("here").await;
    gateway.deploy("spare").await;
    gateway.deploy("open").await;
    let public = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/open").json(&public).send().await.data();
    for row in &MATRIX {
        let nobody = Issued { id: String::new(), value: "tf_".to_owned() };
        let answer = attempt(&gateway, row.action, &nobody).await;
        // A malformed token is judged, never ignored: on public applications too.
        answer.assert_problem(401, "invalid-token");
    }
    for path in ["/e/open", "/e/open/guide", "/e/open/notes.txt"] {
        assert_eq!(gateway.get(path).send().await.status, 200, "{path}");
    }
    for path in ["/e/here", "/e/nowhere", "/api/v1/tokens", "/api/v1/environments", "/api/v1/tokens/self"] {
        let answer = gateway.get(path).send().await;
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="toolfront""#, "{path}");
    }
}

/// Lists and calls use one authorizer: what is listed can be got, and what can be got is listed.
#[tokio::test]
async fn pitfall_05_a_list_shows_exactly_what_can_be_got() {
    let gateway = TestGateway::start().await;
    let names = ["one", "two", "three"];
    for name in names {
        gateway.deploy(name).await;
    }
    for only in [vec!["one"], vec!["one", "three"], vec!["two"]] {
        let token = gateway.token().scope("read").only(&only).issue().await;
        let list = gateway.get("/api/v1/environments").token(&token.value).send().await.data();
        let mut listed: Vec<_> =
            list.as_array().unwrap().iter().map(|env| env["name"].as_str().unwrap()).collect();
        listed.sort_unstable();
        let mut got = Vec::new();
        for name in names {
            let path = format!("/api/v1/environments/{name}");
            if gateway.get(&path).token(&token.value).send().await.status == 200 {
                got.push(name);
            }
        }
        got.sort_unstable();
        assert_eq!(listed, got);
        let mut only = only;
        only.sort_unstable();
        assert_eq!(listed, only);
    }
}
