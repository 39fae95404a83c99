// SPDX-License-Identifier: Apache-2.0 OR MIT
//! RocksDB: one write-ahead log, synced once a commit.

use core::ops::Range;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Collectivite, EventId};
use kbox_proof::merkle::{LeafHash, LeafIndex, Tile, TreeSize};
use kbox_proof::store::{
    Census, ChainEnd, CommitBatch, CommitError, Entry, Head, Mark, MarkKind, RecordBatch, Records,
    RequestId, Store, StoreError, StoredRequest, chain_id, decode_chain, encode_chain,
};
use rocksdb::{DBPinnableSlice, Direction};

use crate::codec::{self, Family};
use crate::database::{Batch, Database, Opening};
use crate::directory::{Directory, NewBackup, check_room, check_whole};

const OPENING_ATTEMPTS: u32 = 5;
/// Copied in one write.
const COPY_BYTES: usize = 4 << 20;

/// What an entry's keys, and the rows that it is found by, add to its bytes.
const KEYS_BYTES: usize = 640;

const DAMAGED_ENTRY: StoreError = StoreError::Damaged {
    what: "an entry of the log",
};

/// A log in a directory.
pub struct RocksStore {
    // Before the directory: the database is closed first, then the lock is given back.
    db: Database,
    /// None: opened to be read alone.
    directory: Option<Directory>,
    /// What the next commit must continue; held while one is written.
    head: Mutex<Option<Head>>,
    /// Held while a mark gets its number.
    marking: Mutex<()>,
}

impl core::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RocksStore")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

fn mark(kind: MarkKind, key: &[u8], value: &[u8]) -> Result<Mark, StoreError> {
    codec::decode_mark(kind, key, value).ok_or(StoreError::Damaged {
        what: "a cosigned or anchored checkpoint",
    })
}

fn write_records(batch: &mut Batch<'_>, records: &RecordBatch) {
    for (key, value) in &records.puts {
        batch.put(codec::record_key(key), value);
    }
    for key in &records.deletes {
        batch.delete(codec::record_key(key));
    }
}

/// The rows by which entries are found, in one piece of memory: a commit has thousands of them.
struct FoundBy {
    bytes: Vec<u8>,
    rows: Vec<FoundByRow>,
}

/// Where a row lies, and how its key begins, which tells most of them apart.
struct FoundByRow {
    begins: u64,
    key: Range<usize>,
    value: Range<usize>,
}

impl FoundBy {
    /// With room for what they are found by.
    fn of_entries(entries: usize) -> Self {
        const ROWS: usize = 6;
        Self {
            bytes: Vec::with_capacity(entries.saturating_mul(KEYS_BYTES)),
            rows: Vec::with_capacity(entries.saturating_mul(ROWS)),
        }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut begins = [0; 8];
        for (to, from) in begins.iter_mut().zip(key) {
            *to = *from;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.rows.push(FoundByRow {
            begins: u64::from_be_bytes(begins),
            key: start..middle,
            value: middle..self.bytes.len(),
        });
    }

    fn at(&self, place: &Range<usize>) -> &[u8] {
        self.bytes.get(place.clone()).unwrap_or_default()
    }

    /// Key and value of each, by key.
    fn sorted(&mut self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rows = core::mem::take(&mut self.rows);
        rows.sort_unstable_by(|a, b| {
            let begins = a.begins.cmp(&b.begins);
            begins.then_with(|| self.at(&a.key).cmp(self.at(&b.key)))
        });
        rows.into_iter()
            .map(|row| (self.at(&row.key), self.at(&row.value)))
    }
}

/// About as many bytes as the rows of a commit take, without the service's records.
fn expected_bytes(commit: &CommitBatch) -> usize {
    let entries = commit.entries.iter().map(|new| {
        let personal = new.entry.personal.as_ref().map_or(0, Vec::len);
        new.entry.event.len() + new.entry.leaf.len() + personal + KEYS_BYTES
    });
    let tiles = commit.tiles.iter().map(|(_, bytes)| bytes.len());
    entries.chain(tiles).sum()
}

impl RocksStore {
    /// Opens the log in `path`, making it in a new or empty directory.
    ///
    /// # Errors
    /// [`StoreError::Held`] while another process has it open, [`StoreError::Version`], [`StoreError::NotData`],
    /// [`StoreError::Gone`], [`StoreError::Full`], [`StoreError::Directory`], or the engine's own.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let mut directory = Directory::take(path.as_ref())?;
        directory.check_room(0)?;
        let opening = if directory.is_new() {
            Opening::Any
        } else {
            check_whole(path.as_ref())?;
            Opening::Existing
        };
        let db = Database::open(&directory.database(), opening)?;
        if directory.is_new() && db.get(codec::HEAD)?.is_some() {
            return Err(directory.not_data());
        }
        directory.begun()?;
        Self::over(db, Some(directory))
    }

    /// Opens a backup, to destroy in it what the log has erased since. Commits to it are refused: an old log is not continued.
    ///
    /// # Errors
    /// [`StoreError::NotData`] when it is no backup, [`StoreError::Held`] while another process does this, or the engine's own.
    pub fn open_backup(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let directory = Directory::take_backup(path.as_ref())?;
        directory.check_room(0)?;
        let db = Database::open(&directory.database(), Opening::Existing)?;
        Self::over(db, Some(directory))
    }

    /// Opens the log in `path`, or in a backup of it, to be read as it is now: the process that writes it may go on, and
    /// what it writes from now on is not seen.
    ///
    /// # Errors
    /// [`StoreError::Directory`] when no log was begun there, [`StoreError::Version`], or the engine's own.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = Directory::to_read(path.as_ref())?;
        let mut attempts = 0;
        let db = loop {
            match Database::open_to_read(&database) {
                Ok(db) => break db,
                // The writer may have retired a table between the look at the manifest and the opening.
                Err(_) if attempts < OPENING_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        };
        Self::over(db, None)
    }

    fn over(db: Database, directory: Option<Directory>) -> Result<Self, StoreError> {
        let head = match db.get(codec::HEAD)? {
            None => None,
            Some(bytes) => Some(codec::decode_head(&bytes).ok_or(StoreError::Damaged {
                what: "the head of the log",
            })?),
        };
        Ok(Self {
            db,
            directory,
            head: Mutex::new(head),
            marking: Mutex::default(),
        })
    }

    fn directory(&self) -> Result<&Directory, CommitError> {
        self.directory
            .as_ref()
            .ok_or(CommitError::Refused(StoreError::ReadOnly))
    }

    /// Copies everything into a new backup in `path`, as it is at one moment, whoever goes on writing; its files are whole once this
    /// returns. What was erased is not in it. `progress` is told how many bytes were copied.
    ///
    /// # Errors
    /// [`StoreError::NotData`] when `path` holds something already, [`StoreError::Full`], or the engine's own.
    pub fn copy_to(
        &self,
        path: impl AsRef<Path>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        self.copy_some(path, &|_| true, progress)
    }

    /// As [`RocksStore::copy_to`], of the service's records only those whose key is wanted.
    ///
    /// # Errors
    /// As [`RocksStore::copy_to`].
    pub fn copy_some(
        &self,
        path: impl AsRef<Path>,
        wanted: &dyn Fn(&[u8]) -> bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let new = NewBackup::begin(path.as_ref())?;
        let copy = Database::open(&new.database(), Opening::New)?;
        let wanted = |key: &[u8]| codec::record_name(key).is_none_or(wanted);
        self.copy_rows(&copy, path.as_ref(), &wanted, progress)?;
        drop(copy);
        new.finish()
    }

    /// Takes over the service's records of another log that are wanted, into one that is not begun yet.
    ///
    /// # Errors
    /// [`StoreError::HeadChanged`] when it was begun, [`StoreError::Full`], or the engine's own.
    pub fn take_records(
        &self,
        from: &Self,
        wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let directory = self.directory.as_ref().ok_or(StoreError::ReadOnly)?;
        if let Some(head) = self.lock_head().as_ref() {
            return Err(StoreError::HeadChanged {
                expected: None,
                found: Some(head.size),
            });
        }
        let wanted = |key: &[u8]| codec::record_name(key).is_some_and(wanted);
        from.copy_rows(&self.db, &directory.database(), &wanted, &mut |_| ())
    }

    fn copy_rows(
        &self,
        copy: &Database,
        path: &Path,
        wanted: &dyn Fn(&[u8]) -> bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let mut batch = copy.batch()?;
        let mut copied = 0u64;
        self.db.for_each_row(|key, value| {
            if !wanted(key) {
                return Ok(());
            }
            batch.put(key, value);
            if batch.byte_len() >= COPY_BYTES {
                let bytes = u64::try_from(batch.byte_len()).unwrap_or(u64::MAX);
                check_room(path, bytes)?;
                // It is flushed below; a copy broken off is none.
                copy.write_unlogged(std::mem::replace(&mut batch, copy.batch()?))?;
                copied = copied.saturating_add(bytes);
                progress(copied);
            }
            Ok(())
        })?;
        check_room(path, u64::try_from(batch.byte_len()).unwrap_or(u64::MAX))?;
        copy.write_unlogged(batch)?;
        copy.flush()
    }

    fn lock_head(&self) -> MutexGuard<'_, Option<Head>> {
        // It changes in one assignment, after a commit has succeeded.
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        key: &[u8],
        what: &'static str,
        decode: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.db.get(key)? {
            None => Ok(None),
            Some(bytes) => decode(&bytes).map(Some).ok_or(StoreError::Damaged { what }),
        }
    }

    fn index(&self, key: &[u8]) -> Result<Option<LeafIndex>, StoreError> {
        self.read(key, "an index of the log", codec::decode_index)
    }
}

impl Records for RocksStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.db.get(&codec::record_key(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let prefix = codec::record_key(prefix);
        let mut found = Vec::new();
        for row in self.db.rows(&prefix, Direction::Forward)? {
            let (key, value) = row?;
            if !key.starts_with(&prefix) {
                break;
            }
            found.push((key.get(1..).unwrap_or_default().to_vec(), value.into_vec()));
        }
        Ok(found)
    }
}

impl Store for RocksStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.lock_head().clone())
    }

    fn commit(&self, commit: &CommitBatch, expected: Option<&Head>) -> Result<(), CommitError> {
        if let Some(path) = self.directory()?.backup() {
            return Err(CommitError::Refused(StoreError::Backup { path }));
        }
        let mut head = self.lock_head();
        if head.as_ref().map(|head| (head.size, head.root))
            != expected.map(|head| (head.size, head.root))
        {
            return Err(CommitError::Failed(StoreError::HeadChanged {
                expected: expected.map(|head| head.size),
                found: head.as_ref().map(|head| head.size),
            }));
        }
        let mut batch = self
            .db
            .batch_of(expected_bytes(commit))
            .map_err(CommitError::Refused)?;
        let mut found_by = FoundBy::of_entries(commit.entries.len());
        let mut row = Vec::new();
        let mut ends = HashMap::new();
        for new in &commit.entries {
            let entry = &new.entry;
            let index = codec::encode_index(entry.index);
            codec::encode_entry(entry, &mut row);
            batch.put(codec::entry_key(entry.index), &row);
            if let Some(personal) = &entry.personal {
                batch.put(codec::personal_key(entry.index), personal);
            }
            let request = StoredRequest {
                index: entry.index,
                content: Some(new.content.clone()),
            };
            let rank = codec::rank_key(&entry.collectivite, entry.rank);
            let named = codec::request_key(&entry.collectivite, &entry.request_id);
            found_by.add(&codec::event_id_key(&entry.event_id), &index);
            found_by.add(&codec::digest_key(&new.event_digest), &index);
            found_by.add(&codec::leaf_hash_key(&new.leaf_hash), &index);
            found_by.add(&rank, &index);
            found_by.add(&named, &codec::encode_request(&request));
            let end = ChainEnd {
                rank: entry.rank,
                digest: new.event_digest,
            };
            ends.insert(&entry.collectivite, end);
        }
        for (collectivite, end) in ends {
            let end = codec::encode_chain_end(&end);
            found_by.add(&codec::chain_end_key(collectivite), &end);
        }
        // In their order, each is looked for near where the one before went.
        for (key, value) in found_by.sorted() {
            batch.put(key, value);
        }
        for (tile, bytes) in &commit.tiles {
            batch.put(codec::tile_key(tile), bytes);
        }
        if let Some(chain) = &commit.chain {
            batch.put(codec::chain_key(&chain_id(chain)), encode_chain(chain));
        }
        for records in &commit.records {
            write_records(&mut batch, records);
        }
        batch.put(
            codec::checkpoint_key(commit.head.size),
            &commit.head.checkpoint,
        );
        batch.put(codec::HEAD, codec::encode_head(&commit.head));
        let bytes = u64::try_from(batch.byte_len()).unwrap_or(u64::MAX);
        self.directory()?
            .check_room(bytes)
            .map_err(CommitError::Refused)?;
        self.db.write(batch).map_err(CommitError::Failed)?;
        *head = Some(commit.head.clone());
        Ok(())
    }

    fn read_tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.db.get(&codec::tile_key(tile))?;
        Ok(bytes.and_then(|bytes| bytes.get(..tile.byte_len()).map(<[u8]>::to_vec)))
    }

    fn read_entries(&self, first: LeafIndex, count: u16) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut leaves = Vec::new();
        let from = codec::entry_key(first);
        let rows = self.db.rows(&from, Direction::Forward)?;
        for (offset, row) in (0..u64::from(count)).zip(rows) {
            let (key, entry) = row?;
            if *key != codec::entry_key(LeafIndex::new(first.get().saturating_add(offset))) {
                break;
            }
            leaves.push(codec::decode_leaf(&entry).ok_or(DAMAGED_ENTRY)?);
        }
        Ok(leaves)
    }

    fn entry(&self, index: LeafIndex) -> Result<Option<Entry>, StoreError> {
        let Some(bytes) = self.db.get(&codec::entry_key(index))? else {
            return Ok(None);
        };
        let personal = self.db.get(&codec::personal_key(index))?;
        let personal = personal.map(|personal| personal.to_vec());
        codec::decode_entry(index, &bytes, personal)
            .map(Some)
            .ok_or(DAMAGED_ENTRY)
    }

    fn event(&self, index: LeafIndex) -> Result<Option<(Collectivite, Vec<u8>)>, StoreError> {
        self.read(
            &codec::entry_key(index),
            "an entry of the log",
            codec::decode_event,
        )
    }

    fn find(
        &self,
        collectivite: &Collectivite,
        request_id: &RequestId,
    ) -> Result<Option<StoredRequest>, StoreError> {
        let key = codec::request_key(collectivite, request_id);
        self.read(&key, "a request of the log", codec::decode_request)
    }

    /// Together: the filters of some tables are asked in each, and lie where no cache holds them.
    fn find_all(
        &self,
        requests: &[(&Collectivite, &RequestId)],
    ) -> Result<Vec<Option<StoredRequest>>, StoreError> {
        let keys: Vec<_> = requests
            .iter()
            .map(|(collectivite, request_id)| codec::request_key(collectivite, request_id))
            .collect();
        let found = self.db.get_all(Family::Indexes, &keys)?.into_iter();
        let read = |bytes: DBPinnableSlice<'_>| {
            codec::decode_request(&bytes).ok_or(StoreError::Damaged {
                what: "a request of the log",
            })
        };
        found.map(|bytes| bytes.map(read).transpose()).collect()
    }

    fn index_of_event(&self, event_id: &EventId) -> Result<Option<LeafIndex>, StoreError> {
        self.index(&codec::event_id_key(event_id))
    }

    fn index_of_digest(&self, digest: &Sha256Digest) -> Result<Option<LeafIndex>, StoreError> {
        self.index(&codec::digest_key(digest))
    }

    fn index_of_leaf(&self, leaf: &LeafHash) -> Result<Option<LeafIndex>, StoreError> {
        self.index(&codec::leaf_hash_key(leaf))
    }

    fn index_of_rank(
        &self,
        collectivite: &Collectivite,
        rank: u64,
    ) -> Result<Option<LeafIndex>, StoreError> {
        self.index(&codec::rank_key(collectivite, rank))
    }

    fn chain_end(&self, collectivite: &Collectivite) -> Result<Option<ChainEnd>, StoreError> {
        let key = codec::chain_end_key(collectivite);
        self.read(&key, "the chain of a collectivité", codec::decode_chain_end)
    }

    fn chain(&self, id: &Sha256Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        self.read(&codec::chain_key(id), "a certificate chain", decode_chain)
    }

    fn checkpoint(&self, size: TreeSize) -> Result<Option<String>, StoreError> {
        self.read(&codec::checkpoint_key(size), "a checkpoint", |bytes| {
            String::from_utf8(bytes.to_vec()).ok()
        })
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
            note: note.to_string(),
            token: token.map(<[u8]>::to_vec),
        };
        let _alone = self.marking.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last_mark(mark.kind(), size);
        let last = last.map_err(CommitError::Refused)?;
        mark.number = last
            .filter(|last| last.size == size)
            .map_or(0, |last| last.number.saturating_add(1));
        let value = codec::encode_mark(note, token);
        let bytes = u64::try_from(value.len()).unwrap_or(u64::MAX);
        self.directory()?
            .check_room(bytes)
            .map_err(CommitError::Refused)?;
        let key = codec::mark_key(mark.kind(), size, mark.number);
        let mut batch = self.db.batch().map_err(CommitError::Refused)?;
        batch.put(key, value);
        self.db.write(batch).map_err(CommitError::Failed)?;
        Ok(mark)
    }

    fn marks(
        &self,
        kind: MarkKind,
        (size, number): (TreeSize, u64),
        most: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        let from = codec::mark_key(kind, size, number);
        let mut marks = Vec::new();
        for row in self.db.rows(&from, Direction::Forward)?.take(most) {
            let (key, value) = row?;
            if key.first() != from.first() {
                break;
            }
            marks.push(mark(kind, &key, &value)?);
        }
        Ok(marks)
    }

    fn last_mark(&self, kind: MarkKind, largest: TreeSize) -> Result<Option<Mark>, StoreError> {
        let to = codec::mark_key(kind, largest, u64::MAX);
        match self.db.rows(&to, Direction::Reverse)?.next().transpose()? {
            Some((key, value)) if key.first() == to.first() => mark(kind, &key, &value).map(Some),
            _ => Ok(None),
        }
    }

    fn census(&self) -> Result<Census, StoreError> {
        let mut census = Census::default();
        self.db.for_each_row(|key, _| {
            codec::count(&mut census, key);
            Ok(())
        })?;
        Ok(census)
    }

    fn erase(&self, event_id: &EventId, records: &RecordBatch) -> Result<bool, CommitError> {
        self.directory()?;
        let refused = CommitError::Refused;
        let Some(index) = self.index_of_event(event_id).map_err(refused)? else {
            return Ok(false);
        };
        let Some(entry) = self.entry(index).map_err(refused)? else {
            return Err(refused(DAMAGED_ENTRY));
        };
        let personal = codec::personal_key(index);
        let request = codec::request_key(&entry.collectivite, &entry.request_id);
        let mut batch = self.db.batch().map_err(refused)?;
        batch.delete(personal);
        batch.put(
            &request,
            codec::encode_request(&StoredRequest {
                index,
                content: None,
            }),
        );
        self.destroy(batch, vec![personal.to_vec(), request.to_vec()], records)?;
        Ok(true)
    }

    fn scrub(&self, records: &RecordBatch) -> Result<(), CommitError> {
        let batch = self.db.batch().map_err(CommitError::Refused)?;
        self.destroy(batch, Vec::new(), records)
    }
}

impl RocksStore {
    /// Writes a batch and records, and rewrites whatever file holds what `keys` and the records held before.
    fn destroy(
        &self,
        mut batch: Batch<'_>,
        mut keys: Vec<Vec<u8>>,
        records: &RecordBatch,
    ) -> Result<(), CommitError> {
        write_records(&mut batch, records);
        let puts = records.puts.iter().map(|(key, _)| key);
        let beside = puts.chain(&records.deletes);
        keys.extend(beside.map(|key| codec::record_key(key)));
        if keys.is_empty() {
            return Ok(());
        }
        let bytes = u64::try_from(batch.byte_len()).unwrap_or(u64::MAX);
        // Tables are written once, not twice as what is committed. Where they do not fit, the engine fails and the process ends.
        let rewritten = self.db.rewritten_bytes(&keys);
        let rewritten = rewritten.map_err(CommitError::Refused)? / 2;
        self.directory()?
            .check_room(bytes.saturating_add(rewritten))
            .map_err(CommitError::Refused)?;
        self.db.write(batch).map_err(CommitError::Failed)?;
        // A delete only hides: the bytes go when the write-ahead log is retired and the tables are rewritten.
        let destroy = || {
            let mut old = self.db.logs()?;
            self.db.flush()?;
            for key in keys {
                old.extend(self.db.rewrite(&key)?);
            }
            // One that an earlier attempt replaced, and could not remove.
            old.extend(self.db.leftovers()?);
            self.db.await_gone(&old)
        };
        destroy().map_err(CommitError::Failed)
    }
}
