//! What a person gives for an application: `token=…`, and headers that its server wants.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use toolfront_token::TokenSecret;
use zeroize::Zeroizing;

/// The headers that every request to an application carries: `token` as `Authorization: Bearer …`, any other parameter as
/// the header of its name. Prints no value.
#[derive(Clone, Default)]
pub struct Parameters(HeaderMap);

/// Why a text is no parameter. Never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterFault {
    /// There is no `=` in it.
    #[error("a parameter is written as NAME=VALUE, such as token=@FILE or X-Tenant=acme")]
    NoValue,
    /// The name can't be that of a header.
    #[error("`{name}` can't be the name of a header")]
    Name {
        /// The name.
        name: String,
    },
    /// The name is one that the client itself fills in.
    #[error("the header `{name}` is the client's own: give a token as token=…")]
    Reserved {
        /// The name.
        name: String,
    },
    /// The value can't be that of a header.
    #[error("the value of `{name}` has characters that a header can't carry")]
    Value {
        /// The name.
        name: String,
    },
    /// The token is empty.
    #[error("the token is empty")]
    EmptyToken,
}

/// What HTTP itself needs right, and a person can't know.
const RESERVED: [&str; 7] =
    ["accept", "connection", "content-length", "content-type", "host", "transfer-encoding", "te"];

impl Parameters {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `NAME=VALUE`. A name that is there already gets the new value.
    ///
    /// # Errors
    /// [`ParameterFault`] says what is wrong with it.
    pub fn add(&mut self, text: &str) -> Result<(), ParameterFault> {
        let (name, value) = text.split_once('=').ok_or(ParameterFault::NoValue)?;
        self.insert(name.trim(), value)
    }

    /// Sets one parameter.
    ///
    /// # Errors
    /// [`ParameterFault`] says what is wrong with it.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), ParameterFault> {
        if name == "token" {
            return self.set_token(value);
        }
        let fault = |fault: fn(String) -> ParameterFault| fault(name.to_owned());
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| fault(|name| ParameterFault::Name { name }))?;
        if RESERVED.contains(&header.as_str()) {
            return Err(fault(|name| ParameterFault::Reserved { name }));
        }
        let mut value =
            HeaderValue::from_str(value).map_err(|_| fault(|name| ParameterFault::Value { name }))?;
        value.set_sensitive(true);
        self.0.insert(header, value);
        Ok(())
    }

    /// Sets the token. It need not be one of ToolFront's: other servers of the protocol have their own.
    ///
    /// # Errors
    /// [`ParameterFault`] when it is empty, or no header can carry it.
    pub fn set_token(&mut self, token: &str) -> Result<(), ParameterFault> {
        let token = token.trim();
        if token.is_empty() {
            return Err(ParameterFault::EmptyToken);
        }
        let text = Zeroizing::new(format!("Bearer {token}"));
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| ParameterFault::Value { name: "token".to_owned() })?;
        value.set_sensitive(true);
        self.0.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// The same with the value of a token of ToolFront.
    #[must_use]
    pub fn with_secret(mut self, token: &TokenSecret) -> Self {
        // A token's value is letters and digits: a header carries it.
        let _ = self.set_token(token.reveal());
        self
    }

    /// Whether there is a token, or another `Authorization`.
    pub fn has_token(&self) -> bool {
        self.0.contains_key(AUTHORIZATION)
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.0
    }

    pub(super) fn of_authorization(value: Option<HeaderValue>) -> Self {
        Self(value.into_iter().map(|value| (AUTHORIZATION, value)).collect())
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_bearer_and_anything_else_a_header() {
        let mut parameters = Parameters::new();
        parameters.add("token=abc=").unwrap();
        parameters.add("X-Tenant=a=b").unwrap();
        assert_eq!(parameters.headers()["authorization"], "Bearer abc=");
        assert_eq!(parameters.headers()["x-tenant"], "a=b");
        assert!(parameters.has_token());
        assert!(!format!("{parameters:?}").contains("abc"));
    }

    #[test]
    fn what_is_no_parameter_is_refused_without_its_value() {
        let mut parameters = Parameters::new();
        for (text, fault) in [
            ("secretvalue", ParameterFault::NoValue),
            ("token=", ParameterFault::EmptyToken),
            ("a b=secretvalue", ParameterFault::Name { name: "a b".to_owned() }),
            ("Host=secretvalue", ParameterFault::Reserved { name: "Host".to_owned() }),
            ("X-A=secret\nvalue", ParameterFault::Value { name: "X-A".to_owned() }),
        ] {
            assert_eq!(parameters.add(text), Err(fault.clone()));
            assert!(!format!("{fault} {fault:?}").contains("secret"));
        }
    }
}
