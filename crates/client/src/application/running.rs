//! Running a tool: as one answer, or as it prints.

use reqwest::Response;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::{Value, json};
use toolfront_api::{Problem, RunExit, RunReply, RunRequest};

use super::event_stream::{EventReader, SentEvent};
use super::refusal::answered;
use super::sending::Repeatable;
use super::{ApplicationClient, RUN_TIMEOUT};
use crate::answer::{has_media_type, read_body};
use crate::error::{ClientError, origin_and_path};

/// The most that is read of an answer. A gateway sends 1 MiB of each stream; other servers may have no limit.
const RUN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a command printed, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutput<'t> {
    /// On standard output.
    Stdout(&'t str),
    /// On standard error.
    Stderr(&'t str),
}

impl ApplicationClient {
    /// Runs a tool of a page. A command that fails is a success here: its exit code is the answer. From a server of the
    /// original protocol, which tells less, what it does not tell is empty.
    ///
    /// It is sent again only when it certainly did not start. Dropping the future ends the command.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; 403 with the page's tools when none of them allows the command.
    pub async fn run(&self, path: &str, command: &RunRequest) -> Result<RunReply, ClientError> {
        reply(self.post(path, command, "application/json").await?).await
    }

    /// Runs a tool of a page, and tells what it prints as it comes; yields how it ended. A server that does not stream
    /// is listened to as well: then everything is told at the end.
    ///
    /// # Errors
    /// As [`run`](Self::run), also after output was told: 401 when the token was revoked meanwhile.
    pub async fn run_streaming(
        &self,
        path: &str,
        command: &RunRequest,
        mut told: impl FnMut(RunOutput<'_>) + Send,
    ) -> Result<RunExit, ClientError> {
        let response = self.post(path, command, "text/event-stream, application/json;q=0.9").await?;
        if has_media_type(&response, "text/event-stream") {
            return follow(response, told).await;
        }
        let reply = reply(response).await?;
        for output in [RunOutput::Stdout(&reply.stdout), RunOutput::Stderr(&reply.stderr)] {
            if !output.text().is_empty() {
                told(output);
            }
        }
        Ok(RunExit {
            returncode: reply.returncode,
            duration_ms: reply.duration_ms,
            truncated: reply.truncated,
            timed_out: reply.timed_out,
            request_id: reply.request_id,
            ignored_env: reply.ignored_env,
            encoding: reply.encoding,
        })
    }

    async fn post(
        &self,
        path: &str,
        command: &RunRequest,
        accept: &'static str,
    ) -> Result<Response, ClientError> {
        let make = |url| self.http.post(url).header(ACCEPT, accept).json(command);
        let sent =
            self.send(&reqwest::Method::POST, path, RUN_TIMEOUT, Repeatable::IfNotStarted, make).await?;
        answered(sent).await
    }
}

impl RunOutput<'_> {
    /// The text of it.
    pub fn text(&self) -> &str {
        match self {
            Self::Stdout(text) | Self::Stderr(text) => text,
        }
    }
}

async fn reply(response: Response) -> Result<RunReply, ClientError> {
    let url = origin_and_path(response.url());
    if !has_media_type(&response, "application/json") {
        return Err(ClientError::NotAGateway { url, status: response.status().as_u16() });
    }
    let body = read_body(response, RUN_BYTES_MAX).await?;
    let not_understood = |error: &serde_json::Error| ClientError::UnexpectedAnswer {
        url: url.clone(),
        line: error.line(),
        column: error.column(),
    };
    let mut told: Value = serde_json::from_slice(&body).map_err(|error| not_understood(&error))?;
    if let Some(fields) = told.as_object_mut() {
        for (name, value) in [
            ("duration_ms", json!(0)),
            ("truncated", json!(false)),
            ("timed_out", json!(false)),
            ("request_id", json!("")),
        ] {
            fields.entry(name).or_insert(value);
        }
    }
    serde_json::from_value(told).map_err(|error| not_understood(&error))
}

async fn follow(
    mut response: Response,
    mut told: impl FnMut(RunOutput<'_>) + Send,
) -> Result<RunExit, ClientError> {
    let url = origin_and_path(response.url());
    let broken_off = |reason: &str| ClientError::BrokenOff { url: url.clone(), reason: reason.to_owned() };
    let mut reader = EventReader::default();
    loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Err(broken_off("the stream ended before the command did")),
            Err(error) => return Err(broken_off(&error.without_url().to_string())),
        };
        let events = reader
            .push(&piece)
            .map_err(|_| ClientError::AnswerTooLong { url: url.clone(), bytes_max: RUN_BYTES_MAX })?;
        for event in events {
            if let Some(exit) = heard(&event, &url, &mut told)? {
                return Ok(exit);
            }
        }
    }
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    text: String,
}

fn heard(
    event: &SentEvent,
    url: &str,
    told: &mut impl FnMut(RunOutput<'_>),
) -> Result<Option<RunExit>, ClientError> {
    let not_understood = |error: serde_json::Error| ClientError::UnexpectedAnswer {
        url: url.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    match event.name.as_str() {
        "stdout" => {
            let piece: Piece = serde_json::from_str(&event.data).map_err(not_understood)?;
            told(RunOutput::Stdout(&piece.text));
        }
        "stderr" => {
            let piece: Piece = serde_json::from_str(&event.data).map_err(not_understood)?;
            told(RunOutput::Stderr(&piece.text));
        }
        "exit" => return serde_json::from_str(&event.data).map(Some).map_err(not_understood),
        "error" => {
            let problem: Problem = serde_json::from_str(&event.data).map_err(not_understood)?;
            return Err(ClientError::Problem(Box::new(problem)));
        }
        // What a later version may tell besides.
        _ => {}
    }
    Ok(None)
}
