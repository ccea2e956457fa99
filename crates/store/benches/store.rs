//! What the store costs: `cargo bench -p toolfront-store --bench store [-- --json] [--seconds N] [--tokens N]`.
//!
//! - Opening a directory with a million tokens, a quarter of them for two environments each, the records handed
//!   to a sink that drops them.
//! - Tokens issued per second by 32 callers at once, beside single-row commits of a bare connection with the same
//!   pragmas on the same disk, in interleaved pairs.
//! - A page of 100 tokens out of a million, beside one out of 100.
//!
//! The directories are made where `TMPDIR` says, and that matters: the second figure is made of the disk's flushes.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints what it measured")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use toolfront_store::{
    Attribution, Change, ChangeSink, Organization, Position, Store, StorePlace, TokenFilter, TokenPage,
};
use toolfront_token::{
    Authority, Entropy, EntropyFailed, EnvGrant, Expiry, Grant, ManageTokens, NewToken, NewValue, OrgId,
    Permit, Scope, Timestamp, TokenId, TokenName, TokenRecord, TokenSecret,
};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const CALLERS: usize = 32;
const PAIRS: u32 = 5;
const OPENINGS: usize = 5;
const PAGES: usize = 200;

/// Drops what it is handed, and counts it.
#[derive(Default)]
struct Counting(AtomicU64);

impl ChangeSink for Counting {
    fn apply(&self, _: &Change) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The generator `SplitMix64`.
struct Mixed(u64);

impl Mixed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Entropy for Mixed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

struct Figures {
    tokens: u32,
    opening: Vec<f64>,
    pairs: Vec<(f64, f64)>,
    page_of_many: f64,
    page_in_the_middle: f64,
    page_of_few: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, otherwise: u32| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(otherwise)
    };
    let tokens = number("--tokens", 1_000_000);
    let slice = Duration::from_secs(number("--seconds", 20).into()) / (2 * PAIRS);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();

    let many = tempfile::tempdir().unwrap();
    let many_permit = runtime.block_on(set_up(many.path()));
    fill(many.path(), tokens);
    let opening = (0..OPENINGS).map(|_| opening(many.path(), tokens)).collect();

    let few = tempfile::tempdir().unwrap();
    let few_permit = runtime.block_on(set_up(few.path()));
    fill(few.path(), 99);

    let (page_of_many, page_of_few, page_in_the_middle) = runtime.block_on(async {
        let (many, few) = (open(many.path()), open(few.path()));
        let middle = Position::Offset(u64::from(tokens / 2));
        let middle = page(&many, &many_permit, middle).await.next.unwrap();
        (
            page_time(&many, &many_permit, Position::Offset(0)).await,
            page_time(&few, &few_permit, Position::Offset(0)).await,
            page_time(&many, &many_permit, Position::Behind(middle)).await,
        )
    });

    let (issuing, bare) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let issuing_permit = runtime.block_on(set_up(issuing.path()));
    let (store, bare) = (open(issuing.path()), Bare::new(bare.path()));
    let authority = Authority::administrator(&issuing_permit).unwrap();
    let pairs = (0..PAIRS)
        .map(|pair| {
            if pair % 2 == 0 {
                let issued = runtime.block_on(issued_rate(&store, &authority, slice, pair));
                (issued, bare.rate(slice))
            } else {
                let bare = bare.rate(slice);
                (runtime.block_on(issued_rate(&store, &authority, slice, pair)), bare)
            }
        })
        .collect();

    let figures = Figures { tokens, opening, pairs, page_of_many, page_in_the_middle, page_of_few };
    if arguments.iter().any(|argument| argument == "--json") { figures.print_json() } else { figures.print() }
}

fn organization() -> OrgId {
    OrgId::from_bits(1).unwrap()
}

fn open(directory: &Path) -> Store {
    Store::open(&StorePlace::embedded(directory), Arc::new(Counting::default()), NOW).unwrap().0
}

async fn set_up(directory: &Path) -> Permit<ManageTokens> {
    let store = open(directory);
    let organization = Organization { id: organization(), name: "bench".to_owned() };
    let id = TokenId::from_bits(1).unwrap();
    let record = store.set_up(organization, id, new_token(), value(&mut Mixed(1)), NOW).await.unwrap();
    permit(&record)
}

fn permit(record: &TokenRecord) -> Permit<ManageTokens> {
    record.credentials()[0].1.activate(NOW).unwrap().authorize(organization()).unwrap()
}

fn new_token() -> NewToken {
    NewToken {
        organization: organization(),
        name: TokenName::parse("continuous integration").unwrap(),
        grant: Grant { scope: Scope::Admin, environments: EnvGrant::All, expiry: Expiry::Never },
    }
}

fn value(mixed: &mut Mixed) -> NewValue {
    NewValue::of(&TokenSecret::mint(mixed).unwrap())
}

/// Puts tokens straight into the tables.
fn fill(directory: &Path, tokens: u32) {
    let mut connection = Connection::open(directory.join("toolfront.db")).unwrap();
    connection.pragma_update(None, "cache_size", -500_000).unwrap();
    let transaction = connection.transaction().unwrap();
    let mut mixed = Mixed(2);
    {
        let mut token = transaction
            .prepare(
                "INSERT INTO tokens (id, organization_id, name, created_at, created_by, generation)
                 VALUES (?1, 1, ?2, ?3, 1, 1)",
            )
            .unwrap();
        let mut generation = transaction
            .prepare(
                "INSERT INTO token_generations
                    (token_id, number, digest, hint, issued_at, scope, all_environments)
                 VALUES (?1, 1, ?2, 'a1B2', ?3, 'execute', ?4)",
            )
            .unwrap();
        let mut environment = transaction
            .prepare(
                "INSERT INTO generation_environments (token_id, number, environment_id) VALUES (?1, 1, ?2)",
            )
            .unwrap();
        for number in 0..i64::from(tokens) {
            let id = 2 + number * 1_000_000_007;
            let created_at = NOW.micros() - 1_000_000 + number;
            let mut digest = [0_u8; 32];
            mixed.fill(&mut digest).unwrap();
            let all = number % 4 != 0;
            token.execute((id, format!("token number {number}"), created_at)).unwrap();
            generation.execute((id, digest, created_at, all)).unwrap();
            if !all {
                for known in [1_000 + number % 50, 2_000 + number % 50] {
                    environment.execute((id, known)).unwrap();
                }
            }
        }
    }
    transaction.commit().unwrap();
}

fn opening(directory: &Path, tokens: u32) -> f64 {
    let sink = Arc::new(Counting::default());
    let begun = Instant::now();
    let (store, summary) = Store::open(&StorePlace::embedded(directory), sink.clone(), NOW).unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(summary.tokens, u64::from(tokens) + 1);
    assert_eq!(sink.0.load(Ordering::Relaxed), summary.tokens);
    drop(store);
    took
}

async fn page(store: &Store, permit: &Permit<ManageTokens>, from: Position) -> TokenPage {
    let filter = TokenFilter {
        only_active: true,
        environment: None,
        expiring_before: None,
        unused_since: None,
        limit: 100,
        from,
    };
    let page = store.list_tokens(permit, filter, NOW).await.unwrap();
    assert_eq!(page.tokens.len(), 100);
    page
}

/// The median, in seconds.
async fn page_time(store: &Store, permit: &Permit<ManageTokens>, from: Position) -> f64 {
    let mut times = Vec::new();
    for _ in 0..PAGES {
        let begun = Instant::now();
        page(store, permit, from).await;
        times.push(begun.elapsed().as_secs_f64());
    }
    median(times)
}

async fn issued_rate(store: &Store, authority: &Authority, slice: Duration, round: u32) -> f64 {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (store, authority) = (store.clone(), authority.clone());
            let mut mixed = Mixed(u64::from(round) << 32 | u64::try_from(caller).unwrap() << 16 | 3);
            tokio::spawn(async move {
                let mut issued = 0_u32;
                while begun.elapsed() < slice {
                    let (id, value) = (TokenId::generate(&mut mixed).unwrap(), value(&mut mixed));
                    let by = Attribution::host(organization());
                    let authority = authority.clone();
                    store.issue_token(authority, id, new_token(), value, None, by, NOW).await.unwrap();
                    issued += 1;
                }
                issued
            })
        })
        .collect();
    let mut issued = 0;
    for task in tasks {
        issued += task.await.unwrap();
    }
    f64::from(issued) / begun.elapsed().as_secs_f64()
}

/// A connection with the store's pragmas, and one row a commit.
struct Bare(Connection, AtomicU32);

impl Bare {
    fn new(directory: &Path) -> Self {
        let connection = Connection::open(directory.join("bare.db")).unwrap();
        for (pragma, setting) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")] {
            connection.pragma_update(None, pragma, setting).unwrap();
        }
        connection.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, digest BLOB)").unwrap();
        Self(connection, AtomicU32::new(0))
    }

    fn rate(&self, slice: Duration) -> f64 {
        let begun = Instant::now();
        let mut insert = self.0.prepare("INSERT INTO rows (id, digest) VALUES (?1, ?2)").unwrap();
        let mut commits = 0_u32;
        while begun.elapsed() < slice {
            insert.execute((self.1.fetch_add(1, Ordering::Relaxed), [7_u8; 32])).unwrap();
            commits += 1;
        }
        f64::from(commits) / begun.elapsed().as_secs_f64()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Figures {
    fn rates(&self) -> (f64, f64, f64) {
        (
            median(self.pairs.iter().map(|pair| pair.0).collect()),
            median(self.pairs.iter().map(|pair| pair.1).collect()),
            median(self.pairs.iter().map(|pair| pair.0 / pair.1).collect()),
        )
    }

    fn print(&self) {
        let (issued, bare, ratio) = self.rates();
        let opening = median(self.opening.clone());
        println!("{:<52} {opening:>10.3} s", format!("opening with {} tokens", self.tokens));
        println!("{:<52} {issued:>10.0} /s", format!("tokens issued by {CALLERS} callers"));
        println!("{:<52} {bare:>10.0} /s", "single-row commits of a bare connection");
        println!("{:<52} {ratio:>10.2}", "ratio");
        println!("{:<52} {:>10.3} ms", "a page of 100 out of 100", self.page_of_few * 1e3);
        println!("{:<52} {:>10.3} ms", "the first page of 100 out of all", self.page_of_many * 1e3);
        println!(
            "{:<52} {:>10.3} ms",
            "a page of 100 behind the middle of all",
            self.page_in_the_middle * 1e3
        );
        println!("{:<52} {:>10.2}", "ratio, first page", self.page_of_many / self.page_of_few);
        println!("{:<52} {:>10.2}", "ratio, middle page", self.page_in_the_middle / self.page_of_few);
    }

    fn print_json(&self) {
        let (issued, bare, ratio) = self.rates();
        let figures = serde_json::json!({
            "tokens": self.tokens,
            "opening_seconds": median(self.opening.clone()),
            "opening_seconds_each": self.opening,
            "callers": CALLERS,
            "issued_per_second": issued,
            "bare_commits_per_second": bare,
            "issued_to_bare": ratio,
            "issued_and_bare_each": self.pairs,
            "page_of_100_seconds": self.page_of_few,
            "page_of_all_seconds": self.page_of_many,
            "page_in_the_middle_seconds": self.page_in_the_middle,
            "page_of_all_to_page_of_100": self.page_of_many / self.page_of_few,
        });
        println!("{figures}");
    }
}
