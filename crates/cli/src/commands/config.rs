//! `toolfront config`.

use clap::Args;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::key_text::masked;
use crate::layout;
use crate::session::Invocation;
use crate::settings::{ResolvedKey, Source};

/// Show the settings that commands use, and where each comes from; the key is masked, and the database's URL is without its password
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront config\n  toolfront config --context production\n  \
                            toolfront config --json")]
pub(crate) struct Arguments {}

/// A setting: its name, its value as it may be shown, and where it comes from.
type Row = (&'static str, Option<(String, Source)>);

pub(crate) fn run(_arguments: &Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let settings = invocation.settings.gateway()?;
    let key = match settings.key {
        ResolvedKey::Found(key) => Some((masked(&key.value), key.source)),
        ResolvedKey::Absent | ResolvedKey::ElsewhereOnly { .. } => None,
    };
    let database = invocation.settings.database_url()?;
    let database = database.map(|url| (url.value.to_string(), url.source));
    let rows: [Row; 5] = [
        ("gateway_url", settings.url.map(|url| (url.value.to_string(), url.source))),
        ("api_key", key),
        ("org_id", settings.organization.map(|id| (id.value.to_string(), id.source))),
        ("database_url", database),
        ("ca_file", settings.ca_file.map(|file| (file.value.display().to_string(), file.source))),
    ];
    for warning in &settings.warnings {
        invocation.printer.warn(warning);
    }
    let file = invocation.settings.context_file()?.path().display().to_string();
    let object = |(name, found): &Row| {
        let found =
            found.as_ref().map(|(value, source)| json!({ "value": value, "source": source.to_string() }));
        ((*name).to_owned(), found.unwrap_or(Value::Null))
    };
    let mut answer: serde_json::Map<String, Value> = rows.iter().map(object).collect();
    answer.insert("file".to_owned(), json!(file));
    invocation.printer.either(&answer, || {
        let row = |(name, found): &Row| match found {
            Some((value, source)) => vec![(*name).to_owned(), value.clone(), source.to_string()],
            None => vec![(*name).to_owned(), "-".to_owned(), String::new()],
        };
        let mut rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        rows.push(vec!["file".to_owned(), file.clone(), String::new()]);
        layout::table(&["SETTING", "VALUE", "FROM"], rows)
    })
}
