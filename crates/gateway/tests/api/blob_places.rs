//! Gateways whose blobs are not in the data directory.

use serde_json::json;
use toolfront_gateway::{BlobPlace, Gateway, S3Place, Settings};

use crate::support::{PAGE, TestGateway, checksum_of, inline};

/// Where a store that speaks S3 answers; `scripts/test` starts one.
#[expect(clippy::disallowed_methods, reason = "this is how the tests are told")]
fn endpoint() -> String {
    std::env::var("TOOLFRONT_TEST_S3").expect(
        "TOOLFRONT_TEST_S3 has to be the endpoint of a store that speaks S3: run scripts/test, which starts one, or \
         scripts/s3-server by the interpreter that `scripts/python-env 'moto[s3,server]==5.2.5'` prints, and export \
         what that server prints",
    )
}

fn objects(endpoint: String, bucket: &str, settings: &Settings) -> BlobPlace {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "testing".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "testing".to_owned()),
    ];
    // A prefix for each test: its directory has a name that is taken once.
    let name = settings.data_dir.parent().unwrap().file_name().unwrap().to_str().unwrap().replace('.', "");
    BlobPlace::S3(S3Place::parse(&format!("s3://{bucket}/gateways/{name}"), variables).unwrap())
}

/// An endpoint that nobody answers at.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn assert_served(gateway: &TestGateway, large: &[u8]) {
    let page = gateway.as_admin("GET", "/e/docs/README.md").send().await;
    assert!(page.text().contains("# A page"), "{}", page.text());
    let notes = gateway.as_admin("GET", "/e/docs/large.bin").send().await;
    assert!(notes.body == large);
    let ran = gateway.run(&gateway.admin, "docs", &["cat", "notes.txt"]).await;
    assert!(ran.text().contains("some notes"), "{}", ran.text());
}

/// Deploys by both ways: a manifest, of which what is missing is sent, and files in the request.
async fn deploy(gateway: &TestGateway, large: &[u8]) {
    let files: [(&str, &[u8], u32); 3] = [
        ("README.md", PAGE.as_bytes(), 0o644),
        ("notes.txt", b"some notes\n", 0o644),
        ("large.bin", large, 0o644),
    ];
    let answer = gateway.deploy_manifest("docs", &files).await;
    assert_eq!(answer.data()["release"], 1, "{}", answer.text());
    let answer = gateway.deploy_files("inline", &[("README.md", PAGE), ("more.txt", "more\n")]).await;
    assert_eq!(answer.data()["release"], 1, "{}", answer.text());
}

fn large() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn an_application_is_served_from_a_directory_that_gateways_share() {
    let shared = tempfile::tempdir().unwrap();
    let place = BlobPlace::Directory(shared.path().to_owned());
    let gateway = TestGateway::start_with(|settings| settings.blobs = place).await;
    deploy(&gateway, &large()).await;
    assert_served(&gateway, &large()).await;
    let gateway = gateway.restart().await;
    assert_served(&gateway, &large()).await;
    assert!(!gateway.data().join("blobs").exists());
}

#[tokio::test]
async fn an_application_is_served_from_an_object_store_though_the_copies_are_lost() {
    let change = |settings: &mut Settings| settings.blobs = objects(endpoint(), "blobs", settings);
    let gateway = TestGateway::start_with(change).await;
    deploy(&gateway, &large()).await;
    assert_served(&gateway, &large()).await;
    let lose = |data: &std::path::Path| std::fs::remove_dir_all(data.join("blobs")).unwrap();
    let gateway = gateway.restart_after(lose).await;
    assert_served(&gateway, &large()).await;
    let manifest =
        json!([{ "path": "README.md", "checksum": checksum_of(PAGE.as_bytes()), "size": PAGE.len() }]);
    assert!(gateway.missing(&gateway.admin, "?environment=docs", &manifest).await.is_empty());
}

#[tokio::test]
async fn without_its_object_store_a_gateway_deploys_nothing_and_manages_tokens() {
    let change = |settings: &mut Settings| settings.blobs = objects(nobody(), "blobs", settings);
    let gateway = TestGateway::start_with(change).await;
    let page = b"# Hi\n".as_slice();
    gateway.put_blob(&gateway.admin, &checksum_of(page), page).await.assert_problem(503, "unavailable");
    let body = json!({ "files": inline(&[("README.md", "# Hi\n")]) });
    let deployed = gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send().await;
    deployed.assert_problem(503, "unavailable");
    let environments = gateway.as_admin("GET", "/api/v1/environments").send().await.json();
    assert_eq!(environments["data"], json!([]));
    let issued = gateway.token().issue().await;
    let revoked = gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", issued.id)).send().await;
    assert!(revoked.status < 300, "{}", revoked.text());
}

#[tokio::test]
async fn a_bucket_that_is_not_there_keeps_a_gateway_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(directory.path().join("data"), "127.0.0.1:0".parse().unwrap());
    settings.confinement.allow_weak = true;
    settings.blobs = objects(endpoint(), "no-such-bucket", &settings);
    let refused = Gateway::open(settings).await.unwrap_err();
    let source = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    let told = format!("{refused}: {source}");
    assert!(told.contains("s3://no-such-bucket/gateways/") && told.contains("no such bucket"), "{told}");
}
