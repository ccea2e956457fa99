//! An application of this gateway, as the sender of one request may use it.

use std::sync::Arc;

use axum::body::HttpBody as _;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_util::task::AbortOnDropHandle;
use toolfront_api::{RunReply, RunRequest};
use toolfront_mcp::{Application, Content, FILE_BYTES_MAX, PageEntry, Refused};
use toolfront_sandbox::ReadyRun;
use toolfront_store::{AccessEvent, Decision};
use toolfront_token::{Permit, ReadPage, RunTool, Timestamp};

use super::super::entry::{allow, read_page, request_path};
use super::super::pages::pages;
use super::super::tool_run::{Asked, admit};
use crate::access::reconsider;
use crate::access_log::{self, Story, path_text};
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;
use crate::request::Context;

/// What stands in the path of a request as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// An application of this gateway, as the sender of one request may use it.
pub(super) struct Hosted {
    gateway: Gateway,
    context: Arc<Context>,
    name: String,
    headers: HeaderMap,
    arrived: Timestamp,
    permit: Permit<ReadPage>,
    environment: Arc<Environment>,
    may_run: bool,
}

impl Hosted {
    pub(super) fn new(
        gateway: &Gateway,
        context: &Arc<Context>,
        name: &str,
        headers: HeaderMap,
        arrived: Timestamp,
        permit: Permit<ReadPage>,
        environment: Arc<Environment>,
    ) -> Result<Self, Refusal> {
        let known = gateway.memory().trusted()?;
        let run = reconsider(known, &headers, arrived);
        let may_run = run.is_ok_and(|identity| allow::<RunTool>(known, identity, name).is_ok());
        let (gateway, context) = (gateway.clone(), Arc::clone(context));
        Ok(Self { gateway, context, name: name.to_owned(), headers, arrived, permit, environment, may_run })
    }

    /// A refusal as the tool's result, which is told of as any over HTTP is.
    fn refused(&self, refusal: &Refusal, event: AccessEvent) -> Refused {
        let decision = refusal.denial().unwrap_or(Decision::Refused);
        let event = match refusal.denial() {
            Some(_) => AccessEvent::Denied {
                method: "POST".into(),
                path: path_text(&format!("/e/{}{}", self.name, super::PATH)),
                status: refusal.status(),
            },
            None => event,
        };
        access_log::tell_unless_told(&self.gateway, &self.context, event, decision);
        Refused::from(&refusal.problem(&self.context.request_id))
    }

    /// Reads by the way of every read over HTTP.
    async fn content(&self, page: &str) -> Result<Content, Refusal> {
        let (path, story) = (escaped(page), Story::default());
        let request = Request::get("/").body(()).map_err(|err| Refusal::internal(&err))?;
        let (parts, ()) = request.into_parts();
        let read =
            read_page(&self.gateway, &story, &self.permit, &self.environment, "", &path, &parts).await?;
        let (status, bytes) = (read.status().as_u16(), read.body().size_hint().exact().unwrap_or_default());
        if let Some(found) = story.found() {
            let event =
                AccessEvent::PageRead { release: Some(found.release), page: found.path.clone(), status };
            access_log::tell(&self.gateway, &self.context, event, Decision::Allowed, bytes);
        }
        let media_type = read.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(str::to_owned);
        let bytes = match Limited::new(read.into_body(), FILE_BYTES_MAX).collect().await {
            Ok(collected) => collected.to_bytes().to_vec(),
            Err(err) if err.is::<LengthLimitError>() => {
                return Err(Refusal::new(
                    toolfront_api::Code::TooLarge,
                    format!("The file has more than {FILE_BYTES_MAX} bytes: look at it with a command."),
                ));
            }
            Err(err) => return Err(Refusal::internal(&err)),
        };
        Ok(Content { bytes, media_type })
    }
}

/// Runs by the way of every run over HTTP.
async fn run(
    gateway: Gateway,
    context: Arc<Context>,
    name: String,
    headers: HeaderMap,
    arrived: Timestamp,
    path: String,
    request: RunRequest,
) -> Result<RunReply, Refusal> {
    let known = gateway.memory().trusted()?;
    let identity = reconsider(known, &headers, arrived)?;
    let (permit, environment) = allow::<RunTool>(known, identity, &name)?;
    let path = request_path(&path)?;
    let asked = Asked { headers: &headers, arrived, name: &name, path, request: Ok(request) };
    let admitted = admit::<ReadyRun>(&gateway, &context, &permit, &environment, asked).await?;
    admitted.run(&context, &HeaderMap::new()).await
}

fn read_refused(page: &str, refusal: &Refusal) -> AccessEvent {
    AccessEvent::PageRead { release: None, page: path_text(page), status: refusal.status() }
}

fn run_refused(page: &str, refusal: &Refusal) -> AccessEvent {
    AccessEvent::RunRefused { page: path_text(page), status: refusal.status() }
}

fn escaped(path: &str) -> String {
    format!("/{}", utf8_percent_encode(path, ESCAPED))
}

impl Application for Hosted {
    fn name(&self) -> &str {
        &self.name
    }

    fn may_run(&self) -> bool {
        self.may_run
    }

    async fn pages(&self) -> Result<Vec<PageEntry>, Refused> {
        let pages = pages(&self.gateway, &self.permit, &self.environment).await;
        pages
            .map(|pages| pages.to_vec())
            .map_err(|refusal| self.refused(&refusal, read_refused("/", &refusal)))
    }

    async fn read(&self, path: &str) -> Result<Content, Refused> {
        let content = self.content(path).await;
        content.map_err(|refusal| self.refused(&refusal, read_refused(path, &refusal)))
    }

    async fn run(&self, page: &str, request: RunRequest) -> Result<RunReply, Refused> {
        let (gateway, context, name) = (self.gateway.clone(), Arc::clone(&self.context), self.name.clone());
        let (headers, arrived, path) = (self.headers.clone(), self.arrived, escaped(page));
        // A task of its own, which is waited for when the gateway stops: its end is on record then.
        let running = run(gateway, context, name, headers, arrived, path, request);
        let running = AbortOnDropHandle::new(self.gateway.tasks().spawn(running));
        let ended = running.await.map_err(|err| Refusal::internal(&err)).and_then(|ended| ended);
        ended.map_err(|refusal| self.refused(&refusal, run_refused(page, &refusal)))
    }
}
