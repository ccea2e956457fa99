//! The schema of an answer: what the provider is shown of it, and whether an answer fits.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::chat_model::SchemaDialect;

/// How many faults of an answer are told at once.
const FAULTS_MAX: usize = 10;

/// A schema that answers have to fit.
#[derive(Clone, Debug)]
pub struct AnswerSchema {
    schema: Value,
    validator: std::sync::Arc<Validator>,
}

/// A text that is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a JSON schema that can be used: {0}")]
pub struct SchemaFault(String);

impl AnswerSchema {
    /// Takes a JSON schema. References to other documents are not followed.
    ///
    /// # Errors
    /// [`SchemaFault`] when it is none.
    pub fn new(schema: Value) -> Result<Self, SchemaFault> {
        let validator = jsonschema::validator_for(&schema).map_err(|error| SchemaFault(error.to_string()))?;
        Ok(Self { schema, validator: std::sync::Arc::new(validator) })
    }

    /// The schema of the tool by which the answer is given: an object with the answer in it, so that any schema fits what
    /// providers take, whose roots have to be objects.
    pub(crate) fn parameters(&self, dialect: SchemaDialect) -> Value {
        let mut inner = self.schema.clone();
        let mut outer = json!({ "type": "object" });
        if let Some(fields) = inner.as_object_mut() {
            fields.shift_remove("$schema");
            fields.shift_remove("$id");
            // References point to definitions at the root.
            for key in ["$defs", "definitions"] {
                if let Some(definitions) = fields.shift_remove(key) {
                    outer[key] = definitions;
                }
            }
        } else if inner == Value::Bool(true) {
            inner = json!({});
        }
        outer["properties"] = json!({ "answer": inner });
        outer["required"] = json!(["answer"]);
        repoint_root(&mut outer);
        match dialect {
            SchemaDialect::Full => outer,
            SchemaDialect::Gemini => narrowed(outer),
        }
    }

    /// What is wrong with an answer; nothing when it fits.
    pub(crate) fn faults(&self, answer: &Value) -> Option<String> {
        let faults: Vec<String> = self
            .validator
            .iter_errors(answer)
            .take(FAULTS_MAX)
            .map(|error| {
                let place = error.instance_path().to_string();
                if place.is_empty() { error.to_string() } else { format!("at {place}: {error}") }
            })
            .collect();
        (!faults.is_empty()).then(|| faults.join("\n"))
    }
}

/// What pointed to the whole schema points to where it is now.
fn repoint_root(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(target) if key == "$ref" && target == "#" => {
                        "#/properties/answer".clone_into(target);
                    }
                    Value::String(target) if key == "$ref" && target.starts_with("#/properties/") => {
                        *target = format!("#/properties/answer{}", target.trim_start_matches('#'));
                    }
                    other => repoint_root(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(repoint_root),
        _ => {}
    }
}

/// The keywords that the Gemini API documents for JSON schemas (v1beta, `GenerationConfig.responseJsonSchema`, which
/// `FunctionDeclaration.parametersJsonSchema` follows). Others are left out: answers are checked here in any case.
const GEMINI_KEYWORDS: [&str; 21] = [
    "$id",
    "$defs",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "enum",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "oneOf",
    "properties",
    "additionalProperties",
    "required",
    "propertyOrdering",
];

fn narrowed(schema: Value) -> Value {
    let Value::Object(fields) = schema else {
        // `true` and `false` are not among what is documented.
        return if schema == Value::Bool(true) { json!({}) } else { schema };
    };
    let mut kept = Map::new();
    for (key, value) in fields {
        match key.as_str() {
            "const" => {
                kept.insert("enum".to_owned(), json!([value]));
            }
            // One alternative is the same as the alternative alone.
            "allOf" => match value {
                Value::Array(mut all) if all.len() == 1 => {
                    if let Some(Value::Object(only)) = all.pop().map(narrowed) {
                        kept.extend(only);
                    }
                }
                _ => {}
            },
            "properties" | "$defs" | "definitions" => {
                let named = match value {
                    Value::Object(named) => {
                        Value::Object(named.into_iter().map(|(name, one)| (name, narrowed(one))).collect())
                    }
                    other => other,
                };
                kept.insert(key, named);
            }
            "anyOf" | "oneOf" | "prefixItems" => {
                let all = match value {
                    Value::Array(all) => Value::Array(all.into_iter().map(narrowed).collect()),
                    other => other,
                };
                kept.insert(key, all);
            }
            "items" => {
                kept.insert(key, narrowed(value));
            }
            "additionalProperties" => {
                kept.insert(key, if value.is_boolean() { value } else { narrowed(value) });
            }
            name if GEMINI_KEYWORDS.contains(&name) => {
                kept.insert(key, value);
            }
            _ => {}
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "array",
            "items": { "$ref": "#/$defs/Customer" },
            "$defs": { "Customer": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "pattern": "^[A-Z]", "default": "X" },
                    "kind": { "const": "customer" },
                    "parent": { "anyOf": [{ "$ref": "#/$defs/Customer" }, { "type": "null" }] },
                },
                "required": ["name"],
            } },
        })
    }

    #[test]
    fn an_answer_that_does_not_fit_is_told_where() {
        let schema = AnswerSchema::new(customer()).unwrap();
        assert_eq!(schema.faults(&json!([{ "name": "Ada", "kind": "customer" }])), None);
        let faults = schema.faults(&json!([{ "name": 3 }])).unwrap();
        assert!(faults.contains("/0/name") && faults.contains("string"), "{faults}");
    }

    #[test]
    fn the_tool_of_the_answer_is_an_object_whose_references_hold() {
        for dialect in [SchemaDialect::Full, SchemaDialect::Gemini] {
            let parameters = AnswerSchema::new(customer()).unwrap().parameters(dialect);
            let validator = jsonschema::validator_for(&parameters).unwrap();
            assert!(validator.is_valid(&json!({ "answer": [{ "name": "Ada" }] })), "{parameters}");
            assert!(!validator.is_valid(&json!({ "answer": [{ "name": 1 }] })), "{parameters}");
            assert!(!validator.is_valid(&json!({})), "{parameters}");
        }
    }

    #[test]
    fn gemini_gets_only_what_it_documents() {
        let parameters = AnswerSchema::new(customer()).unwrap().parameters(SchemaDialect::Gemini);
        let text = parameters.to_string();
        for absent in ["pattern", "\"default\"", "\"const\"", "$schema"] {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
        assert!(text.contains(r#""enum":["customer"]"#), "{text}");
    }

    #[test]
    fn a_schema_that_means_itself_still_does() {
        let tree = json!({ "type": "object", "properties": { "children": { "type": "array", "items": { "$ref": "#" } } },
                           "additionalProperties": false });
        let parameters = AnswerSchema::new(tree).unwrap().parameters(SchemaDialect::Full);
        let validator = jsonschema::validator_for(&parameters).unwrap();
        assert!(validator.is_valid(&json!({ "answer": { "children": [{ "children": [] }] } })));
        assert!(!validator.is_valid(&json!({ "answer": { "children": [{ "answer": {} }] } })));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert!(AnswerSchema::new(json!({ "type": "wrong" })).is_err());
        assert!(AnswerSchema::new(json!({ "$ref": "https://example.com/other.json" })).is_err());
    }
}
