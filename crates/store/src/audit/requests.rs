//! Requests that change nothing and run nothing: told in groups, or counted only.

use super::append::append_group;
use super::event::RequestGroup;
use super::tail::Told;
use crate::error::StoreError;
use crate::store::Store;
use crate::usage::Use;

impl Store {
    /// Records what requests were, an event for each group, and counts uses that are told of by no event. All of it
    /// or nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be written; it can be tried again.
    pub async fn record_requests(
        &self,
        groups: std::sync::Arc<Vec<RequestGroup>>,
        untold: Vec<Use>,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| {
            for group in groups.iter() {
                append_group(transaction, group)?;
            }
            for uses in untold {
                transaction.tell(Told::Use(uses));
            }
            Ok(())
        })
        .await
    }

    /// Has all uses that are known so far in the tables of usage.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be written; they are kept.
    pub async fn count_usage(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.count_usage()?;
            Ok(())
        })
        .await
    }
}
