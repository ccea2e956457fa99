//! Organizations, and the first token of one.

use std::sync::Arc;

use toolfront_token::{Authority, NewToken, NewValue, OrgId, Timestamp, TokenId, TokenRecord};

use crate::audit::{self, Attribution, Event};
use crate::change::Change;
use crate::error::StoreError;
use crate::sqlite::Stored;
use crate::store::Store;
use crate::tokens;

/// The owner of environments and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
}

/// Why a gateway is not set up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SetupRefusal {
    /// It is already.
    #[error("the gateway has an organization already: `toolfront gateway recover` makes a new admin token")]
    AlreadySetUp,
    /// The grant of the token does not fit.
    #[error(transparent)]
    Token(#[from] toolfront_token::IssueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes the organization and its first token, both or neither.
    ///
    /// # Errors
    /// [`SetupRefusal::AlreadySetUp`] when there is one.
    pub async fn set_up(
        &self,
        organization: Organization,
        token: TokenId,
        new: NewToken,
        value: NewValue,
        now: Timestamp,
    ) -> Result<TokenRecord, SetupRefusal> {
        self.change(move |transaction| {
            let there: bool =
                transaction.query_row("SELECT EXISTS (SELECT 1 FROM organizations)", (), |row| row.get(0))?;
            if there {
                return Err(SetupRefusal::AlreadySetUp);
            }
            let Organization { id, name } = organization;
            transaction.execute(
                "INSERT INTO organizations (id, name, created_at) VALUES (?1, ?2, ?3)",
                (id.to_stored(), &name, now.micros()),
            )?;
            let by = Attribution::host(id);
            audit::append(transaction, &by, None, &Event::OrganizationCreated { name }, now)?;
            let record = TokenRecord::issue(&Authority::host(), token, new, value, now)?;
            tokens::insert(transaction, &record, &by, now)?;
            transaction.note(Change::Token(Arc::new(record.clone())));
            Ok(record)
        })
        .await
    }

    /// The organizations, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, name FROM organizations ORDER BY created_at, id")?;
            let mut rows = statement.query(())?;
            let mut organizations = Vec::new();
            while let Some(row) = rows.next()? {
                let id = OrgId::from_stored(row.get(0)?, "organizations", "id")?;
                organizations.push(Organization { id, name: row.get(1)? });
            }
            Ok(organizations)
        })
        .await
    }
}
