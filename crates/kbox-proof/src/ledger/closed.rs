// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Older logs of the same operator that a log goes on for: closed, read, and written to by erasures alone.
//!
//! A collectivité's ranks and digests, request ids and references go on from the one to the next, as if it were one log.

use alloc::sync::Arc;
use core::fmt;

use super::receipts;
use super::seal::LogKeys;
use super::{LedgerError, Upgrade, load, marks};
use crate::digest::Sha256Digest;
use crate::event::{Collectivite, EventId, Origin, event_digest};
use crate::merkle::{LeafHash, LeafIndex};
use crate::receipt::Receipt;
use crate::store::{ChainEnd, Entry, Head, RequestId, Store, StoreError, StoredRequest};

/// A closed log, as the ledger is told of it.
#[derive(Clone)]
pub struct ClosedLog {
    /// Its name. Its checkpoints are signed by the key of the log that goes on.
    pub origin: Origin,
    /// Its entries.
    pub store: Arc<dyn Store>,
}

impl fmt::Debug for ClosedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedLog")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// A closed log whose edge was checked as an open one's is.
pub(super) struct Closed {
    pub(super) store: Arc<dyn Store>,
    keys: LogKeys,
    head: Head,
}

impl Closed {
    pub(super) fn open(log: ClosedLog, keys: &LogKeys) -> Result<Self, LedgerError> {
        let keys = keys.of(&log.origin)?;
        let head = log.store.head()?.ok_or(StoreError::Damaged {
            what: "the head of a closed log",
        })?;
        load(log.store.as_ref(), &keys, head.clone())?;
        Ok(Self {
            store: log.store,
            keys,
            head,
        })
    }

    pub(super) const fn head(&self) -> &Head {
        &self.head
    }

    /// What a receipt grew by until the log was closed.
    pub(super) fn upgrade(&self, index: LeafIndex) -> Result<(Entry, Upgrade), LedgerError> {
        let store = self.store.as_ref();
        let entry = receipts::stored(store, index)?;
        let head = &self.head;
        let newest = (head.size, head.root, head.checkpoint.as_str());
        let upgrade = marks::upgrade(store, &self.keys, &entry, newest)?;
        Ok((entry, upgrade))
    }

    pub(super) fn receipt(&self, index: LeafIndex) -> Result<Receipt, LedgerError> {
        let (entry, upgrade) = self.upgrade(index)?;
        receipts::upgraded(self.store.as_ref(), entry, upgrade)
    }
}

/// All of them, the newest first: what an older one has the newer ones do not.
pub(super) struct Earlier(pub(super) alloc::vec::Vec<Closed>);

impl Earlier {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first answer of one of them.
    fn first<T>(
        &self,
        mut ask: impl FnMut(&dyn Store) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<(&Closed, T)>, StoreError> {
        for closed in &self.0 {
            if let Some(answer) = ask(closed.store.as_ref())? {
                return Ok(Some((closed, answer)));
            }
        }
        Ok(None)
    }

    pub(super) fn find(
        &self,
        collectivite: &Collectivite,
        request_id: &RequestId,
    ) -> Result<Option<(usize, StoredRequest)>, StoreError> {
        for (number, closed) in self.0.iter().enumerate() {
            if let Some(found) = closed.store.find(collectivite, request_id)? {
                return Ok(Some((number, found)));
            }
        }
        Ok(None)
    }

    pub(super) fn chain_end(
        &self,
        collectivite: &Collectivite,
    ) -> Result<Option<(&Closed, ChainEnd)>, StoreError> {
        self.first(|store| store.chain_end(collectivite))
    }

    pub(super) fn of_event(
        &self,
        id: &EventId,
    ) -> Result<Option<(&Closed, LeafIndex)>, StoreError> {
        self.first(|store| store.index_of_event(id))
    }

    pub(super) fn of_leaf(
        &self,
        leaf: &LeafHash,
    ) -> Result<Option<(&Closed, LeafIndex)>, StoreError> {
        self.first(|store| store.index_of_leaf(leaf))
    }

    pub(super) fn of_rank(
        &self,
        collectivite: &Collectivite,
        rank: u64,
    ) -> Result<Option<(&Closed, LeafIndex)>, StoreError> {
        self.first(|store| store.index_of_rank(collectivite, rank))
    }

    /// The event with this digest, and whose it is.
    pub(super) fn event(
        &self,
        digest: &Sha256Digest,
    ) -> Result<Option<(Collectivite, alloc::vec::Vec<u8>)>, StoreError> {
        let Some((closed, index)) = self.first(|store| store.index_of_digest(digest))? else {
            return Ok(None);
        };
        closed.store.event(index)
    }
}

/// What an older log holds that a newer one builds on, for [`fsck`](super::fsck).
pub(super) fn entry_of_digest(
    stores: &[Arc<dyn Store>],
    digest: &Sha256Digest,
) -> Result<Option<Entry>, StoreError> {
    for store in stores {
        if let Some(index) = store.index_of_digest(digest)? {
            let entry = store.entry(index)?;
            return Ok(entry.filter(|entry| event_digest(&entry.event) == *digest));
        }
    }
    Ok(None)
}
