// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The protocol of [C2SP tlog-witness](https://c2sp.org/tlog-witness): its one request, and what a witness checks before it
//! cosigns.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{
    Checkpoint, CheckpointError, Note, NoteError, VerifiedCheckpoint, VerifierKey, base64_encode,
    base64_hash, decimal,
};
use crate::merkle::{ConsistencyProof, MerkleError, NodeHash, TreeSize, verify_consistency};

/// Media type of the size that a conflict is answered with.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";
/// Consistency hashes of one request.
pub const MAX_PROOF_LINES: usize = 63;
/// A request is a checkpoint with some cosignatures, ML-DSA-44's of 3.3 KB each among them, and 63 hashes.
pub const MAX_REQUEST_BYTES: usize = 64 << 10;

/// Why a request cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// It is longer than any.
    TooLong,
    /// The first line is not `old` and a size in decimal.
    Old,
    /// A line of the proof is not 32 bytes in base64, or there are more than 63.
    Proof {
        /// Which, from 1.
        line: usize,
    },
    /// No empty line ends the proof.
    Form,
    /// The note.
    Note(NoteError),
    /// The note is no checkpoint.
    Checkpoint(CheckpointError),
}

impl fmt::Display for AddCheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the request is longer than {MAX_REQUEST_BYTES} bytes"),
            Self::Old => {
                f.write_str("the first line must be \"old\", a space and a tree size in decimal")
            }
            Self::Proof { line } => write!(
                f,
                "line {line} of the consistency proof is not 32 bytes in base64, or one of more than {MAX_PROOF_LINES}"
            ),
            Self::Form => f.write_str("an empty line must stand between proof and checkpoint"),
            Self::Note(error) => write!(f, "the checkpoint is not a note: {error}"),
            Self::Checkpoint(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AddCheckpointError {}

/// The body of `add-checkpoint`.
///
/// ```text
/// old <size>
/// base64(<consistency hash>), at most 63 lines
/// <empty line>
/// <signed checkpoint>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the tree that the witness is thought to have cosigned last.
    pub old: TreeSize,
    /// From that to the checkpoint's.
    pub proof: ConsistencyProof,
    /// The checkpoint.
    pub note: Note,
}

impl AddCheckpoint {
    /// Reads a request in its one form.
    ///
    /// # Errors
    /// [`AddCheckpointError`].
    pub fn parse(body: &[u8]) -> Result<Self, AddCheckpointError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(AddCheckpointError::TooLong);
        }
        let text = core::str::from_utf8(body).map_err(|_| AddCheckpointError::Form)?;
        let (head, note) = text.split_once("\n\n").ok_or(AddCheckpointError::Form)?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(decimal)
            .ok_or(AddCheckpointError::Old)?;
        let mut hashes = Vec::new();
        for (line, place) in lines.zip(1..) {
            let wrong = AddCheckpointError::Proof { line: place };
            if place > MAX_PROOF_LINES {
                return Err(wrong);
            }
            hashes.push(NodeHash::from_bytes(base64_hash(line).ok_or(wrong)?));
        }
        let note = Note::parse(note.as_bytes()).map_err(AddCheckpointError::Note)?;
        Ok(Self {
            old: TreeSize::new(old),
            proof: ConsistencyProof::new(hashes),
            note,
        })
    }

    /// The body.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in self.proof.hashes() {
            body.push_str(&base64_encode(hash.as_bytes()));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.note.encode());
        body
    }
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The request cannot be read.
    Malformed(AddCheckpointError),
    /// A log that this witness does not guard.
    UnknownLog {
        /// The origin.
        origin: String,
    },
    /// No key of the log signed it.
    Signature(CheckpointError),
    /// The old size is beyond the new one.
    OldBeyondNew,
    /// The old size is not that of the tree cosigned last.
    Conflict {
        /// That size.
        size: TreeSize,
    },
    /// The log signed two trees of one size: it shows two histories.
    SplitView {
        /// Their size.
        size: TreeSize,
        /// The checkpoint that was cosigned, whole.
        cosigned: String,
        /// The other one, whole.
        other: String,
    },
    /// The new tree is not shown to extend the old one.
    Inconsistent(MerkleError),
}

impl Refusal {
    /// The status that the specification gives it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::OldBeyondNew => 400,
            Self::Signature(_) => 403,
            Self::UnknownLog { .. } => 404,
            Self::Conflict { .. } | Self::SplitView { .. } => 409,
            Self::Inconsistent(_) => 422,
        }
    }

    /// The size that a conflict is answered with.
    #[must_use]
    pub const fn size(&self) -> Option<TreeSize> {
        match self {
            Self::Conflict { size } | Self::SplitView { size, .. } => Some(*size),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::UnknownLog { origin } => write!(f, "the log {origin:?} is not guarded here"),
            Self::Signature(error) => error.fmt(f),
            Self::OldBeyondNew => f.write_str("the old size is beyond the checkpoint's"),
            Self::Conflict { size } => write!(f, "the tree cosigned last has {size} leaves"),
            Self::SplitView { size, .. } => {
                write!(
                    f,
                    "the log signed two trees of {size} leaves: two histories"
                )
            }
            Self::Inconsistent(error) => {
                write!(
                    f,
                    "the new tree is not shown to extend the old one: {error}"
                )
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// What a witness checks, in the order of the specification. `logs` are the keys that it trusts, each named as its origin;
/// `cosigned` finds the checkpoint that was cosigned last for an origin, whole.
///
/// Whoever calls it must write the new checkpoint durably before the cosignature leaves, and let no other request for this origin in
/// between.
///
/// # Errors
/// [`Refusal`].
pub fn judge(
    request: &AddCheckpoint,
    logs: &[VerifierKey],
    cosigned: Option<&Note>,
) -> Result<VerifiedCheckpoint, Refusal> {
    let malformed = |error| Refusal::Malformed(AddCheckpointError::Checkpoint(error));
    let parsed = Checkpoint::parse(request.note.text()).map_err(malformed)?;
    let mut keys = logs
        .iter()
        .filter(|key| key.name().as_str() == parsed.origin())
        .peekable();
    if keys.peek().is_none() {
        return Err(Refusal::UnknownLog {
            origin: parsed.origin().chars().take(255).collect(),
        });
    }
    let (mut checkpoint, mut failure) = (None, None);
    for key in keys {
        match VerifiedCheckpoint::verify(&request.note, key) {
            Ok(verified) => checkpoint = Some(verified),
            Err(error) => failure = Some(error),
        }
    }
    let Some(checkpoint) = checkpoint else {
        return Err(Refusal::Signature(
            failure.unwrap_or(CheckpointError::Lines),
        ));
    };
    let (old, size) = (request.old, checkpoint.size());
    if old > size {
        return Err(Refusal::OldBeyondNew);
    }
    let last = cosigned.map(|note| Checkpoint::parse(note.text()));
    // What was stored was checked then; what cannot be read any more is no checkpoint to go on from.
    let last = last.transpose().map_err(malformed)?;
    if let (Some(last), Some(note)) = (&last, cosigned)
        && last.size() == size
        && last.root() != checkpoint.root()
    {
        return Err(Refusal::SplitView {
            size,
            cosigned: note.encode(),
            other: request.note.encode(),
        });
    }
    let known = last.as_ref().map_or(TreeSize::new(0), Checkpoint::size);
    if old != known {
        return Err(Refusal::Conflict { size: known });
    }
    match last.filter(|last| last.size().get() > 0) {
        // Every tree extends the empty one, and nothing is to be shown.
        None if request.proof.hashes().is_empty() => Ok(checkpoint),
        None => Err(Refusal::Inconsistent(MerkleError::OldTreeEmpty)),
        Some(last) => {
            verify_consistency(old, last.root(), size, checkpoint.root(), &request.proof)
                .map_err(Refusal::Inconsistent)?;
            Ok(checkpoint)
        }
    }
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::LogSigner;
    use crate::merkle::{Edge, hash_leaf};
    use crate::tlog::{KeyId, KeyName};

    const ORIGIN: &str = "log.example/1";

    fn signer(seed: u8) -> LogSigner {
        LogSigner::from_seed(&[seed; 32]).unwrap()
    }

    fn key() -> VerifierKey {
        VerifierKey::parse(&signer(1).vkey(ORIGIN)).unwrap()
    }

    /// The tree of these leaves, signed by a key under the log's name.
    fn signed(leaves: &[&str], seed: u8) -> Note {
        let mut edge = Edge::empty();
        for leaf in leaves {
            edge.append(hash_leaf(leaf.as_bytes()));
        }
        let text = Checkpoint::new(ORIGIN, edge.size(), edge.root())
            .unwrap()
            .encode();
        let signature = signer(seed).sign(text.as_bytes()).to_vec();
        let id = KeyId::from_bytes(signer(seed).key_id(ORIGIN));
        let name = KeyName::new(ORIGIN).unwrap();
        Note::unsigned(text)
            .unwrap()
            .with_signature(name, id, signature)
    }

    fn request(old: u64, proof: &[NodeHash], note: Note) -> AddCheckpoint {
        AddCheckpoint {
            old: TreeSize::new(old),
            proof: ConsistencyProof::new(proof.to_vec()),
            note,
        }
    }

    #[test]
    fn a_request_is_read_as_it_is_written_and_in_no_other_form() {
        let hash = NodeHash::from_bytes([7; 32]);
        let one = request(3, &[hash, hash], signed(&["a"], 1));
        assert_eq!(
            AddCheckpoint::parse(one.encode().as_bytes()).as_ref(),
            Ok(&one)
        );
        let text = one.encode();
        for (from, to) in [
            ("old 3", "old 03"),
            ("old 3", "old +3"),
            ("old 3", "old  3"),
            ("old 3", "new 3"),
            ("old 3\n", "old 3\r\n"),
            ("BwcHBw", "BwcHB"),
            ("=\n\n", "=\n"),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text);
            assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{to}");
        }
        let many = request(3, &[hash; 63], signed(&["a"], 1));
        assert!(AddCheckpoint::parse(many.encode().as_bytes()).is_ok());
        let more = request(3, &[hash; 64], signed(&["a"], 1));
        assert_eq!(
            AddCheckpoint::parse(more.encode().as_bytes()),
            Err(AddCheckpointError::Proof { line: 64 })
        );
        let long = alloc::vec![b'x'; MAX_REQUEST_BYTES + 1];
        assert_eq!(
            AddCheckpoint::parse(&long),
            Err(AddCheckpointError::TooLong)
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
            place in 0_usize..1000,
            byte in proptest::num::u8::ANY,
        ) {
            let hash = NodeHash::from_bytes([7; 32]);
            let mut near = request(3, &[hash, hash], signed(&["a"], 1)).encode().into_bytes();
            let place = place % near.len();
            near[place] = byte;
            for text in [bytes, near] {
                if let Ok(read) = AddCheckpoint::parse(&text) {
                    proptest::prop_assert_eq!(read.encode().into_bytes(), text);
                }
            }
        }
    }

    #[test]
    fn checks_follow_the_order_of_the_specification() {
        let logs = [key()];
        let status = |request: &AddCheckpoint, cosigned: Option<&Note>| {
            judge(request, &logs, cosigned).map_or_else(|refusal| refusal.status(), |_| 200)
        };
        let (one, two) = (signed(&["a"], 1), signed(&["a", "b"], 1));
        let b = NodeHash::from_bytes(*hash_leaf(b"b").as_bytes());
        assert_eq!(status(&request(0, &[], one.clone()), None), 200);
        assert_eq!(status(&request(1, &[b], two.clone()), Some(&one)), 200);
        assert_eq!(status(&request(2, &[], two.clone()), Some(&two)), 200);
        assert!(
            judge(&request(0, &[], one.clone()), &[], None)
                .unwrap_err()
                .status()
                == 404
        );
        // The log's name, another key.
        let forged = request(3, &[], signed(&["a"], 2));
        assert_eq!(status(&forged, Some(&one)), 403);
        assert_eq!(status(&request(3, &[b], two.clone()), Some(&one)), 400);
        assert_eq!(status(&request(0, &[], two.clone()), Some(&one)), 409);
        assert_eq!(status(&request(1, &[], one.clone()), None), 409);
        assert_eq!(status(&request(1, &[], two.clone()), Some(&one)), 422);
        assert_eq!(status(&request(0, &[b], two.clone()), None), 422);
        assert_eq!(status(&request(2, &[b], two.clone()), Some(&two)), 422);
        // Back to a smaller tree, whatever is claimed.
        for old in [0, 1] {
            let back = request(old, &[], one.clone());
            let refusal = judge(&back, &logs, Some(&two)).unwrap_err();
            assert_eq!(
                refusal,
                Refusal::Conflict {
                    size: TreeSize::new(2)
                }
            );
        }
    }

    #[test]
    fn two_trees_of_one_size_are_told_with_both_checkpoints_whole() {
        let (ours, theirs) = (signed(&["a", "b"], 1), signed(&["a", "c"], 1));
        for old in [0, 1, 2] {
            let other = request(old, &[], theirs.clone());
            assert_eq!(
                judge(&other, &[key()], Some(&ours)),
                Err(Refusal::SplitView {
                    size: TreeSize::new(2),
                    cosigned: ours.encode(),
                    other: theirs.encode(),
                })
            );
        }
        // Whoever has no key of the log cannot make it look like two histories.
        let forged = request(2, &[], signed(&["a", "c"], 2));
        let refusal = judge(&forged, &[key()], Some(&ours)).unwrap_err();
        assert_eq!(refusal.status(), 403);
    }
}
