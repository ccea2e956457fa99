//! One connection: HTTP/1.1, with limits on how long and how large headers may be.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Service;
use super::header_timer::HeaderTimer;
use crate::settings::Limits;

const HEADERS_MAX: usize = 100;

#[derive(Clone, Debug)]
pub(super) struct Protocol {
    http1: http1::Builder,
    handshake_time: Duration,
}

impl Protocol {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .header_read_timeout(limits.header_time)
            .max_headers(HEADERS_MAX)
            // What is somewhat over the limit is refused in words, and only what is far over it like this.
            .max_buf_size(limits.header_bytes_max.saturating_mul(2).max(8192));
        Self { http1, handshake_time: limits.header_time }
    }

    /// The connection once TLS is agreed upon; `None` when the peer did not get there in time.
    pub(super) async fn hands_shaken<S>(
        &self,
        handshake: impl Future<Output = std::io::Result<S>>,
    ) -> Option<S> {
        tokio::time::timeout(self.handshake_time, handshake).await.ok()?.ok()
    }

    pub(super) async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        service: Service,
        watcher: Watcher,
    ) {
        let answer = service_fn(move |request: http::Request<Incoming>| {
            let answer = service(request, peer);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let connection =
            self.http1.clone().timer(HeaderTimer::default()).serve_connection(TokioIo::new(stream), answer);
        if let Err(cause) = watcher.watch(connection).await {
            tracing::debug!(%cause, %peer, "connection ended");
        }
    }
}
