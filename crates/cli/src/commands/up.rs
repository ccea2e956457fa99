//! `toolfront up`.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

mod administrator;
mod example;
mod welcome;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::sync::oneshot;
use toolfront_api::{CreateToken, Environment, IssuedToken};
use toolfront_app::EnvName;
use toolfront_client::{ApiClient, AppDirectory, Deployment, GatewayUrl};
use toolfront_gateway::{Gateway, StartError};
use toolfront_token::Scope;

use super::{deploy, gateway};
use crate::confinement::{ConfinementOptions, confinement};
use crate::failure::Failure;
use crate::logging::{self, LogFormat};
use crate::printer::Printer;
use crate::progress_bar::Bar;
use crate::session::Invocation;
use crate::{clock, shutdown};

const LISTEN: &str = "127.0.0.1:8787";
/// How long the token lives that is made for trying an application out.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// Start a gateway on this machine, with an application if one is given, and print calls to paste
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront up ./my-app\n  toolfront up ./my-app --name sales --listen 127.0.0.1:9000\n  toolfront up\n\n\
                  The first time it makes an organization and its admin token, and saves that as the context `local`. An \
                  application is deployed as a private environment, and gets a token that may run its tools for 24 hours. Stays in the \
                  foreground; Ctrl-C stops it; started again, it finds everything as it was."
)]
pub(crate) struct Arguments {
    /// The application's directory; without one, only the gateway is started
    path: Option<PathBuf>,
    /// The environment's name; the directory's unless given
    #[arg(long, requires = "path", value_parser = deploy::parse_name)]
    name: Option<EnvName>,
    /// The address and port to listen at [default: 127.0.0.1:8787] [env: TOOLFRONT_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where everything is kept [env: TOOLFRONT_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Send hidden files too
    #[arg(long, requires = "path")]
    hidden: bool,
    #[command(flatten)]
    confinement: ConfinementOptions,
}

/// An application that is to be deployed.
struct Application {
    directory: AppDirectory,
    name: EnvName,
}

/// What there is, once everything runs.
struct Ready {
    url: GatewayUrl,
    environments: Vec<Environment>,
    deployed: Option<(Application, Environment, IssuedToken)>,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let (printer, variables) = (invocation.printer, &invocation.settings.variables);
    logging::start(LogFormat::Text, variables.text("TOOLFRONT_LOG")?, "warn")
        .map_err(|fault| Failure::wrong_use(format!("TOOLFRONT_LOG: {fault}")))?;
    let settings = settings(&arguments, invocation)?;
    // Everything that may be wrong with what was typed is found before anything is made.
    let application = match &arguments.path {
        None => None,
        Some(path) => {
            let directory = deploy::read(path, arguments.hidden, printer).await?;
            refuse_own_data(&directory, &settings.data_dir)?;
            let name = deploy::named(arguments.name, &directory)?;
            Some(Application { directory, name })
        }
    };
    administrator::refuse_foreign_context(invocation)?;
    let stop = shutdown::requested(printer)?;
    let opened = Gateway::open(settings).await.map_err(|error| start_failure(&error))?;
    let bound = opened.bind().await.map_err(|error| gateway::start_failure(&error))?;
    let url = GatewayUrl::parse(bound.url()).map_err(|fault| Failure::of(&fault))?;
    let (give_up, given_up) = oneshot::channel::<()>();
    let mut server = tokio::spawn(bound.serve(async move {
        tokio::select! { () = stop => {}, Ok(()) = given_up => {} }
    }));
    let preparing = prepare(&opened, url, application, invocation);
    let outcome = tokio::select! {
        ready = preparing => ready.and_then(|ready| welcome::print(ready, printer)),
        // Asked to stop before everything was ready.
        ended = &mut server => return served(ended),
    };
    if let Err(failure) = outcome {
        let _ = give_up.send(());
        served(server.await)?;
        return Err(failure);
    }
    let ended = server.await;
    drop(give_up);
    served(ended)
}

/// `up` has no options for TLS: what is open to other machines is for the production command.
fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::InClear { address } => Failure::wrong_use(format!(
            "{address} is open to other machines, and `up` is for this one: listen at 127.0.0.1, or run `toolfront gateway`, which \
             speaks TLS or stands behind a proxy that does"
        )),
        other => gateway::start_failure(other),
    }
}

fn served(ended: Result<Result<(), StartError>, tokio::task::JoinError>) -> Result<(), Failure> {
    match ended {
        Ok(ended) => ended.map_err(|error| gateway::start_failure(&error)),
        Err(error) => Err(Failure::of(&error)),
    }
}

fn settings(arguments: &Arguments, invocation: &Invocation) -> Result<toolfront_gateway::Settings, Failure> {
    let variables = &invocation.settings.variables;
    let data_dir = match arguments.data_dir.clone().or_else(|| variables.path("TOOLFRONT_DATA_DIR")) {
        Some(directory) => directory,
        None => invocation.settings.data_dir()?,
    };
    let listen = arguments.listen.as_deref().or(variables.text("TOOLFRONT_LISTEN")?).unwrap_or(LISTEN);
    let mut settings = toolfront_gateway::Settings::new(data_dir, gateway::listen_address(listen)?);
    settings.confinement = confinement(arguments.confinement, &invocation.settings)?;
    Ok(settings)
}

/// The gateway's own data is never deployed.
fn refuse_own_data(directory: &AppDirectory, data_dir: &Path) -> Result<(), Failure> {
    let absolute = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let real = absolute.canonicalize().unwrap_or(absolute);
    if real.starts_with(directory.root()) {
        return Err(Failure::wrong_use(format!(
            "the data directory {} lies in the application's own directory: give another one with --data-dir",
            real.display()
        )));
    }
    Ok(())
}

async fn prepare(
    opened: &Gateway,
    url: GatewayUrl,
    application: Option<Application>,
    invocation: &Invocation,
) -> Result<Ready, Failure> {
    let client = administrator::client(opened, &url, invocation).await?;
    let deployed = match application {
        None => None,
        Some(application) => Some(deploy(&client, application, invocation.printer).await?),
    };
    let environments = client.environments().await?;
    Ok(Ready { url, environments, deployed })
}

async fn deploy(
    client: &ApiClient,
    application: Application,
    printer: Printer,
) -> Result<(Application, Environment, IssuedToken), Failure> {
    let deployment = Deployment::new(&application.directory);
    let name = application.name.as_str();
    let (deployed, sent) = deployment.deploy(client, name, Some("private"), &mut Bar::default()).await?;
    let environment = deployed.environment;
    let done = if deployed.created { "Deployed" } else { "Updated" };
    deploy::report(printer, done, &environment, sent);
    let token = CreateToken {
        name: format!("up {}", environment.name),
        scope: Scope::Execute.wire().to_owned(),
        organization_id: None,
        expires_at: Some(clock::now().plus(TOKEN_LIFETIME).to_string()),
        allowed_environment_ids: Some(vec![environment.id.to_string()]),
    };
    let issued = client.create_token(&token).await?;
    Ok((application, environment, issued))
}
