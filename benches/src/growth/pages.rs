//! From one page in an application to ten thousand.

use std::path::Path;
use std::rc::Rc;

use toolfront_client::{Deployment, Inspection, NoProgress};

use super::series::{Ratios, Series};
use super::subject::{self, Question, Subject, page};
use crate::load::{Read, post_request_with};
use crate::machine::Core;
use crate::site::Site;

const SIZES: [u32; 3] = [1, 1_000, 10_000];
/// The first part of all pages, as an MCP client asks for it.
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"resources/list","params":{"_meta":{
    "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const LIST_HEADERS: &str = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
    MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: resources/list\r\n";

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Series> {
    let sizes = subject::sizes(site, &SIZES)?;
    let mut subjects = Vec::new();
    for size in &sizes {
        let (directory, home) = (site.directory("application")?, Rc::new(site.home("pages")?));
        write(&directory, *size)?;
        let server = home.start(Core::Any)?;
        let client = home.client(server.address)?;
        site.runtime.block_on(async {
            let files = Inspection::of(&directory, false)?.deployable()?;
            Deployment::new(&files).deploy(&client, "docs", None, &mut NoProgress).await?;
            anyhow::Ok(())
        })?;
        let read =
            |number| Read { path: format!("/e/docs/{}", path(number)), token: home.admin().to_owned() };
        let in_turn = (0..*size).map(read).collect();
        subjects.push(Subject { path: "/e/docs/README.md".to_owned(), in_turn, home });
    }
    let list =
        |subject: &Subject| Some(post_request_with("/e/docs/mcp", subject.home.admin(), LIST_HEADERS, LIST));
    let questions = [Question {
        panel: "List: the first part of all pages",
        name: "",
        ratios: Ratios::LeftOut,
        requests: subjects.iter().map(list).collect(),
    }];
    let curves = subject::measure(site, &subjects, &questions)?;
    let title = "As an application's pages become more";
    Ok(Series { name: "pages", title, axis: "pages of the application", sizes, curves })
}

fn path(number: u32) -> String {
    if number == 0 { "README.md".to_owned() } else { format!("guide/{:02}/{number}.md", number % 100) }
}

fn write(directory: &Path, pages: u32) -> anyhow::Result<()> {
    for number in 0..pages {
        let file = directory.join(path(number));
        std::fs::create_dir_all(file.parent().unwrap_or(directory))?;
        std::fs::write(file, page(number))?;
    }
    Ok(())
}
