//! How to reach a gateway or an application, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use toolfront_token::{OrgId, TokenSecret};
use zeroize::Zeroizing;

use crate::gateway_url::GatewayUrl;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a gateway or an application, and as whom.
#[derive(Debug)]
pub struct Connection {
    /// Where it is.
    pub url: GatewayUrl,
    /// The token to call it with; none for what is public.
    pub key: Option<TokenSecret>,
    /// The organization that the caller means; the gateway refuses when the token is of another one.
    pub organization: Option<OrgId>,
    /// Certificates (PEM) that are trusted besides the system's own.
    pub ca_file: Option<PathBuf>,
    /// Further headers that every request carries, marked so that they are never logged.
    pub headers: HeaderMap,
}

/// Why no call can be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupFault {
    /// The file of certificates can't be read.
    #[error("the certificates in {} can't be read", path.display())]
    CaFileUnreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has no certificates in it.
    #[error("{} has no certificates in PEM form", path.display())]
    CaFileInvalid {
        /// Which file.
        path: PathBuf,
    },
    /// The HTTP client can't be made.
    #[error("the HTTP client can't be set up")]
    Http(#[source] reqwest::Error),
}

/// Why a header can't be sent. Never repeats its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The name has characters that no header's has.
    #[error("this can't be the name of a header")]
    Name,
    /// The value has characters that no header's has.
    #[error("the value has characters that a header can't have")]
    Value,
}

impl Connection {
    /// A connection without a token, trusting the system's certificates.
    pub fn new(url: GatewayUrl) -> Self {
        Self { url, key: None, organization: None, ca_file: None, headers: HeaderMap::new() }
    }

    /// The same as the one who holds `key`.
    #[must_use]
    pub fn with_key(self, key: TokenSecret) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The same with a header that every request carries.
    ///
    /// # Errors
    /// [`HeaderFault`] when it can't be one.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, HeaderFault> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderFault::Name)?;
        let mut value = HeaderValue::from_str(value).map_err(|_| HeaderFault::Value)?;
        value.set_sensitive(true);
        self.headers.append(name, value);
        Ok(self)
    }

    pub(crate) fn open(&self) -> Result<reqwest::Client, SetupFault> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("toolfront/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // What is compared by entity tag is asked for as it is.
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if !self.headers.is_empty() {
            builder = builder.default_headers(self.headers.clone());
        }
        if self.url.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some(path) = &self.ca_file {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        builder.build().map_err(SetupFault::Http)
    }

    /// The header that carries the token, marked so that it is never logged.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let key = self.key.as_ref()?;
        let text = Zeroizing::new(format!("Bearer {}", key.reveal()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// In which a caller says which organization it means.
pub(crate) const ORGANIZATION_HEADER: &str = "x-statespace-org-id";

/// Puts the token into a request, if there is one.
pub(crate) fn authorize(
    request: reqwest::RequestBuilder,
    token: Option<&HeaderValue>,
) -> reqwest::RequestBuilder {
    match token {
        Some(value) => request.header(AUTHORIZATION, value.clone()),
        None => request,
    }
}

fn certificates(path: &PathBuf) -> Result<Vec<reqwest::Certificate>, SetupFault> {
    let pem =
        std::fs::read(path).map_err(|source| SetupFault::CaFileUnreadable { path: path.clone(), source })?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(SetupFault::CaFileInvalid { path: path.clone() }),
    }
}
