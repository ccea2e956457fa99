//! Events as they come, over connections that may break.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use toolfront_api::AuditEvent;

use super::AuditFilter;
use super::sse::{Frame, Frames};
use crate::api_client::ApiClient;
use crate::error::{ClientError, origin_and_path};

/// How long a gateway may say nothing: it gives a sign of life every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Follows the log from where it ended at [`AuditFollower::begin`]. When the connection breaks, it goes on behind the last
/// event that came, so that none is missing and none comes twice.
#[derive(Debug)]
pub struct AuditFollower {
    client: ApiClient,
    filter: AuditFilter,
    /// Behind which place it goes on: what the gateway called it.
    place: Option<String>,
    open: Option<(Response, Frames)>,
    wait: Duration,
}

impl ApiClient {
    /// Follows the events that fit from now on.
    pub fn follow_audit(&self, filter: AuditFilter) -> AuditFollower {
        AuditFollower { client: self.clone(), filter, place: None, open: None, wait: WAIT_FIRST }
    }
}

impl AuditFollower {
    /// Connects, and returns when it is settled from where on events come: what is written from then on is followed.
    ///
    /// # Errors
    /// [`ClientError`] when the gateway refuses or can't be reached.
    pub async fn begin(&mut self) -> Result<(), ClientError> {
        while self.place.is_none() {
            self.connect().await?;
            if self.place.is_none() {
                self.read_on().await?;
            }
        }
        Ok(())
    }

    /// The next event, as soon as there is one. May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    /// [`ClientError`] when the gateway refuses; or can't be reached at the first connection. Later it is tried again.
    pub async fn next(&mut self) -> Result<AuditEvent, ClientError> {
        loop {
            match self.step().await {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => {}
                Err(error) if self.is_worth_another_try(&error) => {
                    self.open = None;
                    tokio::time::sleep(self.wait).await;
                    self.wait = self.wait.saturating_mul(2).min(WAIT_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_worth_another_try(&self, error: &ClientError) -> bool {
        let was_open = self.wait > WAIT_FIRST || self.open.is_some();
        was_open && error.is_transient()
    }

    /// Takes an event that has come, or waits for a piece of the answer.
    async fn step(&mut self) -> Result<Option<AuditEvent>, ClientError> {
        self.connect().await?;
        let Some((response, frames)) = &mut self.open else { return Ok(None) };
        if let Some(Frame { id, data }) = frames.take() {
            let Ok(event) = serde_json::from_str::<AuditEvent>(&data) else {
                let url = origin_and_path(response.url());
                return Err(ClientError::UnexpectedAnswer { url, line: 1, column: 1 });
            };
            self.place = Some(id.unwrap_or_else(|| event.sequence.to_string()));
            self.wait = WAIT_FIRST;
            return Ok(Some(event));
        }
        self.read_on().await.map(|()| None)
    }

    /// Connects when there is no connection, from the place where it goes on.
    async fn connect(&mut self) -> Result<(), ClientError> {
        if self.open.is_none() {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
            if let Some(place) = self.place.as_deref().and_then(|place| HeaderValue::from_str(place).ok()) {
                headers.insert("last-event-id", place);
            }
            let response = self.client.open_stream(&["audit"], &self.filter.query(), headers).await?;
            self.open = Some((response, Frames::default()));
        }
        Ok(())
    }

    /// Waits for a piece of the answer.
    async fn read_on(&mut self) -> Result<(), ClientError> {
        let Some((response, frames)) = &mut self.open else { return Ok(()) };
        let url = origin_and_path(response.url());
        let reason = match tokio::time::timeout(SILENCE_MAX, response.chunk()).await {
            Ok(Ok(Some(piece))) => {
                return match frames.push(&piece) {
                    Ok(()) => {
                        if self.place.is_none() {
                            self.place = frames.start().map(str::to_owned);
                        }
                        Ok(())
                    }
                    Err(bytes_max) => Err(ClientError::AnswerTooLong { url, bytes_max }),
                };
            }
            Ok(Ok(None)) => "the gateway ended it".to_owned(),
            Ok(Err(error)) => error.without_url().to_string(),
            Err(_) => format!("it was silent for {} s", SILENCE_MAX.as_secs()),
        };
        Err(ClientError::BrokenOff { url, reason })
    }
}
