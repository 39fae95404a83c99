// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What does not keep an authority from signing, and should not wait.

use core::fmt;
use core::time::Duration;

use crate::time::Time;

/// TS 119 312 no longer lists shorter RSA keys for new signatures.
const LONG_RSA_BITS: usize = 3000;

/// A new certificate may take its CA weeks.
const ENDS_SOON: Duration = Duration::from_secs(30 * 86_400);

/// What the operator of an authority should see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorityWarning {
    /// The RSA key is shorter than those that TS 119 312 still lists.
    ShortRsaKey {
        /// Length of its modulus.
        bits: usize,
    },
    /// The certificate, its key's usage period or a certificate of the chain ends within 30 days.
    EndsSoon {
        /// The last second.
        not_after: Time,
        /// Whole days until then, 0 when past.
        days: u64,
    },
}

impl AuthorityWarning {
    pub(super) const fn of_rsa_key(bits: usize) -> Option<Self> {
        if bits < LONG_RSA_BITS {
            Some(Self::ShortRsaKey { bits })
        } else {
            None
        }
    }

    pub(super) fn of_end(not_after: Time, now: Time) -> Option<Self> {
        let seconds = not_after.unix_secs().saturating_sub(now.unix_secs()).max(0);
        let left = Duration::from_secs(seconds.unsigned_abs());
        (left <= ENDS_SOON).then_some(Self::EndsSoon {
            not_after,
            days: left.as_secs() / 86_400,
        })
    }
}

impl fmt::Display for AuthorityWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortRsaKey { bits } => write!(
                f,
                "its RSA key has {bits} bits; TS 119 312 no longer lists keys below {LONG_RSA_BITS}: take a longer one, or P-256"
            ),
            Self::EndsSoon { not_after, days } => write!(
                f,
                "its certificate or chain ends at {not_after}, in {days} days: renew it, tokens are refused afterwards"
            ),
        }
    }
}
