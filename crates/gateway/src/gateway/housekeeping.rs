//! What goes on beside the requests: writing uses, forgetting, removing what nobody needs; and the end of it all.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use toolfront_app::Manifest;
use toolfront_store::{SWEEP_AGE, StoreError};
use toolfront_token::Timestamp;

use super::Gateway;

const COUNT_INTERVAL: Duration = Duration::from_secs(1);
const FORGET_INTERVAL: Duration = Duration::from_mins(1);
const TIDY_INTERVAL: Duration = Duration::from_mins(10);
const ANCHOR_INTERVAL: Duration = Duration::from_mins(1);
const PRUNE_INTERVAL: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Gateway {
    /// What goes on beside the requests, until the gateway is dropped.
    pub(super) fn keep_house(&self) -> impl Future<Output = ()> + Send + 'static {
        let gateway = self.clone();
        async move {
            let work = Arc::clone(&gateway.shared.work);
            if let Ok(Err(cause)) = tokio::task::spawn_blocking(move || work.tidy()).await {
                tracing::warn!(%cause, "what an earlier process left could not be removed");
            }
            let mut count = tokio::time::interval(COUNT_INTERVAL);
            let mut forget = tokio::time::interval(FORGET_INTERVAL);
            let mut tidy = tokio::time::interval(TIDY_INTERVAL);
            let mut anchor = tokio::time::interval(ANCHOR_INTERVAL);
            let mut prune = tokio::time::interval(PRUNE_INTERVAL);
            let mut day = tokio::time::interval(DAY);
            loop {
                tokio::select! {
                    _ = count.tick() => if let Err(cause) = gateway.store().count_usage().await {
                        tracing::error!(%cause, "uses could not be counted; they are kept");
                    },
                    _ = forget.tick() => {
                        gateway.brake().forget_old();
                        gateway.access_log().tell_omitted();
                    }
                    _ = tidy.tick() => gateway.tidy().await,
                    _ = anchor.tick() => gateway.anchor().await,
                    _ = prune.tick() => gateway.prune().await,
                    _ = day.tick() => if let Err(cause) = gateway.store().forget_old_days(gateway.now()).await {
                        tracing::warn!(%cause, "counts of days long ago could not be removed");
                    },
                }
            }
        }
    }

    /// Has it signed where the log ends, if it has grown.
    async fn anchor(&self) {
        let Some(writer) = self.shared.anchors.clone() else { return };
        let (head, now) = (self.store().log_head(), self.now());
        let written = tokio::task::spawn_blocking(move || {
            writer.write(head, now).map_err(|cause| (cause, writer.path().to_owned()))
        });
        if let Ok(Err((cause, path))) = written.await {
            tracing::error!(%cause, path = %path.display(), "the audit log could not be anchored");
        }
    }

    /// Removes the events that are older than they are kept.
    async fn prune(&self) {
        let Some(keep) = self.settings().audit.keep else { return };
        let (now, keep) = (self.now(), i64::try_from(keep.as_micros()).unwrap_or(i64::MAX));
        let before = Timestamp::from_micros(now.micros().saturating_sub(keep));
        let mut events = 0;
        loop {
            match self.store().prune_log(before, now).await {
                Ok(Some(pruned)) => events += pruned.events,
                Ok(None) => break,
                Err(cause) => {
                    tracing::error!(%cause, "old events could not be removed from the audit log");
                    break;
                }
            }
        }
        if events > 0 {
            tracing::info!(events, "old events were removed from the audit log");
        }
    }

    async fn tidy(&self) {
        self.uploads().forget_old(self.now());
        self.announcements().forget_old(self.now());
        if let Err(cause) = self.store().forget_uploads(self.now().minus(crate::uploads::REMEMBERED)).await {
            tracing::warn!(%cause, "who sent which blobs long ago could not be forgotten");
        }
        if let Err(cause) = self.sweep_blobs().await {
            tracing::warn!(%cause, "blobs that no release has could not be removed");
        }
    }

    /// Removes blobs that no release of a living environment has, once they are a day old.
    async fn sweep_blobs(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let kept = Arc::new(Mutex::new(HashSet::new()));
        let collected = Arc::clone(&kept);
        let collect = move |manifest: &Manifest| {
            collected.lock().extend(manifest.iter().map(|file| file.digest));
        };
        self.store().each_manifest(None, collect).await?;
        let blobs = self.store().blobs().clone();
        let removed = tokio::task::spawn_blocking(move || {
            let kept = kept.lock();
            blobs.sweep(&|digest| kept.contains(digest), SWEEP_AGE)
        });
        let removed = removed.await??;
        if removed > 0 {
            tracing::info!(removed, "blobs that no release has were removed");
        }
        Ok(())
    }

    /// Has all requests recorded that were answered, and all uses counted.
    pub(crate) async fn settle_usage(&self) -> Result<(), StoreError> {
        self.access_log().tell_omitted_uses();
        self.access_log().flush(self.store()).await?;
        self.store().count_usage().await
    }

    /// The same for an answer that has to be given although the log can't be written.
    pub(crate) async fn settle_usage_if_it_can_be(&self) {
        if let Err(cause) = self.settle_usage().await {
            tracing::error!(%cause, "requests and uses could not be recorded; they are kept");
        }
    }

    /// Ends what still runs, and writes what is still to be written.
    pub(super) async fn close(&self) {
        self.stopping().cancel();
        self.sandbox().kill_all().await;
        self.tasks().close();
        self.tasks().wait().await;
        self.access_log().tell_omitted();
        if let Err(cause) = self.settle_usage().await {
            tracing::error!(%cause, "requests and uses could not be recorded");
        }
        self.anchor().await;
        let (store, work) = (self.store().clone(), Arc::clone(&self.shared.work));
        let closed = tokio::task::spawn_blocking(move || {
            store.close();
            work.remove()
        });
        if let Ok(Err(cause)) = closed.await {
            tracing::warn!(%cause, "the work directory could not be removed");
        }
    }
}
