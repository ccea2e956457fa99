//! The operations on a gateway, as Python names them.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use toolfront_api::{
    CreateEnvironment, CreateToken, PatchEnvironment, RevokeToken, RotateToken, SecretText, SetSecret,
};
use toolfront_app::EnvName;
use toolfront_client::{
    ApiClient, Deployment, Inspection, NoProgress, TokenFilter, TokenReference, WhichToken,
};

use crate::faults::Fault;

/// One operation.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Operation {
    Organizations,
    Environments,
    Environment { environment: String },
    CreateEnvironment { new: CreateEnvironment },
    PatchEnvironment { environment: String, change: PatchEnvironment },
    DeleteEnvironment { environment: String },
    Deploy(Deploy),
    Releases { environment: String },
    Rollback { environment: String, release: u32 },
    Secrets { environment: String },
    SetSecret { environment: String, name: String, value: SecretText },
    DeleteSecret { environment: String, name: String },
    Tokens(Tokens),
    Token { token: String },
    CreateToken { new: CreateToken },
    RotateToken { token: String, change: RotateToken },
    RevokeToken { token: String, how: RevokeToken },
}

/// A directory to be deployed.
#[derive(Deserialize)]
pub(super) struct Deploy {
    path: PathBuf,
    name: Option<String>,
    visibility: Option<String>,
    hidden: bool,
}

/// Which tokens are listed.
#[derive(Deserialize)]
pub(super) struct Tokens {
    only_active: bool,
    environment: Option<String>,
    expiring_within_seconds: Option<u64>,
    unused_for_seconds: Option<u64>,
    limit: Option<usize>,
}

impl Operation {
    /// Carries it out; yields the records as they are on the wire.
    pub(super) async fn run(self, client: &ApiClient) -> Result<Value, Fault> {
        Ok(match self {
            Self::Organizations => json!(client.organizations().await?),
            Self::Environments => json!(client.environments().await?),
            Self::Environment { environment } => json!(client.environment(segment(&environment)?).await?),
            Self::CreateEnvironment { new } => json!(client.create_environment(&new).await?),
            Self::PatchEnvironment { environment, change } => {
                json!(client.patch_environment(segment(&environment)?, &change).await?)
            }
            Self::DeleteEnvironment { environment } => {
                json!(client.delete_environment(segment(&environment)?).await?)
            }
            Self::Deploy(deploy) => deploy.run(client).await?,
            Self::Releases { environment } => json!(client.releases(segment(&environment)?).await?),
            Self::Rollback { environment, release } => {
                json!(client.rollback(segment(&environment)?, release).await?)
            }
            Self::Secrets { environment } => json!(client.secrets(segment(&environment)?).await?),
            Self::SetSecret { environment, name, value } => {
                json!(client.set_secret(segment(&environment)?, segment(&name)?, &SetSecret { value }).await?)
            }
            Self::DeleteSecret { environment, name } => {
                json!(client.delete_secret(segment(&environment)?, segment(&name)?).await?)
            }
            Self::Tokens(tokens) => {
                let filter = TokenFilter {
                    only_active: tokens.only_active,
                    environment: tokens.environment,
                    expiring_within: tokens.expiring_within_seconds.map(std::time::Duration::from_secs),
                    unused_for: tokens.unused_for_seconds.map(std::time::Duration::from_secs),
                    limit: tokens.limit.unwrap_or(usize::MAX),
                };
                json!(client.tokens(&filter).await?.0)
            }
            Self::Token { token } => json!(client.token(which(client, &token).await?).await?),
            Self::CreateToken { new } => json!(client.create_token(&new).await?),
            Self::RotateToken { token, change } => {
                json!(client.rotate_token(which(client, &token).await?, &change).await?)
            }
            Self::RevokeToken { token, how } => {
                json!(client.revoke_token(which(client, &token).await?, &how).await?)
            }
        })
    }
}

impl Deploy {
    async fn run(self, client: &ApiClient) -> Result<Value, Fault> {
        let Self { path, name, visibility, hidden } = self;
        let inspection = tokio::task::spawn_blocking(move || Inspection::of(&path, hidden)).await;
        let directory = inspection.map_err(|error| Fault::Internal(error.to_string()))??.deployable()?;
        let name = match name {
            Some(name) => {
                EnvName::parse(&name).map_err(|fault| Fault::Configuration(format!("name: {fault}")))?
            }
            None => directory.name().ok_or_else(|| {
                Fault::Configuration("the directory's name has no letter and no digit: give name".to_owned())
            })?,
        };
        // Files of an environment that is to be private are never served to everybody in between.
        if visibility.as_deref() == Some("private") {
            set_visibility(client, name.as_str(), "private", true).await?;
        }
        let deployment = Deployment::new(&directory);
        let deployed = deployment.deploy(client, name.as_str(), visibility.as_deref(), &mut NoProgress).await;
        let (mut deployed, sent) = deployed?;
        if let Some(wanted) = visibility.filter(|wanted| *wanted != deployed.environment.visibility) {
            let id = deployed.environment.id.to_string();
            if let Some(changed) = set_visibility(client, &id, &wanted, false).await? {
                deployed.environment = changed;
            }
        }
        Ok(json!({
            "environment": deployed.environment, "created": deployed.created,
            "files_sent": sent.files, "bytes_sent": sent.bytes,
        }))
    }
}

async fn set_visibility(
    client: &ApiClient,
    environment: &str,
    wanted: &str,
    may_be_missing: bool,
) -> Result<Option<toolfront_api::Environment>, Fault> {
    match client.environment(environment).await {
        Ok(found) if found.visibility != wanted => {
            let change =
                PatchEnvironment { visibility: Some(wanted.to_owned()), ..PatchEnvironment::default() };
            Ok(Some(client.patch_environment(&found.id.to_string(), &change).await?))
        }
        Ok(_) => Ok(None),
        Err(error) if may_be_missing && error.status() == Some(404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn which(client: &ApiClient, text: &str) -> Result<WhichToken, Fault> {
    Ok(TokenReference::parse(text)?.find(client).await?.which)
}

/// An id or a name: no text by which a path could mean something else.
fn segment(text: &str) -> Result<&str, Fault> {
    match text.trim() {
        "" | "." | ".." => Err(Fault::Configuration("give an id or a name".to_owned())),
        text => Ok(text),
    }
}
