// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Derives again everything that a store says of its log: nothing stored is taken at its word but the certificates.
//!
//! What an entry shows by itself is in `alone`, and runs on all cores; here is what only their order shows.

mod alone;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::mpsc::sync_channel;

use self::alone::{Alone, Known, Link, Stored};
use super::marks::check_stored;
use crate::digest::Sha256Digest;
use crate::event::{Collectivite, Environment, EventError, Origin};
use crate::merkle::{Edge, LeafHash, LeafIndex, RootHash, TILE_WIDTH, Tile, TreeSize};
use crate::store::{ChainEnd, Head, MarkKind, Store, StoreError};
use crate::time::Time;
use crate::tlog::{Note, VerifiedCheckpoint, VerifierKey};
use crate::tsp::{TspError, TspRejection};

/// Entries that a worker checks at a time.
const BLOCK: u64 = 256;
/// Findings kept; the rest is counted.
const MAX_FINDINGS: usize = 100;
/// Read at a time: a log that stood still for years has as many of one size as minutes went by.
const MARKS_AT_ONCE: usize = 256;

/// Something in a store that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The leaf concerned, where it is one.
    pub index: Option<LeafIndex>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "entry {index}: {}", self.problem),
            None => self.problem.fmt(f),
        }
    }
}

/// What can be wrong with a stored log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no log at all.
    NoLog,
    /// An entry below the head's size is not there.
    EntryMissing,
    /// Something stands where the log has not grown yet.
    EntryBeyondHead,
    /// The event cannot be read.
    Event(EventError),
    /// A field of the event's header is not what the store filed it under.
    Header {
        /// Which.
        field: &'static str,
    },
    /// The rank is not one more than the collectivité's event before.
    Rank {
        /// The rank expected.
        expected: u64,
        /// The rank found.
        found: u64,
    },
    /// The event does not name the digest of its collectivité's event before.
    Previous,
    /// The event that this one follows from is not before it in the log.
    RefersTo,
    /// The personal part is not the one that the event binds.
    Personal,
    /// The personal part is gone, but the key that compares retries is not, or the other way round.
    HalfErased,
    /// Something was erased, and nothing says so.
    NoTrace,
    /// Retries are compared with something else than the event.
    Comparison,
    /// The leaf is not a token in the fixed form.
    Leaf(TspError),
    /// The token does not hold.
    Token(TspRejection),
    /// The token's time is before that of the token before.
    GenTimeBack {
        /// The time before.
        before: Time,
        /// The time found.
        found: Time,
    },
    /// The serial number was given before, or does not count up.
    Serial,
    /// A way to look the entry up leads elsewhere.
    Lookup {
        /// Which.
        by: &'static str,
    },
    /// The certificates of the authority that signed are not there, or are others.
    Certificates,
    /// The commit that acknowledged the entry has no end, or another than its neighbours'.
    Acknowledged,
    /// A tile is missing or is not the tree's.
    Tile(Tile),
    /// The signed checkpoint of a size at which entries were acknowledged is missing.
    CheckpointMissing(TreeSize),
    /// A checkpoint is not this log's, not signed by its key, or of another tree.
    Checkpoint {
        /// The size under which it is stored.
        size: TreeSize,
        /// What is wrong.
        problem: String,
    },
    /// A cosigned or anchored checkpoint is not of this log or tree, or a cosignature does not hold.
    Mark {
        /// Its tree's size.
        size: TreeSize,
        /// Its number at this size.
        number: u64,
        /// What is wrong.
        problem: String,
    },
    /// The newest state is not that of the tree.
    Head {
        /// Which part.
        field: &'static str,
    },
    /// A collectivité's chain does not end where the store says.
    ChainEnd(Collectivite),
    /// There are rows that nothing in the log leads to, or fewer than it has.
    Rows {
        /// Of which kind.
        kind: &'static str,
        /// How many there must be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => f.write_str("no log was begun here"),
            Self::EntryMissing => f.write_str("it is missing"),
            Self::EntryBeyondHead => f.write_str("it stands beyond the end of the log"),
            Self::Event(error) => write!(f, "its event cannot be read: {error}"),
            Self::Header { field } => {
                write!(f, "its event has another {field} than it is filed under")
            }
            Self::Rank { expected, found } => {
                write!(f, "its rank is {found}, and {expected} was its turn")
            }
            Self::Previous => {
                f.write_str("it does not name the digest of its collectivité's event before")
            }
            Self::RefersTo => f.write_str("the event that it follows from is not before it"),
            Self::Personal => f.write_str("its personal part is not the one that the event binds"),
            Self::HalfErased => {
                f.write_str("it is half erased: personal part and comparison key go together")
            }
            Self::NoTrace => f.write_str(
                "its personal part is missing, and the log holds no trace of an erasure",
            ),
            Self::Comparison => {
                f.write_str("retries of its request would be compared with other content")
            }
            Self::Leaf(error) => write!(f, "its leaf is no token in the fixed form: {error}"),
            Self::Token(rejection) => write!(f, "its token does not hold: {rejection}"),
            Self::GenTimeBack { before, found } => {
                write!(
                    f,
                    "its genTime {found} is before {before}, of the entry before"
                )
            }
            Self::Serial => f.write_str("its serial number was given before or does not count up"),
            Self::Lookup { by } => write!(f, "looking it up by {by} leads elsewhere"),
            Self::Certificates => {
                f.write_str("the certificates of its authority are missing or others")
            }
            Self::Acknowledged => f.write_str("the commit that acknowledged it has no clear end"),
            Self::Tile(tile) => write!(f, "{} is missing or wrong", tile.path()),
            Self::CheckpointMissing(size) => {
                write!(f, "the signed checkpoint of size {size} is missing")
            }
            Self::Checkpoint { size, problem } => {
                write!(f, "the signed checkpoint of size {size}: {problem}")
            }
            Self::Mark {
                size,
                number,
                problem,
            } => write!(f, "mark {number} of size {size}: {problem}"),
            Self::Head { field } => write!(f, "the newest state has another {field} than the tree"),
            Self::Rows {
                kind,
                expected,
                found,
            } => write!(f, "{found} {kind} are stored, and the log has {expected}"),
            Self::ChainEnd(collectivite) => {
                write!(f, "the chain of {collectivite} ends elsewhere than stored")
            }
        }
    }
}

/// What a check of a whole log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Leaves in the log.
    pub size: u64,
    /// Events whose personal part was erased.
    pub erased: u64,
    /// Erasures whose trace stands in the log, and whose destruction is not done: it will be at the next start.
    pub pending: u64,
    /// Collectivités with events.
    pub collectivites: usize,
    /// Signed checkpoints checked.
    pub checkpoints: u64,
    /// Cosigned checkpoints checked.
    pub marks: u64,
    /// Anchored checkpoints checked.
    pub anchors: u64,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub unlisted: u64,
}

impl FsckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn note(&mut self, index: impl Into<Option<LeafIndex>>, problem: Problem) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding {
                index: index.into(),
                problem,
            });
        } else {
            self.unlisted += 1;
        }
    }
}

/// Checks the whole log in `store`: every event against its token, every token's signature, serial number and time, the
/// chains of the collectivités, every way to look an entry up, every tile, and every checkpoint at which entries were
/// acknowledged. `progress` is told how many of how many entries are done.
///
/// `witnesses` are the keys whose cosignatures the log's marks bear.
///
/// Certificates are judged at each token's own time: whom to trust is for `verify` to say, of receipts.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; what is merely wrong is in the report.
pub fn fsck(
    store: &dyn Store,
    origin: &Origin,
    environment: Environment,
    key: &VerifierKey,
    witnesses: &[VerifierKey],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<FsckReport, StoreError> {
    fsck_after(&[], store, origin, environment, key, witnesses, progress)
}

/// As [`fsck`], of a log that goes on for closed ones, the newest first: its collectivités' chains go on from theirs, and its events
/// may follow from theirs. They themselves are checked apart.
///
/// # Errors
/// As [`fsck`].
pub fn fsck_after(
    earlier: &[Arc<dyn Store>],
    store: &dyn Store,
    origin: &Origin,
    environment: Environment,
    key: &VerifierKey,
    witnesses: &[VerifierKey],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<FsckReport, StoreError> {
    let mut report = FsckReport::default();
    let Some(head) = store.head()? else {
        report.note(None, Problem::NoLog);
        return Ok(report);
    };
    report.size = head.size.get();
    let mut walk = Walk {
        stored: Stored {
            store,
            earlier,
            origin,
            environment,
            key,
        },
        witnesses,
        edge: Edge::empty(),
        ends: BTreeMap::new(),
        gen_time: None,
        serial: [0; 16],
        epochs: BTreeSet::new(),
        commit_end: 0,
        personal: 0,
        chains: BTreeSet::new(),
        report,
    };
    let empty = TreeSize::new(0);
    walk.checkpoint(empty, signed_checkpoint(store, key, empty)?)?;
    walk.entries(progress)?;
    walk.finish(&head)?;
    Ok(walk.report)
}

struct Walk<'a> {
    stored: Stored<'a>,
    witnesses: &'a [VerifierKey],
    edge: Edge,
    ends: BTreeMap<Collectivite, ChainEnd>,
    gen_time: Option<Time>,
    serial: [u8; 16],
    /// Each start of a server draws one; a serial number is one with a counter.
    epochs: BTreeSet<[u8; 8]>,
    /// Size of the tree that acknowledged the newest entry.
    commit_end: u64,
    /// Personal parts seen.
    personal: u64,
    /// Certificate chains of the authorities that signed.
    chains: BTreeSet<Sha256Digest>,
    report: FsckReport,
}

/// A block of entries as checked by a worker; what is not there is `None`.
type Block = Result<Vec<Option<Alone>>, StoreError>;

impl Walk<'_> {
    /// Workers, one a core, check what needs no other entry; here, in order, what does. A worker takes every so many-th block and
    /// has at most one of them waiting, so memory is bounded however long the log is.
    fn entries(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let size = self.report.size;
        let blocks = size.div_ceil(BLOCK);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = u64::try_from(cores).unwrap_or(1).min(blocks);
        let stored = self.stored;
        std::thread::scope(|scope| {
            let step = usize::try_from(workers).unwrap_or(usize::MAX);
            let workers: Vec<_> = (0..workers)
                .map(|first| {
                    let (give, take) = sync_channel::<Block>(1);
                    scope.spawn(move || {
                        let mut known = Known::default();
                        for block in (first..blocks).step_by(step) {
                            let from = block * BLOCK;
                            let to = size.min(from + BLOCK);
                            // Nobody takes it when the walk has ended early.
                            if give.send(stored.block(from, to, &mut known)).is_err() {
                                break;
                            }
                        }
                    });
                    take
                })
                .collect();
            let mut next = 0;
            progress(next, size);
            for worker in workers.iter().cycle() {
                // None comes after the last block; and where a worker panicked, the scope does so too.
                let Ok(block) = worker.recv() else {
                    break;
                };
                if !self.block(next, block?)? {
                    break;
                }
                next = size.min(next + BLOCK);
                progress(next, size);
            }
            Ok(())
        })
    }

    /// False when none of these entries is there: then a head that is wrong by far ends the walk.
    fn block(&mut self, from: u64, entries: Vec<Option<Alone>>) -> Result<bool, StoreError> {
        if entries.iter().all(Option::is_none) {
            self.report
                .note(LeafIndex::new(from), Problem::EntryMissing);
            return Ok(false);
        }
        for (index, one) in (from..).map(LeafIndex::new).zip(entries) {
            match one {
                None => {
                    self.report.note(index, Problem::EntryMissing);
                    // The tree cannot be right without it; what follows is still worth looking at.
                    self.edge.append(LeafHash::from_bytes([0; 32]));
                }
                Some(one) => self.entry(index, one)?,
            }
        }
        self.tiles()?;
        Ok(true)
    }

    fn entry(&mut self, index: LeafIndex, one: Alone) -> Result<(), StoreError> {
        self.edge.append(one.leaf);
        self.personal += u64::from(one.has_personal);
        self.chains.insert(one.chain);
        self.report.erased += u64::from(one.erased);
        self.report.pending += u64::from(one.pending);
        let mut noted = one.problems;
        let after = noted.split_off(one.before_link.min(noted.len()));
        for problem in noted {
            self.report.note(index, problem);
        }
        if let Some(link) = one.link {
            self.link(index, link, one.digest)?;
        }
        for problem in after {
            self.report.note(index, problem);
        }
        if let Some((gen_time, serial)) = one.stamp {
            self.order(index, gen_time, serial);
        }
        for problem in one.lookups {
            self.report.note(index, problem);
        }
        let (at, end) = (index.get(), one.acknowledged_at.get());
        let expected = if at < self.commit_end {
            end == self.commit_end
        } else {
            end > at && end <= self.report.size
        };
        if expected {
            self.commit_end = end;
        } else {
            self.report.note(index, Problem::Acknowledged);
        }
        if at + 1 == self.commit_end {
            let size = TreeSize::new(at + 1);
            let signed = match one.checkpoint {
                Some(signed) => signed,
                None => signed_checkpoint(self.stored.store, self.stored.key, size)?,
            };
            self.checkpoint(size, signed)?;
        }
        Ok(())
    }

    fn link(
        &mut self,
        index: LeafIndex,
        link: Link,
        digest: Sha256Digest,
    ) -> Result<(), StoreError> {
        let end = ChainEnd {
            rank: link.rank,
            digest,
        };
        let before = match self.ends.insert(link.collectivite.clone(), end) {
            Some(before) => Some(before),
            None => self.end_before(&link.collectivite)?,
        };
        let expected = before.map_or(0, |end| end.rank.saturating_add(1));
        if link.rank != expected {
            let found = link.rank;
            self.report.note(index, Problem::Rank { expected, found });
        }
        if link.previous != before.map(|end| end.digest) {
            self.report.note(index, Problem::Previous);
        }
        Ok(())
    }

    /// Where a collectivité's chain stood when the log before this one was closed.
    fn end_before(&self, collectivite: &Collectivite) -> Result<Option<ChainEnd>, StoreError> {
        for store in self.stored.earlier {
            if let Some(end) = store.chain_end(collectivite)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// Times do not go back and serial numbers do not come back.
    fn order(&mut self, index: LeafIndex, found: Time, serial: [u8; 16]) {
        if let Some(before) = self.gen_time.filter(|before| found < *before) {
            self.report
                .note(index, Problem::GenTimeBack { before, found });
        }
        self.gen_time = self.gen_time.max(Some(found));
        let (epoch, _) = serial.split_at(8);
        let is_same_run = self.serial.starts_with(epoch);
        let fresh = <[u8; 8]>::try_from(epoch).is_ok_and(|epoch| self.epochs.insert(epoch));
        if if is_same_run {
            serial <= self.serial
        } else {
            !fresh
        } {
            self.report.note(index, Problem::Serial);
        }
        self.serial = serial;
    }

    fn tiles(&mut self) -> Result<(), StoreError> {
        for (tile, bytes) in self.edge.take_dirty() {
            if self.stored.store.read_tile(&tile)?.as_ref() != Some(&bytes) {
                self.report.note(None, Problem::Tile(tile));
            }
        }
        Ok(())
    }

    /// The stored checkpoint of `size` must be this log's over the tree derived so far.
    fn checkpoint(&mut self, size: TreeSize, signed: Option<Signed>) -> Result<(), StoreError> {
        match signed {
            None => self.report.note(None, Problem::CheckpointMissing(size)),
            Some(signed) => {
                self.report.checkpoints += 1;
                if let Err(problem) = check_tree(signed, size, &self.edge.root()) {
                    self.report
                        .note(None, Problem::Checkpoint { size, problem });
                }
            }
        }
        self.marks(MarkKind::Cosigned, size)?;
        self.marks(MarkKind::Anchored, size)
    }

    /// Every mark of `size`, which is that of the tree derived so far. One of a size without a checkpoint is counted by the
    /// census alone.
    fn marks(&mut self, kind: MarkKind, size: TreeSize) -> Result<(), StoreError> {
        let (root, mut next) = (self.edge.root(), 0);
        loop {
            let found = self.stored.store.marks(kind, (size, next), MARKS_AT_ONCE)?;
            let same: Vec<_> = found
                .into_iter()
                .take_while(|mark| mark.size == size)
                .collect();
            for mark in &same {
                match kind {
                    MarkKind::Cosigned => self.report.marks += 1,
                    MarkKind::Anchored => self.report.anchors += 1,
                }
                let number = mark.number;
                let checked = match number == next {
                    true => check_stored(mark, self.stored.key, &root, self.witnesses),
                    false => Err(alloc::format!("the one before it, {next}, is missing")),
                };
                next = number.saturating_add(1);
                if let Err(problem) = checked {
                    let wrong = Problem::Mark {
                        size,
                        number,
                        problem,
                    };
                    self.report.note(None, wrong);
                }
            }
            if same.len() < MARKS_AT_ONCE {
                return Ok(());
            }
        }
    }

    fn finish(&mut self, head: &Head) -> Result<(), StoreError> {
        let root = self.edge.root();
        let signed = check_note(&head.checkpoint, self.stored.key);
        if let Err(problem) = check_tree(signed, head.size, &root) {
            let size = head.size;
            self.report
                .note(None, Problem::Checkpoint { size, problem });
        }
        let last = LeafIndex::new(head.size.get());
        for (field, same) in [
            ("root", head.root == root),
            ("time", head.gen_time == self.gen_time),
            ("serial number", head.serial == self.serial),
            ("end of its last commit", head.size.get() == self.commit_end),
        ] {
            if !same {
                self.report.note(None, Problem::Head { field });
            }
        }
        if self.stored.store.entry(last)?.is_some()
            || !self.stored.store.read_entries(last, 1)?.is_empty()
        {
            self.report.note(last, Problem::EntryBeyondHead);
        }
        for (collectivite, end) in &self.ends {
            if self.stored.store.chain_end(collectivite)? != Some(*end) {
                self.report
                    .note(None, Problem::ChainEnd(collectivite.clone()));
            }
        }
        self.report.collectivites = self.ends.len();
        self.census(head.size)
    }
}

impl Walk<'_> {
    /// Every row that the log has was looked at above. One more is one that nothing leads to: a request id that nobody used
    /// and that could not be used any more, for example.
    fn census(&mut self, size: TreeSize) -> Result<(), StoreError> {
        // A level has a tile for each 256 hashes of it, and one for the rest; each of its full tiles is a hash of the next.
        let (mut tiles, mut hashes) = (0, size.get());
        while hashes > 0 {
            tiles += hashes.div_ceil(TILE_WIDTH.into());
            hashes /= u64::from(TILE_WIDTH);
        }
        let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
        let found = self.stored.store.census()?;
        let entries = size.get();
        for (kind, expected, found) in [
            ("entries", entries, found.entries),
            ("personal parts", self.personal, found.personal),
            ("event ids", entries, found.event_ids),
            ("digests", entries, found.digests),
            ("leaf hashes", entries, found.leaf_hashes),
            ("ranks", entries, found.ranks),
            ("requests", entries, found.requests),
            ("ends of chains", count(self.ends.len()), found.chain_ends),
            ("certificate chains", count(self.chains.len()), found.chains),
            ("tiles", tiles, found.tiles),
            ("checkpoints", self.report.checkpoints, found.checkpoints),
            ("cosigned checkpoints", self.report.marks, found.marks),
            ("anchored checkpoints", self.report.anchors, found.anchors),
            ("rows of no known kind", 0, found.unknown),
        ] {
            if expected != found {
                let rows = Problem::Rows {
                    kind,
                    expected,
                    found,
                };
                self.report.note(None, rows);
            }
        }
        Ok(())
    }
}

/// The tree of a checkpoint that the log's key signed, or what is wrong with it.
type Signed = Result<(TreeSize, RootHash), String>;

fn signed_checkpoint(
    store: &dyn Store,
    key: &VerifierKey,
    size: TreeSize,
) -> Result<Option<Signed>, StoreError> {
    Ok(store.checkpoint(size)?.map(|note| check_note(&note, key)))
}

fn check_note(note: &str, key: &VerifierKey) -> Signed {
    let note = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = VerifiedCheckpoint::verify(&note, key).map_err(|error| error.to_string())?;
    Ok((checkpoint.size(), *checkpoint.root()))
}

fn check_tree(signed: Signed, size: TreeSize, root: &RootHash) -> Result<(), String> {
    if signed? != (size, *root) {
        return Err("it is of another tree than the entries give".to_string());
    }
    Ok(())
}
