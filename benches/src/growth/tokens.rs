//! From ten tokens to a million.

use std::rc::Rc;

use super::series::{Ratios, Series};
use super::subject::{self, Question, Subject, page};
use crate::figures::get::TAKING_TURNS;
use crate::load::{Read, get_request};
use crate::machine::Core;
use crate::servers::gateway::{Home, deploy};
use crate::site::Site;
use crate::values::{self, Mixed};

const SIZES: [u32; 3] = [10, 10_000, 1_000_000];
const PATH: &str = "/e/docs/README.md";

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Series> {
    let sizes = subject::sizes(site, &SIZES)?;
    let mut subjects = Vec::new();
    for size in &sizes {
        let home = if *size == site.plan.tokens { site.crowded_home()? } else { filled(site, *size)? };
        let server = home.start(Core::Any)?;
        let client = home.client(server.address)?;
        site.runtime.block_on(deploy(&client, "docs", &page(1), "private"))?;
        subjects.push(Subject { home, path: PATH.to_owned(), in_turn: reads(*size, PATH)? });
    }
    // As many as there are at the smallest size, so that all answer the same.
    let list = |subject: &Subject| Some(get_request("/api/v1/tokens?limit=10", subject.home.admin()));
    let questions = [Question {
        panel: "List: the newest 10 tokens",
        name: "",
        ratios: Ratios::Shown,
        requests: subjects.iter().map(list).collect(),
    }];
    let curves = subject::measure(site, &subjects, &questions)?;
    Ok(Series { name: "tokens", title: "As tokens become more", axis: "tokens", sizes, curves })
}

/// A data directory with so many tokens.
pub(super) fn filled(site: &mut Site, tokens: u32) -> anyhow::Result<Rc<Home>> {
    let home = site.home("tokens")?;
    home.fill(tokens)?;
    Ok(Rc::new(home))
}

/// The page read with many of the tokens, or with all of them when they are fewer.
pub(super) fn reads(tokens: u32, path: &str) -> anyhow::Result<Vec<Read>> {
    let mut mixed = Mixed(1);
    let some: Vec<u32> = if tokens <= TAKING_TURNS {
        (0..tokens).collect()
    } else {
        (0..TAKING_TURNS).map(|_| mixed.below(tokens)).collect()
    };
    // The others are not for every environment.
    let of_all = some.into_iter().filter(|number| values::environments(*number).is_none());
    of_all
        .map(|number| Ok(Read { path: path.to_owned(), token: values::secret(number)?.reveal().to_owned() }))
        .collect()
}
