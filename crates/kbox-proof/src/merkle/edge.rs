// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The right edge of a growing tree, in memory: all that is needed to append.

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use super::hash::{LeafHash, LeafIndex, NodeHash, RootHash, TreeSize};
use super::prove::{HashReader, root};
use super::tile::{
    TILE_WIDTH, Tile, TileError, TileNodes, TileReadError, TileReader, hashes_at, locate,
};

/// Far beyond any log (a million entries a second for 146,000 years), and so far below 2⁶⁴ that no count overflows.
pub const MAX_TREE_SIZE: u64 = 1 << 62;

/// Full tiles kept for proofs of recent entries: 16 KiB each, and 16,384 entries.
const KEPT_TILES: usize = 64;

/// The partial tiles of a tree, level by level, with the tiles not yet taken for storing.
///
/// A clone is cheap (some 16 KiB a level), so a batch is appended to a clone that replaces the original once the batch is
/// durable, and is dropped when it failed.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// The partial tile of each level, 0 to 255 hashes wide.
    levels: Vec<Level>,
    /// Full tiles not yet taken.
    completed: Vec<(Tile, Arc<TileNodes>)>,
    /// Full tiles taken already, newest last.
    kept: Vec<(Tile, Arc<TileNodes>)>,
}

#[derive(Clone, Debug, Default)]
struct Level {
    nodes: TileNodes,
    changed: bool,
}

/// Why the edge of a stored tree could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EdgeLoadError<E> {
    /// A tile could not be read.
    Read {
        /// The tile asked for.
        tile: Tile,
        /// The reader's own error.
        error: E,
    },
    /// A tile was read but is not what it should be.
    Tile {
        /// The tile asked for.
        tile: Tile,
        /// What is wrong with its bytes.
        error: TileError,
    },
    /// The size is beyond [`MAX_TREE_SIZE`].
    TooLarge {
        /// The size asked for.
        size: TreeSize,
    },
}

impl<E: fmt::Display> fmt::Display for EdgeLoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { tile, error } => write!(f, "{} could not be read: {error}", tile.path()),
            Self::Tile { tile, error } => write!(f, "{} is damaged: {error}", tile.path()),
            Self::TooLarge { size } => write!(
                f,
                "a tree of {size} leaves is beyond the limit of {MAX_TREE_SIZE}"
            ),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for EdgeLoadError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            Self::Tile { error, .. } => Some(error),
            Self::TooLarge { .. } => None,
        }
    }
}

/// The node is no longer in memory: read it through [`Edge::reader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeMiss {
    /// Level of the node.
    pub level: u8,
    /// Place in the level.
    pub index: u64,
}

impl fmt::Display for EdgeMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "node {} of level {} is not in memory; read it from the stored tiles",
            self.index, self.level
        )
    }
}

impl core::error::Error for EdgeMiss {}

impl Edge {
    /// The edge of the empty tree.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the partial tiles of the stored tree of `size` leaves: at most one a level, none at a level whose count is a
    /// multiple of 256.
    ///
    /// The caller compares [`Self::root`] with the stored checkpoint: tiles are not trusted because they could be read.
    ///
    /// # Errors
    /// [`EdgeLoadError`] when a tile cannot be read or has the wrong length.
    pub fn load<E>(
        size: TreeSize,
        mut read: impl FnMut(&Tile) -> Result<Vec<u8>, E>,
    ) -> Result<Self, EdgeLoadError<E>> {
        if size.get() > MAX_TREE_SIZE {
            return Err(EdgeLoadError::TooLarge { size });
        }
        let mut edge = Self {
            size: size.get(),
            ..Self::default()
        };
        for level in 0u8.. {
            let hashes = hashes_at(level, size);
            if hashes == 0 {
                break;
            }
            let mut nodes = TileNodes::default();
            let full = hashes / u64::from(TILE_WIDTH);
            if !hashes.is_multiple_of(u64::from(TILE_WIDTH))
                && let Some(tile) = Tile::of_tree(level, full, size)
            {
                let bytes = read(&tile).map_err(|error| EdgeLoadError::Read { tile, error })?;
                let hashes = tile
                    .hashes(&bytes)
                    .map_err(|error| EdgeLoadError::Tile { tile, error })?;
                nodes = TileNodes::from_hashes(hashes);
            }
            edge.levels.push(Level {
                nodes,
                changed: false,
            });
        }
        Ok(edge)
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        TreeSize::new(self.size)
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> RootHash {
        // Every subtree that ends at the edge lies in the partial tile of its level, so no node is ever missing.
        root(self, self.size()).unwrap_or_else(|_| RootHash::of_empty_tree())
    }

    /// Appends one leaf and says where.
    pub fn append(&mut self, leaf: LeafHash) -> LeafIndex {
        let index = self.size;
        self.size += 1;
        let mut carry = NodeHash::from(leaf);
        for level in 0u8.. {
            let place = usize::from(level);
            if place == self.levels.len() {
                self.levels.push(Level::default());
            }
            let Some(at) = self.levels.get_mut(place) else {
                break;
            };
            at.nodes.push(carry);
            at.changed = true;
            let Some(root) = at.nodes.root_of_full() else {
                break;
            };
            let full = core::mem::take(&mut at.nodes);
            at.changed = false;
            // The tile just filled is the last full one of its level.
            let tile_index =
                (hashes_at(level, self.size()) / u64::from(TILE_WIDTH)).saturating_sub(1);
            if let Ok(tile) = Tile::new(level, tile_index, TILE_WIDTH) {
                self.completed.push((tile, Arc::new(full)));
            }
            carry = root;
        }
        LeafIndex::new(index)
    }

    /// The tiles that changed since the last call, full ones first, to be stored in the same commit as the entries.
    pub fn take_dirty(&mut self) -> Vec<(Tile, Vec<u8>)> {
        let completed = core::mem::take(&mut self.completed);
        let mut dirty: Vec<_> = completed
            .iter()
            .map(|(tile, nodes)| (*tile, nodes.bytes()))
            .collect();
        self.kept.extend(completed);
        let surplus = self.kept.len().saturating_sub(KEPT_TILES);
        self.kept.drain(..surplus);
        let size = self.size();
        for (level, at) in (0u8..).zip(&mut self.levels) {
            if core::mem::take(&mut at.changed)
                && let Some(tile) =
                    Tile::of_tree(level, hashes_at(level, size) / u64::from(TILE_WIDTH), size)
            {
                dirty.push((tile, at.nodes.bytes()));
            }
        }
        dirty
    }

    /// All hashes of this tree: those in memory from here, the others from full tiles that `read` fetches.
    pub fn reader<F>(&self, read: F) -> EdgeReader<'_, F> {
        EdgeReader {
            edge: self,
            tiles: TileReader::new(self.size(), read),
        }
    }

    fn in_memory(&self, level: u8, index: u64) -> Option<NodeHash> {
        let (tile_level, tile_index, row, place) = locate(level, index);
        if tile_index == hashes_at(tile_level, self.size()) / u64::from(TILE_WIDTH) {
            return self
                .levels
                .get(usize::from(tile_level))?
                .nodes
                .node(row, place);
        }
        let is_it = |(tile, _): &&(Tile, Arc<TileNodes>)| {
            tile.level() == tile_level && tile.index() == tile_index
        };
        let recent = self
            .completed
            .iter()
            .rev()
            .find(is_it)
            .or_else(|| self.kept.iter().rev().find(is_it))?;
        recent.1.node(row, place)
    }
}

/// Answers from memory alone.
impl HashReader for Edge {
    type Error = EdgeMiss;

    fn node(&self, level: u8, index: u64) -> Result<NodeHash, EdgeMiss> {
        self.in_memory(level, index)
            .ok_or(EdgeMiss { level, index })
    }
}

/// See [`Edge::reader`].
#[derive(Debug)]
pub struct EdgeReader<'a, F> {
    edge: &'a Edge,
    tiles: TileReader<F>,
}

impl<F, E> HashReader for EdgeReader<'_, F>
where
    F: Fn(&Tile) -> Result<Vec<u8>, E>,
{
    type Error = TileReadError<E>;

    fn node(&self, level: u8, index: u64) -> Result<NodeHash, Self::Error> {
        match self.edge.in_memory(level, index) {
            Some(hash) => Ok(hash),
            None => self.tiles.node(level, index),
        }
    }
}
