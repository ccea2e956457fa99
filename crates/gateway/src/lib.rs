//! The gateway: the server that hosts applications and judges who may use them.
//!
//! A request goes through a row of types, each made only from the one before: a `PresentedToken` is well
//! formed, `authenticate` finds the living token behind it, `Allow<A>` yields the `Permit` for one action on
//! one target, and a handler that acts takes that permit. Everything that requests are judged by is in
//! memory (`memory`), and changed by nothing but the store's changes.

mod access;
mod access_log;
mod anchors;
mod announcements;
mod application;
mod body;
mod brake;
mod bridge;
mod clock;
mod confinement;
mod development;
mod environment_limits;
mod gateway;
mod layouts;
#[doc(hidden)]
pub mod measure;
mod memory;
mod metrics;
mod problem;
mod readiness;
mod request;
mod routes;
mod runs;
mod server;
mod settings;
mod uploads;
mod urls;
mod work_directory;

pub use anchors::{Anchor, AnchorFault, AnchorKey, AnchorPublicKey};
pub use bridge::BridgeServer;
pub use clock::Clock;
pub use confinement::{Examination, ExaminationError};
pub use development::DevServer;
pub use environment_limits::LimitTooLow;
pub use gateway::{FirstToken, Gateway, SetupError};
pub use routes::openapi_document;
pub use server::{Bound, StartError};
pub use toolfront_sandbox::{
    CommandUsers, Finding, LauncherCommand, LayerReport, SandboxReport, launcher_main,
    seal_inherited_descriptors,
};
pub use toolfront_store::{
    BlobPlace, ChainFault, ChainHash, ChainHead, ChainNumber, ChainVerification, DatabasePlace, DatabaseUrl,
    KeyRotated, S3Place, S3PlaceFault, StoreError, Verification, Verifier, verify_directory,
};

pub use settings::{
    AnchorSettings, AuditSettings, Confinement, Limits, RecordReads, ServeSettings, Settings, TlsFiles,
};
