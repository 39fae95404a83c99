// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Two histories, once seen, are kept whole: both checkpoints, or what was sent and answered, word for word.

use kbox_proof::digest::Sha256Digest;
use kbox_proof::ledger::{Ledger, LedgerError, RecordBatch};
use kbox_proof::store::{Store, StoreError};
use serde::Serialize;

/// Where it is kept, each under the digest of its bytes.
pub(crate) const SPLIT_VIEWS: &str = "server/split-view/";
/// One is enough to prove it; a log that signs ever more must not fill the disk.
const MAX_SPLIT_VIEWS: usize = 256;

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
    if store.get(key.as_bytes())?.is_some() || split_views(store.as_ref())?.len() >= MAX_SPLIT_VIEWS
    {
        return Ok((digest, false));
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
