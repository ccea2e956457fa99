//! Finding the one token that a request presents.

use http::header::{self, HeaderName};
use http::{HeaderMap, Uri};
use toolfront_api::Code;
use toolfront_token::{MalformedToken, PresentedToken, TokenId, has_token_value};

use crate::problem::Refusal;

const TOKEN_HEADER: HeaderName = HeaderName::from_static("token");
const BEARER: &str = "bearer ";

/// What a request presents.
#[derive(Debug)]
pub(crate) enum Presented {
    Nothing,
    Malformed(MalformedToken),
    Token(PresentedToken),
}

/// The token in the headers: `Authorization: Bearer tf_…`, or `token: tf_…`.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Presented, Refusal> {
    let mut found: Option<&str> = None;
    let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| match value.to_str() {
        Ok(text) if text.get(..BEARER.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(BEARER)) => {
            text.get(BEARER.len()..).unwrap_or_default().trim()
        }
        // Another scheme carries no token of ours; it is judged like a token that is none.
        _ => "",
    });
    let plain = headers.get_all(TOKEN_HEADER).iter().map(|value| {
        let text = value.to_str().unwrap_or_default().trim();
        text.strip_prefix("Bearer ").unwrap_or(text)
    });
    for text in bearers.chain(plain) {
        if found.is_some_and(|other| other != text) {
            return Err(Refusal::new(
                Code::ConflictingTokens,
                "The request carries two different tokens: send one, as `Authorization: Bearer tf_…`.",
            ));
        }
        found = Some(text);
    }
    Ok(match found.map(PresentedToken::parse) {
        None => Presented::Nothing,
        Some(Ok(token)) => Presented::Token(token),
        Some(Err(malformed)) => Presented::Malformed(malformed),
    })
}

/// A token in a URL is in browser histories, proxies' logs and error reports by now.
pub(crate) fn refuse_token_in_url(uri: &Uri) -> Result<(), Refusal> {
    let in_path = has_token(uri.path());
    let in_query = uri.query().is_some_and(|query| has_token(query) || has_token_parameter(query));
    if in_path || in_query {
        return Err(Refusal::new(
            Code::TokenInUrl,
            "A token must not be in a URL, where logs and histories keep it. Send it as `Authorization: Bearer \
             tf_…`, and rotate the one that was sent.",
        ));
    }
    Ok(())
}

/// Whether the text has anything that looks like a value, percent-encoded or not.
fn has_token(text: &str) -> bool {
    if !text.contains("tf") && !text.contains('%') {
        return false;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    has_token_value(&decoded)
}

fn has_token_parameter(query: &str) -> bool {
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_id = value.starts_with(TokenId::PREFIX);
        !value.is_empty() && !is_id && ["token", "access_token", "api_key"].contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "tf_00000000000000000000000000000000000000000";

    fn refused(uri: &str) -> bool {
        refuse_token_in_url(&uri.parse().unwrap()).is_err()
    }

    #[test]
    fn pitfall_21_a_token_anywhere_in_a_url_is_refused() {
        assert!(refused(&format!("/e/docs?token={VALUE}")));
        assert!(refused(&format!("/e/docs?x={VALUE}")));
        assert!(refused(&format!("/e/{VALUE}")));
        assert!(refused(&format!("/e/docs?x=%74f_{}", &VALUE[3..])));
        assert!(refused("/e/docs?access_token=abc"));
        assert!(!refused("/e/docs?raw"));
        assert!(!refused("/e/tf_short.md?cursor=1.tok-abc"));
        assert!(!refused("/api/v1/audit?action=read&token=tok-abcdefghijkl"));
    }

    #[test]
    fn pitfall_04_a_token_is_found_alike_in_both_headers() {
        let headers = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            headers
        };
        assert!(matches!(presented(&headers(&[])), Ok(Presented::Nothing)));
        let same = headers(&[("authorization", "BEARER abc"), ("token", "abc")]);
        assert!(matches!(presented(&same), Ok(Presented::Malformed(_))));
        let basic = headers(&[("authorization", "Basic YTpi")]);
        assert!(matches!(presented(&basic), Ok(Presented::Malformed(_))));
        let different = headers(&[("authorization", "Bearer abc"), ("token", "abd")]);
        assert_eq!(presented(&different).unwrap_err().code(), Code::ConflictingTokens);
    }
}
