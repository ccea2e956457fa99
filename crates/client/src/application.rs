//! Reading pages and running tools of one application.

mod event_stream;
mod messages;
mod refusal;
mod running;
mod sending;

use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, ETAG, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
pub use running::RunOutput;

use self::refusal::answered;
use self::sending::Repeatable;
use crate::answer::read_body;
use crate::api_client::ApiClient;
use crate::connection::{Connection, SetupFault, authorize};
use crate::error::ClientError;
use crate::gateway_url::GatewayUrl;

/// How long reading a page may take.
const READ_TIMEOUT: Duration = Duration::from_mins(2);
/// A tool runs for ten minutes at most; the rest is for its beginning and its end.
const RUN_TIMEOUT: Duration = Duration::from_mins(11);

/// A client of one application, as one token or as nobody. Cheap to clone.
///
/// It speaks to a gateway, and to any server of the original protocol: errors may be plain `{"detail": …}`, and answers
/// may have no more than `stdout`, `stderr` and `returncode`. What carries the token is never sent on to another host.
#[derive(Clone)]
pub struct ApplicationClient {
    http: reqwest::Client,
    url: GatewayUrl,
    token: Option<HeaderValue>,
}

/// A page or file as it was answered.
#[derive(Clone, Debug)]
pub struct PageBytes {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its entity tag, without the quotes: the digest of its content.
    pub etag: Option<String>,
    /// Its media type.
    pub media_type: Option<String>,
}

impl ApplicationClient {
    /// A client of the application at the connection's URL.
    ///
    /// # Errors
    /// [`SetupFault`] when the certificates can't be read.
    pub fn new(connection: &Connection) -> Result<Self, SetupFault> {
        Ok(Self { http: connection.open()?, url: connection.url.clone(), token: connection.authorization() })
    }

    /// A client of an application of a gateway, with the token and the connections of the gateway's client.
    pub fn of_gateway(gateway: &ApiClient, url: GatewayUrl) -> Self {
        let (http, token) = gateway.shared();
        Self { http, url, token }
    }

    /// The application's base URL.
    pub fn url(&self) -> &GatewayUrl {
        &self.url
    }

    /// Reads a page or file, by its path in the application; `""` is the first page. Tried again when the connection fails,
    /// or the server is busy.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed, or there are more than `bytes_max` bytes.
    pub async fn read(&self, path: &str, bytes_max: usize) -> Result<PageBytes, ClientError> {
        let make = |url| self.http.get(url).header(ACCEPT, "*/*");
        let response = self.send(&Method::GET, path, READ_TIMEOUT, Repeatable::Always, make).await?;
        let response = answered(response).await?;
        let etag = entity_tag(&response);
        let media_type = header_text(&response, &reqwest::header::CONTENT_TYPE);
        Ok(PageBytes { bytes: read_body(response, bytes_max).await?, etag, media_type })
    }

    /// The entity tag of a page or file, without reading it.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn entity_tag(&self, path: &str) -> Result<Option<String>, ClientError> {
        let make = |url| self.http.head(url).header(ACCEPT, "*/*");
        let response = self.send(&Method::HEAD, path, READ_TIMEOUT, Repeatable::Always, make).await?;
        Ok(entity_tag(&answered(response).await?))
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        timeout: Duration,
        repeatable: Repeatable,
        make: impl Fn(Url) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let authorized = |url| authorize(make(url), self.token.as_ref());
        sending::send(method, self.page_url(path), timeout, repeatable, authorized).await
    }

    fn page_url(&self, path: &str) -> Url {
        self.url.below(path.split('/').filter(|segment| !segment.is_empty()))
    }
}

fn entity_tag(response: &reqwest::Response) -> Option<String> {
    header_text(response, &ETAG).map(|tag| tag.trim_matches('"').to_owned())
}

fn header_text(response: &reqwest::Response, name: &reqwest::header::HeaderName) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

impl fmt::Debug for ApplicationClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationClient").field("url", &self.url).finish_non_exhaustive()
    }
}
