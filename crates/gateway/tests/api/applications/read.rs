//! GET and HEAD: bytes, types, entity tags, compression, and which file a path means.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::json;

use crate::support::{Answer, TestGateway, checksum_of};

async fn with(files: &[(&str, &[u8])]) -> TestGateway {
    let gateway = TestGateway::start().await;
    let files: Vec<_> = files.iter().map(|(path, bytes)| (*path, *bytes, 0o644)).collect();
    gateway.deploy_manifest("docs", &files).await.data();
    gateway
}

async fn get(gateway: &TestGateway, path: &str) -> Answer {
    gateway.as_admin("GET", &format!("/e/docs{path}")).send().await
}

#[tokio::test]
async fn a_file_is_answered_byte_for_byte_under_its_own_type() {
    let page = "---\r\ntools:\r\n  - [ls]\r\n---\r\n# Héllo\r\n".as_bytes();
    let files: [(&str, &[u8], &str); 11] = [
        ("README.md", page, "text/markdown; charset=utf-8"),
        ("UPPER.MD", b"# Up\n", "text/markdown; charset=utf-8"),
        ("data/orders.csv", b"a,b\n1,2\n", "text/csv; charset=utf-8"),
        ("data/orders.json", b"{\"a\": 1}", "application/json"),
        ("notes.txt", b"no newline at the end", "text/plain; charset=utf-8"),
        ("report.html", b"<p>Hi</p>", "text/html; charset=utf-8"),
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("logo.png", b"\x89PNG\r\n\x1a\n\x00\xff", "image/png"),
        ("LICENSE", b"\x00\x01\xff\xfe", "application/octet-stream"),
        ("a b/\u{e4}.txt", b"spaces and umlauts", "text/plain; charset=utf-8"),
        ("empty.txt", b"", "text/plain; charset=utf-8"),
    ];
    let deployed: Vec<_> = files.iter().map(|(path, bytes, _)| (*path, *bytes)).collect();
    let gateway = with(&deployed).await;
    for (path, bytes, content_type) in files {
        let answer =
            get(&gateway, &format!("/{}", path.replace(' ', "%20").replace('\u{e4}', "%C3%A4"))).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.body, bytes, "{path}");
        assert_eq!(answer.header("content-type"), content_type, "{path}");
        assert_eq!(answer.header("content-length"), bytes.len().to_string(), "{path}");
        assert_eq!(answer.header("etag"), format!("\"{}\"", checksum_of(bytes)), "{path}");
        assert_eq!(answer.header("content-encoding"), "", "{path}");
    }
}

#[tokio::test]
async fn whatever_is_served_is_confined_and_kept_by_no_shared_cache() {
    let page = "# Hi\n".repeat(1000);
    let gateway = with(&[
        ("README.md", b"# Hi\n"),
        ("page.html", b"<script>alert(1)</script>"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("long.md", page.as_bytes()),
    ])
    .await;
    for path in ["", "/page.html", "/picture.svg", "/long.md"] {
        for accept in ["*/*", "text/html,application/xhtml+xml"] {
            let call = gateway.as_admin("GET", &format!("/e/docs{path}"));
            let answer = call.header("accept", accept).header("accept-encoding", "gzip").send().await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("cache-control"), "private, no-cache", "{path}");
            let vary = answer.header("vary").to_owned();
            for name in ["accept", "accept-encoding", "authorization", "token"] {
                assert!(vary.split(", ").any(|varies| varies == name), "{name} in {vary}");
            }
            let policy = answer.header("content-security-policy").to_owned();
            assert!(policy.starts_with("default-src 'none';"), "{path}: {policy}");
            assert!(!policy.contains("script-src"), "{path}: {policy}");
            assert!(!answer.headers.keys().any(|name| name.starts_with("access-control")), "{path}");
        }
    }
    // A document of the application's own must not act as the gateway's origin.
    for path in ["/page.html", "/picture.svg"] {
        let answer =
            gateway.as_admin("GET", &format!("/e/docs{path}")).header("accept", "text/html").send().await;
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.split("; ").any(|directive| directive == "sandbox"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn a_public_application_may_be_cached_and_is_asked_for_anew_each_time() {
    let gateway = with(&[("README.md", b"# Hi\n")]).await;
    let body = json!({ "visibility": "public" });
    gateway.as_admin("PATCH", "/api/v1/environments/docs").json(&body).send().await.data();
    assert_eq!(gateway.get("/e/docs").send().await.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn whoever_has_the_bytes_already_is_told_so_and_sent_none() {
    let gateway = with(&[("README.md", b"# Hi\n")]).await;
    let etag = get(&gateway, "").await.header("etag").to_owned();
    let weak = format!("W/{etag}");
    let list = format!("\"another\", {weak}, \"more\"");
    for known in [etag.as_str(), weak.as_str(), list.as_str(), "*"] {
        for method in ["GET", "HEAD"] {
            let call = gateway.as_admin(method, "/e/docs/README.md").header("if-none-match", known);
            let answer = call.send().await;
            assert_eq!(answer.status, 304, "{method} {known}");
            assert_eq!(answer.body, b"", "{method} {known}");
            assert_eq!(answer.header("etag"), etag, "{method} {known}");
            assert!(answer.header("vary").contains("accept-encoding"), "{method} {known}");
            assert_eq!(answer.header("cache-control"), "private, no-cache", "{method} {known}");
        }
    }
    for other in ["\"another\"", "", "W/\"x\", \"y\"", &etag.replace("sha256:", "")] {
        let call = gateway.as_admin("GET", "/e/docs/README.md").header("if-none-match", other);
        assert_eq!(call.send().await.body, b"# Hi\n", "{other}");
    }
}

#[tokio::test]
async fn an_entity_tag_in_the_second_of_two_header_lines_counts() {
    let gateway = with(&[("README.md", b"# Hi\n")]).await;
    let etag = get(&gateway, "").await.header("etag").to_owned();
    let call = gateway.as_admin("GET", "/e/docs").header("if-none-match", "\"another\"");
    assert_eq!(call.header("if-none-match", &etag).send().await.status, 304);
}

#[tokio::test]
async fn a_new_release_is_not_what_somebody_has_already() {
    let gateway = with(&[("README.md", b"# One\n")]).await;
    let etag = get(&gateway, "").await.header("etag").to_owned();
    gateway.deploy_files("docs", &[("README.md", "# Two\n")]).await.data();
    let answer = gateway.as_admin("GET", "/e/docs").header("if-none-match", &etag).send().await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"# Two\n".as_slice()));
}

#[tokio::test]
async fn head_answers_what_get_would_without_the_bytes() {
    let page = "# Hi\n".repeat(1000);
    let large = vec![b'x'; 1024 * 1024 + 1];
    let gateway = with(&[("README.md", page.as_bytes()), ("large.bin", &large)]).await;
    for path in ["/README.md", "/large.bin", "/nowhere"] {
        for coding in ["", "gzip"] {
            let call = |method: &str| {
                gateway.as_admin(method, &format!("/e/docs{path}")).header("accept-encoding", coding)
            };
            let (got, head) = (call("GET").send().await, call("HEAD").send().await);
            assert_eq!(head.body, b"", "{path}");
            let (mut got, mut head) = (got.without_request_id(), head.without_request_id());
            (got.body, head.body) = (Vec::new(), Vec::new());
            assert_eq!(got, head, "{path}");
        }
    }
}

#[tokio::test]
async fn text_is_compressed_for_whoever_asks_under_an_entity_tag_of_its_own() {
    let text = "all work and no play\n".repeat(200);
    let gateway = with(&[
        ("README.md", text.as_bytes()),
        ("short.txt", b"too short to gain by it"),
        ("picture.png", text.as_bytes()),
    ])
    .await;
    let call = |path: &str| gateway.as_admin("GET", &format!("/e/docs/{path}"));
    let plain = call("README.md").send().await;
    assert_eq!((plain.header("content-encoding"), plain.body.as_slice()), ("", text.as_bytes()));
    let gzip = call("README.md").header("accept-encoding", "br;q=1.0, gzip;q=0.8").send().await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_ne!(gzip.header("etag"), plain.header("etag"));
    assert!(gzip.body.len() < plain.body.len());
    let mut inflated = String::new();
    GzDecoder::new(gzip.body.as_slice()).read_to_string(&mut inflated).unwrap();
    assert_eq!(inflated, text);
    let known =
        call("README.md").header("accept-encoding", "gzip").header("if-none-match", gzip.header("etag"));
    assert_eq!(known.send().await.status, 304);
    // What is of the other coding is not what somebody without gzip has.
    let known = call("README.md").header("if-none-match", gzip.header("etag"));
    assert_eq!(known.send().await.body, text.as_bytes());
    for (path, coding) in [
        ("README.md", "identity"),
        ("README.md", "br"),
        ("README.md", "gzip;q=0"),
        ("short.txt", "gzip"),
        ("picture.png", "gzip"),
    ] {
        let answer = call(path).header("accept-encoding", coding).send().await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""), "{path} {coding}");
    }
}

#[tokio::test]
async fn a_path_means_the_file_then_the_page_then_the_index_of_the_directory() {
    let gateway = with(&[
        ("README.md", b"top"),
        ("index.md", b"top index"),
        ("guide", b"the file itself"),
        ("guide.md", b"the page"),
        ("orders.md", b"the page beside the directory"),
        ("orders/README.md", b"the directory's readme"),
        ("orders/index.md", b"the directory's index"),
        ("indexed/index.md", b"an index alone"),
        ("bare/list.csv", b"a"),
        ("deep/er/README.md", b"deeper"),
    ])
    .await;
    for (path, body) in [
        ("", "top"),
        ("/", "top"),
        ("/README.md", "top"),
        ("/README", "top"),
        ("/index.md", "top index"),
        ("/index", "top index"),
        ("/guide", "the file itself"),
        ("/guide.md", "the page"),
        ("/orders", "the page beside the directory"),
        ("/orders/index", "the directory's index"),
        ("/orders/README.md", "the directory's readme"),
        ("/indexed", "an index alone"),
        ("/indexed/", "an index alone"),
        ("/deep/er", "deeper"),
        ("/deep%2Fer/", "deeper"),
        ("/guide?x=1", "the file itself"),
    ] {
        let answer = get(&gateway, path).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{path}");
    }
    for path in ["/bare", "/deep", "/GUIDE", "/readme.md", "/guide/README.md", "/README.md/x"] {
        get(&gateway, path).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_what_is_spelled_alike() {
    let gateway =
        with(&[("README.md", b"# Hi\n"), ("orders.md", b"# Orders\n"), ("docs/guide.md", b"# Guide\n")])
            .await;
    let near = |answer: Answer| answer.assert_problem(404, "not-found").json()["near"].clone();
    assert_eq!(near(get(&gateway, "/ordrs").await), json!(["orders.md"]));
    assert_eq!(near(get(&gateway, "/docs/giude.md").await), json!(["docs/guide.md"]));
    assert_eq!(near(get(&gateway, "/quite-another-thing").await), json!(null));
}

#[tokio::test]
async fn an_environment_without_a_release_has_nothing_to_read_and_says_so() {
    let gateway = TestGateway::start().await;
    let body = json!({ "name": "bare" });
    gateway.as_admin("POST", "/api/v1/environments").json(&body).send().await.data();
    let answer = gateway.as_admin("GET", "/e/bare").send().await;
    answer.assert_problem(404, "not-found");
    assert!(answer.json()["detail"].as_str().unwrap().contains("deployed"), "{}", answer.text());
}

#[tokio::test]
async fn other_methods_are_not_for_applications() {
    let gateway = with(&[("README.md", b"# Hi\n")]).await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let answer = gateway.as_admin(method, "/e/docs/README.md").send().await;
        answer.assert_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "GET, HEAD, POST", "{method}");
        assert!(!answer.headers.keys().any(|name| name.starts_with("access-control")), "{method}");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_guessed_at_either() {
    let gateway = with(&[("README.md", b"# Hi\n")]).await;
    for path in
        ["/e/docs/%3Cb%3Enowhere", "/e/docs/%00", "/e/nowhere", "/api/v1/nowhere", "/api/v1/tokens/%3Cb%3E"]
    {
        let answer = gateway.as_admin("GET", path).header("accept", "text/html").send().await;
        assert!(answer.status >= 400, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
