//! GET and HEAD: a file's bytes with a strong entity tag, conditional requests, ranges and compression; or, for a
//! browser, a page made of it.

use std::io::SeekFrom;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use toolfront_app::{FilePath, RequestPath};

use super::content::{Content, SmallFile, entity_tag};
use super::files::Files;
use super::page_view;
use crate::access_log::Story;
use crate::problem::Refusal;

/// A request to read.
#[derive(Debug)]
pub(crate) struct Reading<'r> {
    pub(crate) files: &'r Files,
    pub(crate) path: RequestPath,
    /// The path below which the application stands, such as `/e/docs`; empty when it has a host of its own.
    pub(crate) mount: &'r str,
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) query: Option<&'r str>,
    /// Whether caches between may keep the answer.
    pub(crate) is_public: bool,
    /// Where it is noted which file is read, when that is recorded.
    pub(crate) story: Option<&'r Story>,
}

/// Whatever an application's own files are, they run no script and load nothing from elsewhere.
const CONFINED: &str = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox";

pub(crate) async fn read(reading: Reading<'_>) -> Result<Response, Refusal> {
    let file = reading.files.resolve(&reading.path).await?;
    let content = reading.files.content(&file).await?;
    if let Some(story) = reading.story {
        story.note_found(reading.files.release(), file.as_str());
    }
    let mut answer = match content {
        Content::Memory(content) if wants_view(&reading, &file) => view(&reading, &file, &content),
        Content::Memory(content) => from_memory(&reading, &file, &content)?,
        Content::Disk { path, size, digest } => {
            Box::pin(from_disk(&reading, &file, &path, size, &entity_tag(&digest, ""))).await?
        }
    };
    let headers = answer.headers_mut();
    let cache = if reading.is_public { "no-cache" } else { "private, no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding, authorization, token"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONFINED));
    }
    Ok(answer)
}

/// A browser says that it takes HTML; an agent or a script does not.
fn wants_view(reading: &Reading<'_>, file: &FilePath) -> bool {
    let is_raw = reading.query.is_some_and(|query| query.split('&').any(|pair| pair == "raw"));
    file.is_markdown() && !is_raw && text_of(reading.headers, header::ACCEPT).contains("text/html")
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn view(reading: &Reading<'_>, file: &FilePath, content: &SmallFile) -> Response {
    let etag = entity_tag(&content.digest, "-html");
    if is_known(reading.headers, etag.as_bytes()) {
        return not_modified(&etag);
    }
    let html = page_view::render(file, content.page(file), &content.bytes, reading.mount);
    let mut answer = Response::new(Body::from(html));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, page_view::policy());
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::ETAG, etag);
    answer
}

fn from_memory(reading: &Reading<'_>, file: &FilePath, content: &SmallFile) -> Result<Response, Refusal> {
    let plain = &content.etag;
    let size = u64::try_from(content.bytes.len()).unwrap_or(u64::MAX);
    // Judged before the range (RFC 9110 section 13.2.2).
    if is_known(reading.headers, plain.as_bytes()) {
        return Ok(not_modified(plain));
    }
    if reading.headers.contains_key(header::RANGE)
        && let Some(range) = range(reading.method, reading.headers, text(plain), size)?
    {
        let part = usize::try_from(range.first).ok().zip(usize::try_from(range.after).ok());
        let part = part
            .and_then(|(first, after)| content.bytes.get(first..after))
            .map(|part| content.bytes.slice_ref(part));
        return Ok(partial(file, plain, &range, size, Body::from(part.unwrap_or_default())));
    }
    let compressed = takes_gzip(reading.headers) && is_text(file);
    let (body, etag, encoding): (&Bytes, _, _) = match compressed.then(|| content.gzip()).flatten() {
        Some(gzip) => (gzip, entity_tag(&content.digest, "-gzip"), Some("gzip")),
        None => (&content.bytes, plain.clone(), None),
    };
    if encoding.is_some() && is_known(reading.headers, etag.as_bytes()) {
        return Ok(not_modified(&etag));
    }
    let mut answer = Response::new(Body::from(body.clone()));
    *answer.headers_mut() = HeaderMap::with_capacity(HEADERS);
    describe(answer.headers_mut(), file, etag);
    let encoding = encoding.map(|encoding| (header::CONTENT_ENCODING, HeaderValue::from_static(encoding)));
    answer.headers_mut().extend(encoding);
    Ok(answer)
}

async fn from_disk(
    reading: &Reading<'_>,
    file: &FilePath,
    path: &std::path::Path,
    size: u64,
    etag: &HeaderValue,
) -> Result<Response, Refusal> {
    if is_known(reading.headers, etag.as_bytes()) {
        return Ok(not_modified(etag));
    }
    let range = range(reading.method, reading.headers, text(etag), size)?;
    let opened = tokio::fs::File::open(path).await;
    let mut opened = opened.map_err(|err| Refusal::internal(&err))?;
    let Some(range) = range else {
        let mut answer = Response::new(Body::from_stream(ReaderStream::new(opened.take(size))));
        describe(answer.headers_mut(), file, etag.clone());
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        return Ok(answer);
    };
    opened.seek(SeekFrom::Start(range.first)).await.map_err(|err| Refusal::internal(&err))?;
    let part = ReaderStream::new(opened.take(range.after - range.first));
    let mut answer = partial(file, etag, &range, size, Body::from_stream(part));
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(range.after - range.first));
    Ok(answer)
}

/// How many headers an answer gets, with some to spare.
const HEADERS: usize = 12;

fn text(etag: &HeaderValue) -> &str {
    etag.to_str().unwrap_or_default()
}

fn describe(headers: &mut HeaderMap, file: &FilePath, etag: HeaderValue) {
    headers.insert(header::CONTENT_TYPE, content_type(file));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, etag);
}

fn content_type(file: &FilePath) -> HeaderValue {
    if file.is_markdown() {
        return HeaderValue::from_static("text/markdown; charset=utf-8");
    }
    let guessed = mime_guess::from_path(file.as_str()).first_or_octet_stream();
    let text = match guessed.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", guessed.essence_str()),
        _ => guessed.essence_str().to_owned(),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn is_text(file: &FilePath) -> bool {
    let guessed = mime_guess::from_path(file.as_str()).first_or_octet_stream();
    let subtype = guessed.subtype().as_str();
    file.is_markdown()
        || guessed.type_() == mime_guess::mime::TEXT
        || ["json", "xml", "javascript", "toml", "yaml", "x-yaml", "svg"].contains(&subtype)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    text_of(headers, header::ACCEPT_ENCODING).split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|weight| ["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(&weight))
    })
}

/// `If-None-Match` (RFC 9110 section 13.1.2), compared weakly as it says there.
fn is_known(headers: &HeaderMap, etag: &[u8]) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut all = lines.flat_map(|line| line.split(',')).map(str::trim);
    all.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == etag)
}

fn not_modified(etag: &HeaderValue) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    answer.headers_mut().insert(header::ETAG, etag.clone());
    answer
}

/// Bytes from `first` up to, and without, `after`.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    after: u64,
}

/// The one range that is asked for (RFC 9110 section 14.2). Several at once, or another unit, are answered
/// with the whole file, as that section allows. It has a meaning for GET alone.
fn range(method: &Method, headers: &HeaderMap, etag: &str, size: u64) -> Result<Option<Range>, Refusal> {
    if method != Method::GET {
        return Ok(None);
    }
    let asked = text_of(headers, header::RANGE);
    let condition = text_of(headers, header::IF_RANGE);
    let Some(spec) = asked.strip_prefix("bytes=").filter(|spec| !spec.contains(',')) else { return Ok(None) };
    if !condition.is_empty() && condition != etag {
        return Ok(None);
    }
    let Some((first, last)) = spec.trim().split_once('-') else { return Ok(None) };
    let bounds = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => Range { first, after: last.saturating_add(1).min(size) },
        (Ok(first), Err(_)) if last.is_empty() => Range { first, after: size },
        (Err(_), Ok(length)) if first.is_empty() => Range { first: size.saturating_sub(length), after: size },
        _ => return Ok(None),
    };
    if bounds.first >= bounds.after { Err(Refusal::range_not_satisfiable(size)) } else { Ok(Some(bounds)) }
}

fn partial(file: &FilePath, etag: &HeaderValue, range: &Range, size: u64, body: Body) -> Response {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    describe(answer.headers_mut(), file, etag.clone());
    let place = format!("bytes {}-{}/{size}", range.first, range.after.saturating_sub(1));
    answer.headers_mut().extend(HeaderValue::from_str(&place).map(|place| (header::CONTENT_RANGE, place)));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range_header: &str, size: u64) -> Result<Option<(u64, u64)>, ()> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range_header.parse().unwrap());
        range(&Method::GET, &headers, "\"e\"", size)
            .map(|range| range.map(|range| (range.first, range.after)))
            .map_err(drop)
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(asked("bytes=0-3", 10), Ok(Some((0, 4))));
        assert_eq!(asked("bytes=8-99", 10), Ok(Some((8, 10))));
        assert_eq!(asked("bytes=4-", 10), Ok(Some((4, 10))));
        assert_eq!(asked("bytes=-4", 10), Ok(Some((6, 10))));
        assert_eq!(asked("bytes=-40", 10), Ok(Some((0, 10))));
        for whole in ["bytes=0-1,3-4", "lines=1-2", "bytes=5-2", "bytes=a-b", "bytes=-"] {
            assert_eq!(asked(whole, 10), Ok(None), "{whole}");
        }
        assert_eq!(asked("bytes=10-", 10), Err(()));
        assert_eq!(asked("bytes=-0", 10), Err(()));
    }

    #[test]
    fn compression_is_used_when_it_is_asked_for() {
        let takes = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
            takes_gzip(&headers)
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes(""));
    }
}
