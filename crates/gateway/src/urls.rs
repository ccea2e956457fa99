//! Where applications are: below the gateway's own URL, or each at a host of its own.

/// Makes the URLs of applications.
#[derive(Clone, Debug)]
pub(crate) struct ApplicationUrls {
    /// What comes before an application's name.
    before: String,
    /// What comes behind it.
    behind: String,
}

impl ApplicationUrls {
    /// `base` is what clients call the gateway. Applications below a domain of their own are reached by the
    /// same scheme and port.
    pub(crate) fn new(base: &str, app_domain: Option<&str>) -> Self {
        let base = base.trim_end_matches('/');
        let Some(domain) = app_domain else {
            return Self { before: format!("{base}/e/"), behind: String::new() };
        };
        let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
        let authority = rest.split('/').next().unwrap_or_default();
        let port = match authority.rsplit_once(':') {
            Some((_, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!(":{port}")
            }
            _ => String::new(),
        };
        Self { before: format!("{scheme}://"), behind: format!(".{}{port}", domain.trim_matches('.')) }
    }

    /// The URL of the application of that name.
    pub(crate) fn of(&self, name: &str) -> String {
        format!("{}{name}{}", self.before, self.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_stands_below_the_gateway_or_at_a_host_of_its_own() {
        let url = |base, domain| ApplicationUrls::new(base, domain).of("docs");
        assert_eq!(url("http://127.0.0.1:8787", None), "http://127.0.0.1:8787/e/docs");
        assert_eq!(url("https://x.example.com/", None), "https://x.example.com/e/docs");
        let domain = Some("apps.example.com");
        assert_eq!(url("https://x.example.com", domain), "https://docs.apps.example.com");
        assert_eq!(url("http://[::1]:80", domain), "http://docs.apps.example.com:80");
        assert_eq!(url("http://[::1]", domain), "http://docs.apps.example.com");
    }
}
