//! Which host names are answered, and applications with a host of their own.

use serde_json::json;

use crate::support::{Answer, Call, TestGateway};

async fn start() -> TestGateway {
    let gateway = TestGateway::start_with(|settings| {
        settings.public_url = Some("https://tools.example.com".to_owned());
        settings.app_domain = Some("apps.example.com".to_owned());
    })
    .await;
    gateway.deploy("docs").await;
    gateway
}

fn at(call: Call, host: &str) -> Call {
    call.header("host", host)
}

#[tokio::test]
async fn an_application_is_answered_at_a_host_of_its_own() {
    let gateway = start().await;
    let url = gateway.as_admin("GET", "/api/v1/environments/docs").send().await.data()["url"].clone();
    assert_eq!(url, "https://docs.apps.example.com");
    for host in ["docs.apps.example.com", "docs.apps.example.com:8443", "docs.Apps.Example.com"] {
        let get = async |path: &str| at(gateway.as_admin("GET", path), host).send().await;
        for path in ["/", "/README.md", "/README"] {
            assert!(get(path).await.text().contains("# A page"), "{host}{path}");
        }
        assert_eq!(get("/notes.txt").await.text(), "some notes\n", "{host}");
        let run = at(gateway.as_admin("POST", "/"), host).json(&json!({ "command": ["ls"] })).send().await;
        assert!(run.json()["stdout"].as_str().unwrap().contains("guide.md"), "{}", run.text());
    }
    let view = at(gateway.as_admin("GET", "/guide"), "docs.apps.example.com").header("accept", "text/html");
    assert!(view.send().await.text().contains("<base href=\"&#47;\">"));
}

#[tokio::test]
async fn at_an_applications_host_there_is_nothing_but_the_application() {
    let gateway = start().await;
    for path in ["/api/v1/tokens", "/api/v1/tokens/self", "/healthz", "/e/docs/README.md", "/e/docs"] {
        let answer = at(gateway.as_admin("GET", path), "docs.apps.example.com").send().await;
        answer.assert_problem(404, "not-found");
    }
    for path in ["/../planted.txt", "/%2e%2e/x", "//etc/passwd"] {
        let answer = at(gateway.as_admin("GET", path), "docs.apps.example.com").send().await;
        answer.assert_problem(400, "bad-path");
    }
}

#[tokio::test]
async fn a_host_is_judged_as_the_path_would_be() {
    let gateway = start().await;
    let without = |host: &str| at(gateway.get("/"), host).send();
    without("docs.apps.example.com").await.assert_problem(401, "unauthorized");
    without("nowhere.apps.example.com").await.assert_problem(401, "unauthorized");
    let narrow = gateway.token().only(&["docs"]).issue().await;
    gateway.deploy("hidden").await;
    let hidden = at(gateway.get("/").token(&narrow.value), "hidden.apps.example.com").send().await;
    let absent = at(gateway.get("/").token(&narrow.value), "absent.apps.example.com").send().await;
    assert_eq!(hidden.without_request_id(), absent.without_request_id());
    hidden.assert_problem(404, "not-found");
}

/// DNS rebinding: a page elsewhere in a browser makes a name of its own point here.
#[tokio::test]
async fn a_host_that_is_none_of_ours_is_refused() {
    let gateway = start().await;
    let refused = |answer: &Answer| answer.assert_problem(421, "misdirected-request").status;
    for host in
        ["evil.example", "tools.example.com.evil.example", "a.docs.apps.example.com", "xapps.example.com"]
    {
        for (method, path) in [
            ("GET", "/e/docs"),
            ("POST", "/e/docs"),
            ("GET", "/api/v1/tokens"),
            ("POST", "/api/v1/tokens"),
            ("GET", "/healthz"),
        ] {
            let call = at(gateway.as_admin(method, path), host).json(&json!({ "command": ["ls"] }));
            refused(&call.send().await);
        }
    }
    for host in ["tools.example.com", "TOOLS.example.com:443", "localhost:8787", "127.0.0.1", "[::1]:80"] {
        let answer = at(gateway.as_admin("GET", "/e/docs/notes.txt"), host).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "some notes\n"), "{host}");
    }
}

#[tokio::test]
async fn without_a_domain_for_applications_their_hosts_are_foreign() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let answer = at(gateway.as_admin("GET", "/"), "docs.apps.example.com").send().await;
    answer.assert_problem(421, "misdirected-request");
}
