//! What `up` prints when everything runs: where it is, and calls to paste.

use serde_json::json;
use toolfront_api::{Environment, ShownOnce};

use super::{Application, Ready, example};
use crate::commands::mcp_config;
use crate::failure::Failure;
use crate::layout;
use crate::printer::Printer;

/// Prints where everything is. The value of the token is printed once.
pub(super) fn print(ready: Ready, printer: Printer) -> Result<(), Failure> {
    let Ready { url, environments, deployed } = ready;
    if printer.is_json() {
        let (environment, token) = deployed.map(|(_, environment, token)| (environment, token)).unzip();
        return printer.json(&json!({
            "gateway_url": url.to_string(), "environment": environment, "environments": environments, "token": token,
        }));
    }
    printer.say(format_args!(
        "\nToolFront runs at {url}; Ctrl-C stops it. Commands use it as the context local.\n"
    ));
    let Some((application, environment, token)) = deployed else {
        return without_application(&environments, printer);
    };
    let expires = token.record.expires_at.as_deref().map(layout::moment).unwrap_or_default();
    printer.result(layout::fields(&[
        ("application", environment.name.clone()),
        ("url", environment.url.clone()),
        ("token", format!("reads and runs the tools of {} until {expires}", environment.name)),
    ]))?;
    printer.result("\nPaste into another terminal (the value is shown this once):\n")?;
    printer.result(calls(&application, &environment, token.token).as_str())
}

fn without_application(environments: &[Environment], printer: Printer) -> Result<(), Failure> {
    if environments.is_empty() {
        printer.say("Nothing is deployed yet: `toolfront deploy PATH`, in another terminal.");
        return Ok(());
    }
    let rows = environments.iter().map(|environment| {
        vec![environment.name.clone(), environment.visibility.clone(), environment.url.clone()]
    });
    printer.result(layout::table(&["NAME", "VISIBILITY", "URL"], rows))?;
    printer.say("\nA token for one of them: `toolfront tokens create NAME --env ENVIRONMENT --expires 24h`.");
    Ok(())
}

/// The calls. Lines begin with a space, so that a shell with `HISTCONTROL=ignorespace` does not keep the value.
fn calls(
    application: &Application,
    environment: &Environment,
    token: ShownOnce,
) -> zeroize::Zeroizing<String> {
    let url = quoted(&environment.url);
    let mut text = zeroize::Zeroizing::new(String::with_capacity(2048));
    text.push_str("  export TOKEN=");
    text.push_str(token.into_secret().reveal());
    text.push_str("\n\n  # read the first page\n  curl -sS -H \"Authorization: Bearer $TOKEN\" ");
    text.push_str(&url);
    if let Some(command) = application.directory.first_page().and_then(|(_, page)| example::command(page)) {
        let body = quoted(&json!({ "command": command }).to_string());
        text.push_str("\n\n  # run a tool of it\n  curl -sS -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n    -d ");
        text.push_str(&body);
        text.push(' ');
        text.push_str(&url);
    }
    text.push('\n');
    text.push_str(&mcp(environment, &url));
    text.push_str(&ask(&url));
    text
}

/// What lets a model answer from it. A comment too: it needs the key of a model's provider.
fn ask(quoted_url: &str) -> String {
    format!(
        "\n  # to let a model answer from it, with its provider's key in the usual variable, such as OPENAI_API_KEY:\n  \
         # toolfront ask {quoted_url} 'What is in here?' --model openai:gpt-5\n"
    )
}

/// What an MCP client is told. It is pasted with the rest: what is for a file is a comment of the shell.
fn mcp(environment: &Environment, quoted_url: &str) -> String {
    let mut text = format!(
        "\n  # for an MCP client: it is a server of its own, at {}/mcp; the client reads the token from a variable\n  \
         export TOOLFRONT_TOKEN=\"$TOKEN\"\n  \
         # Claude Code, in .mcp.json (for others: toolfront mcp-config {quoted_url} --client cursor, vscode, …):\n",
        environment.url,
    );
    for line in mcp_config::for_claude_code(&environment.name, &environment.url).lines() {
        text.push_str("  # ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:/".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_shell_stays_one_word() {
        assert_eq!(quoted("http://127.0.0.1:8787/e/docs"), "http://127.0.0.1:8787/e/docs");
        assert_eq!(quoted(r#"{"command":["a b"]}"#), r#"'{"command":["a b"]}'"#);
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
