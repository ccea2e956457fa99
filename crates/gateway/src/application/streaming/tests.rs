use super::*;

#[test]
fn text_in_pieces_is_what_it_is_in_one() {
    let text = b"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xe2\x82z\xf0\x9f\xc3";
    for size in 1..=text.len() {
        let mut pieces = TextPieces::default();
        let mut shown: String = text.chunks(size).map(|piece| pieces.push(piece)).collect();
        shown.push_str(&pieces.finish());
        assert_eq!(shown, String::from_utf8_lossy(text), "in pieces of {size}");
    }
}

#[test]
fn a_stream_is_asked_for_by_name() {
    for (accept, asked) in [
        ("text/event-stream", true),
        ("Text/Event-Stream; encoding=base64", true),
        ("application/json, text/event-stream;q=0.5", true),
        ("text/event-stream;q=0, */*", false),
        ("*/*", false),
        ("text/html", false),
    ] {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        assert_eq!(is_asked_for(&headers), asked, "{accept}");
    }
    assert!(!is_asked_for(&HeaderMap::new()));
}
