//! An event as it is stored, and its one written form.

use std::fmt::Write as _;

use toolfront_token::{EnvId, OrgId, Timestamp, TokenId};

use super::chain::ChainHash;
use super::decision::Decision;
use crate::database::Row;
use crate::error::StoreError;
use crate::sqlite::Stored;

/// An event of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the log: 1 is the first, and none is left out.
    pub sequence: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: `noun.verb`.
    pub action: String,
    /// What was answered.
    pub decision: Decision,
    /// The organization that it concerns.
    pub organization: OrgId,
    /// Whose token it was that did it.
    pub token: Option<TokenId>,
    /// Which of its values.
    pub generation: Option<u32>,
    /// The token that it is about.
    pub subject: Option<TokenId>,
    /// The environment that it is about.
    pub environment: Option<EnvId>,
    /// From which address.
    pub address: Option<String>,
    /// With which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// How many uses of the token's value it tells of.
    pub uses: u64,
    /// What more there is to say, as a JSON object.
    pub detail: String,
    /// Its hash in the chain; `None` for those from before there was one.
    pub hash: Option<ChainHash>,
}

/// The columns that [`AuditRecord::read`] reads, in their order.
pub(super) const COLUMNS: &str = "sequence, at, action, outcome, organization_id, token_id, generation, subject_id, \
     environment_id, address, user_agent, request_id, uses, detail, hash";

impl AuditRecord {
    /// The version of the written form.
    pub const VERSION: u32 = 1;

    pub(super) fn read(row: Row<'_>) -> Result<Self, StoreError> {
        const TABLE: &str = "audit_events";
        let sequence: i64 = row.get(0)?;
        let outcome: String = row.get(3)?;
        let decision = Decision::from_word(&outcome);
        let (token, subject): (Option<i64>, Option<i64>) = (row.get(5)?, row.get(7)?);
        let environment: Option<i64> = row.get(8)?;
        let token_id = |stored: Option<i64>, column| {
            stored.map(|id| TokenId::from_stored(id, TABLE, column)).transpose()
        };
        Ok(Self {
            sequence,
            at: Timestamp::from_micros(row.get(1)?),
            action: row.get(2)?,
            decision: decision.ok_or(StoreError::Corrupt {
                table: TABLE,
                column: "outcome",
                id: sequence,
            })?,
            organization: OrgId::from_stored(row.get(4)?, TABLE, "organization_id")?,
            token: token_id(token, "token_id")?,
            generation: row.get(6)?,
            subject: token_id(subject, "subject_id")?,
            environment: environment.map(|id| EnvId::from_stored(id, TABLE, "environment_id")).transpose()?,
            address: row.get(9)?,
            user_agent: row.get(10)?,
            request_id: row.get(11)?,
            uses: row.get::<i64>(12)?.unsigned_abs(),
            detail: row.get(13)?,
            hash: row.get::<Option<[u8; 32]>>(14)?.map(ChainHash::from),
        })
    }

    /// The one written form, which the chain is made of: a JSON object without spaces, its members in this order,
    /// all of them always there.
    pub fn line(&self) -> String {
        let mut line = String::with_capacity(384 + self.detail.len());
        let _ = write!(
            line,
            r#"{{"v":{},"sequence":{},"at":"{}","action":"#,
            Self::VERSION,
            self.sequence,
            self.at
        );
        quote(&mut line, &self.action);
        let _ = write!(line, r#","outcome":"{}","organization_id":"{}","#, self.decision, self.organization);
        optional_id(&mut line, "token_id", self.token.as_ref());
        match self.generation {
            Some(generation) => drop(write!(line, r#""generation":{generation},"#)),
            None => line.push_str(r#""generation":null,"#),
        }
        optional_id(&mut line, "subject_id", self.subject.as_ref());
        optional_id(&mut line, "environment_id", self.environment.as_ref());
        optional_text(&mut line, "address", self.address.as_deref());
        optional_text(&mut line, "user_agent", self.user_agent.as_deref());
        optional_text(&mut line, "request_id", self.request_id.as_deref());
        let _ = write!(line, r#""uses":{},"detail":{}}}"#, self.uses, self.detail);
        line
    }

    /// The written form with the event's hash as a last member: a line of an export, which proves itself.
    pub fn export_line(&self) -> String {
        let mut line = self.line();
        line.pop();
        match &self.hash {
            Some(hash) => drop(write!(line, r#","hash":"{hash}"}}"#)),
            None => line.push_str(r#","hash":null}"#),
        }
        line
    }
}

fn optional_id(line: &mut String, name: &str, id: Option<&impl std::fmt::Display>) {
    match id {
        // An id has no character that JSON escapes.
        Some(id) => drop(write!(line, r#""{name}":"{id}","#)),
        None => drop(write!(line, r#""{name}":null,"#)),
    }
}

fn optional_text(line: &mut String, name: &str, text: Option<&str>) {
    let _ = write!(line, r#""{name}":"#);
    match text {
        Some(text) => quote(line, text),
        None => line.push_str("null"),
    }
    line.push(',');
}

fn quote(line: &mut String, text: &str) {
    // Writing a string as JSON can't fail.
    line.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever wrote a program against exports, or holds an anchor, relies on these bytes.
    #[test]
    fn the_written_form_is_this() {
        let record = AuditRecord {
            sequence: 7,
            at: Timestamp::from_micros(1_800_000_000_123_456),
            action: "page.read".to_owned(),
            decision: Decision::Allowed,
            organization: OrgId::from_bits(1).unwrap(),
            token: TokenId::from_bits(2),
            generation: Some(1),
            subject: None,
            environment: EnvId::from_bits(3),
            address: Some("192.0.2.1".to_owned()),
            user_agent: Some("a \"b\"\n".to_owned()),
            request_id: None,
            uses: 2,
            detail: r#"{"page":"README.md"}"#.to_owned(),
            hash: None,
        };
        let expected = r#"{"v":1,"sequence":7,"at":"2027-01-15T08:00:00.123456Z","action":"page.read","outcome":"allowed","organization_id":"org-aaaaaaaaaaab","token_id":"tok-aaaaaaaaaaac","generation":1,"subject_id":null,"environment_id":"env-aaaaaaaaaaad","address":"192.0.2.1","user_agent":"a \"b\"\n","request_id":null,"uses":2,"detail":{"page":"README.md"}}"#;
        assert_eq!(record.line(), expected);
        assert_eq!(record.export_line(), format!(r#"{},"hash":null}}"#, &expected[..expected.len() - 1]));
    }
}
