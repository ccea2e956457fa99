//! Which pages in a browser may send messages: those of the gateway itself.

use http::header;
use http::request::Parts;
use toolfront_api::Code;

use crate::problem::Refusal;

/// A browser names the page that sends a request, and that page has to be at the address that it is sent to, or at the
/// gateway's own. What is no browser sends no such header.
pub(crate) fn refuse_foreign_origin(public_url: Option<&str>, parts: &Parts) -> Result<(), Refusal> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    let public = public_url.map(|url| url.trim_end_matches('/'));
    for origin in parts.headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let is_same = authority.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
        let is_own = public.is_some_and(|public| is_origin_of(origin, public));
        if !is_same && !is_own {
            return Err(Refusal::new(
                Code::ForeignOrigin,
                "A page elsewhere in a browser sent this request, and only pages of this gateway may.",
            ));
        }
    }
    Ok(())
}

/// Whether it is the origin of that URL (RFC 6454), whose path may follow it.
fn is_origin_of(origin: &str, url: &str) -> bool {
    let rest = url.get(origin.len()..);
    let begins = url.get(..origin.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(origin));
    !origin.is_empty() && begins && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_an_authority() {
        let url = "https://tools.example.com/x";
        assert!(
            is_origin_of("https://tools.example.com", url) && is_origin_of("HTTPS://Tools.example.com", url)
        );
        for other in
            ["", "null", "https://tools.example", "http://tools.example.com", "https://tools.example.com:1"]
        {
            assert!(!is_origin_of(other, url), "{other}");
        }
    }
}
