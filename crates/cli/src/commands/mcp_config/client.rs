//! How each MCP client writes down a server, and refers to a variable.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

/// An MCP client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    /// Claude Desktop, which starts servers and refers to no variables.
    ClaudeDesktop,
    /// Claude Code.
    #[value(alias = "claude")]
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    #[value(alias = "vs-code")]
    Vscode,
    /// Windsurf.
    Windsurf,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
}

/// What is to be written down.
pub(super) struct Entry<'e> {
    pub(super) name: &'e str,
    pub(super) url: &'e str,
    pub(super) variable: &'e str,
    pub(super) token_file: PathBuf,
}

/// The variable that the bridge reads.
const TOKEN: &str = "TOOLFRONT_TOKEN";

impl Client {
    /// What goes into the client's configuration file.
    pub(super) fn configuration(self, entry: &Entry<'_>, bridge: bool) -> String {
        let bridge = bridge || self == Self::ClaudeDesktop;
        let Entry { name, url, variable, token_file } = entry;
        if self == Self::Codex {
            return codex(entry, bridge);
        }
        let reference = self.reference(variable);
        let server = if bridge {
            let mut args = vec!["mcp".to_owned(), (*url).to_owned()];
            let mut server = json!({ "command": "toolfront" });
            if self == Self::ClaudeDesktop {
                args.extend(["--token-file".to_owned(), token_file.display().to_string()]);
            }
            if self == Self::Vscode {
                server = json!({ "type": "stdio", "command": "toolfront" });
            }
            server["args"] = json!(args);
            if self != Self::ClaudeDesktop {
                server["env"] = json!({ TOKEN: reference });
            }
            server
        } else {
            let mut server = match self {
                Self::ClaudeCode | Self::Vscode => json!({ "type": "http" }),
                _ => json!({}),
            };
            let key = match self {
                Self::Gemini => "httpUrl",
                Self::Windsurf => "serverUrl",
                _ => "url",
            };
            server[key] = json!(format!("{url}/mcp"));
            server["headers"] = json!({ "Authorization": format!("Bearer {reference}") });
            server
        };
        let servers = if self == Self::Vscode { "servers" } else { "mcpServers" };
        pretty(&json!({ servers: { *name: server } }))
    }

    /// Where it goes, and what else is to be done.
    pub(super) fn advice(self, entry: &Entry<'_>, bridge: bool) -> String {
        let file = match self {
            Self::ClaudeDesktop => "claude_desktop_config.json (Settings, Developer, Edit Config)",
            Self::ClaudeCode => ".mcp.json in the project",
            Self::Cursor => ".cursor/mcp.json in the project, or ~/.cursor/mcp.json",
            Self::Vscode => ".vscode/mcp.json in the project",
            Self::Windsurf => "~/.codeium/windsurf/mcp_config.json",
            Self::Codex => "~/.codex/config.toml",
            Self::Gemini => "~/.gemini/settings.json",
        };
        let path = entry.token_file.display();
        match self {
            Self::ClaudeDesktop => {
                let only = if bridge {
                    ""
                } else {
                    " Its configuration knows servers that it starts, and no headers: this is the bridge."
                };
                format!(
                    "For {file}.{only} It refers to no variables, so that the token goes into a file: write it to {path}, and \
                     chmod 600 it. `toolfront` has to be on the PATH, or written with its whole path."
                )
            }
            _ => format!("For {file}. The client reads the token from its environment: {}.", entry.variable),
        }
    }

    /// Whether the bridge can be given the token from a variable of that name.
    pub(super) fn can_hand_on(self, variable: &str, bridge: bool) -> bool {
        // It hands variables on under their own names.
        self != Self::Codex || !bridge || variable == TOKEN
    }

    /// How a variable is referred to.
    fn reference(self, variable: &str) -> String {
        match self {
            Self::Cursor | Self::Vscode | Self::Windsurf => format!("${{env:{variable}}}"),
            Self::ClaudeCode | Self::Gemini | Self::ClaudeDesktop | Self::Codex => format!("${{{variable}}}"),
        }
    }
}

fn codex(entry: &Entry<'_>, bridge: bool) -> String {
    let Entry { name, url, variable, .. } = entry;
    let mut server = toml::Table::new();
    if bridge {
        let args = ["mcp", url].map(toml::Value::from).to_vec();
        server.insert("command".to_owned(), "toolfront".into());
        server.insert("args".to_owned(), args.into());
        server.insert("env_vars".to_owned(), vec![toml::Value::from(*variable)].into());
    } else {
        server.insert("url".to_owned(), format!("{url}/mcp").into());
        server.insert("bearer_token_env_var".to_owned(), (*variable).into());
    }
    let servers = toml::Table::from_iter([((*name).to_owned(), toml::Value::Table(server))]);
    let all = toml::Table::from_iter([("mcp_servers".to_owned(), toml::Value::Table(servers))]);
    all.to_string().trim_end().to_owned()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(client: Client, bridge: bool) -> String {
        let entry = Entry {
            name: "docs",
            url: "https://gw.example.com/e/docs",
            variable: TOKEN,
            token_file: PathBuf::from("/home/me/.config/toolfront/docs.token"),
        };
        client.configuration(&entry, bridge)
    }

    fn json(client: Client, bridge: bool) -> Value {
        serde_json::from_str(&configuration(client, bridge)).unwrap()
    }

    #[test]
    fn each_client_gets_the_gateways_own_endpoint_in_its_own_words() {
        for (client, expected) in [
            (
                Client::ClaudeCode,
                json!({ "mcpServers": { "docs": { "type": "http", "url": "https://gw.example.com/e/docs/mcp",
                    "headers": { "Authorization": "Bearer ${TOOLFRONT_TOKEN}" } } } }),
            ),
            (
                Client::Cursor,
                json!({ "mcpServers": { "docs": { "url": "https://gw.example.com/e/docs/mcp",
                    "headers": { "Authorization": "Bearer ${env:TOOLFRONT_TOKEN}" } } } }),
            ),
            (
                Client::Vscode,
                json!({ "servers": { "docs": { "type": "http", "url": "https://gw.example.com/e/docs/mcp",
                    "headers": { "Authorization": "Bearer ${env:TOOLFRONT_TOKEN}" } } } }),
            ),
            (
                Client::Windsurf,
                json!({ "mcpServers": { "docs": { "serverUrl": "https://gw.example.com/e/docs/mcp",
                    "headers": { "Authorization": "Bearer ${env:TOOLFRONT_TOKEN}" } } } }),
            ),
            (
                Client::Gemini,
                json!({ "mcpServers": { "docs": { "httpUrl": "https://gw.example.com/e/docs/mcp",
                    "headers": { "Authorization": "Bearer ${TOOLFRONT_TOKEN}" } } } }),
            ),
        ] {
            assert_eq!(json(client, false), expected, "{client:?}");
        }
        assert_eq!(
            configuration(Client::Codex, false),
            "[mcp_servers.docs]\nbearer_token_env_var = \"TOOLFRONT_TOKEN\"\nurl = \"https://gw.example.com/e/docs/mcp\""
        );
    }

    #[test]
    fn each_client_gets_the_bridge_in_its_own_words() {
        let args = json!(["mcp", "https://gw.example.com/e/docs"]);
        for (client, servers, reference) in [
            (Client::ClaudeCode, "mcpServers", "${TOOLFRONT_TOKEN}"),
            (Client::Cursor, "mcpServers", "${env:TOOLFRONT_TOKEN}"),
            (Client::Vscode, "servers", "${env:TOOLFRONT_TOKEN}"),
            (Client::Windsurf, "mcpServers", "${env:TOOLFRONT_TOKEN}"),
            (Client::Gemini, "mcpServers", "${TOOLFRONT_TOKEN}"),
        ] {
            let server = json(client, true)[servers]["docs"].clone();
            assert_eq!((&server["command"], &server["args"]), (&json!("toolfront"), &args), "{client:?}");
            assert_eq!(server["env"], json!({ "TOOLFRONT_TOKEN": reference }), "{client:?}");
        }
        for bridge in [false, true] {
            let desktop = json(Client::ClaudeDesktop, bridge)["mcpServers"]["docs"].clone();
            let file = "/home/me/.config/toolfront/docs.token";
            assert_eq!(
                desktop["args"],
                json!(["mcp", "https://gw.example.com/e/docs", "--token-file", file])
            );
        }
        assert_eq!(
            configuration(Client::Codex, true),
            "[mcp_servers.docs]\nargs = [\"mcp\", \"https://gw.example.com/e/docs\"]\ncommand = \"toolfront\"\n\
             env_vars = [\"TOOLFRONT_TOKEN\"]"
        );
    }
}
