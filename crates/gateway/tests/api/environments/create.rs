//! POST /api/v1/environments.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, events, inline};

async fn create(gateway: &TestGateway, body: Value) -> Answer {
    gateway.as_admin("POST", "/api/v1/environments").json(&body).send().await
}

#[tokio::test]
async fn an_environment_is_made_with_its_first_release() {
    let gateway = TestGateway::start().await;
    let files = inline(&[("README.md", "# Hi\n"), ("a/guide.md", "# Guide\n"), ("notes.txt", "notes")]);
    let answer = create(&gateway, json!({ "name": "docs", "files": files })).await;
    assert_eq!(answer.status, 201);
    let made = answer.data();
    assert_eq!(
        (&made["name"], &made["visibility"], &made["status"]),
        (&json!("docs"), &json!("private"), &json!("running"))
    );
    assert_eq!(
        (&made["release"], &made["files"], &made["pages"], &made["bytes"]),
        (&json!(1), &json!(3), &json!(2), &json!(18))
    );
    assert_eq!(made["url"], format!("http://{}/e/docs", gateway.address));
    assert_eq!(
        (&made["created_at"], &made["updated_at"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("2026-01-01T00:00:00Z"))
    );
    assert!(made["id"].as_str().unwrap().starts_with("env-"), "{made}");
    let id = made["id"].as_str().unwrap();
    for named in [id, "docs", id.strip_prefix("env-").unwrap()] {
        let got = gateway.as_admin("GET", &format!("/api/v1/environments/{named}")).send().await;
        assert_eq!(got.data(), made, "{named}");
    }
    assert_eq!(gateway.as_admin("GET", "/e/docs/a/guide").send().await.text(), "# Guide\n");
    let actions: Vec<_> = events(gateway.data(), "").into_iter().map(|event| event.action).collect();
    assert!(
        actions.ends_with(&["environment.create".to_owned(), "release.publish".to_owned()]),
        "{actions:?}"
    );
}

#[tokio::test]
async fn an_environment_can_be_made_before_there_is_anything_to_serve() {
    let gateway = TestGateway::start().await;
    let made = create(&gateway, json!({ "name": "later" })).await.data();
    assert_eq!(
        (&made["status"], &made["release"], &made["files"]),
        (&json!("empty"), &Value::Null, &json!(0))
    );
    gateway.as_admin("GET", "/e/later").send().await.assert_problem(404, "not-found");
    let run = json!({ "command": ["ls"] });
    gateway.as_admin("POST", "/e/later").json(&run).send().await.assert_problem(404, "not-found");
    let releases = gateway.as_admin("GET", "/api/v1/environments/later/releases").send().await.data();
    assert_eq!(releases, json!([]));
    let rollback =
        gateway.as_admin("POST", "/api/v1/environments/later/rollback").json(&json!({ "release": 1 }));
    rollback.send().await.assert_problem(404, "not-found");
    assert_eq!(gateway.deploy_files("later", &[("index.md", "# Hi\n")]).await.data()["release"], 1);
}

#[tokio::test]
async fn a_name_is_made_a_label_and_an_empty_one_is_made_up() {
    let gateway = TestGateway::start().await;
    for (asked, name) in [
        ("Sales Reports!", "sales-reports".to_owned()),
        ("--a__b..c--", "a-b-c".to_owned()),
        ("../../etc", "etc".to_owned()),
        (&"x".repeat(100), "x".repeat(63)),
    ] {
        assert_eq!(create(&gateway, json!({ "name": asked })).await.data()["name"], name);
    }
    let mut made_up = Vec::new();
    for body in [json!({}), json!({ "name": "" }), json!({ "name": " \u{e9}! " })] {
        let name = create(&gateway, body).await.data()["name"].as_str().unwrap().to_owned();
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
        assert!((1..=63).contains(&name.len()) && !made_up.contains(&name), "{name}");
        made_up.push(name);
    }
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_however_it_is_spelled() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for name in ["docs", "DOCS", "-docs-", "docs!"] {
        let files = inline(&[("README.md", "# Another\n")]);
        let answer = create(&gateway, json!({ "name": name, "files": files })).await;
        answer.assert_problem(409, "name-taken");
    }
    assert!(gateway.as_admin("GET", "/e/docs").send().await.text().contains("# A page"));
}

#[tokio::test]
async fn an_environment_is_private_unless_it_is_said_to_be_public() {
    let gateway = TestGateway::start().await;
    let files = inline(&[("README.md", "---\ntools:\n  - [echo, hi]\n---\n")]);
    for (visibility, expected, status) in
        [(Value::Null, "private", 401), (json!("private"), "private", 401), (json!("public"), "public", 200)]
    {
        let made = create(&gateway, json!({ "visibility": visibility, "files": files })).await.data();
        assert_eq!(made["visibility"], expected);
        let path = format!("/e/{}", made["name"].as_str().unwrap());
        assert_eq!(gateway.get(&path).send().await.status, status, "{visibility}");
        let run = gateway.call("POST", &path).json(&json!({ "command": ["echo", "hi"] })).send().await;
        assert_eq!(run.status, status, "{visibility}");
    }
    let count = gateway.as_admin("GET", "/api/v1/environments").send().await.data().as_array().unwrap().len();
    for visibility in [json!("Public"), json!("internal"), json!("")] {
        let answer = create(&gateway, json!({ "visibility": visibility })).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "visibility");
    }
    let after = gateway.as_admin("GET", "/api/v1/environments").send().await.data().as_array().unwrap().len();
    assert_eq!(after, count);
}

#[tokio::test]
async fn fields_that_do_not_fit_are_named() {
    let gateway = TestGateway::start().await;
    let files = inline(&[("README.md", "# Hi\n")]);
    for (body, field) in [
        (json!({ "name": "x", "public": true }), "public"),
        (json!({ "name": 5 }), "body"),
        (json!({ "files": [{ "path": "README.md", "content": "" }] }), "checksum"),
        (json!({ "files": files, "manifest": [] }), "manifest"),
        (json!({ "files": [{ "path": "a", "content": "", "checksum": "", "mode": 493 }] }), "mode"),
    ] {
        let answer = create(&gateway, body.clone()).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
    }
    let call = gateway.as_admin("POST", "/api/v1/environments").bytes("text/plain", b"{}".to_vec());
    call.send().await.assert_problem(415, "unsupported-media-type");
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), json!([]));
}

#[tokio::test]
async fn another_organization_than_the_callers_is_not_there() {
    let gateway = TestGateway::start().await;
    let own = gateway.as_admin("GET", "/api/v1/user/organizations").send().await.data()[0]["id"].clone();
    assert_eq!(create(&gateway, json!({ "name": "mine", "organization_id": own })).await.status, 201);
    let other = create(&gateway, json!({ "name": "theirs", "organization_id": "org-aaaaaaaaaaaa" })).await;
    other.assert_problem(404, "not-found");
}

/// What the original's Python and Rust clients send and read.
#[tokio::test]
async fn the_original_products_clients_deploy_unchanged() {
    let gateway = TestGateway::start().await;
    let files = inline(&[("README.md", "# Hi\n"), ("docs/guide.md", "# Guide\n")]);
    let call = gateway.as_admin("POST", "//api/v1/environments");
    let answer = call.json(&json!({ "name": "My App", "files": files })).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.data();
    assert_eq!((&made["name"], &made["visibility"]), (&json!("my-app"), &json!("private")));
    assert_eq!(made["fly_url"], made["url"]);
    let fields = made.as_object().unwrap();
    assert_eq!(fields.get("auth_token"), Some(&Value::Null));
    for field in ["id", "name", "url", "visibility", "status", "release", "created_at"] {
        assert!(!fields[field].is_null(), "{field} in {made}");
    }
    let list = gateway.as_admin("GET", "//api/v1/environments").send().await.data();
    assert_eq!((&list[0]["id"], &list[0]["fly_url"]), (&made["id"], &made["url"]));
    let short = made["id"].as_str().unwrap().strip_prefix("env-").unwrap();
    let body = json!({ "files": inline(&[("README.md", "# Two\n")]) });
    let published =
        gateway.as_admin("POST", &format!("//api/v1/environments/{short}/publish")).json(&body).send().await;
    assert_eq!(published.data()["release"], 2);
    let page = gateway.get("/e/my-app").header("token", &gateway.admin.value).send().await;
    assert_eq!(page.text(), "# Two\n");
    let gone = gateway.as_admin("DELETE", &format!("//api/v1/environments/{short}")).send().await;
    assert_eq!(gone.status, 200);
}
