//! From a presented value to a living token.

use http::HeaderMap;
use toolfront_store::{Attribution, Decision, TokenSelector};
use toolfront_token::{ActiveToken, Credential, Dead, PresentedToken, Timestamp};

use super::presented::{Presented, presented};
use crate::gateway::Gateway;
use crate::memory::Trusted;
use crate::problem::Refusal;
use crate::request::Context;

/// Who sends a request.
#[derive(Debug)]
pub(crate) enum Identity {
    /// Somebody without a token.
    Visitor,
    /// A living token.
    Caller(ActiveToken),
}

impl Identity {
    /// The token; its absence is refused.
    pub(crate) fn required(self) -> Result<ActiveToken, Refusal> {
        match self {
            Self::Visitor => Err(Refusal::no_token()),
            Self::Caller(token) => Ok(token),
        }
    }
}

/// Judges what the headers present: a token that is sent is never ignored. A living one is counted as used.
pub(crate) async fn authenticate(
    gateway: &Gateway,
    headers: &HeaderMap,
    context: &Context,
) -> Result<Identity, Refusal> {
    let token = match presented(headers)? {
        Presented::Nothing => return Ok(Identity::Visitor),
        Presented::Malformed(fault) => return Err(failed(gateway, context, &fault.to_string())),
        Presented::Token(token) => token,
    };
    let now = gateway.now();
    let known = gateway.memory().trusted()?;
    let active = match find(known, &token, now, |value| context.story.note_dead(value)) {
        None => return Err(failed(gateway, context, "no such token")),
        // Only who holds the right value is told so much, and may go on asking.
        Some(Err(dead @ (Dead::Expired | Dead::Revoked | Dead::Rotated))) => {
            return Err(dead_value(dead));
        }
        Some(Ok(active)) => active,
    };
    let active = if active.first_use_pending() {
        let selector = TokenSelector { organization: active.organization(), token: active.token() };
        // The use that the request is goes with what it asks for.
        let by = Attribution { use_slip: None, ..context.attribute_to(&active) };
        // Boxed, as is all on this way that is rare: every request would carry room for it.
        Box::pin(gateway.store().record_first_use(selector, active.generation(), by, now)).await?;
        // A rotation that was quicker has cancelled the value.
        reconsider(gateway.memory().trusted()?, headers, now)?.required()?
    } else {
        active
    };
    context.story.note_caller(&active);
    Ok(Identity::Caller(active))
}

/// Judges the headers of a request once more that `authenticate` let in, as of its arrival: what was revoked,
/// rotated or narrowed since then counts. It is no further use.
pub(crate) fn reconsider(
    known: Trusted<'_>,
    headers: &HeaderMap,
    arrived: Timestamp,
) -> Result<Identity, Refusal> {
    let token = match presented(headers)? {
        Presented::Nothing => return Ok(Identity::Visitor),
        Presented::Malformed(fault) => return Err(not_a_token(&fault.to_string())),
        Presented::Token(token) => token,
    };
    let active = find(known, &token, arrived, |_| {}).ok_or_else(|| not_a_token("no such token"))?;
    active.map(Identity::Caller).map_err(dead_value)
}

fn find(
    known: Trusted<'_>,
    token: &PresentedToken,
    at: Timestamp,
    dead: impl FnOnce(&Credential),
) -> Option<Result<ActiveToken, Dead>> {
    known.tokens().find(&token.digest(), |credential: &Credential| {
        credential.activate(at).inspect_err(|_| dead(credential))
    })
}

fn dead_value(dead: Dead) -> Refusal {
    let decision = match dead {
        Dead::Expired => Decision::Expired,
        Dead::Revoked => Decision::Revoked,
        Dead::Rotated => Decision::Rotated,
    };
    Refusal::invalid_token(&dead.to_string()).denying(decision)
}

fn not_a_token(why: &str) -> Refusal {
    Refusal::invalid_token(why).denying(Decision::Invalid)
}

/// A value that is none: counted against the address.
fn failed(gateway: &Gateway, context: &Context, why: &str) -> Refusal {
    match gateway.brake().failed(context.address) {
        Ok(()) => not_a_token(why),
        Err(wait) => Refusal::too_many("Too many requests with tokens that are not valid.", wait)
            .denying(Decision::Invalid),
    }
}
