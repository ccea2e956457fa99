//! The brake on guessing: how many failed authentications an address has in a minute.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Counts failures by address; IPv6 addresses by their /64, of which one client has many. A request with a
/// valid token never meets it.
pub(crate) struct Brake {
    failures: DefaultKeyedRateLimiter<IpAddr>,
}

impl Brake {
    pub(crate) fn new(failures_per_minute: u32) -> Self {
        let quota = NonZeroU32::new(failures_per_minute).unwrap_or(NonZeroU32::MIN);
        Self { failures: RateLimiter::keyed(Quota::per_minute(quota)) }
    }

    /// Counts one failure.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn failed(&self, address: IpAddr) -> Result<(), Duration> {
        self.failures
            .check_key(&network(address))
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets addresses whose failures no longer count.
    pub(crate) fn forget_old(&self) {
        self.failures.retain_recent();
        self.failures.shrink_to_fit();
    }
}

impl std::fmt::Debug for Brake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Brake").field("addresses", &self.failures.len()).finish()
    }
}

pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}
