// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where a log is kept: the [`Store`] trait at the level of the ledger's needs, [`Records`] for what the service keeps
//! beside it, and an engine in memory.
//!
//! One [`Store::commit`] writes everything that a group of events changes, atomically and durably, or nothing. Durable
//! engines are in the crate `kbox-store`.
//!
//! Out of scope: what is written (the ledger), and the truth of what is read back (tiles and checkpoints are checked
//! against each other by the ledger, not trusted because a store gave them).

mod memory;

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use self::memory::MemoryStore;
use crate::digest::Sha256Digest;
use crate::event::{Collectivite, EventId};
use crate::merkle::{LeafHash, LeafIndex, RootHash, Tile, TreeSize};
use crate::time::Time;

/// The caller's own name for one request, unique in its collectivité: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(Arc<str>);

/// A request id that is empty, longer than 128 bytes, or not visible ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestIdError;

impl fmt::Display for RequestIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request id is 1 to 128 visible ASCII characters; a UUID is a good one")
    }
}

impl core::error::Error for RequestIdError {}

impl RequestId {
    /// The longest, in bytes.
    pub const MAX: usize = 128;

    /// Checks a request id.
    ///
    /// # Errors
    /// [`RequestIdError`].
    pub fn parse(text: &str) -> Result<Self, RequestIdError> {
        let fits = (1..=Self::MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(RequestIdError)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RequestId {
    type Error = RequestIdError;
    fn try_from(text: String) -> Result<Self, RequestIdError> {
        Self::parse(&text)
    }
}
impl From<RequestId> for String {
    fn from(value: RequestId) -> Self {
        value.as_str().to_string()
    }
}
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The newest state of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves in the tree.
    pub size: TreeSize,
    /// Its root.
    pub root: RootHash,
    /// genTime of the newest token: none after it may be earlier.
    pub gen_time: Option<Time>,
    /// Serial number of the newest token, 16 bytes big-endian; zeros in an empty log.
    pub serial: [u8; 16],
    /// The signed checkpoint of this tree, a C2SP note.
    pub checkpoint: String,
}

/// How a retry is recognised without keeping what was asked.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey {
    /// Random, of this entry alone, destroyed with the personal part: without it the digest says nothing.
    pub key: [u8; 32],
    /// HMAC-SHA256 over the request's content under `key`.
    pub digest: [u8; 32],
}

/// Never printed: the key is a secret of the entry.
impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(…)")
    }
}

/// One event with everything that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place of its leaf in the tree.
    pub index: LeafIndex,
    /// Whose event it is.
    pub collectivite: Collectivite,
    /// The event's own id.
    pub event_id: EventId,
    /// The request that asked for it.
    pub request_id: RequestId,
    /// Rank in its collectivité.
    pub rank: u64,
    /// DER of the event.
    pub event: Vec<u8>,
    /// DER of the erasable part; absent when there is none or it was erased.
    pub personal: Option<Vec<u8>>,
    /// The leaf: the canonical token, without certificates.
    pub leaf: Vec<u8>,
    /// SHA-256 over the certificates of the timestamp authority that signed, as [`chain_id`] computes it.
    pub chain: Sha256Digest,
    /// Size of the tree whose checkpoint acknowledged it: the first receipt can be made again, byte for byte.
    pub acknowledged_at: TreeSize,
}

/// An entry to be written, with what is derived from it and looked up later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The entry.
    pub entry: Entry,
    /// Digest of the event, which later events refer to.
    pub event_digest: Sha256Digest,
    /// Hash of the leaf.
    pub leaf_hash: LeafHash,
    /// How a retry is recognised.
    pub content: ContentKey,
}

/// What an earlier request became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// Its event's leaf.
    pub index: LeafIndex,
    /// How to compare; absent after an erasure.
    pub content: Option<ContentKey>,
}

/// Where a collectivité's chain of events stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// Rank of its newest event.
    pub rank: u64,
    /// Digest of that event.
    pub digest: Sha256Digest,
}

/// What others put under a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// Cosignatures of witnesses.
    Cosigned,
    /// An outside authority's token over the whole note.
    Anchored,
}

/// A checkpoint that others vouch for, kept for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Leaves in its tree.
    pub size: TreeSize,
    /// Which of its kind at this size, from 0 in the order of their arrival: a tree that does not grow is cosigned again.
    pub number: u64,
    /// The C2SP note, with its cosignatures.
    pub note: String,
    /// DER of the outside authority's token; with it, it is an anchor.
    pub token: Option<Vec<u8>>,
}

impl Mark {
    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> MarkKind {
        match self.token {
            None => MarkKind::Cosigned,
            Some(_) => MarkKind::Anchored,
        }
    }
}

/// What the service keeps beside the log, written in one commit with events: puts first, then deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordBatch {
    /// Key and value.
    pub puts: Vec<(Vec<u8>, Vec<u8>)>,
    /// Keys.
    pub deletes: Vec<Vec<u8>>,
}

impl RecordBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Writes `value` under `key`.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.puts.push((key.into(), value.into()));
        self
    }
    /// Removes `key`.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) -> &mut Self {
        self.deletes.push(key.into());
        self
    }
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
    /// Bytes of all keys and values.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        let puts = self.puts.iter().map(|(key, value)| key.len() + value.len());
        puts.sum::<usize>() + self.deletes.iter().map(Vec::len).sum::<usize>()
    }
}

/// Everything that one commit changes.
#[derive(Clone, Debug)]
pub struct CommitBatch {
    /// New entries, dense from the old head's size.
    pub entries: Vec<NewEntry>,
    /// Changed tiles of the tree, each in its new width.
    pub tiles: Vec<(Tile, Vec<u8>)>,
    /// Certificates of the signing authority, signer first, under [`chain_id`]; written when new to the store.
    pub chain: Option<Vec<Vec<u8>>>,
    /// The service's own records.
    pub records: Vec<RecordBatch>,
    /// The new head.
    pub head: Head,
}

/// SHA-256 over the certificates, each after its length: the name under which a store keeps a chain.
#[must_use]
pub fn chain_id(certificates: &[Vec<u8>]) -> Sha256Digest {
    Sha256Digest::of(&encode_chain(certificates))
}

/// Each certificate after its length, 4 bytes big-endian.
#[must_use]
pub fn encode_chain(certificates: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for certificate in certificates {
        // A certificate of 4 GiB is refused long before.
        let length = u32::try_from(certificate.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(certificate);
    }
    bytes
}

/// Reads what [`encode_chain`] wrote.
#[must_use]
pub fn decode_chain(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut certificates = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (certificate, rest) = rest.split_at_checked(length)?;
        certificates.push(certificate.to_vec());
        bytes = rest;
    }
    bytes.is_empty().then_some(certificates)
}

/// Why a store could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The engine failed, in its own words.
    Engine(String),
    /// This process may not open as many files as the log has; in the engine's own words.
    OpenFiles(String),
    /// Something that was to be destroyed is in a file that could not be rewritten or removed.
    StillThere {
        /// The file.
        file: String,
    },
    /// Too little room on the disk.
    Full {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        needed: u64,
    },
    /// Something that was written cannot be read any more.
    Damaged {
        /// What.
        what: &'static str,
    },
    /// Files that the log is not whole without are not there any more.
    Gone {
        /// Which.
        file: String,
    },
    /// Another process has the data open.
    Held {
        /// The data directory.
        path: String,
    },
    /// Data of another version of this program.
    Version {
        /// The data directory.
        path: String,
        /// What its version file says.
        found: String,
        /// What this program writes.
        expected: &'static str,
    },
    /// A directory with something else in it.
    NotData {
        /// The directory.
        path: String,
    },
    /// The directory cannot be made or read.
    Directory {
        /// The directory.
        path: String,
        /// The system's words.
        problem: String,
    },
    /// A backup, which is no log to go on with.
    Backup {
        /// The directory.
        path: String,
    },
    /// A copy of a data directory, or one that was moved.
    Moved {
        /// The directory.
        path: String,
        /// Which one it is.
        found: String,
        /// Which one the log was last written in.
        expected: String,
    },
    /// A directory that is no backup.
    NoBackup {
        /// The directory.
        path: String,
    },
    /// It was opened to be read.
    ReadOnly,
    /// The head is not the one that the batch continues: somebody else wrote.
    HeadChanged {
        /// Size expected.
        expected: Option<TreeSize>,
        /// Size found.
        found: Option<TreeSize>,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(detail) => write!(f, "the storage engine failed: {detail}"),
            Self::OpenFiles(detail) => write!(
                f,
                "this process may not open as many files as the log has. Raise the limit (LimitNOFILE= in a systemd unit, `ulimit -Hn` in a \
                 shell), then do it again. The storage engine's own words: {detail}"
            ),
            Self::StillThere { file } => write!(
                f,
                "what was to be destroyed is still in {file}, which could not be rewritten or removed. See that the disk has room \
                 and that nothing keeps this file, then start again: it is destroyed before anything is served. Never remove it by hand"
            ),
            Self::Full { free, needed } => write!(
                f,
                "the disk is full: {free} bytes are free and {needed} must stay so; what was asked for was not done. Make room, \
                 then ask again"
            ),
            Self::Damaged { what } => write!(
                f,
                "{what} in the data directory is damaged. Do not continue from it: keep a copy as evidence. `kbox-server \
                 restore --reason damage --backup DIR --data NEW` goes on from a backup, in a new log"
            ),
            Self::Gone { file } => write!(
                f,
                "{file} is gone, and what was acknowledged in it: this log is not continued without it. If it was moved, or its disk is not \
                 mounted, put it back. Otherwise keep the data directory as evidence: `kbox-server restore --reason damage --backup DIR \
                 --data NEW` goes on in a new log, from a backup or from what is left here"
            ),
            Self::Held { path } => write!(
                f,
                "{path} is in use by another kbox process. A log has one writer: stop that process, or choose another \
                 directory with --data"
            ),
            Self::Version {
                path,
                found,
                expected,
            } => write!(
                f,
                "{path} holds data of version {found:?} and this program knows version {expected:?}. Start the program \
                 that wrote it, or choose another directory with --data"
            ),
            Self::NotData { path } => write!(
                f,
                "{path} is not empty and is no kbox data directory. Choose an empty directory"
            ),
            Self::Directory { path, problem } => {
                write!(f, "{path} cannot be used as data directory: {problem}")
            }
            Self::Backup { path } => write!(
                f,
                "{path} is a backup or a closed log, and an old log is never continued: entries made since may be in others' hands. \
                 `kbox-server fsck` and `export` read it; `kbox-server restore --backup {path} --data NEW` closes it and goes on in a new log"
            ),
            Self::Moved {
                path,
                found,
                expected,
            } => write!(
                f,
                "{path} was copied or moved since the log was last written in it (its lock file was {expected}, and is {found}). Two copies \
                 must never both go on. If the other one may have gone on, or still can: `kbox-server restore --reason copy --backup {path} \
                 --data NEW` goes on in a new log. If it is gone, and this is what it last was: `kbox-server moved --data {path}`"
            ),
            Self::NoBackup { path } => write!(
                f,
                "{path} is no backup: name a directory that `kbox-server backup` made. One that was broken off holds what a backup holds, and \
                 is of no use: remove it"
            ),
            Self::ReadOnly => {
                f.write_str("the log was opened to be read, and nothing may be written to it")
            }
            Self::HeadChanged { expected, found } => {
                let size = |size: &Option<TreeSize>| match size {
                    Some(size) => size.get().to_string(),
                    None => "none".to_string(),
                };
                write!(
                    f,
                    "the stored tree has size {} and not {}: another process writes to the same log. Stop both and keep \
                     the data as it is",
                    size(found),
                    size(expected)
                )
            }
        }
    }
}

impl core::error::Error for StoreError {}

/// Why a commit did not succeed, and what that says about the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// Refused before anything was written: the store is as before and can go on.
    Refused(StoreError),
    /// Failed after the attempt began: what is on disk is unknown until the store is opened again.
    Failed(StoreError),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Failed(error) => {
                write!(f, "{error}. What is on disk is known only after a restart")
            }
        }
    }
}

impl core::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Refused(error) | Self::Failed(error) => Some(error),
        }
    }
}

/// What the service keeps beside the log: read here, written with [`RecordBatch`] through the ledger.
pub trait Records: Send + Sync {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// All records whose key begins with `prefix`, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>;
}

/// How many rows a store holds of each kind, so that one that nothing leads to is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Entries with their leaves, without personal part.
    pub entries: u64,
    /// Personal parts.
    pub personal: u64,
    /// Ways from an event's id to its entry.
    pub event_ids: u64,
    /// Ways from an event's digest.
    pub digests: u64,
    /// Ways from a leaf's hash.
    pub leaf_hashes: u64,
    /// Ways from a collectivité's rank.
    pub ranks: u64,
    /// Requests.
    pub requests: u64,
    /// Ends of collectivités' chains.
    pub chain_ends: u64,
    /// Certificate chains.
    pub chains: u64,
    /// Tiles.
    pub tiles: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Cosigned checkpoints.
    pub marks: u64,
    /// Anchored checkpoints.
    pub anchors: u64,
    /// Rows of no known kind, the service's records and the head apart.
    pub unknown: u64,
}

/// Durable storage of one log. All readers see whole commits only.
pub trait Store: Records {
    /// The newest state; `None` before the first commit.
    ///
    /// # Errors
    /// [`StoreError`].
    fn head(&self) -> Result<Option<Head>, StoreError>;

    /// Writes the whole batch, atomically and durably, if the head still has the size and root expected (`None`: no
    /// head). `Ok` means that it survives a loss of power.
    ///
    /// # Errors
    /// [`CommitError`]; after [`CommitError::Failed`] the caller must not go on with this store.
    fn commit(&self, batch: &CommitBatch, expected: Option<&Head>) -> Result<(), CommitError>;

    /// The bytes of a tile. A stored tile that is wider gives its first hashes: tiles only grow.
    ///
    /// # Errors
    /// [`StoreError`].
    fn read_tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `count` leaves from `first`, fewer at the end of the log.
    ///
    /// # Errors
    /// [`StoreError`].
    fn read_entries(&self, first: LeafIndex, count: u16) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The entry of one leaf.
    ///
    /// # Errors
    /// [`StoreError`].
    fn entry(&self, index: LeafIndex) -> Result<Option<Entry>, StoreError>;

    /// The event of one leaf and whose it is: what [`Self::entry`] has of it, without the rest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn event(&self, index: LeafIndex) -> Result<Option<(Collectivite, Vec<u8>)>, StoreError> {
        let entry = self.entry(index)?;
        Ok(entry.map(|entry| (entry.collectivite, entry.event)))
    }

    /// What became of a request.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find(
        &self,
        collectivite: &Collectivite,
        request_id: &RequestId,
    ) -> Result<Option<StoredRequest>, StoreError>;

    /// What became of each of these requests, in their order: [`Self::find`] of all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_all(
        &self,
        requests: &[(&Collectivite, &RequestId)],
    ) -> Result<Vec<Option<StoredRequest>>, StoreError> {
        let requests = requests.iter();
        requests
            .map(|(collectivite, request_id)| self.find(collectivite, request_id))
            .collect()
    }

    /// The leaf of an event.
    ///
    /// # Errors
    /// [`StoreError`].
    fn index_of_event(&self, event_id: &EventId) -> Result<Option<LeafIndex>, StoreError>;

    /// The leaf of the event with this digest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn index_of_digest(&self, digest: &Sha256Digest) -> Result<Option<LeafIndex>, StoreError>;

    /// Where a leaf hash stands.
    ///
    /// # Errors
    /// [`StoreError`].
    fn index_of_leaf(&self, leaf: &LeafHash) -> Result<Option<LeafIndex>, StoreError>;

    /// The leaf of a collectivité's event of a rank.
    ///
    /// # Errors
    /// [`StoreError`].
    fn index_of_rank(
        &self,
        collectivite: &Collectivite,
        rank: u64,
    ) -> Result<Option<LeafIndex>, StoreError>;

    /// Where a collectivité's chain stands; `None` before its first event.
    ///
    /// # Errors
    /// [`StoreError`].
    fn chain_end(&self, collectivite: &Collectivite) -> Result<Option<ChainEnd>, StoreError>;

    /// The certificates stored under a [`chain_id`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn chain(&self, id: &Sha256Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError>;

    /// The signed checkpoint of an earlier size, where one was made.
    ///
    /// # Errors
    /// [`StoreError`].
    fn checkpoint(&self, size: TreeSize) -> Result<Option<String>, StoreError>;

    /// Keeps a mark of this size, durably, behind those of its kind and size.
    ///
    /// # Errors
    /// [`CommitError`]; after [`CommitError::Failed`] the caller must not go on with this store.
    fn add_mark(
        &self,
        size: TreeSize,
        note: &str,
        token: Option<&[u8]>,
    ) -> Result<Mark, CommitError>;

    /// Up to `most` marks of a kind, by size and number, from `from` on.
    ///
    /// # Errors
    /// [`StoreError`].
    fn marks(
        &self,
        kind: MarkKind,
        from: (TreeSize, u64),
        most: usize,
    ) -> Result<Vec<Mark>, StoreError>;

    /// The last mark of a kind whose tree has `largest` leaves at most.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_mark(&self, kind: MarkKind, largest: TreeSize) -> Result<Option<Mark>, StoreError>;

    /// Counts the rows of each kind; it may read all of them.
    ///
    /// # Errors
    /// [`StoreError`].
    fn census(&self) -> Result<Census, StoreError>;

    /// Destroys an event's personal part and the key that compares retries (RGPD art. 17), and writes `records` in the same
    /// step; once it returns, neither they nor what those records held before is in any file of the store. `false` when there
    /// is no such event: nothing is written then.
    ///
    /// # Errors
    /// [`CommitError`].
    fn erase(&self, event_id: &EventId, records: &RecordBatch) -> Result<bool, CommitError>;

    /// Writes `records`; once it returns, what they held before is in no file of the store.
    ///
    /// # Errors
    /// [`CommitError`].
    fn scrub(&self, records: &RecordBatch) -> Result<(), CommitError>;
}
