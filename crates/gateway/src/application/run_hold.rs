//! For how long a command may go on: as its token is ended with what it runs, and, in an environment that asks for
//! it, as the token may no longer run it.

use std::time::Duration;

use http::HeaderMap;
use toolfront_token::{Permit, RunTool, TokenDigest};

use crate::access::{Presented, presented};
use crate::gateway::Gateway;
use crate::problem::Refusal;
use crate::runs::{Order, RunPlace};

/// How often it is judged again whether a command may go on. What changes of its token is judged at once: this is
/// for time alone, which a clock may leap through, and for what changes of its environment.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A command's place, and the token's value that it runs with.
pub(crate) struct RunHold {
    gateway: Gateway,
    place: RunPlace,
    /// `None` for a visitor of a public application.
    value: Option<TokenDigest>,
    /// As the environment had it when it was last there.
    ends_with_token: bool,
}

impl RunHold {
    /// The headers are those that the command was asked for with.
    pub(super) fn new(gateway: &Gateway, place: RunPlace, headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = match presented(headers)? {
            Presented::Token(token) => Some(token.digest()),
            Presented::Nothing | Presented::Malformed(_) => None,
        };
        Ok(Self { gateway: gateway.clone(), place, value, ends_with_token: false })
    }

    /// Returns when the command is to end.
    pub(crate) async fn lost(&mut self) {
        loop {
            let Some(wait) = self.wait() else { return };
            tokio::select! {
                order = self.place.told() => if order == Order::End { return },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// For how long the command may go on before that is judged again; `None` when it may not.
    fn wait(&mut self) -> Option<Duration> {
        let Some(value) = &self.value else { return Some(LOOK_AGAIN) };
        let now = self.gateway.now();
        let (environment, active) =
            self.gateway.memory().of_run(self.place.environment(), value, |value| value.activate(now).ok());
        if let Some(environment) = &environment {
            self.ends_with_token = environment.record.end_runs_with_token;
        }
        if !self.ends_with_token {
            return Some(LOOK_AGAIN);
        }
        let active = active.flatten()?;
        if let Some(environment) = &environment {
            let (target, visibility) = (environment.target(), environment.record.visibility);
            let guest: Option<Permit<RunTool>> = Permit::for_guest(&active, target, visibility);
            if guest.is_none() && active.authorize::<RunTool>(target).is_err() {
                return None;
            }
        }
        let left = active.grant().expiry.at().map(|end| end.since(now));
        Some(left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN)))
    }
}
