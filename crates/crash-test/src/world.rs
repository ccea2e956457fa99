//! What everybody needs who talks to the gateway of a round: the clients, the ledger, the findings.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};
use toolfront_client::{ApiClient, ClientError, Connection, GatewayUrl};
use toolfront_token::TokenSecret;

use crate::content::{Content, File};
use crate::findings::{Findings, Promise};
use crate::ledger::{Ledger, Presenting, Verdict};

/// How long an answer may take: longer than anything that is asked for.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// The gateway of one round, and what is known of it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) content: Content,
    pub(crate) findings: Arc<Findings>,
    /// The management API, as the administrator.
    pub(crate) admin: ApiClient,
    /// Where files are written that are uploaded.
    pub(crate) uploads: PathBuf,
    administrator: HeaderValue,
    ledger: Arc<Mutex<Ledger>>,
    http: reqwest::Client,
    url: GatewayUrl,
    stop: Arc<AtomicBool>,
}

/// What lasts longer than a round.
#[derive(Clone, Debug)]
pub(crate) struct Lasting {
    pub(crate) content: Content,
    pub(crate) findings: Arc<Findings>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) uploads: PathBuf,
    /// The administrator's token.
    pub(crate) admin: Arc<TokenSecret>,
}

/// What came back of a call.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An answer, whole.
    Whole { status: u16, body: Vec<u8> },
    /// None, or a part of one: what was asked for may have been done.
    Lost(String),
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    Acknowledged(T),
    Refused(ClientError),
    Unknown,
}

impl World {
    pub(crate) fn new(lasting: &Lasting, url: &GatewayUrl) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIME).build()?;
        let key = TokenSecret::parse(lasting.admin.reveal())?;
        let admin = ApiClient::new(&Connection::new(url.clone()).with_key(key))?;
        let Lasting { content, findings, ledger, uploads, .. } = lasting.clone();
        let administrator = bearer(&lasting.admin)?;
        let (url, stop) = (url.clone(), Arc::default());
        Ok(Self { content, findings, admin, uploads, administrator, ledger, http, url, stop })
    }

    /// The ledger, for a moment.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Tells the workers that the gateway is gone.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether the workers are to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// A GET as the administrator.
    pub(crate) async fn read_as_admin(&self, path: &str) -> Answer {
        self.call(Method::GET, path, self.administrator.clone(), None).await
    }

    /// Presents a value by a GET, and judges whether it was let in or not.
    pub(crate) async fn read(&self, presenting: &Presenting, path: &str) -> Answer {
        self.presented(Method::GET, presenting, path, None).await
    }

    /// Presents a value by asking for a run, and judges whether it was let in or not.
    pub(crate) async fn run(&self, presenting: &Presenting, path: &str, command: &[String]) -> Answer {
        self.presented(Method::POST, presenting, path, Some(json!({ "command": command }))).await
    }

    async fn presented(
        &self,
        method: Method,
        presenting: &Presenting,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let header = match bearer(&presenting.secret) {
            Ok(header) => header,
            Err(fault) => return Answer::Lost(fault.to_string()),
        };
        let answer = self.call(method.clone(), path, header, body).await;
        if let Answer::Whole { status, body } = &answer {
            self.judge(presenting, &format!("{method} {path}"), *status, body);
        }
        answer
    }

    fn judge(&self, presenting: &Presenting, call: &str, status: u16, body: &[u8]) {
        let now = Instant::now();
        let mut ledger = self.ledger();
        let judged = match status {
            401 => ledger.was_refused(presenting, now),
            _ => ledger.accepted(presenting, now),
        };
        let about = ledger
            .tokens
            .get(presenting.token)
            .map(|token| format!("generation {} of {} {}", presenting.generation, token.id(), token.name()));
        drop(ledger);
        let promise = match (presenting.before, presenting.generation) {
            (Verdict::Revoked, _) => Promise::RevokedIsRefused,
            (Verdict::Rotated, _) | (_, 2..) => Promise::RotatedHolds,
            (Verdict::Alive | Verdict::Unsure, _) => Promise::CreatedWorks,
        };
        self.findings.check(promise, judged.is_ok(), || {
            let about = about.unwrap_or_default();
            format!("{call} was answered {status} with {about}, {}", expectation(presenting.before, body))
        });
        self.findings.check(Promise::Answers, status < 500, || format!("{call}: {status} {}", excerpt(body)));
    }

    async fn call(&self, method: Method, path: &str, token: HeaderValue, body: Option<Value>) -> Answer {
        let mut request =
            self.http.request(method, format!("{}{path}", self.url)).header(AUTHORIZATION, token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(lost) => return Answer::Lost(lost.to_string()),
        };
        let status = response.status().as_u16();
        match response.bytes().await {
            Ok(body) => Answer::Whole { status, body: body.into() },
            Err(lost) => Answer::Lost(lost.to_string()),
        }
    }

    /// Compares what is served at a path of an environment with what has to be.
    pub(crate) fn compare(&self, environment: &str, file: &File, answer: &Answer, told: &str) {
        let (holds, seen) = match answer {
            Answer::Whole { status: 200, body } if *body == file.bytes => (true, String::new()),
            Answer::Whole { status: 200, body } => (false, format!("{} other bytes", body.len())),
            Answer::Whole { status, body } => (false, format!("{status} {}", excerpt(body))),
            Answer::Lost(why) => (self.is_stopping(), why.clone()),
        };
        self.findings.check(Promise::DeployedServes, holds, || {
            format!("{environment}/{} has to be {told} ({}), and is {seen}", file.path, file.digest)
        });
    }
}

impl<T> Outcome<T> {
    /// Tells an answer that is a refusal from one that never came.
    pub(crate) fn of(answer: Result<T, ClientError>) -> Self {
        match answer {
            Ok(done) => Self::Acknowledged(done),
            Err(refusal @ (ClientError::Problem(_) | ClientError::NotAGateway { .. })) => {
                Self::Refused(refusal)
            }
            // Everything else may have been done, and half of an answer is none.
            Err(_) => Self::Unknown,
        }
    }
}

fn expectation(before: Verdict, body: &[u8]) -> String {
    match before {
        Verdict::Revoked => "whose revocation was acknowledged before the request began".to_owned(),
        Verdict::Rotated => "which an acknowledged rotation had ended before the request began".to_owned(),
        Verdict::Alive => format!("which was acknowledged and ended by nobody: {}", excerpt(body)),
        Verdict::Unsure => excerpt(body),
    }
}

/// The beginning of an answer, in one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().filter(|letter| !letter.is_control()).take(300).collect()
}

fn bearer(secret: &TokenSecret) -> anyhow::Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", secret.reveal()))?;
    header.set_sensitive(true);
    Ok(header)
}
