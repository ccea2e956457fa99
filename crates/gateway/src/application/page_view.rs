//! A page for people: the Markdown rendered and sanitized, and the tools as a table.

use std::fmt::Write;
use std::sync::LazyLock;

use ammonia::Builder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use pulldown_cmark::{Options, Parser, html};
use toolfront_app::{BlobDigest, Fault, FilePath, Page};

const STYLE: &str = include_str!("page_view.css");

/// Nothing is loaded but pictures of the application itself; no script runs.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = STANDARD.encode(BlobDigest::of(STYLE.as_bytes()).as_bytes());
        let policy = format!(
            "default-src 'none'; img-src 'self'; style-src 'sha256-{style}'; base-uri 'self'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}

pub(super) fn render(file: &FilePath, page: &Result<Page, Vec<Fault>>, source: &[u8], mount: &str) -> String {
    let source = String::from_utf8_lossy(source);
    let (body, title, tools) = match page {
        Ok(page) => (page.body(), page.title(), tools(page)),
        Err(faults) => (source.as_ref(), None, faults_list(faults)),
    };
    let separator = if file.directory().is_empty() { "" } else { "/" };
    // Links are written relative to the page's directory, whatever the address that it was reached by.
    let base = format!("{mount}/{}{separator}", file.directory());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <base href=\"{}\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{}\n</main>\n{tools}</body>\n</html>\n",
        escape(&base),
        escape(title.unwrap_or(file.as_str())),
        markdown(body),
    )
}

fn markdown(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut unsafe_html = String::with_capacity(text.len() * 2);
    html::push_html(&mut unsafe_html, Parser::new_ext(text, options));
    Builder::default().link_rel(Some("noopener noreferrer nofollow")).clean(&unsafe_html).to_string()
}

fn tools(page: &Page) -> String {
    if page.tools().is_empty() {
        return String::new();
    }
    let mut table = String::from("<section aria-label=\"Tools\">\n<h2>Tools</h2>\n<table>\n");
    table.push_str(
        "<thead><tr><th scope=\"col\">Command</th><th scope=\"col\">What it does</th></tr></thead>\n",
    );
    for tool in page.tools() {
        let description = escape(tool.description().unwrap_or_default());
        let command = escape(&tool.to_string());
        let _ = writeln!(table, "<tr><td><code>{command}</code></td><td>{description}</td></tr>");
    }
    table.push_str("</table>\n</section>\n");
    table
}

fn faults_list(faults: &[Fault]) -> String {
    let mut list = String::from("<section aria-label=\"Faults\">\n<h2>This page has faults</h2>\n<ul>\n");
    for fault in faults {
        let _ = writeln!(list, "<li><code>{}</code></li>", escape(&fault.to_string()));
    }
    list.push_str("</ul>\n</section>\n");
    list
}

fn escape(text: &str) -> String {
    ammonia::clean_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(path: &str, source: &str) -> String {
        let file = FilePath::parse(path).unwrap();
        let page = Page::parse(&file, source);
        render(&file, &page, source.as_bytes(), "/e/docs")
    }

    #[test]
    fn what_a_page_brings_along_runs_no_script() {
        let html = rendered(
            "README.md",
            "# Hi\n\n<script>alert(1)</script><img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))",
        );
        assert!(html.contains("<h1>Hi</h1>"), "{html}");
        for evil in ["<script", "onerror", "javascript:"] {
            assert!(!html.contains(evil), "{evil} in {html}");
        }
    }

    #[test]
    fn links_are_relative_to_the_pages_directory() {
        assert!(rendered("README.md", "x").contains("<base href=\"&#47;e&#47;docs&#47;\">"));
        assert!(rendered("a/b.md", "x").contains("<base href=\"&#47;e&#47;docs&#47;a&#47;\">"));
    }

    #[test]
    fn tools_are_shown_as_they_are_written() {
        let html = rendered("README.md", "---\ntools:\n  - [cat, {regex: '<b>'}, ;]\n---\nx");
        assert!(html.contains("cat") && html.contains("&lt;b&gt;"), "{html}");
    }
}
