//! From an empty audit log to one of ten million events.

use std::rc::Rc;

use super::series::{Ratios, Series};
use super::subject::{self, Question, Subject, page};
use crate::load::get_request;
use crate::machine::Core;
use crate::servers::gateway::{Home, deploy};
use crate::site::Site;
use crate::values::{log_environment, log_token};

const SIZES: [u32; 5] = [0, 10_000, 100_000, 1_000_000, 10_000_000];

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Series> {
    let sizes = subject::sizes(site, &SIZES)?;
    let mut subjects: Vec<Subject> = Vec::new();
    let mut events = 0;
    for size in &sizes {
        let home = match subjects.last() {
            None => first(site)?,
            // Each goes on from a copy of the one before.
            Some(before) => before.home.copy_to(&site.directory("log")?)?,
        };
        home.fill_log(events..*size)?;
        events = *size;
        let path = "/e/docs/README.md".to_owned();
        subjects.push(Subject { home: Rc::new(home), path, in_turn: Vec::new() });
    }
    let ask = |filter: String| {
        let request = |(subject, size): (&Subject, &u32)| {
            // Without events there is no page of 100.
            let path = format!("/api/v1/audit?limit=100{filter}");
            (*size > 0).then(|| get_request(&path, subject.home.admin()))
        };
        subjects.iter().zip(&sizes).map(request).collect()
    };
    let question =
        |name, requests| Question { panel: "A page of 100 events", name, ratios: Ratios::Shown, requests };
    let questions = [
        question("the newest", ask(String::new())),
        question("of a token", ask(format!("&token={}", log_token(7)?))),
        question("of an app", ask(format!("&environment={}", log_environment(7)?))),
    ];
    let curves = subject::measure(site, &subjects, &questions)?;
    let title = "As the audit log becomes longer";
    Ok(Series { name: "log", title, axis: "events in the audit log", sizes, curves })
}

/// A data directory with an application.
fn first(site: &mut Site) -> anyhow::Result<Home> {
    let home = site.home("log")?;
    let server = home.start(Core::Any)?;
    site.runtime.block_on(deploy(&home.client(server.address)?, "docs", &page(1), "private"))?;
    Ok(home)
}
