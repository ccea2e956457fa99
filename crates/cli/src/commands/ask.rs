//! `toolfront ask`.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

mod markdown;
mod verbose;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use toolfront_agent::{
    Agent, AgentError, AgentOptions, Answer, AnswerFormat, AnswerSchema, Event, ModelSetupFault,
    ProviderModel,
};

use self::verbose::Narrator;
use crate::application_access::{ApplicationAccess, ApplicationArguments};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::Invocation;

/// The most that a schema or a prompt may have.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Ask a question that a model answers by reading an application's pages and running their tools
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront ask http://127.0.0.1:8787/e/my-app \"What is in here?\" --model openai:gpt-5 --param token=@my-app.token\n  \
                  TOOLFRONT_TOKEN=… TOOLFRONT_MODEL=anthropic:claude-sonnet-4-5 toolfront ask URL \"How many?\" --schema ./count.json\n  \
                  toolfront ask URL - --verbose < question.txt\n\n\
                  Standard output has the answer alone. Keys of providers come from their usual variables, such as OPENAI_API_KEY, \
                  ANTHROPIC_API_KEY, GOOGLE_API_KEY, MISTRAL_API_KEY, HF_TOKEN, OPENROUTER_API_KEY, GROQ_API_KEY; other \
                  addresses from OPENAI_BASE_URL and the like. Without a parameter `token`, TOOLFRONT_TOKEN counts, then the context's \
                  key when the URL is one of its gateway."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: ApplicationArguments,
    /// The question; `-` reads it from standard input
    prompt: String,
    /// The model, as provider:name: openai, openai-responses, anthropic, google, mistral, huggingface, openrouter, ollama,
    /// groq [env: TOOLFRONT_MODEL]
    #[arg(long, value_name = "PROVIDER:NAME")]
    model: Option<String>,
    /// What the answer is
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = OutputType::Str)]
    output_type: OutputType,
    /// A file with the JSON schema that the answer has to fit
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Tell on standard error what the model thinks, calls and gets
    #[arg(long, short)]
    verbose: bool,
    /// How often the model may be asked
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    max_turns: u32,
    /// How many tokens the conversation may have; the oldest results are dropped first
    #[arg(long, value_name = "TOKENS", default_value_t = 120_000)]
    context_window: usize,
    /// How many seconds the answer may take; no limit unless given
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputType {
    /// A text
    Str,
    /// JSON
    Json,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let printer = invocation.printer;
    let prompt = prompt(&arguments.prompt)?;
    let format = format(arguments.output_type, arguments.schema.as_deref())?;
    let model = model(arguments.model.as_deref(), invocation)?;
    let ApplicationAccess { client, environment } =
        ApplicationAccess::resolve(&arguments.application, invocation).await?;
    let options = AgentOptions {
        max_turns: arguments.max_turns,
        context_window: arguments.context_window,
        env: environment,
        timeout: arguments.timeout.map(Duration::from_secs),
        ..AgentOptions::default()
    };
    let agent = Agent::new(client, Arc::new(model)).with_options(options);
    let narrator = Narrator::new(printer, arguments.verbose);
    let tell = |event: Event| narrator.tell(&event);
    let is_json = matches!(format, AnswerFormat::Json(_));
    let cancel = on_interrupt()?;
    let answer = agent.question(prompt).with_format(format).told_to(&tell).until(cancel).answer().await;
    narrator.finish();
    let answer = answer?;
    if arguments.verbose {
        printer.say(format_args!(
            "{} turns, {} calls, {} tokens in, {} tokens out",
            answer.turns, answer.calls, answer.usage.input_tokens, answer.usage.output_tokens
        ));
    }
    print(&answer, is_json, printer)
}

fn print(answer: &Answer, is_json: bool, printer: Printer) -> Result<(), Failure> {
    if printer.is_json() {
        let value = match serde_json::from_str::<Value>(&answer.text) {
            Ok(value) if is_json => value,
            _ => Value::String(answer.text.clone()),
        };
        return printer.json(&json!({
            "answer": value, "model": answer.model, "turns": answer.turns, "calls": answer.calls, "usage": answer.usage,
        }));
    }
    if std::io::stdout().is_terminal() {
        // What a model says can't move the cursor or change colours.
        let shown =
            answer.text.chars().filter(|letter| matches!(letter, '\n' | '\t') || !letter.is_control());
        return printer.result(shown.collect::<String>());
    }
    let end = if answer.text.ends_with('\n') { "" } else { "\n" };
    printer.bytes(format!("{}{end}", answer.text).as_bytes())
}

fn prompt(typed: &str) -> Result<String, Failure> {
    let text = if typed == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| Failure::wrong_use(format!("standard input can't be read: {error}")))?;
        text
    } else {
        typed.to_owned()
    };
    if text.trim().is_empty() {
        return Err(Failure::wrong_use("there is no question"));
    }
    Ok(text)
}

fn format(output_type: OutputType, schema: Option<&Path>) -> Result<AnswerFormat, Failure> {
    let schema = match (schema, output_type) {
        (None, OutputType::Str) => return Ok(AnswerFormat::Text),
        (None, OutputType::Json) => json!({}),
        (Some(path), _) => {
            let unreadable = |error: &dyn std::error::Error| {
                Failure::wrong_use(format!("{} can't be read: {error}", path.display()))
            };
            let text = std::fs::read(path).map_err(|error| unreadable(&error))?;
            serde_json::from_slice(&text).map_err(|error| unreadable(&error))?
        }
    };
    let schema = AnswerSchema::new(schema).map_err(|fault| Failure::wrong_use(fault.to_string()))?;
    Ok(AnswerFormat::Json(schema))
}

fn model(typed: Option<&str>, invocation: &Invocation) -> Result<ProviderModel, Failure> {
    let variables = &invocation.settings.variables;
    let name = match typed {
        Some(name) => Some(name),
        None => match variables.text("TOOLFRONT_MODEL")? {
            Some(name) => Some(name),
            None => variables.text("TOOLFRONT_DEFAULT_MODEL")?,
        },
    };
    let Some(name) = name else {
        return Err(Failure::wrong_use(
            "there is no model to ask: give --model provider:name, such as openai:gpt-5, or TOOLFRONT_MODEL",
        ));
    };
    Ok(ProviderModel::from_name(name, &|variable| variables.value_of(variable))?)
}

/// Cancelled by Ctrl-C or SIGTERM.
fn on_interrupt() -> Result<CancellationToken, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::failed(format!("signals can't be listened to: {error}")))
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        token.cancel();
    });
    Ok(cancel)
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Application(error) => error.into(),
            AgentError::Cancelled => Self::interrupted(),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<ModelSetupFault> for Failure {
    fn from(fault: ModelSetupFault) -> Self {
        match fault {
            ModelSetupFault::Http(_) => Self::of(&fault),
            ModelSetupFault::Library(_) => Self::failed(fault.to_string()),
            ModelSetupFault::NoProvider { .. }
            | ModelSetupFault::UnknownProvider { .. }
            | ModelSetupFault::NoKey { .. }
            | ModelSetupFault::BaseUrl { .. } => Self::wrong_use(fault.to_string()),
        }
    }
}
