//! `toolfront gateway`.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

mod audit_options;
mod blob_place;
mod config_file;
mod database_options;
mod options;
mod setup;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use toolfront_gateway::{Gateway, SetupError, StartError};

use self::database_options::DatabaseOptions;
use self::options::ServerOptions;
pub(super) use self::options::listen_address;
use crate::failure::Failure;
use crate::logging;
use crate::session::Invocation;
use crate::shutdown;
use crate::telemetry::Telemetry;

/// Run a gateway for production: everything from flags, then TOOLFRONT_* variables, then a configuration file
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront gateway init --organization 'Example Ltd' > admin.token\n  \
                  toolfront gateway --config /etc/toolfront.toml\n  \
                  toolfront gateway --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --public-url https://gw.example.com\n  \
                  toolfront gateway recover > admin.token\n\n\
                  The file (TOML) has the keys listen, data_dir, database_url, secrets_key, public_url, app_domain, tls_cert, tls_key, behind_proxy, log_format, \
                  and the tables [audit] (reads, keep, anchors, signing_key), [sandbox] (read, unix_sockets, first_user, users, allow_weak) and [limits]. TOOLFRONT_LOG filters the log, as in info or toolfront_gateway=debug.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    server: ServerOptions,
    #[command(subcommand)]
    action: Option<Action>,
}

// No doc comment: clap would take it as what the command is about.
#[derive(Debug, Args)]
struct StoreArguments {
    /// A configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [env: TOOLFRONT_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseOptions,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the organization and print the first admin token, alone on standard output
    #[command(after_help = "Examples:\n  toolfront gateway init > admin.token\n  \
                      toolfront gateway init --organization 'Example Ltd' --data-dir /var/lib/toolfront")]
    Init {
        /// What the organization is called
        #[arg(long, value_name = "NAME", default_value = "default")]
        organization: String,
    },
    /// Make a new admin token on the host itself and print it, alone on standard output; the gateway must not run meanwhile
    #[command(after_help = "Examples:\n  toolfront gateway recover > admin.token\n  \
                            toolfront gateway recover --name 'after the fire'")]
    Recover {
        /// What the token is called
        #[arg(long, default_value = "recovered")]
        name: String,
    },
    /// Encrypt the secrets of all environments under a new key, and remove the old one; the gateway must not run meanwhile
    #[command(after_help = "Examples:\n  toolfront gateway rotate-key\n  \
                            toolfront gateway rotate-key --data-dir /var/lib/toolfront --json\n\n\
                            The keys are in secrets.key in the data directory, or in the file of --secrets-key. Whoever had the old one, and a copy of the database \
                            from before, can read the secrets as they were: then set them anew as well. Back the new file up.")]
    RotateKey,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let mut file = match &arguments.store.config {
        Some(path) => config_file::read(path)?,
        None => config_file::ConfigFile::default(),
    };
    let database = (file.database_url.take(), file.secrets_key.take());
    let (database, secrets_key) =
        database_options::resolve(arguments.store.database, database, &invocation.settings.variables)?;
    let mut resolved =
        options::resolve(arguments.server, arguments.store.data_dir, file, &invocation.settings)?;
    resolved.settings.database = database;
    resolved.settings.secrets_key = secrets_key;
    match arguments.action {
        None => serve(resolved, invocation).await,
        Some(Action::Init { organization }) => setup::init(resolved, &organization, invocation).await,
        Some(Action::Recover { name }) => setup::recover(resolved, &name, invocation).await,
        Some(Action::RotateKey) => setup::rotate_key(resolved, invocation).await,
    }
}

async fn serve(resolved: options::Resolved, invocation: &Invocation) -> Result<(), Failure> {
    let filter = invocation.settings.variables.text("TOOLFRONT_LOG")?;
    let telemetry = match &resolved.otlp_endpoint {
        Some(endpoint) => Some(telemetry(endpoint.clone()).await?),
        None => None,
    };
    logging::start_with(resolved.log_format, filter, "info", telemetry.as_ref())
        .map_err(|fault| Failure::wrong_use(format!("TOOLFRONT_LOG: {fault}")))?;
    let stop = shutdown::requested(invocation.printer)?;
    let place = resolved.place();
    let gateway = Gateway::open(resolved.settings).await.map_err(|error| start_failure(&error))?;
    if !gateway.is_initialized().await.map_err(|error| setup_failure(&error))? {
        return Err(Failure::failed(format!(
            "{place} has no organization yet: `toolfront gateway init`, with the same options and --config, makes one and \
             prints its first admin token",
        )));
    }
    let bound = gateway.bind().await.map_err(|error| start_failure(&error))?;
    invocation.printer.say(format_args!("Listening at {}, for {}.", bound.local_addr(), bound.url()));
    let served = bound.serve(stop).await.map_err(|error| start_failure(&error));
    if let Some(telemetry) = telemetry {
        let _ = tokio::task::spawn_blocking(move || telemetry.stop()).await;
    }
    served
}

async fn telemetry(endpoint: String) -> Result<Telemetry, Failure> {
    let started = tokio::task::spawn_blocking(move || Telemetry::start(&endpoint)).await;
    started.unwrap_or_else(|fault| Err(fault.to_string())).map_err(Failure::wrong_use)
}

/// Why a server did not start; what the person typed is told apart from what the machine refused.
pub(super) fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::InClear { .. }
        | StartError::Directory { .. }
        | StartError::Limit(_)
        | StartError::Anchors(_) => Failure::wrong_use(error.to_string()),
        // Its sentence has the cause in it already.
        StartError::Listen { .. } | StartError::WeakSandbox { .. } => Failure::failed(error.to_string()),
        StartError::Tls { .. }
        | StartError::Sandbox(_)
        | StartError::Store(_)
        | StartError::Entropy
        | StartError::Interrupted => Failure::of(error),
    }
}

pub(super) fn setup_failure(error: &SetupError) -> Failure {
    match error {
        SetupError::Name(_) => Failure::wrong_use(error.to_string()),
        SetupError::NotSetUp
        | SetupError::Refused(_)
        | SetupError::Token(_)
        | SetupError::Store(_)
        | SetupError::Key(_)
        | SetupError::Entropy(_) => Failure::of(error),
    }
}
