//! What a command prints, as it comes: a stream of events (`text/event-stream`) whose last one says how it ended.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::header::{self, HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use toolfront_api::RunExit;
use toolfront_app::{Mask, MaskedStream};
use toolfront_sandbox::{Finished, Output, ReadyRun, Run, Sandbox};
use toolfront_store::{Outcome, StoreError};

use super::audited_run::{AuditedRun, outcome_of};
use super::run_hold::RunHold;
use super::running::{Prepare, accepted, as_base64};
use crate::problem::Refusal;

/// How many pieces of output, of some kilobytes each, wait for a client; then the command waits.
const WAITING_MAX: usize = 4;
/// What is said when there is nothing to say, so that nobody on the way takes the connection for dead. A comment.
const KEEP_ALIVE: &[u8] = b": still running\n\n";
/// How long a client may take for what is left when the command's time is over.
const LEFTOVER_TIME: Duration = Duration::from_secs(30);

/// Whether the client asks for a stream.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    accepted(headers).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_stream = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"));
        is_stream && !parts.any(|part| part.eq_ignore_ascii_case("q=0"))
    })
}

/// A command that is ready to start, and where its output comes.
pub(crate) struct ReadyStream {
    command: ReadyRun,
    output: mpsc::Receiver<Output>,
    /// The most that it and its client may take.
    time: Duration,
}

impl Prepare for ReadyStream {
    async fn prepare(sandbox: &Sandbox, run: Run) -> Self {
        let time = run.command.timeout() + run.limits.terminate_grace + LEFTOVER_TIME;
        let (sink, output) = mpsc::channel(WAITING_MAX);
        Self { command: sandbox.prepare(run, Some(sink)).await, output, time }
    }
}

/// A command that is about to run for a client that reads as it goes.
pub(crate) struct Streamed {
    pub(crate) command: ReadyStream,
    pub(crate) ignored_env: Vec<String>,
    pub(crate) mask: Arc<Mask>,
    pub(crate) request_id: String,
    /// What a deployed application's command has, and one of `serve` has not.
    pub(crate) held: Option<(RunHold, AuditedRun)>,
    /// Whoever stops does not wait for clients that do not read.
    pub(crate) stopping: CancellationToken,
    /// After how long a silence a sign of life is sent.
    pub(crate) keep_alive: Duration,
}

/// What is said to the client; nothing follows an error.
enum Event {
    Begun,
    Told(Bytes),
    Failed(Refusal),
}

impl Streamed {
    /// Starts the command, and answers when it has begun. It has a task of its own, so that its time runs while the
    /// client does not read, and the answer's body ends that task when it is dropped.
    ///
    /// # Errors
    /// When the command could not be started, or was ended before it began.
    pub(crate) async fn answer(self, headers: &HeaderMap, tasks: &TaskTracker) -> Result<Response, Refusal> {
        let (told, mut events) = mpsc::channel(WAITING_MAX);
        let (request_id, keep_alive) = (self.request_id.clone(), self.keep_alive);
        let running = self.drive(as_base64(headers), told);
        let running = AbortOnDropHandle::new(tasks.spawn(running));
        let first = match events.recv().await {
            Some(Event::Begun) => None,
            Some(Event::Told(bytes)) => Some(bytes),
            Some(Event::Failed(refusal)) => return Err(refusal),
            None => return Err(Refusal::internal(&"a command's task ended without a word")),
        };
        let body = stream::unfold((first, events, running), move |(first, mut events, running)| {
            let request_id = request_id.clone();
            async move {
                let bytes = match first {
                    Some(bytes) => bytes,
                    None => next(&mut events, keep_alive, &request_id).await?,
                };
                Some((Ok::<_, std::convert::Infallible>(bytes), (None, events, running)))
            }
        });
        let mut answer = Response::new(Body::from_stream(body));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }

    /// A client that reads nothing does not keep a command's place for ever.
    async fn drive(self, as_base64: bool, told: mpsc::Sender<Event>) {
        let time = self.command.time;
        let stopping = self.stopping.clone();
        tokio::select! {
            seen = timeout(time, self.see_through(as_base64, &told)) => if seen.is_err() {
                tracing::info!("a client did not take what its command had printed");
            },
            () = stopping.cancelled() => {
                let _ = told.try_send(Event::Failed(StoreError::Closed.into()));
            }
        }
    }

    async fn see_through(self, as_base64: bool, told: &mpsc::Sender<Event>) {
        let Self { command, ignored_env, mask, request_id, held, .. } = self;
        let (mut hold, audited) = held.unzip();
        let ended = tokio::select! {
            ended = pass_on(command, &mask, as_base64, told) => Some(ended),
            () = lost(hold.as_mut()) => None,
        };
        let last = match ended {
            None => {
                if let Some(audited) = audited {
                    audited.end(Outcome::EndedWithToken, 0, 0).await;
                }
                Event::Failed(Refusal::ended_with_token())
            }
            Some(Err(refusal)) => {
                if let Some(audited) = audited {
                    audited.end(Outcome::NotStarted, 0, 0).await;
                }
                Event::Failed(refusal.masked(&mask))
            }
            Some(Ok((finished, output_bytes))) => {
                let exit = exit_of(&finished, request_id, ignored_env, as_base64);
                if let Some(audited) = audited {
                    audited.end(outcome_of(&finished), exit.duration_ms, output_bytes).await;
                }
                Event::Told(event("exit", &exit))
            }
        };
        drop(hold);
        // Whoever does not listen any more is not told.
        let _ = told.send(last).await;
    }
}

/// What is said next; a sign of life when that takes its time.
async fn next(events: &mut mpsc::Receiver<Event>, keep_alive: Duration, request_id: &str) -> Option<Bytes> {
    loop {
        return match timeout(keep_alive, events.recv()).await {
            Err(_) => Some(Bytes::from_static(KEEP_ALIVE)),
            Ok(Some(Event::Begun)) => continue,
            Ok(Some(Event::Told(bytes))) => Some(bytes),
            Ok(Some(Event::Failed(refusal))) => Some(event("error", &refusal.problem(request_id))),
            Ok(None) => None,
        };
    }
}

async fn lost(hold: Option<&mut RunHold>) {
    match hold {
        Some(hold) => hold.lost().await,
        None => pending().await,
    }
}

/// Runs the command and tells what it prints; yields how it ended and how much it had printed.
async fn pass_on(
    command: ReadyStream,
    mask: &Mask,
    as_base64: bool,
    told: &mpsc::Sender<Event>,
) -> Result<(Finished, u64), Refusal> {
    let ReadyStream { command, output: mut pieces, .. } = command;
    let mut stdout = Channel::new("stdout", mask, as_base64);
    let mut stderr = Channel::new("stderr", mask, as_base64);
    let mut output_bytes = 0_u64;
    let telling = async {
        while let Some(piece) = pieces.recv().await {
            let (channel, bytes) = match piece {
                Output::Begun => {
                    let _ = told.send(Event::Begun).await;
                    continue;
                }
                Output::Stdout(bytes) => (&mut stdout, bytes),
                Output::Stderr(bytes) => (&mut stderr, bytes),
            };
            output_bytes = output_bytes.saturating_add(bytes.len() as u64);
            tell(told, channel.push(&bytes)).await;
        }
    };
    let (finished, ()) = tokio::join!(command.start(), telling);
    let finished = finished?;
    tell(told, stdout.finish(finished.stdout.truncated || finished.timed_out)).await;
    tell(told, stderr.finish(finished.stderr.truncated || finished.timed_out)).await;
    Ok((finished, output_bytes))
}

/// When nobody listens any more, the task is about to be ended.
async fn tell(told: &mpsc::Sender<Event>, bytes: Option<Bytes>) {
    if let Some(bytes) = bytes {
        let _ = told.send(Event::Told(bytes)).await;
    }
}

/// One of a command's streams on its way to the client.
struct Channel<'m> {
    name: &'static str,
    masked: MaskedStream<'m>,
    /// `None` for base64.
    text: Option<TextPieces>,
}

impl<'m> Channel<'m> {
    fn new(name: &'static str, mask: &'m Mask, as_base64: bool) -> Self {
        Self { name, masked: mask.stream(), text: (!as_base64).then(TextPieces::default) }
    }

    /// The event for what came, if any of it can be shown by now.
    fn push(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let shown = self.masked.push(bytes);
        match &mut self.text {
            Some(text) => text_event(self.name, &text.push(&shown)),
            None => base64_event(self.name, &shown),
        }
    }

    /// The event for what was held back.
    fn finish(self, is_cut: bool) -> Option<Bytes> {
        let shown = self.masked.finish(is_cut);
        match self.text {
            Some(mut text) => {
                let shown = text.push(&shown);
                text_event(self.name, &(shown + &text.finish()))
            }
            None => base64_event(self.name, &shown),
        }
    }
}

fn text_event(name: &str, text: &str) -> Option<Bytes> {
    (!text.is_empty()).then(|| event(name, &json!({ "text": text })))
}

fn base64_event(name: &str, bytes: &[u8]) -> Option<Bytes> {
    (!bytes.is_empty()).then(|| event(name, &json!({ "base64": STANDARD.encode(bytes) })))
}

/// JSON has its line breaks escaped: it is one line.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

fn exit_of(finished: &Finished, request_id: String, ignored_env: Vec<String>, as_base64: bool) -> RunExit {
    RunExit {
        returncode: finished.returncode,
        duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
        truncated: finished.stdout.truncated || finished.stderr.truncated,
        timed_out: finished.timed_out,
        request_id,
        ignored_env,
        encoding: as_base64.then(|| "base64".to_owned()),
    }
}

/// UTF-8 in pieces that end anywhere: what is not UTF-8 is replaced as [`String::from_utf8_lossy`] does.
#[derive(Debug, Default)]
struct TextPieces {
    /// The beginning of a character, at most three bytes.
    held: Vec<u8>,
}

impl TextPieces {
    fn push(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let incomplete = all.utf8_chunks().last().map_or(0, |chunk| {
            let invalid = chunk.invalid();
            // An error without a length is one that more bytes could mend.
            let is_open = std::str::from_utf8(invalid).is_err_and(|err| err.error_len().is_none());
            if is_open { invalid.len() } else { 0 }
        });
        self.held = all.split_off(all.len() - incomplete);
        String::from_utf8(all).unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
    }

    fn finish(self) -> String {
        String::from_utf8_lossy(&self.held).into_owned()
    }
}

#[cfg(test)]
mod tests;
