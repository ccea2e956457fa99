//! What an application's pages are called.

use std::sync::Arc;

use toolfront_app::{FilePath, Page};
use toolfront_mcp::PageEntry;
use toolfront_token::{Permit, ReadPage};

use super::content::Content;
use super::entry::files;
use super::files::Files;
use super::release::Release;
use crate::gateway::Gateway;
use crate::memory::Environment;
use crate::problem::Refusal;

/// All pages of the release that an environment serves now, sorted by path. They are read the first time.
pub(super) async fn pages(
    gateway: &Gateway,
    _permit: &Permit<ReadPage>,
    environment: &Environment,
) -> Result<Arc<[PageEntry]>, Refusal> {
    let files = files(gateway, environment).await?;
    let release = Release::of(environment, gateway).await?;
    release.pages.get_or_try_init(|| read_all(&release, &files)).await.cloned()
}

async fn read_all(release: &Release, files: &Files) -> Result<Arc<[PageEntry]>, Refusal> {
    let mut pages = Vec::new();
    for file in release.manifest.iter().filter(|file| file.path.is_markdown()) {
        pages.push(entry(&file.path, &files.content(&file.path).await?));
    }
    Ok(pages.into())
}

fn entry(file: &FilePath, content: &Content) -> PageEntry {
    let page = match content {
        Content::Memory(content) => content.page(file).as_ref().ok(),
        Content::Disk { .. } => None,
    };
    PageEntry {
        path: file.to_string(),
        title: page.and_then(title),
        description: page.and_then(Page::description).map(str::to_owned),
        tools: page.map_or(0, |page| page.tools().len()),
    }
}

/// The front matter's title, or the first heading.
fn title(page: &Page) -> Option<String> {
    let heading = || page.body().lines().find_map(|line| line.strip_prefix("# ").map(str::trim));
    page.title().or_else(heading).map(str::to_owned)
}
