//! Every kind of problem is answered by something: one call for each row of the table.

use std::collections::BTreeSet;
use std::io::Write;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::json;
use toolfront_api::Code;
use toolfront_store::Lease;

use crate::support::{Answer, TestGateway, checksum_of};

/// A page with a variable, and a tool whose program is nowhere.
const PAGE: &str =
    "---\ntools:\n  - [echo, $NAME, ;]\n  - [no-such-program-anywhere]\nenv: [NAME]\n---\n# A page\n";

/// A disk of two megabytes, which only root may mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        mount("tmpfs", place.path(), "tmpfs", MountFlags::empty(), Some(c"size=2m"))
            .expect("this test mounts a tmpfs: run it as root, or with CAP_SYS_ADMIN");
        Self(place)
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.0.path().join("ballast")).unwrap();
        for size in [65_536, 4096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}

/// Makes tokens until the disk has no room for another.
async fn insufficient_storage() -> Answer {
    let disk = SmallDisk::new();
    let data = disk.0.path().join("data");
    let gateway = TestGateway::start_with(|settings| settings.data_dir = data).await;
    disk.fill();
    let body = json!({ "name": "a", "scope": "read" });
    for _ in 0..10_000 {
        let answer = gateway.as_admin("POST", "/api/v1/tokens").json(&body).send().await;
        match answer.status {
            // The database says that it is full, or that it can't write.
            201 | 503 => {}
            _ => {
                gateway.stop().await;
                return answer;
            }
        }
    }
    panic!("the disk is not full");
}

async fn lease_lost() -> Answer {
    let gateway = TestGateway::start_trusting(Some(Lease::not_held()), |_| {}).await;
    gateway.as_admin("GET", "/api/v1/tokens").send().await
}

async fn too_many_requests() -> Answer {
    let gateway = TestGateway::start_with(|settings| settings.limits.failures_per_minute_max = 1).await;
    gateway.get("/api/v1/tokens").token("nonsense").send().await;
    gateway.get("/api/v1/tokens").token("nonsense").send().await
}

async fn provoke(code: Code) -> Answer {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", &[("README.md", PAGE), ("notes.txt", "notes\n")]).await.data();
    let low = gateway.token().scope("read").issue().await;
    let admin = |method: &str, path: &str| gateway.as_admin(method, path);
    let run = |command: &str| admin("POST", "/e/docs").json(&json!({ "command": [command] })).send();
    let asked = json!({ "name": "a", "scope": "read" });
    match code {
        Code::BadRequest => {
            admin("POST", "/api/v1/tokens").bytes("application/json", b"{".to_vec()).send().await
        }
        Code::BadPath => admin("GET", "/e/docs/a//b").send().await,
        Code::TokenInUrl => gateway.get(&format!("/e/docs?token={}", low.value)).send().await,
        Code::NotAcceptable => {
            admin("POST", "/e/docs/mcp").json(&json!({})).header("accept", "application/json").send().await
        }
        Code::ForeignOrigin => {
            admin("POST", "/e/docs/mcp").header("origin", "https://evil.example").send().await
        }
        Code::ConflictingTokens => admin("GET", "/e/docs").header("token", &low.value).send().await,
        Code::UnsetVariable => {
            admin("POST", "/e/docs").json(&json!({ "command": ["echo", "$NAME"] })).send().await
        }
        Code::Unauthorized => gateway.get("/api/v1/tokens").send().await,
        Code::InvalidToken => gateway.get("/api/v1/tokens").token("nonsense").send().await,
        Code::InsufficientScope => gateway.get("/api/v1/tokens").token(&low.value).send().await,
        Code::Escalation => {
            let some = gateway.token().scope("admin").only(&["docs"]).issue().await;
            gateway.call("POST", "/api/v1/tokens").token(&some.value).json(&asked).send().await
        }
        Code::CommandNotAllowed => run("rm").await,
        Code::NotFound => admin("GET", "/e/docs/nothing").send().await,
        Code::MethodNotAllowed => admin("PUT", "/api/v1/tokens").send().await,
        Code::Conflict => {
            let path = format!("/api/v1/tokens/{}/rotate", low.id);
            admin("POST", &path).json(&json!({ "generation": 7 })).send().await
        }
        Code::NameTaken => {
            admin("POST", "/api/v1/environments").json(&json!({ "name": "docs" })).send().await
        }
        Code::Repeated => {
            let call = admin("POST", "/api/v1/tokens").header("idempotency-key", "k").json(&asked);
            call.clone().send().await;
            call.send().await
        }
        Code::UploadUnknown => {
            let body = json!({ "upload": checksum_of(b"never announced") });
            admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send().await
        }
        Code::TooLarge => {
            admin("POST", "/api/v1/tokens").bytes("application/json", vec![b' '; 1_048_577]).send().await
        }
        Code::UnsupportedMediaType => {
            admin("POST", "/api/v1/tokens").bytes("text/plain", b"{}".to_vec()).send().await
        }
        Code::RangeNotSatisfiable => {
            admin("GET", "/e/docs/notes.txt").header("range", "bytes=99-").send().await
        }
        Code::MisdirectedRequest => admin("GET", "/healthz").header("host", "evil.example").send().await,
        Code::Invalid => admin("POST", "/api/v1/tokens").json(&json!({})).send().await,
        Code::TooManyRequests => too_many_requests().await,
        Code::HeadersTooLarge => admin("GET", "/e/docs").header("x-long", &"x".repeat(40_000)).send().await,
        Code::Internal => {
            let spoil = "UPDATE token_generations SET hint = '----' WHERE number = 1";
            gateway.database().execute(spoil, []).unwrap();
            admin("GET", &format!("/api/v1/tokens/{}", low.id)).send().await
        }
        Code::ProgramMissing => run("no-such-program-anywhere").await,
        Code::Unavailable => {
            gateway.database().execute_batch("ALTER TABLE audit_events RENAME TO gone").unwrap();
            admin("POST", "/api/v1/tokens").json(&asked).send().await
        }
        Code::SecretsUnavailable => {
            let set =
                || admin("PUT", "/api/v1/environments/docs/secrets/KEY").json(&json!({ "value": "hunter2" }));
            set().send().await.data();
            let under_another_key = "UPDATE environment_secrets SET key_id = zeroblob(8)";
            gateway.database().execute(under_another_key, []).unwrap();
            set().send().await
        }
        Code::LeaseLost => lease_lost().await,
        Code::InsufficientStorage => insufficient_storage().await,
    }
}

#[tokio::test]
async fn every_kind_of_problem_is_answered_in_its_own_status_slug_and_words() {
    for code in Code::ALL {
        let answer = provoke(code).await;
        answer.assert_problem(code.status(), code.slug());
        let problem = answer.json();
        assert_eq!(problem["title"], code.title());
        assert_eq!(answer.header("cache-control"), "no-store", "{code:?}");
        if code == Code::NotFound {
            assert_eq!(problem["request_id"], json!(null), "the same bytes for different requests");
        } else {
            assert_eq!(problem["request_id"], answer.header("x-request-id"), "{code:?}");
        }
        let parsed: toolfront_api::Problem = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(parsed.code(), Some(code));
    }
}

#[test]
fn no_two_kinds_of_problem_share_a_slug() {
    let slugs: BTreeSet<_> = Code::ALL.into_iter().map(Code::slug).collect();
    assert_eq!(slugs.len(), Code::ALL.len());
}

#[tokio::test]
async fn an_internal_error_tells_the_client_nothing_of_its_cause() {
    let answer = provoke(Code::Internal).await;
    for cause in ["corrupt", "hint", "token_generations", "sqlite"] {
        assert!(!answer.text().to_lowercase().contains(cause), "{}", answer.text());
    }
}
