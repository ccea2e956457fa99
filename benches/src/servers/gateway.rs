//! The real gateway: its data directory, and its process.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection as Database;
use toolfront_api::{CreateEnvironment, InlineFile};
use toolfront_app::BlobDigest;
use toolfront_client::{ApiClient, Connection, GatewayUrl};
use toolfront_store::{
    AccessEvent, Attribution, Change, ChangeSink, Decision, RequestGroup, Store, StorePlace,
};
use toolfront_token::{OrgId, TokenSecret};

use super::bare_http::LISTENING;
use crate::figures::audit::{ENVIRONMENTS, TOKENS};
use crate::load::Client;
use crate::machine::{Core, Pinning, Process, cpu_seconds, output, resident_bytes};
use crate::values;

/// A data directory that was set up.
#[derive(Debug)]
pub(crate) struct Home {
    binary: PathBuf,
    pinning: Pinning,
    data: PathBuf,
    admin: TokenSecret,
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) first_answer: Duration,
}

impl Home {
    pub(crate) fn init(binary: &Path, pinning: Pinning, directory: &Path) -> anyhow::Result<Self> {
        let data = directory.join("data");
        let mut command = pinning.command(binary, Core::Any);
        let value = output(command.args(["gateway", "init", "--data-dir"]).arg(&data))?;
        let admin = TokenSecret::parse(value.trim()).context("`gateway init` printed no token")?;
        Ok(Self { binary: binary.to_owned(), pinning, data, admin })
    }

    /// The administrator's value.
    pub(crate) fn admin(&self) -> &str {
        self.admin.reveal()
    }

    /// Puts tokens straight into the tables.
    pub(crate) fn fill(&self, tokens: u32) -> anyhow::Result<()> {
        let mut database = Database::open(self.data.join("toolfront.db"))?;
        database.pragma_update(None, "cache_size", -500_000)?;
        let (admin, organization): (i64, i64) =
            database.query_row("SELECT id, organization_id FROM tokens", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let transaction = database.transaction()?;
        {
            let mut token = transaction.prepare(
                "INSERT INTO tokens (id, organization_id, name, created_at, created_by, generation)
                 VALUES (?1, ?2, ?3, ?4, ?5, 1)",
            )?;
            let mut generation = transaction.prepare(
                "INSERT INTO token_generations
                    (token_id, number, digest, hint, issued_at, scope, all_environments)
                 VALUES (?1, 1, ?2, ?3, ?4, 'execute', ?5)",
            )?;
            let mut environment = transaction.prepare(
                "INSERT INTO generation_environments (token_id, number, environment_id) VALUES (?1, 1, ?2)",
            )?;
            for number in 0..tokens {
                let id = values::id(number).context("too many tokens")?.bits().cast_signed();
                let made_at = values::MADE_AT.micros() + i64::from(number);
                let (secret, only) = (values::secret(number)?, values::environments(number));
                token.execute((id, organization, format!("token number {number}"), made_at, admin))?;
                let (digest, hint) = (secret.digest(), secret.hint());
                generation.execute((id, digest.as_bytes(), hint.as_str(), made_at, only.is_none()))?;
                for known in only.into_iter().flatten() {
                    environment.execute((id, known.bits().cast_signed()))?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// A copy of it, which nothing may use in the meantime, in a directory of its own.
    pub(crate) fn copy_to(&self, directory: &Path) -> anyhow::Result<Self> {
        let mut command = self.pinning.command(Path::new("cp"), Core::Any);
        output(command.arg("-a").arg(&self.data).arg(directory))?;
        let (binary, data) = (self.binary.clone(), directory.join("data"));
        Ok(Self { binary, pinning: self.pinning, data, admin: TokenSecret::parse(self.admin())? })
    }

    /// Has the events of these numbers in the audit log, a millisecond apart: as the gateway has those of reads, by the store's
    /// own code, 5,000 to a commit.
    pub(crate) fn fill_log(&self, events: Range<u32>) -> anyhow::Result<()> {
        let (store, _) = Store::open(&StorePlace::embedded(&self.data), Arc::new(Nobody), values::MADE_AT)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let organization = runtime.block_on(store.organizations())?;
        let organization = organization.first().context("no organization")?.id;
        for first in events.clone().step_by(5_000) {
            let some = first..events.end.min(first.saturating_add(5_000));
            let groups = some.map(|number| group(number, organization)).collect::<anyhow::Result<_>>()?;
            runtime.block_on(store.record_requests(Arc::new(groups), Vec::new()))?;
        }
        store.close();
        Ok(())
    }

    /// Starts the gateway, and returns when it has answered once.
    pub(crate) fn start(&self, core: Core) -> anyhow::Result<Server> {
        self.start_configured(core, "")
    }

    /// The same with a configuration file that says this.
    pub(crate) fn start_configured(&self, core: Core, configuration: &str) -> anyhow::Result<Server> {
        let file = self.data.with_extension("toml");
        std::fs::write(&file, configuration)?;
        let mut command = self.pinning.command(&self.binary, core);
        command.args(["gateway", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&self.data);
        command.arg("--config").arg(&file);
        // One line a request on a terminal is not what is to be measured.
        command.env("TOOLFRONT_LOG", "warn");
        Server::start(command)
    }

    /// The management API as the administrator.
    pub(crate) fn client(&self, at: SocketAddr) -> anyhow::Result<ApiClient> {
        let connection = Connection::new(GatewayUrl::parse(&format!("http://{at}"))?);
        Ok(ApiClient::new(&connection.with_key(TokenSecret::parse(self.admin())?))?)
    }
}

/// Keeps nothing in memory.
struct Nobody;

impl ChangeSink for Nobody {
    fn apply(&self, _: &Change) {}
}

/// A read as it stands in the log.
fn group(number: u32, organization: OrgId) -> anyhow::Result<RequestGroup> {
    let at = values::MADE_AT.plus(Duration::from_millis(u64::from(number)));
    let by = Attribution {
        token: Some(values::log_token(number % TOKENS)?),
        generation: Some(1),
        address: Some(Ipv4Addr::LOCALHOST.into()),
        user_agent: Some("bench/1".to_owned()),
        ..Attribution::host(organization)
    };
    let event = AccessEvent::PageRead { release: Some(1), page: "README.md".into(), status: 200 };
    let environment = Some(values::log_environment(number % ENVIRONMENTS)?);
    let (decision, requests) = (Decision::Allowed, vec![u64::from(number)]);
    Ok(RequestGroup {
        by,
        environment,
        decision,
        event,
        first: at,
        last: at,
        count: 1,
        uses: 0,
        bytes: 900,
        requests,
    })
}

impl Server {
    /// Starts a server that says where it listens, and asks it for an answer.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut process = Process(command.spawn()?);
        let stderr = process.0.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = lines.next().with_context(|| format!("it ended: {}", said.join(" | ")))??;
            if let Some(rest) = line.strip_prefix(LISTENING) {
                break rest.split(',').next().unwrap_or_default().parse()?;
            }
            said.push(line);
        };
        let status = Client::connect(address)?.get("/healthz", "")?.status;
        let first_answer = begun.elapsed();
        ensure!(status == 200, "its first answer is {status}");
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, address, first_answer })
    }

    /// The processor time that it has had.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.process.0.id())
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<f64> {
        resident_bytes(Some(self.process.0.id()))
    }
}

/// Deploys one page, as a new environment.
pub(crate) async fn deploy(
    client: &ApiClient,
    name: &str,
    page: &str,
    visibility: &str,
) -> anyhow::Result<()> {
    let file = InlineFile {
        path: "README.md".to_owned(),
        content: STANDARD.encode(page),
        checksum: BlobDigest::of(page.as_bytes()).to_string(),
    };
    let new = CreateEnvironment {
        name: name.to_owned(),
        files: Some(vec![file]),
        visibility: Some(visibility.to_owned()),
        ..CreateEnvironment::default()
    };
    client.create_environment(&new).await?;
    Ok(())
}
