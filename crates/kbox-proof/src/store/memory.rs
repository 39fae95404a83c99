// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Census, ChainEnd, CommitBatch, CommitError, Entry, Head, Mark, MarkKind, RecordBatch, Records,
    RequestId, Store, StoreError, StoredRequest, chain_id,
};
use crate::digest::Sha256Digest;
use crate::event::{Collectivite, EventId};
use crate::merkle::{LeafHash, LeafIndex, Tile, TreeSize};

/// A store that forgets everything when it is dropped: for tests, and for looking at the library.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    head: Option<Head>,
    entries: Vec<Entry>,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    requests: BTreeMap<(Collectivite, RequestId), StoredRequest>,
    events: BTreeMap<EventId, LeafIndex>,
    digests: BTreeMap<Sha256Digest, LeafIndex>,
    leaves: BTreeMap<LeafHash, LeafIndex>,
    ranks: BTreeMap<(Collectivite, u64), LeafIndex>,
    ends: BTreeMap<Collectivite, ChainEnd>,
    chains: BTreeMap<Sha256Digest, Vec<Vec<u8>>>,
    checkpoints: BTreeMap<TreeSize, String>,
    marks: BTreeMap<(MarkKind, TreeSize, u64), Mark>,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Inner {
    fn entry(&self, index: LeafIndex) -> Option<&Entry> {
        self.entries.get(usize::try_from(index.get()).ok()?)
    }

    fn write(&mut self, records: &RecordBatch) {
        for (key, value) in &records.puts {
            self.records.insert(key.clone(), value.clone());
        }
        for key in &records.deletes {
            self.records.remove(key);
        }
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A commit changes the maps only after its checks, and no step of it can panic half way but for lack of memory.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner().records.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let inner = self.inner();
        let from = inner.records.range(prefix.to_vec()..);
        Ok(from
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl Store for MemoryStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.inner().head.clone())
    }

    fn commit(&self, batch: &CommitBatch, expected: Option<&Head>) -> Result<(), CommitError> {
        let mut inner = self.inner();
        let found = inner.head.as_ref();
        if found.map(|head| (head.size, head.root)) != expected.map(|head| (head.size, head.root)) {
            return Err(CommitError::Failed(StoreError::HeadChanged {
                expected: expected.map(|head| head.size),
                found: found.map(|head| head.size),
            }));
        }
        for new in &batch.entries {
            let entry = &new.entry;
            let index = entry.index;
            inner.requests.insert(
                (entry.collectivite.clone(), entry.request_id.clone()),
                StoredRequest {
                    index,
                    content: Some(new.content.clone()),
                },
            );
            inner.events.insert(entry.event_id, index);
            inner.digests.insert(new.event_digest, index);
            inner.leaves.insert(new.leaf_hash, index);
            inner
                .ranks
                .insert((entry.collectivite.clone(), entry.rank), index);
            let end = ChainEnd {
                rank: entry.rank,
                digest: new.event_digest,
            };
            inner.ends.insert(entry.collectivite.clone(), end);
            inner.entries.push(entry.clone());
        }
        for (tile, bytes) in &batch.tiles {
            inner
                .tiles
                .insert((tile.level(), tile.index()), bytes.clone());
        }
        if let Some(chain) = &batch.chain {
            inner.chains.insert(chain_id(chain), chain.clone());
        }
        for records in &batch.records {
            inner.write(records);
        }
        inner
            .checkpoints
            .insert(batch.head.size, batch.head.checkpoint.clone());
        inner.head = Some(batch.head.clone());
        Ok(())
    }

    fn read_tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let inner = self.inner();
        let bytes = inner.tiles.get(&(tile.level(), tile.index()));
        Ok(bytes
            .and_then(|bytes| bytes.get(..tile.byte_len()))
            .map(<[u8]>::to_vec))
    }

    fn read_entries(&self, first: LeafIndex, count: u16) -> Result<Vec<Vec<u8>>, StoreError> {
        let first = usize::try_from(first.get()).unwrap_or(usize::MAX);
        let inner = self.inner();
        let leaves = inner.entries.iter().skip(first).take(count.into());
        Ok(leaves.map(|entry| entry.leaf.clone()).collect())
    }

    fn entry(&self, index: LeafIndex) -> Result<Option<Entry>, StoreError> {
        Ok(self.inner().entry(index).cloned())
    }

    fn find(
        &self,
        collectivite: &Collectivite,
        request_id: &RequestId,
    ) -> Result<Option<StoredRequest>, StoreError> {
        let key = (collectivite.clone(), request_id.clone());
        Ok(self.inner().requests.get(&key).cloned())
    }

    fn index_of_event(&self, event_id: &EventId) -> Result<Option<LeafIndex>, StoreError> {
        Ok(self.inner().events.get(event_id).copied())
    }

    fn index_of_digest(&self, digest: &Sha256Digest) -> Result<Option<LeafIndex>, StoreError> {
        Ok(self.inner().digests.get(digest).copied())
    }

    fn index_of_leaf(&self, leaf: &LeafHash) -> Result<Option<LeafIndex>, StoreError> {
        Ok(self.inner().leaves.get(leaf).copied())
    }

    fn index_of_rank(
        &self,
        collectivite: &Collectivite,
        rank: u64,
    ) -> Result<Option<LeafIndex>, StoreError> {
        Ok(self
            .inner()
            .ranks
            .get(&(collectivite.clone(), rank))
            .copied())
    }

    fn chain_end(&self, collectivite: &Collectivite) -> Result<Option<ChainEnd>, StoreError> {
        Ok(self.inner().ends.get(collectivite).copied())
    }

    fn chain(&self, id: &Sha256Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        Ok(self.inner().chains.get(id).cloned())
    }

    fn checkpoint(&self, size: TreeSize) -> Result<Option<String>, StoreError> {
        Ok(self.inner().checkpoints.get(&size).cloned())
    }

    fn add_mark(
        &self,
        size: TreeSize,
        note: &str,
        token: Option<&[u8]>,
    ) -> Result<Mark, CommitError> {
        let mut mark = Mark {
            size,
            number: 0,
            note: note.into(),
            token: token.map(<[u8]>::to_vec),
        };
        let mut inner = self.inner();
        let same = inner
            .marks
            .range((mark.kind(), size, 0)..=(mark.kind(), size, u64::MAX));
        mark.number = same
            .last()
            .map_or(0, |((_, _, number), _)| number.saturating_add(1));
        inner
            .marks
            .insert((mark.kind(), size, mark.number), mark.clone());
        Ok(mark)
    }

    fn marks(
        &self,
        kind: MarkKind,
        (size, number): (TreeSize, u64),
        most: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        let inner = self.inner();
        let from = inner.marks.range((kind, size, number)..);
        let marks = from.take_while(|((found, _, _), _)| *found == kind);
        Ok(marks.take(most).map(|(_, mark)| mark.clone()).collect())
    }

    fn last_mark(&self, kind: MarkKind, largest: TreeSize) -> Result<Option<Mark>, StoreError> {
        let inner = self.inner();
        let none = (kind, TreeSize::new(0), 0);
        let mut marks = inner.marks.range(none..=(kind, largest, u64::MAX));
        Ok(marks.next_back().map(|(_, mark)| mark.clone()))
    }

    fn census(&self) -> Result<Census, StoreError> {
        let inner = self.inner();
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        let personal = inner
            .entries
            .iter()
            .filter(|entry| entry.personal.is_some());
        let marks = |kind| {
            count(
                inner
                    .marks
                    .values()
                    .filter(|mark| mark.kind() == kind)
                    .count(),
            )
        };
        Ok(Census {
            entries: count(inner.entries.len()),
            personal: count(personal.count()),
            event_ids: count(inner.events.len()),
            digests: count(inner.digests.len()),
            leaf_hashes: count(inner.leaves.len()),
            ranks: count(inner.ranks.len()),
            requests: count(inner.requests.len()),
            chain_ends: count(inner.ends.len()),
            chains: count(inner.chains.len()),
            tiles: count(inner.tiles.len()),
            checkpoints: count(inner.checkpoints.len()),
            marks: marks(MarkKind::Cosigned),
            anchors: marks(MarkKind::Anchored),
            unknown: 0,
        })
    }

    fn erase(&self, event_id: &EventId, records: &RecordBatch) -> Result<bool, CommitError> {
        let mut inner = self.inner();
        let Some(index) = inner.events.get(event_id).copied() else {
            return Ok(false);
        };
        let place = usize::try_from(index.get()).unwrap_or(usize::MAX);
        let Some(entry) = inner.entries.get_mut(place) else {
            return Ok(false);
        };
        entry.personal = None;
        let key = (entry.collectivite.clone(), entry.request_id.clone());
        inner.requests.insert(
            key,
            StoredRequest {
                index,
                content: None,
            },
        );
        inner.write(records);
        Ok(true)
    }

    fn scrub(&self, records: &RecordBatch) -> Result<(), CommitError> {
        self.inner().write(records);
        Ok(())
    }
}
