//! What a command has at hand: settings and printer, and a client of the gateway when it calls one.

use toolfront_client::{ApiClient, WhichToken};
use toolfront_token::TokenId;

use crate::failure::Failure;
use crate::printer::Printer;
use crate::settings::{ResolvedKey, Settings, Source};

/// What every command has at hand.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) settings: Settings,
    pub(crate) printer: Printer,
}

/// A client of the gateway that the settings mean.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: ApiClient,
    key_source: Option<Source>,
}

impl Invocation {
    /// A client of the gateway that the settings mean; nothing is sent yet.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        let settings = self.settings.gateway()?;
        for warning in &settings.warnings {
            self.printer.warn(warning);
        }
        let key_source = match &settings.key {
            ResolvedKey::Found(key) => Some(key.source.clone()),
            ResolvedKey::Absent | ResolvedKey::ElsewhereOnly { .. } => None,
        };
        Ok(Session { client: ApiClient::new(&settings.connection()?)?, key_source })
    }
}

impl Session {
    /// The context whose key this session uses, when that is the key of the token `which`.
    pub(crate) async fn context_of(&self, which: WhichToken) -> Result<Option<String>, Failure> {
        let Some(Source::Context(context)) = &self.key_source else { return Ok(None) };
        let is_own = match which {
            WhichToken::Own => true,
            WhichToken::Id(id) => id == self.own_id().await?,
        };
        Ok(is_own.then(|| context.clone()))
    }

    async fn own_id(&self) -> Result<TokenId, Failure> {
        Ok(self.client.token(WhichToken::Own).await?.id)
    }
}
