// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Making proofs and roots from stored hashes (RFC 9162 §2.1.3.1 and §2.1.4.1).

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::hash::{LeafIndex, NodeHash, RootHash, TreeSize, hash_children};
use super::proof::{ConsistencyProof, InclusionProof, MerkleError};

/// Where the hashes of complete subtrees come from.
pub trait HashReader {
    /// What can go wrong when reading.
    type Error;

    /// The hash over the leaves `[index << level, (index + 1) << level)`; level 0 is the leaf hashes.
    ///
    /// Asked only for subtrees that are complete in the tree at hand.
    ///
    /// # Errors
    /// The reader's own.
    fn node(&self, level: u8, index: u64) -> Result<NodeHash, Self::Error>;
}

impl<R: HashReader + ?Sized> HashReader for &R {
    type Error = R::Error;

    fn node(&self, level: u8, index: u64) -> Result<NodeHash, Self::Error> {
        (**self).node(level, index)
    }
}

/// Why a proof could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProveError<E> {
    /// There is no such proof: the leaf is outside the tree, or the sizes are out of order.
    Request(MerkleError),
    /// A hash could not be read.
    Read(E),
}

impl<E: fmt::Display> fmt::Display for ProveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => write!(f, "no such proof can be made: {error}"),
            Self::Read(error) => write!(f, "a hash of the tree could not be read: {error}"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ProveError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::Read(error) => Some(error),
        }
    }
}

/// The root of the first `size` leaves.
///
/// # Errors
/// The reader's own.
pub fn root<R: HashReader>(reader: &R, size: TreeSize) -> Result<RootHash, R::Error> {
    if size.get() == 0 {
        return Ok(RootHash::of_empty_tree());
    }
    range_hash(reader, 0, size.get()).map(RootHash::from)
}

/// The audit path of the leaf at `index` in the tree of the first `size` leaves.
///
/// # Errors
/// [`ProveError::Request`] when the leaf is not in that tree.
pub fn inclusion_proof<R: HashReader>(
    reader: &R,
    index: LeafIndex,
    size: TreeSize,
) -> Result<InclusionProof, ProveError<R::Error>> {
    InclusionProver::new(reader, size).prove(index)
}

/// [`inclusion_proof`] of many leaves of one tree: what lies beside the paths of neighbours is hashed once.
#[derive(Debug)]
pub struct InclusionProver<R> {
    reader: R,
    size: TreeSize,
    /// The last range asked for at each depth, and its hash.
    beside: Vec<(Range<u64>, NodeHash)>,
}

impl<R: HashReader> InclusionProver<R> {
    /// Of the tree of the first `size` leaves.
    #[must_use]
    pub const fn new(reader: R, size: TreeSize) -> Self {
        Self {
            reader,
            size,
            beside: Vec::new(),
        }
    }

    /// As [`inclusion_proof`].
    ///
    /// # Errors
    /// As [`inclusion_proof`].
    pub fn prove(&mut self, index: LeafIndex) -> Result<InclusionProof, ProveError<R::Error>> {
        let size = self.size;
        if index >= LeafIndex::new(size.get()) {
            return Err(ProveError::Request(MerkleError::IndexOutsideTree {
                index,
                size,
            }));
        }
        let (mut start, mut end) = (0, size.get());
        let mut hashes = Vec::with_capacity((u64::BITS - size.get().leading_zeros()) as usize);
        while end - start > 1 {
            let middle = start + split(end - start);
            let beside = if index.get() < middle {
                middle..core::mem::replace(&mut end, middle)
            } else {
                core::mem::replace(&mut start, middle)..middle
            };
            let hash = self.hash(hashes.len(), beside).map_err(ProveError::Read)?;
            hashes.push(hash);
        }
        hashes.reverse();
        Ok(InclusionProof::new(hashes))
    }

    fn hash(&mut self, depth: usize, range: Range<u64>) -> Result<NodeHash, R::Error> {
        match self.beside.get_mut(depth) {
            Some((last, hash)) if *last == range => Ok(*hash),
            known => {
                let hash = range_hash(&self.reader, range.start, range.end)?;
                match known {
                    Some(known) => *known = (range, hash),
                    None => self.beside.push((range, hash)),
                }
                Ok(hash)
            }
        }
    }
}

/// The proof that the tree of the first `old` leaves is a prefix of that of the first `new` ones.
///
/// # Errors
/// [`ProveError::Request`] when `old` is 0 or larger than `new`.
pub fn consistency_proof<R: HashReader>(
    reader: &R,
    old: TreeSize,
    new: TreeSize,
) -> Result<ConsistencyProof, ProveError<R::Error>> {
    if old.get() == 0 {
        return Err(ProveError::Request(MerkleError::OldTreeEmpty));
    }
    if old > new {
        return Err(ProveError::Request(MerkleError::SizeWentBack { old, new }));
    }
    let (mut start, mut end) = (0, new.get());
    let mut hashes = Vec::new();
    while end != old.get() {
        let middle = start + split(end - start);
        if old.get() <= middle {
            hashes.push(range_hash(reader, middle, end).map_err(ProveError::Read)?);
            end = middle;
        } else {
            hashes.push(range_hash(reader, start, middle).map_err(ProveError::Read)?);
            start = middle;
        }
    }
    // When the descent never went right, this is the old root, which the verifier has.
    if start != 0 {
        hashes.push(range_hash(reader, start, end).map_err(ProveError::Read)?);
    }
    hashes.reverse();
    Ok(ConsistencyProof::new(hashes))
}

/// The largest power of two less than `n`, for n > 1.
const fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// `MTH(D[start:end])` of a non-empty range whose start is a multiple of a power of two not less than its length, as are all
/// the ranges that the recursion of RFC 9162 meets: then the range is a row of complete subtrees, largest first.
fn range_hash<R: HashReader>(reader: &R, start: u64, end: u64) -> Result<NodeHash, R::Error> {
    let mut size = end - start;
    let mut right_end = end;
    let mut hash = None;
    while size != 0 {
        let level = size.trailing_zeros();
        right_end -= 1 << level;
        size &= size - 1;
        let node = reader.node(level as u8, right_end >> level)?;
        hash = Some(match hash {
            None => node,
            Some(right) => hash_children(&node, &right),
        });
    }
    // An empty range never gets here; the value only keeps the function total.
    Ok(hash.unwrap_or_else(|| NodeHash::from(RootHash::of_empty_tree())))
}
