//! The URL of a database, which may have a password in it.

use std::fmt;
use std::str::FromStr as _;

/// Where a PostgreSQL database is and how to log in to it. Its `Debug` shows no password.
#[derive(Clone)]
pub struct DatabaseUrl(Box<tokio_postgres::Config>);

/// Why a text is no URL of a database. It does not repeat the text, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlFault {
    /// It is of another kind of database.
    #[error("a database is given as postgres://user@host:port/name")]
    OtherScheme,
    /// It can't be read.
    #[error("the URL of the database can't be read: write it as postgres://user@host:port/name")]
    Malformed,
}

impl DatabaseUrl {
    /// Reads a URL (`postgres://…` or `postgresql://…`), with the parameters that PostgreSQL's own clients take.
    ///
    /// # Errors
    /// [`DatabaseUrlFault`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlFault> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlFault::OtherScheme);
        }
        tokio_postgres::Config::from_str(text)
            .map(|config| Self(Box::new(config)))
            .map_err(|_| DatabaseUrlFault::Malformed)
    }

    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.0.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(name)) => name.clone(),
            Some(tokio_postgres::config::Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let name = self.0.get_dbname().or(self.0.get_user()).unwrap_or_default();
        write!(f, "postgres://{host}/{name}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_nowhere() {
        let url = DatabaseUrl::parse("postgres://gateway:hunter2@db.example.com:5433/toolfront").unwrap();
        assert_eq!(url.to_string(), "postgres://db.example.com/toolfront");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(postgres://db.example.com/toolfront)");
        let malformed = DatabaseUrl::parse("postgres://gateway:hunter2@db:port/x").unwrap_err();
        assert!(!malformed.to_string().contains("hunter2"));
        assert_eq!(DatabaseUrl::parse("mysql://x").unwrap_err(), DatabaseUrlFault::OtherScheme);
    }
}
