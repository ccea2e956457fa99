//! Spans to an OpenTelemetry collector (OTLP over HTTP).

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

const SERVICE: &str = "toolfront";

/// What sends spans. They go out in batches from a thread of its own; `stop` sends what is left.
#[derive(Debug)]
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Sends to the collector at that address, such as `http://127.0.0.1:4318`. Not to be called on an async thread: the
    /// client that sends is a blocking one.
    pub(crate) fn start(endpoint: &str) -> Result<Self, String> {
        let traces = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter =
            SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(traces);
        let exporter = exporter.build().map_err(|fault| format!("the collector {endpoint}: {fault}"))?;
        let resource = Resource::builder().with_service_name(SERVICE).build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    /// Takes the gateway's spans, and nobody else's.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let ours = Targets::new().with_target("toolfront_gateway", LevelFilter::DEBUG);
        tracing_opentelemetry::layer().with_tracer(self.provider.tracer(SERVICE)).with_filter(ours)
    }

    /// Sends what is left. Blocks, for some seconds when the collector does not answer.
    pub(crate) fn stop(&self) {
        if let Err(cause) = self.provider.shutdown() {
            tracing::warn!(%cause, "the last spans could not be sent");
        }
    }
}
