//! When a gateway does not start, and what it says then.

use std::net::SocketAddr;
use std::path::Path;

use toolfront_gateway::{Gateway, Settings, StartError, TlsFiles};

use crate::support::TestGateway;

fn settings(directory: &Path, listen: &str) -> Settings {
    let mut settings = Settings::new(directory.join("data"), listen.parse().unwrap());
    settings.confinement.allow_weak = true;
    settings
}

#[tokio::test]
async fn beyond_the_machine_itself_it_listens_under_tls_or_behind_a_proxy_only() {
    let directory = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8787", "[::ffff:192.0.2.1]:1", "[2001:db8::1]:443"] {
        let refused = Gateway::open(settings(directory.path(), listen)).await.unwrap_err();
        assert!(matches!(refused, StartError::InClear { .. }), "{listen}: {refused}");
        let told = refused.to_string();
        for hint in [listen, "--tls-cert", "--behind-proxy", "127.0.0.1"] {
            assert!(told.contains(hint), "{hint} in {told}");
        }
        // Nothing was touched.
        assert!(!directory.path().join("data").exists());
    }
    for listen in ["127.0.0.1:0", "127.8.9.10:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        Gateway::open(settings(directory.path(), listen)).await.unwrap();
    }
    let mut open = settings(directory.path(), "0.0.0.0:0");
    open.behind_proxy = true;
    Gateway::open(open).await.unwrap();
    let mut open = settings(directory.path(), "0.0.0.0:0");
    open.tls = Some(TlsFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() });
    let gateway = Gateway::open(open).await.unwrap();
    assert!(matches!(gateway.bind().await.unwrap_err(), StartError::Tls { .. }));
}

#[tokio::test]
async fn a_limit_with_which_no_command_could_run_is_told() {
    type Set = fn(&mut toolfront_gateway::Limits);
    let directory = tempfile::tempdir().unwrap();
    let sets: [(&str, Set); 5] = [
        ("run_memory_bytes_max", |limits| limits.run_memory_bytes_max = (16 << 20) - 1),
        ("run_processes_max", |limits| limits.run_processes_max = 0),
        ("run_open_files_max", |limits| limits.run_open_files_max = 15),
        ("run_file_bytes_max", |limits| limits.run_file_bytes_max = 0),
        ("run_cpu_time_max", |limits| limits.run_cpu_time_max = std::time::Duration::from_millis(999)),
    ];
    for (name, set) in sets {
        let mut settings = settings(directory.path(), "127.0.0.1:0");
        set(&mut settings.limits);
        let refused = Gateway::open(settings).await.unwrap_err();
        assert!(matches!(refused, StartError::Limit(_)), "{name}: {refused}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let other = TestGateway::start().await;
    let listen: SocketAddr = other.address;
    let gateway = Gateway::open(settings(directory.path(), &listen.to_string())).await.unwrap();
    let refused = gateway.bind().await.unwrap_err();
    assert!(matches!(refused, StartError::Listen { address, .. } if address == listen), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("the port is taken") && told.contains(&listen.to_string()), "{told}");
    assert_eq!(other.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn a_data_directory_belongs_to_one_gateway_at_a_time() {
    let first = TestGateway::start().await;
    let refused = Gateway::open(settings(first.directory.path(), "127.0.0.1:0")).await.unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("in use by another gateway"), "{told}");
    assert!(told.contains(&first.data().display().to_string()), "{told}");
    let directory = first.stop().await;
    let gateway = Gateway::open(settings(directory.path(), "127.0.0.1:0")).await.unwrap();
    assert!(gateway.is_initialized().await.unwrap());
}

#[tokio::test]
async fn what_a_gateway_that_was_killed_left_is_cleared_away() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let stray = gateway.data().join("work/0123456789abcdef/releases/7/a");
    std::fs::create_dir_all(&stray).unwrap();
    std::fs::write(stray.join("half.txt"), "half of a release").unwrap();
    std::fs::write(gateway.data().join("blobs/incoming/.tmpHalf"), "half of a blob").unwrap();
    let mut locked = std::fs::metadata(&stray).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut locked, 0o555);
    std::fs::set_permissions(&stray, locked).unwrap();
    let gateway = gateway.restart().await;
    let old = gateway.data().join("work/0123456789abcdef");
    crate::support::eventually("an end of what was left", async || (!old.exists()).then_some(())).await;
    assert!(!gateway.data().join("blobs/incoming/.tmpHalf").exists());
    assert_eq!(
        gateway.run(&gateway.admin, "docs", &["cat", "notes.txt"]).await.json()["stdout"],
        "some notes\n"
    );
}
