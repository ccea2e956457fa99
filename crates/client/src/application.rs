//! Reading pages and running tools of one application.

mod messages;

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, ETAG, HeaderValue};
use toolfront_api::{RunReply, RunRequest};

use crate::answer::{read_body, read_json, success};
use crate::api_client::{ApiClient, exchange};
use crate::connection::{Connection, SetupFault};
use crate::error::ClientError;
use crate::gateway_url::GatewayUrl;

/// How long reading a page may take.
const READ_TIMEOUT: Duration = Duration::from_mins(2);
/// A tool runs for ten minutes at most; the rest is for its beginning and its end.
const RUN_TIMEOUT: Duration = Duration::from_mins(11);

/// A client of one application, as one token or as nobody. Cheap to clone.
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

    /// Reads a page or file, by its path in the application; `""` is the first page.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed, or there are more than `bytes_max` bytes.
    pub async fn read(&self, path: &str, bytes_max: usize) -> Result<PageBytes, ClientError> {
        let url = self.page_url(path);
        let request = self.http.get(url.clone()).header(ACCEPT, "*/*");
        let response = exchange(request, self.token.as_ref(), &url, READ_TIMEOUT).await?;
        let response = success(response).await?;
        let etag = entity_tag(&response);
        let media_type = header_text(&response, &reqwest::header::CONTENT_TYPE);
        Ok(PageBytes { bytes: read_body(response, bytes_max).await?, etag, media_type })
    }

    /// The entity tag of a page or file, without reading it.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn entity_tag(&self, path: &str) -> Result<Option<String>, ClientError> {
        let url = self.page_url(path);
        let request = self.http.head(url.clone()).header(ACCEPT, "*/*");
        let response = exchange(request, self.token.as_ref(), &url, READ_TIMEOUT).await?;
        Ok(entity_tag(&success(response).await?))
    }

    /// Runs a tool of a page. A command that fails is a success here: its exit code is the answer.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed; 403 with the page's tools when none of them allows the command.
    pub async fn run(&self, path: &str, command: &RunRequest) -> Result<RunReply, ClientError> {
        let url = self.page_url(path);
        let request = self.http.post(url.clone()).json(command);
        read_json(exchange(request, self.token.as_ref(), &url, RUN_TIMEOUT).await?).await
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
