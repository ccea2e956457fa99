//! From the files of a request to a manifest whose blobs are here and whose pages have no faults.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use toolfront_api::{Code, FieldError, InlineFile, ManifestEntry};
use toolfront_app::{
    BlobDigest, FileEntry, FilePath, Manifest, ManifestLimits, ManifestRefusal, Page, RawEntry,
};
use toolfront_store::Blobs;
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
    /// One that was announced, by its digest.
    Upload(BlobDigest),
}

impl Sent {
    /// One of them or none, but not two.
    pub(super) fn new(
        files: Option<Vec<InlineFile>>,
        manifest: Option<Vec<ManifestEntry>>,
        upload: Option<&str>,
    ) -> Result<Option<Self>, Refusal> {
        match (files, manifest, upload) {
            (None, None, None) => Ok(None),
            (Some(files), None, None) => Ok(Some(Self::Files(files))),
            (None, Some(entries), None) => Ok(Some(Self::Manifest(entries))),
            (None, None, Some(text)) => match BlobDigest::parse(text) {
                Ok(digest) => Ok(Some(Self::Upload(digest))),
                Err(fault) => Err(Refusal::invalid_field("upload", fault)),
            },
            (Some(_), Some(_), None) => {
                Err(Refusal::invalid_field("manifest", "give this or files, not both"))
            }
            (_, _, Some(_)) => {
                Err(Refusal::invalid_field("upload", "give this, a manifest or files, and only one of them"))
            }
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
) -> Result<Arc<Manifest>, Refusal> {
    let limits = gateway.limits().manifest(deployer.allow_hidden);
    let manifest = match sent {
        Sent::Files(files) => {
            let blobs = gateway.store().blobs().clone();
            let taken = tokio::task::spawn_blocking(move || take_in(files, &limits, &blobs));
            return taken.await.map_err(|err| Refusal::internal(&err))?.map(Arc::new);
        }
        Sent::Manifest(entries) => Arc::new(parse(entries, &limits)?),
        Sent::Upload(digest) => {
            let found = gateway.announcements().find(deployer.token, &digest, gateway.now());
            found.ok_or_else(unknown_upload)?
        }
    };
    let current = current_release(gateway, deployer.environment).await?;
    let sent = sent_by(gateway, deployer.token).await?;
    let gateway = gateway.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let served = current.as_deref().map(Served::of).unwrap_or_default();
        require_uploaded(&manifest, &|digest| served.sizes.contains_key(digest) || sent(&gateway, digest))?;
        check_uploaded(&manifest, &served, gateway.store().blobs())?;
        Ok(manifest)
    });
    checked.await.map_err(|err| Refusal::internal(&err))?
}

/// Keeps a manifest that is announced: yields what it is published by, and which of its blobs have to be sent.
pub(super) async fn announce(
    gateway: &Gateway,
    deployer: Deployer<'_>,
    entries: Vec<ManifestEntry>,
) -> Result<(BlobDigest, Vec<BlobDigest>), Refusal> {
    let limits = gateway.limits().manifest(deployer.allow_hidden);
    let current = current_release(gateway, deployer.environment).await?;
    let sent = sent_by(gateway, deployer.token).await?;
    let (gateway, token) = (gateway.clone(), deployer.token);
    let announced = tokio::task::spawn_blocking(move || {
        let manifest = Arc::new(parse(entries, &limits)?);
        let served = current.as_deref().map(Served::of).unwrap_or_default();
        let missing = missing(&manifest, &served, gateway.store().blobs(), &|digest| sent(&gateway, digest))?;
        Ok((gateway.announcements().keep(token, &manifest, gateway.now()), missing))
    });
    announced.await.map_err(|err| Refusal::internal(&err))?
}

/// Tells which blobs a token has sent, to this gateway or to another one of its database.
async fn sent_by(
    gateway: &Gateway,
    token: TokenId,
) -> Result<impl Fn(&Gateway, &BlobDigest) -> bool + use<>, Refusal> {
    let elsewhere = gateway.store().uploads_of(token).await?;
    Ok(move |gateway: &Gateway, digest: &BlobDigest| {
        gateway.uploads().has(token, digest) || elsewhere.contains(digest)
    })
}

fn unknown_upload() -> Refusal {
    Refusal::new(
        Code::UploadUnknown,
        "This token has not announced such an upload lately: announce it again, or send the manifest itself.",
    )
}

fn parse(entries: Vec<ManifestEntry>, limits: &ManifestLimits) -> Result<Manifest, Refusal> {
    let parsed = Manifest::parse(entries.into_iter().map(raw).collect(), limits);
    parsed.map_err(|refusal| refused(&refusal))
}

async fn current_release(
    gateway: &Gateway,
    environment: Option<&Environment>,
) -> Result<Option<Arc<Release>>, Refusal> {
    match environment.filter(|environment| environment.record.release.is_some()) {
        None => Ok(None),
        Some(environment) => Release::of(environment, gateway).await.map(Some),
    }
}

/// What a release that is served has: no sweep removes it, and its sizes and pages were checked when it was made.
#[derive(Default)]
struct Served {
    sizes: HashMap<BlobDigest, u64>,
    pages: HashSet<BlobDigest>,
}

impl Served {
    fn of(release: &Release) -> Self {
        let pages = release.manifest.iter().filter(|file| file.path.is_markdown());
        Self {
            sizes: release.manifest.iter().map(|file| (file.digest, file.size)).collect(),
            pages: pages.map(|file| file.digest).collect(),
        }
    }

    /// Whether there is nothing of this file that was not checked.
    fn has(&self, file: &FileEntry) -> bool {
        self.sizes.get(&file.digest) == Some(&file.size)
            && (!file.path.is_markdown() || self.pages.contains(&file.digest))
    }
}

fn raw(entry: ManifestEntry) -> RawEntry {
    let ManifestEntry { path, checksum, size, mode } = entry;
    RawEntry { path, checksum, size, mode }
}

fn refused(refusal: &ManifestRefusal) -> Refusal {
    let errors = errors_of(refusal);
    match refusal {
        ManifestRefusal::Invalid(_) => Refusal::invalid(errors),
        ManifestRefusal::TooLarge(_) => {
            let told: Vec<_> =
                errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            Refusal::new(Code::TooLarge, told.join("; ")).with_errors(errors)
        }
    }
}

fn errors_of(refusal: &ManifestRefusal) -> Vec<FieldError> {
    let faults = refusal.faults().iter();
    faults
        .map(|fault| FieldError { field: fault.field.clone(), message: fault.problem.to_string() })
        .collect()
}

fn unless_faulty<T>(value: T, errors: Vec<FieldError>) -> Result<T, Refusal> {
    if errors.is_empty() { Ok(value) } else { Err(Refusal::invalid(errors)) }
}

/// A file that came in base64.
struct Decoded {
    digest: BlobDigest,
    bytes: Vec<u8>,
}

/// Takes in files whose bytes came with the request. Blocks.
fn take_in(files: Vec<InlineFile>, limits: &ManifestLimits, blobs: &Blobs) -> Result<Manifest, Refusal> {
    let (entries, contents, mut errors) = decode(files);
    let in_pages = faults_in_pages(&entries, &contents);
    let parsed = Manifest::parse(entries, limits);
    if let Err(refusal @ ManifestRefusal::TooLarge(_)) = &parsed {
        return Err(refused(refusal));
    }
    // Sizes were counted here: two under one checksum are that checksum's fault, or the base64's, told above.
    let in_list = parsed.as_ref().err().map(errors_of).unwrap_or_default();
    errors.extend(in_list.into_iter().filter(|error| !error.field.contains("].size")));
    errors.extend(in_pages);
    let manifest = unless_faulty(parsed, errors)?.map_err(|refusal| refused(&refusal))?;
    let digests: Vec<_> = contents.iter().map(|content| content.digest).collect();
    let claimed = blobs.claim_all(&digests)?;
    let new = contents.iter().zip(claimed).filter(|(_, size)| size.is_none());
    let new: Vec<_> = new.map(|(content, _)| (content.digest, content.bytes.as_slice())).collect();
    blobs.put_all(&new)?;
    Ok(manifest)
}

/// The bytes of files that came in base64, held against their checksums.
fn decode(files: Vec<InlineFile>) -> (Vec<RawEntry>, Vec<Decoded>, Vec<FieldError>) {
    let (mut entries, mut contents, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (place, file) in files.into_iter().enumerate() {
        let mut fault = |field: &str, message: String| {
            errors.push(FieldError { field: format!("files[{place}].{field}"), message });
        };
        let decoded = STANDARD.decode(file.content.as_bytes());
        if decoded.is_err() {
            fault("content", "is not base64".to_owned());
        }
        let is_decoded = decoded.is_ok();
        let bytes = decoded.unwrap_or_default();
        let digest = BlobDigest::of(&bytes);
        // A checksum that is malformed is told with the manifest's other faults.
        if is_decoded && BlobDigest::parse(&file.checksum).is_ok_and(|announced| announced != digest) {
            fault("checksum", format!("does not fit the content, which has {digest}"));
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        entries.push(RawEntry { path: file.path, checksum: file.checksum, size, mode: None });
        contents.push(Decoded { digest, bytes });
    }
    (entries, contents, errors)
}

/// What is wrong in the pages among the files, whatever else is wrong with the list.
fn faults_in_pages(entries: &[RawEntry], contents: &[Decoded]) -> Vec<FieldError> {
    let pages = entries.iter().zip(contents).filter_map(|(entry, content)| {
        let path = FilePath::parse(&entry.path).ok().filter(FilePath::is_markdown)?;
        Some((path, entry.size, content.bytes.as_slice()))
    });
    pages
        .flat_map(|(path, size, bytes)| {
            too_long(&path, size).map_or_else(|| faults_in(&path, bytes), |fault| vec![fault])
        })
        .collect()
}

/// Only what this caller has sent, or what the environment serves already, can be made a release of: knowing
/// a digest is not having the file.
fn require_uploaded(manifest: &Manifest, known: &dyn Fn(&BlobDigest) -> bool) -> Result<(), Refusal> {
    let missing = manifest.iter().filter(|file| !known(&file.digest));
    unless_faulty((), missing.map(not_uploaded).collect())
}

fn not_uploaded(file: &FileEntry) -> FieldError {
    let message = format!("{} was not uploaded: PUT it to /api/v1/blobs/ first", file.digest);
    FieldError { field: file.path.to_string(), message }
}

/// The blobs that have to be sent, each once. What the caller is told not to send must still be there when it deploys.
/// Blocks.
fn missing(
    manifest: &Manifest,
    served: &Served,
    blobs: &Blobs,
    was_sent: &dyn Fn(&BlobDigest) -> bool,
) -> Result<Vec<BlobDigest>, Refusal> {
    let mut seen = HashSet::new();
    let digests: Vec<_> =
        manifest.iter().map(|file| file.digest).filter(|digest| seen.insert(*digest)).collect();
    let (in_service, others): (Vec<_>, Vec<_>) =
        digests.iter().copied().partition(|digest| served.sizes.contains_key(digest));
    let sent: Vec<_> = others.into_iter().filter(was_sent).collect();
    let mut here = HashSet::new();
    for (digest, is_here) in in_service.iter().zip(blobs.contains_all(&in_service)?) {
        here.extend(is_here.then_some(*digest));
    }
    for (digest, size) in sent.iter().zip(blobs.claim_all(&sent)?) {
        here.extend(size.map(|_| *digest));
    }
    Ok(digests.into_iter().filter(|digest| !here.contains(digest)).collect())
}

/// Holds what was uploaded against the manifest, and parses every page but those that are served already.
/// Blocks.
fn check_uploaded(manifest: &Manifest, served: &Served, blobs: &Blobs) -> Result<(), Refusal> {
    let files: Vec<_> = manifest.iter().filter(|file| !served.has(file)).collect();
    let digests: Vec<_> = files.iter().map(|file| file.digest).collect();
    let sizes = blobs.claim_all(&digests)?;
    let is_new_page = |file: &FileEntry| file.path.is_markdown() && !served.pages.contains(&file.digest);
    let pages = files.iter().zip(&sizes).filter(|(file, size)| size.is_some() && is_new_page(file));
    let pages = pages.filter(|(file, _)| file.size <= IN_MEMORY_MAX);
    blobs.fetch_all(&pages.map(|(file, _)| file.digest).collect::<Vec<_>>())?;
    let mut errors = Vec::new();
    for (file, size) in files.into_iter().zip(sizes) {
        let Some(size) = size else {
            errors.push(not_uploaded(file));
            continue;
        };
        if size != file.size {
            let message = format!("has {size} bytes, not {}", file.size);
            errors.push(FieldError { field: file.path.to_string(), message });
        } else if is_new_page(file) {
            match too_long(&file.path, size) {
                Some(fault) => errors.push(fault),
                None => errors.extend(faults_in(&file.path, &blobs.read(&file.digest)?)),
            }
        }
    }
    unless_faulty((), errors)
}

fn too_long(page: &FilePath, size: u64) -> Option<FieldError> {
    let message = format!("a page may have {IN_MEMORY_MAX} bytes at most, this has {size}");
    (size > IN_MEMORY_MAX).then(|| FieldError { field: page.to_string(), message })
}

fn faults_in(page: &FilePath, bytes: &[u8]) -> Vec<FieldError> {
    let faults = Page::parse(page, &String::from_utf8_lossy(bytes)).err().unwrap_or_default();
    let told = faults.into_iter().map(|fault| FieldError {
        field: fault.position.map_or_else(|| fault.file.clone(), |at| format!("{}:{at}", fault.file)),
        message: fault.message,
    });
    told.collect()
}
