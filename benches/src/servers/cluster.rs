//! Several gateways on one PostgreSQL database.

use anyhow::Context as _;
use tokio_postgres::{Client, NoTls, Statement};
use toolfront_token::TokenSecret;

use super::gateway::Server;
use crate::machine::{Core, output};
use crate::site::Site;

/// Gateways that share a database.
pub(crate) struct Cluster {
    pub(crate) gateways: Vec<Server>,
    admin: TokenSecret,
}

/// The server that a database is made on.
pub(crate) struct Postgres {
    url: String,
}

/// A connection that commits one row at a time.
pub(crate) struct Commits {
    client: Client,
    insert: Statement,
}

impl Postgres {
    /// The server whose URL `scripts/bench` has given, if it has.
    pub(crate) fn of(site: &Site) -> Option<Self> {
        site.postgres.clone().map(|url| Self { url })
    }

    /// A new database on it; yields its URL.
    fn database(&self, site: &Site, name: &str) -> anyhow::Result<String> {
        let (before, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let (server, _) = before.rsplit_once('/').context("no database in the server's URL")?;
        site.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
            Ok(format!("{server}/{name}?{query}"))
        })
    }

    /// A connection that commits rows of its own beside the gateways.
    pub(crate) fn commits(&self, site: &Site) -> anyhow::Result<Commits> {
        site.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
            tokio::spawn(connection);
            client
                .batch_execute("DROP TABLE IF EXISTS commits; CREATE TABLE commits (id BIGINT, digest BYTEA)")
                .await?;
            let insert = client.prepare("INSERT INTO commits VALUES ($1, $2)").await?;
            Ok(Commits { client, insert })
        })
    }
}

impl Commits {
    /// Commits a row.
    pub(crate) async fn one(&self, number: i64) -> anyhow::Result<()> {
        self.client.execute(&self.insert, &[&number, &&[7_u8; 32][..]]).await?;
        Ok(())
    }
}

impl Cluster {
    /// So many gateways on a new database, set up, with one file of keys.
    pub(crate) fn start(site: &mut Site, postgres: &Postgres, gateways: usize) -> anyhow::Result<Self> {
        let url = postgres.database(site, "toolfront_bench")?;
        let directory = site.directory("cluster")?;
        let of = |name: &str, arguments: &[&str]| {
            let mut command = site.pinning.command(site.binary(), Core::Any);
            command.arg("gateway").args(arguments).arg("--data-dir").arg(directory.join(name));
            command.arg("--secrets-key").arg(directory.join("secrets.key"));
            command.env("TOOLFRONT_DATABASE_URL", &url).env("TOOLFRONT_LOG", "warn");
            command
        };
        let value = output(&mut of("first", &["init"]))?;
        let admin = TokenSecret::parse(value.trim()).context("`gateway init` printed no token")?;
        let start = |number| Server::start(of(&format!("gateway-{number}"), &["--listen", "127.0.0.1:0"]));
        let gateways = (0..gateways).map(start).collect::<Result<_, _>>()?;
        Ok(Self { gateways, admin })
    }

    /// The administrator's value.
    pub(crate) fn admin(&self) -> &str {
        self.admin.reveal()
    }
}
