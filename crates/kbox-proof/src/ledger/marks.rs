// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checkpoints that others vouch for, kept for ever: marks cosigned by a quorum of witnesses, and anchors, which an outside
//! authority timestamped. Receipts grow by them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use super::LedgerError;
use super::receipts::{self, Prover};
use super::seal::{LogKeys, proof_text};
use crate::digest::Sha256Digest;
use crate::merkle::{
    LeafIndex, RootHash, Tile, TileReader, TreeSize, consistency_proof, hash_leaf,
    verify_consistency,
};
use crate::receipt::{Anchor, Witnesses};
use crate::store::{Entry, Mark, MarkKind, Store, StoreError};
use crate::time::Time;
use crate::tlog::{CheckpointError, Note, NoteError, VerifiedCheckpoint, VerifierKey, VkeyError};
use crate::tsp::{MessageImprint, TimeStampToken, TspError};

/// Anchors of one receipt: more authorities than that say the same again.
const ANCHORS_OF_A_RECEIPT: usize = 8;

/// Why a checkpoint of others' making is not kept. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarkError {
    /// It is not a note.
    Note(NoteError),
    /// It is no checkpoint that this log's key signed.
    Checkpoint(CheckpointError),
    /// The log never signed a checkpoint of this size, or another one of it: it is of another history than this one.
    OtherTree {
        /// Its size.
        size: TreeSize,
        /// Leaves in this tree.
        ours: TreeSize,
    },
    /// A cosignature that names a known witness does not hold.
    Cosignature(NoteError),
    /// Too few independent operators cosigned it at a stated time.
    Quorum {
        /// How many did.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The outside authority's token cannot be read.
    Token(TspError),
    /// The token is over something else than the whole note.
    Imprint,
}

impl fmt::Display for MarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => write!(f, "the checkpoint is not a note: {error}"),
            Self::Checkpoint(error) => write!(f, "the checkpoint is not this log's: {error}"),
            Self::OtherTree { size, ours } => write!(
                f,
                "the checkpoint of size {size} is none that this log, of {ours} leaves, holds. If its signature is of this log's key, \
                 two histories exist: keep both"
            ),
            Self::Cosignature(error) => write!(f, "a cosignature does not hold: {error}"),
            Self::Quorum { found, needed } => write!(
                f,
                "{found} independent operators of witnesses cosigned it at a stated time, and {needed} are a quorum"
            ),
            Self::Token(error) => write!(f, "the outside token cannot be read: {error}"),
            Self::Imprint => {
                f.write_str("the outside token is not over the whole note of the checkpoint")
            }
        }
    }
}

impl core::error::Error for MarkError {}

struct Operator {
    keys: Vec<VerifierKey>,
    independent: bool,
}

/// Whose cosignatures make a checkpoint a mark, counted as `verify` counts them.
pub(super) struct Quorum {
    operators: Vec<Operator>,
    needed: usize,
}

impl Quorum {
    pub(super) fn new(witnesses: &Witnesses) -> Result<Self, VkeyError> {
        let mut operators = Vec::new();
        for operator in &witnesses.operators {
            let keys = operator.keys.iter().map(|key| VerifierKey::parse(key));
            operators.push(Operator {
                keys: keys.collect::<Result<_, _>>()?,
                independent: operator.independent,
            });
        }
        Ok(Self {
            operators,
            needed: usize::try_from(witnesses.quorum).unwrap_or(usize::MAX),
        })
    }

    fn is_needed(&self) -> bool {
        !self.operators.is_empty()
    }

    /// Every cosignature of a known witness holds, and they are a quorum: as of when.
    fn check(&self, checkpoint: &VerifiedCheckpoint) -> Result<Time, MarkError> {
        let mut seen = Vec::new();
        for operator in &self.operators {
            let mut latest = None;
            for key in &operator.keys {
                let cosignatures = checkpoint
                    .cosignatures(key)
                    .map_err(MarkError::Cosignature)?;
                latest = latest.max(cosignatures.iter().filter_map(|one| one.time()).max());
            }
            seen.extend(latest.filter(|_| operator.independent));
        }
        seen.sort_unstable();
        // No witnesses, no quorum of them: a quorum of zero must not make everything a mark.
        let needed = self.needed.max(1);
        let found = seen.len();
        let at = seen.into_iter().rev().nth(needed - 1);
        at.ok_or(MarkError::Quorum { found, needed })
    }

    /// The signature lines of the log and of known witnesses: what others put there was not checked.
    fn known_lines(&self, note: &Note, log: &VerifierKey) -> Result<String, MarkError> {
        let mut kept = Note::unsigned(note.text()).map_err(MarkError::Note)?;
        let keys = || self.operators.iter().flat_map(|operator| &operator.keys);
        for line in note.signatures() {
            let is_of =
                |key: &VerifierKey| *line.name() == *key.name() && line.key_id() == key.key_id();
            let is_twice = kept.signatures().contains(line);
            if !is_twice && (is_of(log) || keys().any(is_of)) {
                kept = kept.with_signature(
                    line.name().clone(),
                    line.key_id(),
                    line.signature().to_vec(),
                );
            }
        }
        Ok(kept.encode())
    }
}

/// What the ledger knows of its marks.
pub(super) struct Marks {
    quorum: Quorum,
    /// Digest of the newest mark: what events name as seen before them.
    newest: RwLock<Option<Sha256Digest>>,
    /// As of when a quorum cosigned it.
    at: RwLock<Option<Time>>,
    /// The empty tree need not be cosigned, or is.
    begun: AtomicBool,
    /// Why nothing may be recorded, although the store is sound.
    halted: RwLock<Option<LedgerError>>,
}

impl Marks {
    pub(super) fn open(
        store: &dyn Store,
        keys: &LogKeys,
        quorum: Quorum,
        size: TreeSize,
    ) -> Result<Self, StoreError> {
        let last = store.last_mark(MarkKind::Cosigned, size)?;
        let begun = size.get() > 0 || last.is_some() || !quorum.is_needed();
        let note = last
            .as_ref()
            .and_then(|mark| Note::parse(mark.note.as_bytes()).ok());
        let checkpoint = note.and_then(|note| VerifiedCheckpoint::verify(&note, keys.key()).ok());
        let at = checkpoint.and_then(|checkpoint| quorum.check(&checkpoint).ok());
        Ok(Self {
            quorum,
            at: RwLock::new(at),
            newest: RwLock::new(last.map(|mark| Sha256Digest::of(mark.note.as_bytes()))),
            begun: AtomicBool::new(begun),
            halted: RwLock::default(),
        })
    }

    /// Digest of the newest mark.
    pub(super) fn newest(&self) -> Option<Sha256Digest> {
        *self.newest.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last_quorum(&self) -> Option<Time> {
        *self.at.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether events may be recorded.
    pub(super) fn check_open(&self) -> Result<(), LedgerError> {
        let halted = self.halted.read().unwrap_or_else(PoisonError::into_inner);
        match &*halted {
            Some(error) => Err(error.clone()),
            None if !self.begun.load(Ordering::Acquire) => Err(LedgerError::NotWitnessed),
            None => Ok(()),
        }
    }

    pub(super) fn halt(&self, why: LedgerError) {
        let mut halted = self.halted.write().unwrap_or_else(PoisonError::into_inner);
        halted.get_or_insert(why);
    }

    /// What is to be kept of a cosigned checkpoint of this log.
    pub(super) fn check_mark(
        &self,
        store: &dyn Store,
        keys: &LogKeys,
        size: TreeSize,
        note: &str,
    ) -> Result<(TreeSize, String, Time), LedgerError> {
        let checkpoint = own(store, keys, size, note)?;
        let at = self.quorum.check(&checkpoint)?;
        let kept = self.quorum.known_lines(checkpoint.note(), keys.key())?;
        Ok((checkpoint.size(), kept, at))
    }

    pub(super) fn marked(&self, mark: &Mark, at: Time) {
        *self.at.write().unwrap_or_else(PoisonError::into_inner) = Some(at);
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        *newest = Some(Sha256Digest::of(mark.note.as_bytes()));
        drop(newest);
        self.begun.store(true, Ordering::Release);
    }
}

impl From<MarkError> for LedgerError {
    fn from(error: MarkError) -> Self {
        Self::Mark(error)
    }
}

/// A checkpoint that this log holds, whoever signed it besides.
fn own(
    store: &dyn Store,
    keys: &LogKeys,
    size: TreeSize,
    note: &str,
) -> Result<VerifiedCheckpoint, LedgerError> {
    let note = Note::parse(note.as_bytes()).map_err(MarkError::Note)?;
    let checkpoint =
        VerifiedCheckpoint::verify(&note, keys.key()).map_err(MarkError::Checkpoint)?;
    let other = MarkError::OtherTree {
        size: checkpoint.size(),
        ours: size,
    };
    if checkpoint.size() > size {
        return Err(other.into());
    }
    let stored = store.checkpoint(checkpoint.size())?;
    let stored = stored.and_then(|stored| Note::parse(stored.as_bytes()).ok());
    if stored.is_none_or(|stored| stored.text() != note.text()) {
        return Err(other.into());
    }
    Ok(checkpoint)
}

/// An anchor of this log: its token is over the whole note.
pub(super) fn check_anchor(
    store: &dyn Store,
    keys: &LogKeys,
    size: TreeSize,
    note: &str,
    token: &[u8],
) -> Result<TreeSize, LedgerError> {
    let checkpoint = own(store, keys, size, note)?;
    check_imprint(note, token)?;
    Ok(checkpoint.size())
}

pub(super) fn check_imprint(note: &str, token: &[u8]) -> Result<(), MarkError> {
    let token = TimeStampToken::parse(token).map_err(MarkError::Token)?;
    let imprint = token.tst_info().message_imprint();
    let expected = imprint
        .hash_algorithm()
        .map(|algorithm| MessageImprint::of(algorithm, note.as_bytes()));
    if expected.as_ref() != Some(imprint) {
        return Err(MarkError::Imprint);
    }
    Ok(())
}

/// What of a receipt grows after it was given: everything but event, personal part and token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// C2SP tlog-proof text under the first cosigned checkpoint that contains the entry; where there is none yet, under the
    /// first anchored or else the newest one.
    pub proof: String,
    /// The last cosigned checkpoint without the entry.
    pub before: Option<String>,
    /// From that to the proof's checkpoint.
    pub consistency: Vec<[u8; 32]>,
    /// Outside tokens over that checkpoint or the next one that has any.
    pub anchors: Vec<Anchor>,
}

/// The upgrade of a published entry; `newest` is a checkpoint that contains it.
pub(super) fn upgrade(
    store: &dyn Store,
    keys: &LogKeys,
    entry: &Entry,
    newest: (TreeSize, RootHash, &str),
) -> Result<Upgrade, LedgerError> {
    let index = entry.index;
    let with = (TreeSize::new(index.get().saturating_add(1)), 0);
    let first = |kind, from| -> Result<Option<Mark>, StoreError> {
        let mark = store.marks(kind, from, 1)?.pop();
        // What is durable but not published yet is not shown.
        Ok(mark.filter(|mark| mark.size <= newest.0))
    };
    let shown = match first(MarkKind::Cosigned, with)? {
        Some(mark) => Some(mark),
        None => first(MarkKind::Anchored, with)?,
    };
    let (size, root, note) = match &shown {
        None => newest,
        Some(mark) => (mark.size, root_of(keys, mark)?, mark.note.as_str()),
    };
    let reader = TileReader::new(newest.0, |name: &Tile| receipts::tile(store, name));
    let tree = receipts::Signed {
        size,
        root,
        checkpoint: note,
    };
    let proof = Prover::new(&reader, &tree).proof(&hash_leaf(&entry.leaf), index)?;
    let consistent =
        |old: (TreeSize, RootHash), new: (TreeSize, RootHash)| consistency(&reader, old, new);
    let before = store.last_mark(MarkKind::Cosigned, TreeSize::new(index.get()))?;
    let hashes = match &before {
        None => Vec::new(),
        Some(before) => consistent((before.size, root_of(keys, before)?), (size, root))?,
    };
    let mut anchors = Vec::new();
    if let Some(next) = first(MarkKind::Anchored, (size, 0))? {
        for anchor in store.marks(MarkKind::Anchored, (next.size, 0), ANCHORS_OF_A_RECEIPT)? {
            if anchor.size == next.size
                && let Some(token) = &anchor.token
            {
                let later = (anchor.size, root_of(keys, &anchor)?);
                anchors.push(Anchor {
                    checkpoint: anchor.note.clone(),
                    consistency: consistent((size, root), later)?,
                    token: token.clone(),
                });
            }
        }
    }
    Ok(Upgrade {
        proof: proof_text(index, &proof, note),
        before: before.map(|before| before.note),
        consistency: hashes,
        anchors,
    })
}

/// The root that the log signed in a mark.
fn root_of(keys: &LogKeys, mark: &Mark) -> Result<RootHash, LedgerError> {
    let note = Note::parse(mark.note.as_bytes()).ok();
    let checkpoint = note.and_then(|note| VerifiedCheckpoint::verify(&note, keys.key()).ok());
    let checkpoint = checkpoint.filter(|checkpoint| checkpoint.size() == mark.size);
    let damaged = StoreError::Damaged {
        what: "a cosigned or anchored checkpoint",
    };
    Ok(*checkpoint.ok_or(damaged)?.root())
}

/// Proven as any verifier would, before it leaves.
fn consistency<F>(
    reader: &TileReader<F>,
    (old, old_root): (TreeSize, RootHash),
    (new, new_root): (TreeSize, RootHash),
) -> Result<Vec<[u8; 32]>, LedgerError>
where
    F: Fn(&Tile) -> Result<Vec<u8>, StoreError>,
{
    // Every tree extends the empty one.
    if old.get() == 0 {
        return Ok(Vec::new());
    }
    let problem = |error: &dyn fmt::Display| LedgerError::ProofFailed(error.to_string());
    let proof = consistency_proof(reader, old, new).map_err(|error| problem(&error))?;
    verify_consistency(old, &old_root, new, &new_root, &proof).map_err(|error| problem(&error))?;
    Ok(proof.hashes().iter().map(|hash| *hash.as_bytes()).collect())
}

/// What is wrong with a stored mark, whose witnesses' keys are given: `fsck` knows the tree.
pub(super) fn check_stored(
    mark: &Mark,
    log: &VerifierKey,
    root: &RootHash,
    witnesses: &[VerifierKey],
) -> Result<(), String> {
    let note = Note::parse(mark.note.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = VerifiedCheckpoint::verify(&note, log).map_err(|error| error.to_string())?;
    if checkpoint.size() != mark.size || checkpoint.root() != root {
        return Err("it is of another tree than the entries give".to_string());
    }
    let mut cosignatures = 0;
    for line in note.signatures() {
        if *line.name() == *log.name() && line.key_id() == log.key_id() {
            continue;
        }
        let mut keys = witnesses.iter();
        let key = keys.find(|key| *line.name() == *key.name() && line.key_id() == key.key_id());
        let key = key.ok_or_else(|| {
            alloc::format!(
                "{} cosigned it, which is no witness of this log",
                line.name()
            )
        })?;
        checkpoint
            .cosignatures(key)
            .map_err(|error| error.to_string())?;
        cosignatures += 1;
    }
    match &mark.token {
        None if cosignatures == 0 => Err("nobody cosigned it".to_string()),
        None => Ok(()),
        Some(token) => check_imprint(&mark.note, token).map_err(|error| error.to_string()),
    }
}

/// The place of a leaf, for looking up what was kept around it.
#[must_use]
pub(super) fn published(index: Option<LeafIndex>, size: TreeSize) -> Option<LeafIndex> {
    // What is durable but not published yet was not acknowledged either.
    index.filter(|index| index.get() < size.get())
}
