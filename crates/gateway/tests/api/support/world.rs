//! What there is, to be compared: a call that is refused must have changed nothing.

use std::fmt::Write;

use serde_json::Value;
use toolfront_token::{Entropy, EntropyFailed, TokenSecret};

use super::gateway::{Issued, TestGateway};

/// What every use changes.
const USES: [&str; 5] =
    ["usage_count", "usage_by_generation", "last_used_at", "last_used_ip", "last_used_user_agent"];

/// Gives other bytes at every call, the same in every run.
struct Counted(u64);

impl Entropy for Counted {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            *byte = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes()[1];
        }
        Ok(())
    }
}

/// A value that is well formed and belongs to no token.
pub(crate) fn unknown_value(number: u64) -> String {
    TokenSecret::mint(&mut Counted(number)).unwrap().reveal().to_owned()
}

/// The text with every byte of it percent-encoded.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02x}").unwrap();
        encoded
    })
}

impl TestGateway {
    /// A token's record, as the administrator sees it.
    pub(crate) async fn record(&self, token: &Issued) -> Value {
        self.as_admin("GET", &format!("/api/v1/tokens/{}", token.id)).send().await.data()
    }

    /// Every token and every environment, without what each use changes.
    pub(crate) async fn world(&self) -> Value {
        let all = "/api/v1/tokens?only_active=false&limit=1000";
        let mut tokens = self.as_admin("GET", all).send().await.data();
        for token in tokens.as_array_mut().unwrap() {
            for field in USES {
                token.as_object_mut().unwrap().remove(field);
            }
        }
        let environments = self.as_admin("GET", "/api/v1/environments").send().await.data();
        serde_json::json!({ "tokens": tokens, "environments": environments })
    }
}
