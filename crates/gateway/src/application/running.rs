//! POST: from a request to the command that one of the page's tools allows, and from its end to the answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header;
use toolfront_api::{Code, FieldError, RunReply, RunRequest};
use toolfront_app::{AllowedCommand, CommandLine, FilePath, Page, RequestPath};
use toolfront_sandbox::{Cage, Finished, ReadyRun, Run, RunError, RunLimits, Sandbox};

use super::content::{Content, SmallFile};
use super::files::Files;
use super::run_secrets::RunSecrets;
use crate::problem::Refusal;

/// When to ask again for what could not be started now.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A command that is allowed, with all that it needs.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) page: FilePath,
    pub(crate) command: AllowedCommand,
    /// Where the application's files are.
    pub(crate) root: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) ignored: Vec<String>,
}

/// Finds the tool that allows the command, which is given the secrets as variables.
pub(crate) async fn prepare(
    files: &Files,
    path: &RequestPath,
    request: RunRequest,
    secrets: &RunSecrets,
) -> Result<Prepared, Refusal> {
    let file = files.resolve(path).await?;
    let content = page_content(files, &file).await?;
    let page = content.page(&file).as_ref().map_err(|faults| {
        let errors = faults.iter().map(|fault| FieldError {
            field: fault.position.map_or_else(String::new, |position| position.to_string()),
            message: fault.message.clone(),
        });
        Refusal::invalid(errors.collect())
    })?;
    let RunRequest { command, env } = request;
    let command = CommandLine::parse(command).map_err(|fault| Refusal::invalid_field("command", fault))?;
    let admitted = page.admit(&command).map_err(|refused| {
        let tools = page.tools().iter().map(ToString::to_string).collect();
        Refusal::new(Code::CommandNotAllowed, refused.to_string()).with_tools(tools)
    })?;
    let (environment, ignored) = variables(page, env, secrets)?;
    let value_of =
        |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let command = admitted
        .expand(&|name| value_of(name.as_str()))
        .map_err(|fault| Refusal::new(Code::UnsetVariable, format!("{fault}.")))?;
    let root = files.root().await?;
    let directory = root.join(file.directory());
    Ok(Prepared { page: file, command, root, directory, environment, ignored })
}

async fn page_content(files: &Files, file: &FilePath) -> Result<Arc<SmallFile>, Refusal> {
    match files.content(file).await? {
        Content::Memory(content) if file.is_markdown() => Ok(content),
        _ => Err(Refusal::new(
            Code::CommandNotAllowed,
            format!("{file} is not a page: tools are declared by Markdown pages and run from them."),
        )),
    }
}

type Environment = (Vec<(String, String)>, Vec<String>);

/// What the page mentions of a request's variables, and all secrets; and the names whose values are not used. A
/// secret wins over the request.
fn variables(
    page: &Page,
    sent: std::collections::BTreeMap<String, String>,
    secrets: &RunSecrets,
) -> Result<Environment, Refusal> {
    let (mut environment, mut ignored) = (Vec::new(), Vec::new());
    for (name, value) in sent {
        if !page.mentions(&name) || secrets.has(&name) {
            ignored.push(name);
        } else if value.contains('\0') {
            return Err(Refusal::invalid_field(&format!("env.{name}"), "must not contain a NUL"));
        } else {
            environment.push((name, value));
        }
    }
    environment.extend(secrets.variables());
    Ok((environment, ignored))
}

impl Prepared {
    pub(crate) fn into_run(self, limits: RunLimits) -> (Run, Vec<String>) {
        let Self { command, root, directory, environment, ignored, .. } = self;
        (Run { command, directory, environment, limits, cage: Cage::around(root) }, ignored)
    }
}

/// A command for which all is there but the word to start.
pub(crate) trait Prepare: Sized {
    fn prepare(sandbox: &Sandbox, run: Run) -> impl Future<Output = Self> + Send;
}

impl Prepare for ReadyRun {
    fn prepare(sandbox: &Sandbox, run: Run) -> impl Future<Output = Self> + Send {
        sandbox.prepare(run, None)
    }
}

/// What the client accepts, each with its parameters.
pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(','))
}

/// Whether the client asks for output as base64.
pub(super) fn as_base64(headers: &HeaderMap) -> bool {
    accepted(headers)
        .any(|range| range.split(';').any(|part| part.trim().eq_ignore_ascii_case("encoding=base64")))
}

/// The answer to a command that ran.
pub(crate) fn reply(
    finished: Finished,
    ignored_env: Vec<String>,
    request_id: &str,
    headers: &HeaderMap,
) -> RunReply {
    let as_base64 = as_base64(headers);
    let text = |bytes: Vec<u8>| {
        if as_base64 {
            return STANDARD.encode(bytes);
        }
        String::from_utf8(bytes).unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
    };
    RunReply {
        truncated: finished.stdout.truncated || finished.stderr.truncated,
        stdout: text(finished.stdout.bytes),
        stderr: text(finished.stderr.bytes),
        returncode: finished.returncode,
        duration_ms: u64::try_from(finished.duration.as_millis()).unwrap_or(u64::MAX),
        timed_out: finished.timed_out,
        request_id: request_id.to_owned(),
        ignored_env,
        encoding: as_base64.then(|| "base64".to_owned()),
    }
}

impl From<RunError> for Refusal {
    fn from(err: RunError) -> Self {
        match err {
            RunError::ProgramNotFound { .. } | RunError::NotExecutable { .. } => {
                Self::new(Code::ProgramMissing, format!("{err}."))
            }
            RunError::TemporaryDirectory { source } if source.kind() == std::io::ErrorKind::StorageFull => {
                toolfront_store::StoreError::DiskFull.into()
            }
            RunError::Exhausted { ref source, .. } => {
                tracing::error!(cause = %source, "a command could not be started for want of resources");
                Self::unavailable(format!("{err}: it was not run."), TRY_AGAIN)
            }
            RunError::LauncherLost => Self::unavailable(format!("{err}."), TRY_AGAIN),
            RunError::NetworkNotWithheld { .. } => Self::new(Code::Unavailable, format!("{err}.")),
            RunError::Cage { .. }
            | RunError::Spawn { .. }
            | RunError::TemporaryDirectory { .. }
            | RunError::Wait { .. } => Self::internal(&err),
        }
    }
}
