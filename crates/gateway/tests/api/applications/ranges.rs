//! Parts of files (RFC 9110 section 14), from memory and from the disk.

use crate::support::{Answer, Call, TestGateway};

/// More than is held in memory.
const LARGE: usize = 1024 * 1024 + 4096;

fn large() -> Vec<u8> {
    (0..LARGE).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

async fn start() -> TestGateway {
    let gateway = TestGateway::start().await;
    let files: [(&str, &[u8], u32); 4] = [
        ("README.md", b"# Hi\n", 0o644),
        ("ten.txt", b"0123456789", 0o644),
        ("empty.txt", b"", 0o644),
        ("large.bin", &large(), 0o644),
    ];
    gateway.deploy_manifest("docs", &files).await.data();
    gateway
}

fn file(gateway: &TestGateway, name: &str) -> Call {
    gateway.as_admin("GET", &format!("/e/docs/{name}"))
}

#[track_caller]
fn assert_part(answer: &Answer, place: &str, bytes: &[u8]) {
    assert_eq!(answer.status, 206, "{}", answer.text());
    assert_eq!(answer.header("content-range"), place);
    assert_eq!(answer.header("content-length"), bytes.len().to_string());
    assert!(answer.body == bytes, "{place}: {} bytes of another kind", answer.body.len());
}

#[tokio::test]
async fn a_part_of_a_file_is_answered_with_its_place() {
    let gateway = start().await;
    for (range, place, bytes) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=2-5", "bytes 2-5/10", "2345"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=7-99", "bytes 7-9/10", "789"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
    ] {
        let answer = file(&gateway, "ten.txt").header("range", range).send().await;
        assert_part(&answer, place, bytes.as_bytes());
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{range}");
        assert_eq!(answer.header("accept-ranges"), "bytes", "{range}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{range}");
    }
}

#[tokio::test]
async fn a_large_file_comes_from_the_disk_whole_and_in_parts() {
    let gateway = start().await;
    let bytes = large();
    let whole = file(&gateway, "large.bin").header("accept-encoding", "gzip").send().await;
    assert_eq!((whole.status, whole.header("content-length")), (200, LARGE.to_string().as_str()));
    assert_eq!(whole.header("content-encoding"), "");
    assert!(whole.body == bytes);
    for (range, first, last) in [
        ("bytes=0-9", 0, 9),
        ("bytes=1048570-1048580", 1_048_570, 1_048_580),
        ("bytes=1000-", 1000, LARGE - 1),
        ("bytes=-17", LARGE - 17, LARGE - 1),
    ] {
        let answer = file(&gateway, "large.bin").header("range", range).send().await;
        assert_part(&answer, &format!("bytes {first}-{last}/{LARGE}"), &bytes[first..=last]);
    }
    let beyond = file(&gateway, "large.bin").header("range", &format!("bytes={LARGE}-")).send().await;
    beyond.assert_problem(416, "range-not-satisfiable");
    let etag = whole.header("etag").to_owned();
    assert_eq!(file(&gateway, "large.bin").header("if-none-match", &etag).send().await.status, 304);
}

#[tokio::test]
async fn a_range_outside_the_file_is_refused_with_the_files_size() {
    let gateway = start().await;
    for (name, range, size) in [
        ("ten.txt", "bytes=10-", 10),
        ("ten.txt", "bytes=10-12", 10),
        ("ten.txt", "bytes=-0", 10),
        ("ten.txt", "bytes=18446744073709551615-", 10),
        ("empty.txt", "bytes=0-", 0),
    ] {
        let answer = file(&gateway, name).header("range", range).send().await;
        answer.assert_problem(416, "range-not-satisfiable");
        assert_eq!(answer.header("content-range"), format!("bytes */{size}"), "{range}");
    }
}

#[tokio::test]
async fn what_is_no_single_range_of_bytes_is_answered_with_the_whole_file() {
    let gateway = start().await;
    for range in [
        "bytes=0-1,3-4",
        "lines=1-2",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "bytes=99999999999999999999-",
        "0-4",
    ] {
        let answer = file(&gateway, "ten.txt").header("range", range).send().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "0123456789"), "{range}");
    }
}

#[tokio::test]
async fn a_part_is_only_added_to_the_version_that_it_is_of() {
    let gateway = start().await;
    for name in ["ten.txt", "large.bin"] {
        let whole = file(&gateway, name).send().await;
        let etag = whole.header("etag").to_owned();
        let part =
            |condition: &str| file(&gateway, name).header("range", "bytes=0-3").header("if-range", condition);
        assert_eq!(part(&etag).send().await.status, 206, "{name}");
        // A weak tag promises no equal bytes (section 13.1.5), and a date is none that was ever sent.
        let weak = format!("W/{etag}");
        for other in ["\"another\"", weak.as_str(), "Thu, 01 Jan 2026 00:00:00 GMT"] {
            let answer = part(other).send().await;
            assert_eq!((answer.status, answer.body.len()), (200, whole.body.len()), "{name} {other}");
        }
    }
}

/// RFC 9110 section 13.2.2: the condition is judged before the range.
#[tokio::test]
async fn whoever_has_the_version_already_is_sent_no_part_of_it() {
    let gateway = start().await;
    for name in ["ten.txt", "large.bin"] {
        let etag = file(&gateway, name).send().await.header("etag").to_owned();
        for range in ["bytes=0-3", "bytes=99999999-"] {
            let call = file(&gateway, name).header("if-none-match", &etag).header("range", range);
            assert_eq!(call.send().await.status, 304, "{name} {range}");
        }
        let call = file(&gateway, name).header("if-none-match", "\"another\"").header("range", "bytes=0-3");
        assert_eq!(call.send().await.status, 206, "{name}");
    }
}

/// RFC 9110 section 14.2: a range has a meaning for GET alone.
#[tokio::test]
async fn head_knows_no_ranges() {
    let gateway = start().await;
    for (name, size) in [("ten.txt", 10), ("large.bin", LARGE)] {
        let call = gateway.as_admin("HEAD", &format!("/e/docs/{name}")).header("range", "bytes=0-3");
        let answer = call.send().await;
        assert_eq!(
            (answer.status, answer.header("content-length")),
            (200, size.to_string().as_str()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_part_is_never_compressed() {
    let gateway = TestGateway::start().await;
    let text = "all work and no play\n".repeat(200);
    gateway.deploy_files("docs", &[("README.md", &text)]).await.data();
    let call = file(&gateway, "README.md").header("accept-encoding", "gzip").header("range", "bytes=0-7");
    let answer = call.send().await;
    assert_part(&answer, &format!("bytes 0-7/{}", text.len()), b"all work");
    assert_eq!(answer.header("content-encoding"), "");
}

#[tokio::test]
async fn the_view_for_a_browser_has_no_parts() {
    let gateway = start().await;
    let call = file(&gateway, "README.md").header("accept", "text/html").header("range", "bytes=0-3");
    let answer = call.send().await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("<h1>Hi</h1>"), "{}", answer.text());
}
