// SPDX-License-Identifier: Apache-2.0 OR MIT
//! [C2SP tlog-tiles](https://c2sp.org/tlog-tiles): names and bytes of tiles and entry bundles, and proofs from tiles.

use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::cell::RefCell;
use core::fmt;

use super::hash::{NodeHash, TreeSize, hash_children};
use super::prove::HashReader;

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels of tree in a tile.
pub(super) const TILE_HEIGHT: u8 = 8;
/// The level above would hold hashes over 2⁶⁴ leaves each, more than a `u64` counts.
const MAX_TILE_LEVEL: u8 = 7;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Why a tile's name or bytes cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TileError {
    /// The path is not in the form `tile/<L>/<N>[.p/<W>]`.
    Path,
    /// Tiles this high exist in no tree.
    Level {
        /// The level found.
        level: u64,
    },
    /// A tile has 1 to 256 hashes.
    Width {
        /// The width found.
        width: u64,
    },
    /// The index lies beyond any tree of 2⁶⁴ leaves.
    Index {
        /// The index found.
        index: u64,
    },
    /// The bytes are not 32 for each hash.
    Length {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
}

impl fmt::Display for TileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("the path is not of the form tile/<level>/<index>[.p/<width>]; write it as C2SP tlog-tiles does"),
            Self::Level { level } => write!(f, "no tree has tiles at level {level}; ask for a level from 0 to {MAX_TILE_LEVEL}"),
            Self::Width { width } => write!(f, "a tile has 1 to {TILE_WIDTH} hashes, not {width}"),
            Self::Index { index } => write!(f, "no tree has a tile of index {index} at this level"),
            Self::Length { expected, found } => write!(f, "the tile should have {expected} bytes but has {found}; fetch it again"),
        }
    }
}

impl core::error::Error for TileError {}

/// The name of a tile: up to 256 hashes of one level, each over 256^level leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// The name of an entry bundle: up to 256 entries, those of the level-0 tile of the same index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryBundle {
    index: u64,
    width: u16,
}

impl Tile {
    /// A tile's name, when a tree can have such a tile.
    ///
    /// # Errors
    /// [`TileError`] when level, index or width is out of range.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > MAX_TILE_LEVEL {
            return Err(TileError::Level {
                level: level.into(),
            });
        }
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width {
                width: width.into(),
            });
        }
        // A tile of this level spans 256^(level + 1) leaves, and indexes of leaves are below 2⁶⁴.
        if index >> (56 - TILE_HEIGHT * level) != 0 {
            return Err(TileError::Index { index });
        }
        Ok(Self {
            level,
            index,
            width,
        })
    }

    /// Level, from 0.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Place in the level, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes it has, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will never change again.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.width as usize * HASH_BYTES
    }

    /// The tile at `level` and `index` as the tree of `size` leaves has it; `None` when that tree has none there.
    #[must_use]
    pub fn of_tree(level: u8, index: u64, size: TreeSize) -> Option<Self> {
        let hashes = hashes_at(level, size);
        let before = index.checked_mul(TILE_WIDTH.into())?;
        let width = hashes.checked_sub(before)?.min(TILE_WIDTH.into());
        Self::new(level, index, u16::try_from(width).ok()?).ok()
    }

    /// `tile/<L>/<N>[.p/<W>]`, relative to the log's prefix.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, index_path(self.index, self.width))
    }

    /// Reads a path that [`Self::path`] could have written, and no other spelling of it.
    ///
    /// # Errors
    /// [`TileError`] when the path is not of that form.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let (level, rest) = path
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or(TileError::Path)?;
        let level = number(level).ok_or(TileError::Path)?;
        let (index, width) = parse_index(rest)?;
        Self::new(
            u8::try_from(level).map_err(|_| TileError::Level { level })?,
            index,
            width,
        )
    }

    /// Splits a tile's bytes into its hashes.
    ///
    /// # Errors
    /// [`TileError::Length`] when `bytes` is not exactly this tile.
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<NodeHash>, TileError> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.len() != usize::from(self.width) || !rest.is_empty() {
            return Err(TileError::Length {
                expected: self.byte_len(),
                found: bytes.len(),
            });
        }
        Ok(hashes.iter().copied().map(NodeHash::from_bytes).collect())
    }
}

impl EntryBundle {
    /// A bundle's name.
    ///
    /// # Errors
    /// [`TileError`] when index or width is out of range.
    pub fn new(index: u64, width: u16) -> Result<Self, TileError> {
        Tile::new(0, index, width).map(|tile| Self {
            index: tile.index,
            width: tile.width,
        })
    }

    /// Place among the bundles, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many entries it has, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// `tile/entries/<N>[.p/<W>]`, relative to the log's prefix.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/entries/{}", index_path(self.index, self.width))
    }

    /// Reads a path that [`Self::path`] could have written, and no other spelling of it.
    ///
    /// # Errors
    /// [`TileError`] when the path is not of that form.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let (index, width) =
            parse_index(path.strip_prefix("tile/entries/").ok_or(TileError::Path)?)?;
        Self::new(index, width)
    }

    /// The bytes of a bundle: each entry after its length as a big-endian `u16`; `None` when an entry is longer than that
    /// can say.
    #[must_use]
    pub fn encode<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for entry in entries {
            bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Some(bytes)
    }

    /// Splits a bundle's bytes into its entries.
    ///
    /// # Errors
    /// [`TileError::Length`] when the bytes do not hold exactly [`Self::width`] entries.
    pub fn entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, TileError> {
        let mut rest = bytes;
        let mut entries = Vec::with_capacity(self.width.into());
        for _ in 0..self.width {
            let cut = rest.split_first_chunk::<2>().and_then(|(length, after)| {
                after.split_at_checked(u16::from_be_bytes(*length).into())
            });
            let Some((entry, after)) = cut else {
                return Err(TileError::Length {
                    expected: bytes.len() + 1,
                    found: bytes.len(),
                });
            };
            entries.push(entry);
            rest = after;
        }
        if rest.is_empty() {
            Ok(entries)
        } else {
            Err(TileError::Length {
                expected: bytes.len() - rest.len(),
                found: bytes.len(),
            })
        }
    }
}

/// How many hashes tiles of `level` hold for a tree of `size` leaves.
pub(super) fn hashes_at(level: u8, size: TreeSize) -> u64 {
    size.get()
        .checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))
        .unwrap_or(0)
}

fn index_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest != 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width != TILE_WIDTH {
        path.push_str(&format!(".p/{width}"));
    }
    path
}

fn parse_index(text: &str) -> Result<(u64, u16), TileError> {
    let (index_text, width) = match text.split_once(".p/") {
        None => (text, TILE_WIDTH),
        Some((index_text, width_text)) => {
            let width = number(width_text).ok_or(TileError::Path)?;
            let fits = u16::try_from(width)
                .ok()
                .filter(|width| (1..TILE_WIDTH).contains(width));
            (index_text, fits.ok_or(TileError::Width { width })?)
        }
    };
    // 2⁵⁶ tiles at most: six groups of three digits.
    if index_text.len() > 6 * 5 {
        return Err(TileError::Path);
    }
    let mut index = 0u64;
    let mut groups = index_text.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() {
            group.strip_prefix('x').ok_or(TileError::Path)?
        } else {
            group
        };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TileError::Path);
        }
        let value: u64 = digits.parse().map_err(|_| TileError::Path)?;
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(value))
            .ok_or(TileError::Path)?;
    }
    // `x000/001` names tile 1 a second time.
    if index_path(index, TILE_WIDTH) != index_text {
        return Err(TileError::Path);
    }
    Ok((index, width))
}

/// A decimal number without sign, leading zeros or spaces.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// A tile's hashes with all the nodes above them, so that each node is hashed once.
#[derive(Clone, Debug, Default)]
pub(super) struct TileNodes {
    /// `rows[0]` is the tile's bytes; `rows[8]`, its root, exists only once it is full.
    rows: [Vec<NodeHash>; TILE_HEIGHT as usize + 1],
}

impl TileNodes {
    pub(super) fn from_hashes(hashes: Vec<NodeHash>) -> Self {
        let mut nodes = Self::default();
        for hash in hashes {
            nodes.push(hash);
        }
        nodes
    }

    pub(super) fn push(&mut self, hash: NodeHash) {
        let mut carry = hash;
        for row in &mut self.rows {
            row.push(carry);
            match row.as_slice() {
                [.., left, right] if row.len() % 2 == 0 => carry = hash_children(left, right),
                _ => break,
            }
        }
    }

    pub(super) fn root_of_full(&self) -> Option<NodeHash> {
        self.rows[usize::from(TILE_HEIGHT)].first().copied()
    }

    pub(super) fn node(&self, row: u8, place: u64) -> Option<NodeHash> {
        self.rows
            .get(usize::from(row))?
            .get(usize::try_from(place).ok()?)
            .copied()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.rows[0]
            .iter()
            .flat_map(|hash| *hash.as_bytes())
            .collect()
    }
}

/// Where a node lies: tile level, tile index, row inside the tile, place in the row.
pub(super) fn locate(level: u8, index: u64) -> (u8, u64, u8, u64) {
    let (tile_level, row) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
    let in_row_bits = TILE_HEIGHT - row;
    (
        tile_level,
        index >> in_row_bits,
        row,
        index & ((1 << in_row_bits) - 1),
    )
}

/// Why a node could not be had from tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TileReadError<E> {
    /// The tile could not be read.
    Read {
        /// The tile asked for.
        tile: Tile,
        /// The reader's own error.
        error: E,
    },
    /// The tile was read but is not what it should be.
    Tile {
        /// The tile asked for.
        tile: Tile,
        /// What is wrong with its bytes.
        error: TileError,
    },
    /// The tree of this size has no such complete subtree.
    NotInTree {
        /// Level of the node.
        level: u8,
        /// Place in the level.
        index: u64,
    },
}

impl<E: fmt::Display> fmt::Display for TileReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { tile, error } => write!(f, "{} could not be read: {error}", tile.path()),
            Self::Tile { tile, error } => write!(f, "{} is damaged: {error}", tile.path()),
            Self::NotInTree { level, index } => {
                write!(
                    f,
                    "the tree has no complete subtree {index} at level {level}; ask for a smaller tree"
                )
            }
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for TileReadError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            Self::Tile { error, .. } => Some(error),
            Self::NotInTree { .. } => None,
        }
    }
}

/// One proof touches each tile on its path some eight times, so a few tiles are kept.
const CACHED_TILES: usize = 16;

/// Hashes of a tree of a known size, from tiles that a closure reads.
///
/// The closure gets the exact tile that the tree of that size has and must give exactly its bytes.
pub struct TileReader<F> {
    size: TreeSize,
    read: F,
    cache: RefCell<Vec<(Tile, Arc<TileNodes>)>>,
}

impl<F> TileReader<F> {
    /// A reader of the tree of `size` leaves.
    pub const fn new(size: TreeSize, read: F) -> Self {
        Self {
            size,
            read,
            cache: RefCell::new(Vec::new()),
        }
    }
}

impl<F> fmt::Debug for TileReader<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileReader")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl<F, E> HashReader for TileReader<F>
where
    F: Fn(&Tile) -> Result<Vec<u8>, E>,
{
    type Error = TileReadError<E>;

    fn node(&self, level: u8, index: u64) -> Result<NodeHash, Self::Error> {
        let (tile_level, tile_index, row, place) = locate(level, index);
        let absent = TileReadError::NotInTree { level, index };
        let Some(tile) = Tile::of_tree(tile_level, tile_index, self.size) else {
            return Err(absent);
        };
        let cached = self
            .cache
            .borrow()
            .iter()
            .find(|(name, _)| *name == tile)
            .map(|(_, nodes)| Arc::clone(nodes));
        let nodes = match cached {
            Some(nodes) => nodes,
            None => {
                let bytes =
                    (self.read)(&tile).map_err(|error| TileReadError::Read { tile, error })?;
                let hashes = tile
                    .hashes(&bytes)
                    .map_err(|error| TileReadError::Tile { tile, error })?;
                let nodes = Arc::new(TileNodes::from_hashes(hashes));
                let mut cache = self.cache.borrow_mut();
                if cache.len() >= CACHED_TILES {
                    cache.remove(0);
                }
                cache.push((tile, Arc::clone(&nodes)));
                nodes
            }
        };
        nodes.node(row, place).ok_or(absent)
    }
}
