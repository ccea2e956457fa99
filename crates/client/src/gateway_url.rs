//! Where a gateway or an application is.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// The base URL of a gateway or of an application: `http` or `https`, a host, perhaps a path; no user, query or fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayUrl(Url);

/// Why a text is not such a URL. Never repeats a password that stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayUrlFault {
    /// It is no URL at all.
    #[error("not a URL: write it as https://toolfront.example.com or http://127.0.0.1:8787")]
    NotAUrl,
    /// It has another scheme.
    #[error("the URL has to begin with https:// or http://")]
    Scheme,
    /// It has a user name or a password.
    #[error("the URL must not have a user or a password in it; tokens go into TOOLFRONT_API_KEY or a file")]
    Credentials,
    /// It has a query or a fragment.
    #[error("the URL must not have a `?` or a `#` in it")]
    Query,
}

impl GatewayUrl {
    /// Reads a URL; slashes at its end do not matter.
    ///
    /// # Errors
    /// [`GatewayUrlFault`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, GatewayUrlFault> {
        let mut url = Url::parse(text.trim()).map_err(|_| GatewayUrlFault::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(GatewayUrlFault::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GatewayUrlFault::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(GatewayUrlFault::Query);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL as text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The host, with the port when it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether it is this very machine: no proxy is asked for it.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.map_or_else(
            |_| host == "localhost" || host.ends_with(".localhost"),
            |address| address.is_loopback(),
        )
    }

    /// Whether what is sent there can be read on the way.
    pub fn is_plain_text(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    /// What an application at this URL is called: the last segment of its path, or the first label of its host.
    pub fn name(&self) -> String {
        let mut segments = self.0.path_segments().into_iter().flatten();
        let last = segments.rfind(|segment| !segment.is_empty());
        let host = self.0.host_str().unwrap_or_default();
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let label = if is_address { host } else { host.split('.').next().unwrap_or(host) };
        last.unwrap_or(label).to_owned()
    }

    /// Whether `application` stands below it, where a gateway's applications are: then it is for the gateway's tokens.
    pub fn has_application(&self, application: &Self) -> bool {
        let below = application.as_str().strip_prefix(self.as_str());
        below.and_then(|rest| rest.strip_prefix("/e/")).is_some_and(|name| !name.is_empty())
    }

    /// The URL of what stands below it; each segment is escaped.
    pub(crate) fn below<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.0.clone();
        // Only a URL that can't be a base, such as `mailto:`, has no path; `parse` lets none in.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_do_not_matter() {
        for text in ["https://gw.example.com", "https://gw.example.com/", " https://GW.example.com:443/// "] {
            assert_eq!(GatewayUrl::parse(text).unwrap().as_str(), "https://gw.example.com");
        }
        assert_eq!(GatewayUrl::parse("http://h:1/a/b/").unwrap().as_str(), "http://h:1/a/b");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for (text, fault) in [
            ("gw.example.com", GatewayUrlFault::NotAUrl),
            ("", GatewayUrlFault::NotAUrl),
            ("ftp://h", GatewayUrlFault::Scheme),
            ("localhost:8787", GatewayUrlFault::Scheme),
            ("https://me:secret@h", GatewayUrlFault::Credentials),
            ("https://h/?a=b", GatewayUrlFault::Query),
            ("https://h/#a", GatewayUrlFault::Query),
        ] {
            assert_eq!(GatewayUrl::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (text, loopback) in [
            ("http://127.0.0.1:8787", true),
            ("http://[::1]:8787", true),
            ("http://localhost", true),
            ("http://docs.localhost", true),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            let url = GatewayUrl::parse(text).unwrap();
            assert_eq!(url.is_loopback(), loopback, "{text}");
            assert_eq!(url.is_plain_text(), !loopback, "{text}");
        }
    }

    #[test]
    fn an_application_belongs_to_the_gateway_that_it_stands_below() {
        let has = |gateway: &str, application: &str| {
            GatewayUrl::parse(gateway).unwrap().has_application(&GatewayUrl::parse(application).unwrap())
        };
        assert!(has("http://127.0.0.1:8787", "http://127.0.0.1:8787/e/docs/"));
        assert!(has("https://h/base", "https://H/base/e/docs"));
        for other in
            ["http://127.0.0.1:8788/e/docs", "http://127.0.0.1:8787/x/e/docs", "http://127.0.0.1:8787"]
        {
            assert!(!has("http://127.0.0.1:8787", other), "{other}");
        }
        assert!(!has("https://h", "http://h/e/docs") && !has("https://h", "https://h.evil.example/e/docs"));
    }

    #[test]
    fn an_application_is_called_by_the_end_of_its_path_or_the_begin_of_its_host() {
        for (url, name) in [
            ("http://127.0.0.1:8787/e/docs/", "docs"),
            ("https://docs.apps.example.com", "docs"),
            ("http://127.0.0.1:8000", "127.0.0.1"),
        ] {
            assert_eq!(GatewayUrl::parse(url).unwrap().name(), name);
        }
    }

    #[test]
    fn segments_are_escaped() {
        let url = GatewayUrl::parse("http://h/base/").unwrap();
        let below = url.below(["a b", "c/d", "ü?#%"]);
        assert_eq!(below.as_str(), "http://h/base/a%20b/c%2Fd/%C3%BC%3F%23%25");
    }
}
