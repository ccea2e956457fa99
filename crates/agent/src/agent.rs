//! An agent over one application: what it is given, and what it yields.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use toolfront_client::{ApplicationClient, ClientError};

use crate::chat_model::{ChatModel, ModelError, Usage};
use crate::conversation::Conversation;
use crate::event::Event;
use crate::final_answer::{AnswerCheck, AnswerFormat};
use crate::patience::Patience;

/// How often an answer that does not fit is given back to the model.
pub(crate) const REPAIRS_MAX: u32 = 3;

/// An agent over one application: a model that reads its pages and runs their tools until it can answer.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use toolfront_agent::{Agent, ProviderModel};
/// use toolfront_client::{ApplicationClient, Connection, GatewayUrl};
///
/// let url = GatewayUrl::parse("https://gw.example.com/e/sales")?;
/// let connection = Connection::new(url).with_header("authorization", "Bearer tf_…")?;
/// let application = ApplicationClient::new(&connection)?;
/// let model = ProviderModel::from_name("openai:gpt-5", &|name| Some(format!("the value of {name}")))?;
/// let agent = Agent::new(application, Arc::new(model));
/// let answer = agent.question("Who are our top customers?").answer().await?;
/// println!("{}", answer.text);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Agent {
    pub(crate) application: ApplicationClient,
    pub(crate) model: Arc<dyn ChatModel>,
    pub(crate) options: AgentOptions,
}

/// What an agent may use up.
#[derive(Clone)]
pub struct AgentOptions {
    /// How often the model is asked for one answer.
    pub max_turns: u32,
    /// How long a conversation may be, in tokens, as far as that can be told from its bytes; the oldest results of tools are
    /// dropped first.
    pub context_window: usize,
    /// How much of a page, or of each stream of a command, the model is shown, in bytes.
    pub output_bytes_max: usize,
    /// How many calls of one turn are made at the same time.
    pub calls_at_once: usize,
    /// Values for variables that pages mention. The model is told their names only, as far as the pages do not print them.
    pub env: BTreeMap<String, String>,
    /// How long an answer may take in all.
    pub timeout: Option<Duration>,
    /// How often and after which waits a provider is asked again.
    pub patience: Patience,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            max_turns: 50,
            context_window: 120_000,
            output_bytes_max: 32 * 1024,
            calls_at_once: 8,
            env: BTreeMap::new(),
            timeout: None,
            patience: Patience::default(),
        }
    }
}

impl fmt::Debug for AgentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the variables only the names: a value may be a secret.
        let env: Vec<&String> = self.env.keys().collect();
        f.debug_struct("AgentOptions")
            .field("max_turns", &self.max_turns)
            .field("context_window", &self.context_window)
            .field("output_bytes_max", &self.output_bytes_max)
            .field("calls_at_once", &self.calls_at_once)
            .field("env", &env)
            .field("timeout", &self.timeout)
            .field("patience", &self.patience)
            .finish()
    }
}

/// Where events go.
pub type EventSink<'a> = dyn Fn(Event) + Send + Sync + 'a;

/// A question, and what its answer has to be.
pub struct Question<'a> {
    agent: &'a Agent,
    pub(crate) prompt: String,
    pub(crate) format: AnswerFormat,
    pub(crate) check: Option<&'a AnswerCheck<'a>>,
    pub(crate) events: Option<&'a EventSink<'a>>,
    cancel: CancellationToken,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The text, or the JSON that fits the schema.
    pub text: String,
    /// The model that gave it.
    pub model: String,
    /// How often it was asked.
    pub turns: u32,
    /// How many calls of tools it made.
    pub calls: u32,
    /// What it cost.
    pub usage: Usage,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The application can't be read, or does not let the caller in any more.
    #[error(transparent)]
    Application(#[from] ClientError),
    /// The model's provider did not answer.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model did not come to an end.
    #[error(
        "no answer after {max_turns} turns{}: ask for less, or allow more turns",
        last_call.as_ref().map_or_else(String::new, |call| format!(" (the last call was {call})"))
    )]
    TurnLimit {
        /// How many turns were allowed.
        max_turns: u32,
        /// What was called last.
        last_call: Option<String>,
    },
    /// The answers did not fit.
    #[error("the model gave no answer that fits, in {tries} tries; the last one: {fault}")]
    NoFittingAnswer {
        /// How many answers there were.
        tries: u32,
        /// What is wrong with the last one.
        fault: String,
    },
    /// It took too long.
    #[error("no answer within {} s", after.as_secs_f64())]
    TimedOut {
        /// How long it was allowed to take.
        after: Duration,
    },
    /// The caller did not want it any more.
    #[error("it was cancelled")]
    Cancelled,
}

impl Agent {
    /// An agent over this application, with this model.
    pub fn new(application: ApplicationClient, model: Arc<dyn ChatModel>) -> Self {
        Self { application, model, options: AgentOptions::default() }
    }

    /// The same within these limits.
    #[must_use]
    pub fn with_options(self, options: AgentOptions) -> Self {
        Self { options, ..self }
    }

    /// A question, to be answered by a text unless said otherwise.
    pub fn question(&self, prompt: impl Into<String>) -> Question<'_> {
        Question {
            agent: self,
            prompt: prompt.into(),
            format: AnswerFormat::Text,
            check: None,
            events: None,
            cancel: CancellationToken::new(),
        }
    }
}

impl<'a> Question<'a> {
    /// The same with an answer of this format.
    #[must_use]
    pub fn with_format(self, format: AnswerFormat) -> Self {
        Self { format, ..self }
    }

    /// The same with an answer that passes this check. What it says goes back to the model, three times at most.
    #[must_use]
    pub fn checked_by(self, check: &'a AnswerCheck<'a>) -> Self {
        Self { check: Some(check), ..self }
    }

    /// The same, telling what happens. The sink is called from wherever something happens, and should not block.
    #[must_use]
    pub fn told_to(self, events: &'a EventSink<'a>) -> Self {
        Self { events: Some(events), ..self }
    }

    /// The same, until this is cancelled: then calls of the provider and of the application are broken off, which ends
    /// the commands that run on the server.
    #[must_use]
    pub fn until(self, cancel: CancellationToken) -> Self {
        Self { cancel, ..self }
    }

    /// Works until there is an answer. Dropping the future is as good as cancelling.
    ///
    /// # Errors
    /// [`AgentError`] says why there is none.
    pub async fn answer(self) -> Result<Answer, AgentError> {
        let cancel = self.cancel.clone();
        let timeout = self.agent.options.timeout;
        let working = Conversation::new(self.agent, &self).run();
        let timed = async {
            match timeout {
                Some(after) => match tokio::time::timeout(after, working).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(AgentError::TimedOut { after }),
                },
                None => working.await,
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(AgentError::Cancelled),
            outcome = timed => outcome,
        }
    }
}
