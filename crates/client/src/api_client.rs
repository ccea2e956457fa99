//! The client of the management API: one connection pool, one token.

use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toolfront_api::{Data, Health, Organization};
use toolfront_token::OrgId;

use crate::answer::{read_json, success};
use crate::connection::{Connection, ORGANIZATION_HEADER, SetupFault, authorize};
use crate::error::{ClientError, origin_and_path};
use crate::gateway_url::GatewayUrl;

/// How long a call of the management API may take in all. A publish of thousands of files is the longest.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);

/// A client of one gateway's management API, as one token. Cheap to clone.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    url: GatewayUrl,
    token: Option<HeaderValue>,
    organization: Option<OrgId>,
}

/// For the calls that have no body.
pub(crate) const NO_BODY: Option<&()> = None;

impl ApiClient {
    /// A client that will use this connection. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SetupFault`] when the certificates can't be read.
    pub fn new(connection: &Connection) -> Result<Self, SetupFault> {
        Ok(Self {
            http: connection.open()?,
            url: connection.url.clone(),
            token: connection.authorization(),
            organization: connection.organization,
        })
    }

    /// The gateway's base URL.
    pub fn url(&self) -> &GatewayUrl {
        &self.url
    }

    /// The organizations of the caller: one.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn organizations(&self) -> Result<Vec<Organization>, ClientError> {
        let answer: Data<Vec<Organization>> =
            self.call(Method::GET, &["user", "organizations"], &[], NO_BODY).await?;
        Ok(answer.data)
    }

    /// Whether the gateway is alive. Needs no token.
    ///
    /// # Errors
    /// [`ClientError`] when nothing answers, or something else does.
    pub async fn health(&self) -> Result<Health, ClientError> {
        let url = self.url.below(["healthz"]);
        let response = self.exchange(self.http.get(url.clone()), &url, CALL_TIMEOUT).await?;
        read_json(response).await
    }

    /// One call below `/api/v1`, whose answer is a `T`.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, ClientError> {
        let url = self.endpoint(segments, query);
        let mut request = self.http.request(method, url.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        read_json(self.exchange(request, &url, CALL_TIMEOUT).await?).await
    }

    /// One call below `/api/v1` with raw bytes, of whose answer only the success counts.
    pub(crate) async fn send_bytes(
        &self,
        segments: &[&str],
        length: u64,
        body: reqwest::Body,
        timeout: Duration,
    ) -> Result<(), ClientError> {
        let url = self.endpoint(segments, &[]);
        let request = self
            .http
            .put(url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
            .header(reqwest::header::CONTENT_LENGTH, length)
            .body(body);
        success(self.exchange(request, &url, timeout).await?).await.map(drop)
    }

    /// Begins a call below `/api/v1` whose answer has no end. Waits for its head only.
    pub(crate) async fn open_stream(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
        headers: HeaderMap,
    ) -> Result<Response, ClientError> {
        let url = self.endpoint(segments, query);
        let request = authorize(self.http.get(url.clone()).headers(headers), self.token.as_ref());
        let sent = tokio::time::timeout(CALL_TIMEOUT, self.for_organization(request).send()).await;
        let response = match sent {
            Ok(sent) => sent.map_err(|error| ClientError::from_transport(&error, &url, CALL_TIMEOUT))?,
            Err(_) => {
                return Err(ClientError::TimedOut { url: origin_and_path(&url), after: CALL_TIMEOUT });
            }
        };
        success(response).await
    }

    /// The parts that a client of one of the gateway's applications shares.
    pub(crate) fn shared(&self) -> (reqwest::Client, Option<HeaderValue>) {
        (self.http.clone(), self.token.clone())
    }

    fn endpoint(&self, segments: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.url.below(["api", "v1"].into_iter().chain(segments.iter().copied()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        url: &Url,
        timeout: Duration,
    ) -> Result<Response, ClientError> {
        exchange(self.for_organization(request), self.token.as_ref(), url, timeout).await
    }

    fn for_organization(&self, request: RequestBuilder) -> RequestBuilder {
        match self.organization {
            Some(organization) => request.header(ORGANIZATION_HEADER, organization.to_string()),
            None => request,
        }
    }
}

/// Sends a request with the token, and waits for the head of the answer.
pub(crate) async fn exchange(
    request: RequestBuilder,
    token: Option<&HeaderValue>,
    url: &Url,
    timeout: Duration,
) -> Result<Response, ClientError> {
    authorize(request, token)
        .timeout(timeout)
        .send()
        .await
        .map_err(|error| ClientError::from_transport(&error, url, timeout))
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient").field("url", &self.url).finish_non_exhaustive()
    }
}
