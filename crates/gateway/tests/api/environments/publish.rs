//! POST /api/v1/environments/{id}/publish, and the releases that come of it.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, checksum_of, entry, events, inline};

async fn publish(gateway: &TestGateway, body: Value) -> Answer {
    gateway.as_admin("POST", "/api/v1/environments/docs/publish").json(&body).send().await
}

async fn releases(gateway: &TestGateway) -> Value {
    gateway.as_admin("GET", "/api/v1/environments/docs/releases").send().await.data()
}

#[tokio::test]
async fn a_release_takes_the_place_of_the_whole_set_before_it() {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", "# One\n"), ("old.md", "# Old\n")]).await.data();
    let body = json!({ "files": inline(&[("README.md", "# Two\n"), ("new.md", "# New\n")]) });
    let published = publish(&gateway, body).await.data();
    assert_eq!((&published["release"], &published["files"]), (&json!(2), &json!(2)));
    let get = async |path: &str| gateway.as_admin("GET", path).send().await;
    assert_eq!(get("/e/docs").await.text(), "# Two\n");
    assert_eq!(get("/e/docs/new").await.text(), "# New\n");
    get("/e/docs/old").await.assert_problem(404, "not-found");
    let listed = gateway.run(&gateway.admin, "docs", &["ls"]).await;
    listed.assert_problem(403, "command-not-allowed");
}

#[tokio::test]
async fn commands_run_in_the_release_that_is_served() {
    let gateway = TestGateway::start().await;
    let page = "---\ntools:\n  - [ls]\n  - [cat, {}, ;]\n---\n";
    for (number, name) in [(1, "one.txt"), (2, "two.txt"), (3, "three.txt")] {
        let text = format!("release {number}\n");
        gateway.deploy_files("docs", &[("README.md", page), (name, &text)]).await.data();
        let listed = gateway.run(&gateway.admin, "docs", &["ls"]).await.json();
        assert_eq!(listed["stdout"], format!("README.md\n{name}\n"));
        assert_eq!(gateway.run(&gateway.admin, "docs", &["cat", name]).await.json()["stdout"], text);
    }
}

#[tokio::test]
async fn the_same_set_again_makes_no_release() {
    let gateway = TestGateway::start().await;
    let files = [("README.md", "# One\n"), ("a.txt", "a"), ("b.txt", "b")];
    gateway.deploy_files("docs", &files).await.data();
    let before = events(gateway.data(), "").len();
    let mut turned = files;
    turned.reverse();
    for again in [files, turned] {
        assert_eq!(publish(&gateway, json!({ "files": inline(&again) })).await.data()["release"], 1);
        assert_eq!(gateway.deploy_files("docs", &again).await.data()["release"], 1);
    }
    let manifest: Vec<_> = files.iter().map(|(path, text)| entry(path, text.as_bytes())).collect();
    assert_eq!(publish(&gateway, json!({ "manifest": manifest })).await.data()["release"], 1);
    assert_eq!(releases(&gateway).await.as_array().unwrap().len(), 1);
    assert_eq!(events(gateway.data(), "").len(), before);
    // What was executable and is no longer is another set.
    let mut manifest = json!(manifest);
    manifest[1]["mode"] = json!(0o755);
    assert_eq!(publish(&gateway, json!({ "manifest": manifest })).await.data()["release"], 2);
}

#[tokio::test]
async fn releases_are_listed_the_newest_first() {
    let gateway = TestGateway::start().await;
    for (number, text) in ["# One\n", "# Two, longer\n", "# Three\n"].iter().enumerate() {
        let more = format!("{number}.txt");
        gateway.deploy_files("docs", &[("README.md", text), (&more, "x")]).await.data();
        gateway.advance(std::time::Duration::from_mins(1));
    }
    let all = releases(&gateway).await;
    let column =
        |field: &str| all.as_array().unwrap().iter().map(|one| one[field].clone()).collect::<Vec<_>>();
    assert_eq!(column("release"), [json!(3), json!(2), json!(1)]);
    assert_eq!(column("current"), [json!(true), json!(false), json!(false)]);
    assert_eq!(column("bytes"), [json!(9), json!(15), json!(7)]);
    assert_eq!(column("files"), [json!(2), json!(2), json!(2)]);
    assert_eq!(column("pages"), [json!(1), json!(1), json!(1)]);
    let times = ["2026-01-01T00:02:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:00:00Z"];
    assert_eq!(column("created_at"), times.map(|time| json!(time)));
    assert!(column("created_by").iter().all(|by| *by == json!(gateway.admin.id)), "{all}");
}

#[tokio::test]
async fn publishing_changes_neither_name_nor_visibility() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs").await;
    let body = json!({ "files": inline(&[("README.md", "# Two\n")]), "visibility": "public" });
    let answer = publish(&gateway, body).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(answer.json()["errors"][0]["field"], "visibility");
    for body in [json!({}), json!({ "name": "other" }), json!({ "files": "README.md" })] {
        publish(&gateway, body).await.assert_problem(422, "invalid");
    }
    let shown = gateway.as_admin("GET", &format!("/api/v1/environments/{id}")).send().await.data();
    assert_eq!((&shown["release"], &shown["visibility"]), (&json!(1), &json!("private")));
}

#[tokio::test]
async fn publishing_to_what_is_not_there_is_answered_as_such() {
    let gateway = TestGateway::start().await;
    let body = json!({ "files": inline(&[("README.md", "# Hi\n")]) });
    for name in ["nowhere", "env-aaaaaaaaaaaa", "-"] {
        let call = gateway.as_admin("POST", &format!("/api/v1/environments/{name}/publish")).json(&body);
        call.send().await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_manifest_publishes_what_the_environment_serves_already_without_sending_it() {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", "# One\n"), ("a.txt", "a")]).await.data();
    // Both are in the release: under other names they are the same bytes.
    let manifest =
        json!([entry("README.md", b"# One\n"), entry("copy/of-a.txt", b"a"), entry("a.txt", b"a")]);
    assert_eq!(publish(&gateway, json!({ "manifest": manifest })).await.data()["release"], 2);
    assert_eq!(gateway.as_admin("GET", "/e/docs/copy/of-a.txt").send().await.text(), "a");
    let unknown = json!([entry("README.md", b"# One\n"), entry("b.txt", b"never sent")]);
    let answer = publish(&gateway, json!({ "manifest": unknown })).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(answer.json()["errors"][0]["field"], "b.txt");
    assert!(answer.text().contains(&checksum_of(b"never sent")), "{}", answer.text());
}
