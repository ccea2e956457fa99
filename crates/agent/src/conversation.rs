//! The loop: the model is asked, its calls are made, until it answers.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use toolfront_client::{ApplicationClient, ClientError};

use crate::agent::{Agent, AgentError, Answer, Question, REPAIRS_MAX};
use crate::chat_model::{
    Completion, Delta, Message, ModelError, ModelRequest, ToolCall, ToolDefinition, ToolResult, Usage,
};
use crate::context_window;
use crate::event::Event;
use crate::fence::cut_middle;
use crate::final_answer::FINAL_ANSWER;
use crate::page_tools::{self, PageTools};
use crate::prompt::Prompt;

/// The most that is read of the first page.
const FIRST_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Where the first page may be; a gateway answers the last for both.
const FIRST_PAGES: [&str; 2] = ["README.md", ""];

/// One question on its way to its answer.
pub(crate) struct Conversation<'a> {
    agent: &'a Agent,
    question: &'a Question<'a>,
    tools: PageTools,
    definitions: Vec<ToolDefinition>,
    messages: Vec<Message>,
    usage: Usage,
    calls: u32,
    repairs: u32,
    last_call: Option<String>,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(agent: &'a Agent, question: &'a Question<'a>) -> Self {
        let mut definitions = page_tools::definitions();
        definitions.extend(question.format.tool(agent.model.schema_dialect()));
        Self {
            agent,
            question,
            tools: PageTools {
                application: agent.application.clone(),
                env: agent.options.env.clone(),
                output_bytes_max: agent.options.output_bytes_max,
            },
            definitions,
            messages: vec![Message::User(question.prompt.clone())],
            usage: Usage::default(),
            calls: 0,
            repairs: 0,
            last_call: None,
        }
    }

    pub(crate) async fn run(mut self) -> Result<Answer, AgentError> {
        let system = self.system().await?;
        for turn in 1..=self.agent.options.max_turns {
            self.tell(Event::Turn { turn });
            let window = self.agent.options.context_window;
            let dropped = context_window::fit(&system, &self.definitions, &mut self.messages, window);
            if dropped > 0 {
                self.tell(Event::Dropped { results: dropped });
            }
            let completion = match self.complete(&system).await {
                // Nothing of the message is known, so that there is no call to answer.
                Err(ModelError::MalformedCall { .. }) => {
                    let note = "the arguments of your last call were not JSON, so that it was not made: make it again";
                    self.tell(Event::Repair { reason: note.to_owned() });
                    self.messages.push(Message::User(note.to_owned()));
                    continue;
                }
                outcome => outcome?,
            };
            self.usage = self.usage.plus(completion.usage);
            if let Some(text) = self.take(completion).await? {
                return Ok(Answer {
                    text,
                    model: self.agent.model.name().to_owned(),
                    turns: turn,
                    calls: self.calls,
                    usage: self.usage,
                });
            }
        }
        Err(AgentError::TurnLimit { max_turns: self.agent.options.max_turns, last_call: self.last_call })
    }

    async fn system(&self) -> Result<String, AgentError> {
        let application = &self.agent.application;
        let (path, source) = first_page(application).await?;
        let first_page = self.tools.shown_page(path, &source, 0);
        let prompt = Prompt {
            url: application.url(),
            path,
            first_page: &first_page,
            env: &self.agent.options.env,
            has_schema: self.definitions.iter().any(|tool| tool.name == FINAL_ANSWER),
        };
        Ok(prompt.text())
    }

    /// Asks the model, again and again as long as its provider only can't at the moment.
    async fn complete(&self, system: &str) -> Result<Completion, ModelError> {
        let request = ModelRequest { system, messages: &self.messages, tools: &self.definitions };
        let deltas = |delta: Delta<'_>| {
            self.tell(match delta {
                Delta::Thought(text) => Event::Thought { text: text.to_owned() },
                Delta::Text(text) => Event::Text { text: text.to_owned() },
            });
        };
        let mut attempt = 1;
        loop {
            let error = match self.agent.model.complete(&request, &deltas).await {
                Ok(completion) => return Ok(completion),
                Err(error) => error,
            };
            let Some(after) = self.agent.options.patience.after(attempt, &error) else { return Err(error) };
            self.tell(Event::Retry { reason: error.to_string(), after });
            tokio::time::sleep(after).await;
            attempt += 1;
        }
    }

    /// Does what the model's message asks for; yields the answer when it is one.
    async fn take(&mut self, completion: Completion) -> Result<Option<String>, AgentError> {
        if completion.calls.is_empty() {
            let candidate = if completion.is_cut {
                Err("your answer was cut off at the provider's limit of length: give a shorter one"
                    .to_owned())
            } else {
                self.question.format.of_text(&completion.text, self.question.check)
            };
            let fault = match candidate {
                Ok(answer) => return Ok(Some(answer)),
                Err(fault) => fault,
            };
            self.repair(&fault)?;
            // Providers refuse messages without content.
            if !completion.text.is_empty() {
                self.messages.push(Message::Assistant(completion));
            }
            self.messages.push(Message::User(fault));
            return Ok(None);
        }
        let calls = completion.calls.clone();
        self.messages.push(Message::Assistant(completion));
        let mut refused_answer = None;
        if let Some(call) = calls.iter().find(|call| self.is_answer(call)) {
            match self.question.format.of_arguments(&call.arguments, self.question.check) {
                Ok(answer) => return Ok(Some(answer)),
                Err(fault) => {
                    self.repair(&fault)?;
                    refused_answer = Some(format!("this answer does not fit: {fault}"));
                }
            }
        }
        let results = self.make(&calls, refused_answer.as_deref()).await?;
        self.messages.push(Message::Results(results));
        Ok(None)
    }

    fn is_answer(&self, call: &ToolCall) -> bool {
        call.name == FINAL_ANSWER && self.definitions.iter().any(|tool| tool.name == FINAL_ANSWER)
    }

    /// Counts an answer that does not fit.
    fn repair(&mut self, fault: &str) -> Result<(), AgentError> {
        self.repairs += 1;
        if self.repairs > REPAIRS_MAX {
            return Err(AgentError::NoFittingAnswer { tries: self.repairs, fault: fault.to_owned() });
        }
        self.tell(Event::Repair { reason: fault.to_owned() });
        Ok(())
    }

    /// Makes the calls of one message at the same time; the results are in the order of the calls.
    async fn make(
        &mut self,
        calls: &[ToolCall],
        refused_answer: Option<&str>,
    ) -> Result<Vec<ToolResult>, ClientError> {
        self.calls = self.calls.saturating_add(u32::try_from(calls.len()).unwrap_or(u32::MAX));
        self.last_call = calls
            .last()
            .map(|call| format!("{} {}", call.name, cut_middle(&call.arguments.to_string(), 200).text));
        let this = &*self;
        // All of them first: a closure within the stream would make the future of an answer one that no task can have.
        let making: Vec<_> = calls.iter().map(|call| this.make_one(call, refused_answer)).collect();
        stream::iter(making).buffered(self.agent.options.calls_at_once.max(1)).try_collect().await
    }

    async fn make_one(
        &self,
        call: &ToolCall,
        refused_answer: Option<&str>,
    ) -> Result<ToolResult, ClientError> {
        self.tell(Event::Call {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        });
        let result = if let Some(fault) = refused_answer.filter(|_| self.is_answer(call)) {
            let content = fault.to_owned();
            ToolResult { id: call.id.clone(), name: call.name.clone(), content, is_error: true }
        } else {
            let told = |text: &str| self.tell(Event::Output { id: call.id.clone(), text: text.to_owned() });
            self.tools.call(call, &told).await?
        };
        self.tell(Event::Result {
            id: result.id.clone(),
            name: result.name.clone(),
            content: result.content.clone(),
            is_error: result.is_error,
        });
        Ok(result)
    }

    fn tell(&self, event: Event) {
        if let Some(sink) = self.question.events {
            sink(event);
        }
    }
}

/// The first page of an application, and its path.
async fn first_page(application: &ApplicationClient) -> Result<(&'static str, String), ClientError> {
    let mut missing = None;
    for path in FIRST_PAGES {
        match application.read(path, FIRST_PAGE_BYTES_MAX).await {
            Ok(page) => return Ok((path, String::from_utf8_lossy(&page.bytes).into_owned())),
            Err(error) if error.status() == Some(404) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) => Err(error),
        None => Ok(("", String::new())),
    }
}
