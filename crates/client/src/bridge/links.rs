//! The links of a page that lead to other pages of its application.

/// The pages that `source`, the page at `path`, links to, as paths from the application's top.
pub(super) fn pages(path: &str, source: &str) -> Vec<String> {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let targets = source.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
    targets.filter_map(|target| page(directory, target)).collect()
}

fn page(directory: &str, target: &str) -> Option<String> {
    let target = target.trim_matches(['<', '>']).split(['#', '?']).next()?;
    let is_page = target.len() > 3 && target.get(target.len() - 3..)?.eq_ignore_ascii_case(".md");
    if !is_page || target.contains(':') || target.contains('\\') || target.starts_with("//") {
        return None;
    }
    let (base, target) = target.strip_prefix('/').map_or((directory, target), |target| ("", target));
    let mut segments: Vec<&str> = base.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            segment => segments.push(segment),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_pages_are_taken_relative_to_their_page() {
        let source = "[a](a.md) and [b](../b.md#part), [c](/c/d.MD \"title\") ![e](e.png)\n\
                      [f](https://example.com/f.md) [g](../../../g.md) [h](<h.md>) [i](sub/i.md?raw)";
        assert_eq!(
            pages("guides/start.md", source),
            ["guides/a.md", "b.md", "c/d.MD", "guides/h.md", "guides/sub/i.md"]
        );
        assert!(pages("", "no links").is_empty());
    }
}
