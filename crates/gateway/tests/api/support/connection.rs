//! A connection whose bytes a test sends one piece at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to a server, and what has come over it so far.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), received: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends what the other end may no longer take.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads until the text has come.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        loop {
            let received = String::from_utf8_lossy(&self.received).into_owned();
            if received.contains(text) {
                return received;
            }
            let count = self.stream.read_buf(&mut self.received).await.unwrap();
            assert!(count > 0, "the connection ended before {text:?}: {received}");
        }
    }

    /// Reads until the other end has closed, and yields all that has come.
    pub(crate) async fn read_to_end(mut self) -> String {
        // A reset is an end as well.
        let _ = self.stream.read_to_end(&mut self.received).await;
        String::from_utf8_lossy(&self.received).into_owned()
    }
}
