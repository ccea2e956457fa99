//! What is done on the host itself: making the organization, recovering a lost token, another key for the secrets.

use toolfront_store::{Attribution, KeyRotated, Organization, RotateKeyError, SetupRefusal, TokenRefusal};
use toolfront_token::{
    Authority, EnvGrant, Expiry, Grant, NewToken, NewValue, OrgId, Scope, TokenId, TokenName, TokenSecret,
};

use super::Gateway;
use crate::clock::SystemEntropy;

/// The token that a gateway is first administered with. Its value is shown once.
#[derive(Debug)]
pub struct FirstToken {
    /// The organization.
    pub organization: OrgId,
    /// The token's id.
    pub token: TokenId,
    /// The token's value.
    pub value: TokenSecret,
}

/// Why a gateway could not be set up, or recovered.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no organization yet.
    #[error("this data directory has no organization yet: `toolfront gateway init` makes one")]
    NotSetUp,
    /// A name does not fit.
    #[error("the name {0}")]
    Name(#[from] toolfront_token::InvalidName),
    /// The store refused.
    #[error(transparent)]
    Refused(#[from] SetupRefusal),
    /// The token was not made.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] toolfront_store::StoreError),
    /// The key of the secrets was not rotated.
    #[error(transparent)]
    Key(#[from] RotateKeyError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] toolfront_token::EntropyFailed),
}

impl Gateway {
    /// Whether it has an organization.
    ///
    /// # Errors
    /// [`SetupError::Store`] when that can't be read.
    pub async fn is_initialized(&self) -> Result<bool, SetupError> {
        Ok(!self.store().organizations().await?.is_empty())
    }

    /// Makes the organization and its first admin token.
    ///
    /// # Errors
    /// [`SetupError`]; nothing was made then.
    pub async fn initialize(&self, organization: &str) -> Result<FirstToken, SetupError> {
        let name = TokenName::parse(organization)?.to_string();
        let id = OrgId::generate(&mut SystemEntropy)?;
        let organization = Organization { id, name };
        let (token, value) = (TokenId::generate(&mut SystemEntropy)?, TokenSecret::mint(&mut SystemEntropy)?);
        let new = administrator(id, "first admin token")?;
        self.store().set_up(organization, token, new, NewValue::of(&value), self.now()).await?;
        Ok(FirstToken { organization: id, token, value })
    }

    /// Makes another admin token, on the authority of whoever commands the host.
    ///
    /// # Errors
    /// [`SetupError::NotSetUp`] before [`Gateway::initialize`].
    pub async fn recover(&self, name: &str) -> Result<FirstToken, SetupError> {
        let organization = self.store().organizations().await?.into_iter().next();
        let id = organization.ok_or(SetupError::NotSetUp)?.id;
        let (token, value) = (TokenId::generate(&mut SystemEntropy)?, TokenSecret::mint(&mut SystemEntropy)?);
        let new = administrator(id, name)?;
        let by = Attribution::host(id);
        let kept = NewValue::of(&value);
        self.store().issue_token(Authority::host(), token, new, kept, None, by, self.now()).await?;
        Ok(FirstToken { organization: id, token, value })
    }

    /// Makes another key for the secrets of environments and encrypts all of them under it, on the authority of
    /// whoever commands the host.
    ///
    /// # Errors
    /// [`SetupError::NotSetUp`] before [`Gateway::initialize`]; [`SetupError::Key`] says what is the case then.
    pub async fn rotate_key(&self) -> Result<KeyRotated, SetupError> {
        let organization = self.store().organizations().await?.into_iter().next();
        let by = Attribution::host(organization.ok_or(SetupError::NotSetUp)?.id);
        Ok(self.store().rotate_key(SystemEntropy, by, self.now()).await?)
    }
}

fn administrator(organization: OrgId, name: &str) -> Result<NewToken, toolfront_token::InvalidName> {
    let grant = Grant { scope: Scope::Admin, environments: EnvGrant::All, expiry: Expiry::Never };
    Ok(NewToken { organization, name: TokenName::parse(name)?, grant })
}
