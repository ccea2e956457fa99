//! Sets of environments: nothing that is missing, empty or gone ever means *all*.

use serde_json::{Value, json};

use crate::support::{Issued, TestGateway, inline};

async fn reads(gateway: &TestGateway, token: &Issued, name: &str) -> u16 {
    gateway.get(&format!("/e/{name}/guide")).token(&token.value).send().await.status
}

async fn delete(gateway: &TestGateway, name: &str) {
    gateway.as_admin("DELETE", &format!("/api/v1/environments/{name}")).send().await.data();
}

#[tokio::test]
async fn pitfall_01_a_token_whose_last_environment_is_deleted_may_do_nothing_but_self() {
    let gateway = TestGateway::start().await;
    let (docs, _) = (gateway.deploy("docs").await, gateway.deploy("other").await);
    for scope in ["read", "execute", "admin"] {
        gateway.deploy("docs").await;
        let token = gateway.token().scope(scope).only(&["docs"]).issue().await;
        assert_eq!(reads(&gateway, &token, "docs").await, 200);
        delete(&gateway, "docs").await;
        for name in ["docs", "other"] {
            assert_eq!(reads(&gateway, &token, name).await, 404, "{scope} {name}");
            gateway.run(&token, name, &["ls"]).await.assert_problem(404, "not-found");
            let path = format!("/api/v1/environments/{name}");
            gateway.get(&path).token(&token.value).send().await.assert_problem(404, "not-found");
        }
        let listed = gateway.get("/api/v1/environments").token(&token.value).send().await.data();
        assert_eq!(listed, json!([]));
        if scope == "admin" {
            let asked = json!({ "name": "a", "scope": "read" });
            gateway.create(&token, &asked).await.assert_problem(403, "escalation");
            let create = gateway.call("POST", "/api/v1/environments").token(&token.value).json(&json!({}));
            create.send().await.assert_problem(403, "insufficient-scope");
        }
        let own = gateway.get("/api/v1/tokens/self").token(&token.value).send().await.data();
        assert_eq!(own["environments"][0]["deleted"], true, "{own}");
        assert_eq!(own["environments"][0]["name"], "docs", "{own}");
        assert_eq!(own["allowed_environments"].as_array().unwrap().len(), 1, "{own}");
    }
    let gone = gateway.as_admin("GET", &format!("/api/v1/environments/{docs}")).send().await;
    gone.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_new_environment_under_an_old_name_is_another_one() {
    let gateway = TestGateway::start().await;
    let first = gateway.deploy("docs").await;
    let token = gateway.token().only(&["docs"]).issue().await;
    delete(&gateway, "docs").await;
    let second = gateway.deploy("docs").await;
    assert_ne!(first, second);
    assert_eq!(reads(&gateway, &token, "docs").await, 404);
    assert_eq!(gateway.record(&token).await["allowed_environments"], json!([first]));
    let body = json!({ "name": "a", "scope": "read", "allowed_environment_ids": [first] });
    gateway.create(&gateway.admin, &body).await.assert_invalid("allowed_environment_ids[0]");
    // Rotating does not find the new one by the old one's name either.
    let kept = gateway.rotate(&gateway.admin, &token, &json!({})).await;
    assert_eq!(kept.data()["allowed_environments"], json!([first]));
    assert_eq!(reads(&gateway, &Issued::in_answer(&kept), "docs").await, 404);
}

#[tokio::test]
async fn pitfall_02_an_empty_list_of_environments_is_refused_and_null_or_absent_means_all() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    for body in [
        json!({ "name": "a", "scope": "read" }),
        json!({ "name": "a", "scope": "read", "allowed_environment_ids": null }),
    ] {
        let answer = gateway.create(&gateway.admin, &body).await;
        assert_eq!(answer.data()["allowed_environments"], Value::Null);
        assert_eq!(answer.data()["environments"], json!([]));
        let token = Issued::in_answer(&answer);
        assert_eq!(reads(&gateway, &token, "docs").await, 200);
    }
    let token = gateway.token().only(&["docs"]).issue().await;
    let before = gateway.world().await;
    let empty = json!({ "name": "a", "scope": "read", "allowed_environment_ids": [] });
    let told = gateway.create(&gateway.admin, &empty).await.assert_invalid("allowed_environment_ids");
    assert!(told.contains("at least one"), "{told}");
    for (field, body) in [
        ("allowed_environment_ids", json!({ "allowed_environment_ids": [] })),
        ("allowed_environment_ids", json!({ "new_allowed_environment_ids": [] })),
        (
            "environment_scope.environment_ids",
            json!({ "environment_scope": { "type": "restricted", "environment_ids": [] } }),
        ),
    ] {
        gateway.rotate(&gateway.admin, &token, &body).await.assert_invalid(field);
    }
    for list in [json!("docs"), json!({}), json!([null]), json!([[]]), json!([7]), json!(""), json!("all")] {
        let body = json!({ "name": "a", "scope": "read", "allowed_environment_ids": list });
        gateway.create(&gateway.admin, &body).await.assert_problem(422, "invalid");
        let body = json!({ "allowed_environment_ids": list });
        gateway.rotate(&gateway.admin, &token, &body).await.assert_problem(422, "invalid");
    }
    for scope in [
        json!({}),
        json!({ "type": "restricted" }),
        json!({ "type": "restricted", "environment_ids": null }),
        json!({ "type": "none" }),
        json!({ "type": "All" }),
        json!({ "environment_ids": ["docs"] }),
        json!({ "type": "all", "environment_ids": ["docs"] }),
        json!("all"),
        json!([]),
    ] {
        let body = json!({ "environment_scope": scope });
        let answer = gateway.rotate(&gateway.admin, &token, &body).await;
        answer.assert_problem(422, "invalid");
    }
    assert_eq!(gateway.world().await, before);
}

#[tokio::test]
async fn a_token_for_one_of_several_keeps_the_others_when_one_is_deleted() {
    let gateway = TestGateway::start().await;
    for name in ["one", "two", "three"] {
        gateway.deploy(name).await;
    }
    let token = gateway.token().only(&["one", "two"]).issue().await;
    delete(&gateway, "one").await;
    let found = [
        reads(&gateway, &token, "one").await,
        reads(&gateway, &token, "two").await,
        reads(&gateway, &token, "three").await,
    ];
    assert_eq!(found, [404, 200, 404]);
    let record = gateway.record(&token).await;
    let environments = record["environments"].as_array().unwrap();
    let mut marked: Vec<_> =
        environments.iter().map(|env| (env["name"].as_str().unwrap(), env["deleted"] == true)).collect();
    marked.sort_unstable();
    assert_eq!(marked, [("one", true), ("two", false)]);
}

#[tokio::test]
async fn a_set_follows_an_environment_through_its_renaming() {
    let gateway = TestGateway::start().await;
    let docs = gateway.deploy("docs").await;
    let token = gateway.token().only(&["docs"]).issue().await;
    let rename = json!({ "name": "manual" });
    gateway.as_admin("PATCH", "/api/v1/environments/docs").json(&rename).send().await.data();
    gateway.deploy("docs").await;
    assert_eq!(reads(&gateway, &token, "manual").await, 200);
    assert_eq!(reads(&gateway, &token, "docs").await, 404);
    let record = gateway.record(&token).await;
    assert_eq!(record["environments"], json!([{ "id": docs, "name": "manual", "deleted": false }]));
    let files = json!({ "files": inline(&[("README.md", "# Hi\n")]) });
    let publish = gateway.call("POST", "/api/v1/environments/docs/publish").token(&token.value).json(&files);
    publish.send().await.assert_problem(404, "not-found");
}
