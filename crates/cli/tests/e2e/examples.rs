//! The examples, deployed to a real gateway: every call of `examples/calls.json` answers as it says.

use serde_json::{Value, json};

use crate::server::Home;

#[test]
fn every_listed_call_of_the_examples_answers_as_listed() {
    let root = format!("{}/../../examples", env!("CARGO_MANIFEST_DIR"));
    let calls = std::fs::read_to_string(format!("{root}/calls.json")).unwrap();
    let calls: Vec<Value> = serde_json::from_str(&calls).unwrap();
    let home = Home::new();
    let (server, _) = home.start_logged_in();
    for name in ["docs", "birdstrikes", "status"] {
        let checked = home.run(&["check", &format!("{root}/{name}")]);
        assert_eq!(checked.code, 0, "{}", checked.stderr);
        assert!(!format!("{}{}", checked.stdout, checked.stderr).contains("warning:"), "{}", checked.stderr);
        home.ok(&["deploy", &format!("{root}/{name}"), "--verify"]);
    }
    let token = home.ok(&["tokens", "create", "examples"]);
    let mut wrong = Vec::new();
    for call in &calls {
        let text = |field: &str| call[field].as_str().unwrap_or_default();
        let mut body = json!({ "command": call["command"] });
        if let Some(sent) = call["env"].as_object() {
            for (name, value) in sent {
                body["env"][name] = value.as_str().unwrap().replace("{gateway}", &server.url()).into();
            }
        }
        let path = format!("/e/{}/{}", text("app"), text("page"));
        let answer = server.send("POST", &path, &token, &body.to_string());
        let expected = call["status"].as_u64().unwrap_or(200);
        let fits = u64::from(answer.status) == expected
            && (expected != 200
                || (answer.json()["returncode"] == call["returncode"]
                    && answer.json()["stdout"].as_str().unwrap().contains(text("expect_stdout_contains"))));
        if !fits {
            wrong.push(format!("{call}\n  answered {} {}", answer.status, answer.body));
        }
    }
    assert!(calls.len() > 50);
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), calls.len(), wrong.join("\n"));
}
