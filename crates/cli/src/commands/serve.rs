//! `toolfront serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use toolfront_app::Fault;
use toolfront_gateway::{DevServer, ServeSettings, StartError};
use toolfront_token::TokenSecret;

use crate::confinement::{ConfinementOptions, confinement};
use crate::failure::Failure;
use crate::layout::{count, line};
use crate::logging::{self, LogFormat};
use crate::printer::Printer;
use crate::session::Invocation;
use crate::{shutdown, token_file};

/// Serve one directory for development: pages are read afresh on every request, and their faults told as they are saved
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront serve .\n  toolfront serve ./my-app --port 9000\n  \
                  toolfront serve ./my-app --token-file ./dev.tokens\n\n\
                  Nobody is asked for a token unless --token-file gives some: whoever reaches the port may run the tools.")]
pub(crate) struct Arguments {
    /// The application's directory
    path: PathBuf,
    /// The address to listen at
    #[arg(long, default_value = "127.0.0.1", value_parser = parse_host)]
    host: IpAddr,
    /// The port to listen at; 0 for any
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Serve hidden files too
    #[arg(long)]
    hidden: bool,
    /// A proxy that ends TLS stands before it, and its X-Forwarded-For is to be believed
    #[arg(long)]
    behind_proxy: bool,
    #[command(flatten)]
    confinement: ConfinementOptions,
}

fn parse_host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "an IP address is wanted, such as 127.0.0.1 or ::1".to_owned())
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let printer = invocation.printer;
    let tokens = tokens(invocation)?;
    let asks = !tokens.is_empty();
    logging::start(LogFormat::Text, invocation.settings.variables.text("TOOLFRONT_LOG")?, "warn")
        .map_err(|fault| Failure::wrong_use(format!("TOOLFRONT_LOG: {fault}")))?;
    let settings = ServeSettings {
        directory: arguments.path,
        listen: SocketAddr::new(arguments.host, arguments.port),
        tokens,
        hidden: arguments.hidden,
        behind_proxy: arguments.behind_proxy,
        tls: None,
        confinement: confinement(arguments.confinement, &invocation.settings)?,
    };
    let stop = shutdown::requested(printer)?;
    let bound = DevServer::bind(settings, move |faults| tell(printer, faults)).await;
    let bound = bound.map_err(|error| start_failure(&error))?;
    let url = bound.url().to_owned();
    let who = if asks { "whoever has a token of the file may use it" } else { "nobody is asked for a token" };
    printer.say(format_args!("Serving at {url} (Ctrl-C stops it); {who}."));
    printer.either(&json!({ "url": url }), || url.clone())?;
    bound.serve(stop).await.map_err(|error| super::gateway::start_failure(&error))
}

/// `serve` has no options for TLS.
fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::InClear { address } => Failure::wrong_use(format!(
            "{address} is open to other machines, and `serve` is for this one: leave --host out, or give --behind-proxy when a proxy \
             before it ends TLS"
        )),
        other => super::gateway::start_failure(other),
    }
}

fn tokens(invocation: &Invocation) -> Result<Vec<TokenSecret>, Failure> {
    let Some(path) = &invocation.settings.typed.token_file else { return Ok(Vec::new()) };
    let keys = token_file::read_all(path)?;
    if keys.is_empty() {
        // An empty list would let everybody in.
        return Err(Failure::wrong_use(format!("{} has no tokens in it", path.display())));
    }
    let numbered = keys.iter().zip(1..);
    numbered
        .map(|(key, number)| {
            key.parse().map_err(|fault| {
                Failure::wrong_use(format!("token {number} of {} is none: {fault}", path.display()))
            })
        })
        .collect()
}

/// Called when the faults of the pages are others than before.
fn tell(printer: Printer, faults: &[Fault]) {
    if faults.is_empty() {
        return printer.say("The pages have no faults.");
    }
    printer.warn(format_args!("{} in the pages:", count(faults.len(), "fault", "faults")));
    for fault in faults {
        printer.say(line(&super::check::fault_line(fault)));
    }
}
