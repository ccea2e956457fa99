//! Which application is called, and as whom: what `ask` and `mcp` are given.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use toolfront_client::{ApiClient, ApplicationClient, Connection, GatewayUrl};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::session::Invocation;
use crate::settings::{ResolvedKey, ca_file};
use crate::token_file;

/// How long the gateway of the context may take to say whether an application is one of its own.
const LOOK_TIME: Duration = Duration::from_secs(5);

/// The application, and how it is called.
#[derive(Clone, Debug, Args)]
pub(crate) struct ApplicationArguments {
    /// The application's URL
    pub(crate) url: String,

    /// `token=tf_…` is the token to call it with, `token=@FILE` one in a file that nobody else may read; any other name is a header. A
    /// token here shows in the process list: prefer TOOLFRONT_TOKEN, --token-file or token=@FILE
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<Param>,

    /// A value for a variable that the pages mention, for every command
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) environment: Vec<Param>,
}

/// A name and a value, which may be secret: it prints nothing of it.
#[derive(Clone)]
pub(crate) struct Param {
    name: String,
    value: Zeroizing<String>,
}

/// An application that can be called.
#[derive(Debug)]
pub(crate) struct ApplicationAccess {
    pub(crate) client: ApplicationClient,
    /// What `--env` gives.
    pub(crate) environment: BTreeMap<String, String>,
}

/// What a request is to carry.
enum Credential {
    Nothing,
    /// A token of ours.
    Token(toolfront_token::TokenSecret),
    /// A token of another server.
    Foreign(KeyText),
}

impl FromStr for Param {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
        if name.is_empty() {
            return Err("NAME=VALUE is wanted, with a name");
        }
        Ok(Self { name: name.to_owned(), value: Zeroizing::new(value.to_owned()) })
    }
}

impl fmt::Debug for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

impl ApplicationAccess {
    /// The client that the arguments and the settings mean. Nothing is sent to the application yet.
    ///
    /// # Errors
    /// When something of it can't be used.
    pub(crate) async fn resolve(
        arguments: &ApplicationArguments,
        invocation: &Invocation,
    ) -> Result<Self, Failure> {
        let url = GatewayUrl::parse(&arguments.url).map_err(|fault| Failure::wrong_use_of(&fault))?;
        let settings = &invocation.settings;
        let mut connection = Connection::new(url.clone());
        connection.ca_file = ca_file(&settings.typed, &settings.variables).map(|file| file.value);
        for param in arguments.params.iter().filter(|param| !param.is_token()) {
            connection = connection
                .with_header(&param.name, &param.value)
                .map_err(|fault| Failure::wrong_use(format!("--param {}: {fault}", param.name)))?;
        }
        let has_credential = match credential(arguments, invocation, &url).await? {
            Credential::Nothing => false,
            Credential::Token(token) => {
                connection = connection.with_key(token);
                true
            }
            Credential::Foreign(text) => {
                let value = Zeroizing::new(format!("Bearer {}", text.reveal()));
                connection = connection
                    .with_header("authorization", &value)
                    .map_err(|fault| Failure::wrong_use(format!("the token: {fault}")))?;
                true
            }
        };
        if has_credential && url.is_plain_text() {
            invocation
                .printer
                .warn(format_args!("{url} is not https: whoever is on the way can read the token"));
        }
        let environment = arguments.environment.iter();
        let environment = environment.map(|param| (param.name.clone(), param.value.as_str().to_owned()));
        Ok(Self { client: ApplicationClient::new(&connection)?, environment: environment.collect() })
    }
}

impl Param {
    fn is_token(&self) -> bool {
        self.name == "token"
    }
}

/// `--param token=…` (or the whole header `--param Authorization=…`), `--token-file`, `--api-key`, `TOOLFRONT_TOKEN`; then the key of a gateway that the application is
/// of.
async fn credential(
    arguments: &ApplicationArguments,
    invocation: &Invocation,
    url: &GatewayUrl,
) -> Result<Credential, Failure> {
    let settings = &invocation.settings;
    let mut tokens = arguments.params.iter().filter(|param| param.is_token());
    if let Some(param) = tokens.next() {
        if tokens.next().is_some() {
            return Err(Failure::wrong_use("--param token is given twice"));
        }
        return match param.value.strip_prefix('@') {
            Some(path) => read(token_file::read_one(Path::new(path))?, "the file of --param token"),
            None => read(KeyText::new(&param.value), "--param token"),
        };
    }
    if arguments.params.iter().any(|param| param.name.eq_ignore_ascii_case("authorization")) {
        return Ok(Credential::Nothing);
    }
    if let Some(path) = &settings.typed.token_file {
        return read(token_file::read_one(path)?, "--token-file");
    }
    if let Some(key) = &settings.typed.api_key {
        return read(key.clone(), "--api-key");
    }
    if let Some(text) = settings.variables.text("TOOLFRONT_TOKEN")? {
        return read(KeyText::new(text), "TOOLFRONT_TOKEN");
    }
    key_of_gateway(invocation, url).await
}

/// A text that begins like one of our tokens has to be one; another is another server's.
fn read(text: KeyText, source: &str) -> Result<Credential, Failure> {
    match text.parse() {
        Ok(token) => Ok(Credential::Token(token)),
        Err(_) if !text.reveal().is_empty() && !text.reveal().starts_with("tf_") => {
            Ok(Credential::Foreign(text))
        }
        Err(fault) => Err(Failure::wrong_use(format!("what {source} gives is not a token: {fault}"))),
    }
}

/// The key of the gateway that the settings mean, when the application stands below its URL, or the gateway says that
/// it is one of its own. It is never sent to any other place.
async fn key_of_gateway(invocation: &Invocation, url: &GatewayUrl) -> Result<Credential, Failure> {
    let gateway = invocation.settings.gateway()?;
    let Some(gateway_url) = gateway.url.as_ref().map(|url| url.value.clone()) else {
        return Ok(Credential::Nothing);
    };
    if !matches!(gateway.key, ResolvedKey::Found(_)) {
        return Ok(Credential::Nothing);
    }
    let is_below = gateway_url.has_application(url);
    let mut connection = gateway.connection()?;
    if !is_below && !is_listed(&connection, url).await {
        return Ok(Credential::Nothing);
    }
    Ok(connection.key.take().map_or(Credential::Nothing, Credential::Token))
}

/// Whether the gateway names the application's URL as that of an environment.
async fn is_listed(connection: &Connection, url: &GatewayUrl) -> bool {
    let Ok(client) = ApiClient::new(connection) else { return false };
    let listed = tokio::time::timeout(LOOK_TIME, client.environments()).await;
    let environments = listed.ok().and_then(Result::ok).unwrap_or_default();
    environments.iter().any(|environment| GatewayUrl::parse(&environment.url).as_ref() == Ok(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_param_is_split_at_its_first_equals_sign_and_prints_no_value() {
        let param: Param = "token=tf_abc=d".parse().unwrap();
        assert_eq!((param.name.as_str(), param.value.as_str()), ("token", "tf_abc=d"));
        assert_eq!(format!("{param:?}"), "token=…");
        assert!("token".parse::<Param>().is_err() && "=x".parse::<Param>().is_err());
    }
}
