//! A command that a page's tools allow, to show how one is run.

use toolfront_app::{CommandLine, Element, Page, Tool};

/// Arguments that are tried where a tool takes one: the page itself, the directory, small things.
const CANDIDATES: [&str; 5] = ["README.md", "index.md", ".", "1", "a"];

/// A command that the page allows, and that needs no variable: of the first tool for which one can be found.
pub(super) fn command(page: &Page) -> Option<Vec<String>> {
    let without_variables = page.tools().iter().filter(|tool| tool.variables().next().is_none());
    let (bare, filled): (Vec<&Tool>, Vec<&Tool>) = without_variables
        .partition(|tool| tool.elements().all(|element| matches!(element, Element::Literal(_))));
    bare.into_iter().chain(filled).find_map(|tool| of_tool(page, tool))
}

/// The same candidate in every place; what is found is asked of the page, and so never shown in vain.
fn of_tool(page: &Page, tool: &Tool) -> Option<Vec<String>> {
    CANDIDATES.iter().find_map(|candidate| {
        let argument = |element: Element<'_>| match element {
            Element::Literal(text) => text.to_owned(),
            Element::Any | Element::Pattern(_) => (*candidate).to_owned(),
        };
        let words: Vec<String> = tool.elements().map(argument).collect();
        let line = CommandLine::parse(words.clone()).ok()?;
        page.admit(&line).is_ok().then_some(words)
    })
}

#[cfg(test)]
mod tests {
    use toolfront_app::FilePath;

    use super::*;

    fn found(tools: &str) -> Option<Vec<String>> {
        let source = format!("---\ntools:\n{tools}\n---\n");
        command(&Page::parse(&FilePath::parse("README.md").unwrap(), &source).unwrap())
    }

    #[test]
    fn a_tool_without_arguments_is_shown_before_one_with() {
        assert_eq!(found("  - [cat, { }]\n  - [ls, -la, ;]"), Some(vec!["ls".to_owned(), "-la".to_owned()]));
    }

    #[test]
    fn an_argument_is_found_that_fits() {
        assert_eq!(found("  - [cat, { regex: '^\\w+\\.md$' }, ;]").unwrap(), ["cat", "README.md"]);
        assert_eq!(found("  - [head, -n, { regex: '^\\d+$' }, ;]").unwrap(), ["head", "-n", "1"]);
    }

    #[test]
    fn nothing_is_shown_that_would_be_refused() {
        assert_eq!(found("  - [cat, { regex: '^x{5}$' }, ;]"), None);
        assert_eq!(found("  - [psql, -U, $USER, ;]"), None);
        assert_eq!(found(""), None);
    }
}
