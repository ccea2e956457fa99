//! The gateway: all that its requests share.

mod housekeeping;
mod setup;

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolfront_sandbox::Sandbox;
use toolfront_store::{BlobError, BlobPlace, DatabasePlace, Lease, OpenError, Store, StorePlace};
use toolfront_token::Timestamp;

pub use self::setup::{FirstToken, SetupError};

use crate::access_log::AccessLog;
use crate::anchors::AnchorWriter;
use crate::announcements::Announcements;
use crate::application::FileCache;
use crate::brake::Brake;
use crate::clock::{Clock, SystemClock, SystemEntropy};
use crate::layouts::Layouts;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::request::{Hosts, RequestIds};
use crate::runs::Runs;
use crate::server::{Bound, StartError};
use crate::settings::{Limits, Settings};
use crate::uploads::Uploads;
use crate::urls::ApplicationUrls;
use crate::work_directory::WorkDirectory;
use crate::{confinement, environment_limits, routes, server};

/// A gateway over one data directory. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// Where applications are; known once the port is.
    urls: OnceLock<ApplicationUrls>,
    hosts: Hosts,
    store: Store,
    memory: Arc<Memory>,
    access_log: AccessLog,
    anchors: Option<Arc<AnchorWriter>>,
    brake: Brake,
    runs: Runs,
    sandbox: Arc<Sandbox>,
    draining: CancellationToken,
    stopping: CancellationToken,
    mcp: toolfront_mcp::Endpoint,
    work: Arc<WorkDirectory>,
    files: FileCache,
    layouts: Arc<Layouts>,
    uploads: Uploads,
    announcements: Announcements,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    log_ends_well: bool,
    /// What goes on beyond the requests that began it, and is waited for when the gateway stops.
    tasks: TaskTracker,
    request_ids: RequestIds,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Opens the data directory and takes everything into memory that requests are judged by.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way, and what to do.
    pub async fn open(settings: Settings) -> Result<Self, StartError> {
        Self::open_with_clock(settings, Arc::new(SystemClock)).await
    }

    /// The same, with another clock than the machine's.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub async fn open_with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::open_with_lease(settings, clock, None).await
    }

    /// For tests alone: the same, with another lease than the store's to trust the memory by.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    #[doc(hidden)]
    pub async fn open_with_lease(
        settings: Settings,
        clock: Arc<dyn Clock>,
        lease: Option<Lease>,
    ) -> Result<Self, StartError> {
        server::check_listen(settings.listen, settings.tls.is_some(), settings.behind_proxy)?;
        environment_limits::check(&settings.limits)?;
        let anchors = settings.audit.anchors.as_ref().map(AnchorWriter::open).transpose()?.map(Arc::new);
        let mut start = [0_u8; 8];
        getrandom::fill(&mut start).map_err(|_| StartError::Entropy)?;
        let start = u64::from_le_bytes(start);
        let directory = settings.data_dir.clone();
        let work = tokio::task::spawn_blocking(move || WorkDirectory::make(&directory, start)).await;
        let unusable = |source| OpenError::Directory { path: settings.data_dir.clone(), source };
        let work = work.map_err(|_| StartError::Interrupted)?.map_err(unusable)?;
        // Before anything is loaded: the launcher is a copy of this process, and small only now.
        let started = confinement::start(&settings.confinement, work.runs()).await;
        let runs = Runs::new(&settings.limits);
        let metrics = Arc::new(Metrics::new());
        let memory = Arc::new(Memory::new(runs.clone(), Arc::clone(&metrics)));
        let opened = match started {
            Ok(sandbox) => {
                open_store(&settings, &memory, clock.as_ref()).await.map(|opened| (sandbox, opened))
            }
            Err(err) => Err(err),
        };
        let (sandbox, (store, log_ends_well)) = opened.inspect_err(|_| drop(work.remove()))?;
        memory.trust_while_held(lease.unwrap_or_else(|| store.lease().clone()));
        let layouts = Layouts::new(work.releases());
        let limits = &settings.limits;
        let stopping = CancellationToken::new();
        let shared = Shared {
            hosts: Hosts::new(settings.public_url.as_deref(), settings.app_domain.as_deref()),
            urls: OnceLock::new(),
            store,
            memory,
            access_log: AccessLog::new(settings.audit.reads, settings.limits.unrecorded_max),
            anchors,
            brake: Brake::new(limits.failures_per_minute_max),
            runs,
            sandbox: Arc::new(sandbox),
            mcp: toolfront_mcp::Endpoint::new(stopping.clone()),
            draining: CancellationToken::new(),
            stopping,
            work: Arc::new(work),
            files: FileCache::default(),
            layouts: Arc::new(layouts),
            uploads: Uploads::default(),
            announcements: Announcements::default(),
            readiness: Readiness::default(),
            metrics,
            log_ends_well,
            tasks: TaskTracker::new(),
            request_ids: RequestIds::starting_at(start),
            clock,
            settings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes the port.
    ///
    /// # Errors
    /// [`StartError::Listen`] when it can't be had.
    pub async fn bind(&self) -> Result<Bound, StartError> {
        let settings = &self.shared.settings;
        let service = routes::service(self.clone());
        let closing = self.clone();
        let bound = Bound::new(settings.listen, settings.tls.as_ref(), &settings.limits, service).await?;
        let writing = self.clone();
        self.tasks().spawn(async move {
            writing.access_log().keep_writing(writing.store(), writing.stopping()).await;
        });
        if let Some(address) = settings.ops_listen {
            let service = routes::operations_service(self.clone());
            let operations = Bound::new(address, None, &settings.limits, service).await?;
            let stopping = self.stopping().clone();
            self.tasks().spawn(async move { drop(operations.serve(stopping.cancelled_owned()).await) });
        }
        let bound = bound.named(settings.public_url.as_deref()).keeping(self.keep_house());
        let bound = bound.draining_with(self.shared.draining.clone());
        self.shared.urls.get_or_init(|| ApplicationUrls::new(bound.url(), settings.app_domain.as_deref()));
        Ok(bound.closing_with(async move { closing.close().await }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.settings.limits
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.shared.hosts
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.shared.memory
    }

    pub(crate) fn access_log(&self) -> &AccessLog {
        &self.shared.access_log
    }

    pub(crate) fn brake(&self) -> &Brake {
        &self.shared.brake
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.shared.runs
    }

    /// Cancelled when no more requests are taken, and those under way are to be finished.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.shared.draining
    }

    /// Cancelled when the time to finish requests is over.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.shared.stopping
    }

    /// Where messages of MCP clients go.
    pub(crate) fn mcp(&self) -> &toolfront_mcp::Endpoint {
        &self.shared.mcp
    }

    pub(crate) fn sandbox(&self) -> &Arc<Sandbox> {
        &self.shared.sandbox
    }

    pub(crate) fn files(&self) -> &FileCache {
        &self.shared.files
    }

    pub(crate) fn layouts(&self) -> &Arc<Layouts> {
        &self.shared.layouts
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.shared.uploads
    }

    pub(crate) fn announcements(&self) -> &Announcements {
        &self.shared.announcements
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.shared.tasks
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.shared.readiness
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Whether the audit log ended with its last event when the gateway was started.
    pub(crate) fn log_ends_well(&self) -> bool {
        self.shared.log_ends_well
    }

    pub(crate) fn request_ids(&self) -> &RequestIds {
        &self.shared.request_ids
    }

    /// Where the pages of an environment are.
    pub(crate) fn application_url(&self, name: &str) -> String {
        self.shared.urls.get().map(|urls| urls.of(name)).unwrap_or_default()
    }
}

/// Opens the store, and takes everything into memory that requests are judged by.
async fn open_store(
    settings: &Settings,
    memory: &Arc<Memory>,
    clock: &dyn Clock,
) -> Result<(Store, bool), StartError> {
    let place = StorePlace {
        database: settings.database.clone(),
        blobs: settings.blobs.clone(),
        key_file: settings.secrets_key.clone(),
        ..StorePlace::embedded(&settings.data_dir)
    };
    if matches!((&place.database, &place.blobs), (DatabasePlace::Postgres(_), BlobPlace::DataDirectory)) {
        tracing::warn!(
            "the files of applications are in this gateway's data directory: another gateway of the database does not have them"
        );
    }
    let (sink, now) = (Arc::clone(memory), clock.now());
    let opened = tokio::task::spawn_blocking(move || Store::open(&place, sink, now)).await;
    let (store, summary) = opened.map_err(|_| StartError::Interrupted)??;
    tracing::info!(
        tokens = summary.tokens,
        environments = summary.environments,
        directory = %settings.data_dir.display(),
        "store opened"
    );
    if summary.interrupted_runs > 0 {
        let runs = summary.interrupted_runs;
        tracing::warn!(
            runs,
            "commands were under way when the gateway last ended; they are recorded as interrupted"
        );
    }
    if !summary.log_ends_well {
        tracing::error!(
            "the audit log does not end with its last event: `toolfront audit verify` tells more"
        );
    }
    check_blobs(&store, settings).await?;
    prepare_key(&store).await;
    Ok((store, summary.log_ends_well))
}

/// A place of blobs that refuses is a mistake in the settings. One that can't be reached must not keep a gateway from
/// starting: it has tokens to end.
async fn check_blobs(store: &Store, settings: &Settings) -> Result<(), StartError> {
    let BlobPlace::S3(place) = &settings.blobs else { return Ok(()) };
    let blobs = store.blobs().clone();
    let checked = tokio::task::spawn_blocking(move || blobs.check()).await;
    match checked.map_err(|_| StartError::Interrupted)? {
        Err(source @ BlobError::Refused { .. }) => {
            Err(OpenError::Objects { place: place.to_string(), source }.into())
        }
        Err(cause) => {
            tracing::error!(%cause, %place, "nothing can be deployed, and only what is here already is served");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Makes the key of the secrets when there is none yet. Without a usable one all goes on that needs no secret.
async fn prepare_key(store: &Store) {
    let made = store.make_key(&mut SystemEntropy).await.map_err(|fault| fault.to_string());
    let fault = match made {
        Err(fault) => Some(fault),
        Ok(()) => match store.key_fault().await {
            Ok(fault) => fault.map(|fault| fault.to_string()),
            Err(err) => Some(err.to_string()),
        },
    };
    if let Some(cause) = fault {
        tracing::warn!(%cause, "the secrets of environments can't be used; commands that are given some are refused");
    }
}
