//! What counts as an answer.

use std::sync::{Arc, Mutex};

use serde_json::json;
use toolfront_agent::{
    Agent, AgentError, AnswerFormat, AnswerSchema, BoxFuture, ChatModel, Completion, Delta, DeltaSink,
    Message, ModelError, ModelRequest, ToolCall, Usage,
};
use toolfront_model_double::{Script, Turn};

use crate::support::{TestApplication, World};

fn number() -> AnswerFormat {
    AnswerFormat::Json(AnswerSchema::new(json!({ "type": "integer" })).unwrap())
}

#[tokio::test]
async fn an_answer_that_never_fits_is_given_up_after_three_repairs() {
    let world = World::new(Script::repeating(Turn::call("final_answer", json!({ "answer": "many" })))).await;
    let error = world.agent.question("?").with_format(number()).answer().await.unwrap_err();
    let AgentError::NoFittingAnswer { tries: 4, fault } = error else { panic!("{error:?}") };
    assert!(fault.contains("integer"), "{fault}");
    assert_eq!(world.double.requests().len(), 4);
    assert_eq!(world.double.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn the_callers_own_check_is_told_to_the_model() {
    let script = Script::of([
        Turn::call("final_answer", json!({ "answer": 41 })),
        Turn::text("```json\n42\n```").expecting("it has to be even"),
    ]);
    let world = World::new(script).await;
    let check = |answer: &str| {
        let number: i64 = answer.parse().unwrap();
        if number % 2 == 0 { Ok(()) } else { Err("it has to be even".to_owned()) }
    };
    let answer = world.agent.question("?").with_format(number()).checked_by(&check).answer().await.unwrap();
    assert_eq!(answer.text, "42");
}

#[tokio::test]
async fn a_text_without_the_answers_tool_is_asked_for_again() {
    let script = Script::of([
        Turn::text("It is forty-two."),
        Turn::text(""),
        Turn::call("final_answer", json!({ "answer": 42 })).expecting("by calling final_answer"),
    ]);
    let world = World::new(script).await;
    assert_eq!(world.agent.question("?").with_format(number()).answer().await.unwrap().text, "42");
    assert_eq!(world.double.faults(), Vec::<String>::new());
}

/// A model of the caller's own, as Python gives one.
struct Parrot(Mutex<Vec<usize>>);

impl ChatModel for Parrot {
    fn name(&self) -> &'static str {
        "parrot"
    }

    fn complete<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
        deltas: &'a DeltaSink<'a>,
    ) -> BoxFuture<'a, Result<Completion, ModelError>> {
        self.0.lock().unwrap().push(request.messages.len());
        deltas(Delta::Thought("hm"));
        let mut completion = Completion { usage: Usage::default(), ..Completion::default() };
        match request.messages.last() {
            Some(Message::Results(results)) => completion.text.clone_from(&results[0].content),
            _ => completion.calls.push(ToolCall {
                id: "1".to_owned(),
                name: "run_command".to_owned(),
                arguments: json!({ "page": "README.md", "command": ["cat", "a b"] }),
            }),
        }
        Box::pin(async { Ok(completion) })
    }
}

#[tokio::test]
async fn a_model_of_the_callers_own_will_do() {
    let application = TestApplication::start().await;
    let agent = Agent::new(application.client(), Arc::new(Parrot(Mutex::default())));
    let answer = agent.question("?").answer().await.unwrap();
    assert_eq!(answer.text, "exit code 0\n```stdout\nran cat a b\n```\nstderr: nothing");
    assert_eq!((answer.model.as_str(), answer.turns, answer.calls), ("parrot", 2, 1));
}
