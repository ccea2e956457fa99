//! What the client makes of answers, from a server that says what it is told to.

#![expect(clippy::unwrap_used, reason = "what a test can not set up, it can not test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use toolfront_client::{
    ApiClient, BlobError, ClientError, Connection, DeployError, Deployment, GatewayUrl, Inspection,
    NoProgress, TokenFilter, WhichToken,
};
use toolfront_token::{Entropy, EntropyFailed, TokenSecret};

struct Sevens;

impl Entropy for Sevens {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        bytes.fill(7);
        Ok(())
    }
}

fn key() -> TokenSecret {
    TokenSecret::mint(&mut Sevens).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn json(body: &str) -> String {
    answer("200 OK", "content-type: application/json\r\n", body)
}

fn problem(status: &str, number: u16, headers: &str) -> String {
    let body =
        format!(r#"{{"type":"/problems/x","title":"t","status":{number},"detail":"d","request_id":null}}"#);
    answer(status, &format!("content-type: application/problem+json\r\n{headers}"), &body)
}

/// A client of a server that gives these answers, one a connection, and what it was sent: each request.
fn server(answers: Vec<String>) -> (ApiClient, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = GatewayUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (requests, received) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let request = read_request(&stream);
            (&stream).write_all(answer.as_bytes()).unwrap();
            let _ = requests.send(request);
        }
    });
    (ApiClient::new(&Connection::new(url).with_key(key())).unwrap(), received)
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
    head + &String::from_utf8_lossy(&body)
}

#[tokio::test]
async fn a_call_carries_the_token_and_names_the_program() {
    let (client, received) = server(vec![json(r#"{"data":[]}"#)]);
    assert!(client.environments().await.unwrap().is_empty());
    let head = received.recv().unwrap();
    assert!(head.starts_with("GET /api/v1/environments HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {}\r\n", key().reveal())), "{head}");
    assert!(head.contains("user-agent: toolfront/"), "{head}");
}

#[tokio::test]
async fn nothing_there_is_told_with_the_address() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let client = ApiClient::new(&Connection::new(GatewayUrl::parse(&url).unwrap())).unwrap();
    let error = client.health().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&url) && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_told_and_the_token_is_not_sent_on() {
    let (other, _) = server(vec![json("{}")]);
    let location = format!("location: {}/login\r\n", other.url());
    let (client, _) = server(vec![answer("302 Found", &location, "")]);
    let error = client.environments().await.unwrap_err();
    let ClientError::Redirected { location, .. } = &error else { unreachable!("{error:?}") };
    assert_eq!(*location, format!("{}/login", other.url()));
}

#[tokio::test]
async fn what_is_no_gateway_is_known_by_its_answers() {
    for no_gateway in [
        answer("200 OK", "content-type: text/html\r\n", "<html>"),
        answer("404 Not Found", "content-type: text/html\r\n", "<html>"),
        answer("404 Not Found", "content-type: application/json\r\n", r#"{"detail":"Not Found"}"#),
        answer("500 Internal Server Error", "content-type: application/problem+json\r\n", "{}"),
    ] {
        let (client, _) = server(vec![no_gateway]);
        let error = client.environments().await.unwrap_err();
        assert!(matches!(error, ClientError::NotAGateway { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_problem_keeps_the_status_of_the_answer() {
    let (client, _) = server(vec![problem("404 Not Found", 200, "")]);
    assert_eq!(client.environment("x").await.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_not_repeated() {
    let value = key().reveal().to_owned();
    let (client, _) = server(vec![json(&format!(r#"{{"data":{{"id":"{value}"}}}}"#))]);
    let error = client.token(WhichToken::Own).await.unwrap_err();
    assert!(matches!(error, ClientError::UnexpectedAnswer { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(&value));
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let (client, received) =
        server(vec![json(r#"{"data":[],"next_cursor":"a b"}"#), json(r#"{"data":[],"next_cursor":null}"#)]);
    let filter = TokenFilter { only_active: false, ..TokenFilter::default() };
    assert_eq!(client.tokens(&filter).await.unwrap(), (Vec::new(), false));
    assert!(received.recv().unwrap().starts_with("GET /api/v1/tokens?only_active=false&limit=1000 "));
    assert!(received.recv().unwrap().contains("&cursor=a+b "));
}

#[tokio::test]
async fn a_blob_is_sent_again_when_the_failure_may_pass_and_not_when_the_file_changed() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("README.md"), "# Hello\n").unwrap();
    let directory = Inspection::of(root.path(), false).unwrap().deployable().unwrap();
    let missing = announced(&[&directory.files()[0].digest.to_string()]);
    let again = problem("503 Service Unavailable", 503, "");
    let created = answer("201 Created", "", "");
    let refused = problem("409 Conflict", 409, "");
    let (client, received) = server(vec![missing.clone(), again, created, refused]);
    let outcome = Deployment::new(&directory).deploy(&client, "x", None, &mut NoProgress).await;
    assert!(matches!(outcome, Err(DeployError::Call(ClientError::Problem(_)))), "{outcome:?}");
    let heads: Vec<String> = received.iter().take(4).collect();
    assert!(heads[0].starts_with("POST /api/v1/uploads?environment=x&hidden=false "), "{}", heads[0]);
    assert!(heads[1].starts_with("PUT /api/v1/blobs/sha256:") && heads[2].starts_with("PUT /api/v1/blobs/"));
    assert!(heads[3].starts_with("PUT /api/v1/environments/by-name/x "), "{}", heads[3]);

    let (client, _) = server(vec![missing, problem("422 Unprocessable Content", 422, "")]);
    let outcome = Deployment::new(&directory).deploy(&client, "x", None, &mut NoProgress).await;
    assert!(matches!(outcome, Err(DeployError::Changed { .. })), "{outcome:?}");
}

/// The answer to a manifest: what it is published by, and what is missing.
fn announced(missing: &[&str]) -> String {
    json(&format!(r#"{{"data":{{"upload":"sha256:aa","missing":{missing:?}}}}}"#))
}

/// As after a restart, which forgets who sent which blobs too.
#[tokio::test]
async fn what_the_gateway_has_forgotten_is_sent_again() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("README.md"), "# Hello\n").unwrap();
    let directory = Inspection::of(root.path(), false).unwrap().deployable().unwrap();
    let digest = directory.files()[0].digest.to_string();
    let forgotten =
        r#"{"type":"/problems/upload-unknown","title":"t","status":409,"detail":"d","request_id":null}"#;
    let forgotten = answer("409 Conflict", "content-type: application/problem+json\r\n", forgotten);
    let (created, refused) = (answer("201 Created", "", ""), problem("404 Not Found", 404, ""));
    let answers = vec![announced(&[]), forgotten, announced(&[&digest]), created, refused.clone()];
    let (client, received) = server(answers);
    let outcome = Deployment::new(&directory).update(&client, "x", &mut NoProgress).await;
    assert!(matches!(outcome, Err(DeployError::Call(ClientError::Problem(_)))), "{outcome:?}");
    let requests: Vec<String> = received.iter().take(5).collect();
    let begins = |place: usize, start: &str| assert!(requests[place].starts_with(start), "{requests:?}");
    begins(0, "POST /api/v1/uploads?environment=x&hidden=false ");
    begins(1, "POST /api/v1/environments/x/publish ");
    assert!(requests[1].contains(r#""upload":"sha256:aa""#), "{requests:?}");
    assert!(!requests[1].contains(&digest), "{requests:?}");
    begins(2, "POST /api/v1/uploads?environment=x&hidden=false ");
    begins(3, "PUT /api/v1/blobs/sha256:");
    begins(4, "POST /api/v1/environments/x/publish ");
    assert!(requests[4].contains(&digest) && !requests[4].contains("upload"), "{requests:?}");
    // Another refusal is told as it is.
    let (client, _) = server(vec![announced(&[]), refused]);
    let outcome = Deployment::new(&directory).update(&client, "x", &mut NoProgress).await;
    assert!(matches!(outcome, Err(DeployError::Call(ClientError::Problem(_)))), "{outcome:?}");
}

#[tokio::test]
async fn a_file_that_grew_is_not_sent() {
    let root = tempfile::tempdir().unwrap();
    let page = root.path().join("README.md");
    std::fs::write(&page, "# Hello\n").unwrap();
    let directory = Inspection::of(root.path(), false).unwrap().deployable().unwrap();
    let file = &directory.files()[0];
    std::fs::write(&page, "# Hello again\n").unwrap();
    let (client, _) = server(Vec::new());
    let outcome = client.send_blob(&file.digest, file.size, &file.source).await;
    assert!(matches!(outcome, Err(BlobError::Changed)), "{outcome:?}");
}
