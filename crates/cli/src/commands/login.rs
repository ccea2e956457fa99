//! `toolfront login`.

use std::io::{IsTerminal, Read};

use clap::Args;
use serde_json::json;
use toolfront_api::Token;
use toolfront_client::{ApiClient, Connection, GatewayUrl, WhichToken};
use toolfront_token::TokenSecret;
use zeroize::Zeroizing;

use crate::context_file::Context;
use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::session::Invocation;
use crate::settings::Settings;
use crate::token_file;

/// The most that is read of standard input.
const INPUT_BYTES_MAX: u64 = 64 * 1024;

/// Save a gateway and a token for it as a context, and make it the current one
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront login https://gw.example.com                          # asks for the token\n  \
                  toolfront login https://gw.example.com --token-file ./admin.token\n  \
                  pass show toolfront | toolfront login https://gw.example.com --context work\n\n\
                  The token is checked at the gateway before it is saved, in a file that only you can read."
)]
pub(crate) struct Arguments {
    /// The gateway's URL
    url: String,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let url = GatewayUrl::parse(&arguments.url).map_err(|fault| Failure::wrong_use_of(&fault))?;
    let settings = &invocation.settings;
    let name = settings.typed.context.clone().unwrap_or_else(|| url.authority());
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::wrong_use(
            "a context's name has at least one character, and no control characters",
        ));
    }
    if url.is_plain_text() {
        invocation.printer.warn(format_args!("{url} is not https: whoever is on the way can read the token"));
    }
    // Found out before the token is asked for.
    let file = settings.context_file()?;
    file.read()?;
    let text = ask(settings, invocation)?;
    let key = text.parse().map_err(|fault| Failure::wrong_use(format!("that is not a token: {fault}")))?;
    let record = check(settings, url.clone(), key).await?;
    let context = Context {
        api_url: url.to_string(),
        api_key: Some(text),
        org_id: Some(record.organization_id.to_string()),
        ..Context::default()
    };
    file.change(|contexts| {
        contexts.set(&name, context);
        contexts.current = Some(name.clone());
        Ok(())
    })?;
    invocation.printer.say(format_args!(
        "Logged in to {url} as {} ({}, {}); saved as the context {name} in {}, and current.",
        crate::layout::line(&record.name),
        record.id,
        record.scope,
        file.path().display()
    ));
    if invocation.printer.is_json() {
        return invocation
            .printer
            .json(&json!({ "context": name, "api_url": url.to_string(), "token": record }));
    }
    Ok(())
}

/// The record of the token, which proves that the gateway takes it.
async fn check(settings: &Settings, url: GatewayUrl, key: TokenSecret) -> Result<Token, Failure> {
    let ca_file = crate::settings::ca_file(&settings.typed, &settings.variables);
    let connection =
        Connection { ca_file: ca_file.map(|file| file.value), ..Connection::new(url).with_key(key) };
    let record = ApiClient::new(&connection)?.token(WhichToken::Own).await;
    record.map_err(|error| Failure::from(error).after("nothing was saved"))
}

/// The token: from a flag, a file, a prompt, or standard input when that is no terminal.
fn ask(settings: &Settings, invocation: &Invocation) -> Result<KeyText, Failure> {
    if let Some(key) = &settings.typed.api_key {
        return Ok(key.clone());
    }
    if let Some(path) = &settings.typed.token_file {
        return token_file::read_one(path);
    }
    let unreadable = |error: std::io::Error| Failure::wrong_use(format!("the token can't be read: {error}"));
    let input = std::io::stdin();
    if input.is_terminal() {
        invocation.printer.say("Paste the token (it is not shown):");
        return rpassword::read_password()
            .map(|text| KeyText::new(&Zeroizing::new(text)))
            .map_err(unreadable);
    }
    let mut text = Zeroizing::new(String::new());
    input.lock().take(INPUT_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    Ok(KeyText::new(&text))
}
