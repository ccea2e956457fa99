//! The list of an application's pages, as a model reads it and as a program does.

use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::json;

use crate::application::PageEntry;

/// How many pages are told at once.
const PAGES_MAX: usize = 1000;

/// The pages in a directory and below it; all for `""`.
pub(crate) fn result(pages: &[PageEntry], under: &str) -> CallToolResult {
    let is_below = |page: &&PageEntry| {
        under.is_empty() || page.path.strip_prefix(under).is_some_and(|rest| rest.starts_with('/'))
    };
    let all: Vec<_> = pages.iter().filter(is_below).collect();
    let shown = all.get(..PAGES_MAX).unwrap_or(&all);
    let left_out = all.len().saturating_sub(shown.len());
    let mut result = CallToolResult::structured(json!({ "pages": shown, "left_out": left_out }));
    result.content = vec![ContentBlock::text(text(shown, left_out))];
    result
}

fn text(shown: &[&PageEntry], left_out: usize) -> String {
    let mut text = String::new();
    for page in shown {
        text.push_str(&page.path);
        if let Some(title) = &page.title {
            let _ = write!(text, ": {title}");
        }
        let _ = match page.tools {
            0 => Ok(()),
            1 => write!(text, " (1 tool)"),
            tools => write!(text, " ({tools} tools)"),
        };
        text.push('\n');
    }
    if shown.is_empty() {
        text.push_str("There are no pages there.\n");
    }
    if left_out > 0 {
        let _ = writeln!(text, "… and {left_out} more: ask for those `under` one directory.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_long_list_is_counted() {
        let page =
            |number| PageEntry { path: format!("{number}.md"), title: None, description: None, tools: 2 };
        let pages: Vec<_> = (0..1003).map(page).collect();
        let listed = result(&pages, "");
        let structured = listed.structured_content.unwrap();
        assert_eq!(
            (structured["pages"].as_array().unwrap().len(), &structured["left_out"]),
            (1000, &json!(3))
        );
        assert!(text(&[&page(7)], 3).starts_with("7.md (2 tools)\n… and 3 more"));
        assert_eq!(text(&[], 0), "There are no pages there.\n");
    }
}
