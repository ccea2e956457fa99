//! What is taken of a connection, and how it ends.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Connection, Napper, TestGateway, eventually};

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let gateway = TestGateway::start_with(|settings| settings.limits.header_bytes_max = 8192).await;
    let with = |bytes: usize| gateway.get("/healthz").header("x-long", &"x".repeat(bytes)).send();
    assert_eq!(with(4000).await.status, 200);
    assert_eq!(with(9000).await.status, 431);
    let mut connection = Connection::open(gateway.address).await;
    connection.try_send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: ").await;
    connection.try_send("x".repeat(1024 * 1024)).await;
    let answer = connection.read_to_end().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // A target counts with the headers.
    let mut connection = Connection::open(gateway.address).await;
    connection.try_send(format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(100_000))).await;
    let answer = connection.read_to_end().await;
    assert!(["", "HTTP/1.1 431", "HTTP/1.1 414"].iter().any(|start| answer.starts_with(start)), "{answer}");
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(with(10).await.status, 200);
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let gateway = TestGateway::start().await;
    let with = async |count: usize| {
        let headers = "x-some: x\r\n".repeat(count);
        let mut connection = Connection::open(gateway.address).await;
        connection
            .send(format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n"))
            .await;
        connection.read_to_end().await
    };
    assert!(with(90).await.starts_with("HTTP/1.1 200"));
    let answer = with(200).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(with(90).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_takes_too_long_over_its_headers_is_cut_off() {
    let gateway =
        TestGateway::start_with(|settings| settings.limits.header_time = Duration::from_millis(50)).await;
    for begun in ["", "G", "GET /healthz HTTP/1.1\r\nhost: local"] {
        let mut connection = Connection::open(gateway.address).await;
        connection.send(begun).await;
        let answer = connection.read_to_end().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{begun:?}: {answer}");
    }
    assert_eq!(gateway.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn a_client_that_takes_too_long_over_its_body_is_refused() {
    let gateway =
        TestGateway::start_with(|settings| settings.limits.body_time = Duration::from_millis(50)).await;
    gateway.deploy("docs").await;
    let checksum = crate::support::checksum_of(b"0123456789");
    for target in ["POST /e/docs", "POST /api/v1/tokens", &format!("PUT /api/v1/blobs/{checksum}")] {
        let mut connection = Connection::open(gateway.address).await;
        let head = format!(
            "{target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: 10\r\n\r\n01234",
            gateway.admin.value
        );
        connection.send(head).await;
        let answer = connection.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("in time"), "{target}: {answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_harms_nobody() {
    let gateway = TestGateway::start().await;
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"hello there\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost : localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /e/docs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"GET /health\x00z HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let mut connection = Connection::open(gateway.address).await;
        connection.try_send(bytes).await;
        let answer = connection.read_to_end().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{:?}: {answer}",
            bytes.escape_ascii()
        );
    }
    assert_eq!(gateway.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn a_connection_answers_several_requests_in_their_order() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let get = |path: &str, last: bool| {
        let close = if last { "connection: close\r\n" } else { "" };
        let token = &gateway.admin.value;
        format!(
            "GET /e/docs/{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{close}\r\n"
        )
    };
    let mut connection = Connection::open(gateway.address).await;
    connection.send([get("guide.md", false), get("nowhere", false), get("notes.txt", true)].concat()).await;
    let answers = connection.read_to_end().await;
    let places = ["# Guide", "HTTP/1.1 404", "some notes"].map(|part| answers.find(part).unwrap());
    assert!(places.is_sorted(), "{answers}");
}

/// Else client and server would wait for each other.
#[tokio::test]
async fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let gateway = TestGateway::start().await;
    let mut connection = Connection::open(gateway.address).await;
    connection.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /readyz HT").await;
    connection.read_until("{\"status\":\"ok\"}").await;
    connection.send("TP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!(connection.read_to_end().await.matches("HTTP/1.1 200").count(), 2);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_for_one_to_end() {
    let gateway = TestGateway::start_with(|settings| settings.limits.connections_max = 1).await;
    let mut first = Connection::open(gateway.address).await;
    first.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    first.read_until("{\"status\":\"ok\"}").await;
    let second = tokio::spawn(gateway.get("/healthz").send());
    // The first one is still answered, and the second one as soon as the first has ended.
    first.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    let answers = first.read_to_end().await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_server_that_stops_takes_nothing_new_and_finishes_what_runs() {
    let gateway = TestGateway::start().await;
    let page = "---\ntools:\n  - [sh, -c, 'sleep \"$$1\"; echo went on', sh, {}, ;]\n---\n";
    gateway.deploy_files("docs", &[("README.md", page)]).await.data();
    let mut idle = Connection::open(gateway.address).await;
    idle.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    idle.read_until("{\"status\":\"ok\"}").await;
    let napper = Napper::new();
    let body = json!({ "command": ["sh", "-c", "sleep \"$$1\"; echo went on", "sh", napper.seconds()] });
    let call = tokio::spawn(gateway.as_admin("POST", "/e/docs").json(&body).send());
    napper.fall_asleep().await;
    let address = gateway.address;
    let stopping = tokio::spawn(gateway.stop());
    eventually("the end of listening", async || TcpStream::connect(address).await.err()).await;
    // A connection on which nothing is asked is closed.
    idle.read_to_end().await;
    assert!(napper.is_asleep() && !stopping.is_finished());
    napper.wake();
    let answer = call.await.unwrap();
    assert_eq!((answer.status, &answer.json()["stdout"]), (200, &json!("went on\n")));
    let directory = stopping.await.unwrap();
    let ends = crate::support::events(&directory.path().join("data"), "run.end");
    assert_eq!((ends.len(), &ends[0].detail["outcome"]), (1, &json!({ "exited": 0 })));
}
