//! Telling a client that asked for it that its command still runs.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often a client is told.
const INTERVAL: Duration = Duration::from_secs(1);

/// Waits for `work`, and tells meanwhile how many seconds it has taken: at its begin, and every second.
pub(crate) async fn telling<T>(
    peer: &Peer<RoleServer>,
    token: Option<ProgressToken>,
    work: impl Future<Output = T>,
) -> T {
    let Some(token) = token else { return work.await };
    let mut work = std::pin::pin!(work);
    let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seconds = 0_u32;
    loop {
        let message = if seconds == 0 { "begun".to_owned() } else { format!("running for {seconds} s") };
        let told = ProgressNotificationParam::new(token.clone(), f64::from(seconds)).with_message(message);
        // Whoever does not listen any more is about to be noticed by the transport.
        let _ = peer.notify_progress(told).await;
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => seconds = seconds.saturating_add(1),
        }
    }
}
