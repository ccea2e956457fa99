//! An application somewhere else, as an MCP server that is here.

mod links;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use toolfront_api::{RunReply, RunRequest};
use toolfront_app::{FilePath, Page};
use toolfront_mcp::{Application, Content, FILE_BYTES_MAX, PageEntry, Refused};

use crate::application::ApplicationClient;
use crate::error::ClientError;

/// How many pages are looked at where the server lists none.
const FOLLOWED_MAX: usize = 200;

/// An application somewhere else, called with one token.
#[derive(Debug)]
pub struct Bridge {
    client: ApplicationClient,
    name: String,
    environment: BTreeMap<String, String>,
    may_run: bool,
}

impl Bridge {
    /// Looks whether the application is there and the token is good for it. `environment` is sent with every command,
    /// and wins over what a model gives.
    ///
    /// # Errors
    /// [`ClientError`] when it is not.
    pub async fn connect(
        client: ApplicationClient,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, ClientError> {
        client.read("", FILE_BYTES_MAX).await?;
        // A server that does not say is one without such tokens.
        let may_run = client.lists_commands().await?.unwrap_or(true);
        let name = client.url().name();
        Ok(Self { client, name, environment, may_run })
    }
}

impl ApplicationClient {
    /// All pages: those that the server lists, or, where it lists none, those that links lead to from the first one.
    ///
    /// # Errors
    /// [`ClientError`] when it can't be reached, or does not let the caller in.
    pub async fn listed_or_linked_pages(&self) -> Result<Vec<PageEntry>, ClientError> {
        match self.pages().await? {
            Some(pages) => Ok(pages),
            None => self.linked_pages().await,
        }
    }

    async fn linked_pages(&self) -> Result<Vec<PageEntry>, ClientError> {
        let mut pages = BTreeMap::new();
        let (mut seen, mut waiting) = (BTreeSet::new(), VecDeque::from([String::new()]));
        while let Some(path) = waiting.pop_front() {
            if pages.len() >= FOLLOWED_MAX {
                break;
            }
            let read = match self.read(&path, FILE_BYTES_MAX).await {
                Ok(read) => read,
                // A link that leads nowhere is no reason to list nothing.
                Err(error) if path.is_empty() || error.status().is_none() => return Err(error),
                Err(_) => continue,
            };
            let source = String::from_utf8_lossy(&read.bytes).into_owned();
            for target in links::pages(&path, &source) {
                if seen.insert(target.clone()) {
                    waiting.push_back(target);
                }
            }
            let path = if path.is_empty() { "README.md".to_owned() } else { path };
            seen.insert(path.clone());
            pages.insert(path.clone(), entry(path, &source));
        }
        Ok(pages.into_values().collect())
    }
}

fn entry(path: String, source: &str) -> PageEntry {
    let page = FilePath::parse(&path).ok().and_then(|file| Page::parse(&file, source).ok());
    let title = page.as_ref().and_then(|page| {
        let heading = || page.body().lines().find_map(|line| line.strip_prefix("# ").map(str::trim));
        page.title().or_else(heading).map(str::to_owned)
    });
    let description = page.as_ref().and_then(|page| page.description().map(str::to_owned));
    PageEntry { path, title, description, tools: page.map_or(0, |page| page.tools().len()) }
}

fn refused(error: &ClientError) -> Refused {
    match error {
        ClientError::Problem(problem) => Refused::from(problem.as_ref()),
        other => Refused::new(other.to_string()),
    }
}

impl Application for Bridge {
    fn name(&self) -> &str {
        &self.name
    }

    fn may_run(&self) -> bool {
        self.may_run
    }

    async fn pages(&self) -> Result<Vec<PageEntry>, Refused> {
        self.client.listed_or_linked_pages().await.map_err(|error| refused(&error))
    }

    async fn read(&self, path: &str) -> Result<Content, Refused> {
        let read = self.client.read(path, FILE_BYTES_MAX).await.map_err(|error| refused(&error))?;
        Ok(Content { bytes: read.bytes, media_type: read.media_type })
    }

    async fn run(&self, page: &str, mut request: RunRequest) -> Result<RunReply, Refused> {
        request.env.extend(self.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.client.run(page, &request).await.map_err(|error| refused(&error))
    }
}
