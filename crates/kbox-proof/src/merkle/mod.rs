// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The Merkle tree of [RFC 9162 §2.1](https://www.rfc-editor.org/rfc/rfc9162.html#section-2.1): hashes, proofs, tiles.
//!
//! RFC 6962, which the C2SP texts cite, hashes the same way. Hash algorithm: SHA-256 alone.
//!
//! Out of scope: who signed a root, and when (module `tlog`); where tiles are kept (module `store`).
//!
//! ```
//! use kbox_proof::merkle::*;
//!
//! let mut edge = Edge::empty();
//! let leaves = [hash_leaf(b"a"), hash_leaf(b"b"), hash_leaf(b"c")];
//! for leaf in leaves {
//!     edge.append(leaf);
//! }
//! let proof = inclusion_proof(&edge, LeafIndex::new(1), edge.size())?;
//! assert_eq!(verify_inclusion(&leaves[1], LeafIndex::new(1), edge.size(), &proof, &edge.root()), Ok(()));
//! # Ok::<(), ProveError<EdgeMiss>>(())
//! ```

mod edge;
mod hash;
mod proof;
mod prove;
mod tile;

pub use edge::{Edge, EdgeLoadError, EdgeMiss, EdgeReader, MAX_TREE_SIZE};
pub use hash::{LeafHash, LeafIndex, NodeHash, RootHash, TreeSize, hash_children, hash_leaf};
pub use proof::{
    ConsistencyProof, InclusionProof, InclusionVerifier, MAX_PROOF_HASHES, MerkleError,
    verify_consistency, verify_inclusion,
};
pub use prove::{
    HashReader, InclusionProver, ProveError, consistency_proof, inclusion_proof, root,
};
pub use tile::{EntryBundle, TILE_WIDTH, Tile, TileError, TileReadError, TileReader};

#[cfg(test)]
mod tests;
