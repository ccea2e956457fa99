//! The audit log of a world, and requests to tell of.

use std::net::IpAddr;
use std::sync::Arc;

use toolfront_store::{
    AccessEvent, Attribution, AuditFilter, AuditOrder, AuditPage, AuditRecord, Decision, RequestGroup,
    RunBegun, StoreError, Summary, Use, Verification,
};
use toolfront_token::{Authority, EnvId, NewToken, ReadAudit, Scope, TokenRecord};

use super::memory::Memory;
use super::{Backend, World, another_organization, at, by, grant, new_token, permit, token_id, value};

/// From where something came at that second.
pub(crate) fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

/// The record's value, used from that address.
pub(crate) fn by_from(record: &TokenRecord, number: u8) -> Attribution {
    Attribution { address: Some(address(number)), user_agent: Some(format!("agent/{number}")), ..by(record) }
}

/// A page that was read once.
pub(crate) fn read(record: &TokenRecord, second: i64) -> RequestGroup {
    let event = AccessEvent::PageRead { release: Some(1), page: "README.md".into(), status: 200 };
    RequestGroup {
        by: by_from(record, 1),
        environment: None,
        decision: Decision::Allowed,
        event,
        first: at(second),
        last: at(second),
        count: 1,
        uses: 1,
        bytes: 10,
        requests: vec![1],
    }
}

/// A request that was denied for that reason.
pub(crate) fn denied(record: &TokenRecord, decision: Decision, second: i64) -> RequestGroup {
    let event = AccessEvent::Denied { method: "GET".into(), path: "/e/docs".into(), status: 401 };
    RequestGroup { decision, event, uses: 0, ..read(record, second) }
}

/// A command to be told of.
pub(crate) fn a_run() -> RunBegun {
    RunBegun { release: 1, page: "README.md".to_owned(), command: vec!["ls".to_owned()] }
}

impl<B: Backend> World<B> {
    pub(crate) async fn record(&self, groups: Vec<RequestGroup>) -> Result<(), StoreError> {
        self.store.record_requests(Arc::new(groups), Vec::new()).await
    }

    pub(crate) async fn count_untold(&self, uses: Vec<Use>) {
        self.store.record_requests(Arc::default(), uses).await.unwrap();
    }

    /// So many reads by a token, one a second, each of them an event.
    pub(crate) async fn record_reads(&self, record: &TokenRecord, seconds: std::ops::Range<i64>) {
        self.record(seconds.map(|second| read(record, second)).collect()).await.unwrap();
    }

    pub(crate) async fn begin_run(&self, environment: EnvId, second: i64) -> i64 {
        let by = by_from(&self.admin, 1);
        self.store.begin_run(environment, a_run(), by, at(second)).await.unwrap()
    }

    /// A page of events as the holder of a token sees it.
    pub(crate) async fn page_for(&self, reader: &TokenRecord, filter: AuditFilter) -> AuditPage {
        let permit = permit::<ReadAudit>(reader, reader.organization());
        self.store.audit_page(&permit, filter).await.unwrap()
    }

    pub(crate) async fn page(&self, filter: AuditFilter) -> AuditPage {
        self.page_for(&self.admin, filter).await
    }

    /// All pages of a filter, one after the other.
    pub(crate) async fn all_pages(&self, reader: &TokenRecord, mut filter: AuditFilter) -> Vec<AuditRecord> {
        let mut events = Vec::new();
        loop {
            let page = self.page_for(reader, filter.clone()).await;
            events.extend(page.events);
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return events,
            }
        }
    }

    /// The whole log, the first event first.
    pub(crate) async fn log(&self) -> Vec<AuditRecord> {
        let filter = AuditFilter { order: AuditOrder::OldestFirst, ..AuditFilter::all(1000) };
        self.all_pages(&self.admin, filter).await
    }

    /// Holds the chain to be whole up to the last event.
    pub(crate) async fn verified(&self) -> Verification {
        let found = self.store.verify_log(None).await.unwrap();
        assert_eq!(found.fault, None, "{found:?}");
        assert_eq!(found.head, self.store.log_head());
        found
    }

    /// Another world that begins with what this one has stored, as if its process had been killed now.
    pub(crate) fn crash(&self) -> (Self, Summary) {
        let backend = self.backend.crashed();
        let memory = Arc::new(Memory::default());
        let (store, summary) = backend.open(memory.clone(), at(1_000)).unwrap();
        (Self { backend, store, memory, admin: self.admin.clone() }, summary)
    }
}

/// A token of another organization that may read its audit log.
pub(crate) fn stranger() -> TokenRecord {
    let new = NewToken { organization: another_organization(), ..new_token(grant(Scope::Admin)) };
    TokenRecord::issue(&Authority::host(), token_id(), new, value(), at(0)).unwrap()
}
