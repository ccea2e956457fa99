//! Tokens: issue, rotate, revoke, find, list.

mod counts;
mod listing;
mod rows;

use std::sync::Arc;

use toolfront_app::EnvName;
use toolfront_token::{
    Authority, EnvId, IssueError, ManageTokens, NewToken, NewValue, OrgId, Permit, RevocationReason,
    RotateError, RotateRequest, Timestamp, TokenId, TokenRecord,
};

pub use self::counts::TokenCounts;
pub use self::listing::{Cursor, Position, TokenFilter, TokenPage};
pub(crate) use self::rows::{ahead_of_find, find, find_by_id, insert, load};
use crate::actor::Acting;
use crate::audit::{self, Attribution, Event};
use crate::change::Change;
use crate::database::Ahead;
use crate::error::StoreError;
use crate::idempotency::{self, IdempotencyKey};
use crate::store::Store;
use crate::usage::ValueUsage;
use crate::writer::{ChangeTransaction, WriteTransaction};

/// A token with all that is shown of it.
#[derive(Clone, Debug)]
pub struct StoredToken {
    /// Its record.
    pub record: TokenRecord,
    /// How often each of its values was used, the first value first.
    pub usage: Vec<ValueUsage>,
    /// The environments that its grant names.
    pub environments: Vec<NamedEnvironment>,
}

/// An environment that a grant names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEnvironment {
    /// Its id.
    pub id: EnvId,
    /// Its name.
    pub name: EnvName,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// Which token is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSelector {
    /// Of which organization.
    pub organization: OrgId,
    /// Which one.
    pub token: TokenId,
}

/// Why a token was not made, changed or found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// There is none, or none that the actor may know of.
    #[error("no such token")]
    NotFound,
    /// It can't be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// It can't be rotated.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// The same call had succeeded before.
    #[error("this call has succeeded before, for {0}; its value is not shown twice: rotate that token")]
    Repeated(TokenId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a token; `value` is what is kept of the value that the caller shows once.
    ///
    /// # Errors
    /// [`TokenRefusal`] says why there is none; [`TokenRefusal::NotFound`] when the actor administers no
    /// tokens of that organization, or was ended since its call began.
    #[expect(clippy::too_many_arguments, reason = "what is asked, by whom, and what a pure store is handed")]
    pub async fn issue_token(
        &self,
        authority: Authority,
        id: TokenId,
        new: NewToken,
        value: NewValue,
        key: Option<IdempotencyKey>,
        by: Attribution,
        now: Timestamp,
    ) -> Result<TokenRecord, TokenRefusal> {
        self.change(move |transaction| {
            if !Acting::new(authority.token()).is_alive(transaction)? {
                return Err(TokenRefusal::NotFound);
            }
            first_time(transaction, &authority, key.as_ref(), now)?;
            let record =
                TokenRecord::issue(&authority, id, new, value, now).map_err(|refused| match refused {
                    IssueError::OutOfSight => TokenRefusal::NotFound,
                    refused => refused.into(),
                })?;
            rows::insert(transaction, &record, &by, now)?;
            remember(transaction, &authority, key.as_ref(), id, now)?;
            transaction.note(Change::Token(Arc::new(record.clone())));
            Ok(record)
        })
        .await
    }

    /// Puts a new value in place of a token's current one.
    ///
    /// # Errors
    /// [`TokenRefusal`] says why it stays as it is; [`TokenRefusal::NotFound`] also when the actor was ended
    /// since its call began.
    #[expect(clippy::too_many_arguments, reason = "what is asked, by whom, and what a pure store is handed")]
    pub async fn rotate_token(
        &self,
        authority: Authority,
        selector: TokenSelector,
        request: RotateRequest,
        value: NewValue,
        key: Option<IdempotencyKey>,
        by: Attribution,
        now: Timestamp,
    ) -> Result<TokenRecord, TokenRefusal> {
        self.change(move |transaction| {
            may_touch(transaction, &authority, selector.token)?;
            first_time(transaction, &authority, key.as_ref(), now)?;
            let before = rows::find(transaction, selector)?.ok_or(TokenRefusal::NotFound)?;
            let after = before.rotate(&authority, request, value, now).map_err(|refused| match refused {
                RotateError::OutOfSight => TokenRefusal::NotFound,
                refused => refused.into(),
            })?;
            rows::update(transaction, &before, &after)?;
            let event = Event::TokenRotated {
                token: after.id(),
                name: after.parts().name.to_string(),
                generation: after.generation(),
                grant: after.grant().into(),
            };
            audit::append(transaction, &by, None, &event, now)?;
            remember(transaction, &authority, key.as_ref(), after.id(), now)?;
            transaction.note(Change::Token(Arc::new(after.clone())));
            Ok(after)
        })
        .await
    }

    /// Ends a token for good; on a full disk in the room that is kept back for it. A second time it yields what the
    /// first one left.
    ///
    /// # Errors
    /// [`TokenRefusal::NotFound`], or the store failed.
    pub async fn revoke_token(
        &self,
        authority: Authority,
        selector: TokenSelector,
        reason: Option<RevocationReason>,
        by: Attribution,
        now: Timestamp,
    ) -> Result<TokenRecord, TokenRefusal> {
        let asked = Arc::new((authority, reason, by));
        let is_of_room = |refusal: &TokenRefusal| matches!(refusal, TokenRefusal::Store(failure) if failure.may_be_for_want_of_room());
        let ahead = {
            let asked = Arc::clone(&asked);
            move |ahead: &mut Ahead| {
                Acting::new(asked.0.token()).ahead(ahead);
                rows::ahead_of_find(ahead, selector.token);
            }
        };
        self.change_in_reserve(is_of_room, ahead, move || {
            let asked = Arc::clone(&asked);
            move |transaction: &mut ChangeTransaction<'_, '_>| {
                let (authority, reason, by) = &*asked;
                end(transaction, authority, selector, reason.clone(), by, now)
            }
        })
        .await
    }

    /// Ends the commands that a token runs at any gateway of the database; yields when all of them know of it. A store
    /// that no other gateway has open tells its sink alone.
    ///
    /// # Errors
    /// [`StoreError`] when the others can't be told.
    pub async fn end_runs(&self, token: TokenId) -> Result<(), StoreError> {
        self.change(move |transaction| {
            transaction.note(Change::RunsEnded(token));
            Ok(())
        })
        .await
    }

    /// Records the first use of a value that a rotation made, from which the values before count their end.
    ///
    /// # Errors
    /// [`StoreError`]: the value must not be let in then.
    pub async fn record_first_use(
        &self,
        selector: TokenSelector,
        generation: u32,
        by: Attribution,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(move |transaction| {
            let Some(before) = rows::find(transaction, selector)? else { return Ok(()) };
            let Some(after) = before.first_used(generation, now) else { return Ok(()) };
            rows::update(transaction, &before, &after)?;
            let event = Event::TokenFirstUsed { token: after.id(), generation };
            audit::append(transaction, &by, None, &event, now)?;
            transaction.note(Change::Token(Arc::new(after)));
            Ok(())
        })
        .await
    }

    /// One token, with all that is shown of it, if `authority` may know of it.
    ///
    /// # Errors
    /// [`TokenRefusal::NotFound`], or the store failed.
    pub async fn load_token(
        &self,
        authority: Authority,
        selector: TokenSelector,
    ) -> Result<StoredToken, TokenRefusal> {
        self.read(move |connection| {
            let record = rows::find(connection, selector)?.filter(|record| authority.sees(record));
            Ok(rows::with_usage(connection, record.ok_or(TokenRefusal::NotFound)?)?)
        })
        .await
    }

    /// A page of the tokens that the caller may know of, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn list_tokens(
        &self,
        permit: &Permit<ManageTokens>,
        filter: TokenFilter,
        now: Timestamp,
    ) -> Result<TokenPage, StoreError> {
        let organization = *permit.target();
        let Some(authority) = Authority::administrator(permit) else { return Ok(TokenPage::default()) };
        self.read(move |connection| listing::page(connection, organization, &authority, &filter, now)).await
    }
}

fn end(
    transaction: &mut ChangeTransaction<'_, '_>,
    authority: &Authority,
    selector: TokenSelector,
    reason: Option<RevocationReason>,
    by: &Attribution,
    now: Timestamp,
) -> Result<TokenRecord, TokenRefusal> {
    may_touch(transaction, authority, selector.token)?;
    let before = rows::find(transaction, selector)?.ok_or(TokenRefusal::NotFound)?;
    let told = reason.as_ref().map(|reason| reason.as_str().to_owned());
    let after = before.revoke(authority, reason, now).map_err(|_| TokenRefusal::NotFound)?;
    if after != before {
        rows::update(transaction, &before, &after)?;
        let event = Event::TokenRevoked { token: after.id(), reason: told };
        audit::append(transaction, by, None, &event, now)?;
        transaction.note(Change::Token(Arc::new(after.clone())));
    }
    Ok(after)
}

/// Refuses an actor that was ended since its call began. What it does to itself needs no asking: the record
/// itself tells.
fn may_touch(
    transaction: &WriteTransaction<'_>,
    authority: &Authority,
    token: TokenId,
) -> Result<(), TokenRefusal> {
    let acting = Acting::new(authority.token());
    if acting.is(token) || acting.is_alive(transaction)? { Ok(()) } else { Err(TokenRefusal::NotFound) }
}

fn first_time(
    transaction: &WriteTransaction<'_>,
    authority: &Authority,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
) -> Result<(), TokenRefusal> {
    let (Some(caller), Some(key)) = (authority.token(), key) else { return Ok(()) };
    match idempotency::earlier(transaction, caller.token(), key, now)? {
        Some(made) => Err(TokenRefusal::Repeated(made)),
        None => Ok(()),
    }
}

fn remember(
    transaction: &WriteTransaction<'_>,
    authority: &Authority,
    key: Option<&IdempotencyKey>,
    made: TokenId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Some(caller), Some(key)) = (authority.token(), key) else { return Ok(()) };
    idempotency::remember(transaction, caller.token(), key, made, now)
}
