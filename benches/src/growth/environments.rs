//! From one environment to ten thousand.

use std::rc::Rc;

use super::series::{Ratios, Series};
use super::subject::{self, Question, Subject, page};
use crate::load::{Read, get_request};
use crate::machine::Core;
use crate::servers::gateway::deploy;
use crate::site::Site;

const SIZES: [u32; 3] = [1, 100, 10_000];

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Series> {
    let sizes = subject::sizes(site, &SIZES)?;
    let mut subjects = Vec::new();
    for size in &sizes {
        let home = Rc::new(site.home("environments")?);
        let server = home.start(Core::Any)?;
        let client = home.client(server.address)?;
        site.runtime.block_on(async {
            for number in 0..*size {
                deploy(&client, &format!("docs-{number}"), &page(number), "private").await?;
            }
            anyhow::Ok(())
        })?;
        let path = |number: u32| format!("/e/docs-{number}/README.md");
        let read = |number| Read { path: path(number), token: home.admin().to_owned() };
        let in_turn = (0..*size).map(read).collect();
        subjects.push(Subject { path: path(size / 2), in_turn, home });
    }
    let ask = |path: fn(u32) -> String| {
        let request = |(subject, size): (&Subject, &u32)| get_request(&path(*size), subject.home.admin());
        subjects.iter().zip(&sizes).map(request).map(Some).collect()
    };
    let questions = [
        Question {
            panel: "One environment's record",
            name: "",
            ratios: Ratios::Shown,
            requests: ask(|size| format!("/api/v1/environments/docs-{}", size / 2)),
        },
        Question {
            panel: "List: all environments",
            name: "",
            ratios: Ratios::LeftOut,
            requests: ask(|_| "/api/v1/environments".to_owned()),
        },
    ];
    let curves = subject::measure(site, &subjects, &questions)?;
    let title = "As environments become more";
    Ok(Series { name: "environments", title, axis: "environments of one page", sizes, curves })
}
