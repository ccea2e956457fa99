//! The contexts as TOML. No message repeats what stands in the file, since a key may stand anywhere in a broken one.

use std::fmt;

use toml::{Table, Value};
use zeroize::Zeroizing;

use super::{Context, Contexts};
use crate::key_text::KeyText;

/// What is wrong with the text, to be put behind the file's path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TextFault {
    /// It is not TOML.
    Syntax { line: usize, column: usize, message: String },
    /// A value is not what it should be.
    Shape { field: String, wanted: &'static str },
}

/// Reads contexts.
pub(super) fn parse(text: &str) -> Result<Contexts, TextFault> {
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        TextFault::Syntax {
            line,
            column,
            message: error.message().lines().next().unwrap_or_default().to_owned(),
        }
    })?;
    let current = take_text(&mut table, "", "current_context")?;
    let mut contexts = Contexts::default();
    contexts.current = current;
    match table.remove("contexts") {
        Some(Value::Table(named)) => {
            for (name, value) in named {
                let context = context(&name, value)?;
                contexts.by_name.insert(name, context);
            }
        }
        Some(_) => return Err(TextFault::Shape { field: "contexts".to_owned(), wanted: "a table" }),
        None => {}
    }
    contexts.others = table;
    Ok(contexts)
}

fn context(name: &str, value: Value) -> Result<Context, TextFault> {
    let at = format!("contexts.{name}.");
    let Value::Table(mut table) = value else {
        return Err(TextFault::Shape { field: format!("contexts.{name}"), wanted: "a table" });
    };
    Ok(Context {
        api_url: take_text(&mut table, &at, "api_url")?
            .ok_or(TextFault::Shape { field: format!("{at}api_url"), wanted: "there" })?,
        api_key: take_text(&mut table, &at, "api_key")?.map(|text| KeyText::new(&Zeroizing::new(text))),
        org_id: take_text(&mut table, &at, "org_id")?,
        others: table,
    })
}

fn take_text(table: &mut Table, at: &str, name: &str) -> Result<Option<String>, TextFault> {
    match table.remove(name) {
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(TextFault::Shape { field: format!("{at}{name}"), wanted: "a text in quotes" }),
        None => Ok(None),
    }
}

/// Writes contexts.
pub(super) fn render(contexts: &Contexts) -> Zeroizing<String> {
    let mut table = contexts.others.clone();
    if let Some(current) = &contexts.current {
        table.insert("current_context".to_owned(), Value::String(current.clone()));
    }
    let mut named = Table::new();
    for (name, context) in contexts.iter() {
        let mut fields = context.others.clone();
        fields.insert("api_url".to_owned(), Value::String(context.api_url.clone()));
        if let Some(key) = &context.api_key {
            fields.insert("api_key".to_owned(), Value::String(key.reveal().to_owned()));
        }
        if let Some(organization) = &context.org_id {
            fields.insert("org_id".to_owned(), Value::String(organization.clone()));
        }
        named.insert(name.to_owned(), Value::Table(fields));
    }
    table.insert("contexts".to_owned(), Value::Table(named));
    Zeroizing::new(table.to_string())
}

/// Line and column of an offset, both from 1; the column counts characters.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column, message } => write!(f, ":{line}:{column}: {message}"),
            Self::Shape { field, wanted } => write!(f, ": {field} has to be {wanted}"),
        }
    }
}
