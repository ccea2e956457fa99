//! The two tools of a model: `read_page` and `run_command`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use toolfront_api::{Problem, RunExit, RunRequest};
use toolfront_app::{FilePath, Page};
use toolfront_client::{ApplicationClient, ClientError, RunOutput};

use crate::chat_model::{ToolCall, ToolDefinition, ToolResult};
use crate::fence::{cut_middle, fenced};
use crate::kept_output::Kept;

pub(crate) const READ_PAGE: &str = "read_page";
pub(crate) const RUN_COMMAND: &str = "run_command";

/// The most that is read of a page or file.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The tools, over one application.
pub(crate) struct PageTools {
    pub(crate) application: ApplicationClient,
    /// Values for variables, of the person: they win over the model's.
    pub(crate) env: BTreeMap<String, String>,
    /// How much of a page, or of each stream of a command, the model is shown.
    pub(crate) output_bytes_max: usize,
}

/// What the model is told of a call.
struct Told {
    content: String,
    is_error: bool,
}

impl Told {
    fn ok(content: String) -> Self {
        Self { content, is_error: false }
    }

    fn error(content: impl Into<String>) -> Self {
        Self { content: content.into(), is_error: true }
    }
}

/// The definitions of the tools.
pub(crate) fn definitions() -> Vec<ToolDefinition> {
    vec![
        ToolDefinition {
            name: READ_PAGE.to_owned(),
            description: "Read a page or another file of the application, by its path. Pages are Markdown; their front \
                          matter lists the tools that can be run from them."
                .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "path": { "type": "string", "description": "The path in the application, such as `reports/README.md`" },
                    "offset": { "type": "integer", "description": "From which byte on; only for going on after a cut" },
                },
                "required": ["path"],
                "additionalProperties": false,
            }),
        },
        ToolDefinition {
            name: RUN_COMMAND.to_owned(),
            description: "Run one of a page's tools. The command has to match one of the tools in the page's front \
                          matter; it runs in the directory of the page, without a shell."
                .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "page": { "type": "string", "description": "The path of the page whose tool it is" },
                    "command": {
                        "type": "array",
                        "items": { "type": "string" },
                        "description": "The program and its arguments, one element each, such as [\"ls\", \"-la\"]",
                    },
                    "env": {
                        "type": "object",
                        "additionalProperties": { "type": "string" },
                        "description": "Values for variables that the page mentions as $NAME, where it asks for them",
                    },
                },
                "required": ["page", "command"],
                "additionalProperties": false,
            }),
        },
    ]
}

impl PageTools {
    /// Makes a call. What the server refuses is told to the model, to mend its call by.
    ///
    /// # Errors
    /// When going on makes no sense: the token is not valid any more, or the server is gone.
    pub(crate) async fn call(
        &self,
        call: &ToolCall,
        told: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<ToolResult, ClientError> {
        let outcome = match (call.name.as_str(), call.arguments.as_object()) {
            (READ_PAGE | RUN_COMMAND, None) => Told::error(format!(
                "the arguments of {} have to be one JSON object; what came was: {}",
                call.name,
                cut_middle(&plain(&call.arguments), 400).text
            )),
            (READ_PAGE, Some(arguments)) => self.read_page(arguments).await?,
            (RUN_COMMAND, Some(arguments)) => self.run_command(arguments, told).await?,
            (other, _) => Told::error(format!("there is no tool {other}: call {READ_PAGE} or {RUN_COMMAND}")),
        };
        Ok(ToolResult {
            id: call.id.clone(),
            name: call.name.clone(),
            content: outcome.content,
            is_error: outcome.is_error,
        })
    }

    async fn read_page(&self, arguments: &Map<String, Value>) -> Result<Told, ClientError> {
        let path = match path_of(arguments, "path") {
            Ok(path) => path,
            Err(fault) => return Ok(Told::error(fault)),
        };
        let offset = arguments.get("offset").and_then(Value::as_u64).unwrap_or(0);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        match self.application.read(&path, PAGE_BYTES_MAX).await {
            Ok(page) => {
                let kind = page.media_type.unwrap_or_default();
                Ok(match String::from_utf8(page.bytes) {
                    Ok(text) => Told::ok(self.shown_page(&path, &text, offset)),
                    Err(error) => Told::error(format!(
                        "{path} is not text: {} bytes of {kind}. A tool of a page may be able to read it",
                        error.as_bytes().len()
                    )),
                })
            }
            Err(error) => refusal(error),
        }
    }

    /// A page as the model sees it.
    pub(crate) fn shown_page(&self, path: &str, text: &str, offset: usize) -> String {
        let start = text.ceil_char_boundary(offset.min(text.len()));
        let end = text.floor_char_boundary(start.saturating_add(self.output_bytes_max).min(text.len()));
        let shown = text.get(start..end).unwrap_or_default();
        let mut said = fenced("page", shown);
        if end < text.len() {
            let _ = write!(
                said,
                "\n[cut: {} of {} bytes are left out; go on with {READ_PAGE}(path: \"{path}\", offset: {end})]",
                text.len() - end,
                text.len()
            );
        }
        let tools = tools_of(text);
        if !tools.is_empty() {
            let _ = write!(said, "\nTools of this page, for {RUN_COMMAND}(page: \"{path}\", …):\n{tools}");
        }
        said
    }

    async fn run_command(
        &self,
        arguments: &Map<String, Value>,
        told: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Told, ClientError> {
        let (page, request) = match self.request(arguments) {
            Ok(request) => request,
            Err(fault) => return Ok(Told::error(fault)),
        };
        // No more is kept than twice what is shown: the beginning, and the end as it moves on.
        let (mut stdout, mut stderr) = (Kept::new(self.output_bytes_max), Kept::new(self.output_bytes_max));
        let ran = self.application.run_streaming(&page, &request, |output| {
            told(output.text());
            match output {
                RunOutput::Stdout(text) => stdout.push(text),
                RunOutput::Stderr(text) => stderr.push(text),
            }
        });
        match ran.await {
            Ok(exit) => Ok(Told::ok(ended(&exit, &stdout, &stderr))),
            Err(error) => refusal(error),
        }
    }

    fn request(&self, arguments: &Map<String, Value>) -> Result<(String, RunRequest), String> {
        let page = path_of(arguments, "page")?;
        let example = r#"`command` has to be a list of texts, such as ["ls", "-la"]"#;
        let words = arguments.get("command").and_then(Value::as_array).ok_or(example)?;
        let command = words.iter().map(word).collect::<Option<Vec<_>>>().ok_or(example)?;
        if command.is_empty() {
            return Err(example.to_owned());
        }
        let mut env = BTreeMap::new();
        match arguments.get("env") {
            None | Some(Value::Null) => {}
            Some(Value::Object(values)) => {
                for (name, value) in values {
                    let value = word(value).ok_or_else(|| format!("`env.{name}` has to be a text"))?;
                    env.insert(name.clone(), value);
                }
            }
            Some(_) => return Err("`env` has to be an object of texts".to_owned()),
        }
        env.extend(self.env.clone());
        Ok((page, RunRequest { command, env }))
    }
}

/// Numbers and truth values are meant as written.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn path_of(arguments: &Map<String, Value>, name: &str) -> Result<String, String> {
    let path = arguments.get(name).and_then(Value::as_str);
    let path = path.ok_or_else(|| format!("`{name}` has to be a path, such as \"README.md\""))?;
    let path = path.trim().trim_start_matches("./").trim_start_matches('/');
    if path.split('/').any(|segment| segment == "..") {
        return Err(format!("`{name}` is counted from the application's root: write it without `..`"));
    }
    Ok(path.to_owned())
}

/// The tools of a page, one a line, where its front matter can be read here.
pub(crate) fn tools_of(source: &str) -> String {
    let Ok(file) = FilePath::parse("page.md") else { return String::new() };
    let Ok(page) = Page::parse(&file, source) else { return String::new() };
    let lines = page.tools().iter().map(|tool| match tool.description() {
        Some(description) => format!("- {tool}  ({description})"),
        None => format!("- {tool}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What the server says when it does not do it; or that going on makes no sense.
fn refusal(error: ClientError) -> Result<Told, ClientError> {
    match &error {
        ClientError::Unreachable { .. } => Err(error),
        ClientError::Problem(problem) if problem.status == 401 => Err(error),
        ClientError::Problem(problem) => Ok(Told::error(refused(problem, &error.to_string()))),
        _ => Ok(Told::error(error.to_string())),
    }
}

fn refused(problem: &Problem, sentence: &str) -> String {
    let mut said = format!("the server refused (status {}): {sentence}", problem.status);
    if !problem.tools.is_empty() {
        let _ = write!(said, "\nThe page allows only these:");
        for tool in &problem.tools {
            let _ = write!(said, "\n- {tool}");
        }
    }
    if !problem.near.is_empty() {
        let _ = write!(said, "\nThese exist: {}", problem.near.join(", "));
    }
    said
}

fn ended(exit: &RunExit, stdout: &Kept, stderr: &Kept) -> String {
    let mut said = format!("exit code {}", exit.returncode);
    if exit.timed_out {
        said.push_str("; it ran out of time and was ended");
    }
    if exit.truncated {
        said.push_str("; the server dropped output beyond its limit");
    }
    if !exit.ignored_env.is_empty() {
        let _ = write!(said, "; these variables were not used: {}", exit.ignored_env.join(", "));
    }
    for (name, kept) in [("stdout", stdout), ("stderr", stderr)] {
        if kept.is_empty() {
            let _ = write!(said, "\n{name}: nothing");
            continue;
        }
        let (text, left_out) = kept.shown();
        let _ = write!(said, "\n{}", fenced(name, &text));
        if left_out > 0 {
            let _ = write!(
                said,
                "\n[cut: {left_out} of {} bytes of {name} are left out; ask for less, with a narrower command]",
                kept.total()
            );
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_its_tools_and_pages_that_do_not_parse_none() {
        assert_eq!(tools_of("---\ntools:\n  - [ls]\n  - [cat, { }]\n---\n# Hi\n").lines().count(), 2);
        assert_eq!(tools_of("---\ntools: 3\n---\n# Hi\n"), "");
        assert_eq!(tools_of("# Hi\n"), "");
    }
}
