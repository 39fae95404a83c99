// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Two histories, once seen, are kept whole: both checkpoints, or what was sent and answered, word for word.

use kbox_proof::digest::Sha256Digest;
use kbox_proof::ledger::{Ledger, LedgerError, RecordBatch};
use kbox_proof::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// Where it is kept, each under the digest of its bytes.
pub(crate) const SPLIT_VIEWS: &str = "server/split-view/";
/// Of one log, or of one witness: one is enough to prove it. Whoever makes ever more of them must neither fill the disk nor take the
/// place of another's.
const MAX_SPLIT_VIEWS: usize = 16;

/// What was seen.
#[derive(Debug, Serialize)]
#[serde(tag = "seen_by", rename_all = "snake_case")]
pub(crate) enum SplitView<'a> {
    /// By this server as a witness: two checkpoints of one size, both signed by the log.
    Witness {
        origin: &'a str,
        size: u64,
        cosigned: &'a str,
        other: &'a str,
    },
    /// By a witness of this log, which holds another tree of it.
    Log {
        witness: &'a str,
        size: u64,
        request: &'a str,
        answer: &'a str,
    },
}

/// As it was kept.
#[derive(Deserialize)]
#[serde(tag = "seen_by", rename_all = "snake_case")]
enum Kept {
    Witness {
        origin: String,
        cosigned: String,
        other: String,
    },
    Log {
        witness: String,
    },
}

/// What the log signed: anybody may add signature lines to a checkpoint, and nothing is new for it.
fn text(checkpoint: &str) -> &str {
    checkpoint
        .rsplit_once("\n\n")
        .map_or(checkpoint, |(text, _)| text)
}

impl SplitView<'_> {
    fn is_by_the_same(&self, kept: &Kept) -> bool {
        match (self, kept) {
            (Self::Witness { origin, .. }, Kept::Witness { origin: kept, .. })
            | (
                Self::Log {
                    witness: origin, ..
                },
                Kept::Log { witness: kept },
            ) => origin == kept,
            _ => false,
        }
    }

    fn is_the_same(&self, kept: &Kept) -> bool {
        let Self::Witness {
            cosigned, other, ..
        } = self
        else {
            return false;
        };
        match kept {
            Kept::Witness {
                cosigned: kept_cosigned,
                other: kept_other,
                ..
            } => text(cosigned) == text(kept_cosigned) && text(other) == text(kept_other),
            Kept::Log { .. } => false,
        }
    }
}

/// Keeps it, durably: the digest under which it lies, and whether it is new.
pub(crate) fn keep(
    ledger: &Ledger,
    seen: &SplitView<'_>,
) -> Result<(Sha256Digest, bool), LedgerError> {
    // Strings and numbers: serde_json has no way to fail on them.
    let json = serde_json::to_vec_pretty(seen).unwrap_or_default();
    let digest = Sha256Digest::of(&json);
    let key = format!("{SPLIT_VIEWS}{digest}");
    let store = ledger.store();
    if store.get(key.as_bytes())?.is_some() {
        return Ok((digest, false));
    }
    let mut by_the_same = 0;
    for (_, bytes) in split_views(store.as_ref())? {
        let kept = serde_json::from_slice(&bytes).map_err(|_| StoreError::Damaged {
            what: "the evidence of two histories",
        })?;
        by_the_same += usize::from(seen.is_by_the_same(&kept));
        if by_the_same == MAX_SPLIT_VIEWS || seen.is_the_same(&kept) {
            return Ok((digest, false));
        }
    }
    let mut records = RecordBatch::new();
    records.put(key, json);
    ledger.record(Vec::new(), records)?;
    Ok((digest, true))
}

/// All that were kept, by name.
pub(crate) fn split_views(store: &dyn Store) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
    store.scan(SPLIT_VIEWS.as_bytes())
}
