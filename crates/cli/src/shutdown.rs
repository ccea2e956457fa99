//! When a server is to stop: Ctrl-C or SIGTERM. A second one does not wait for what still runs.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::printer::Printer;

/// What a shell reports for a program that Ctrl-C ended: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// A future that is done when the process is asked to stop.
pub(crate) fn requested(printer: Printer) -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::failed(format!("signals can't be listened to: {error}")))
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        printer.say("Stopping: waiting for the requests that still run. Once more Ctrl-C stops at once.");
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            std::process::exit(INTERRUPTED);
        });
    })
}
