//! What a browser sees of a page.

use crate::support::{Answer, TestGateway};

const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn start(files: &[(&str, &str)]) -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.deploy_files("docs", files).await.data();
    gateway
}

async fn browse(gateway: &TestGateway, path: &str) -> Answer {
    let answer = gateway.as_admin("GET", &format!("/e/docs{path}")).header("accept", ACCEPT).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

#[tokio::test]
async fn a_page_is_rendered_for_a_browser_and_raw_for_everybody_else() {
    let source = "---\ntitle: All <orders>\n---\n# Orders\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let gateway = start(&[("README.md", source)]).await;
    let view = browse(&gateway, "").await;
    assert_eq!(view.header("content-type"), "text/html; charset=utf-8");
    for part in ["<!doctype html>", "<title>All&#32;&lt;orders&gt;</title>", "<h1>Orders</h1>", "<td>1</td>"]
    {
        assert!(view.text().contains(part), "{part} in {}", view.text());
    }
    for accept in ["*/*", "text/markdown", "application/json", ""] {
        let raw = gateway.as_admin("GET", "/e/docs").header("accept", accept).send().await;
        assert_eq!(
            (raw.header("content-type"), raw.text().as_str()),
            ("text/markdown; charset=utf-8", source)
        );
    }
    for query in ["?raw", "?a=b&raw"] {
        assert_eq!(browse(&gateway, query).await.text(), source, "{query}");
    }
    for query in ["?rawest", "?x=raw"] {
        assert!(browse(&gateway, query).await.text().contains("<h1>Orders</h1>"), "{query}");
    }
}

#[tokio::test]
async fn front_matter_is_shown_as_a_table_of_tools() {
    let source = "---\ntools:\n  - [ls]\n  - command: [cat, {regex: '<b>&'}, ;]\n    description: Shows <i>one</i> file\n\
                  ---\n# Hi\n";
    let text = browse(&start(&[("README.md", source)]).await, "").await.text();
    assert!(!text.contains("tools:") && !text.contains("regex: '"), "{text}");
    assert!(text.contains("<code>ls</code>"), "{text}");
    for raw in ["<b>", "<i>one</i>"] {
        assert!(!text.contains(raw), "{raw} in {text}");
    }
    assert!(text.contains("&lt;b&gt;&amp;") && text.contains("&lt;i&gt;one"), "{text}");
    let plain = browse(&start(&[("README.md", "# Hi\n")]).await, "").await.text();
    assert!(!plain.contains("<table>"), "{plain}");
}

#[tokio::test]
async fn nothing_that_a_page_brings_along_runs_or_loads() {
    let source = "# <script>alert(1)</script> Hi\n\n\
        <script src=//evil.example/x.js></script>\n<img src=x onerror=alert(1)>\n<svg onload=alert(1)>\n\n\
        <iframe src=https://evil.example></iframe><object data=x></object><embed src=x>\n\n\
        <form action=https://evil.example><input name=token></form>\n\n\
        <a href=\"javascript:alert(1)\">x</a> [y](javascript:alert(1)) [z](JaVaScRiPt:alert(1)) [d](data:text/html,x)\n\n\
        <style>body{background:url(//evil.example)}</style><base href=//evil.example>\n\
        <meta http-equiv=refresh content='0;url=//evil.example'>\n<p style=\"background:url(//evil.example)\">p</p>\n";
    let view = browse(&start(&[("README.md", source)]).await, "").await;
    let text = view.text().to_lowercase();
    for evil in [
        "<script",
        "onerror",
        "onload",
        "<iframe",
        "<object",
        "<embed",
        "<form",
        "<input",
        "javascript:",
        "data:text",
        "http-equiv",
        "style=\"",
        "url(",
        "<svg",
    ] {
        assert!(!text.contains(evil), "{evil} in {text}");
    }
    // The only base is ours.
    assert_eq!(text.matches("<base ").count(), 1, "{text}");
    let policy = view.header("content-security-policy");
    for directive in ["default-src 'none'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'self'"]
    {
        assert!(policy.split("; ").any(|part| part == directive), "{directive} in {policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe-inline"), "{policy}");
}

#[tokio::test]
async fn the_style_is_the_one_that_the_policy_names() {
    use base64::Engine;
    let view = browse(&start(&[("README.md", "# Hi\n")]).await, "").await;
    let text = view.text();
    let style = text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let digest = toolfront_app::BlobDigest::of(style.as_bytes());
    let source = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
    assert!(view.header("content-security-policy").contains(&format!("style-src 'sha256-{source}'")));
}

#[tokio::test]
async fn relative_links_lead_from_the_pages_directory_however_it_was_reached() {
    let files = [("README.md", "[g](a/guide.md)"), ("a/README.md", "[x](x.md)"), ("a/guide.md", "[x](x.md)")];
    let gateway = start(&files).await;
    for (path, base) in [
        ("", "/e/docs/"),
        ("/", "/e/docs/"),
        ("/README", "/e/docs/"),
        ("/a", "/e/docs/a/"),
        ("/a/guide", "/e/docs/a/"),
    ] {
        let text = browse(&gateway, path).await.text();
        let written = format!("<base href=\"{}\">", base.replace('/', "&#47;"));
        assert!(text.contains(&written), "{path}: {text}");
    }
    let text = browse(&gateway, "").await.text();
    assert!(text.contains("href=\"a/guide.md\""), "{text}");
}

#[tokio::test]
async fn the_view_has_an_entity_tag_of_its_own() {
    let gateway = start(&[("README.md", "# Hi\n")]).await;
    let view = browse(&gateway, "").await;
    let raw = gateway.as_admin("GET", "/e/docs").send().await;
    assert_ne!(view.header("etag"), raw.header("etag"));
    let known = |etag: &str| {
        let call = gateway.as_admin("GET", "/e/docs").header("accept", ACCEPT);
        call.header("if-none-match", etag).send()
    };
    assert_eq!(known(view.header("etag")).await.status, 304);
    assert_eq!(known(raw.header("etag")).await.status, 200);
}

#[tokio::test]
async fn only_pages_are_rendered() {
    let gateway =
        start(&[("README.md", "# Hi\n"), ("notes.txt", "# No page\n"), ("x.html", "<h1>Mine</h1>")]).await;
    assert_eq!(browse(&gateway, "/notes.txt").await.text(), "# No page\n");
    assert_eq!(browse(&gateway, "/x.html").await.text(), "<h1>Mine</h1>");
}

#[tokio::test]
async fn a_page_that_is_not_utf_8_is_shown_and_served_as_it_is() {
    let gateway = TestGateway::start().await;
    let bytes = b"# Caf\xe9\n";
    gateway.deploy_manifest("docs", &[("README.md", bytes, 0o644)]).await.data();
    assert_eq!(gateway.as_admin("GET", "/e/docs").send().await.body, bytes);
    assert!(browse(&gateway, "").await.text().contains("Caf\u{fffd}"));
}
