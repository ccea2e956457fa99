//! Which gateway is called, and as whom.

use std::path::PathBuf;

use toolfront_client::{Connection, GatewayUrl};
use toolfront_token::{OrgId, TokenSecret};

use super::{Source, Sourced, Variables};
use crate::arguments::GatewayArguments;
use crate::context_file::{Context, Contexts};
use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::token_file;

/// Which gateway is called, and as whom.
#[derive(Debug)]
pub(crate) struct GatewaySettings {
    pub(crate) url: Option<Sourced<GatewayUrl>>,
    pub(crate) key: ResolvedKey,
    pub(crate) organization: Option<Sourced<OrgId>>,
    pub(crate) ca_file: Option<Sourced<PathBuf>>,
    /// What the person should know.
    pub(crate) warnings: Vec<String>,
}

/// The token to call with.
#[derive(Debug)]
pub(crate) enum ResolvedKey {
    /// This one.
    Found(Sourced<TokenSecret>),
    /// None is given.
    Absent,
    /// The context has one, but it is for another gateway than the one that is called.
    ElsewhereOnly {
        /// The context's name.
        context: String,
    },
}

impl GatewaySettings {
    /// Flags come first, then variables, then the context. The key and the organization of a context are for its gateway alone:
    /// they are never sent to a URL that was given otherwise, unless it is the same.
    pub(crate) fn resolve(
        typed: &GatewayArguments,
        variables: &Variables,
        contexts: &Contexts,
    ) -> Result<Self, Failure> {
        let context = contexts.chosen(typed.context.as_deref())?;
        let of_context = |value: String, name: &str| Sourced::new(value, Source::Context(name.to_owned()));
        let context_url = context.map(|(name, context)| of_context(context.api_url.clone(), name));
        let context_url = context_url.map(parse_url).transpose();
        let given_url =
            text(typed.gateway_url.as_deref(), "--gateway-url", variables, "TOOLFRONT_GATEWAY_URL")?;
        let given_url = given_url.map(parse_url).transpose()?;
        // What is wrong with the context's URL matters only when it is used.
        let same_gateway = match (&given_url, &context_url) {
            (None, _) => true,
            (Some(given), Ok(Some(own))) => given.value == own.value,
            (Some(_), Ok(None) | Err(_)) => false,
        };
        let url = match given_url {
            Some(given) => Some(given),
            None => context_url?,
        };
        let usable = context.filter(|_| same_gateway);
        let key = key(typed, variables, usable, context)?;
        let mut warnings = Vec::new();
        if let Some(url) = &url
            && url.value.is_plain_text()
        {
            warnings.push(format!("{} is not https: whoever is on the way can read the token", url.value));
        }
        warnings.extend(contexts.warning().map(str::to_owned));
        let organization = match text(typed.org_id.as_deref(), "--org-id", variables, "TOOLFRONT_ORG_ID")? {
            Some(given) => Some(given),
            None => usable.and_then(|(name, context)| Some(of_context(context.org_id.clone()?, name))),
        };
        Ok(Self {
            url,
            key,
            organization: organization.map(parse_organization).transpose()?,
            ca_file: ca_file(typed, variables),
            warnings,
        })
    }

    /// The connection that these settings mean.
    ///
    /// # Errors
    /// When there is no gateway or no token to call it with.
    pub(crate) fn connection(self) -> Result<Connection, Failure> {
        let Some(url) = self.url else {
            return Err(Failure::wrong_use(
                "there is no gateway to call: start one with `toolfront up`, log in to one with `toolfront login URL`, or give \
                 --gateway-url (or TOOLFRONT_GATEWAY_URL)",
            ));
        };
        let key = match self.key {
            ResolvedKey::Found(key) => key.value,
            ResolvedKey::Absent => {
                return Err(Failure::wrong_use(format!(
                    "there is no token to call {} with: log in with `toolfront login {0}`, or give TOOLFRONT_API_KEY or \
                     --token-file",
                    url.value
                )));
            }
            ResolvedKey::ElsewhereOnly { context } => {
                return Err(Failure::wrong_use(format!(
                    "there is no token to call {} with: that of the context {context} is for another gateway, and is not \
                     sent there. Give TOOLFRONT_API_KEY or --token-file, or log in with `toolfront login {0}`",
                    url.value
                )));
            }
        };
        let connection = Connection::new(url.value).with_key(key);
        Ok(Connection {
            organization: self.organization.map(|organization| organization.value),
            ca_file: self.ca_file.map(|file| file.value),
            ..connection
        })
    }
}

/// The file of further certificates.
pub(crate) fn ca_file(typed: &GatewayArguments, variables: &Variables) -> Option<Sourced<PathBuf>> {
    let flag = typed.ca_file.clone().map(|path| Sourced::new(path, Source::Flag("--ca-file")));
    let variable = || {
        let path = variables.path("TOOLFRONT_CA_FILE")?;
        Some(Sourced::new(path, Source::Variable("TOOLFRONT_CA_FILE")))
    };
    flag.or_else(variable)
}

fn key(
    typed: &GatewayArguments,
    variables: &Variables,
    usable: Option<(&str, &Context)>,
    context: Option<(&str, &Context)>,
) -> Result<ResolvedKey, Failure> {
    let (text, source) = if let Some(key) = &typed.api_key {
        (key.clone(), Source::Flag("--api-key"))
    } else if let Some(path) = &typed.token_file {
        (token_file::read_one(path)?, Source::Flag("--token-file"))
    } else if let Some(text) = variables.text("TOOLFRONT_API_KEY")? {
        (KeyText::new(text), Source::Variable("TOOLFRONT_API_KEY"))
    } else if let Some((name, Context { api_key: Some(key), .. })) = usable {
        (key.clone(), Source::Context(name.to_owned()))
    } else {
        let absent = match context {
            Some((name, Context { api_key: Some(_), .. })) => {
                ResolvedKey::ElsewhereOnly { context: name.to_owned() }
            }
            Some((_, Context { api_key: None, .. })) | None => ResolvedKey::Absent,
        };
        return Ok(absent);
    };
    let value = text
        .parse()
        .map_err(|fault| Failure::wrong_use(format!("what {source} gives is not a token: {fault}")))?;
    Ok(ResolvedKey::Found(Sourced::new(value, source)))
}

fn text(
    flag: Option<&str>,
    flag_name: &'static str,
    variables: &Variables,
    variable: &'static str,
) -> Result<Option<Sourced<String>>, Failure> {
    if let Some(value) = flag {
        return Ok(Some(Sourced::new(value.to_owned(), Source::Flag(flag_name))));
    }
    let value = variables.text(variable)?;
    Ok(value.map(|value| Sourced::new(value.to_owned(), Source::Variable(variable))))
}

fn parse_url(text: Sourced<String>) -> Result<Sourced<GatewayUrl>, Failure> {
    match GatewayUrl::parse(&text.value) {
        Ok(url) => Ok(Sourced::new(url, text.source)),
        Err(fault) => Err(Failure::wrong_use(format!("the gateway's URL of {}: {fault}", text.source))),
    }
}

fn parse_organization(text: Sourced<String>) -> Result<Sourced<OrgId>, Failure> {
    match OrgId::parse(&text.value) {
        Ok(id) => Ok(Sourced::new(id, text.source)),
        Err(fault) => Err(Failure::wrong_use(format!("the organization of {}: {fault}", text.source))),
    }
}

#[cfg(test)]
mod tests;
