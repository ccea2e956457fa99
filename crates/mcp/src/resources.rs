//! Pages as resources, and how many of them are told at once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{MetaObject, Resource, ResourceContents, ResourceTemplate};

use crate::application::{Content, PageEntry};
use crate::page_uri;

/// Under which name a resource's metadata say how many tools the page declares.
pub const TOOLS_KEY: &str = "toolfront/tools";
/// How many resources one answer lists.
pub(crate) const RESOURCES_MAX: usize = 500;

/// One page of the list: what follows `cursor`, which is a path; and the cursor of the next one.
pub(crate) fn listed(pages: &[PageEntry], cursor: Option<&str>) -> (Vec<Resource>, Option<String>) {
    let start = cursor.map_or(0, |cursor| pages.partition_point(|page| page.path.as_str() <= cursor));
    let rest = pages.get(start..).unwrap_or_default();
    let shown = rest.get(..RESOURCES_MAX).unwrap_or(rest);
    let next = (shown.len() < rest.len()).then(|| shown.last().map(|page| page.path.clone())).flatten();
    (shown.iter().map(resource).collect(), next)
}

fn resource(page: &PageEntry) -> Resource {
    let mut meta = MetaObject::new();
    meta.insert(TOOLS_KEY.to_owned(), page.tools.into());
    let resource = Resource::new(page_uri::of(&page.path), page.path.as_str())
        .with_mime_type("text/markdown")
        .with_meta(meta);
    let resource = match &page.title {
        Some(title) => resource.with_title(title),
        None => resource,
    };
    match &page.description {
        Some(description) => resource.with_description(description),
        None => resource,
    }
}

/// The template that all of them fit.
pub(crate) fn template() -> ResourceTemplate {
    ResourceTemplate::new(page_uri::TEMPLATE, "page")
        .with_title("A page or file")
        .with_description("A page or another file of the application, by its path")
}

/// What a resource holds: text where it is UTF-8.
pub(crate) fn contents(uri: &str, content: Content) -> ResourceContents {
    let media_type = content.media_type.as_deref().map(essence).map(str::to_owned);
    let contents = match String::from_utf8(content.bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(err) => ResourceContents::blob(STANDARD.encode(err.as_bytes()), uri),
    };
    match media_type {
        Some(media_type) => contents.with_mime_type(media_type),
        None => contents,
    }
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or(media_type).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_told_in_parts_that_miss_nothing() {
        let pages: Vec<_> = (0..1100)
            .map(|number| PageEntry {
                path: format!("{number:04}.md"),
                title: None,
                description: None,
                tools: 0,
            })
            .collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (resources, next) = listed(&pages, cursor.as_deref());
            seen.extend(resources.into_iter().map(|resource| resource.name));
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, pages.into_iter().map(|page| page.path).collect::<Vec<_>>());
    }
}
