//! Creating tokens durably, beside single-row commits.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::figure::{Figure, Goal, Line};
use crate::load::{closed_loop, post_request};
use crate::machine::Core;
use crate::pairs::{Pairs, alternate};
use crate::site::Site;

const CALLERS: u32 = 32;

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let home = site.home("create")?;
    let gateway = home.start(Core::Any)?;
    let request = post_request("/api/v1/tokens", home.admin(), r#"{"name":"bench","scope":"execute"}"#);
    let (slice, directory) = (site.plan.slice, site.directory("commits")?);
    let commits = Commits::new(&directory)?;
    let pairs = alternate(
        site.plan.pairs,
        site,
        |_| closed_loop(gateway.address, CALLERS, slice, &request, 201),
        |_| commits.rate(slice),
    )?;
    Ok(Figure {
        name: "create",
        what: format!(
            "POST /api/v1/tokens by {CALLERS} callers at once, each on the disk when it is answered; beside commits of one \
             row by one connection with the same SQLite settings on the same disk"
        ),
        lines: vec![Line::compared("creates / commits", "/s", &Pairs::of(pairs), Goal::RatioAtLeast(4.0))],
    })
}

/// A connection with the store's settings.
struct Commits(Connection);

impl Commits {
    fn new(directory: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(directory.join("commits.db"))?;
        for (pragma, setting) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")] {
            connection.pragma_update(None, pragma, setting)?;
        }
        connection.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, digest BLOB) STRICT")?;
        Ok(Self(connection))
    }

    fn rate(&self, slice: Duration) -> anyhow::Result<f64> {
        let mut insert = self.0.prepare("INSERT INTO rows (digest) VALUES (?1)")?;
        let (begun, mut commits) = (Instant::now(), 0_u32);
        while begun.elapsed() < slice {
            insert.execute([[7_u8; 32]])?;
            commits += 1;
        }
        Ok(f64::from(commits) / begun.elapsed().as_secs_f64())
    }
}
