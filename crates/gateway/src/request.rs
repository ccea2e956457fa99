//! What is known of a request before anything is asked of it: its id, its client, its host.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use http::header::{self, HeaderName};
use toolfront_app::EnvName;
use toolfront_store::Attribution;
use toolfront_token::{ActiveToken, OrgId, without_token_values};

use crate::access_log::Story;

const USER_AGENT_CHARS_MAX: usize = 200;
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A request's id, and from where it came.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) request_id: Box<str>,
    /// The number that the id is the text of.
    pub(crate) request_number: u64,
    pub(crate) address: IpAddr,
    pub(crate) user_agent: Option<Arc<str>>,
    /// What becomes known of it while it is answered.
    pub(crate) story: Story,
}

impl Context {
    /// `peer` is the other end of the connection; behind a proxy the address is the one that the proxy saw.
    pub(crate) fn new(
        request_number: u64,
        headers: &HeaderMap,
        peer: SocketAddr,
        behind_proxy: bool,
    ) -> Self {
        let address = if behind_proxy { forwarded_for(headers) } else { None };
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            request_id: request_id(request_number),
            request_number,
            story: Story::default(),
            address: address.unwrap_or_else(|| peer.ip()).to_canonical(),
            user_agent: user_agent.map(|agent| {
                without_token_values(agent).chars().take(USER_AGENT_CHARS_MAX).collect::<String>().into()
            }),
        }
    }

    /// Who did it, for the audit log.
    pub(crate) fn attribute(&self, organization: OrgId, by: Option<&ActiveToken>) -> Attribution {
        Attribution {
            organization,
            token: by.map(ActiveToken::token),
            generation: by.map(ActiveToken::generation),
            address: Some(self.address),
            user_agent: self.user_agent.as_deref().map(str::to_owned),
            request_id: Some(self.request_id.to_string()),
            use_slip: Some(self.story.slip()),
        }
    }

    /// The same for something that a token does.
    pub(crate) fn attribute_to(&self, by: &ActiveToken) -> Attribution {
        self.attribute(by.organization(), Some(by))
    }
}

/// The last address that was added: that of the proxy's own peer.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// Gives out request ids: unique in a process by a counter, across processes by a random start.
#[derive(Debug)]
pub(crate) struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn starting_at(start: u64) -> Self {
        Self { next: AtomicU64::new(start) }
    }

    pub(crate) fn next(&self) -> u64 {
        // An odd factor maps the counter to each 64-bit number once: ids are unique and don't look alike.
        self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// The text of one more id, where nobody asks for its number.
    pub(crate) fn next_text(&self) -> Box<str> {
        request_id(self.next())
    }
}

/// The text of a request's id.
fn request_id(number: u64) -> Box<str> {
    let mut text = String::with_capacity(20);
    text.push_str("req-");
    for shift in (0..16).rev() {
        let digit = u32::try_from(number >> (4 * shift) & 15).unwrap_or_default();
        text.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
    text.into_boxed_str()
}

/// The names that this gateway answers to. A page elsewhere in a browser can make a name of its own point
/// here (DNS rebinding), so that every other name is refused; an address can't be made to.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    any: bool,
    public: Option<Box<str>>,
    app_domain: Option<Box<str>>,
}

/// For what a request's host stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HostKind<'h> {
    /// The gateway itself.
    Gateway,
    /// The application of this name.
    Application(&'h str),
    /// Nothing of ours.
    Foreign,
}

impl Hosts {
    pub(crate) fn new(public_url: Option<&str>, app_domain: Option<&str>) -> Self {
        let public = public_url.map(|url| {
            let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
            host_of(authority.split('/').next().unwrap_or_default()).to_ascii_lowercase().into()
        });
        Self {
            any: false,
            public,
            app_domain: app_domain.map(|domain| domain.trim_matches('.').to_ascii_lowercase().into()),
        }
    }

    /// For names that are not given: addresses and `localhost` only.
    pub(crate) fn local() -> Self {
        Self { any: false, public: None, app_domain: None }
    }

    /// For a server behind a proxy, which answers for the names that it lets through.
    pub(crate) fn any() -> Self {
        Self { any: true, public: None, app_domain: None }
    }

    pub(crate) fn kind<'h>(&self, host: Option<&'h str>) -> HostKind<'h> {
        let Some(host) = host.map(host_of) else { return HostKind::Gateway };
        let same =
            |name: &Option<Box<str>>| name.as_deref().is_some_and(|name| host.eq_ignore_ascii_case(name));
        if host.eq_ignore_ascii_case("localhost") || is_address(host) || same(&self.public) {
            return HostKind::Gateway;
        }
        if self.any || same(&self.app_domain) {
            return HostKind::Gateway;
        }
        let Some(domain) = self.app_domain.as_deref() else { return HostKind::Foreign };
        let below = host.len().checked_sub(domain.len() + 1);
        let split = below.and_then(|place| host.split_at_checked(place));
        match split {
            Some((name, rest))
                if rest.strip_prefix('.').is_some_and(|rest| rest.eq_ignore_ascii_case(domain)) =>
            {
                let is_label = EnvName::parse(name).is_ok_and(|label| label.as_str() == name);
                if is_label { HostKind::Application(name) } else { HostKind::Foreign }
            }
            _ => HostKind::Foreign,
        }
    }
}

/// An authority without its port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_and_addresses_are_answered() {
        let hosts = Hosts::new(Some("https://Tools.example.com:8443/x"), Some("apps.example.com"));
        for host in
            ["tools.example.com", "tools.example.com:8443", "127.0.0.1:1", "[::1]:80", "localhost:8787"]
        {
            assert_eq!(hosts.kind(Some(host)), HostKind::Gateway, "{host}");
        }
        assert_eq!(hosts.kind(Some("docs.apps.example.com:443")), HostKind::Application("docs"));
        for host in ["evil.example", "a.b.apps.example.com", "xapps.example.com", ".apps.example.com", ""] {
            assert_eq!(hosts.kind(Some(host)), HostKind::Foreign, "{host}");
        }
        assert_eq!(hosts.kind(None), HostKind::Gateway);
        assert_eq!(Hosts::local().kind(Some("docs.example.com")), HostKind::Foreign);
        assert_eq!(Hosts::any().kind(Some("docs.example.com")), HostKind::Gateway);
    }

    #[test]
    fn request_ids_differ() {
        let ids = RequestIds::starting_at(7);
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(request_id(first).len(), 20);
    }

    #[test]
    fn the_proxys_own_word_counts_and_only_behind_one() {
        let peer: SocketAddr = "10.0.0.1:5".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "1.1.1.1, 2.2.2.2".parse().unwrap());
        let address = |behind| Context::new(1, &headers, peer, behind).address.to_string();
        assert_eq!(address(true), "2.2.2.2");
        assert_eq!(address(false), "10.0.0.1");
    }
}
