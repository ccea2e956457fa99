//! What stands in for `telemetry` in a build without the feature `otel`.

use std::convert::Infallible;

use tracing::Subscriber;
use tracing_subscriber::layer::{Identity, Layer};

/// There is none.
#[derive(Debug)]
pub(crate) struct Telemetry(Infallible);

impl Telemetry {
    pub(crate) fn start(_: &str) -> Result<Self, String> {
        Err("this toolfront was built without OpenTelemetry (the feature `otel`)".to_owned())
    }

    pub(crate) fn layer<S: Subscriber>(&self) -> impl Layer<S> + use<S> {
        Identity::new()
    }

    pub(crate) fn stop(&self) {}
}
