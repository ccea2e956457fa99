//! `toolfront mcp`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::json;
use toolfront_client::Bridge;
use toolfront_gateway::{BridgeServer, StartError};

use crate::application_access::{ApplicationAccess, ApplicationArguments};
use crate::failure::Failure;
use crate::logging::{self, LogFormat};
use crate::session::Invocation;
use crate::shutdown;

/// Serve an application as an MCP server, for clients that start one (stdio) or connect to one on this machine
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront mcp http://127.0.0.1:8787/e/docs            # with the token in TOOLFRONT_TOKEN\n  \
                  toolfront mcp https://gw.example.com/e/docs --param token=@./docs.token\n  \
                  toolfront mcp https://gw.example.com/e/docs --transport streamable-http --port 9000\n\n\
                  A gateway is an MCP server itself, at the application's URL with /mcp: clients that can send a header need \
                  no bridge. `toolfront mcp-config URL --client NAME` prints what to put into a client's configuration. \
                  Without a token given, that of the current context is used when the application is of its gateway."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    application: ApplicationArguments,

    /// How clients connect
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,

    /// The address to listen at, for streamable-http. Nobody is asked for a token there: whoever reaches it may use the application
    #[arg(long, default_value = "127.0.0.1", value_parser = parse_host)]
    host: IpAddr,

    /// The port to listen at, for streamable-http; 0 for any
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// A proxy stands before it that says who may come: for listening beyond this machine
    #[arg(long)]
    behind_proxy: bool,

    /// How much is told on standard error
    #[arg(long, value_enum, default_value_t)]
    log_level: LogLevel,
}

/// How clients connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// Over standard input and output.
    #[default]
    Stdio,
    /// Over HTTP, at /mcp.
    #[value(alias = "http")]
    StreamableHttp,
}

/// From what level on events are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    Error,
    #[default]
    Warn,
    Info,
    Debug,
    Trace,
}

fn parse_host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "an IP address is wanted, such as 127.0.0.1 or ::1".to_owned())
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    logging::start(LogFormat::Text, None, arguments.log_level.name()).map_err(Failure::failed)?;
    let ApplicationAccess { client, environment } =
        ApplicationAccess::resolve(&arguments.application, invocation).await?;
    let url = client.url().clone();
    // A token that is not good for it is told at once, and not by every call later on.
    let bridge = Arc::new(Bridge::connect(client, environment).await?);
    if arguments.transport == Transport::Stdio {
        return toolfront_mcp::serve_stdio(bridge).await.map_err(Failure::failed);
    }
    let printer = invocation.printer;
    let stop = shutdown::requested(printer)?;
    let listen = SocketAddr::new(arguments.host, arguments.port);
    let bound = BridgeServer::bind(bridge, listen, arguments.behind_proxy).await;
    let bound = bound.map_err(|error| start_failure(&error))?;
    let own = format!("{}/mcp", bound.url());
    printer.say(format_args!("Serving {url} at {own} (Ctrl-C stops it); nobody is asked for a token."));
    printer.either(&json!({ "url": own }), || own.clone())?;
    bound.serve(stop).await.map_err(|error| super::gateway::start_failure(&error))
}

fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::InClear { address } => Failure::wrong_use(format!(
            "{address} is open to other machines, and whoever reaches the bridge uses the application with your token: leave --host \
             out, or give --behind-proxy when a proxy before it says who may come"
        )),
        other => super::gateway::start_failure(other),
    }
}

impl LogLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
