use std::ffi::OsString;

use toolfront_token::{Entropy, EntropyFailed};

use super::*;

struct Bytes(u8);

impl Entropy for Bytes {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        bytes.fill(self.0);
        Ok(())
    }
}

/// A well-formed value, another for each number.
fn value(number: u8) -> String {
    TokenSecret::mint(&mut Bytes(number)).unwrap().reveal().to_owned()
}

fn typed() -> GatewayArguments {
    GatewayArguments::default()
}

fn variables(pairs: &[(&'static str, &str)]) -> Variables {
    Variables::of(pairs.iter().map(|(name, value)| (*name, OsString::from(value))))
}

fn contexts() -> Contexts {
    let one = |url: &str, number| Context {
        api_url: url.to_owned(),
        api_key: Some(KeyText::new(&value(number))),
        org_id: Some("org-aaaaaaaaaaaa".to_owned()),
        ..Context::default()
    };
    let mut contexts = Contexts::default();
    contexts.set("a", one("https://a.example.com", 1));
    contexts.set("b", one("https://b.example.com", 2));
    contexts.current = Some("a".to_owned());
    contexts
}

fn shown(settings: &GatewaySettings) -> (Option<String>, Option<String>) {
    let url = settings.url.as_ref().map(|url| format!("{} of {}", url.value, url.source));
    let key = match &settings.key {
        ResolvedKey::Found(key) => Some(format!("{} of {}", key.value.hint().as_str(), key.source)),
        ResolvedKey::Absent | ResolvedKey::ElsewhereOnly { .. } => None,
    };
    (url, key)
}

fn hint(number: u8) -> String {
    value(number).chars().skip(39).collect()
}

#[test]
fn the_current_context_counts_when_nothing_else_is_given() {
    let settings = GatewaySettings::resolve(&typed(), &variables(&[]), &contexts()).unwrap();
    let expected =
        (Some("https://a.example.com of context a".to_owned()), Some(format!("{} of context a", hint(1))));
    assert_eq!(shown(&settings), expected);
    assert_eq!(settings.organization.unwrap().value.to_string(), "org-aaaaaaaaaaaa");
}

#[test]
fn a_context_can_be_chosen_by_its_name() {
    let typed = GatewayArguments { context: Some("b".to_owned()), ..typed() };
    let settings = GatewaySettings::resolve(&typed, &variables(&[]), &contexts()).unwrap();
    assert_eq!(shown(&settings).0.unwrap(), "https://b.example.com of context b");
    let unknown = GatewayArguments { context: Some("c".to_owned()), ..GatewayArguments::default() };
    let failure = GatewaySettings::resolve(&unknown, &variables(&[]), &contexts()).unwrap_err();
    assert!(failure.message().contains("no context c"), "{}", failure.message());
}

#[test]
fn a_variable_comes_before_the_context_and_a_flag_before_both() {
    let from_environment =
        variables(&[("TOOLFRONT_GATEWAY_URL", "https://e.example.com"), ("TOOLFRONT_API_KEY", &value(3))]);
    let settings = GatewaySettings::resolve(&typed(), &from_environment, &contexts()).unwrap();
    let expected = (
        Some("https://e.example.com of TOOLFRONT_GATEWAY_URL".to_owned()),
        Some(format!("{} of TOOLFRONT_API_KEY", hint(3))),
    );
    assert_eq!(shown(&settings), expected);
    let flags = GatewayArguments {
        gateway_url: Some("https://f.example.com".to_owned()),
        api_key: Some(KeyText::new(&value(4))),
        org_id: Some("org-bbbbbbbbbbbb".to_owned()),
        ..typed()
    };
    let settings = GatewaySettings::resolve(&flags, &from_environment, &contexts()).unwrap();
    let expected = (
        Some("https://f.example.com of --gateway-url".to_owned()),
        Some(format!("{} of --api-key", hint(4))),
    );
    assert_eq!(shown(&settings), expected);
    assert_eq!(settings.organization.unwrap().value.to_string(), "org-bbbbbbbbbbbb");
}

#[test]
fn the_key_of_a_context_is_never_sent_to_another_gateway() {
    let elsewhere = GatewayArguments { gateway_url: Some("https://evil.example.com".to_owned()), ..typed() };
    let settings = GatewaySettings::resolve(&elsewhere, &variables(&[]), &contexts()).unwrap();
    assert!(matches!(&settings.key, ResolvedKey::ElsewhereOnly { context } if context == "a"));
    assert!(settings.organization.is_none());
    let failure = settings.connection().unwrap_err();
    assert!(failure.message().contains("is for another gateway"), "{}", failure.message());
    let same = GatewayArguments { gateway_url: Some("https://a.example.com/".to_owned()), ..typed() };
    let settings = GatewaySettings::resolve(&same, &variables(&[]), &contexts()).unwrap();
    assert!(matches!(settings.key, ResolvedKey::Found(_)));
}

#[test]
fn a_malformed_key_is_refused_without_being_repeated() {
    let malformed = variables(&[("TOOLFRONT_API_KEY", "tf_abcdefghijklmnop")]);
    let failure = GatewaySettings::resolve(&typed(), &malformed, &contexts()).unwrap_err();
    assert_eq!(
        failure.message(),
        "what TOOLFRONT_API_KEY gives is not a token: a token has 43 characters, this has 19"
    );
}

#[test]
fn without_a_gateway_it_is_said_how_to_get_one() {
    let settings = GatewaySettings::resolve(&typed(), &variables(&[]), &Contexts::default()).unwrap();
    let failure = settings.connection().unwrap_err();
    assert!(failure.message().contains("toolfront login URL"), "{}", failure.message());
}

#[test]
fn a_gateway_that_is_not_https_is_warned_of_unless_it_is_here() {
    for (url, warned) in [("http://10.0.0.1", true), ("http://127.0.0.1:8787", false), ("https://h", false)] {
        let given = variables(&[("TOOLFRONT_GATEWAY_URL", url)]);
        let settings = GatewaySettings::resolve(&typed(), &given, &Contexts::default()).unwrap();
        assert_eq!(settings.warnings.len(), usize::from(warned), "{url}");
    }
}
