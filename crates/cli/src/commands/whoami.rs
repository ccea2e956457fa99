//! `toolfront whoami`.

use clap::Args;
use serde_json::json;
use toolfront_client::WhichToken;

use crate::commands::tokens::record_fields;
use crate::failure::Failure;
use crate::layout;
use crate::session::Invocation;

/// Show which token is used, at which gateway, and what it may do
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolfront whoami\n  toolfront whoami --context production\n  \
                            toolfront whoami --token-file ./ci.token --json")]
pub(crate) struct Arguments {}

pub(crate) async fn run(_arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    let session = invocation.session()?;
    let record = session.client.token(WhichToken::Own).await?;
    let organizations = session.client.organizations().await?;
    let organization = organizations.iter().find(|one| one.id == record.organization_id);
    let url = session.client.url().to_string();
    let answer = json!({ "gateway_url": url, "organization": organization, "token": record });
    invocation.printer.either(&answer, || {
        let named = organization
            .map_or_else(|| record.organization_id.to_string(), |one| format!("{} ({})", one.name, one.id));
        let mut fields = vec![("gateway", url.clone()), ("organization", named)];
        fields.extend(record_fields(&record));
        layout::fields(&fields)
    })
}
