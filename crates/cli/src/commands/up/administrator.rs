//! The admin token that `up` works with: the one of the context `local`, or a new one.

use toolfront_client::{ApiClient, Connection, GatewayUrl, WhichToken};
use toolfront_gateway::{FirstToken, Gateway};
use toolfront_token::{Scope, TokenSecret};

use crate::commands::gateway::setup_failure;
use crate::context_file::Context;
use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::session::Invocation;

/// The context that `up` keeps.
const CONTEXT: &str = "local";
/// What the organization is called.
const ORGANIZATION: &str = "local";
/// What a token is called that was made because the context's one is not valid.
const RECOVERED: &str = "up";

/// Refuses when the context `local` is for another machine: its key would be lost.
pub(super) fn refuse_foreign_context(invocation: &Invocation) -> Result<(), Failure> {
    let contexts = invocation.settings.context_file()?.read()?;
    let Ok((_, context)) = contexts.named(CONTEXT) else { return Ok(()) };
    match GatewayUrl::parse(&context.api_url) {
        Ok(url) if !url.is_loopback() => Err(Failure::wrong_use(format!(
            "the context {CONTEXT} is for {url}, and `up` needs that name: log in there again with another --context, and \
             remove this one with `toolfront context remove {CONTEXT}`"
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A client with an admin token of this gateway, whose context is saved.
pub(super) async fn client(
    gateway: &Gateway,
    url: &GatewayUrl,
    invocation: &Invocation,
) -> Result<ApiClient, Failure> {
    if !gateway.is_initialized().await.map_err(|error| setup_failure(&error))? {
        let first = gateway.initialize(ORGANIZATION).await.map_err(|error| setup_failure(&error))?;
        return keep(first, url, invocation);
    }
    if let Some(client) = known(url, invocation).await? {
        return Ok(client);
    }
    let first = gateway.recover(RECOVERED).await.map_err(|error| setup_failure(&error))?;
    invocation.printer.say(format_args!(
        "The context {CONTEXT} had no valid admin token of this gateway; made a new one ({}).",
        first.token
    ));
    keep(first, url, invocation)
}

/// A client with the key of the context, when that is a valid admin token here.
async fn known(url: &GatewayUrl, invocation: &Invocation) -> Result<Option<ApiClient>, Failure> {
    let file = invocation.settings.context_file()?;
    let contexts = file.read()?;
    let Ok((_, context)) = contexts.named(CONTEXT) else { return Ok(None) };
    let Some(Ok(key)) = context.api_key.as_ref().map(KeyText::parse) else { return Ok(None) };
    let client = connect(url, key)?;
    let record = match client.token(WhichToken::Own).await {
        Ok(record) => record,
        Err(error) if error.status() == Some(401) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if Scope::parse(&record.scope) != Ok(Scope::Admin) || record.allowed_environments.is_some() {
        return Ok(None);
    }
    if GatewayUrl::parse(&context.api_url).as_ref() != Ok(url) {
        let moved = Context { api_url: url.to_string(), ..context.clone() };
        save(moved, invocation)?;
    }
    Ok(Some(client))
}

fn keep(first: FirstToken, url: &GatewayUrl, invocation: &Invocation) -> Result<ApiClient, Failure> {
    let context = Context {
        api_url: url.to_string(),
        api_key: Some(KeyText::new(first.value.reveal())),
        org_id: Some(first.organization.to_string()),
        ..Context::default()
    };
    save(context, invocation)?;
    connect(url, first.value)
}

/// Saves the context, and makes it the current one when none is.
fn save(context: Context, invocation: &Invocation) -> Result<(), Failure> {
    invocation.settings.context_file()?.change(|contexts| {
        contexts.set(CONTEXT, context);
        contexts.current.get_or_insert_with(|| CONTEXT.to_owned());
        Ok(())
    })
}

fn connect(url: &GatewayUrl, key: TokenSecret) -> Result<ApiClient, Failure> {
    Ok(ApiClient::new(&Connection::new(url.clone()).with_key(key))?)
}
