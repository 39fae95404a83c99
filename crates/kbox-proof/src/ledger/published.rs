// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What everybody may read of a log, be it the present one or a closed one that it goes on for.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Ledger, LedgerError};
use crate::merkle::{LeafIndex, Tile, TreeSize};
use crate::store::{Mark, MarkKind, Store};

/// A log under the newest checkpoint that it had when this was made.
pub struct PublishedLog<'a> {
    store: &'a dyn Store,
    size: TreeSize,
    checkpoint: String,
}

impl fmt::Debug for PublishedLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedLog")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// The present log.
    #[must_use]
    pub fn present(&self) -> PublishedLog<'_> {
        let head = self.head();
        PublishedLog {
            store: self.store().as_ref(),
            size: head.size,
            checkpoint: head.checkpoint,
        }
    }

    /// The closed log of this number, from 1, the oldest first.
    #[must_use]
    pub fn closed_log(&self, number: usize) -> Option<PublishedLog<'_>> {
        let earlier = &self.shared.earlier.0;
        let closed = earlier.get(earlier.len().checked_sub(number)?)?;
        let head = closed.head();
        Some(PublishedLog {
            store: closed.store.as_ref(),
            size: head.size,
            checkpoint: head.checkpoint.clone(),
        })
    }
}

impl PublishedLog<'_> {
    /// The newest signed checkpoint, a C2SP note.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// The checkpoint of an earlier size, as it was first cosigned where it was; `None` when none was made at that size.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn checkpoint_at(&self, size: TreeSize) -> Result<Option<String>, LedgerError> {
        if size > self.size {
            return Ok(None);
        }
        let first = self.marks(MarkKind::Cosigned, (size, 0), 1)?.pop();
        match first.filter(|mark| mark.size == size) {
            Some(mark) => Ok(Some(mark.note)),
            None => Ok(self.store.checkpoint(size)?),
        }
    }

    /// Up to `most` marks, or anchors, by size and number, from `from` on.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn marks(
        &self,
        kind: MarkKind,
        from: (TreeSize, u64),
        most: usize,
    ) -> Result<Vec<Mark>, LedgerError> {
        Ok(self.store.marks(kind, from, most)?)
    }

    /// The bytes of a tile of this tree or of an earlier one.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, LedgerError> {
        let widest = Tile::of_tree(tile.level(), tile.index(), self.size);
        if widest.is_none_or(|widest| tile.width() > widest.width()) {
            return Ok(None);
        }
        Ok(self.store.read_tile(tile)?)
    }

    /// Up to `count` leaves from `first`, fewer at the end of the log.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn entries(&self, first: LeafIndex, count: u16) -> Result<Vec<Vec<u8>>, LedgerError> {
        let published = self.size.get().saturating_sub(first.get());
        let count = count.min(u16::try_from(published).unwrap_or(u16::MAX));
        Ok(self.store.read_entries(first, count)?)
    }
}
