//! Sending an application: what is missing first, then the release as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use toolfront_api::{Code, Deployed, Environment, ManifestEntry, Publish, Upload};
use toolfront_app::BlobDigest;

use crate::api_client::ApiClient;
use crate::blobs::BlobError;
use crate::directory::{AppDirectory, AppFile};
use crate::error::ClientError;
use crate::progress::Progress;

/// How many blobs travel at the same time.
const CONCURRENT: usize = 6;
/// How long to wait before a blob is sent again, when the failure may pass.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];

/// A directory on its way to a gateway.
#[derive(Debug)]
pub struct Deployment<'d> {
    directory: &'d AppDirectory,
    manifest: Vec<ManifestEntry>,
}

/// How much was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many blobs.
    pub files: usize,
    /// How many bytes.
    pub bytes: u64,
}

impl AddAssign for Sent {
    fn add_assign(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
    }
}

/// Why a directory was not deployed. Nothing is published then; what was sent already need not be sent again.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// A file could be read before, and can't now.
    #[error("{} can't be read any more", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it was when its digest was made.
    #[error("{} changed while it was being deployed; nothing was published: deploy again", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// The gateway asks for a blob that is not of this application.
    #[error("the gateway asks for a file that was not announced ({checksum}): is it of another version?")]
    UnknownBlob {
        /// What it asks for.
        checksum: String,
    },
    /// A call did not succeed.
    #[error(transparent)]
    Call(ClientError),
}

impl<'d> Deployment<'d> {
    /// A deployment of this directory. Nothing is sent yet.
    pub fn new(directory: &'d AppDirectory) -> Self {
        Self { directory, manifest: directory.manifest() }
    }

    /// Sends what is missing, then creates the environment `name` or publishes a release of it. `visibility` counts for one
    /// that is created only.
    ///
    /// # Errors
    /// [`DeployError`]; then nothing is published.
    pub async fn deploy(
        self,
        client: &ApiClient,
        name: &str,
        visibility: Option<&str>,
        progress: &mut dyn Progress,
    ) -> Result<(Deployed, Sent), DeployError> {
        let (upload, mut sent) = self.send_missing(client, name, progress).await?;
        let announced = client.create_or_publish(name, &self.announced(upload, visibility)).await;
        let deployed = match announced {
            Err(error) if is_forgotten(&error) => {
                sent += self.send_missing(client, name, progress).await?.1;
                client.create_or_publish(name, &self.in_full(visibility)).await
            }
            answered => answered,
        };
        Ok((deployed.map_err(DeployError::Call)?, sent))
    }

    /// Sends what is missing, then publishes a release of an environment, given by its id or name.
    ///
    /// # Errors
    /// [`DeployError`]; then nothing is published.
    pub async fn update(
        self,
        client: &ApiClient,
        environment: &str,
        progress: &mut dyn Progress,
    ) -> Result<(Environment, Sent), DeployError> {
        let (upload, mut sent) = self.send_missing(client, environment, progress).await?;
        let updated = match client.publish(environment, &self.announced(upload, None)).await {
            Err(error) if is_forgotten(&error) => {
                sent += self.send_missing(client, environment, progress).await?.1;
                client.publish(environment, &self.in_full(None)).await
            }
            answered => answered,
        };
        Ok((updated.map_err(DeployError::Call)?, sent))
    }

    /// The release by what announcing it was answered with.
    fn announced(&self, upload: String, visibility: Option<&str>) -> Publish {
        Publish {
            upload: Some(upload),
            visibility: visibility.map(str::to_owned),
            hidden: self.directory.with_hidden(),
            ..Publish::default()
        }
    }

    /// The release as a whole.
    fn in_full(self, visibility: Option<&str>) -> Publish {
        Publish {
            hidden: self.directory.with_hidden(),
            manifest: Some(self.manifest),
            visibility: visibility.map(str::to_owned),
            ..Publish::default()
        }
    }

    async fn send_missing(
        &self,
        client: &ApiClient,
        environment: &str,
        progress: &mut dyn Progress,
    ) -> Result<(String, Sent), DeployError> {
        let Upload { upload, missing } = client
            .announce_upload(environment, &self.manifest, self.directory.with_hidden())
            .await
            .map_err(DeployError::Call)?;
        let missing = self.files_of(&missing)?;
        let bytes = missing.iter().map(|file| file.size).sum();
        if missing.is_empty() {
            return Ok((upload, Sent::default()));
        }
        progress.begin(missing.len(), bytes);
        // All of them first: a closure within the stream would make this a future that no task can have.
        let sending: Vec<_> =
            missing.iter().map(|file| async move { (file.size, send(client, file).await) }).collect();
        let mut sending = stream::iter(sending).buffer_unordered(CONCURRENT);
        let mut outcome = Ok(Sent { files: missing.len(), bytes });
        while let Some((size, result)) = sending.next().await {
            if let Err(error) = result {
                outcome = Err(error);
                break;
            }
            progress.sent(size);
        }
        progress.end();
        outcome.map(|sent| (upload, sent))
    }

    /// A file for each of these checksums.
    fn files_of(&self, checksums: &[String]) -> Result<Vec<&'d AppFile>, DeployError> {
        let by_digest: BTreeMap<BlobDigest, &AppFile> =
            self.directory.files().iter().map(|file| (file.digest, file)).collect();
        let checksums: BTreeSet<&String> = checksums.iter().collect();
        let file = |checksum: &String| {
            let digest = BlobDigest::parse(checksum).ok();
            let file = digest.and_then(|digest| by_digest.get(&digest).copied());
            file.ok_or_else(|| DeployError::UnknownBlob { checksum: checksum.clone() })
        };
        checksums.into_iter().map(file).collect()
    }
}

/// Whether the gateway does not know any more what was announced: as after a restart, when it has forgotten who sent it
/// which blobs, too.
fn is_forgotten(error: &ClientError) -> bool {
    matches!(error, ClientError::Problem(problem) if problem.code() == Some(Code::UploadUnknown))
}

async fn send(client: &ApiClient, file: &AppFile) -> Result<(), DeployError> {
    let mut waits = RETRY_AFTER.into_iter();
    loop {
        let error = match client.send_blob(&file.digest, file.size, &file.source).await {
            Ok(()) => return Ok(()),
            Err(BlobError::Changed) => return Err(DeployError::Changed { path: file.source.clone() }),
            Err(BlobError::Unreadable(source)) => {
                return Err(DeployError::Unreadable { path: file.source.clone(), source });
            }
            Err(BlobError::Call(error)) => error,
        };
        // The gateway found other bytes than the checksum's.
        if error.status() == Some(422) {
            return Err(DeployError::Changed { path: file.source.clone() });
        }
        match waits.next().filter(|_| error.is_transient()) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(DeployError::Call(error)),
        }
    }
}
