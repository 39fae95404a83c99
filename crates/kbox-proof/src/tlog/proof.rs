// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `.tlog-proof` files: that one entry is in a log, checkable offline.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use super::checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint};
use super::note::{MAX_NOTE_BYTES, Note, NoteError};
use super::vkey::VerifierKey;
use super::{base64_decode, base64_encode, base64_hash, base64_hash_onto, decimal};
use crate::merkle::{
    InclusionProof, LeafHash, LeafIndex, MAX_PROOF_HASHES, MerkleError, NodeHash, verify_inclusion,
};

/// Longest `extra` accepted, decoded.
pub const MAX_EXTRA_BYTES: usize = 64 * 1024;
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a tlog-proof cannot be read or does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlogProofError {
    /// The file is longer than any proof within the limits.
    TooLong {
        /// Bytes found.
        bytes: usize,
    },
    /// The first line is not `c2sp.org/tlog-proof@v1`.
    Header,
    /// The `extra` line is not base64 or too long.
    Extra,
    /// There is no `index` line with a decimal number without leading zeros.
    Index,
    /// A line of the inclusion proof is not a SHA-256 hash in base64, or there are too many.
    Hash {
        /// Which, from 1.
        line: usize,
    },
    /// The file ends before the checkpoint.
    CutOff,
    /// The checkpoint is malformed, or the log's signature does not hold.
    Checkpoint(CheckpointError),
    /// The leaf is not in the checkpoint's tree.
    Inclusion(MerkleError),
}

impl fmt::Display for TlogProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(
                f,
                "the proof has {bytes} bytes, more than any proof within the limits"
            ),
            Self::Header => write!(
                f,
                "the first line is not «{HEADER}»; this is not a tlog-proof of a known version"
            ),
            Self::Extra => write!(
                f,
                "the extra line is not base64 of 1 to {MAX_EXTRA_BYTES} bytes"
            ),
            Self::Index => {
                f.write_str("the line «index N», N in decimal without leading zeros, is missing")
            }
            Self::Hash { line } => write!(
                f,
                "line {line} of the inclusion proof is not a SHA-256 hash in base64, or is one too many"
            ),
            Self::CutOff => f.write_str("the proof ends before its checkpoint; get the file whole"),
            Self::Checkpoint(error) => error.fmt(f),
            Self::Inclusion(error) => {
                write!(f, "the entry is not in the checkpoint's tree: {error}")
            }
        }
    }
}

impl core::error::Error for TlogProofError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Checkpoint(error) => Some(error),
            Self::Inclusion(error) => Some(error),
            _ => None,
        }
    }
}

impl From<NoteError> for TlogProofError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(CheckpointError::Note(error))
    }
}

/// The text of a tlog-proof under an encoded checkpoint.
pub(crate) fn encode(
    extra: Option<&[u8]>,
    index: LeafIndex,
    proof: &InclusionProof,
    checkpoint: &str,
) -> String {
    // A hash in base64 and its line's end have 45 bytes.
    let lines = HEADER.len() + 32 + 45 * proof.hashes().len();
    let mut text = String::with_capacity(lines + checkpoint.len());
    text.push_str(HEADER);
    if let Some(extra) = extra {
        text.push_str("\nextra ");
        text.push_str(&base64_encode(extra));
    }
    text.push_str(&format!("\nindex {index}\n"));
    for hash in proof.hashes() {
        base64_hash_onto(&mut text, hash.as_bytes());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(checkpoint);
    text
}

/// A parsed tlog-proof; nothing in it is checked. Parsing then encoding gives the same bytes.
///
/// ```text
/// c2sp.org/tlog-proof@v1
/// extra <base64, optional, authenticated by nothing>
/// index <decimal>
/// <base64 hashes, leaf's sibling first>
///
/// <checkpoint, a signed note>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: LeafIndex,
    proof: InclusionProof,
    checkpoint: Note,
}

impl TlogProof {
    /// Puts a proof together; `extra` empty or over [`MAX_EXTRA_BYTES`] could not be read back and is left out.
    #[must_use]
    pub fn new(
        extra: Option<Vec<u8>>,
        index: LeafIndex,
        proof: InclusionProof,
        checkpoint: Note,
    ) -> Self {
        let extra = extra.filter(|extra| (1..=MAX_EXTRA_BYTES).contains(&extra.len()));
        Self {
            extra,
            index,
            proof,
            checkpoint,
        }
    }

    /// Reads a proof in its one form.
    ///
    /// # Errors
    /// [`TlogProofError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES {
            return Err(TlogProofError::TooLong { bytes: bytes.len() });
        }
        let text = core::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        let next = |rest: &mut &str| -> Result<String, TlogProofError> {
            let (line, after) = rest.split_once('\n').ok_or(TlogProofError::CutOff)?;
            *rest = after;
            Ok(line.into())
        };
        let mut rest = text;
        if next(&mut rest)? != HEADER {
            return Err(TlogProofError::Header);
        }
        let mut line = next(&mut rest)?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            let decoded =
                base64_decode(encoded).filter(|extra| (1..=MAX_EXTRA_BYTES).contains(&extra.len()));
            extra = Some(decoded.ok_or(TlogProofError::Extra)?);
            line = next(&mut rest)?;
        }
        let index = line
            .strip_prefix("index ")
            .and_then(decimal)
            .map(LeafIndex::new)
            .ok_or(TlogProofError::Index)?;
        let mut hashes = Vec::new();
        loop {
            let line = next(&mut rest)?;
            if line.is_empty() {
                break;
            }
            let hash = base64_hash(&line).filter(|_| hashes.len() < MAX_PROOF_HASHES);
            hashes.push(NodeHash::from_bytes(hash.ok_or(TlogProofError::Hash {
                line: hashes.len() + 1,
            })?));
        }
        let checkpoint = Note::parse(rest.as_bytes())?;
        Checkpoint::parse(checkpoint.text()).map_err(TlogProofError::Checkpoint)?;
        Ok(Self {
            extra,
            index,
            proof: InclusionProof::new(hashes),
            checkpoint,
        })
    }

    /// The file's text.
    #[must_use]
    pub fn encode(&self) -> String {
        let extra = self.extra.as_deref();
        encode(extra, self.index, &self.proof, &self.checkpoint.encode())
    }

    /// Checks that `log` signed the checkpoint and that the leaf is in its tree: steps 2 and 4 of the specification. Step 1,
    /// the leaf's hash, is the caller's; step 3, the witnesses, is [`TlogPolicy::verify`](super::TlogPolicy::verify) or
    /// [`VerifiedCheckpoint::cosignatures`] on what this returns.
    ///
    /// # Errors
    /// [`TlogProofError::Checkpoint`] or [`TlogProofError::Inclusion`].
    pub fn verify(
        &self,
        leaf: &LeafHash,
        log: &VerifierKey,
    ) -> Result<VerifiedCheckpoint, TlogProofError> {
        let checkpoint = VerifiedCheckpoint::verify(&self.checkpoint, log)
            .map_err(TlogProofError::Checkpoint)?;
        self.verify_inclusion_in(leaf, &checkpoint)?;
        Ok(checkpoint)
    }

    /// Checks that the leaf is in the tree of a checkpoint already verified: step 4 alone.
    ///
    /// # Errors
    /// [`TlogProofError::Inclusion`].
    pub fn verify_inclusion_in(
        &self,
        leaf: &LeafHash,
        checkpoint: &VerifiedCheckpoint,
    ) -> Result<(), TlogProofError> {
        verify_inclusion(
            leaf,
            self.index,
            checkpoint.size(),
            &self.proof,
            checkpoint.root(),
        )
        .map_err(TlogProofError::Inclusion)
    }

    /// Application data, which nothing authenticates.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Where the leaf is said to be.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The audit path.
    #[must_use]
    pub const fn proof(&self) -> &InclusionProof {
        &self.proof
    }

    /// The checkpoint's note, unverified.
    #[must_use]
    pub const fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }
}
