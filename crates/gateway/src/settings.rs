//! How a gateway is to run; resolved by whoever starts it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toolfront_app::ManifestLimits;
use toolfront_sandbox::{CageLimits, CommandUsers, LauncherCommand};
use toolfront_store::{BlobPlace, DatabasePlace};
use toolfront_token::TokenSecret;

/// How a gateway is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where the database is; in the data directory unless said.
    pub database: DatabasePlace,
    /// The file of the keys that secrets are encrypted under; in the data directory unless said.
    pub secrets_key: Option<PathBuf>,
    /// Where the blobs are kept, when that is not the data directory.
    pub blobs: BlobPlace,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where health, readiness and metrics are answered to everybody, besides.
    pub ops_listen: Option<SocketAddr>,
    /// What clients call it, such as `https://apps.example.com`; made from `listen` when it is not given.
    pub public_url: Option<String>,
    /// The domain below which each application has a host of its own, such as `apps.example.com`.
    pub app_domain: Option<String>,
    /// The certificate and key, when TLS ends here.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy stands before it, whose `X-Forwarded-For` is to be believed.
    pub behind_proxy: bool,
    /// What commands are confined to.
    pub confinement: Confinement,
    /// What is recorded, and for how long that is kept.
    pub audit: AuditSettings,
    /// What it takes at the most.
    pub limits: Limits,
}

/// What the audit log takes up, and for how long it keeps it.
#[derive(Clone, Debug, Default)]
pub struct AuditSettings {
    /// Whether reads of pages are recorded, and when.
    pub reads: RecordReads,
    /// For how long events are kept; for ever when it is not given.
    pub keep: Option<Duration>,
    /// Where signed anchors go.
    pub anchors: Option<AnchorSettings>,
}

/// Signed anchors: each minute in which the log has grown, a line that tells where it ends.
#[derive(Clone, Debug)]
pub struct AnchorSettings {
    /// The file that they are appended to; it belongs on another disk or machine.
    pub file: PathBuf,
    /// The file of the Ed25519 key, PKCS #8 in PEM.
    pub signing_key: PathBuf,
}

/// Whether reads of pages are recorded, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordReads {
    /// A moment later, many together: a crash can lose those of the last tenth of a second, and their uses.
    #[default]
    Batched,
    /// Before they are answered.
    Strict,
    /// Not at all; they are counted only.
    Off,
}

/// What commands are confined to, for the whole gateway.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    /// How the launcher is started, the process that confines commands. Without one they are not confined.
    pub launcher: Option<LauncherCommand>,
    /// Files and directories that commands may read besides the system's own and their release.
    pub read: Vec<PathBuf>,
    /// Whom commands run as when the gateway is root.
    pub users: CommandUsers,
    /// Whether commands may connect to services by Unix sockets.
    pub unix_sockets: bool,
    /// Whether applications are run although the machine does not offer all of the cage.
    pub allow_weak: bool,
}

/// The files of a TLS certificate, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What a gateway takes at the most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections_max: usize,
    /// Bytes of a request's headers.
    pub header_bytes_max: usize,
    /// How long a client may take to send a request's headers.
    pub header_time: Duration,
    /// How long a client may take to send a JSON body, or the next piece of a file.
    pub body_time: Duration,
    /// Bytes of a JSON body without files in it.
    pub json_bytes_max: usize,
    /// Bytes of a JSON body with files in it.
    pub inline_bytes_max: usize,
    /// Files of an application.
    pub files_max: usize,
    /// Bytes of a file.
    pub file_bytes_max: u64,
    /// Bytes of all files of an application.
    pub total_bytes_max: u64,
    /// Bytes that are kept of each output stream of a command.
    pub output_bytes_max: usize,
    /// Bytes of memory of each process of a command.
    pub run_memory_bytes_max: u64,
    /// Processes and threads of a command at once.
    pub run_processes_max: u64,
    /// Open files of each process of a command.
    pub run_open_files_max: u64,
    /// Bytes of each file that a command writes.
    pub run_file_bytes_max: u64,
    /// Processor time of each process of a command, in whole seconds.
    pub run_cpu_time_max: Duration,
    /// Commands at once.
    pub runs_max: usize,
    /// Commands at once of one environment.
    pub runs_per_environment_max: usize,
    /// Commands at once of one token, or of all visitors of one public application.
    pub runs_per_token_max: usize,
    /// How long a stream of what a command prints may say nothing before a sign of life is sent.
    pub stream_silence_max: Duration,
    /// Failed authentications of one address in a minute.
    pub failures_per_minute_max: u32,
    /// Kinds of requests that wait in memory while the log can't be written; then nothing more is let in that would
    /// have to be recorded.
    pub unrecorded_max: usize,
    /// How long requests under way are waited for when the gateway stops.
    pub drain_time: Duration,
}

impl Settings {
    /// The defaults for everything but where it is.
    pub fn new(data_dir: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data_dir,
            database: DatabasePlace::default(),
            secrets_key: None,
            blobs: BlobPlace::default(),
            listen,
            ops_listen: None,
            public_url: None,
            app_domain: None,
            tls: None,
            behind_proxy: false,
            confinement: Confinement::default(),
            audit: AuditSettings::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let (manifest, cage) = (ManifestLimits::default(), CageLimits::default());
        Self {
            connections_max: 4096,
            header_bytes_max: 32 * 1024,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            json_bytes_max: 1024 * 1024,
            inline_bytes_max: 64 * 1024 * 1024,
            files_max: manifest.files_max,
            file_bytes_max: manifest.file_bytes_max,
            total_bytes_max: manifest.total_bytes_max,
            output_bytes_max: 1024 * 1024,
            run_memory_bytes_max: cage.memory,
            run_processes_max: cage.processes,
            run_open_files_max: cage.open_files,
            run_file_bytes_max: cage.file_size,
            run_cpu_time_max: Duration::from_secs(cage.cpu_seconds),
            runs_max: 64,
            runs_per_environment_max: 32,
            runs_per_token_max: 32,
            stream_silence_max: Duration::from_secs(15),
            failures_per_minute_max: 30,
            unrecorded_max: 50_000,
            drain_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    pub(crate) fn manifest(&self, allow_hidden: bool) -> ManifestLimits {
        ManifestLimits {
            files_max: self.files_max,
            file_bytes_max: self.file_bytes_max,
            total_bytes_max: self.total_bytes_max,
            allow_hidden,
        }
    }
}

/// How one directory is served for development.
#[derive(Debug)]
pub struct ServeSettings {
    /// The application.
    pub directory: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The tokens that are let in; when there are none, nobody is asked for one.
    pub tokens: Vec<TokenSecret>,
    /// Whether hidden files are served.
    pub hidden: bool,
    /// Whether a proxy stands before it, whose `X-Forwarded-For` is to be believed.
    pub behind_proxy: bool,
    /// The certificate and key, when TLS ends here.
    pub tls: Option<TlsFiles>,
    /// What commands are confined to.
    pub confinement: Confinement,
}
