//! The bytes of files: small ones in memory, with what is made of them; large ones on the disk.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use foldhash::fast::RandomState;
use http::HeaderValue;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use toolfront_app::{BlobDigest, Fault, FilePath, Page};

/// Files up to this size are held in memory.
pub(crate) const IN_MEMORY_MAX: u64 = 1024 * 1024;
/// Files below this size are sent as they are.
const COMPRESSED_MIN: usize = 1024;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// About how many files that is. The cache is parted by it: each part has room for several of the largest.
const CACHE_FILES: usize = 256;

/// The content of a file.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Memory(Arc<SmallFile>),
    Disk { path: PathBuf, size: u64, digest: BlobDigest },
}

/// A file in memory, and what was made of it so far.
#[derive(Debug)]
pub(crate) struct SmallFile {
    pub(crate) bytes: Bytes,
    pub(crate) digest: BlobDigest,
    /// Its strong entity tag.
    pub(crate) etag: HeaderValue,
    page: OnceLock<Result<Page, Vec<Fault>>>,
    gzip: OnceLock<Option<Bytes>>,
}

/// Small files by their digest, those that are rarely used dropped beyond 64 MiB.
#[derive(Clone, Debug)]
pub(crate) struct FileCache {
    files: Arc<Cache<BlobDigest, Arc<SmallFile>, Weight, RandomState>>,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<BlobDigest, Arc<SmallFile>> for Weight {
    fn weight(&self, _: &BlobDigest, file: &Arc<SmallFile>) -> u64 {
        // What is made of a file is about as large again, at the most.
        u64::try_from(file.bytes.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(512)
    }
}

impl SmallFile {
    pub(crate) fn new(bytes: Vec<u8>, digest: BlobDigest) -> Self {
        let etag = entity_tag(&digest, "");
        Self { bytes: bytes.into(), digest, etag, page: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The file as a page; parsed once.
    pub(crate) fn page(&self, file: &FilePath) -> &Result<Page, Vec<Fault>> {
        self.page.get_or_init(|| match std::str::from_utf8(&self.bytes) {
            Ok(source) => Page::parse(file, source),
            Err(_) => Page::parse(file, &String::from_utf8_lossy(&self.bytes)),
        })
    }

    /// The file in gzip (RFC 1952), where that makes it smaller; made once.
    pub(crate) fn gzip(&self) -> Option<&Bytes> {
        let made = self.gzip.get_or_init(|| {
            if self.bytes.len() < COMPRESSED_MIN {
                return None;
            }
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&self.bytes).ok()?;
            let compressed = encoder.finish().ok()?;
            (compressed.len() < self.bytes.len()).then(|| compressed.into())
        });
        made.as_ref()
    }
}

/// The entity tag of one form of a content.
pub(crate) fn entity_tag(digest: &BlobDigest, form: &str) -> HeaderValue {
    let text = Bytes::from(format!("\"{digest}{form}\""));
    HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static("\"\""))
}

impl Default for FileCache {
    fn default() -> Self {
        let hasher = RandomState::default();
        let files = Cache::with(CACHE_FILES, CACHE_BYTES, Weight, hasher, DefaultLifecycle::default());
        Self { files: Arc::new(files) }
    }
}

impl FileCache {
    pub(crate) fn get(&self, digest: &BlobDigest) -> Option<Arc<SmallFile>> {
        self.files.get(digest)
    }

    pub(crate) fn put(&self, file: SmallFile) -> Arc<SmallFile> {
        let file = Arc::new(file);
        self.files.insert(file.digest, Arc::clone(&file));
        file
    }
}
