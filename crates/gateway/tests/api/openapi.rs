//! The OpenAPI document, and that the gateway is what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Answer, Issued, TestGateway};

/// The operations that take no token. The list may only shrink.
const PUBLIC: &str = include_str!("public_routes.txt");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document(gateway: &TestGateway) -> Value {
    let answer = gateway.get("/api/v1/openapi.json").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

/// Every operation: its method in capitals, its path as the document has it, and itself.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    assert!(operations.len() >= 25, "{}", operations.len());
    operations
}

fn is_public(method: &str, path: &str) -> bool {
    PUBLIC.lines().any(|line| line == format!("{method} {path}"))
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_the_one_that_the_code_prints() {
    let gateway = TestGateway::start().await;
    let served = document(&gateway).await;
    let version = served["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1."), "{version}");
    let printed: Value = serde_json::from_str(&toolfront_gateway::openapi_document()).unwrap();
    assert_eq!(served, printed);
    assert_eq!(served["security"], json!([{ "token": [] }]));
    assert_eq!(served["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for reference in references(&served) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(served.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

#[tokio::test]
async fn every_operation_and_all_of_its_parts_are_described() {
    let gateway = TestGateway::start().await;
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document(&gateway).await) {
        let is_told = |value: &Value| value.as_str().is_some_and(|text| text.len() > 3);
        assert!(is_told(&operation["summary"]) || is_told(&operation["description"]), "{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}: its id is not its own");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(is_told(&response["description"]), "{method} {path} {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(is_told(&parameter["description"]), "{method} {path}: {parameter}");
        }
        let in_path = path.matches('{').count();
        let named = operation["parameters"].as_array().into_iter().flatten();
        assert_eq!(named.filter(|parameter| parameter["in"] == "path").count(), in_path, "{method} {path}");
        if is_public(&method, &path) {
            assert_eq!(operation["security"], json!([{}]), "{method} {path}");
        } else {
            assert!(operation["security"].is_null(), "{method} {path}");
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
            assert!(!problem.is_null(), "{method} {path}: problems are not documented");
        }
    }
}

#[tokio::test]
async fn every_operation_but_those_on_the_list_takes_a_token() {
    assert!(PUBLIC.lines().count() <= 3, "the list of public routes may only shrink");
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let before = gateway.world().await;
    let mut open = BTreeSet::new();
    for (method, path, _) in operations(&document(&gateway).await) {
        for named in ["x", "docs", gateway.admin.id.as_str()] {
            let target = fill(&path, named);
            let answer = gateway.call(&method, &target).send().await;
            if answer.status == 401 {
                answer.assert_problem(401, "unauthorized");
                assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="toolfront""#);
                let bad = gateway.call(&method, &target).token("nonsense").send().await;
                bad.assert_problem(401, "invalid-token");
            } else {
                open.insert(format!("{method} {path}"));
            }
        }
    }
    assert_eq!(open.into_iter().collect::<Vec<_>>(), PUBLIC.lines().collect::<Vec<_>>());
    assert_eq!(gateway.world().await, before);
}

/// The path with every parameter in it replaced.
fn fill(path: &str, named: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { named } else { part }).collect::<Vec<_>>().join("/")
}

/// What a token of the scope *read* may call, or one of *execute*: the API has nothing more for it.
const BELOW_ADMIN: [&str; 11] = [
    "DELETE /api/v1/tokens/self",
    "GET /api/v1/authorize",
    "GET /api/v1/environments",
    "GET /api/v1/environments/{id}",
    "GET /api/v1/environments/{id}/releases",
    "GET /api/v1/tokens/self",
    "GET /api/v1/user/organizations",
    "POST /api/v1/authorize",
    "POST /api/v1/introspect",
    "POST /api/v1/tokens/self/rotate",
    "GET /api/v1/openapi.json",
];

async fn called(gateway: &TestGateway, method: &str, path: &str, by: &Issued) -> Answer {
    let named = if path.contains("/tokens/") { &gateway.admin.id } else { "docs" };
    gateway.call(method, &fill(path, named)).token(&by.value).json(&json!({})).send().await
}

#[tokio::test]
async fn pitfall_03_every_operation_checks_the_scope() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let before = gateway.world().await["environments"].clone();
    for scope in ["read", "execute"] {
        for (method, path, _) in operations(&document(&gateway).await) {
            let token = gateway.token().scope(scope).issue().await;
            let answer = called(&gateway, &method, &path, &token).await;
            let operation = format!("{method} {path}");
            if BELOW_ADMIN.contains(&operation.as_str()) || is_public(&method, &path) {
                assert!(!matches!(answer.status, 401 | 403), "{operation}: {}", answer.text());
            } else {
                answer.assert_problem(403, "insufficient-scope");
                let challenge =
                    r#"Bearer realm="toolfront", error="insufficient_scope", scope="environments:admin""#;
                assert_eq!(answer.header("www-authenticate"), challenge, "{operation}");
            }
        }
    }
    assert_eq!(gateway.world().await["environments"], before);
}

#[tokio::test]
async fn pitfall_03_every_operation_checks_the_environments() {
    let gateway = TestGateway::start().await;
    for name in ["docs", "gone"] {
        gateway.deploy(name).await;
    }
    let before = gateway.world().await["environments"].clone();
    for (method, path, _) in operations(&document(&gateway).await) {
        let spare = gateway.deploy("spare").await;
        let token = gateway.token().scope("admin").only(&["spare"]).issue().await;
        gateway.as_admin("DELETE", &format!("/api/v1/environments/{spare}")).send().await.data();
        let answer = called(&gateway, &method, &path, &token).await;
        let operation = format!("{method} {path}");
        match operation.as_str() {
            _ if path.contains("/environments/{id}") || path.contains("/tokens/{id}") => {
                answer.assert_problem(404, "not-found");
            }
            "GET /api/v1/environments" => assert_eq!(answer.data(), json!([])),
            "GET /api/v1/tokens" => assert_eq!(answer.data().as_array().unwrap().len(), 1, "itself"),
            "POST /api/v1/environments"
            | "PUT /api/v1/environments/by-name/{name}"
            | "GET /api/v1/authorize"
            | "POST /api/v1/authorize" => {
                answer.assert_problem(403, "insufficient-scope");
            }
            _ => assert_ne!(answer.status, 500, "{operation}: {}", answer.text()),
        }
    }
    assert_eq!(gateway.world().await["environments"], before);
}

#[tokio::test]
async fn pitfall_22_the_document_has_a_value_nowhere_but_in_a_header_or_a_body() {
    let gateway = TestGateway::start().await;
    let document = document(&gateway).await;
    assert_eq!(document["components"]["securitySchemes"].as_object().unwrap().len(), 1);
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap().to_lowercase();
            let names_a_secret =
                ["token", "secret", "key", "password"].iter().any(|word| name.contains(word));
            // The id of a token, by which the log is searched, is no secret.
            let is_id = path == "/api/v1/audit" && name == "token";
            assert!(!names_a_secret || is_id || name == "idempotency-key", "{method} {path}: {name}");
        }
    }
}

#[tokio::test]
async fn pitfall_22_a_tool_is_not_handed_the_value_of_who_runs_it() {
    let gateway = TestGateway::start().await;
    let page = "---\ntools:\n  - [env]\n  - [cat, /proc/self/cmdline]\n---\n# A page\n";
    gateway.deploy_files("docs", &[("README.md", page)]).await.data();
    for command in [vec!["env"], vec!["cat", "/proc/self/cmdline"]] {
        let answer = gateway.run(&gateway.admin, "docs", &command).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains(&gateway.admin.value), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_method_that_the_document_does_not_have_is_refused_with_those_that_it_has() {
    let gateway = TestGateway::start().await;
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (method, path, _) in operations(&document(&gateway).await) {
        let methods = allowed.entry(path).or_default();
        if method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        methods.insert(method);
    }
    for (path, methods) in allowed {
        // This path answers as a token's own record too.
        let methods = if path.starts_with("/api/v1/tokens/self") { continue } else { methods };
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
            if methods.contains(method) {
                continue;
            }
            for call in [gateway.call(method, &fill(&path, "x")), gateway.as_admin(method, &fill(&path, "x"))]
            {
                let answer = call.send().await;
                assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
                if method != "HEAD" {
                    answer.assert_problem(405, "method-not-allowed");
                }
                let told: BTreeSet<_> =
                    answer.header("allow").split(',').map(|method| method.trim().to_owned()).collect();
                assert_eq!(told, methods, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn successes_have_the_codes_that_are_documented() {
    let gateway = TestGateway::start().await;
    let document = document(&gateway).await;
    let token = gateway.token().issue().await;
    gateway.deploy("docs").await;
    for (method, path, body) in [
        ("POST", "/api/v1/tokens", json!({ "name": "a", "scope": "read" })),
        ("GET", "/api/v1/tokens", Value::Null),
        ("GET", "/api/v1/tokens/{id}", Value::Null),
        ("POST", "/api/v1/tokens/{id}/rotate", json!({})),
        ("DELETE", "/api/v1/tokens/{id}", json!({})),
        ("GET", "/api/v1/tokens/self", Value::Null),
        ("POST", "/api/v1/environments", json!({})),
        ("GET", "/api/v1/environments", Value::Null),
        ("PUT", "/api/v1/environments/{id}/secrets/{name}", json!({ "value": "hunter2" })),
        ("PUT", "/api/v1/environments/{id}/secrets/{name}", json!({ "value": "hunter3" })),
        ("GET", "/api/v1/environments/{id}/secrets", Value::Null),
        ("DELETE", "/api/v1/environments/{id}/secrets/{name}", Value::Null),
        ("GET", "/api/v1/user/organizations", Value::Null),
        ("GET", "/api/v1/authorize", Value::Null),
        ("GET", "/healthz", Value::Null),
        ("GET", "/readyz", Value::Null),
        ("GET", "/api/v1/openapi.json", Value::Null),
    ] {
        let named = if path.contains("/environments/") { "docs" } else { &token.id };
        let call = gateway.as_admin(method, &fill(path, named));
        let call = if body.is_null() { call } else { call.json(&body) };
        let status = call.send().await.status;
        assert!((200..300).contains(&status), "{method} {path}: {status}");
        let documented = &document["paths"][path][method.to_lowercase()]["responses"];
        assert!(documented.get(status.to_string()).is_some(), "{method} {path}: {status} in {documented}");
    }
}

#[tokio::test]
async fn a_record_has_the_fields_that_are_documented() {
    let gateway = TestGateway::start().await;
    let document = document(&gateway).await;
    let schema = &document["components"]["schemas"]["Token"]["properties"];
    let documented: BTreeSet<_> = schema.as_object().unwrap().keys().cloned().collect();
    let record = gateway.record(&gateway.admin).await;
    assert_eq!(record.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), documented);
}
