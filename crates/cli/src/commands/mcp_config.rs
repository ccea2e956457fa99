//! `toolfront mcp-config`.

mod client;

use std::path::PathBuf;

use clap::Args;
use toolfront_client::GatewayUrl;

use self::client::{Client, Entry};
use crate::failure::Failure;
use crate::session::Invocation;

/// Print what to put into an MCP client's configuration for an application, with the token as a reference to a variable
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront mcp-config https://gw.example.com/e/docs --client claude-code > .mcp.json\n  \
                  toolfront mcp-config https://gw.example.com/e/docs --client cursor\n  \
                  toolfront mcp-config https://gw.example.com/e/docs --client claude-desktop\n  \
                  toolfront mcp-config http://127.0.0.1:8787/e/docs --client vscode --bridge\n\n\
                  Nothing is called, and no token is read: the configuration names a variable (or a file) that holds it."
)]
pub(crate) struct Arguments {
    /// The application's URL
    url: String,

    /// Whose configuration it is for
    #[arg(long, value_enum)]
    client: Client,

    /// Let the client start `toolfront mcp`, in the place of connecting to the gateway itself
    #[arg(long)]
    bridge: bool,

    /// What the client calls the server; the application's name unless given
    #[arg(long)]
    name: Option<String>,

    /// The environment variable that holds the token
    #[arg(long, value_name = "NAME", default_value = "TOOLFRONT_TOKEN", value_parser = parse_variable)]
    token_variable: String,
}

fn parse_variable(text: &str) -> Result<String, String> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let begins = text.bytes().next().is_some_and(is_letter);
    if begins && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("the name of a variable is wanted: letters, digits and _".to_owned())
}

pub(crate) fn run(arguments: &Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let Arguments { client, bridge, .. } = *arguments;
    let url = GatewayUrl::parse(&arguments.url).map_err(|fault| Failure::wrong_use_of(&fault))?;
    let name = arguments.name.clone().unwrap_or_else(|| url.name());
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::wrong_use("a name has at least one character, and no control characters"));
    }
    if !client.can_hand_on(&arguments.token_variable, bridge) {
        return Err(Failure::wrong_use(
            "this client hands variables on under their own names, and the bridge reads TOOLFRONT_TOKEN: leave \
             --token-variable out",
        ));
    }
    let printer = invocation.printer;
    let entry = Entry {
        name: &name,
        url: url.as_str(),
        variable: &arguments.token_variable,
        token_file: token_file(invocation, &name),
    };
    printer.say(client.advice(&entry, bridge));
    if url.is_plain_text() {
        printer.warn(format_args!("{url} is not https: whoever is on the way can read the token"));
    }
    printer.result(client.configuration(&entry, bridge))
}

/// What goes into the configuration of Claude Code for the gateway's own endpoint.
pub(super) fn for_claude_code(name: &str, url: &str) -> String {
    let entry = Entry { name, url, variable: "TOOLFRONT_TOKEN", token_file: PathBuf::new() };
    Client::ClaudeCode.configuration(&entry, false)
}

/// Where a client that knows no variables finds the token.
fn token_file(invocation: &Invocation, name: &str) -> PathBuf {
    let directory = invocation.settings.context_file().ok();
    let directory = directory.and_then(|file| file.path().parent().map(std::path::Path::to_owned));
    let file: String =
        name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
    directory.unwrap_or_else(|| PathBuf::from("/path/to")).join(format!("{file}.token"))
}
