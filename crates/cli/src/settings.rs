//! What a command runs with: flags, then `TOOLFRONT_*`, then the context. Resolved once, here.

mod gateway;
mod source;
mod variables;

use std::path::PathBuf;

pub(crate) use gateway::{GatewaySettings, ResolvedKey, ca_file};
pub(crate) use source::{Source, Sourced};
pub(crate) use variables::Variables;

use toolfront_gateway::{DatabaseUrl, LauncherCommand};

use crate::arguments::GatewayArguments;
use crate::context_file::{ContextFile, Contexts};
use crate::failure::Failure;

/// The variable of the database that gateways share.
pub(crate) const DATABASE_URL: &str = "TOOLFRONT_DATABASE_URL";

/// What was typed and what the environment says, before any of it is needed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) typed: GatewayArguments,
    pub(crate) variables: Variables,
    /// How the launcher of commands is started, where the running executable is not this program alone.
    pub(crate) launcher: Option<LauncherCommand>,
}

impl Settings {
    pub(crate) fn new(typed: GatewayArguments, variables: Variables) -> Self {
        Self { typed, variables, launcher: None }
    }

    /// Where contexts are kept: below `XDG_CONFIG_HOME`, or `~/.config`.
    pub(crate) fn context_file(&self) -> Result<ContextFile, Failure> {
        let below = |directory: PathBuf| ContextFile::at(directory.join("toolfront").join("config.toml"));
        if let Some(directory) = self.variables.directory("XDG_CONFIG_HOME") {
            return Ok(below(directory));
        }
        let home = self.variables.directory("HOME").ok_or_else(|| {
            Failure::wrong_use("there is no place for the configuration: set XDG_CONFIG_HOME or HOME")
        })?;
        Ok(below(home.join(".config")))
    }

    /// Where a gateway keeps its data unless it is told: below `XDG_DATA_HOME`, or `~/.local/share`.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(directory) = self.variables.directory("XDG_DATA_HOME") {
            return Ok(directory.join("toolfront"));
        }
        let home = self.variables.directory("HOME");
        home.map(|home| home.join(".local/share/toolfront")).ok_or_else(|| {
            Failure::wrong_use(
                "there is no place for the data: give --data-dir, or set XDG_DATA_HOME or HOME",
            )
        })
    }

    /// The database that gateways share, as the variables say; nothing else than a gateway's own options and file do.
    ///
    /// # Errors
    /// When it is no URL of a database; the text is not repeated.
    pub(crate) fn database_url(&self) -> Result<Option<Sourced<DatabaseUrl>>, Failure> {
        let Some(text) = self.variables.text(DATABASE_URL)? else { return Ok(None) };
        let url = DatabaseUrl::parse(text);
        let url = url.map_err(|fault| Failure::wrong_use(format!("{DATABASE_URL}: {fault}")))?;
        Ok(Some(Sourced::new(url, Source::Variable(DATABASE_URL))))
    }

    /// The contexts. Where there is no place for them, there are none.
    pub(crate) fn contexts(&self) -> Result<Contexts, Failure> {
        self.context_file().map_or_else(|_| Ok(Contexts::default()), |file| file.read())
    }

    /// The gateway to call, and as whom.
    pub(crate) fn gateway(&self) -> Result<GatewaySettings, Failure> {
        GatewaySettings::resolve(&self.typed, &self.variables, &self.contexts()?)
    }
}
