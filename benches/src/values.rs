//! Tokens by number: the same value for the same number, in every process.

use toolfront_token::{
    Actor, Entropy, EntropyFailed, EnvGrant, EnvId, Expiry, Generation, Grant, OrgId, Scope, Timestamp,
    TokenId, TokenName, TokenParts, TokenRecord, TokenSecret,
};

/// When the tokens were made.
pub(crate) const MADE_AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// The generator `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Mixed(pub(crate) u64);

impl Mixed {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap_or_default()
    }
}

impl Entropy for Mixed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = random;
            }
        }
        Ok(())
    }
}

/// The value of a token.
pub(crate) fn secret(number: u32) -> anyhow::Result<TokenSecret> {
    Ok(TokenSecret::mint(&mut Mixed(u64::from(number) << 20))?)
}

/// Its id; no two are the same.
pub(crate) fn id(number: u32) -> Option<TokenId> {
    TokenId::from_bits(2 + u64::from(number) * 1_000_000_007)
}

/// Which environments it is for: one of four is for two of a hundred, the others for all.
pub(crate) fn environments(number: u32) -> Option<[EnvId; 2]> {
    let env = |bits: u32| EnvId::from_bits(u64::from(bits));
    if number.is_multiple_of(4) { Some([env(1000 + number % 50)?, env(2000 + number % 50)?]) } else { None }
}

/// A token that events of a log are about.
pub(crate) fn log_token(number: u32) -> anyhow::Result<TokenId> {
    TokenId::from_bits(3 + u64::from(number) * 1_000_000_007)
        .ok_or_else(|| anyhow::anyhow!("too many tokens"))
}

/// An environment that events of a log are about.
pub(crate) fn log_environment(number: u32) -> anyhow::Result<EnvId> {
    EnvId::from_bits(u64::from(5_000 + number)).ok_or_else(|| anyhow::anyhow!("no such environment"))
}

/// Its record.
pub(crate) fn record(number: u32, organization: OrgId) -> anyhow::Result<TokenRecord> {
    let secret = secret(number)?;
    let environments = match environments(number) {
        Some(only) => EnvGrant::only(only)?,
        None => EnvGrant::All,
    };
    let parts = TokenParts {
        id: id(number).ok_or_else(|| anyhow::anyhow!("too many tokens"))?,
        organization,
        name: TokenName::parse(&format!("token number {number}"))?,
        created_at: MADE_AT,
        created_by: Actor::Setup,
        earlier: Vec::new(),
        newest: Generation {
            number: 1,
            digest: secret.digest(),
            hint: secret.hint(),
            issued_at: MADE_AT,
            grant: Grant { scope: Scope::Execute, environments, expiry: Expiry::Never },
            first_used_at: None,
            grace: None,
            ended_at: None,
        },
        revocation: None,
    };
    Ok(TokenRecord::restore(parts)?)
}
