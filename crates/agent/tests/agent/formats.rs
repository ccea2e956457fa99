//! The same question through the format of each provider, streaming and not.

use serde_json::json;
use toolfront_agent::{AnswerFormat, AnswerSchema, Event};
use toolfront_model_double::{Format, Script, Turn};

use crate::support::{TestApplication, World};

const MODELS: [(&str, Format, &str); 11] = [
    ("openai:gpt-5", Format::OpenAiChat, "gpt-5"),
    ("openai-chat:gpt-4o-mini", Format::OpenAiChat, "gpt-4o-mini"),
    ("openai-responses:gpt-5", Format::OpenAiResponses, "gpt-5"),
    ("anthropic:claude-sonnet-4-5", Format::Anthropic, "claude-sonnet-4-5"),
    ("google-gla:gemini-2.5-pro", Format::Gemini, "gemini-2.5-pro"),
    ("gemini:gemini-3-pro", Format::Gemini, "gemini-3-pro"),
    // The end of this name is no effort.
    ("mistral:mistral-medium", Format::OpenAiChat, "mistral-medium"),
    ("huggingface:openai/gpt-oss-20b:groq", Format::OpenAiChat, "openai/gpt-oss-20b:groq"),
    ("openrouter:anthropic/claude-sonnet-4", Format::OpenAiChat, "anthropic/claude-sonnet-4"),
    ("ollama:llama3.3:70b", Format::OpenAiChat, "llama3.3:70b"),
    ("groq:llama-3.3-70b-versatile", Format::OpenAiChat, "llama-3.3-70b-versatile"),
];

/// Two calls at once, then one that is refused, then the answer.
fn script() -> Script {
    Script::of([
        Turn {
            text: "I look at the reports – and at the files.".to_owned(),
            ..Turn::calls([
                ("read_page", json!({ "path": "reports.md" })),
                ("run_command", json!({ "page": "README.md", "command": ["ls", "-la"] })),
            ])
        },
        Turn::call("run_command", json!({ "page": "README.md", "command": ["rm", "x"] }))
            .expecting("42 strikes"),
        Turn::text("There were **42** strikes: größer.").expecting("Command not permitted by this file"),
    ])
}

#[tokio::test]
async fn the_same_question_is_answered_through_every_provider() {
    for (model, format, name) in MODELS {
        for is_streaming in [true, false] {
            let world = World::over(TestApplication::start().await, model, is_streaming, script()).await;
            let sink = |event| world.tell(event);
            let asked = world.agent.question("How many strikes?").told_to(&sink).answer().await;
            assert_eq!(world.double.faults(), Vec::<String>::new(), "{model} {is_streaming}");
            let answer = asked.unwrap_or_else(|error| panic!("{model} {is_streaming}: {error}"));
            assert_eq!(answer.text, "There were **42** strikes: größer.");
            assert_eq!((answer.turns, answer.calls, answer.model.as_str()), (3, 3, model));
            assert_eq!(
                (answer.usage.requests, answer.usage.input_tokens),
                (3, 300),
                "{model} {is_streaming}"
            );
            assert_eq!(answer.usage.output_tokens, 60, "{model} {is_streaming}");
            let requests = world.double.requests();
            assert!(
                requests.iter().all(|request| request.format == format && request.model == name),
                "{model}: {:?}",
                requests.iter().map(|request| (request.format, &request.model)).collect::<Vec<_>>()
            );
            assert!(requests.iter().all(|request| request.is_streaming == is_streaming), "{model}");
            let text: String = world
                .events()
                .iter()
                .filter_map(|event| match event {
                    Event::Text { text } => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            let said = if is_streaming {
                "I look at the reports – and at the files.There were **42** strikes: größer."
            } else {
                ""
            };
            assert_eq!(text, said, "{model} {is_streaming}");
            let ran: Vec<_> =
                world.application.asked().into_iter().filter(|asked| asked.method == "POST").collect();
            assert_eq!(ran.len(), 2, "{model}: {ran:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_fits_a_schema_is_given_through_every_format() {
    let schema = json!({
        "$defs": { "Bird": { "type": "object", "properties": {
            "name": { "type": "string", "minLength": 1 }, "strikes": { "type": "integer", "default": 0 } },
            "required": ["name"] } },
        "type": "array", "items": { "$ref": "#/$defs/Bird" },
    });
    for (model, ..) in MODELS {
        for is_streaming in [true, false] {
            let script = Script::of([
                Turn::call("read_page", json!({ "path": "reports.md" })),
                Turn::call("final_answer", json!({ "answer": [{ "name": 3 }] })).expecting("42 strikes"),
                Turn::call("final_answer", json!({ "answer": [{ "name": "gull" }] })).expecting("/0/name"),
            ]);
            let world = World::over(TestApplication::start().await, model, is_streaming, script).await;
            let format = AnswerFormat::Json(AnswerSchema::new(schema.clone()).unwrap());
            let answer = world.agent.question("Which birds?").with_format(format).answer().await;
            assert_eq!(world.double.faults(), Vec::<String>::new(), "{model} {is_streaming}");
            assert_eq!(answer.unwrap().text, r#"[{"name":"gull"}]"#, "{model} {is_streaming}");
        }
    }
}

#[tokio::test]
async fn what_a_model_thought_goes_back_with_the_results() {
    let places = [
        ("openai-responses:gpt-5", "/input/1/encrypted_content"),
        ("google:gemini-2.5-pro", "/contents/1/parts/0/thoughtSignature"),
        ("google:gemini-3-pro", "/contents/1/parts/0/thoughtSignature"),
    ];
    for (model, place) in places {
        for is_streaming in [true, false] {
            let thought = "dGhvdWdodA==";
            let script = Script::of([
                Turn::calls([
                    ("read_page", json!({ "path": "reports.md" })),
                    ("run_command", json!({ "page": "README.md", "command": ["ls"] })),
                ])
                .with_thought(thought),
                Turn::text("done"),
            ]);
            let world = World::over(TestApplication::start().await, model, is_streaming, script).await;
            let answer = world.agent.question("?").answer().await;
            assert_eq!(world.double.faults(), Vec::<String>::new(), "{model} {is_streaming}");
            assert_eq!(answer.unwrap().text, "done");
            let request = &world.double.requests()[1].body;
            assert_eq!(request.pointer(place), Some(&json!(thought)), "{model} {is_streaming}: {request}");
        }
    }
}
