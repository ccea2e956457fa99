//! Reading a deployed application back, to see that it serves what was sent.

use futures_util::stream::{self, StreamExt};
use toolfront_app::BlobDigest;

use crate::application::ApplicationClient;
use crate::directory::{AppDirectory, AppFile};
use crate::error::ClientError;

const CONCURRENT: usize = 6;

/// What reading back found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readback {
    /// How many files were compared.
    pub files: usize,
    /// Paths at which something else is served than was sent.
    pub differing: Vec<String>,
}

/// Why an application could not be read back.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read back: {error}")]
pub struct ReadbackError {
    /// Which file.
    pub path: String,
    /// Why; its text is part of this one's.
    pub error: ClientError,
}

impl Readback {
    /// Compares what is served with what was sent: the bytes of pages, and the entity tags of the other files, which are the
    /// digests of their content.
    ///
    /// # Errors
    /// [`ReadbackError`] for the first file that can't be read.
    pub async fn compare(
        application: &ApplicationClient,
        directory: &AppDirectory,
    ) -> Result<Self, ReadbackError> {
        let files = directory.files();
        let checks = files.iter().map(|file| async move { (file, is_served(application, file).await) });
        let mut checks = stream::iter(checks).buffer_unordered(CONCURRENT);
        let mut differing = Vec::new();
        while let Some((file, outcome)) = checks.next().await {
            match outcome {
                Ok(true) => {}
                Ok(false) => differing.push(file.path.to_string()),
                Err(error) => return Err(ReadbackError { path: file.path.to_string(), error }),
            }
        }
        differing.sort();
        Ok(Self { files: files.len(), differing })
    }
}

async fn is_served(application: &ApplicationClient, file: &AppFile) -> Result<bool, ClientError> {
    if !file.path.is_markdown() {
        let tag = application.entity_tag(file.path.as_str()).await?;
        return Ok(tag == Some(file.digest.to_string()));
    }
    let expected = usize::try_from(file.size).unwrap_or(usize::MAX);
    match application.read(file.path.as_str(), expected).await {
        Ok(page) => {
            Ok(BlobDigest::of(&page.bytes) == file.digest && page.etag == Some(file.digest.to_string()))
        }
        Err(ClientError::AnswerTooLong { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
