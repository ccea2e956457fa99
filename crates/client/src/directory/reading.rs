//! Reading each file once: its digest, and when it is a page, the page.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};
use toolfront_app::{BlobDigest, Fault, Page, Severity};

use super::AppFile;
use super::walk::FoundFile;

const CHUNK_BYTES: usize = 64 * 1024;
/// More threads do not make a disk faster.
const THREADS_MAX: usize = 8;
/// For fewer files than this, another thread is not worth its start.
const FILES_EACH: usize = 64;

/// A file that is not right: what is wrong, and the file, when at least its bytes could be read.
pub(super) type Faulty = (Option<AppFile>, Vec<Fault>);
/// A file that is right, with the page that it is.
pub(super) type Sound = (AppFile, Option<Page>);

/// Reads all files, on as many threads as there are processors, and yields them in the order that they were given in. Pages
/// are parsed too.
pub(super) fn read_all(files: &[FoundFile]) -> Vec<Result<Sound, Faulty>> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(THREADS_MAX).min(files.len().div_ceil(FILES_EACH));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(place) else { return done };
            done.push((place, read(file, &mut chunk)));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, read)| read).collect()
}

fn read(found: &FoundFile, chunk: &mut [u8]) -> Result<Sound, Faulty> {
    let fault = |message: String| {
        let file = found.path.to_string();
        vec![Fault { file, position: None, message, severity: Severity::Error }]
    };
    let unreadable = |error: io::Error| (None, fault(format!("can't be read: {error}")));
    let mut opened = File::open(&found.source).map_err(unreadable)?;
    let mode = opened.metadata().map_err(unreadable)?.permissions().mode();
    let file = |digest, size| AppFile {
        path: found.path.clone(),
        source: found.source.clone(),
        size,
        digest,
        executable: mode & 0o100 != 0,
    };
    if !found.path.is_markdown() {
        let (digest, size) = digest(&mut opened, chunk).map_err(unreadable)?;
        return Ok((file(digest, size), None));
    }
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes).map_err(unreadable)?;
    let file = file(BlobDigest::of(&bytes), u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let Ok(source) = std::str::from_utf8(&bytes) else {
        return Err((Some(file), fault("is not UTF-8, as a page has to be".to_owned())));
    };
    match Page::parse(&found.path, source) {
        Ok(page) => Ok((file, Some(page))),
        Err(faults) => Err((Some(file), faults)),
    }
}

fn digest(file: &mut File, chunk: &mut [u8]) -> io::Result<(BlobDigest, u64)> {
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    loop {
        let read = match file.read(chunk) {
            Ok(0) => return Ok((BlobDigest::from_bytes(hasher.finalize().into()), size)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(chunk.get(..read).unwrap_or_default());
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}
