//! The tools: what they take, and what they are allowed to be taken for.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use toolfront_api::RunRequest;

use crate::application::Refused;

/// A call of a tool, read.
#[derive(Debug)]
pub(crate) enum ToolCall {
    ListPages { under: String },
    ReadPage { path: String },
    RunCommand { page: String, request: RunRequest },
}

/// The tools of an application, always in this order.
pub(crate) fn tools(may_run: bool) -> Vec<Tool> {
    let mut tools = vec![list_pages(), read_page()];
    if may_run {
        tools.push(run_command());
    }
    tools
}

fn list_pages() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "under": {
                "type": "string",
                "description": "Only the pages in this directory and below it, such as `guides`; all when it is left out"
            }
        },
        "additionalProperties": false
    });
    let output = json!({
        "type": "object",
        "properties": {
            "pages": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "path": { "type": "string" },
                        "title": { "type": "string" },
                        "description": { "type": "string" },
                        "tools": { "type": "integer", "minimum": 0 }
                    },
                    "required": ["path", "tools"]
                }
            },
            "left_out": { "type": "integer", "minimum": 0 }
        },
        "required": ["pages", "left_out"]
    });
    let told = "List the application's pages, with their titles and how many tools each declares.";
    Tool::new("list_pages", told, object(input))
        .with_title("List pages")
        .with_raw_output_schema(object(output))
        .with_annotations(reading())
}

fn read_page() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "path": {
                "type": "string",
                "description": "The page's path from the application's top, such as `guide.md`; \"\" is the first page. A \
                                directory means its README.md; other files of the application can be read too"
            }
        },
        "required": ["path"],
        "additionalProperties": false
    });
    let told = "Read a page with its front matter, whose `tools` are the commands that may be run from it.";
    Tool::new("read_page", told, object(input)).with_title("Read a page").with_annotations(reading())
}

fn run_command() -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "page": {
                "type": "string",
                "description": "The path of the page whose tools allow the command; \"\" is the first page"
            },
            "command": {
                "type": "array",
                "items": { "type": "string" },
                "minItems": 1,
                "description": "The program and its arguments, one string each, such as [\"ls\", \"-la\"]; no shell reads them"
            },
            "env": {
                "type": "object",
                "additionalProperties": { "type": "string" },
                "description": "Values for variables that the page mentions and the server does not set"
            }
        },
        "required": ["page", "command"],
        "additionalProperties": false
    });
    let output = json!({
        "type": "object",
        "properties": {
            "stdout": { "type": "string" },
            "stderr": { "type": "string" },
            "returncode": { "type": "integer" },
            "duration_ms": { "type": "integer", "minimum": 0 },
            "truncated": { "type": "boolean" },
            "timed_out": { "type": "boolean" },
            "ignored_env": { "type": "array", "items": { "type": "string" } }
        },
        "required": ["stdout", "stderr", "returncode", "duration_ms", "truncated", "timed_out", "ignored_env"]
    });
    let told = "Run one command that a tool of the page allows, in the page's directory. A refusal lists what is allowed.";
    Tool::new("run_command", told, object(input))
        .with_title("Run a command")
        .with_raw_output_schema(object(output))
        .with_annotations(
            ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true),
        )
}

fn reading() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false)
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListPages {
    #[serde(default)]
    under: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadPage {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunCommand {
    page: String,
    command: Vec<String>,
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
}

impl ToolCall {
    /// Reads a call; `None` when there is no tool of that name.
    pub(crate) fn read(name: &str, arguments: JsonObject) -> Option<Result<Self, Refused>> {
        Some(match name {
            "list_pages" => parse(name, arguments).map(|ListPages { under }| {
                let under = under.unwrap_or_default().trim_matches('/').to_owned();
                Self::ListPages { under: if under == "." { String::new() } else { under } }
            }),
            "read_page" => {
                parse(name, arguments).map(|ReadPage { path }| Self::ReadPage { path: relative(&path) })
            }
            "run_command" => parse(name, arguments).map(|RunCommand { page, command, env }| {
                let request = RunRequest { command, env: env.unwrap_or_default() };
                Self::RunCommand { page: relative(&page), request }
            }),
            _ => return None,
        })
    }
}

/// Models write `/guide.md` and `./guide.md` for `guide.md`.
fn relative(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    if path == "." { String::new() } else { path.to_owned() }
}

fn parse<T: DeserializeOwned>(name: &str, arguments: JsonObject) -> Result<T, Refused> {
    serde_json::from_value(Value::Object(arguments)).map_err(|fault| {
        let example = match name {
            "run_command" => r#" For example: {"page": "README.md", "command": ["ls", "-la"]}."#,
            "read_page" => r#" For example: {"path": "README.md"}."#,
            _ => "",
        };
        Refused::new(format!("The arguments of {name} do not fit: {fault}.{example}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, arguments: Value) -> Option<Result<ToolCall, Refused>> {
        let Value::Object(arguments) = arguments else { panic!("not an object") };
        ToolCall::read(name, arguments)
    }

    #[test]
    fn a_tool_for_commands_is_there_for_who_may_run_some() {
        let names = |may_run| tools(may_run).into_iter().map(|tool| tool.name).collect::<Vec<_>>();
        assert_eq!(names(true), ["list_pages", "read_page", "run_command"]);
        assert_eq!(names(false), ["list_pages", "read_page"]);
    }

    #[test]
    fn arguments_that_do_not_fit_are_told_with_an_example() {
        let refused = read("run_command", json!({ "page": "", "command": "ls -la" })).unwrap().unwrap_err();
        assert!(refused.message.contains(r#""command": ["ls", "-la"]"#), "{}", refused.message);
        assert!(read("run_command", json!({ "page": "", "command": ["ls"], "cwd": "/" })).unwrap().is_err());
        assert!(read("no_tool", json!({})).is_none());
    }

    #[test]
    fn the_ways_that_models_write_a_path_are_taken() {
        for (written, meant) in [("/guide.md", "guide.md"), ("./a/b.md", "a/b.md"), (".", ""), ("", "")] {
            let call = read("read_page", json!({ "path": written })).unwrap().unwrap();
            assert!(matches!(&call, ToolCall::ReadPage { path } if path == meant), "{call:?}");
        }
    }
}
