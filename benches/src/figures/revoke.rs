//! Revoking a token on a cluster, until it is dead everywhere, beside one commit of the same server.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::figure::{Figure, Goal, Line};
use crate::load::{Client, delete_request, post_request};
use crate::pairs::{Pairs, alternate, median};
use crate::servers::cluster::{Cluster, Postgres};
use crate::site::Site;

const GATEWAYS: usize = 3;

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let what = format!(
        "DELETE /api/v1/tokens/ID at one of {GATEWAYS} gateways on one PostgreSQL database, answered when the token is dead at \
         all of them, which is tried; beside the commit of one row by a client of the same server. Medians, one after the other"
    );
    let Some(postgres) = Postgres::of(site) else {
        let missing = format!("{what}. Not measured: no PostgreSQL server was given with --postgres");
        return Ok(Figure { name: "revoke", what: missing, lines: Vec::new() });
    };
    let cluster = Cluster::start(site, &postgres, GATEWAYS)?;
    let commits = postgres.commits(site)?;
    let slice = site.plan.slice;
    let revokes = |_: &mut Site| {
        let mut times = Vec::new();
        let mut callers = Callers::connect(&cluster)?;
        let begun = Instant::now();
        while begun.elapsed() < slice {
            times.push(callers.revoke_one(&cluster)?);
        }
        Ok(median(times.into_iter()))
    };
    let commit = |site: &mut Site| {
        let (mut times, begun) = (Vec::new(), Instant::now());
        site.runtime.block_on(async {
            while begun.elapsed() < slice {
                let before = Instant::now();
                commits.one(i64::try_from(times.len())?).await?;
                times.push(before.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(())
        })?;
        Ok(median(times.into_iter()))
    };
    let pairs = alternate(site.plan.pairs, site, revokes, commit)?;
    let line =
        Line::compared("revoke, dead everywhere / commit", "ms", &Pairs::of(pairs), Goal::RatioAtMost(3.0));
    Ok(Figure { name: "revoke", what, lines: vec![line] })
}

/// A connection to each gateway.
struct Callers(Vec<Client>);

impl Callers {
    fn connect(cluster: &Cluster) -> anyhow::Result<Self> {
        let connect = cluster.gateways.iter().map(|gateway| Client::connect(gateway.address));
        Ok(Self(connect.collect::<Result<_, _>>()?))
    }

    /// Makes a token, revokes it, and tries it everywhere; yields the milliseconds that the revocation took.
    fn revoke_one(&mut self, cluster: &Cluster) -> anyhow::Result<f64> {
        let Self(clients) = self;
        let first = clients.first_mut().context("no gateway")?;
        let made = first.send(&post_request(
            "/api/v1/tokens",
            cluster.admin(),
            r#"{"name":"bench","scope":"read"}"#,
        ))?;
        ensure!(made.status == 201, "a create is answered {}", made.status);
        let made: Value = serde_json::from_slice(&made.body)?;
        let text = |name: &str| made.pointer(name).and_then(Value::as_str).context("a token without it");
        let (id, value) = (text("/data/id")?, text("/data/token")?);
        let request = delete_request(&format!("/api/v1/tokens/{id}"), cluster.admin());
        let begun = Instant::now();
        let revoked = first.send(&request)?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(revoked.status == 200, "a revocation is answered {}", revoked.status);
        for client in clients {
            let status = client.get("/api/v1/tokens/self", value)?.status;
            ensure!(status == 401, "a revoked token is answered {status}");
        }
        Ok(took)
    }
}
