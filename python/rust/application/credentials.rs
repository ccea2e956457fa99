//! As whom an application is called: a token, and headers that its server wants.

use std::path::PathBuf;

use toolfront_client::{Connection, GatewayUrl};
use toolfront_token::TokenSecret;
use zeroize::Zeroizing;

use crate::faults::Fault;

/// What nobody may see of a call: kept as text, because the child of a fork connects anew.
pub(super) struct Credentials {
    token: Option<Zeroizing<String>>,
    headers: Vec<(String, Zeroizing<String>)>,
}

impl Credentials {
    /// `token` is the token, or with `@` before it the file that it is in; anything else is the header of that name.
    pub(super) fn new(given: Vec<(String, String)>) -> Result<Self, Fault> {
        let mut credentials = Self { token: None, headers: Vec::new() };
        for (name, value) in given {
            if name != "token" {
                credentials.headers.push((name, Zeroizing::new(value)));
                continue;
            }
            if credentials.token.is_some() {
                return Err(Fault::Configuration("the token is given twice".to_owned()));
            }
            let token = match value.strip_prefix('@') {
                Some(file) => toolfront_cli::read_token_file(file.as_ref()).map_err(Fault::Configuration)?,
                None => Zeroizing::new(value.trim().to_owned()),
            };
            if token.is_empty() {
                return Err(Fault::Configuration("the token is empty".to_owned()));
            }
            credentials.token = Some(token);
        }
        Ok(credentials)
    }

    pub(super) fn has_token(&self) -> bool {
        let authorizes = |name: &String| name.eq_ignore_ascii_case("authorization");
        self.token.is_some() || self.headers.iter().any(|(name, _)| authorizes(name))
    }

    pub(super) fn connection(&self, url: GatewayUrl, ca_file: Option<PathBuf>) -> Result<Connection, Fault> {
        let mut connection = Connection::new(url);
        connection.ca_file = ca_file;
        for (name, value) in &self.headers {
            connection = with_header(connection, name, value)?;
        }
        match self.token.as_ref().map(|token| (token.as_str(), TokenSecret::parse(token))) {
            None => Ok(connection),
            Some((_, Ok(secret))) => Ok(connection.with_key(secret)),
            // Another server's: nothing is known of it.
            Some((token, Err(_))) if !token.starts_with("tf_") => {
                with_header(connection, "authorization", &Zeroizing::new(format!("Bearer {token}")))
            }
            Some((_, Err(fault))) => {
                Err(Fault::Configuration(format!("what is given is not a token: {fault}")))
            }
        }
    }
}

fn with_header(connection: Connection, name: &str, value: &str) -> Result<Connection, Fault> {
    connection
        .with_header(name, value)
        .map_err(|fault| Fault::Configuration(format!("param {name}: {fault}")))
}
