//! Deploying many files, and again with one of them changed, as the command line does it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::ensure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use toolfront_client::{ApiClient, Deployment, Inspection, NoProgress};

use crate::figure::{Figure, Goal, Line};
use crate::machine::Core;
use crate::pairs::Pairs;
use crate::site::Site;
use crate::values::Mixed;

/// The size of a file.
const FILE_BYTES: usize = 8 * 1024;
/// How often all of it is done.
const ROUNDS: u32 = 2;

/// What a deployment took.
#[derive(Clone, Copy)]
struct Taken {
    bytes: f64,
    seconds: f64,
}

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let files = site.plan.files;
    let directory = site.directory("application")?;
    write(&directory, files)?;
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        // A gateway remembers what a token sent it: each round has a new one.
        let home = site.home("redeploy")?;
        let gateway = home.start(Core::Any)?;
        pairs.push(site.runtime.block_on(async {
            let relay = Relay::start(gateway.address).await?;
            let client = home.client(relay.address)?;
            let all = deploy(&client, &relay, &directory).await?;
            write_one(&directory, files / 2, u64::from(round) + 1)?;
            let again = deploy(&client, &relay, &directory).await?;
            anyhow::Ok((again, all))
        })?);
    }
    let of = |value: fn(&Taken) -> f64| {
        Pairs::of(pairs.iter().map(|(again, all)| (value(again), value(all))).collect())
    };
    Ok(Figure {
        name: "redeploy",
        what: format!(
            "deploying again with 1 of {files} files of {} KiB changed; beside deploying all: all bytes sent, manifests and \
             headers too, and the time with looking through the directory",
            FILE_BYTES / 1024
        ),
        lines: vec![
            Line::compared("bytes", "MB", &of(|taken| taken.bytes / 1e6), Goal::RatioAtMost(0.02)),
            Line::compared("time", "s", &of(|taken| taken.seconds), Goal::RatioAtMost(0.05)),
        ],
    })
}

async fn deploy(client: &ApiClient, relay: &Relay, directory: &Path) -> anyhow::Result<Taken> {
    let (sent, begun) = (relay.sent.load(Ordering::Relaxed), Instant::now());
    let inspection = Inspection::of(directory, false)?;
    let files = inspection.deployable()?;
    Deployment::new(&files).deploy(client, "large", None, &mut NoProgress).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let bytes = relay.sent.load(Ordering::Relaxed) - sent;
    ensure!(bytes > 0, "nothing went through the relay");
    Ok(Taken { bytes: f64::from(u32::try_from(bytes)?), seconds })
}

fn write(directory: &Path, files: u32) -> anyhow::Result<()> {
    std::fs::write(directory.join("README.md"), "---\ntools:\n  - [ls]\n---\n# Large\n")?;
    for number in 1..files {
        write_one(directory, number, 0)?;
    }
    Ok(())
}

fn write_one(directory: &Path, number: u32, revision: u64) -> anyhow::Result<()> {
    let within = directory.join(format!("data/{:02}", number % 100));
    std::fs::create_dir_all(&within)?;
    let mut mixed = Mixed((u64::from(number) << 8) + revision);
    let bytes: Vec<u8> = (0..FILE_BYTES / 8).flat_map(|_| mixed.next().to_le_bytes()).collect();
    Ok(std::fs::write(within.join(format!("{number}.bin")), bytes)?)
}

/// Passes everything on, and counts what is sent to the gateway.
struct Relay {
    address: std::net::SocketAddr,
    sent: Arc<AtomicU64>,
}

impl Relay {
    async fn start(to: std::net::SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    // A connection that ends is noticed by who uses it.
                    let _ = pass_on(near, to, &count).await;
                });
            }
        });
        Ok(Self { address, sent })
    }
}

async fn pass_on(near: TcpStream, to: std::net::SocketAddr, count: &AtomicU64) -> std::io::Result<()> {
    let far = TcpStream::connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let back = tokio::spawn(async move { tokio::io::copy(&mut far_in, &mut near_out).await });
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = near_in.read(&mut piece).await?;
        if length == 0 {
            break;
        }
        count.fetch_add(length as u64, Ordering::Relaxed);
        far_out.write_all(piece.get(..length).unwrap_or_default()).await?;
    }
    drop(far_out);
    back.abort();
    Ok(())
}
