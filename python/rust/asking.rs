//! A question to a model, as Python asks it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;
use toolfront_agent::{
    Agent, AgentError, AgentOptions, AnswerFormat, AnswerSchema, ChatModel, Event, ProviderModel,
};
use toolfront_client::ApplicationClient;

use crate::faults::Fault;
use crate::model::OwnModel;

/// Ends a question from another place than where it is waited for.
#[pyclass(frozen, module = "toolfront._core")]
pub(crate) struct Cancellation(CancellationToken);

#[pymethods]
impl Cancellation {
    #[new]
    fn new() -> Self {
        Self(CancellationToken::new())
    }

    /// Ends the question, and the commands that run for it.
    fn cancel(&self) {
        self.0.cancel();
    }
}

/// Which model is asked.
#[derive(FromPyObject)]
pub(crate) struct Asked(
    /// `provider:name`, or what a model of the caller's own is called.
    String,
    /// Looks an environment variable up for a provider's; asks the caller's own.
    Py<PyAny>,
    /// Whether it is the caller's own.
    bool,
);

/// A question, with what Python wants to be told.
pub(crate) struct Asking {
    client: ApplicationClient,
    model: Arc<dyn ChatModel>,
    prompt: String,
    format: AnswerFormat,
    options: AgentOptions,
    tell: Option<Py<PyAny>>,
    check: Option<Py<PyAny>>,
    cancel: CancellationToken,
}

/// What bounds a question.
pub(crate) struct Bounds {
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) max_turns: Option<u32>,
    pub(crate) context_window: Option<usize>,
    pub(crate) timeout: Option<f64>,
}

impl Bounds {
    fn into_options(self) -> AgentOptions {
        let defaults = AgentOptions::default();
        AgentOptions {
            max_turns: self.max_turns.unwrap_or(defaults.max_turns),
            context_window: self.context_window.unwrap_or(defaults.context_window),
            timeout: self.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            env: self.env,
            ..defaults
        }
    }
}

impl Asking {
    /// A question that can be put.
    pub(crate) fn new(
        py: Python<'_>,
        client: ApplicationClient,
        (prompt, schema): (String, Option<&str>),
        model: Asked,
        bounds: Bounds,
        cancel: &Cancellation,
    ) -> Result<Self, Fault> {
        let options = bounds.into_options();
        let (model, format) = (model.open(py)?, format(schema)?);
        let cancel = cancel.0.clone();
        Ok(Self { client, model, prompt, format, options, tell: None, check: None, cancel })
    }

    /// The same with functions of Python that are told of each event, as JSON, and that say what is wrong with an answer.
    pub(crate) fn with(self, tell: Option<Py<PyAny>>, check: Option<Py<PyAny>>) -> Self {
        Self { tell, check, ..self }
    }

    /// Puts it.
    pub(crate) async fn answer(self) -> Result<String, Fault> {
        let Self { client, model, prompt, format, options, tell, check, cancel } = self;
        let agent = Agent::new(client, model).with_options(options);
        let told = |event: Event| {
            let Some(tell) = &tell else { return };
            let Ok(event) = serde_json::to_string(&event) else { return };
            Python::try_attach(|py| unraised(py, tell.call1(py, (event,))));
        };
        let checked = |answer: &str| {
            let Some(check) = &check else { return Ok(()) };
            let fault = Python::try_attach(|py| {
                unraised(py, check.call1(py, (answer,)))?.extract::<Option<String>>(py).ok().flatten()
            });
            fault.flatten().map_or(Ok(()), Err)
        };
        let mut question = agent.question(prompt).with_format(format).checked_by(&checked).until(cancel);
        if tell.is_some() {
            question = question.told_to(&told);
        }
        let answer = question.answer().await.map_err(|error: AgentError| Fault::from(error))?;
        Ok(answer.text)
    }
}

impl Asked {
    fn open(self, py: Python<'_>) -> Result<Arc<dyn ChatModel>, Fault> {
        let Self(name, function, is_own) = self;
        if is_own {
            return Ok(Arc::new(OwnModel { name, ask: function }));
        }
        let variable = |name: &str| function.call1(py, (name,)).ok()?.extract::<String>(py).ok();
        let model = ProviderModel::from_name(&name, &variable);
        model.map(|model| Arc::new(model) as _).map_err(|fault| Fault::Configuration(fault.to_string()))
    }
}

fn unraised(py: Python<'_>, outcome: PyResult<Py<PyAny>>) -> Option<Py<PyAny>> {
    outcome.map_err(|error| error.write_unraisable(py, None)).ok()
}

fn format(schema: Option<&str>) -> Result<AnswerFormat, Fault> {
    let Some(schema) = schema else { return Ok(AnswerFormat::Text) };
    let schema = serde_json::from_str(schema)
        .map_err(|error| Fault::Configuration(format!("the schema is not JSON: {error}")))?;
    let schema = AnswerSchema::new(schema).map_err(|fault| Fault::Configuration(fault.to_string()))?;
    Ok(AnswerFormat::Json(schema))
}
