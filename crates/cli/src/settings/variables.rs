//! The environment variables that count. Nothing else in the program reads one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::failure::Failure;

/// Every variable of our own that is read. Those of model providers and of object stores are
/// named where these are.
const NAMES: [&str; 28] = [
    "HOME",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "TOOLFRONT_API_KEY",
    "TOOLFRONT_APP_DOMAIN",
    "TOOLFRONT_AUDIT_ANCHORS",
    "TOOLFRONT_AUDIT_KEEP",
    "TOOLFRONT_AUDIT_READS",
    "TOOLFRONT_AUDIT_SIGNING_KEY",
    "TOOLFRONT_BEHIND_PROXY",
    "TOOLFRONT_BLOBS",
    "TOOLFRONT_CA_FILE",
    "TOOLFRONT_DATABASE_URL",
    "TOOLFRONT_DATA_DIR",
    "TOOLFRONT_DEFAULT_MODEL",
    "TOOLFRONT_GATEWAY_URL",
    "TOOLFRONT_LISTEN",
    "TOOLFRONT_LOG",
    "TOOLFRONT_LOG_FORMAT",
    "TOOLFRONT_MODEL",
    "TOOLFRONT_OPS_LISTEN",
    "TOOLFRONT_ORG_ID",
    "TOOLFRONT_PUBLIC_URL",
    "TOOLFRONT_SECRETS_KEY",
    "TOOLFRONT_TLS_CERT",
    "TOOLFRONT_TLS_KEY",
    "TOOLFRONT_TOKEN",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// The variables as they were when the program began. An empty one counts as absent.
pub(crate) struct Variables(BTreeMap<&'static str, OsString>);

impl Variables {
    /// Those of this process.
    #[expect(clippy::disallowed_methods, reason = "this is where settings are resolved")]
    pub(crate) fn of_process() -> Self {
        let names = NAMES.into_iter().chain(toolfront_agent::provider_variables());
        let names = names.chain(toolfront_gateway::S3Place::VARIABLES);
        Self::of(names.filter_map(|name| Some((name, std::env::var_os(name)?))))
    }

    /// These.
    pub(crate) fn of(variables: impl IntoIterator<Item = (&'static str, OsString)>) -> Self {
        Self(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// A variable as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, Failure> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.to_str().map(Some).ok_or_else(|| Failure::wrong_use(format!("{name} is not UTF-8")))
    }

    /// The value of a variable that others' own libraries read too; one that is not UTF-8 counts as absent.
    pub(crate) fn value_of(&self, name: &str) -> Option<String> {
        self.0.get(name)?.to_str().map(str::to_owned)
    }

    /// A variable as a path.
    pub(crate) fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
    }

    /// A variable as an absolute path; a relative one does not count, as the XDG base directory specification says.
    pub(crate) fn directory(&self, name: &'static str) -> Option<PathBuf> {
        self.path(name).filter(|path| path.is_absolute())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
