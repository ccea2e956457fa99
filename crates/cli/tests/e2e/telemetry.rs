//! Spans to an OpenTelemetry collector.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use crate::server::Home;

/// Takes what is sent, and answers that it was taken; yields the heads and bodies as they come.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut byte = [0];
            while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                bytes.push(byte[0]);
            }
            let head = String::from_utf8(bytes).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
            stream.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            if sender.send((head, body)).is_err() {
                return;
            }
        }
    });
    (address, received)
}

#[test]
fn a_request_is_a_span_with_its_id() {
    let home = Home::new();
    let admin = home.init();
    let (endpoint, received) = collector();
    let server = home.start(&["--otlp-endpoint", &endpoint]);
    let answer = server.get("/api/v1/tokens", &admin);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let (head, body) = received.recv_timeout(Duration::from_mins(1)).unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains(id), "{id} is not in {text}");
    assert!(text.contains("toolfront") && text.contains("request"), "{text}");
    assert!(!text.contains(&admin), "a value is in a span");
}

#[test]
fn a_collector_that_is_not_there_keeps_nobody_from_working() {
    let home = Home::new();
    let admin = home.init();
    let server = home.start(&["--otlp-endpoint", "http://127.0.0.1:9"]);
    let answer = server.get("/api/v1/tokens", &admin);
    assert_eq!(answer.status, 200, "{}", answer.body);
}
