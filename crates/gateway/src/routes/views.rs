//! How records look on the wire.

use toolfront_api as api;
use toolfront_store::{
    AuditRecord, EnvironmentLimits, EnvironmentRecord, LastUse, Limit, SecretRecord, StoredRelease,
    StoredToken, UsageDetail,
};
use toolfront_token::{Actor, EnvGrant, Status, Timestamp, TokenName, Visibility};

use crate::gateway::Gateway;

fn actor(actor: Actor) -> String {
    match actor {
        Actor::Setup => "setup".to_owned(),
        Actor::Token(id) => id.to_string(),
    }
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

pub(super) fn audit_event(record: AuditRecord) -> api::AuditEvent {
    api::AuditEvent {
        v: AuditRecord::VERSION,
        sequence: record.sequence,
        at: time(record.at),
        outcome: record.decision.to_string(),
        organization_id: record.organization.to_string(),
        token_id: record.token.map(|id| id.to_string()),
        generation: record.generation,
        subject_id: record.subject.map(|id| id.to_string()),
        environment_id: record.environment.map(|id| id.to_string()),
        detail: serde_json::from_str(&record.detail).unwrap_or_default(),
        hash: record.hash.map(|hash| hash.to_string()),
        action: record.action,
        address: record.address,
        user_agent: record.user_agent,
        request_id: record.request_id,
        uses: record.uses,
    }
}

pub(super) fn token_usage(usage: UsageDetail) -> api::TokenUsage {
    let date = |day: i64| {
        let at = Timestamp::from_micros(day.saturating_mul(86_400_000_000)).to_string();
        at.split_once('T').map_or_else(String::new, |(date, _)| date.to_owned())
    };
    api::TokenUsage {
        days: usage
            .days
            .into_iter()
            .map(|day| api::DayUsage {
                date: date(day.day),
                environment_id: day.environment.map(|id| id.to_string()),
                count: day.count,
            })
            .collect(),
        addresses: usage
            .addresses
            .into_iter()
            .map(|from| api::UsedFrom {
                address: from.address,
                last_used_at: time(from.at),
                user_agent: from.user_agent,
            })
            .collect(),
    }
}

pub(super) fn token(stored: StoredToken, now: Timestamp) -> api::Token {
    let StoredToken { record, usage, environments } = stored;
    let parts = record.parts();
    let last = usage.iter().filter_map(|value| value.last.as_ref()).max_by_key(|last| last.at);
    let status = record.status(now);
    let revocation = parts.revocation.as_ref();
    let named = environments.into_iter().map(|environment| api::NamedEnvironment {
        id: environment.id,
        name: environment.name.to_string(),
        deleted: environment.deleted,
    });
    api::Token {
        id: record.id(),
        organization_id: record.organization(),
        name: TokenName::to_string(&parts.name),
        scope: record.grant().scope.wire().to_owned(),
        status: match status {
            Status::Active => api::TokenStatus::Active,
            Status::Expired => api::TokenStatus::Expired,
            Status::Revoked => api::TokenStatus::Revoked,
        },
        is_active: status == Status::Active,
        hint: record.hint().as_str().to_owned(),
        generation: record.generation(),
        created_at: time(parts.created_at),
        created_by: actor(parts.created_by),
        expires_at: record.grant().expiry.at().map(time),
        rotated_at: record.rotated_at().map(time),
        last_used_at: last.map(|last| time(last.at)),
        last_used_ip: last.and_then(|last| last.address).map(|address| address.to_string()),
        last_used_user_agent: last.and_then(|LastUse { user_agent, .. }| user_agent.clone()),
        usage_count: usage.iter().map(|value| value.count).sum(),
        usage_by_generation: usage.iter().map(|value| value.count).collect(),
        allowed_environments: match &record.grant().environments {
            EnvGrant::All => None,
            EnvGrant::Only(set) => Some(set.iter().collect()),
        },
        environments: named.collect(),
        revoked_at: revocation.map(|revocation| time(revocation.at)),
        revoked_by: revocation.map(|revocation| actor(revocation.by)),
        revocation_reason: revocation
            .and_then(|revocation| revocation.reason.as_ref())
            .map(|reason| reason.as_str().to_owned()),
    }
}

pub(super) fn environment(gateway: &Gateway, record: &EnvironmentRecord) -> api::Environment {
    let url = gateway.application_url(record.name.as_str());
    let release = record.release.as_ref();
    api::Environment {
        id: record.id,
        organization_id: record.organization,
        name: record.name.to_string(),
        fly_url: url.clone(),
        url,
        auth_token: None,
        visibility: match record.visibility {
            Visibility::Private => "private".to_owned(),
            Visibility::Public => "public".to_owned(),
        },
        network: record.network.word().to_owned(),
        limits: limits(&record.limits),
        end_runs_with_token: record.end_runs_with_token,
        status: if release.is_some() { "running".to_owned() } else { "empty".to_owned() },
        release: release.map(|release| release.number),
        files: release.map_or(0, |release| release.files),
        bytes: release.map_or(0, |release| release.bytes),
        pages: release.map_or(0, |release| release.pages),
        created_at: time(record.created_at),
        updated_at: time(record.updated_at),
    }
}

fn limits(own: &EnvironmentLimits) -> api::EnvironmentLimits {
    api::EnvironmentLimits {
        output_bytes: own.get(Limit::OutputBytes),
        memory_bytes: own.get(Limit::MemoryBytes),
        processes: own.get(Limit::Processes),
        file_bytes: own.get(Limit::FileBytes),
        open_files: own.get(Limit::OpenFiles),
        cpu_seconds: own.get(Limit::CpuSeconds),
        runs: own.get(Limit::Runs),
        timeout_seconds: own.get(Limit::TimeoutSeconds),
    }
}

pub(super) fn release(stored: &StoredRelease, current: Option<u32>) -> api::Release {
    api::Release {
        release: stored.release.number,
        current: Some(stored.release.number) == current,
        files: stored.release.files,
        bytes: stored.release.bytes,
        pages: stored.release.pages,
        created_at: time(stored.created_at),
        created_by: actor(stored.created_by),
    }
}

pub(super) fn secret(record: &SecretRecord) -> api::Secret {
    let SecretRecord { name, created_at, updated_at } = record;
    api::Secret { name: name.to_string(), created_at: time(*created_at), updated_at: time(*updated_at) }
}
