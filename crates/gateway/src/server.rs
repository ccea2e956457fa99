//! Listening, and speaking HTTP to whoever connects.

mod connection;
mod header_timer;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use toolfront_store::OpenError;

use self::connection::Protocol;
use crate::anchors::AnchorFault;
use crate::environment_limits::LimitTooLow;
use crate::settings::{Limits, TlsFiles};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Answers one request of the peer at that address.
pub(crate) type Service =
    Arc<dyn Fn(Request<Incoming>, SocketAddr) -> BoxFuture<Response<Body>> + Send + Sync>;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened at.
    #[error("can't listen at {address}: {}", explain(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Tokens would travel in clear.
    #[error(
        "{address} is open to other machines, and tokens must not travel in clear: give --tls-cert and \
         --tls-key, or --behind-proxy when a proxy before it ends TLS, or listen at 127.0.0.1"
    )]
    InClear {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate or its key can't be used.
    #[error("the TLS {what} {path} can't be used: {reason}")]
    Tls {
        /// Certificate or key.
        what: &'static str,
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        reason: String,
    },
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The audit log's anchors can't be signed, or written.
    #[error(transparent)]
    Anchors(#[from] AnchorFault),
    /// The machine does not offer all of the cage that commands are to run in.
    #[error(
        "commands could not be confined as promised ({missing}): `toolfront doctor` tells more; --allow-weak-sandbox \
         runs them all the same"
    )]
    WeakSandbox {
        /// What is missing.
        missing: String,
    },
    /// With one of its limits no command could run.
    #[error(transparent)]
    Limit(#[from] LimitTooLow),
    /// The sandbox does not start.
    #[error(transparent)]
    Sandbox(#[from] toolfront_sandbox::StartError),
    /// The directory that is to be served is none.
    #[error("{path} is not a directory that can be read")]
    Directory {
        /// What was given.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No randomness.
    #[error("the operating system's random generator could not be read")]
    Entropy,
    /// It was told to stop before it had started.
    #[error("stopped while starting")]
    Interrupted,
}

fn explain(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is taken: stop the other program, or name another port with --listen".to_owned()
        }
        io::ErrorKind::PermissionDenied => "that port takes more rights: choose one above 1023".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        _ => source.to_string(),
    }
}

/// Beyond the machine itself tokens travel only under TLS.
pub(crate) fn check_listen(address: SocketAddr, tls: bool, behind_proxy: bool) -> Result<(), StartError> {
    let is_safe = address.ip().to_canonical().is_loopback() || tls || behind_proxy;
    if is_safe { Ok(()) } else { Err(StartError::InClear { address }) }
}

/// A server that has its port and does not answer yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    url: String,
    tls: Option<tokio_rustls::TlsAcceptor>,
    protocol: Protocol,
    connections: Arc<Semaphore>,
    drain_time: Duration,
    service: Service,
    house: BoxFuture<()>,
    draining: CancellationToken,
    closing: BoxFuture<()>,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Bound {
    pub(crate) async fn new(
        address: SocketAddr,
        tls: Option<&TlsFiles>,
        limits: &Limits,
        service: Service,
    ) -> Result<Self, StartError> {
        let tls = tls.map(tls::acceptor).transpose()?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| StartError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        Ok(Self {
            listener,
            address,
            url: format!("{scheme}://{address}"),
            tls,
            protocol: Protocol::new(limits),
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            drain_time: limits.drain_time,
            service,
            house: Box::pin(std::future::pending()),
            draining: CancellationToken::new(),
            closing: Box::pin(std::future::ready(())),
        })
    }

    pub(crate) fn named(mut self, public_url: Option<&str>) -> Self {
        if let Some(url) = public_url {
            url.trim_end_matches('/').clone_into(&mut self.url);
        }
        self
    }

    pub(crate) fn keeping(mut self, house: impl Future<Output = ()> + Send + 'static) -> Self {
        self.house = Box::pin(house);
        self
    }

    /// Cancels `draining` as soon as no more requests are taken: for answers that would never end by themselves.
    pub(crate) fn draining_with(mut self, draining: CancellationToken) -> Self {
        self.draining = draining;
        self
    }

    pub(crate) fn closing_with(mut self, closing: impl Future<Output = ()> + Send + 'static) -> Self {
        self.closing = Box::pin(closing);
        self
    }

    /// What clients call it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens; the port that was given, when any was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` is ready; then takes no new ones, finishes those under way, and
    /// writes what is still to be written.
    ///
    /// # Errors
    /// None at present; the type leaves room for one.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let graceful = GracefulShutdown::new();
        let house = tokio::spawn(self.house);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let place = tokio::select! {
                () = &mut shutdown => break,
                place = Arc::clone(&self.connections).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(cause) => {
                    // Out of descriptors, or the peer is gone already: try the next one, not in a hot loop.
                    tracing::warn!(%cause, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            let (service, protocol, tls) =
                (Arc::clone(&self.service), self.protocol.clone(), self.tls.clone());
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                let _place = place;
                prepare(&stream);
                match tls {
                    None => protocol.speak(stream, peer, service, watcher).await,
                    Some(tls) => {
                        if let Some(stream) = protocol.hands_shaken(tls.accept(stream)).await {
                            protocol.speak(stream, peer, service, watcher).await;
                        }
                    }
                }
            });
        }
        drop(self.listener);
        self.draining.cancel();
        if tokio::time::timeout(self.drain_time, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were still under way when the time to finish them was over");
        }
        house.abort();
        // It holds the gateway, and with it the data directory, until it is gone.
        let _ = house.await;
        self.closing.await;
        Ok(())
    }
}

fn prepare(stream: &TcpStream) {
    // An answer in two pieces must not wait for the first one to be acknowledged.
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "TCP_NODELAY could not be set");
    }
}
