//! Checking a value among many tokens, beside SHA-256 and one look-up.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use sha2::{Digest, Sha256};
use toolfront_gateway::measure::ValueCheck;
use toolfront_token::{EnvId, EnvRef, OrgId, Timestamp};

use crate::figure::{Figure, Goal, Line};
use crate::pairs::{Pairs, alternate};
use crate::site::Site;
use crate::values::{self, Mixed};

/// How many values are checked in a row. They lie side by side, so that reading them costs neither side anything.
const BATCH: u16 = 4096;
/// How many rows of them make one measurement.
const BATCHES: u32 = 60;

/// What is looked up, and in what.
struct World {
    check: ValueCheck,
    map: HashMap<[u8; 32], u32>,
    target: EnvRef,
    now: Timestamp,
    tokens: u32,
    mixed: Mixed,
}

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let tokens = site.plan.tokens;
    let mut world = World::new(tokens)?;
    let pairs = alternate(site.plan.pairs.max(5), &mut world, World::ours, World::other)?;
    let line =
        Line::compared(format!("one of {tokens} tokens"), "ns", &Pairs::of(pairs), Goal::RatioAtMost(1.5));
    Ok(Figure {
        name: "check",
        what: "checking a value: parse, checksum, digest, look-up, state, permit, at random on one thread; beside SHA-256 \
               of the value and a look-up in a std HashMap of as many digests"
            .to_owned(),
        lines: vec![line],
    })
}

impl World {
    fn new(tokens: u32) -> anyhow::Result<Self> {
        let organization = OrgId::from_bits(1).ok_or_else(|| anyhow::anyhow!("no such id"))?;
        let environment = EnvId::from_bits(7).ok_or_else(|| anyhow::anyhow!("no such id"))?;
        let check = ValueCheck::default();
        let mut map = HashMap::new();
        for number in 0..tokens {
            check.put(values::record(number, organization)?);
            map.insert(*values::secret(number)?.digest().as_bytes(), number);
        }
        let target = EnvRef { organization, environment };
        Ok(Self { check, map, target, now: values::MADE_AT, tokens, mixed: Mixed(3) })
    }

    /// Values of tokens at random. Those for two environments are left out: they would be refused.
    fn batch(&mut self) -> anyhow::Result<Vec<String>> {
        let mut batch = Vec::with_capacity(BATCH.into());
        while batch.len() < usize::from(BATCH) {
            let number = self.mixed.below(self.tokens);
            if values::environments(number).is_none() {
                batch.push(values::secret(number)?.reveal().to_owned());
            }
        }
        Ok(batch)
    }

    /// The time of a check in nanoseconds.
    fn timed(&mut self, check: impl Fn(&Self, &str) -> bool) -> anyhow::Result<f64> {
        let mut seconds = 0.0;
        for _ in 0..BATCHES {
            let batch = self.batch()?;
            let begun = Instant::now();
            let found = batch.iter().filter(|value| check(self, black_box(value))).count();
            seconds += begun.elapsed().as_secs_f64();
            ensure!(found == usize::from(BATCH), "of {BATCH} values {found} were let in");
        }
        Ok(seconds * 1e9 / (f64::from(BATCHES) * f64::from(BATCH)))
    }

    fn ours(&mut self) -> anyhow::Result<f64> {
        self.timed(|world, value| black_box(world.check.check(value, world.target, world.now)).is_some())
    }

    fn other(&mut self) -> anyhow::Result<f64> {
        self.timed(|world, value| {
            let digest: [u8; 32] = Sha256::digest(value.as_bytes()).into();
            black_box(world.map.get(&digest)).is_some()
        })
    }
}
