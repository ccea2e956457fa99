//! The server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::format::{Asked, Format};
use crate::requests::{KEY, Recorded, fault_of};
use crate::script::{Script, Turn};

/// The most that a request may have.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Streams are sent in pieces of so many bytes, which end within events and within letters.
const PIECE_BYTES: usize = 101;

/// A running stand-in, on a port of its own of this machine; it ends when it is dropped.
#[derive(Debug)]
pub struct ModelDouble {
    address: SocketAddr,
    state: Arc<Played>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Played {
    script: Script,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    turns: usize,
    requests: Vec<Recorded>,
    faults: Vec<String>,
}

impl ModelDouble {
    /// Starts one that plays this script.
    ///
    /// # Errors
    /// When there is no port to listen at.
    pub async fn start(script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Played { script, progress: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(state.clone());
        let task = tokio::spawn(async move {
            // Whoever waits for an answer sees that there is none.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, state, task })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What an environment variable that is about a provider would say, for its client to come here. `None` for others.
    pub fn variable(&self, name: &str) -> Option<String> {
        if name == "HF_TOKEN" || name.ends_with("_API_KEY") {
            return Some(KEY.to_owned());
        }
        let below = match name.strip_suffix("_BASE_URL")? {
            "OPENAI" | "HUGGINGFACE" => "/v1",
            "OPENROUTER" => "/api/v1",
            _ => "",
        };
        Some(format!("{}{below}", self.url()))
    }

    /// The requests that were answered with a turn, in their order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.progress.lock().requests.clone()
    }

    /// What was wrong with requests.
    pub fn faults(&self) -> Vec<String> {
        self.state.progress.lock().faults.clone()
    }

    /// Runs until it is ended from outside.
    ///
    /// # Errors
    /// When its task fails.
    pub async fn wait(mut self) -> io::Result<()> {
        (&mut self.task).await.map_err(io::Error::other)
    }
}

impl Drop for ModelDouble {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(played): State<Arc<Played>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/double/requests" {
        let progress = played.progress.lock();
        let bodies: Vec<&Value> = progress.requests.iter().map(|request| &request.body).collect();
        return whole(StatusCode::OK, &json!({ "requests": bodies, "faults": progress.faults }));
    }
    let Some(format) = Format::of_path(head.uri.path()).filter(|_| head.method == http::Method::POST) else {
        played.progress.lock().faults.push(format!("{} {} is nothing here", head.method, head.uri.path()));
        return whole(StatusCode::NOT_FOUND, &json!({ "error": { "message": "not found" } }));
    };
    let refuse = |status: u16, fault: String| {
        played.progress.lock().faults.push(fault.clone());
        failed(format, &Turn::failure(status, &fault))
    };
    if let Some(fault) = format.header_fault(&head.headers, KEY) {
        return refuse(401, fault);
    }
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let Ok(body) = serde_json::from_slice::<Value>(&bytes) else {
        return refuse(400, "the body is not JSON".to_owned());
    };
    if let Some(fault) = fault_of(format, &body) {
        return refuse(400, fault);
    }
    let (asked, turn) = {
        let mut progress = played.progress.lock();
        let number = progress.turns;
        let asked = format.asked(head.uri.path(), head.uri.query(), &body, number);
        progress.turns += 1;
        progress.requests.push(Recorded {
            format,
            model: asked.model.clone(),
            is_streaming: asked.is_streaming,
            body,
        });
        (asked, played.script.turn(number))
    };
    let Some(turn) = turn else { return refuse(400, "the script has no more turns".to_owned()) };
    let said = String::from_utf8_lossy(&bytes);
    match &turn.expect {
        Some(expected) if !said.contains(expected) => {
            refuse(400, format!("turn {} expects `{expected}` in the request", asked.number))
        }
        _ => say(&asked, &turn).await,
    }
}

async fn say(asked: &Asked, turn: &Turn) -> Response {
    if turn.hang {
        std::future::pending::<()>().await;
    }
    if turn.status.is_some() {
        return failed(asked.format, turn);
    }
    let is_half = turn.cut || turn.ends_early;
    if !asked.is_streaming && !is_half {
        return whole(StatusCode::OK, &Format::whole(asked, turn));
    }
    let (text, kind) = if asked.is_streaming {
        (Format::events(asked, turn).concat(), "text/event-stream")
    } else {
        (Format::whole(asked, turn).to_string(), "application/json")
    };
    let half = text.len() / 2;
    let bytes = if is_half { text.as_bytes().get(..half).unwrap_or_default() } else { text.as_bytes() };
    let mut pieces: Vec<io::Result<Bytes>> =
        bytes.chunks(PIECE_BYTES).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    if turn.cut {
        pieces.push(Err(io::Error::other("cut, as the script says")));
    }
    // One at a time, so that they travel one at a time.
    let body = stream::unfold(pieces.into_iter(), |mut pieces| async move {
        tokio::task::yield_now().await;
        pieces.next().map(|piece| (piece, pieces))
    });
    typed(StatusCode::OK, kind, Body::from_stream(body))
}

fn failed(format: Format, turn: &Turn) -> Response {
    let status = turn.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or_default();
    let mut response = whole(status, &format.failure(status.as_u16(), &turn.message));
    if let Some(seconds) = turn.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn whole(status: StatusCode, body: &Value) -> Response {
    typed(status, "application/json", Body::from(body.to_string()))
}

fn typed(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response: Response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
