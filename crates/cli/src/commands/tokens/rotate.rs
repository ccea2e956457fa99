//! `toolfront tokens rotate`.

use std::time::Duration;

use clap::Args;
use toolfront_api::{EnvironmentScope, IssuedToken, RotateToken, ShownOnce};
use toolfront_token::{Grace, Scope, TokenName, TokenSecret};

use super::record::print_issued;
use crate::clock;
use crate::expires::Expires;
use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::session::{Invocation, Session};
use crate::span;

/// Give a token a new value, which alone goes to standard output. What is not given stays as it is
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  TOKEN=$(toolfront tokens rotate ci)\n  \
                  TOKEN=$(toolfront tokens rotate ci --grace 1h)     # the old value goes on for 1 h after the new one's first use\n  \
                  toolfront tokens rotate ci --env my-app --expires 30d > ci.token\n  toolfront tokens rotate self\n\n\
                  When the token is the one that the current context uses, the context gets the new value too.")]
pub(crate) struct Arguments {
    /// Its id, the beginning of its id, its name, or `self`
    #[arg(value_name = "T")]
    token: String,
    /// A new name
    #[arg(long)]
    name: Option<String>,
    /// A new scope: read, execute or admin
    #[arg(long, value_parser = super::parse_scope)]
    scope: Option<Scope>,
    /// The environments that it is for from now on, by id or name; give it again for more
    #[arg(long = "env", value_name = "E")]
    environments: Vec<String>,
    /// From now on it is for all environments of the organization
    #[arg(long, conflicts_with = "environments")]
    all_envs: bool,
    /// When it ends: a span, an instant or a date, as in `create`; or `never`
    #[arg(long, value_name = "T")]
    expires: Option<Expires>,
    /// How long the old value goes on after the new one is first used: a span, 7d at most; else it ends at once
    #[arg(long, value_name = "D", value_parser = parse_grace)]
    grace: Option<Duration>,
}

/// A span of at most the longest grace.
fn parse_grace(text: &str) -> Result<Duration, String> {
    let span = span::parse(text).map_err(|fault| fault.to_string())?;
    Grace::from_seconds(span.as_secs()).map_err(|fault| fault.to_string())?;
    Ok(span)
}

impl Arguments {
    fn change(&self, generation: Option<u32>) -> Result<RotateToken, Failure> {
        let name = self.name.as_deref().map(TokenName::parse).transpose();
        let name = name.map_err(|fault| Failure::wrong_use(format!("the name of a token {fault}")))?;
        let expires_at = match self.expires {
            None => None,
            Some(expires) => {
                Some(expires.resolve(clock::now())?.map_or_else(|| "never".to_owned(), |end| end.to_string()))
            }
        };
        Ok(RotateToken {
            name: name.map(|name| name.as_str().to_owned()),
            scope: self.scope.map(|scope| scope.wire().to_owned()),
            allowed_environment_ids: Some(self.environments.clone()).filter(|list| !list.is_empty()),
            environment_scope: self.all_envs.then_some(EnvironmentScope::All {}),
            expires_at,
            grace_seconds: self.grace.map(|grace| grace.as_secs()),
            generation,
            organization_id: None,
        })
    }
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    // What is wrong with the options is found before anything is sent.
    arguments.change(None)?;
    let session = invocation.session()?;
    let found = super::find(&session.client, &arguments.token).await?;
    let context = session.context_of(found.which).await?;
    // When the record was seen, it is that generation that is replaced: a rotation in between is a conflict.
    let change = arguments.change(found.record.as_ref().map(|record| record.generation))?;
    let IssuedToken { record, token } = session.client.rotate_token(found.which, &change).await?;
    let value = token.into_secret();
    if let Some(context) = context {
        keep(&context, &value, invocation, &session);
    }
    print_issued(invocation.printer, IssuedToken { record, token: ShownOnce::new(value) })
}

/// Puts the new value into the context that used the old one. The value is printed whether or not that succeeds.
fn keep(context: &str, value: &TokenSecret, invocation: &Invocation, session: &Session) {
    let value = KeyText::new(value.reveal());
    let saved = invocation.settings.context_file().and_then(|file| {
        file.change(|contexts| {
            let (_, before) = contexts.named(context)?;
            let changed = crate::context_file::Context { api_key: Some(value), ..before.clone() };
            contexts.set(context, changed);
            Ok(())
        })
    });
    let url = session.client.url();
    match saved {
        Ok(()) => invocation.printer.say(format_args!("The context {context} has the new value too.")),
        Err(failure) => invocation.printer.warn(format_args!(
            "the context {context} still has the old value: {}; log in again with `toolfront login {url}`",
            failure.message()
        )),
    }
}
