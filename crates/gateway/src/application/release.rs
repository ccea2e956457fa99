//! A release that is served: its manifest, and its layout once a command needs it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OnceCell;
use toolfront_app::Manifest;
use toolfront_mcp::PageEntry;
use toolfront_store::{Blobs, EnvironmentRecord};
use toolfront_token::EnvId;

use crate::gateway::Gateway;
use crate::layouts::{Layout, Layouts};
use crate::memory::Environment;
use crate::problem::Refusal;

#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) number: u32,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) blobs: Blobs,
    /// What its pages are called; read the first time.
    pub(super) pages: OnceCell<Arc<[PageEntry]>>,
    layout: OnceCell<Layout>,
    layouts: Arc<Layouts>,
}

impl Release {
    /// The release that an environment serves now; its manifest is read the first time.
    pub(crate) async fn of(environment: &Environment, gateway: &Gateway) -> Result<Arc<Self>, Refusal> {
        let Some(current) = &environment.record.release else { return Err(not_deployed()) };
        let (id, number): (EnvId, u32) = (environment.record.id, current.number);
        let load = || async move {
            let manifest = gateway.store().manifest(id, number).await?.ok_or_else(not_deployed)?;
            Ok::<_, Refusal>(Arc::new(Self::new(gateway, number, Arc::new(manifest))))
        };
        match environment.release.get() {
            Some(release) => Ok(Arc::clone(release)),
            None => Box::pin(environment.release.get_or_try_init(load)).await.cloned(),
        }
    }

    /// Has the manifest at hand with which a release was just made, so that it is not read back.
    pub(crate) fn keep(gateway: &Gateway, record: &EnvironmentRecord, manifest: Arc<Manifest>) {
        let place = gateway.memory().place_for_release(record);
        if let Some((environment, made)) = place.zip(record.release.as_ref()) {
            let release = Self::new(gateway, made.number, manifest);
            // Somebody has asked for it already, and it is read back.
            let _ = environment.release.set(Arc::new(release));
        }
    }

    fn new(gateway: &Gateway, number: u32, manifest: Arc<Manifest>) -> Self {
        Self {
            number,
            manifest,
            blobs: gateway.store().blobs().clone(),
            pages: OnceCell::new(),
            layout: OnceCell::new(),
            layouts: Arc::clone(gateway.layouts()),
        }
    }

    /// Where its files are on the disk; they are laid out the first time.
    pub(crate) async fn root(self: &Arc<Self>) -> Result<PathBuf, Refusal> {
        let release = Arc::clone(self);
        let layout = self.layout.get_or_try_init(|| async move {
            let made =
                tokio::task::spawn_blocking(move || release.layouts.make(&release.manifest, &release.blobs));
            made.await.map_err(|err| Refusal::internal(&err))?.map_err(Refusal::from)
        });
        Ok(layout.await?.path().to_owned())
    }
}

fn not_deployed() -> Refusal {
    Refusal::new(toolfront_api::Code::NotFound, "Nothing has been deployed to this environment yet.")
}
