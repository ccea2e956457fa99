//! An application that says what it is told to, and an agent over it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use toolfront_agent::{Agent, AgentOptions, Event, Patience, ProviderModel};
use toolfront_client::{ApplicationClient, Connection, GatewayUrl};
use toolfront_model_double::{ModelDouble, Script};

pub(crate) const README: &str =
    "---\ntools:\n  - [ls]\n  - [cat, { }]\n---\n# Birds\n\nSee [reports](reports.md).\n";

/// A request of the client: method, path, body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

type Handler = dyn Fn(&Asked) -> (u16, &'static str, String) + Send + Sync;

/// An application of the original protocol.
pub(crate) struct TestApplication {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TestApplication {
    /// One with a page `README.md` and a page `reports.md`, whose commands print their own words.
    pub(crate) async fn start() -> Self {
        Self::with(|asked| match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/README.md") => (200, "text/markdown", README.to_owned()),
            ("GET", "/reports.md") => (200, "text/markdown", "# Reports\n\n42 strikes.\n".to_owned()),
            ("POST", "/README.md") => echo(&asked.body),
            _ => (404, "application/json", json!({ "detail": "Not Found" }).to_string()),
        })
        .await
    }

    pub(crate) async fn with(
        handler: impl Fn(&Asked) -> (u16, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (handler, seen): (Arc<Handler>, _) = (Arc::new(handler), asked.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, handler.clone(), seen.clone()));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> ApplicationClient {
        ApplicationClient::new(&Connection::new(GatewayUrl::parse(&self.url).unwrap())).unwrap()
    }
}

/// The answer of a command that prints its own words; `rm` is refused.
pub(crate) fn echo(body: &Value) -> (u16, &'static str, String) {
    let words: Vec<&str> =
        body["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    if words[0] == "rm" {
        let detail = json!({ "detail": "Command not permitted by this file" });
        return (403, "application/json", detail.to_string());
    }
    let answer = json!({ "stdout": format!("ran {}\n", words.join(" ")), "stderr": "", "returncode": 0 });
    (200, "application/json", answer.to_string())
}

async fn serve(stream: TcpStream, handler: Arc<Handler>, seen: Arc<Mutex<Vec<Asked>>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let mut words = head.split(' ').map(str::to_owned);
    let asked = Asked {
        method: words.next().unwrap(),
        path: words.next().unwrap(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    seen.lock().unwrap().push(asked.clone());
    let (status, kind, body) = handler(&asked);
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// What became of a question.
pub(crate) struct World {
    pub(crate) application: TestApplication,
    pub(crate) double: ModelDouble,
    pub(crate) agent: Agent,
    events: Mutex<Vec<Event>>,
}

impl World {
    pub(crate) async fn new(script: Script) -> Self {
        Self::over(TestApplication::start().await, "openai:gpt-5", true, script).await
    }

    pub(crate) async fn over(
        application: TestApplication,
        model: &str,
        is_streaming: bool,
        script: Script,
    ) -> Self {
        let double = ModelDouble::start(script).await.unwrap();
        let model = ProviderModel::from_name(model, &|name| double.variable(name)).unwrap();
        let agent = Agent::new(application.client(), Arc::new(model.with_streaming(is_streaming)));
        let agent = agent.with_options(options());
        Self { application, double, agent, events: Mutex::default() }
    }

    pub(crate) fn tell(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// What the model was told with its last request.
    pub(crate) fn last_request(&self) -> String {
        self.double.requests().last().unwrap().body.to_string()
    }
}

pub(crate) fn options() -> AgentOptions {
    let patience = Patience { attempts: 3, first_wait: Duration::ZERO, wait_max: Duration::from_secs(1) };
    AgentOptions { patience, ..AgentOptions::default() }
}
