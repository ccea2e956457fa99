//! What counts as an answer, and whether a candidate is one.

use serde_json::Value;

use crate::chat_model::{SchemaDialect, ToolDefinition};
use crate::schema::AnswerSchema;

pub(crate) const FINAL_ANSWER: &str = "final_answer";

/// What an answer has to be.
#[derive(Clone, Debug, Default)]
pub enum AnswerFormat {
    /// A text.
    #[default]
    Text,
    /// A JSON value that fits the schema. The model gives it by calling a tool of its own, `final_answer`: asking for a
    /// format of the response together with tools makes some models answer before they have looked.
    Json(AnswerSchema),
}

/// Checks an answer in the caller's own way; what it says is told to the model.
pub type AnswerCheck<'a> = dyn Fn(&str) -> Result<(), String> + Send + Sync + 'a;

impl AnswerFormat {
    /// The tool by which the answer is given, if there is one.
    pub(crate) fn tool(&self, dialect: SchemaDialect) -> Option<ToolDefinition> {
        let Self::Json(schema) = self else { return None };
        Some(ToolDefinition {
            name: FINAL_ANSWER.to_owned(),
            description: "Give the final answer. Call it once, when the question can be answered.".to_owned(),
            parameters: schema.parameters(dialect),
        })
    }

    /// The answer that a text is, or what is wrong with it.
    pub(crate) fn of_text(&self, text: &str, check: Option<&AnswerCheck<'_>>) -> Result<String, String> {
        let Self::Json(_) = self else {
            if text.trim().is_empty() {
                return Err("you gave no answer: answer the question, or call a tool".to_owned());
            }
            return checked(text.to_owned(), check);
        };
        let json: Option<Value> = serde_json::from_str(without_fence(text)).ok();
        match json {
            Some(value) => self.of_value(&value, check),
            None => Err(format!("give the answer by calling {FINAL_ANSWER}")),
        }
    }

    /// The answer that the arguments of `final_answer` are.
    pub(crate) fn of_arguments(
        &self,
        arguments: &Value,
        check: Option<&AnswerCheck<'_>>,
    ) -> Result<String, String> {
        match arguments.get("answer") {
            Some(answer) => self.of_value(answer, check),
            // Some models leave the wrapping out.
            None if arguments.is_object() => self.of_value(arguments, check).map_err(|fault| {
                format!("the argument `answer` is missing, and what came does not fit: {fault}")
            }),
            None => Err("the arguments have to be a JSON object with `answer` in it".to_owned()),
        }
    }

    fn of_value(&self, value: &Value, check: Option<&AnswerCheck<'_>>) -> Result<String, String> {
        if let Self::Json(schema) = self
            && let Some(faults) = schema.faults(value)
        {
            return Err(faults);
        }
        checked(value.to_string(), check)
    }
}

fn checked(answer: String, check: Option<&AnswerCheck<'_>>) -> Result<String, String> {
    match check {
        Some(check) => check(&answer).map(|()| answer),
        None => Ok(answer),
    }
}

/// JSON is often written into a code block.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else { return text };
    inner.split_once('\n').map_or(inner, |(_, body)| body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn numbers() -> AnswerFormat {
        AnswerFormat::Json(
            AnswerSchema::new(json!({ "type": "array", "items": { "type": "integer" } })).unwrap(),
        )
    }

    #[test]
    fn an_answer_is_taken_however_it_is_wrapped() {
        let format = numbers();
        assert_eq!(format.of_arguments(&json!({ "answer": [1, 2] }), None).as_deref(), Ok("[1,2]"));
        assert_eq!(format.of_text("```json\n[1]\n```", None).as_deref(), Ok("[1]"));
        assert!(format.of_text("it is 3", None).unwrap_err().contains("final_answer"));
        assert!(format.of_arguments(&json!({ "answer": ["x"] }), None).unwrap_err().contains("/0"));
        assert!(format.of_arguments(&json!("[1"), None).is_err());
    }

    #[test]
    fn the_callers_check_has_the_last_word() {
        let check = |answer: &str| if answer == "[2]" { Ok(()) } else { Err("must be two".to_owned()) };
        assert_eq!(
            numbers().of_arguments(&json!({ "answer": [3] }), Some(&check)),
            Err("must be two".to_owned())
        );
        assert!(numbers().of_arguments(&json!({ "answer": [2] }), Some(&check)).is_ok());
        assert!(AnswerFormat::Text.of_text("three", Some(&check)).is_err());
        assert!(AnswerFormat::Text.of_text(" \n", None).is_err());
    }
}
