// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Renewal: a later token over the very bytes of an earlier one proves that it existed before its own certificates or
//! algorithms ended (RFC 4998 §5.2, without its EvidenceRecord).

use alloc::vec::Vec;
use core::fmt;

use super::super::algorithm::HashAlgorithm;
use super::super::token::TimeStampToken;
use super::super::tst_info::MessageImprint;
use super::{ChainTime, TokenTrust, TspRejection, VerifiedTimeStamp, verify_token};
use crate::time::Time;

/// A token, and the bytes in which it is kept: its own, or those of the whole response.
#[derive(Clone, Copy, Debug)]
pub struct StoredToken<'a> {
    /// The token.
    pub token: &'a TimeStampToken,
    /// The file that holds it.
    pub bytes: &'a [u8],
}

/// Which token of a chain of renewals is not accepted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalRejection {
    /// 0 for the oldest, then each renewal in turn.
    pub index: usize,
    /// Why.
    pub rejection: TspRejection,
    /// By when the token over it proves that it existed, and so when it was judged; `None` for the newest, which is judged at
    /// [`TokenTrust::chain_time`].
    pub renewed_at: Option<Time>,
}

impl RenewalRejection {
    /// Nothing was disproven. Anybody can make a false renewal of a good token: whatever is wrong with one tells nothing against
    /// the token below it.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.index > 0 || self.rejection.is_undecided()
    }
}

impl fmt::Display for RenewalRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => self.rejection.fmt(f),
            index => write!(f, "renewal {index}: {}", self.rejection),
        }
    }
}

impl core::error::Error for RenewalRejection {}

/// Checks `oldest` over `imprint`, and each of `renewals`, in their order in time, over the one before it.
///
/// The newest is judged at `trust.chain_time`; each other at the latest instant that the one over it allows. `trust.policies`
/// is asked of all: what an older token proves rests on the newer one. The result is in the order given.
///
/// # Errors
/// [`RenewalRejection`], of the newest that is not accepted.
pub fn verify_renewed_token(
    oldest: StoredToken<'_>,
    renewals: &[StoredToken<'_>],
    imprint: &MessageImprint,
    trust: &TokenTrust<'_>,
) -> Result<Vec<VerifiedTimeStamp>, RenewalRejection> {
    let mut chain_time = trust.chain_time;
    let mut newer: Option<VerifiedTimeStamp> = None;
    let mut renewed_at = None;
    let mut verified = Vec::new();
    for index in (0..=renewals.len()).rev() {
        let nth = |index: usize| match index.checked_sub(1) {
            None => Some(oldest),
            Some(renewal) => renewals.get(renewal).copied(),
        };
        let Some(stored) = nth(index) else { continue };
        let below = index.checked_sub(1).and_then(nth);
        let refused = |rejection| RenewalRejection {
            index,
            rejection,
            renewed_at,
        };
        let over = match below {
            None => imprint.clone(),
            Some(below) => {
                over(stored.token, below).ok_or_else(|| refused(TspRejection::RenewalMismatch))?
            }
        };
        let trust = TokenTrust {
            chain_time,
            ..*trust
        };
        let found = verify_token(stored.token, &over, &trust).map_err(refused)?;
        let (earliest, latest) = found.interval();
        if let Some(newer) = &newer
            && earliest > newer.interval().1
        {
            return Err(refused(TspRejection::RenewalOrder {
                earlier: found.gen_time(),
                later: newer.gen_time(),
            }));
        }
        renewed_at = Some(latest);
        chain_time = ChainTime::At(latest);
        verified.extend(newer.replace(found));
    }
    verified.extend(newer);
    verified.reverse();
    Ok(verified)
}

/// The imprint of the earlier token, or of the file it is in, that `later` is over.
fn over(later: &TimeStampToken, earlier: StoredToken<'_>) -> Option<MessageImprint> {
    let stamped = later.tst_info().message_imprint();
    // One that is unknown or too weak is refused for that, later.
    let hash = stamped.hash_algorithm().unwrap_or(HashAlgorithm::Sha256);
    let is_judged_later = stamped.hash_algorithm().is_none();
    [earlier.bytes, earlier.token.to_der()]
        .into_iter()
        .map(|bytes| MessageImprint::of(hash, bytes))
        .find(|imprint| is_judged_later || stamped.means_the_same_as(imprint))
}
