//! `toolfront deploy`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use serde_json::json;
use toolfront_api::{Environment, PatchEnvironment};
use toolfront_app::{EnvName, EnvNameFault};
use toolfront_client::{
    ApiClient, AppDirectory, ApplicationClient, Deployment, GatewayUrl, Inspection, Readback, Sent,
};

use crate::failure::Failure;
use crate::layout::{bytes, count};
use crate::printer::Printer;
use crate::progress_bar::Bar;
use crate::session::Invocation;

/// Deploy a directory as an environment: make it, or publish a release of the one with this name
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(
    after_help = "Examples:\n  toolfront deploy ./my-app\n  toolfront deploy . --name sales --verify\n  \
                  URL=$(toolfront deploy ./my-app)\n  toolfront deploy ./docs --public\n\n\
                  Prints the environment's URL. All pages are checked first, and nothing is sent when one has a fault; then only \
                  what the gateway does not have is sent. Links to files inside the directory are followed, others refused."
)]
pub(crate) struct Arguments {
    /// The application's directory
    path: PathBuf,
    /// The environment's name; the directory's unless given
    #[arg(long, value_parser = parse_name)]
    name: Option<EnvName>,
    /// Only tokens open it: the default for a new environment
    #[arg(long)]
    private: bool,
    /// Anybody who reaches the gateway may read its pages AND RUN ITS TOOLS, without a token
    #[arg(long, conflicts_with = "private")]
    public: bool,
    /// Read everything back from the environment's URL and compare
    #[arg(long)]
    verify: bool,
    /// Send hidden files too
    #[arg(long)]
    hidden: bool,
}

/// An environment's id or name: no text that a path could mean something else by.
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentName(String);

impl FromStr for EnvironmentName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "" | "." | ".." => Err("give the environment's id (env-…) or its name"),
            text => Ok(Self(text.to_owned())),
        }
    }
}

impl EnvironmentName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What `--name` is read with.
pub(crate) fn parse_name(text: &str) -> Result<EnvName, EnvNameFault> {
    EnvName::parse(text)
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let printer = invocation.printer;
    let session = invocation.session()?;
    let directory = read(&arguments.path, arguments.hidden, printer).await?;
    let name = named(arguments.name, &directory)?;
    let wanted = match (arguments.public, arguments.private) {
        (true, _) => Some("public"),
        (false, true) => Some("private"),
        (false, false) => None,
    };
    let client = &session.client;
    // Files of an environment that is to be private are never served to everybody in between.
    if wanted == Some("private") {
        make_private(client, &name).await?;
    }
    let deployment = Deployment::new(&directory);
    let (deployed, sent) = deployment.deploy(client, name.as_str(), wanted, &mut Bar::default()).await?;
    let mut environment = deployed.environment;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != environment.visibility) {
        let change = PatchEnvironment { visibility: Some(wanted.to_owned()), ..PatchEnvironment::default() };
        environment = client.patch_environment(&environment.id.to_string(), &change).await?;
    }
    let done = if deployed.created { "Created" } else { "Updated" };
    report(printer, done, &environment, sent);
    if environment.visibility == "public" {
        printer.warn(format_args!(
            "it is public: anybody who reaches {} may read its pages and run its tools, without a token",
            environment.url
        ));
    }
    if arguments.verify {
        verify(client, &environment.url, &directory, printer).await?;
    }
    let mut answer = json!(environment);
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("created".to_owned(), json!(deployed.created));
    }
    printer.either(&answer, || environment.url.clone())
}

/// Looks through a directory, and tells all of its faults when it can't be deployed.
pub(super) async fn read(path: &Path, hidden: bool, printer: Printer) -> Result<AppDirectory, Failure> {
    let owned = path.to_owned();
    let inspection = tokio::task::spawn_blocking(move || Inspection::of(&owned, hidden)).await;
    let inspection = inspection.map_err(|error| Failure::of(&error))??;
    let directory = inspection.deployable().map_err(|faults| {
        for fault in &faults.0 {
            printer.say(crate::layout::line(&super::check::fault_line(fault)));
        }
        Failure::of(&faults)
    })?;
    if directory.left_out() > 0 {
        let left_out = count(directory.left_out(), "hidden file or directory", "hidden files or directories");
        printer.say(format_args!("{left_out} left out (--hidden sends them)"));
    }
    let warnings = directory.warnings().count();
    if warnings > 0 {
        let warnings = count(warnings, "warning", "warnings");
        printer.warn(format_args!("{warnings} about the pages: see `toolfront check {}`", path.display()));
    }
    Ok(directory)
}

/// The name that was given, else the directory's.
pub(super) fn named(given: Option<EnvName>, directory: &AppDirectory) -> Result<EnvName, Failure> {
    given.or_else(|| directory.name()).ok_or_else(|| {
        let root = directory.root().display();
        Failure::wrong_use(format!("the name of {root} has no letter and no digit: give --name"))
    })
}

/// What was done, and what travelled.
pub(super) fn report(printer: Printer, done: &str, environment: &Environment, sent: Sent) {
    printer.say(format_args!(
        "{done} {} ({}), {}, release {}: {}, {}; {}.",
        environment.name,
        environment.id,
        environment.visibility,
        environment.release.map_or_else(|| "-".to_owned(), |release| release.to_string()),
        count(usize::try_from(environment.files).unwrap_or(usize::MAX), "file", "files"),
        bytes(environment.bytes),
        travelled(sent),
    ));
}

/// How much was sent.
fn travelled(sent: Sent) -> String {
    if sent.files == 0 {
        return "nothing had to be sent".to_owned();
    }
    format!("{} ({}) sent", count(sent.files, "file", "files"), bytes(sent.bytes))
}

/// Reads everything back.
pub(super) async fn verify(
    client: &ApiClient,
    url: &str,
    directory: &AppDirectory,
    printer: Printer,
) -> Result<(), Failure> {
    let url = GatewayUrl::parse(url)
        .map_err(|fault| Failure::failed(format!("the environment can't be read back at {url}: {fault}")))?;
    let application = ApplicationClient::of_gateway(client, url);
    let readback = Readback::compare(&application, directory).await?;
    if readback.differing.is_empty() {
        printer
            .say(format_args!("Verified: {} served as sent.", count(readback.files, "file is", "files are")));
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{} served otherwise than sent: {}",
        count(readback.differing.len(), "file is", "files are"),
        readback.differing.join(", ")
    )))
}

async fn make_private(client: &ApiClient, name: &EnvName) -> Result<(), Failure> {
    match client.environment(name.as_str()).await {
        Ok(found) if found.visibility != "private" => {
            let change =
                PatchEnvironment { visibility: Some("private".to_owned()), ..PatchEnvironment::default() };
            client.patch_environment(&found.id.to_string(), &change).await?;
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(404) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
