//! What holds while the disk of the data directory is full, and when there is room again.
//!
//! The disk is a small tmpfs, which only root may mount; without that these tests fail.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, TestGateway, checksum_of, entry, events, eventually, inline};

struct SmallDisk {
    place: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        mount("tmpfs", place.path(), "tmpfs", MountFlags::empty(), Some(c"size=4m"))
            .expect("this test mounts a tmpfs: run it as root, or with CAP_SYS_ADMIN");
        Self { place }
    }

    async fn gateway(&self) -> TestGateway {
        let data = self.place.path().join("data");
        TestGateway::start_with(|settings| settings.data_dir = data).await
    }

    fn ballast(&self) -> PathBuf {
        self.place.path().join("ballast")
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        for size in [65_536, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(self.place.path(), UnmountFlags::DETACH);
    }
}

#[track_caller]
fn assert_no_room(answer: &Answer) {
    match answer.status {
        503 => answer.assert_problem(503, "unavailable"),
        _ => answer.assert_problem(507, "insufficient-storage"),
    };
}

async fn put(gateway: &TestGateway, name: &str, body: &Value) -> Answer {
    gateway.as_admin("PUT", &format!("/api/v1/environments/by-name/{name}")).json(body).send().await
}

/// More than the database's spare pages can take.
fn several_files(text: &str) -> Value {
    let long = text.repeat(20_000);
    json!({ "files": inline(&[("README.md", text), ("a.txt", &long), ("b.md", text)]) })
}

#[tokio::test]
async fn a_deploy_without_room_changes_nothing_and_succeeds_when_there_is_room() {
    let disk = SmallDisk::new();
    let gateway = disk.gateway().await;
    gateway.deploy("docs").await;
    let before = gateway.as_admin("GET", "/api/v1/environments").send().await.data();
    disk.fill();
    for name in ["docs", "new"] {
        let answer = put(&gateway, name, &several_files("# Two\n")).await;
        answer.assert_problem(507, "insufficient-storage");
    }
    let bytes = "x".repeat(100_000);
    let sent = gateway.put_blob(&gateway.admin, &checksum_of(bytes.as_bytes()), bytes.as_bytes()).await;
    sent.assert_problem(507, "insufficient-storage");
    assert_eq!(gateway.as_admin("GET", "/api/v1/environments").send().await.data(), before);
    assert_eq!(gateway.as_admin("GET", "/e/docs/notes.txt").send().await.text(), "some notes\n");
    // The blob is not taken for sent.
    let page = gateway.missing(&gateway.admin, "", &json!([entry("README.md", bytes.as_bytes())])).await;
    assert_eq!(page, [checksum_of(bytes.as_bytes())]);
    disk.empty();
    let published = put(&gateway, "docs", &several_files("# Two\n")).await.data();
    assert_eq!((&published["release"], &published["created"]), (&json!(2), &json!(false)));
    assert_eq!(put(&gateway, "new", &several_files("# Two\n")).await.data()["created"], true);
    assert_eq!(gateway.as_admin("GET", "/e/docs").send().await.text(), "# Two\n");
}

#[tokio::test]
async fn nothing_is_half_done_after_a_restart_either() {
    let disk = SmallDisk::new();
    let gateway = disk.gateway().await;
    gateway.deploy("docs").await;
    let releases = async |gateway: &TestGateway| {
        gateway.as_admin("GET", "/api/v1/environments/docs/releases").send().await.data()
    };
    let before = releases(&gateway).await;
    disk.fill();
    assert_no_room(&put(&gateway, "docs", &several_files("# Two\n")).await);
    disk.empty();
    let gateway = gateway.restart().await;
    assert_eq!(releases(&gateway).await, before);
    assert!(gateway.as_admin("GET", "/e/docs").send().await.text().contains("# A page"));
    assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
}

#[tokio::test]
async fn without_room_for_its_audit_event_no_command_runs() {
    let disk = SmallDisk::new();
    let gateway = disk.gateway().await;
    gateway.deploy("docs").await;
    assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
    disk.fill();
    // The log of the database may have a little room of its own left.
    let mut ran = 1;
    let refused = loop {
        let answer = gateway.run(&gateway.admin, "docs", &["ls"]).await;
        if answer.status != 200 {
            break answer;
        }
        ran += 1;
        assert!(ran < 10_000, "the disk is not full");
    };
    assert_no_room(&refused);
    assert_eq!(gateway.as_admin("GET", "/e/docs/notes.txt").send().await.text(), "some notes\n");
    disk.empty();
    assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
    let begins = events(gateway.data(), "run.begin");
    let ended: Vec<_> = events(gateway.data(), "run.end")
        .iter()
        .filter(|end| end.detail["outcome"] != "not_started")
        .map(|end| end.detail["begin"].clone())
        .collect();
    assert!(ended.iter().all(|begin| begins.iter().any(|event| json!(event.sequence) == *begin)));
    assert!(begins.len() > ran, "{} begins for {} commands", begins.len(), ran + 1);
}

#[tokio::test]
async fn a_release_that_finds_no_room_for_its_files_is_laid_out_once_there_is_room() {
    let disk = SmallDisk::new();
    let gateway = disk.gateway().await;
    gateway.deploy("docs").await;
    disk.fill();
    let refused = gateway.run(&gateway.admin, "docs", &["cat", "notes.txt"]).await;
    refused.assert_problem(507, "insufficient-storage");
    assert!(events(gateway.data(), "run.").is_empty());
    disk.empty();
    let answer = gateway.run(&gateway.admin, "docs", &["cat", "notes.txt"]).await;
    assert_eq!(answer.json()["stdout"], "some notes\n");
}

#[tokio::test]
async fn a_full_disk_has_room_for_revocations_and_says_that_it_is_full() {
    let disk = SmallDisk::new();
    let gateway = disk.gateway().await;
    gateway.deploy("docs").await;
    let agents = [gateway.token().issue().await, gateway.token().issue().await];
    disk.fill();
    let issue = async || {
        let body = json!({ "name": "x", "scope": "read" });
        gateway.as_admin("POST", "/api/v1/tokens").json(&body).send().await
    };
    let mut issued = 0;
    while issue().await.status == 201 {
        issued += 1;
        assert!(issued < 10_000, "the disk is not full");
    }
    for agent in &agents {
        gateway.as_admin("DELETE", &format!("/api/v1/tokens/{}", agent.id)).send().await.data();
        gateway.get("/e/docs").token(&agent.value).send().await.assert_problem(401, "invalid-token");
        // What is left is for that alone.
        assert_no_room(&issue().await);
        assert_no_room(&gateway.run(&gateway.admin, "docs", &["ls"]).await);
        let read = gateway.as_admin("GET", "/e/docs/notes.txt").send().await;
        assert_eq!(read.text(), "some notes\n");
    }
    let readiness = async || gateway.get("/readyz").send().await.status;
    eventually("unreadiness", async || (readiness().await == 503).then_some(())).await;
    disk.empty();
    eventually("readiness", async || (readiness().await == 200).then_some(())).await;
    assert_eq!(issue().await.status, 201);
    assert_eq!(gateway.run(&gateway.admin, "docs", &["ls"]).await.status, 200);
    let gateway = gateway.restart().await;
    for agent in &agents {
        gateway.get("/e/docs").token(&agent.value).send().await.assert_problem(401, "invalid-token");
    }
    let found = gateway.as_admin("GET", "/api/v1/audit/verification").send().await.data();
    assert_eq!(found["fault"], Value::Null);
}
