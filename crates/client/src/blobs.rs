//! The endpoints of uploads and blobs: only what the gateway does not have travels.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use tokio_util::io::ReaderStream;
use toolfront_api::{Data, ManifestEntry, Upload};
use toolfront_app::BlobDigest;

use crate::api_client::ApiClient;
use crate::error::ClientError;

/// What a blob may take besides the time that its bytes need.
const BASE_TIMEOUT: Duration = Duration::from_mins(1);
/// The slowest line that an upload is given the time for: 16 KiB a second.
const BYTES_PER_SECOND_MIN: u64 = 16 * 1024;

impl ApiClient {
    /// Announces the files of a release for an environment (its name or id), and learns which blobs have to be sent, and what
    /// to publish it by then. `hidden` says that hidden files are meant to be among them.
    ///
    /// # Errors
    /// [`ClientError`] when the call does not succeed.
    pub async fn announce_upload(
        &self,
        environment: &str,
        manifest: &[ManifestEntry],
        hidden: bool,
    ) -> Result<Upload, ClientError> {
        let query = [("environment", environment.to_owned()), ("hidden", hidden.to_string())];
        let answer: Data<Upload> = self.call(Method::POST, &["uploads"], &query, Some(&manifest)).await?;
        Ok(answer.data)
    }

    /// Sends the bytes of a file as the blob with this digest, from the disk.
    ///
    /// # Errors
    /// [`BlobError`] when the file can't be read, or the call does not succeed.
    pub async fn send_blob(&self, digest: &BlobDigest, size: u64, file: &Path) -> Result<(), BlobError> {
        let opened = tokio::fs::File::open(file).await.map_err(BlobError::Unreadable)?;
        let metadata = opened.metadata().await.map_err(BlobError::Unreadable)?;
        if metadata.len() != size {
            return Err(BlobError::Changed);
        }
        let timeout = BASE_TIMEOUT + Duration::from_secs(size / BYTES_PER_SECOND_MIN);
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(opened, 64 * 1024));
        let segments = ["blobs", &digest.to_string()];
        self.send_bytes(&segments, size, body, timeout).await.map_err(BlobError::Call)
    }
}

/// Why a blob was not sent.
#[derive(Debug)]
pub enum BlobError {
    /// The file can't be read.
    Unreadable(std::io::Error),
    /// The file has another size than when its digest was made.
    Changed,
    /// The call did not succeed.
    Call(ClientError),
}
