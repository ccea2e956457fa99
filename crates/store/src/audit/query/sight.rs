//! Which events somebody may know of.

use std::collections::HashMap;

use toolfront_token::{Authority, EnvGrant, EnvId, OrgId, Permit, ReadAudit, TokenId};

use super::super::record::AuditRecord;
use crate::database::Connection;
use crate::error::StoreError;
use crate::tokens::{TokenSelector, find};

/// Which events an administrator may know of: with a token for all environments those of the organization; else those
/// of the token's environments, and, of those that are for none, what tokens do or what becomes of them that the
/// administrator dominates.
#[derive(Clone, Debug)]
pub struct AuditSight {
    organization: OrgId,
    environments: EnvGrant,
    authority: Authority,
}

impl AuditSight {
    /// What the permit lets its token see. `None` without a token behind it.
    pub fn of(permit: &Permit<ReadAudit>) -> Option<Self> {
        let by = permit.by()?;
        Some(Self {
            organization: *permit.target(),
            environments: by.environments().clone(),
            authority: Authority::auditor(permit)?,
        })
    }

    /// The environments whose events are seen; `None` for all of the organization's.
    pub(super) fn environments(&self) -> Option<impl Iterator<Item = EnvId> + '_> {
        match &self.environments {
            EnvGrant::All => None,
            EnvGrant::Only(set) => Some(set.iter()),
        }
    }

    pub(super) fn with_memory<'s>(&'s self, connection: &'s Connection) -> Knowing<'s> {
        Knowing { sight: self, connection, tokens: HashMap::new() }
    }
}

/// The sight, with what was found out about tokens.
pub(super) struct Knowing<'s> {
    sight: &'s AuditSight,
    connection: &'s Connection,
    tokens: HashMap<TokenId, bool>,
}

impl Knowing<'_> {
    pub(super) fn sees(&mut self, record: &AuditRecord) -> Result<bool, StoreError> {
        if record.organization != self.sight.organization {
            return Ok(false);
        }
        let EnvGrant::Only(set) = &self.sight.environments else { return Ok(true) };
        match (record.environment, record.subject.or(record.token)) {
            (Some(environment), _) => Ok(set.iter().any(|own| own == environment)),
            (None, None) => Ok(false),
            (None, Some(token)) => self.sees_token(token),
        }
    }

    fn sees_token(&mut self, token: TokenId) -> Result<bool, StoreError> {
        if let Some(known) = self.tokens.get(&token) {
            return Ok(*known);
        }
        let selector = TokenSelector { organization: self.sight.organization, token };
        let found = find(self.connection, selector)?;
        let sees = found.is_some_and(|record| self.sight.authority.sees(&record));
        self.tokens.insert(token, sees);
        Ok(sees)
    }
}
