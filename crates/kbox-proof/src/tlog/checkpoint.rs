// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checkpoints: what a log commits to.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::cosignature::{self, VerifiedCosignature};
use super::note::{Note, NoteError};
use super::vkey::{SignatureType, VerifierKey};
use super::{base64_encode, base64_hash, decimal};
use crate::merkle::{RootHash, TreeSize};
use crate::tsp::certificate_name::printable;

/// Why a checkpoint cannot be read or does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note around it is malformed, or its signature does not hold.
    Note(NoteError),
    /// The origin is empty, longer than 255 bytes or has a line break or a control character.
    Origin,
    /// The tree size is not a decimal number without leading zeros.
    Size,
    /// The root is not 32 bytes in base64.
    Root,
    /// The tree is said to be empty, but the root is not that of the empty tree.
    EmptyTreeRoot,
    /// A line is missing, or an extension line is empty.
    Lines,
    /// The key's name is not the checkpoint's origin, so it is another log's.
    WrongOrigin {
        /// The origin found.
        found: String,
        /// The name of the log's key.
        expected: String,
    },
    /// There are extension lines, which an ML-DSA-44 signature leaves unsigned.
    UnsignedExtensions,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note(error) => write!(f, "the checkpoint's note does not hold: {error}"),
            Self::Origin => f.write_str("the checkpoint's origin must be one line of 1 to 255 bytes without control characters"),
            Self::Size => f.write_str("the checkpoint's second line is not a tree size in decimal without leading zeros"),
            Self::Root => f.write_str("the checkpoint's third line is not a SHA-256 hash in base64"),
            Self::EmptyTreeRoot => f.write_str("the checkpoint says that the tree is empty but gives another root than the empty tree's"),
            Self::Lines => f.write_str("the checkpoint needs an origin, a size and a root line, and no empty line after them"),
            Self::WrongOrigin { found, expected } => {
                write!(f, "the checkpoint is of log {}, not of {expected}; use the key of that log", printable(found))
            }
            Self::UnsignedExtensions => f.write_str("the checkpoint has extension lines, which its ML-DSA-44 signature does not cover"),
        }
    }
}

impl core::error::Error for CheckpointError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Note(error) => Some(error),
            _ => None,
        }
    }
}

impl From<NoteError> for CheckpointError {
    fn from(error: NoteError) -> Self {
        Self::Note(error)
    }
}

/// Size and root of a log, as text; signed by nobody yet, or not checked.
///
/// ```text
/// <origin>
/// <tree size>
/// base64(<root hash>)
/// <extension lines, none from us>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: TreeSize,
    root: RootHash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    ///
    /// # Errors
    /// [`CheckpointError`] when the origin is not one, or a tree of size 0 has another root than the empty tree's.
    pub fn new(
        origin: impl Into<String>,
        size: TreeSize,
        root: RootHash,
    ) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if origin.is_empty() || origin.len() > 255 || origin.contains(char::is_control) {
            return Err(CheckpointError::Origin);
        }
        if size.get() == 0 && root != RootHash::of_empty_tree() {
            return Err(CheckpointError::EmptyTreeRoot);
        }
        Ok(Self {
            origin,
            size,
            root,
            extensions: Vec::new(),
        })
    }

    /// Reads a note's text.
    ///
    /// # Errors
    /// [`CheckpointError`] when the text is not a checkpoint in its one form.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Lines)?
            .split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        let size = decimal(size)
            .map(TreeSize::new)
            .ok_or(CheckpointError::Size)?;
        let root = base64_hash(root)
            .map(RootHash::from_bytes)
            .ok_or(CheckpointError::Root)?;
        let mut checkpoint = Self::new(origin, size, root)?;
        for line in lines {
            if line.is_empty() {
                return Err(CheckpointError::Lines);
            }
            checkpoint.extensions.push(line.to_string());
        }
        Ok(checkpoint)
    }

    /// The text to sign, with its last newline.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            base64_encode(self.root.as_bytes())
        );
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The log's identity.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The tree's root.
    #[must_use]
    pub const fn root(&self) -> &RootHash {
        &self.root
    }

    /// Extension lines; the specification advises against them.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// A checkpoint that its log has signed. Made only by [`VerifiedCheckpoint::verify`].
///
/// It says that the log committed to this tree. It says neither when, nor that the log shows everybody the same tree: for
/// that see [`VerifiedCheckpoint::cosignatures`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl VerifiedCheckpoint {
    /// Checks that the log whose key this is signed the checkpoint in `note`.
    ///
    /// The key's name must be the checkpoint's origin. Every signature that names the key must hold.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(note: &Note, log: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != log.name().as_str() {
            let expected = log.name().to_string();
            return Err(CheckpointError::WrongOrigin {
                found: checkpoint.origin,
                expected,
            });
        }
        if !log.signature_type().is_for_logs() {
            return Err(NoteError::WrongKeyType {
                name: log.name().clone(),
            }
            .into());
        }
        let mut signed = false;
        for line in log.lines_of(note) {
            match log.signature_type() {
                SignatureType::Ed25519 => {
                    log.verify_raw(note.text().as_bytes(), line.signature())?
                }
                _ => {
                    cosignature::verify(&checkpoint, note.text(), log, line)?;
                    if !checkpoint.extensions.is_empty() {
                        return Err(CheckpointError::UnsignedExtensions);
                    }
                }
            }
            signed = true;
        }
        if !signed {
            return Err(NoteError::NotSignedBy {
                name: log.name().clone(),
                key_id: log.key_id(),
            }
            .into());
        }
        Ok(Self {
            checkpoint,
            note: note.clone(),
        })
    }

    /// All cosignatures by one witness; empty when it has not cosigned.
    ///
    /// # Errors
    /// [`NoteError`] when one that names this key does not hold, or the key is not a witness's: the note is to be refused.
    pub fn cosignatures(
        &self,
        witness: &VerifierKey,
    ) -> Result<Vec<VerifiedCosignature>, NoteError> {
        self.each_cosignature(witness).collect()
    }

    /// As [`Self::cosignatures`]: those that hold among others.
    pub(crate) fn each_cosignature<'a>(
        &'a self,
        witness: &'a VerifierKey,
    ) -> impl Iterator<Item = Result<VerifiedCosignature, NoteError>> + 'a {
        let of_no_witness = !witness.signature_type().is_cosignature();
        let wrong = of_no_witness.then(|| NoteError::WrongKeyType {
            name: witness.name().clone(),
        });
        // Whoever repeats a line makes nobody check it again.
        let mut seen = Vec::new();
        let lines = witness.lines_of(&self.note).filter(move |line| {
            let is_new = !of_no_witness && !seen.contains(&line.signature());
            seen.push(line.signature());
            is_new
        });
        wrong.into_iter().map(Err).chain(
            lines
                .map(|line| cosignature::verify(&self.checkpoint, self.note.text(), witness, line)),
        )
    }

    /// What was signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The log's identity.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.checkpoint.origin()
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.checkpoint.size
    }

    /// The tree's root.
    #[must_use]
    pub const fn root(&self) -> &RootHash {
        &self.checkpoint.root
    }

    /// The note, exactly as it was signed, with all signature lines; those of other keys are not verified.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}
