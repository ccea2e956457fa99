//! The configuration file of a gateway, in TOML. Unknown keys are refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toolfront_gateway::{Confinement, Limits};

use super::audit_options::AuditTable;
use super::database_options::DatabaseText;
use crate::context_file::position;
use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::span;

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub(super) listen: Option<String>,
    pub(super) ops_listen: Option<String>,
    pub(super) otlp_endpoint: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) database_url: Option<DatabaseText>,
    pub(super) secrets_key: Option<PathBuf>,
    pub(super) blobs: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) app_domain: Option<String>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) behind_proxy: Option<bool>,
    pub(super) log_format: Option<LogFormat>,
    #[serde(default)]
    pub(super) audit: AuditTable,
    #[serde(default)]
    pub(super) sandbox: SandboxTable,
    #[serde(default)]
    pub(super) limits: LimitsTable,
}

/// The table `[sandbox]`: what commands may do besides what every one may. A page never can change it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SandboxTable {
    read: Option<Vec<PathBuf>>,
    unix_sockets: Option<bool>,
    first_user: Option<u32>,
    users: Option<u32>,
    allow_weak: Option<bool>,
}

impl SandboxTable {
    /// Puts what the table says into `confinement`.
    pub(super) fn apply(self, confinement: &mut Confinement) {
        confinement.read = self.read.unwrap_or_default();
        confinement.unix_sockets = self.unix_sockets.unwrap_or_default();
        confinement.users.first = self.first_user.or(confinement.users.first);
        confinement.users.count = self.users.unwrap_or(confinement.users.count);
        confinement.allow_weak |= self.allow_weak.unwrap_or_default();
    }
}

/// A span of time such as `10s`.
#[derive(Debug)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

macro_rules! limits {
    ($($name:ident: $kind:ty => $value:expr;)*) => {
        /// The table `[limits]`, with the gateway's own names; what is absent stays as it is.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct LimitsTable {
            $($name: Option<$kind>,)*
        }

        impl LimitsTable {
            /// Puts what the table says into `limits`.
            pub(super) fn apply(self, limits: &mut Limits) {
                $(if let Some(value) = self.$name {
                    limits.$name = $value(value);
                })*
            }
        }
    };
}

limits! {
    connections_max: usize => std::convert::identity;
    header_bytes_max: usize => std::convert::identity;
    header_time: Span => Span::duration;
    body_time: Span => Span::duration;
    json_bytes_max: usize => std::convert::identity;
    inline_bytes_max: usize => std::convert::identity;
    files_max: usize => std::convert::identity;
    file_bytes_max: u64 => std::convert::identity;
    total_bytes_max: u64 => std::convert::identity;
    output_bytes_max: usize => std::convert::identity;
    run_memory_bytes_max: u64 => std::convert::identity;
    run_processes_max: u64 => std::convert::identity;
    run_open_files_max: u64 => std::convert::identity;
    run_file_bytes_max: u64 => std::convert::identity;
    run_cpu_time_max: Span => Span::duration;
    runs_max: usize => std::convert::identity;
    runs_per_environment_max: usize => std::convert::identity;
    runs_per_token_max: usize => std::convert::identity;
    stream_silence_max: Span => Span::duration;
    failures_per_minute_max: u32 => std::convert::identity;
    drain_time: Span => Span::duration;
}

impl Span {
    fn duration(self) -> Duration {
        self.0
    }
}

/// Reads the file. Paths in it are relative to its directory.
///
/// # Errors
/// When it can't be read, or is not what it should be, with the line and the column.
pub(super) fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::wrong_use(format!("{} can't be read: {error}", path.display())))?;
    let mut file: ConfigFile = toml::from_str(&text).map_err(|error| {
        let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
        let message = error.message().replace('\n', " ");
        Failure::wrong_use(format!("{}:{line}:{column}: {message}", path.display()))
    })?;
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    for named in [&mut file.data_dir, &mut file.tls_cert, &mut file.tls_key].into_iter().flatten() {
        *named = directory.join(&*named);
    }
    if let Some(key) = &mut file.secrets_key {
        *key = directory.join(&*key);
    }
    file.audit.rooted_at(directory);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(content: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, content).unwrap();
        let failure = read(&path).unwrap_err();
        failure.message().strip_prefix(&path.display().to_string()).unwrap().to_owned()
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        assert!(said("listen = \n").starts_with(":1:"), "{}", said("listen = \n"));
        assert!(said("listen = 'a'\nlisten_at = 'b'\n").starts_with(":2:1: unknown field `listen_at`"));
        assert!(said("[limits]\nruns_max = 'many'\n").starts_with(":2:12: "));
        assert!(said("[limits]\ndrain_time = 'soon'\n").contains("not a span of time"));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.toml");
        std::fs::write(
            &path,
            "data_dir = 'data'\nsecrets_key = 'keys'\ntls_key = '/etc/key.pem'\n[audit]\nanchors = 'a'\nkeep = '2d'\n",
        )
        .unwrap();
        let file = read(&path).unwrap();
        assert_eq!(file.data_dir.unwrap(), directory.path().join("data"));
        assert_eq!(file.secrets_key.unwrap(), directory.path().join("keys"));
        assert_eq!(file.tls_key.unwrap(), PathBuf::from("/etc/key.pem"));
    }
}
