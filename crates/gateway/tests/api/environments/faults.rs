//! Lists of files that are refused: whole, with every fault told, and with nothing deployed.

use serde_json::{Value, json};

use crate::support::{Answer, TestGateway, checksum_of, entry, inline};

async fn put(gateway: &TestGateway, body: Value) -> Answer {
    gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send().await
}

fn fields(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].clone();
    errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

/// Holds the list to be refused with faults at these fields and to change nothing, as a first deploy and as a
/// further one.
async fn assert_refused(files: Value, expected: &[&str]) {
    let gateway = TestGateway::start().await;
    let body = json!({ "files": files });
    let answer = put(&gateway, body.clone()).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(fields(&answer), expected, "{}", answer.text());
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), json!([]));
    gateway.deploy("docs").await;
    let before = gateway.as_admin("GET", "/api/v1/environments").send().await.data();
    let page = gateway.as_admin("GET", "/e/docs").send().await.text();
    assert_eq!(fields(&put(&gateway, body).await), expected);
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), before);
    assert_eq!(gateway.as_admin("GET", "/e/docs").send().await.text(), page);
}

#[tokio::test]
async fn a_path_that_could_mean_another_place_is_refused() {
    let files = inline(&[
        ("README.md", "# Hi\n"),
        ("/etc/passwd", "x"),
        ("../up.md", "x"),
        ("a/../../up.md", "x"),
        ("a\\b.md", "x"),
        ("a\0b.md", "x"),
        ("a//b.md", "x"),
        ("./a.md", "x"),
        ("a/", "x"),
        ("", "x"),
        ("a\nb.md", "x"),
        (&"x".repeat(256), "x"),
    ]);
    let expected: Vec<_> = (1..12).map(|place| format!("files[{place}].path")).collect();
    assert_refused(files, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn paths_that_clash_are_refused() {
    let files = inline(&[
        ("README.md", "# Hi\n"),
        ("readme.md", "# Hi again\n"),
        ("a.txt", "one"),
        ("a.txt", "two"),
        ("b", "a file"),
        ("b/c.txt", "below a file"),
        ("D/x.txt", "x"),
        ("d/X.TXT", "x"),
    ]);
    assert_refused(files, &["files[1].path", "files[3].path", "files[5].path", "files[7].path"]).await;
}

#[tokio::test]
async fn hidden_files_are_refused_unless_they_are_asked_for() {
    let files = inline(&[("README.md", "# Hi\n"), (".env", "SECRET=1"), ("a/.git/config", "x")]);
    assert_refused(files.clone(), &["files[1].path", "files[2].path"]).await;
    let gateway = TestGateway::start().await;
    put(&gateway, json!({ "files": files, "hidden": true })).await.data();
    assert_eq!(gateway.as_admin("GET", "/e/docs/.env").send().await.text(), "SECRET=1");
}

#[tokio::test]
async fn content_that_is_not_what_it_is_said_to_be_is_refused() {
    let mut files =
        inline(&[("README.md", "# Hi\n"), ("a.txt", "a"), ("b.txt", "b"), ("c.txt", "c"), ("d.txt", "d")]);
    files[1]["content"] = json!("not base64!");
    files[2]["content"] = json!("Yg"); // without its padding
    files[3]["checksum"] = json!(checksum_of(b"something else"));
    files[4]["checksum"] = json!("md5:0");
    let expected = ["files[1].content", "files[2].content", "files[3].checksum", "files[4].checksum"];
    assert_refused(files, &expected).await;
}

#[tokio::test]
async fn an_application_without_a_page_at_its_top_is_refused() {
    for files in [
        inline(&[("guide.md", "# Guide\n")]),
        inline(&[("docs/README.md", "# Hi\n")]),
        inline(&[("README.txt", "hi")]),
        inline(&[("readme.md", "# Hi\n")]),
        json!([]),
    ] {
        assert_refused(files, &["files"]).await;
    }
    for name in ["README.md", "index.md"] {
        let gateway = TestGateway::start().await;
        gateway.deploy_files("docs", &[(name, "# Hi\n")]).await.data();
    }
}

const FAULTY: [(&str, &str); 4] = [
    ("README.md", "---\ntools:\n  - [ls]\n  - []\n  - [cat, {regx: x}]\n---\n"),
    ("a/pattern.md", "---\ntools:\n  - [cat, {regex: '('}]\n---\n"),
    ("b.md", "+++\ntools = [[\"ls\", \";\", \"-l\"]]\n+++\n"),
    ("good.md", "---\ntools:\n  - [ls]\n---\n"),
];

#[tokio::test]
async fn front_matter_that_does_not_parse_is_told_of_every_page_with_line_and_column() {
    let places = ["README.md:4:5", "README.md:5:12", "a/pattern.md:3:19", "b.md:2:17"];
    assert_refused(inline(&FAULTY), &places).await;
}

#[tokio::test]
async fn faults_of_every_kind_are_told_at_once() {
    let mut files =
        inline(&[("guide.md", "---\ntools: ls\n---\n"), ("../up.md", "x"), ("a.txt", "a"), ("A.txt", "a")]);
    files[2]["content"] = json!("%%%");
    let expected = ["files[2].content", "files", "files[1].path", "files[3].path", "guide.md:2:8"];
    let gateway = TestGateway::start().await;
    let answer = put(&gateway, json!({ "files": files })).await;
    answer.assert_problem(422, "invalid");
    let (mut found, mut expected) = (fields(&answer), expected.map(str::to_owned).to_vec());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{}", answer.text());
}

#[tokio::test]
async fn pages_that_were_uploaded_are_held_to_the_same() {
    let gateway = TestGateway::start().await;
    let mut manifest = Vec::new();
    for (path, text) in FAULTY {
        gateway.put_blob(&gateway.admin, &checksum_of(text.as_bytes()), text.as_bytes()).await;
        manifest.push(entry(path, text.as_bytes()));
    }
    let answer = put(&gateway, json!({ "manifest": manifest })).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(fields(&answer), ["README.md:4:5", "README.md:5:12", "a/pattern.md:3:19", "b.md:2:17"]);
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), json!([]));
}

/// Its bytes are served already, and nobody has ever read them as a page.
#[tokio::test]
async fn a_faulty_page_is_not_let_in_because_another_file_has_its_bytes() {
    let gateway = TestGateway::start().await;
    let faulty = FAULTY[0].1;
    gateway.deploy_files("docs", &[("README.md", "# Hi\n"), ("notes.txt", faulty)]).await.data();
    let manifest = json!([entry("README.md", b"# Hi\n"), entry("page.md", faulty.as_bytes())]);
    let answer = put(&gateway, json!({ "manifest": manifest })).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(fields(&answer), ["page.md:4:5", "page.md:5:12"]);
}

#[tokio::test]
async fn a_manifest_with_modes_and_sizes_that_cannot_be_is_refused() {
    let gateway = TestGateway::start().await;
    let mut manifest =
        vec![entry("README.md", b"# Hi\n"), entry("link", b"x"), entry("again", b"x"), entry("odd", b"y")];
    manifest[1]["mode"] = json!(0o120_777); // a symbolic link
    manifest[2]["size"] = json!(2);
    manifest[3]["mode"] = json!(0o7_777_777);
    let answer = put(&gateway, json!({ "manifest": manifest })).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(fields(&answer), ["files[1].mode", "files[2].size", "files[3].mode"]);
}

#[tokio::test]
async fn a_page_that_is_too_long_to_be_one_is_refused() {
    let long = "x".repeat(1024 * 1024 + 1);
    assert_refused(inline(&[("README.md", "# Hi\n"), ("long.md", &long)]), &["long.md"]).await;
}
