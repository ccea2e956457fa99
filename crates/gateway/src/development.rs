//! One application, served as its files are now, for whoever writes it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Method, Request};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolfront_api::Code;
use toolfront_app::{Fault, RequestPath};
use toolfront_sandbox::Sandbox;
use toolfront_store::EnvironmentLimits;
use toolfront_token::TokenDigest;

use crate::access::{Presented, presented, refuse_token_in_url};
use crate::application::{
    Directory, Files, Prepare, Reading, ReadyStream, RunSecrets, Streamed, is_stream_asked_for, prepare,
    read, reply,
};
use crate::environment_limits::run_limits;
use crate::problem::Refusal;
use crate::request::{Hosts, RequestIds};
use crate::server::{self, Bound, StartError};
use crate::settings::{Limits, ServeSettings};
use crate::{body, confinement};

const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// A server of one directory, without a store, an audit log or limits on how many commands run.
#[derive(Debug)]
pub struct DevServer {
    files: Files,
    tokens: HashSet<[u8; 32]>,
    hosts: Hosts,
    sandbox: Arc<Sandbox>,
    stopping: CancellationToken,
    limits: Limits,
    request_ids: RequestIds,
}

impl DevServer {
    /// Takes the port. `tell` is called with the faults of all pages, at the start and whenever they change.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way.
    pub async fn bind(
        settings: ServeSettings,
        tell: impl Fn(&[Fault]) + Send + 'static,
    ) -> Result<Bound, StartError> {
        server::check_listen(settings.listen, settings.tls.is_some(), settings.behind_proxy)?;
        let directory = Directory::open(&settings.directory, settings.hidden)
            .map_err(|source| StartError::Directory { path: settings.directory.clone(), source })?;
        let directory = Arc::new(directory);
        let mut start = [0_u8; 8];
        getrandom::fill(&mut start).map_err(|_| StartError::Entropy)?;
        let start = u64::from_le_bytes(start);
        let temporary = std::env::temp_dir().join(format!("toolfront-serve-{start:016x}"));
        let sandbox = confinement::start(&settings.confinement, temporary.clone()).await?;
        let server = Arc::new(Self {
            files: Files::Directory(Arc::clone(&directory)),
            tokens: settings.tokens.iter().map(|secret| *secret.digest().as_bytes()).collect(),
            hosts: if settings.behind_proxy { Hosts::any() } else { Hosts::local() },
            sandbox: Arc::new(sandbox),
            stopping: CancellationToken::new(),
            limits: Limits::default(),
            request_ids: RequestIds::starting_at(start),
        });
        let closing = Arc::clone(&server);
        let limits = server.limits.clone();
        let service = Arc::new(move |request: Request<hyper::body::Incoming>, _: SocketAddr| {
            let server = Arc::clone(&server);
            let answer: std::pin::Pin<Box<dyn Future<Output = Response> + Send>> =
                Box::pin(async move { server.answer(request.map(Body::new)).await });
            answer
        });
        let bound = Bound::new(settings.listen, settings.tls.as_ref(), &limits, service).await?;
        Ok(bound.keeping(watch(directory, tell)).closing_with(async move {
            closing.stopping.cancel();
            closing.sandbox.kill_all().await;
            let _ = std::fs::remove_dir_all(temporary);
        }))
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let request_id = self.request_ids.next_text();
        let answer = self.respond(request, &request_id).await;
        let mut answer = answer.unwrap_or_else(|refusal| refusal.into_answer(&request_id));
        answer.headers_mut().extend(
            http::HeaderValue::from_str(&request_id)
                .map(|id| (http::HeaderName::from_static(toolfront_api::REQUEST_ID_HEADER), id)),
        );
        answer
    }

    async fn respond(&self, request: Request<Body>, request_id: &str) -> Result<Response, Refusal> {
        crate::routes::refuse_foreign_host(&self.hosts, request.uri(), request.headers())?;
        refuse_token_in_url(request.uri())?;
        self.authenticate(request.headers())?;
        let (parts, sent) = request.into_parts();
        let path = RequestPath::parse(parts.uri.path())
            .map_err(|fault| Refusal::new(Code::BadPath, format!("{fault}.")))?;
        match parts.method {
            Method::GET | Method::HEAD => {
                let (method, headers, query) = (&parts.method, &parts.headers, parts.uri.query());
                let files = &self.files;
                read(Reading {
                    files,
                    path,
                    mount: "",
                    method,
                    headers,
                    query,
                    is_public: false,
                    story: None,
                })
                .await
            }
            Method::POST => {
                body::require_json(&parts.headers)?;
                let bytes = body::read(sent, self.limits.json_bytes_max, self.limits.body_time).await?;
                let prepared =
                    prepare(&self.files, &path, body::from_object(&bytes)?, &RunSecrets::default()).await?;
                let (mut run, ignored_env) =
                    prepared.into_run(run_limits(&self.limits, &EnvironmentLimits::default()));
                // Whoever writes an application may write it by its own tools, too.
                run.cage.writable_release = true;
                if is_stream_asked_for(&parts.headers) {
                    let streamed = Streamed {
                        command: ReadyStream::prepare(&self.sandbox, run).await,
                        ignored_env,
                        mask: Arc::default(),
                        request_id: request_id.to_owned(),
                        held: None,
                        stopping: self.stopping.clone(),
                        keep_alive: self.limits.stream_silence_max,
                    };
                    return streamed.answer(&parts.headers, &TaskTracker::new()).await;
                }
                let finished = self.sandbox.run(run).await?;
                Ok(axum::Json(reply(finished, ignored_env, request_id, &parts.headers)).into_response())
            }
            _ => Err(Refusal::method_not_allowed("GET, HEAD, POST")),
        }
    }

    fn authenticate(&self, headers: &http::HeaderMap) -> Result<(), Refusal> {
        if self.tokens.is_empty() {
            return Ok(());
        }
        let known = |digest: &TokenDigest| self.tokens.contains(digest.as_bytes());
        match presented(headers)? {
            Presented::Nothing => Err(Refusal::no_token()),
            Presented::Malformed(fault) => Err(Refusal::invalid_token(&fault.to_string())),
            Presented::Token(token) if known(&token.digest()) => Ok(()),
            Presented::Token(_) => Err(Refusal::invalid_token("no such token")),
        }
    }
}

/// Looks at all pages again and again, and tells when their faults are others than before.
async fn watch(directory: Arc<Directory>, tell: impl Fn(&[Fault]) + Send) {
    let mut told: Option<Vec<Fault>> = None;
    loop {
        let directory = Arc::clone(&directory);
        let Ok(faults) = tokio::task::spawn_blocking(move || directory.faults()).await else { return };
        if told.as_ref() != Some(&faults) {
            tell(&faults);
            told = Some(faults);
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}
