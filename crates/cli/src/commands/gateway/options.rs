//! How a gateway is to run: flags, then variables, then the file.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use toolfront_client::GatewayUrl;
use toolfront_gateway::{DatabasePlace, TlsFiles};

use super::audit_options::{self, AuditOptions};
use super::blob_place;
use super::config_file::ConfigFile;
use crate::confinement::{ConfinementOptions, confinement};
use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::settings::{Settings, Variables};

const LISTEN: &str = "127.0.0.1:8787";

// No doc comment: clap would take it as what the command is about.
#[derive(Debug, Default, Args)]
pub(super) struct ServerOptions {
    /// The address and port to listen at [default: 127.0.0.1:8787] [env: TOOLFRONT_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// An address where health, readiness and metrics are answered to everybody who reaches it [env: TOOLFRONT_OPS_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    ops_listen: Option<String>,
    /// An OpenTelemetry collector that spans go to, such as http://127.0.0.1:4318 [env: OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Where the files of applications are kept when several gateways have them: a directory, or s3://bucket/prefix [default: the data directory] [env: TOOLFRONT_BLOBS]
    #[arg(long, global = true, value_name = "PLACE")]
    blobs: Option<String>,
    /// What clients call it, when that is not the address [env: TOOLFRONT_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A domain below which each application has a host of its own [env: TOOLFRONT_APP_DOMAIN]
    #[arg(long, value_name = "DOMAIN")]
    app_domain: Option<String>,
    /// The certificate (PEM), with those that lead to the authority [env: TOOLFRONT_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM) [env: TOOLFRONT_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A proxy that ends TLS stands before it, and its X-Forwarded-For is to be believed [env: TOOLFRONT_BEHIND_PROXY]
    #[arg(long)]
    behind_proxy: bool,
    /// How the log is written, on standard error [default: text] [env: TOOLFRONT_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    #[command(flatten)]
    audit: AuditOptions,
    #[command(flatten)]
    confinement: ConfinementOptions,
}

/// How a gateway is to run, and how it logs.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) settings: toolfront_gateway::Settings,
    pub(super) log_format: LogFormat,
    pub(super) otlp_endpoint: Option<String>,
}

impl Resolved {
    /// What the organization is in, in words.
    pub(super) fn place(&self) -> String {
        match &self.settings.database {
            DatabasePlace::Embedded => self.settings.data_dir.display().to_string(),
            DatabasePlace::Postgres(url) => url.to_string(),
        }
    }
}

/// Puts flags before variables, and variables before the file.
pub(super) fn resolve(
    flags: ServerOptions,
    data_dir: Option<PathBuf>,
    file: ConfigFile,
    settings: &Settings,
) -> Result<Resolved, Failure> {
    let variables = &settings.variables;
    let text = |flag: Option<String>, variable, file: Option<String>| -> Result<Option<String>, Failure> {
        Ok(flag.or(variables.text(variable)?.map(str::to_owned)).or(file))
    };
    let path = |flag: Option<PathBuf>, variable, file| flag.or(variables.path(variable)).or(file);
    let data_dir = match path(data_dir, "TOOLFRONT_DATA_DIR", file.data_dir) {
        Some(directory) => directory,
        None => settings.data_dir()?,
    };
    let listen = text(flags.listen, "TOOLFRONT_LISTEN", file.listen)?;
    let listen = listen_address(listen.as_deref().unwrap_or(LISTEN))?;
    let ops_listen = text(flags.ops_listen, "TOOLFRONT_OPS_LISTEN", file.ops_listen)?;
    let ops_listen = ops_listen.as_deref().map(listen_address).transpose()?;
    let otlp_endpoint = text(flags.otlp_endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT", file.otlp_endpoint)?;
    let public_url = text(flags.public_url, "TOOLFRONT_PUBLIC_URL", file.public_url)?;
    let public_url = public_url.map(|text| GatewayUrl::parse(&text)).transpose();
    let public_url =
        public_url.map_err(|fault| Failure::wrong_use(format!("the public URL of the gateway: {fault}")))?;
    let certificate = path(flags.tls_cert, "TOOLFRONT_TLS_CERT", file.tls_cert);
    let key = path(flags.tls_key, "TOOLFRONT_TLS_KEY", file.tls_key);
    let mut resolved = toolfront_gateway::Settings::new(data_dir, listen);
    resolved.ops_listen = ops_listen;
    let blobs = text(flags.blobs, "TOOLFRONT_BLOBS", file.blobs)?;
    resolved.blobs = blobs.map(|place| blob_place::parse(&place, variables)).transpose()?.unwrap_or_default();
    resolved.public_url = public_url.map(|url| url.to_string());
    resolved.app_domain = text(flags.app_domain, "TOOLFRONT_APP_DOMAIN", file.app_domain)?;
    resolved.tls = tls(certificate, key)?;
    resolved.behind_proxy =
        flags.behind_proxy || behind_proxy(variables)?.or(file.behind_proxy).unwrap_or_default();
    resolved.confinement = confinement(flags.confinement, settings)?;
    resolved.audit = audit_options::resolve(flags.audit, file.audit, variables)?;
    file.sandbox.apply(&mut resolved.confinement);
    file.limits.apply(&mut resolved.limits);
    let log_format = match (flags.log_format, variables.text("TOOLFRONT_LOG_FORMAT")?) {
        (Some(format), _) => format,
        (None, Some(text)) => LogFormat::from_str(text, false)
            .map_err(|_| Failure::wrong_use("TOOLFRONT_LOG_FORMAT has to be text or json"))?,
        (None, None) => file.log_format.unwrap_or_default(),
    };
    Ok(Resolved { settings: resolved, log_format, otlp_endpoint })
}

/// Reads `address:port`; a name such as `localhost` is looked up. Port 0 is any port.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, Failure> {
    let fault = || {
        Failure::wrong_use(format!(
            "{text:?} is no address to listen at: write it as 127.0.0.1:8787 or [::1]:8787"
        ))
    };
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => text.to_socket_addrs().map_err(|_| fault())?.next().ok_or_else(fault),
    }
}

fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, Failure> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::wrong_use("a certificate needs its key: give --tls-key too")),
        (None, Some(_)) => Err(Failure::wrong_use("a key needs its certificate: give --tls-cert too")),
    }
}

fn behind_proxy(variables: &Variables) -> Result<Option<bool>, Failure> {
    match variables.text("TOOLFRONT_BEHIND_PROXY")? {
        None => Ok(None),
        Some("1" | "true" | "yes") => Ok(Some(true)),
        Some("0" | "false" | "no") => Ok(Some(false)),
        Some(_) => Err(Failure::wrong_use("TOOLFRONT_BEHIND_PROXY has to be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::GatewayArguments;

    fn settings(pairs: &[(&'static str, &str)]) -> Settings {
        let pairs = pairs.iter().map(|(name, value)| (*name, value.into()));
        Settings::new(GatewayArguments::default(), Variables::of(pairs))
    }

    fn file(text: &str) -> ConfigFile {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_flag_comes_before_a_variable_and_a_variable_before_the_file() {
        let file = || file("listen = '127.0.0.1:1'\npublic_url = 'https://file'\ndata_dir = '/file'");
        let variables =
            [("HOME", "/home/me"), ("TOOLFRONT_LISTEN", "127.0.0.1:2"), ("TOOLFRONT_DATA_DIR", "/variable")];
        let flags = || ServerOptions { listen: Some("127.0.0.1:3".to_owned()), ..ServerOptions::default() };
        let resolved = resolve(flags(), None, file(), &settings(&variables)).unwrap().settings;
        assert_eq!(resolved.listen.port(), 3);
        assert_eq!(resolved.data_dir, PathBuf::from("/variable"));
        assert_eq!(resolved.public_url.as_deref(), Some("https://file"));
        let resolved =
            resolve(ServerOptions::default(), None, file(), &settings(&variables)).unwrap().settings;
        assert_eq!(resolved.listen.port(), 2);
    }

    #[test]
    fn the_data_directory_follows_the_xdg_base_directories() {
        let of = |pairs: &[(&'static str, &str)]| {
            resolve(ServerOptions::default(), None, ConfigFile::default(), &settings(pairs))
                .map(|resolved| resolved.settings.data_dir)
        };
        assert_eq!(of(&[("HOME", "/home/me")]).unwrap(), PathBuf::from("/home/me/.local/share/toolfront"));
        assert_eq!(of(&[("XDG_DATA_HOME", "/data")]).unwrap(), PathBuf::from("/data/toolfront"));
        assert!(of(&[("XDG_DATA_HOME", "relative")]).is_err());
    }

    #[test]
    fn a_certificate_and_its_key_come_together() {
        let home = settings(&[("HOME", "/home/me")]);
        let flags = ServerOptions { tls_cert: Some("c".into()), ..ServerOptions::default() };
        let failure = resolve(flags, None, ConfigFile::default(), &home).unwrap_err();
        assert!(failure.message().contains("--tls-key"), "{}", failure.message());
    }

    #[test]
    fn limits_of_the_file_change_what_they_name_and_nothing_else() {
        let file = file("[limits]\nruns_max = 3\ndrain_time = '5s'");
        let home = settings(&[("HOME", "/home/me")]);
        let limits = resolve(ServerOptions::default(), None, file, &home).unwrap().settings.limits;
        let default = toolfront_gateway::Limits::default();
        assert_eq!(limits.runs_max, 3);
        assert_eq!(limits.drain_time, std::time::Duration::from_secs(5));
        assert_eq!(limits.files_max, default.files_max);
    }
}
