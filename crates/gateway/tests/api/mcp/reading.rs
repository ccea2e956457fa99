//! Pages, as a tool's result and as resources.

use serde_json::json;

use super::client::{Client, REVISIONS, STATELESS, text};
use crate::support::{PAGE, TestGateway};

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    gateway
}

#[tokio::test]
async fn a_page_is_read_as_it_is_written() {
    let gateway = start().await;
    let reader = gateway.token().scope("read").issue().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &reader, revision);
        for path in ["", "README.md", "/README.md", "./README"] {
            let read = client.tool("read_page", json!({ "path": path })).await;
            assert_eq!((text(&read), &read["isError"]), (PAGE, &json!(false)), "{path}");
        }
        let file = client.tool("read_page", json!({ "path": "notes.txt" })).await;
        assert_eq!(text(&file), "some notes\n");
        let read = client.result("resources/read", json!({ "uri": "page:///guide.md" })).await;
        let contents =
            json!([{ "uri": "page:///guide.md", "mimeType": "text/markdown", "text": "# Guide\n" }]);
        assert_eq!(read["contents"], contents);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is_spelled_alike() {
    let gateway = start().await;
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let missing = client.tool("read_page", json!({ "path": "guid.md" })).await;
        assert_eq!(missing["isError"], true);
        assert!(text(&missing).contains("guide.md"), "{missing}");
        let answer = client.send("resources/read", json!({ "uri": "page:///guid.md" })).await;
        // The code has changed with the revision.
        let code = if revision == STATELESS { -32602 } else { -32002 };
        assert_eq!(answer.json()["error"]["code"], code, "{}", answer.text());
        assert_eq!(answer.json()["error"]["data"]["uri"], "page:///guid.md");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_application() {
    let gateway = start().await;
    let client = Client::new(&gateway, &gateway.admin, STATELESS);
    for path in ["../../toolfront.db", "..", "a/../../b", "%2e%2e/x", "//etc/passwd", "a\\b", "a\0b"] {
        let read = client.tool("read_page", json!({ "path": path })).await;
        assert_eq!(read["isError"], true, "{path}: {read}");
        let answer = client.send("resources/read", json!({ "uri": format!("page:///{path}") }));
        let answer = if path.contains('\0') { continue } else { answer.await };
        assert!(answer.json()["error"].is_object(), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_is_no_text_is_a_resource_and_what_is_too_large_is_neither() {
    use base64::Engine;
    let gateway = TestGateway::start().await;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let file = |path: &str, bytes: &[u8]| {
        let checksum = toolfront_app::BlobDigest::of(bytes).to_string();
        json!({ "path": path, "content": encode(bytes), "checksum": checksum })
    };
    let (binary, large) = ([0xff_u8, 0, 1], vec![b'x'; 1024 * 1024 + 1]);
    let files = [file("README.md", b"# A\n"), file("b.bin", &binary), file("large.txt", &large)];
    let body = json!({ "files": files });
    gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send().await.data();
    for revision in REVISIONS {
        let client = Client::new(&gateway, &gateway.admin, revision);
        let read = client.tool("read_page", json!({ "path": "b.bin" })).await;
        assert_eq!(read["isError"], true);
        assert!(text(&read).contains("3 bytes"), "{read}");
        let read = client.result("resources/read", json!({ "uri": "page:///b.bin" })).await;
        assert_eq!(read["contents"][0]["blob"], encode(&binary));
        let read = client.tool("read_page", json!({ "path": "large.txt" })).await;
        assert!(read["isError"] == true && text(&read).contains("1048576 bytes"), "{read}");
    }
}
