//! Which database a gateway keeps everything in, and under which keys: flags, then variables, then the file.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde::Deserialize;
use toolfront_gateway::{DatabasePlace, DatabaseUrl};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::settings::{DATABASE_URL, Variables};

// No doc comment: clap would take it as what the command is about.
#[derive(Debug, Default, Args)]
pub(super) struct DatabaseOptions {
    /// A PostgreSQL database that several gateways share: postgres://USER@HOST/NAME, with the password in the variable or the
    /// file only [default: one in the data directory, for one gateway] [env: TOOLFRONT_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database: Option<DatabaseText>,
    /// The keys that secrets are encrypted under; the same for all gateways of a database [default: secrets.key in the data
    /// directory] [env: TOOLFRONT_SECRETS_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    secrets_key: Option<PathBuf>,
}

/// A text that is meant to be the URL of a database. It may have a password in it, and prints nothing of itself.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct DatabaseText(Zeroizing<String>);

/// Puts flags before variables, and variables before what the file says: the database and the file of the keys.
pub(super) fn resolve(
    flags: DatabaseOptions,
    (in_file, key_in_file): (Option<DatabaseText>, Option<PathBuf>),
    variables: &Variables,
) -> Result<(DatabasePlace, Option<PathBuf>), Failure> {
    if flags.database.as_ref().is_some_and(DatabaseText::has_password) {
        return Err(Failure::wrong_use(format!(
            "the password of the database must not be on the command line, which the list of processes shows to others: give \
             the URL in {DATABASE_URL}, or as database_url in the file of --config"
        )));
    }
    let text = if let Some(text) = flags.database {
        Some((text, "--database"))
    } else if let Some(text) = variables.text(DATABASE_URL)? {
        Some((DatabaseText::new(text), DATABASE_URL))
    } else {
        in_file.map(|text| (text, "database_url"))
    };
    let place = match text {
        None => DatabasePlace::Embedded,
        Some((text, source)) => DatabasePlace::Postgres(
            DatabaseUrl::parse(&text.0).map_err(|fault| Failure::wrong_use(format!("{source}: {fault}")))?,
        ),
    };
    let key = flags.secrets_key.or(variables.path("TOOLFRONT_SECRETS_KEY")).or(key_in_file);
    Ok((place, key))
}

impl DatabaseText {
    fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Whether there is a password in it, or what may be one: it is refused before it is known to be a URL.
    fn has_password(&self) -> bool {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let in_front = rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
        let (_, query) = rest.split_once('?').unwrap_or_default();
        // A name that is escaped is more than anybody needs here.
        let is_password = |name: &str| name.eq_ignore_ascii_case("password") || name.contains('%');
        in_front || query.split('&').any(|pair| is_password(pair.split('=').next().unwrap_or_default()))
    }
}

impl From<String> for DatabaseText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl FromStr for DatabaseText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl fmt::Debug for DatabaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flag: Option<&str>, variable: Option<&'static str>, file: Option<&str>) -> Result<String, String> {
        let flags = DatabaseOptions { database: flag.map(DatabaseText::new), ..DatabaseOptions::default() };
        let variables = Variables::of(variable.map(|text| (DATABASE_URL, text.into())));
        match resolve(flags, (file.map(DatabaseText::new), None), &variables) {
            Ok((DatabasePlace::Embedded, _)) => Ok("embedded".to_owned()),
            Ok((DatabasePlace::Postgres(url), _)) => Ok(url.to_string()),
            Err(failure) => Err(failure.message().to_owned()),
        }
    }

    #[test]
    fn a_flag_comes_before_the_variable_and_that_before_the_file_and_without_any_it_is_embedded() {
        let (flag, variable) = (Some("postgres://me@flag/a"), Some("postgres://me@variable/a"));
        let file = Some("postgresql://me:secret@file/a");
        assert_eq!(of(flag, variable, file).unwrap(), "postgres://flag/a");
        assert_eq!(of(None, variable, file).unwrap(), "postgres://variable/a");
        assert_eq!(of(None, None, file).unwrap(), "postgres://file/a");
        assert_eq!(of(None, None, None).unwrap(), "embedded");
    }

    #[test]
    fn a_password_is_taken_from_anywhere_but_the_command_line_and_repeated_nowhere() {
        for text in [
            "postgres://me:hunter2@host/a",
            "postgres://me:hunter2@@host/a",
            "postgresql://:hunter2@host",
            "postgres://host/a?password=hunter2",
            "postgres://host/a?sslmode=require&PASSWORD=hunter2",
            "postgres://host/a?%70assword=hunter2",
            "me:hunter2@host",
        ] {
            let refused = of(Some(text), None, None).unwrap_err();
            assert!(refused.contains(DATABASE_URL) && !refused.contains("hunter2"), "{refused}");
        }
        assert!(of(None, Some("postgres://me:hunter2@host/a"), None).is_ok());
        assert!(of(Some("postgres://me@host:5433/a?sslmode=require"), None, None).is_ok());
        let malformed = of(None, Some("postgres://me:hunter2@host:port/a"), None).unwrap_err();
        assert!(malformed.starts_with(DATABASE_URL) && !malformed.contains("hunter2"), "{malformed}");
        assert_eq!(format!("{:?}", DatabaseText::new("hunter2")), "DatabaseText(…)");
    }
}
