//! What goes wrong, and how it ends.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use toolfront_agent::{AgentError, AgentOptions, Event, ModelError, ModelSetupFault, ProviderModel};
use toolfront_model_double::{KEY, Script, Turn};

use crate::support::{TestApplication, World, options};

const MODELS: [&str; 4] =
    ["openai:gpt-4o", "openai-responses:gpt-4o", "anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro"];

async fn each(script: impl Fn() -> Script) -> Vec<(String, World)> {
    let mut worlds = Vec::new();
    for model in MODELS {
        for is_streaming in [true, false] {
            let world = World::over(TestApplication::start().await, model, is_streaming, script()).await;
            worlds.push((format!("{model} {is_streaming}"), world));
        }
    }
    worlds
}

#[tokio::test]
async fn a_busy_provider_is_asked_again() {
    let script = || {
        Script::of([
            Turn::failure(429, "slow down").with_retry_after(0),
            Turn::failure(500, "oops"),
            Turn::text("done"),
        ])
    };
    for (name, world) in each(script).await {
        let sink = |event| world.tell(event);
        let answer = world.agent.question("?").told_to(&sink).answer().await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("{name}: {error}")).text, "done");
        let reasons: Vec<String> = world
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Retry { reason, .. } => Some(reason),
                _ => None,
            })
            .collect();
        assert!(
            reasons.len() == 2 && reasons[0].contains("slow down") && reasons[1].contains("oops"),
            "{reasons:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_stays_busy_is_given_up_with_its_own_words() {
    let world = World::new(Script::repeating(Turn::failure(503, "the model is overloaded"))).await;
    let error = world.agent.question("?").answer().await.unwrap_err();
    assert!(matches!(error, AgentError::Model(ModelError::Busy { status: Some(503), .. })), "{error:?}");
    assert!(error.to_string().contains("the model is overloaded"), "{error}");
    assert_eq!(world.double.requests().len(), 3);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_not_waited() {
    let world =
        World::new(Script::repeating(Turn::failure(429, "come back later").with_retry_after(86_400))).await;
    let error = world.agent.question("?").answer().await.unwrap_err();
    assert!(error.to_string().contains("come back later"), "{error}");
    assert_eq!(world.double.requests().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_providers_words_and_not_repeated() {
    for (name, world) in each(|| Script::repeating(Turn::failure(400, "this model is not for you"))).await {
        let error = world.agent.question("?").answer().await.unwrap_err();
        assert!(
            matches!(error, AgentError::Model(ModelError::Refused { status: Some(400), .. })),
            "{name}: {error:?}"
        );
        assert!(error.to_string().ends_with("this model is not for you"), "{name}: {error}");
        assert_eq!(world.double.requests().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_asked_for_again() {
    for (name, world) in
        each(|| Script::of([Turn::text("this is a long text that will be cut").cut(), Turn::text("whole")]))
            .await
    {
        let sink = |event| world.tell(event);
        let answer = world.agent.question("?").told_to(&sink).answer().await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("{name}: {error}")).text, "whole");
        assert!(world.events().iter().any(|event| matches!(event, Event::Retry { .. })), "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_in_the_middle_is_not_taken_for_a_whole_one() {
    let long = || Turn::text("this is a long text that ends in the middle of its own words").ending_early();
    for (name, world) in each(|| Script::of([long(), Turn::text("whole")])).await {
        let answer = world.agent.question("?").answer().await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("{name}: {error}")).text, "whole", "{name}");
        assert_eq!(world.double.requests().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn malformed_arguments_are_told_to_the_model() {
    let script = || {
        Script::of([
            Turn::malformed_call("run_command", r#"{"page": "README.md", "command": ["ls"#),
            Turn::call("run_command", json!({ "page": "README.md", "command": ["ls"] })),
            Turn::text("done"),
        ])
    };
    for (name, world) in each(script).await {
        let answer = world.agent.question("?").answer().await;
        assert_eq!(world.double.faults(), Vec::<String>::new(), "{name}");
        assert_eq!(answer.unwrap_or_else(|error| panic!("{name}: {error}")).text, "done");
        let second = world.double.requests()[1].body.to_string();
        assert!(second.contains("JSON"), "{name}: {second}");
        let ran = world.application.asked().into_iter().filter(|asked| asked.method == "POST").count();
        assert_eq!(ran, 1, "{name}");
    }
}

#[tokio::test]
async fn an_unknown_tool_is_told_to_the_model() {
    for (name, world) in each(|| {
        Script::of([
            Turn::call("delete_everything", json!({ "sure": true })),
            Turn::text("done").expecting("there is no tool delete_everything"),
        ])
    })
    .await
    {
        let answer = world.agent.question("?").answer().await;
        assert_eq!(answer.unwrap_or_else(|error| panic!("{name}: {error}")).text, "done");
    }
}

#[tokio::test]
async fn an_endless_loop_of_calls_ends() {
    let call = || Turn::call("run_command", json!({ "page": "README.md", "command": ["ls"] }));
    for (name, mut world) in each(|| Script::repeating(call())).await {
        world.agent = world.agent.with_options(AgentOptions { max_turns: 4, ..options() });
        let error = world.agent.question("?").answer().await.unwrap_err();
        assert!(matches!(error, AgentError::TurnLimit { max_turns: 4, .. }), "{name}: {error:?}");
        assert!(
            error.to_string().contains("no answer after 4 turns (the last call was run_command"),
            "{error}"
        );
        assert_eq!(world.double.requests().len(), 4, "{name}");
    }
}

#[tokio::test]
async fn cancelling_ends_it_while_the_provider_thinks() {
    let world = World::new(Script::repeating(Turn::hang())).await;
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let sink = move |event| {
        if matches!(event, Event::Turn { .. }) {
            token.cancel();
        }
    };
    let error = world.agent.question("?").told_to(&sink).until(cancel).answer().await.unwrap_err();
    assert!(matches!(error, AgentError::Cancelled), "{error:?}");
}

#[tokio::test]
async fn time_that_is_over_ends_it() {
    let mut world = World::new(Script::repeating(Turn::hang())).await;
    let timeout = Some(Duration::from_millis(50));
    world.agent = world.agent.with_options(AgentOptions { timeout, ..options() });
    let error = world.agent.question("?").answer().await.unwrap_err();
    assert!(matches!(error, AgentError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_key_is_told_without_the_key() {
    let application = TestApplication::start().await;
    let world = World::over(application, "openai:gpt-4o", true, Script::default()).await;
    let wrong = "sk-wrong-9876543210";
    let variable = |name: &str| {
        if name == "OPENAI_API_KEY" { Some(wrong.to_owned()) } else { world.double.variable(name) }
    };
    let model = ProviderModel::from_name("openai:gpt-4o", &variable).unwrap();
    assert!(!format!("{model:?}").contains(wrong));
    let agent = toolfront_agent::Agent::new(world.application.client(), std::sync::Arc::new(model));
    let error = agent.question("?").answer().await.unwrap_err();
    assert!(matches!(error, AgentError::Model(ModelError::Refused { status: Some(401), .. })), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(wrong));
}

#[test]
fn what_is_missing_is_named() {
    let none = |_: &str| None;
    let message = |text: &str| ProviderModel::from_name(text, &none).unwrap_err().to_string();
    assert!(message("openai:gpt-5").contains("OPENAI_API_KEY"));
    assert!(message("anthropic:x").contains("ANTHROPIC_API_KEY"));
    assert!(message("google:x").contains("GOOGLE_API_KEY or GEMINI_API_KEY"));
    assert!(message("huggingface:x").contains("HF_TOKEN"));
    assert!(message("gpt-5").contains("provider:name"));
    assert!(message("nobody:x").contains("there is no provider `nobody`"));
    assert!(matches!(ProviderModel::from_name("openai:", &none), Err(ModelSetupFault::NoProvider { .. })));
    assert!(ProviderModel::from_name("ollama:x", &none).is_ok());
    let bad = |name: &str| Some(if name.ends_with("URL") { "nowhere" } else { KEY }.to_owned());
    assert!(ProviderModel::from_name("groq:x", &bad).unwrap_err().to_string().contains("GROQ_BASE_URL"));
}
