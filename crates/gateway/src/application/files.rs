//! Where an application's files come from: a release, or a directory under development.

use std::path::PathBuf;
use std::sync::Arc;

use toolfront_app::{FilePath, NotThere, RequestPath, resolve};

use super::content::{Content, FileCache, IN_MEMORY_MAX, SmallFile};
use super::directory::Directory;
use super::release::Release;
use crate::problem::Refusal;

#[derive(Clone, Debug)]
pub(crate) enum Files {
    Release { release: Arc<Release>, cache: FileCache },
    Directory(Arc<Directory>),
}

impl Files {
    /// The file that a path means.
    pub(crate) async fn resolve(&self, path: &RequestPath) -> Result<FilePath, Refusal> {
        let found = match self {
            Self::Release { release, .. } => resolve(&*release.manifest, path),
            Self::Directory(directory) => {
                let (directory, path) = (Arc::clone(directory), path.clone());
                let found = tokio::task::spawn_blocking(move || resolve(directory.as_ref(), &path));
                found.await.map_err(|err| Refusal::internal(&err))?
            }
        };
        found.map_err(|NotThere { near }| {
            let detail = match near.as_slice() {
                [] => "There is no such page or file in this application.".to_owned(),
                near => format!("There is no such page or file; spelled alike: {}.", near.join(", ")),
            };
            Refusal::new(toolfront_api::Code::NotFound, detail).with_near(near)
        })
    }

    /// What a file holds.
    pub(crate) async fn content(&self, file: &FilePath) -> Result<Content, Refusal> {
        match self {
            Self::Release { release, cache } => {
                let entry = release.manifest.get(file.as_str()).ok_or_else(Refusal::hidden)?;
                let digest = entry.digest;
                if let Some(file) = cache.get(&digest) {
                    return Ok(Content::Memory(file));
                }
                let blobs = release.blobs.clone();
                if entry.size > IN_MEMORY_MAX {
                    if blobs.are_elsewhere() {
                        let blobs = blobs.clone();
                        let here = tokio::task::spawn_blocking(move || blobs.open_file(&digest)).await;
                        here.map_err(|err| Refusal::internal(&err))??;
                    }
                    return Ok(Content::Disk { path: blobs.path(&digest), size: entry.size, digest });
                }
                let read = tokio::task::spawn_blocking(move || blobs.read(&digest)).await;
                let bytes = read.map_err(|err| Refusal::internal(&err))??;
                Ok(Content::Memory(cache.put(SmallFile::new(bytes, digest))))
            }
            Self::Directory(directory) => {
                let (directory, file) = (Arc::clone(directory), file.clone());
                let content = tokio::task::spawn_blocking(move || directory.content(&file)).await;
                content.map_err(|err| Refusal::internal(&err))?.map_err(|err| Refusal::internal(&err))
            }
        }
    }

    /// Where the application's files are on the disk.
    pub(crate) async fn root(&self) -> Result<PathBuf, Refusal> {
        match self {
            Self::Release { release, .. } => release.root().await,
            Self::Directory(directory) => Ok(directory.root().to_owned()),
        }
    }

    /// The number of the release; 0 for a directory under development.
    pub(crate) fn release(&self) -> u32 {
        match self {
            Self::Release { release, .. } => release.number,
            Self::Directory(_) => 0,
        }
    }
}
