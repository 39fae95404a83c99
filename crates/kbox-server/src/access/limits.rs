// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Rate limits: a bucket of tokens for each client address and budget.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a request is counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Budget {
    /// Reading, and pages: a whole town hall behind one address.
    Read,
    /// Public questions that cost a signature or a computation.
    Question,
    /// Showing a key in the browser.
    Login,
}

impl Budget {
    /// Requests a second in the long run, and at once.
    const fn rate(self) -> (f64, f64) {
        match self {
            Self::Read => (100.0, 1000.0),
            Self::Question => (20.0, 100.0),
            Self::Login => (0.2, 10.0),
        }
    }
}

/// A client: an IPv4 address, or the /64 that one IPv6 subscriber holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    V4([u8; 4]),
    V6([u8; 8]),
    /// All those beyond what the table holds share one bucket.
    Others,
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, (rate, most): (f64, f64), now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(most);
        self.at = now;
    }
}

/// At most this many clients are counted apart.
const MAX_CLIENTS: usize = 65_536;

/// All buckets.
#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<(Budget, Client), Bucket>>);

impl Limits {
    /// Counts one request, or says how long to wait.
    pub(crate) fn take(&self, budget: Budget, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let rate = budget.rate();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (budget, Client::from(from));
        if !buckets.contains_key(&key) && buckets.len() >= MAX_CLIENTS {
            buckets.retain(|(budget, _), bucket| {
                let rate = budget.rate();
                bucket.refill(rate, now);
                bucket.tokens < rate.1
            });
            if buckets.len() >= MAX_CLIENTS {
                key.1 = Client::Others;
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: rate.1,
            at: now,
        });
        bucket.refill(rate, now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate.0))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_client_that_asks_too_often_waits_and_others_do_not() {
        let limits = Limits::default();
        let now = Instant::now();
        let one = "192.0.2.1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(limits.take(Budget::Login, one, now), Ok(()));
        }
        let wait = limits.take(Budget::Login, one, now).unwrap_err();
        assert_eq!(
            limits.take(Budget::Login, "192.0.2.2".parse().unwrap(), now),
            Ok(())
        );
        assert_eq!(limits.take(Budget::Read, one, now), Ok(()));
        assert_eq!(limits.take(Budget::Login, one, now + wait), Ok(()));
    }

    #[test]
    fn one_ipv6_subscriber_is_one_client() {
        let limits = Limits::default();
        let now = Instant::now();
        for host in 0..10_u16 {
            let address = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
            assert_eq!(limits.take(Budget::Login, address, now), Ok(()));
        }
        let other = IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]);
        assert!(limits.take(Budget::Login, other, now).is_err());
    }

    #[test]
    fn the_table_stays_bounded_under_many_addresses() {
        let limits = Limits::default();
        let now = Instant::now();
        for number in 0..u32::try_from(MAX_CLIENTS).unwrap() + 100 {
            let _ = limits.take(Budget::Read, IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(limits.0.lock().unwrap().len() <= MAX_CLIENTS + 1);
    }
}
