//! Reading and running of a server that says what it is told to: repeated only where that is safe, sent on only where the
//! token may go.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test can not set up, it can not test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use toolfront_api::RunRequest;
use toolfront_client::{ApplicationClient, ClientError, Connection, GatewayUrl, RunOutput};

const TOKEN: &str = "some-other-servers-token";

/// An answer; an empty one closes the connection without one.
type Answer = String;

/// A connection that is closed without an answer.
const NONE: Answer = String::new();

fn answer(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
}

fn json(status: &str, body: &str) -> Answer {
    answer(status, "content-type: application/json\r\n", body)
}

fn busy(status: &str) -> Answer {
    answer(status, "content-type: application/json\r\nretry-after: 0\r\n", r#"{"detail":"later"}"#)
}

fn ran() -> Answer {
    json("200 OK", r#"{"stdout":"hi\n","stderr":"","returncode":0}"#)
}

fn events(body: &str) -> Answer {
    answer("200 OK", "content-type: text/event-stream\r\n", body)
}

/// A client of a server that gives these answers, one a connection, and the heads of the requests.
fn server(answers: Vec<Answer>) -> (ApplicationClient, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = GatewayUrl::parse(&format!("http://{}/app", listener.local_addr().unwrap())).unwrap();
    let (heads, received) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let head = read_request(&stream);
            (&stream).write_all(answer.as_bytes()).unwrap();
            let _ = heads.send(head);
        }
    });
    let connection = Connection::new(url);
    let connection = connection.with_header("Authorization", &format!("Bearer {TOKEN}")).unwrap();
    let connection = connection.with_header("X-Tenant", "acme").unwrap();
    (ApplicationClient::new(&connection).unwrap(), received)
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head
}

fn ls() -> RunRequest {
    RunRequest { command: vec!["ls".to_owned()], env: std::collections::BTreeMap::new() }
}

fn problem_of(error: ClientError) -> toolfront_api::Problem {
    let ClientError::Problem(problem) = error else { panic!("{error:?}") };
    *problem
}

#[tokio::test]
async fn a_server_of_the_original_protocol_is_understood() {
    let (client, received) =
        server(vec![ran(), json("403 Forbidden", r#"{"detail":"Command not permitted"}"#)]);
    let reply = client.run("README.md", &ls()).await.unwrap();
    assert_eq!((reply.stdout.as_str(), reply.returncode, reply.duration_ms), ("hi\n", 0, 0));
    let head = received.recv().unwrap();
    assert!(head.starts_with("POST /app/README.md HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("authorization: Bearer {TOKEN}\r\n")) && head.contains("x-tenant: acme\r\n")
    );
    let problem = problem_of(client.run("README.md", &ls()).await.unwrap_err());
    assert_eq!((problem.status, problem.detail.as_str()), (403, "Command not permitted"));
}

#[tokio::test]
async fn a_read_is_repeated_when_the_server_is_busy_or_gone() {
    let page = answer("200 OK", "content-type: text/markdown\r\n", "# Hi");
    let (client, received) =
        server(vec![busy("503 Service Unavailable"), busy("502 Bad Gateway"), NONE, page]);
    assert_eq!(client.read("", 100).await.unwrap().bytes, b"# Hi");
    assert_eq!(received.iter().take(4).count(), 4);
    let (client, received) = server(vec![json("404 Not Found", r#"{"detail":"no"}"#), NONE]);
    assert_eq!(client.read("x", 100).await.unwrap_err().status(), Some(404));
    assert_eq!(received.try_iter().count(), 1);
}

#[tokio::test]
async fn a_run_is_repeated_only_when_it_certainly_did_not_start() {
    let (client, received) =
        server(vec![busy("429 Too Many Requests"), busy("503 Service Unavailable"), ran()]);
    assert_eq!(client.run("", &ls()).await.unwrap().stdout, "hi\n");
    assert_eq!(received.iter().take(3).count(), 3);
    // Whether these had started, nobody knows.
    for uncertain in
        [NONE, busy("502 Bad Gateway"), busy("504 Gateway Timeout"), busy("500 Internal Server Error")]
    {
        let (client, received) = server(vec![uncertain, ran()]);
        assert!(client.run("", &ls()).await.is_err());
        assert_eq!(received.recv().unwrap().lines().next(), Some("POST /app HTTP/1.1"));
        assert!(received.try_recv().is_err(), "it was sent again");
    }
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_instead() {
    let headers = "content-type: application/json\r\nretry-after: 3600\r\n";
    let (client, _) =
        server(vec![answer("429 Too Many Requests", headers, r#"{"detail":"tomorrow"}"#), ran()]);
    assert_eq!(problem_of(client.run("", &ls()).await.unwrap_err()).detail, "tomorrow");
}

#[tokio::test]
async fn a_redirect_is_followed_within_the_host_and_never_beyond() {
    let (client, received) =
        server(vec![answer("307 Temporary Redirect", "location: /other/place\r\n", ""), ran()]);
    assert_eq!(client.run("", &ls()).await.unwrap().stdout, "hi\n");
    let heads: Vec<String> = received.iter().take(2).collect();
    assert!(heads[1].starts_with("POST /other/place ") && heads[1].contains(TOKEN), "{}", heads[1]);

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    for location in [
        format!("http://{}/app", other.local_addr().unwrap()),
        format!("http://localhost:{}/app", other.local_addr().unwrap().port()),
        format!("//{}/app", other.local_addr().unwrap()),
    ] {
        for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let (client, _) = server(vec![answer(status, &format!("location: {location}\r\n"), "")]);
            let error = client.read("", 100).await.unwrap_err();
            assert!(matches!(error, ClientError::Redirected { .. }), "{error:?}");
        }
    }
    assert!(other.accept().is_err(), "somebody came");
    // What would turn a command into a read is not followed either.
    let (client, _) = server(vec![answer("303 See Other", "location: /app/x\r\n", "")]);
    assert!(matches!(client.run("", &ls()).await.unwrap_err(), ClientError::Redirected { .. }));
}

#[tokio::test]
async fn output_is_told_as_it_comes_and_its_end_last() {
    let exit = r#"{"returncode":3,"duration_ms":5,"truncated":false,"timed_out":false,"request_id":"r"}"#;
    let body = format!(
        "event: stdout\ndata: {{\"text\":\"a\"}}\n\nevent: stderr\ndata: {{\"text\":\"b\"}}\n\nevent: exit\ndata: {exit}\n\n"
    );
    let (client, received) = server(vec![events(&body)]);
    let mut told = Vec::new();
    let exit = client
        .run_streaming("x.md", &ls(), |output| {
            told.push(match output {
                RunOutput::Stdout(text) => format!("out {text}"),
                RunOutput::Stderr(text) => format!("err {text}"),
            });
        })
        .await
        .unwrap();
    assert_eq!((told, exit.returncode), (vec!["out a".to_owned(), "err b".to_owned()], 3));
    assert!(received.recv().unwrap().contains("accept: text/event-stream"));
}

#[tokio::test]
async fn a_stream_that_ends_badly_is_no_success() {
    let problem = r#"{"type":"/problems/invalid-token","title":"t","status":401,"detail":"the token was revoked","request_id":null}"#;
    let (client, _) = server(vec![events(&format!(
        "event: stdout\ndata: {{\"text\":\"a\"}}\n\nevent: error\ndata: {problem}\n\n"
    ))]);
    let error = client.run_streaming("", &ls(), |_| ()).await.unwrap_err();
    assert_eq!((error.status(), error.to_string().as_str()), (Some(401), "the token was revoked"));
    let (client, received) = server(vec![events("event: stdout\ndata: {\"text\":\"a\"}\n\n"), ran()]);
    let error = client.run_streaming("", &ls(), |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::BrokenOff { .. }), "{error:?}");
    assert_eq!(received.try_iter().count(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_listened_to_as_well() {
    let (client, _) = server(vec![ran()]);
    let mut told = String::new();
    let exit = client.run_streaming("", &ls(), |output| told.push_str(output.text())).await.unwrap();
    assert_eq!((told.as_str(), exit.returncode), ("hi\n", 0));
}

#[tokio::test]
async fn values_are_in_no_debug_text() {
    let (client, _) = server(Vec::new());
    assert!(!format!("{client:?}").contains(TOKEN));
}
