// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Inclusion and consistency proofs, and their verification as RFC 9162 §2.1.3.2 and §2.1.4.2 write it.

use alloc::vec::Vec;
use core::fmt;

use super::hash::{LeafHash, LeafIndex, NodeHash, RootHash, TreeSize, hash_children};

/// A tree of up to 2⁶⁴ leaves has audit paths of at most 64 hashes, and consistency proofs of at most one more.
pub const MAX_PROOF_HASHES: usize = 65;

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MerkleError {
    /// The tree is too small to hold that leaf.
    IndexOutsideTree {
        /// The leaf asked for.
        index: LeafIndex,
        /// The size of the tree.
        size: TreeSize,
    },
    /// The "old" tree is larger than the "new" one.
    SizeWentBack {
        /// Size of the tree that should be the older.
        old: TreeSize,
        /// Size of the tree that should be the newer.
        new: TreeSize,
    },
    /// Every tree extends the empty one, so that proof would say nothing (RFC 9162 §2.1.4 has 0 < m).
    OldTreeEmpty,
    /// The proof has more or fewer hashes than trees of these sizes need.
    WrongLength {
        /// How many hashes the proof has.
        found: usize,
    },
    /// The hashes lead to another root than the one given (for the older tree of a consistency proof, `old_tree`).
    RootMismatch {
        /// The root that the proof leads to.
        computed: RootHash,
        /// The root that was given.
        expected: RootHash,
        /// Whether it is the older tree's root, of a consistency proof, that differs.
        old_tree: bool,
    },
}

impl fmt::Display for MerkleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexOutsideTree { index, size } => {
                write!(f, "leaf {index} is not in a tree of {size} leaves; take a checkpoint that covers it")
            }
            Self::SizeWentBack { old, new } => {
                write!(f, "the older tree has {old} leaves and the newer one only {new}; give the smaller tree first")
            }
            Self::OldTreeEmpty => {
                f.write_str("the older tree is empty, and consistency with an empty tree proves nothing; give a tree with leaves")
            }
            Self::WrongLength { found } => {
                write!(f, "the proof has {found} hashes, which does not fit the sizes; get the proof for exactly these sizes")
            }
            Self::RootMismatch { computed, expected, old_tree } => {
                let which = if *old_tree { "the older tree's root" } else { "the root" };
                write!(f, "the proof leads to {computed}, but {which} is {expected}: the proof is not of this tree")
            }
        }
    }
}

impl core::error::Error for MerkleError {}

/// The audit path of one leaf, from the leaf's sibling up to the root's child (RFC 9162 §2.1.3).
///
/// Nothing is checked until [`verify_inclusion`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InclusionProof {
    hashes: Vec<NodeHash>,
}

/// That one tree is a prefix of another (RFC 9162 §2.1.4). Nothing is checked until [`verify_consistency`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ConsistencyProof {
    hashes: Vec<NodeHash>,
}

impl InclusionProof {
    /// Takes the hashes as they are.
    #[must_use]
    pub const fn new(hashes: Vec<NodeHash>) -> Self {
        Self { hashes }
    }

    /// The hashes, leaf to root.
    #[must_use]
    pub fn hashes(&self) -> &[NodeHash] {
        &self.hashes
    }
}

impl ConsistencyProof {
    /// Takes the hashes as they are.
    #[must_use]
    pub const fn new(hashes: Vec<NodeHash>) -> Self {
        Self { hashes }
    }

    /// The hashes, in the order of RFC 9162 §2.1.4.
    #[must_use]
    pub fn hashes(&self) -> &[NodeHash] {
        &self.hashes
    }
}

/// Checks that `leaf` is the leaf at `index` of the tree of `size` leaves with root `root` (RFC 9162 §2.1.3.2).
///
/// Success does not say that anybody vouches for `root`.
///
/// # Errors
/// [`MerkleError`] when the index is not in the tree, the proof's length does not fit, or the root differs.
pub fn verify_inclusion(
    leaf: &LeafHash,
    index: LeafIndex,
    size: TreeSize,
    proof: &InclusionProof,
    root: &RootHash,
) -> Result<(), MerkleError> {
    follow(leaf, index, size, proof, root, |_, left, right| {
        hash_children(left, right)
    })
}

/// [`verify_inclusion`] of many leaves of one tree: where neighbours' paths meet, the same two hashes are hashed once.
#[derive(Debug, Default)]
pub struct InclusionVerifier {
    /// Left, right and what they hash to, the last of each step.
    steps: Vec<[NodeHash; 3]>,
}

impl InclusionVerifier {
    /// As [`verify_inclusion`], and the verdict is the same.
    ///
    /// # Errors
    /// As [`verify_inclusion`].
    pub fn verify(
        &mut self,
        leaf: &LeafHash,
        index: LeafIndex,
        size: TreeSize,
        proof: &InclusionProof,
        root: &RootHash,
    ) -> Result<(), MerkleError> {
        follow(
            leaf,
            index,
            size,
            proof,
            root,
            |step, left, right| match self.steps.get_mut(step) {
                Some([l, r, parent]) if l == left && r == right => *parent,
                known => {
                    let parent = hash_children(left, right);
                    let new = [*left, *right, parent];
                    match known {
                        Some(known) => *known = new,
                        None => self.steps.push(new),
                    }
                    parent
                }
            },
        )
    }
}

/// Follows a path from its leaf to the root. `hash` is told how many hashes of the path were used before.
fn follow(
    leaf: &LeafHash,
    index: LeafIndex,
    size: TreeSize,
    proof: &InclusionProof,
    root: &RootHash,
    mut hash: impl FnMut(usize, &NodeHash, &NodeHash) -> NodeHash,
) -> Result<(), MerkleError> {
    if index.get() >= size.get() {
        return Err(MerkleError::IndexOutsideTree { index, size });
    }
    let wrong_length = MerkleError::WrongLength {
        found: proof.hashes.len(),
    };
    let (mut fn_, mut sn) = (index.get(), size.get() - 1);
    let mut r = NodeHash::from(*leaf);
    for (step, p) in proof.hashes.iter().enumerate() {
        if sn == 0 {
            return Err(wrong_length);
        }
        if fn_ & 1 == 1 || fn_ == sn {
            r = hash(step, p, &r);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            r = hash(step, &r, p);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    if sn != 0 {
        return Err(wrong_length);
    }
    same_root(r, root, false)
}

/// Checks that the tree of `old_size` leaves with `old_root` is a prefix of the one of `new_size` leaves with
/// `new_root` (RFC 9162 §2.1.4.2).
///
/// Equal sizes need an empty proof and equal roots. Success does not say that anybody vouches for either root.
///
/// # Errors
/// [`MerkleError`] when the sizes are out of order, the proof's length does not fit, or a root differs.
pub fn verify_consistency(
    old_size: TreeSize,
    old_root: &RootHash,
    new_size: TreeSize,
    new_root: &RootHash,
    proof: &ConsistencyProof,
) -> Result<(), MerkleError> {
    if old_size.get() == 0 {
        return Err(MerkleError::OldTreeEmpty);
    }
    if old_size > new_size {
        return Err(MerkleError::SizeWentBack {
            old: old_size,
            new: new_size,
        });
    }
    let wrong_length = MerkleError::WrongLength {
        found: proof.hashes.len(),
    };
    if old_size == new_size {
        if !proof.hashes.is_empty() {
            return Err(wrong_length);
        }
        return same_root(NodeHash::from(*new_root), old_root, true);
    }
    let (mut fn_, mut sn) = (old_size.get() - 1, new_size.get() - 1);
    // A complete old tree is itself the first node, so its hash is left out of the proof.
    let (first, rest) = if old_size.get().is_power_of_two() {
        if proof.hashes.is_empty() {
            return Err(wrong_length);
        }
        (NodeHash::from(*old_root), proof.hashes.as_slice())
    } else {
        let (first, rest) = proof.hashes.split_first().ok_or(wrong_length.clone())?;
        (*first, rest)
    };
    while fn_ & 1 == 1 {
        fn_ >>= 1;
        sn >>= 1;
    }
    let (mut fr, mut sr) = (first, first);
    for c in rest {
        if sn == 0 {
            return Err(wrong_length);
        }
        if fn_ & 1 == 1 || fn_ == sn {
            fr = hash_children(c, &fr);
            sr = hash_children(c, &sr);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            sr = hash_children(&sr, c);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    if sn != 0 {
        return Err(wrong_length);
    }
    same_root(fr, old_root, true)?;
    same_root(sr, new_root, false)
}

fn same_root(computed: NodeHash, expected: &RootHash, old_tree: bool) -> Result<(), MerkleError> {
    let computed = RootHash::from(computed);
    if computed == *expected {
        Ok(())
    } else {
        Err(MerkleError::RootMismatch {
            computed,
            expected: *expected,
            old_tree,
        })
    }
}
