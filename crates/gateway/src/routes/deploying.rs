//! From the files of a request to a manifest whose blobs are here and whose pages have no faults.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use toolfront_api::{Code, FieldError, InlineFile, ManifestEntry};
use toolfront_app::{BlobDigest, Manifest, ManifestRefusal, Page, RawEntry};
use toolfront_store::{BlobError, Blobs};
use toolfront_token::TokenId;

use crate::application::{IN_MEMORY_MAX, Release};
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;

/// The files of a release, as a request gives them.
#[derive(Debug)]
pub(super) enum Sent {
    Files(Vec<InlineFile>),
    Manifest(Vec<ManifestEntry>),
}

impl Sent {
    /// Either, or neither, but not both.
    pub(super) fn new(
        files: Option<Vec<InlineFile>>,
        manifest: Option<Vec<ManifestEntry>>,
    ) -> Result<Option<Self>, Refusal> {
        match (files, manifest) {
            (Some(_), Some(_)) => Err(Refusal::invalid_field("manifest", "give this or files, not both")),
            (Some(files), None) => Ok(Some(Self::Files(files))),
            (None, Some(entries)) => Ok(Some(Self::Manifest(entries))),
            (None, None) => Ok(None),
        }
    }
}

/// Who deploys, and to what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deployer<'d> {
    pub(super) token: TokenId,
    /// The environment that there is already; its files need not be sent again.
    pub(super) environment: Option<&'d Environment>,
    pub(super) allow_hidden: bool,
}

/// The manifest, once all that it names is here. Every fault is told at once, and nothing is kept then but
/// blobs that nobody refers to.
pub(super) async fn manifest(
    gateway: &Gateway,
    deployer: Deployer<'_>,
    sent: Sent,
) -> Result<Manifest, Refusal> {
    let current = current_blobs(gateway, deployer.environment).await?;
    let limits = gateway.limits().manifest(deployer.allow_hidden);
    let blobs = gateway.store().blobs().clone();
    let (entries, contents) = match sent {
        Sent::Files(files) => decode(files)?,
        Sent::Manifest(entries) => (entries.into_iter().map(raw).collect(), None),
    };
    let manifest = Manifest::parse(entries, &limits).map_err(|refusal| refused(&refusal))?;
    if contents.is_none() {
        let uploads = gateway.uploads();
        let known = |digest: &BlobDigest| current.contains(digest) || uploads.has(deployer.token, digest);
        require_uploaded(&manifest, &known)?;
    }
    let done = tokio::task::spawn_blocking(move || {
        if let Some(contents) = &contents {
            check_pages(&manifest, &HashSet::new(), |digest| Ok(contents_of(contents, digest)))?;
            for (digest, bytes) in contents.iter().filter(|(digest, _)| !blobs.contains(digest)) {
                blobs.put(*digest, bytes)?;
            }
        } else {
            check_sizes(&manifest, &blobs)?;
            check_pages(&manifest, &current, |digest| blobs.read(digest))?;
        }
        Ok(manifest)
    });
    done.await.map_err(|err| Refusal::internal(&err))?
}

/// The blobs of the release that the environment serves now.
pub(super) async fn current_blobs(
    gateway: &Gateway,
    environment: Option<&Environment>,
) -> Result<HashSet<BlobDigest>, Refusal> {
    match environment.filter(|environment| environment.record.release.is_some()) {
        None => Ok(HashSet::new()),
        Some(environment) => {
            let release = Release::of(environment, gateway).await?;
            Ok(release.manifest.iter().map(|file| file.digest).collect())
        }
    }
}

pub(super) fn raw(entry: ManifestEntry) -> RawEntry {
    let ManifestEntry { path, checksum, size, mode } = entry;
    RawEntry { path, checksum, size, mode }
}

pub(super) fn refused(refusal: &ManifestRefusal) -> Refusal {
    let faults = refusal.faults().iter();
    let errors: Vec<_> = faults
        .map(|fault| FieldError { field: fault.field.clone(), message: fault.problem.to_string() })
        .collect();
    match refusal {
        ManifestRefusal::Invalid(_) => Refusal::invalid(errors),
        ManifestRefusal::TooLarge(_) => {
            let told: Vec<_> =
                errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            Refusal::new(Code::TooLarge, told.join("; ")).with_errors(errors)
        }
    }
}

type Contents = Vec<(BlobDigest, Vec<u8>)>;

fn contents_of(contents: &Contents, digest: &BlobDigest) -> Vec<u8> {
    let found = contents.iter().find(|(known, _)| known == digest);
    found.map(|(_, bytes)| bytes.clone()).unwrap_or_default()
}

/// The bytes of files that came in base64, held against their checksums.
fn decode(files: Vec<InlineFile>) -> Result<(Vec<RawEntry>, Option<Contents>), Refusal> {
    let (mut entries, mut contents, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (place, file) in files.into_iter().enumerate() {
        let bytes = STANDARD.decode(file.content.as_bytes()).unwrap_or_else(|_| {
            let field = format!("files[{place}].content");
            errors.push(FieldError { field, message: "is not base64".to_owned() });
            Vec::new()
        });
        let digest = BlobDigest::of(&bytes);
        // A checksum that is malformed is told with the manifest's other faults.
        if BlobDigest::parse(&file.checksum).is_ok_and(|announced| announced != digest) {
            errors.push(FieldError {
                field: format!("files[{place}].checksum"),
                message: format!("does not fit the content, which has {digest}"),
            });
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        entries.push(RawEntry { path: file.path, checksum: file.checksum, size, mode: None });
        contents.push((digest, bytes));
    }
    if errors.is_empty() { Ok((entries, Some(contents))) } else { Err(Refusal::invalid(errors)) }
}

/// Only what this caller has sent, or what the environment serves already, can be made a release of: knowing
/// a digest is not having the file.
fn require_uploaded(manifest: &Manifest, known: &dyn Fn(&BlobDigest) -> bool) -> Result<(), Refusal> {
    let missing = manifest.iter().filter(|file| !known(&file.digest));
    let errors: Vec<_> = missing
        .map(|file| FieldError {
            field: file.path.to_string(),
            message: format!("{} was not uploaded: PUT it to /api/v1/blobs/ first", file.digest),
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(errors)) }
}

fn check_sizes(manifest: &Manifest, blobs: &Blobs) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    for file in manifest {
        let size = blobs.open_file(&file.digest)?.metadata().map_err(BlobError::from)?.len();
        if size != file.size {
            let message = format!("has {size} bytes, not {}", file.size);
            errors.push(FieldError { field: file.path.to_string(), message });
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(errors)) }
}

/// Parses every page, but those that the environment serves already.
fn check_pages(
    manifest: &Manifest,
    checked: &HashSet<BlobDigest>,
    read: impl Fn(&BlobDigest) -> Result<Vec<u8>, BlobError>,
) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    let pages = manifest.iter().filter(|file| file.path.is_markdown() && !checked.contains(&file.digest));
    for file in pages {
        if file.size > IN_MEMORY_MAX {
            let message = format!("a page may have {IN_MEMORY_MAX} bytes at most, this has {}", file.size);
            errors.push(FieldError { field: file.path.to_string(), message });
            continue;
        }
        let bytes = read(&file.digest)?;
        let faults = Page::parse(&file.path, &String::from_utf8_lossy(&bytes)).err().unwrap_or_default();
        errors.extend(faults.into_iter().map(|fault| FieldError {
            field: fault.position.map_or_else(|| fault.file.clone(), |at| format!("{}:{at}", fault.file)),
            message: fault.message,
        }));
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(errors)) }
}
