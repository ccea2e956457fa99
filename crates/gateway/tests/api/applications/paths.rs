//! Paths that try to lead out of a release: whatever the encoding, no byte from outside is served.

use serde_json::json;

use crate::support::{Answer, TestGateway};

/// What stands in every file that no path may reach.
const PLANTED: &str = "planted-7f3c1e-outside";

/// A gateway whose data directory has planted files all around the releases.
async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let other = format!("# Other\n\n{PLANTED}\n");
    gateway.deploy_files("other", &[("README.md", &other), ("planted.txt", &other)]).await.data();
    // A command has the releases laid out on the disk, next to each other.
    for name in ["docs", "other"] {
        let _ = gateway.run(&gateway.admin, name, &["ls"]).await;
    }
    for place in ["", "blobs", "releases", "../"] {
        let directory = gateway.data().join(place);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("planted.txt"), PLANTED).unwrap();
        std::fs::write(directory.join("planted.md"), PLANTED).unwrap();
    }
    gateway
}

/// The ways to write a step upwards, and the slash after it.
const UPWARDS: [&str; 20] = [
    "../",
    "%2e%2e/",
    "%2E%2E/",
    "%2E%2e%2f",
    "..%2f",
    "..%2F",
    ".%2e/",
    "%2e./",
    "..%5c",
    "..\\",
    "%2e%2e%5C",
    "%252e%252e/",
    "%252e%252e%252f",
    "..%252f",
    "%c0%ae%c0%ae/",
    "%c0%ae%c0%ae%c0%af",
    "%uff0e%uff0e/",
    "..;/",
    "..%00/",
    "./../",
];

const TARGETS: [&str; 8] = [
    "planted.txt",
    "planted",
    "data/planted.txt",
    "data/toolfront.db",
    "other/planted.txt",
    "etc/passwd",
    "proc/self/environ",
    "proc/self/cmdline",
];

#[track_caller]
fn assert_nothing(answer: &Answer, path: &str) {
    let text = answer.text();
    assert!(!text.contains(PLANTED), "{path}: {text}");
    assert!(!text.contains("root:x:") && !text.contains("SQLite format"), "{path}: {text}");
    match answer.status {
        400 => answer.assert_problem(400, "bad-path"),
        404 => answer.assert_problem(404, "not-found"),
        status => panic!("{path}: {status} {text}"),
    };
}

/// Every combination of steps upwards, as many as lead to the root, and targets.
fn climbs() -> Vec<String> {
    let mut paths = Vec::new();
    for step in UPWARDS {
        for depth in [1, 2, 3, 4, 12] {
            for target in TARGETS {
                paths.push(format!("/{}{target}", step.repeat(depth)));
                paths.push(format!("/docs/{}{target}", step.repeat(depth + 1)));
            }
        }
    }
    paths
}

#[tokio::test]
async fn no_step_upwards_leads_out_whatever_the_encoding() {
    let gateway = start().await;
    for path in climbs() {
        let answer = gateway.as_admin("GET", &format!("/e/docs{path}")).send().await;
        assert_nothing(&answer, &path);
    }
}

#[tokio::test]
async fn no_run_starts_from_a_path_that_leads_out() {
    let gateway = start().await;
    let body = json!({ "command": ["ls"] });
    for step in UPWARDS {
        for target in ["planted.md", "planted", "../other/README.md", "other/README.md", ""] {
            let path = format!("/{step}{target}");
            let answer = gateway.as_admin("POST", &format!("/e/docs{path}")).json(&body).send().await;
            assert_nothing(&answer, &path);
        }
    }
}

#[tokio::test]
async fn a_path_that_could_mean_another_place_is_refused_as_such() {
    let gateway = start().await;
    for path in [
        "/..",
        "/../planted.txt",
        "/%2e%2e/planted.txt",
        "/%2E%2e%2fplanted.txt",
        "/a/../README.md",
        "/./README.md",
        "/README.md/.",
        "//README.md",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/%2Fetc/passwd",
        "/a//README.md",
        "/README.md//",
        "/\\README.md",
        "/a\\..\\README.md",
        "/a%5c..%5cREADME.md",
        "/README.md%00",
        "/README.md%00.txt",
        "/%00",
        "/README%0a.md",
        "/README%7f.md",
        "/%ff",
        "/%c0%ae%c0%ae/",
        "/%",
        "/%2",
        "/%zz",
    ] {
        let answer = gateway.as_admin("GET", &format!("/e/docs{path}")).send().await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        answer.assert_problem(400, "bad-path");
    }
}

#[tokio::test]
async fn a_path_is_decoded_once() {
    let gateway = TestGateway::start().await;
    let files =
        [("README.md", "# Hi\n"), ("50%25.txt", "written with an escape"), ("50%.txt", "a sign of per cent")];
    gateway.deploy_files("docs", &files).await.data();
    let get = async |path: &str| gateway.as_admin("GET", &format!("/e/docs/{path}")).send().await;
    assert_eq!(get("50%2525.txt").await.text(), "written with an escape");
    assert_eq!(get("50%25.txt").await.text(), "a sign of per cent");
    get("50%252525.txt").await.assert_problem(404, "not-found");
    // Decoded once it is the name `%2e%2e`, and no such file is there.
    get("%252e%252e/README.md").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn hidden_files_are_neither_deployed_nor_served() {
    let gateway = start().await;
    for path in ["/.env", "/.git/config", "/%2egit/config", "/.env.md", "/.planted", "/a/.b/c"] {
        let answer = gateway.as_admin("GET", &format!("/e/docs{path}")).send().await;
        answer.assert_problem(404, "not-found");
    }
    let files = crate::support::inline(&[("README.md", "# Hi\n"), (".well-known/x.md", "# Hidden\n")]);
    let deploy = |body| gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send();
    deploy(json!({ "files": files })).await.assert_problem(422, "invalid");
    deploy(json!({ "files": files, "hidden": true })).await.data();
    assert_eq!(gateway.as_admin("GET", "/e/docs/.well-known/x").send().await.text(), "# Hidden\n");
}

#[tokio::test]
async fn a_name_of_an_environment_leads_nowhere_else() {
    let gateway = start().await;
    for name in ["..", "%2e%2e", ".", "docs%2f..", "docs%00", "DOCS", "d\u{6f}cs%20", "", "%64ocs"] {
        for path in ["", "/README.md", "/planted.txt"] {
            let answer = gateway.as_admin("GET", &format!("/e/{name}{path}")).send().await;
            assert_nothing(&answer, &format!("/e/{name}{path}"));
        }
    }
}

#[tokio::test]
async fn a_very_long_path_is_answered_like_any_other_that_is_not_there() {
    let gateway = start().await;
    for path in ["a".repeat(254), "a".repeat(5000), "a/".repeat(2000), "%61".repeat(300)] {
        let answer = gateway.as_admin("GET", &format!("/e/docs/{path}")).send().await;
        assert_nothing(&answer, "a long path");
    }
}
