//! Reading a file once: its digest, and when it is a page, the page.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use toolfront_app::{BlobDigest, Fault, Page, Severity};

use super::AppFile;
use super::walk::FoundFile;

const CHUNK_BYTES: usize = 64 * 1024;

/// A file that is not right: what is wrong, and the file, when at least its bytes could be read.
pub(super) type Faulty = (Option<AppFile>, Vec<Fault>);

/// Reads a file; a page is parsed too.
pub(super) fn read(found: FoundFile) -> Result<(AppFile, Option<Page>), Faulty> {
    let name = found.path.to_string();
    let fault =
        |message: String| Fault { file: name.clone(), position: None, message, severity: Severity::Error };
    let unreadable = |error: io::Error| (None, vec![fault(format!("can't be read: {error}"))]);
    if !found.path.is_markdown() {
        let (digest, size) = digest(&found).map_err(unreadable)?;
        return Ok((file(found, digest, size), None));
    }
    let bytes = std::fs::read(&found.source).map_err(unreadable)?;
    let path = found.path.clone();
    let file = file(found, BlobDigest::of(&bytes), u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let Ok(source) = std::str::from_utf8(&bytes) else {
        return Err((Some(file), vec![fault("is not UTF-8, as a page has to be".to_owned())]));
    };
    match Page::parse(&path, source) {
        Ok(page) => Ok((file, Some(page))),
        Err(faults) => Err((Some(file), faults)),
    }
}

fn file(found: FoundFile, digest: BlobDigest, size: u64) -> AppFile {
    AppFile { path: found.path, source: found.source, size, digest, executable: found.executable }
}

fn digest(found: &FoundFile) -> io::Result<(BlobDigest, u64)> {
    let mut file = File::open(&found.source)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut size = 0_u64;
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => return Ok((BlobDigest::from_bytes(hasher.finalize().into()), size)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(chunk.get(..read).unwrap_or_default());
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}
