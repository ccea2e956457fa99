//! What is served: an application, as the one who asks may use it.

use serde::{Deserialize, Serialize};
use toolfront_api::{Problem, RunReply, RunRequest};

/// An application, as the one who asks may use it.
pub trait Application: Send + Sync + 'static {
    /// What it is called.
    fn name(&self) -> &str;

    /// Whether the one who asks may run tools at all. Where not, no tool for it is listed.
    fn may_run(&self) -> bool;

    /// All pages, sorted by path.
    ///
    /// # Errors
    /// [`Refused`] when they can't be told.
    fn pages(&self) -> impl Future<Output = Result<Vec<PageEntry>, Refused>> + Send;

    /// A page or file, by its path in the application; `""` is the first page.
    ///
    /// # Errors
    /// [`Refused`] when there is none, or it may not be read.
    fn read(&self, path: &str) -> impl Future<Output = Result<Content, Refused>> + Send;

    /// Runs a command from a page. Dropping the future ends the command.
    ///
    /// # Errors
    /// [`Refused`] when it does not run. A command that fails is no error: its exit code is the answer.
    fn run(&self, page: &str, request: RunRequest) -> impl Future<Output = Result<RunReply, Refused>> + Send;
}

/// A page of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageEntry {
    /// Its path, relative to the application's directory.
    pub path: String,
    /// Its title, when its front matter gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its description, when its front matter gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many tools it declares.
    #[serde(default)]
    pub tools: usize,
}

/// What a page or file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: Option<String>,
}

/// Why something was not done, in words that a model can mend its call by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is the matter.
    pub message: String,
    /// Whether the page or file does not exist, or may not be known of.
    pub is_missing: bool,
}

impl Refused {
    /// A refusal in these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_missing: false }
    }
}

impl From<&Problem> for Refused {
    /// With the tools that the page declares, when none of them allows the command.
    fn from(problem: &Problem) -> Self {
        let mut message = if problem.detail.is_empty() { &problem.title } else { &problem.detail }.clone();
        if !problem.tools.is_empty() && !problem.tools.iter().all(|tool| message.contains(tool.as_str())) {
            message.push_str("\nThe tools of this page:");
            for tool in &problem.tools {
                message.push_str("\n- ");
                message.push_str(tool);
            }
        }
        Self { message, is_missing: problem.status == 404 }
    }
}
