//! The command line as it is typed.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, value_parser};

use crate::commands::Command;
use crate::key_text::KeyText;

/// Host applications that agents read and run, and decide by tokens who may.
#[derive(Debug, Parser)]
#[command(
    name = "toolfront",
    version,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = "Examples:\n  toolfront up ./my-app                 # a gateway here, with this application\n  \
                  toolfront login https://gw.example.com\n  toolfront deploy ./my-app\n  \
                  TOKEN=$(toolfront tokens create ci --env my-app --expires 30d)\n\n\
                  Exit codes: 0 done, 1 failed, 2 wrong use, 3 refused (401, 403), 4 not found, 5 conflict, 69 the gateway \
                  can't be reached."
)]
pub(crate) struct Cli {
    /// Print the result as JSON on standard output, and errors as JSON on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gateway: GatewayArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const HEADING: &str = "Gateway options";

// No doc comment: clap would take it as what the whole program is about.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct GatewayArguments {
    /// The gateway to call [env: TOOLFRONT_GATEWAY_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = HEADING)]
    pub(crate) gateway_url: Option<String>,
    /// The token to call it with. Shows in the process list and the shell's history: prefer --token-file or the variable
    /// [env: TOOLFRONT_API_KEY]
    #[arg(long, global = true, value_name = "KEY", help_heading = HEADING)]
    pub(crate) api_key: Option<KeyText>,
    /// A file with the token to call it with, which nobody else may read; `-` is standard input
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING, conflicts_with = "api_key")]
    pub(crate) token_file: Option<PathBuf>,
    /// The organization that is meant [env: TOOLFRONT_ORG_ID]
    #[arg(long, global = true, value_name = "ID", help_heading = HEADING)]
    pub(crate) org_id: Option<String>,
    /// The context to use in the place of the current one
    #[arg(long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub(crate) context: Option<String>,
    /// Certificates (PEM) to trust besides the system's own [env: TOOLFRONT_CA_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) ca_file: Option<PathBuf>,
}

/// What the parser has to say in the place of a command: help, a version, or what is wrong.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) error: clap::Error,
    pub(crate) json: bool,
}

impl Cli {
    /// Reads the words of a command line, the program's name first.
    pub(crate) fn parse_words(words: &[OsString]) -> Result<Self, Answer> {
        let json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
        let parsed: Result<ArgMatches, clap::Error> = full_command().try_get_matches_from(words);
        parsed.and_then(|matches| Self::from_arg_matches(&matches)).map_err(|error| Answer { error, json })
    }
}

/// The whole command line. Commands that call no gateway do not show the options for one.
pub(crate) fn full_command() -> clap::Command {
    let mut command = Cli::command();
    let options: Vec<Arg> =
        command.get_arguments().filter(|arg| arg.get_help_heading() == Some(HEADING)).cloned().collect();
    for name in ["up", "gateway", "serve", "check", "context", "completions", "mcp-config"] {
        command = command
            .mut_subcommand(name, |local| local.args(options.iter().map(|arg| arg.clone().hide(true))));
    }
    let token_file = |help: &'static str| {
        let arg = Arg::new("token_file").long("token-file").value_name("FILE").help(help);
        arg.value_parser(value_parser!(PathBuf))
    };
    command
        .mut_subcommand("serve", |serve| {
            serve.mut_arg("token_file", |_| {
                token_file(
                    "Let in only who has a token of this file (one a line), which nobody else may read",
                )
            })
        })
        .mut_subcommand("ask", |ask| {
            let hidden = |arg: &Arg| matches!(arg.get_id().as_str(), "gateway_url" | "org_id" | "api_key");
            let token = token_file(
                "A file with the application's token, which nobody else may read; `-` is standard input",
            );
            ask.arg(token).args(options.iter().filter(|arg| hidden(arg)).map(|arg| arg.clone().hide(true)))
        })
        .mut_subcommand("login", |login| {
            let login = login
                .arg(token_file("The file with the token, which nobody else may read; `-` is standard input"))
                .arg(
                    Arg::new("context")
                        .long("context")
                        .value_name("NAME")
                        .help("What to call this context; the gateway's host unless given"),
                );
            let hidden = |arg: &Arg| matches!(arg.get_id().as_str(), "gateway_url" | "org_id");
            login.args(options.iter().filter(|arg| hidden(arg)).map(|arg| arg.clone().hide(true)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Cli, Answer> {
        Cli::parse_words(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_consistent() {
        full_command().debug_assert();
    }

    #[test]
    fn options_of_the_gateway_are_taken_before_the_command_and_after_it() {
        for words in [
            ["toolfront", "--gateway-url", "https://h", "tokens", "list"],
            ["toolfront", "tokens", "--gateway-url", "https://h", "list"],
            ["toolfront", "tokens", "list", "--gateway-url", "https://h"],
        ] {
            assert_eq!(
                parsed(&words).unwrap().gateway.gateway_url.as_deref(),
                Some("https://h"),
                "{words:?}"
            );
        }
    }

    #[test]
    fn the_files_of_serve_and_login_are_read_as_the_option_of_the_gateway() {
        for words in [
            ["toolfront", "serve", ".", "--token-file", "f"],
            ["toolfront", "login", "https://h", "--token-file", "f"],
        ] {
            assert_eq!(parsed(&words).unwrap().gateway.token_file, Some(PathBuf::from("f")), "{words:?}");
        }
    }

    #[test]
    fn json_is_taken_anywhere() {
        for words in [["toolfront", "--json", "whoami"], ["toolfront", "whoami", "--json"]] {
            assert!(parsed(&words).unwrap().json);
        }
        assert!(parsed(&["toolfront", "nothing", "--json"]).unwrap_err().json);
    }
}
