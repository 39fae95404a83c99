// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which of two tokens is the earlier, and whether one is of just now.

use core::cmp::Ordering;
use core::time::Duration;

use super::VerifiedTimeStamp;
use crate::time::Time;

/// Which of two tokens was made first, where they say (RFC 3161 §2.4.2): by genTime alone when one authority made both and
/// orders its tokens, otherwise only when their intervals are apart. `None`: they do not say.
#[must_use]
pub fn order(one: &VerifiedTimeStamp, other: &VerifiedTimeStamp) -> Option<Ordering> {
    let is_ordered = one.tst_info().ordering()
        && other.tst_info().ordering()
        && one.signer_certificate() == other.signer_certificate();
    if is_ordered {
        return Some(one.gen_time().cmp(&other.gen_time())).filter(|order| order.is_ne());
    }
    // Without a stated accuracy the interval may be of any width.
    if one.accuracy().is_none() || other.accuracy().is_none() {
        return None;
    }
    let ((earliest, latest), (other_earliest, other_latest)) = (one.interval(), other.interval());
    if latest < other_earliest {
        Some(Ordering::Less)
    } else if other_latest < earliest {
        Some(Ordering::Greater)
    } else {
        None
    }
}

/// How a token's time stands to a local clock (RFC 3161 §2.2: "verify the timeliness of the response").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
    /// Its interval reaches into the tolerance around the clock.
    Timely,
    /// It was made before that; it may be an old one sent again.
    Late {
        /// By how much.
        by: Duration,
    },
    /// It is dated after that; one of the two clocks is wrong.
    Early {
        /// By how much.
        by: Duration,
    },
}

impl VerifiedTimeStamp {
    /// Whether it can have been made within `tolerance` of `now`, a clock of the verifier's own. Where the request had a nonce,
    /// that the token has it too shows more.
    #[must_use]
    pub fn timeliness(&self, now: Time, tolerance: Duration) -> Timeliness {
        let (earliest, latest) = self.interval();
        let (from, to) = (now.saturating_sub(tolerance), now.saturating_add(tolerance));
        if latest < from {
            Timeliness::Late {
                by: from.saturating_since(latest),
            }
        } else if earliest > to {
            Timeliness::Early {
                by: earliest.saturating_since(to),
            }
        } else {
            Timeliness::Timely
        }
    }
}
