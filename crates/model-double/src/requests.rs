//! Checking requests as strictly as can be.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::format::{Format, Said};

/// The key that every provider wants.
pub const KEY: &str = "sk-double-0123456789";

/// How many faults of one request are told.
const FAULTS_MAX: usize = 5;

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its format.
    pub format: Format,
    /// The model.
    pub model: String,
    /// Whether a stream was asked for.
    pub is_streaming: bool,
    /// The body.
    pub body: Value,
}

static VALIDATORS: LazyLock<Result<Vec<(Format, Validator)>, String>> = LazyLock::new(|| {
    let compiled = Format::ALL.into_iter().map(|format| {
        let schema: Value = serde_json::from_str(format.schema()).map_err(|error| error.to_string())?;
        let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
        Ok((format, validator))
    });
    compiled.collect()
});

/// What is wrong with a request's body; nothing if it is as the provider has published.
pub fn fault_of(format: Format, body: &Value) -> Option<String> {
    let validators = match &*VALIDATORS {
        Ok(validators) => validators,
        Err(fault) => return Some(format!("the schemas can't be used: {fault}")),
    };
    for (known, validator) in validators {
        if *known != format || validator.is_valid(body) {
            continue;
        }
        let faults = validator.iter_errors(body).take(FAULTS_MAX).map(|fault| {
            format!("{} at `{}`: {}", fault.schema_path(), fault.instance_path(), cut(&fault.to_string()))
        });
        return Some(faults.collect::<Vec<_>>().join("; "));
    }
    order_fault(&format.said(body))
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(600)).unwrap_or(text)
}

/// Every call is followed by its result before anything else is said, and no result stands alone.
fn order_fault(said: &[Said]) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut are_answered = false;
    for one in said {
        match one {
            Said::Call(id) => {
                if are_answered && !open.is_empty() {
                    return Some(format!("a call was made before {open:?} were answered"));
                }
                are_answered = false;
                open.push(id);
            }
            Said::Result(id) => {
                are_answered = true;
                let Some(place) = open.iter().position(|known| known == id) else {
                    return Some(format!("the result {id} answers no call"));
                };
                open.remove(place);
            }
            Said::Other if open.is_empty() => {}
            Said::Other => return Some(format!("the calls {open:?} have no results")),
        }
    }
    (!open.is_empty()).then(|| format!("the calls {open:?} have no results"))
}
