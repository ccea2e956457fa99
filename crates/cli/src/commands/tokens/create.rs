//! `toolfront tokens create`.

use clap::Args;
use toolfront_api::CreateToken;
use toolfront_token::{Scope, TokenName};

use super::record::print_issued;
use crate::clock;
use crate::expires::Expires;
use crate::failure::Failure;
use crate::session::Invocation;

/// Create a token. Its value alone goes to standard output, its record to standard error
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  TOKEN=$(toolfront tokens create ci --env my-app --expires 30d)\n  \
                  toolfront tokens create reader --scope read --expires 2030-01-31 > reader.token\n  \
                  toolfront tokens create deployer --scope admin --json\n\n\
                  Without --env the token is for ALL environments of the organization, those to come included; without --expires it \
                  lives until it is revoked.")]
pub(crate) struct Arguments {
    /// What to call it: 1 to 100 characters
    name: String,
    /// What it may do: read, execute (reading, and running tools) or admin (everything)
    #[arg(long, default_value = "execute", value_parser = super::parse_scope)]
    scope: Scope,
    /// An environment that it is for, by id or name; give it again for more
    #[arg(long = "env", value_name = "E")]
    environments: Vec<String>,
    /// When it ends: a span (45m, 12h, 30d, 2w), an instant (2030-01-31T12:00:00Z) or a date (the end of that day, UTC)
    #[arg(long, value_name = "T")]
    expires: Option<Expires>,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let name = TokenName::parse(&arguments.name)
        .map_err(|fault| Failure::wrong_use(format!("the name of a token {fault}")))?;
    let expires = arguments.expires.map(|expires| expires.resolve(clock::now())).transpose()?.flatten();
    let new = CreateToken {
        name: name.as_str().to_owned(),
        scope: arguments.scope.wire().to_owned(),
        organization_id: None,
        expires_at: expires.map(|end| end.to_string()),
        allowed_environment_ids: Some(arguments.environments).filter(|environments| !environments.is_empty()),
    };
    let session = invocation.session()?;
    print_issued(invocation.printer, session.client.create_token(&new).await?)
}
