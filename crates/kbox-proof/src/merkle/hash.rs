// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The three kinds of hash, told apart by type, and the two numbers that place a leaf.

use core::fmt;

use crate::digest::{Sha256Digest, hex};

/// Domain separation of RFC 9162 §2.1.1: a leaf can never be read as a node, nor a node as a leaf.
const LEAF_PREFIX: &[u8] = &[0x00];
const NODE_PREFIX: &[u8] = &[0x01];

macro_rules! tree_hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes 32 bytes as they are; nothing is checked.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

tree_hash! {
    /// `SHA-256(0x00 || entry)`: the hash of one entry of the log.
    LeafHash
}
tree_hash! {
    /// The hash of a complete subtree: of one leaf, or `SHA-256(0x01 || left || right)`.
    NodeHash
}
tree_hash! {
    /// The Merkle Tree Hash of a whole tree, `MTH(D[n])`.
    RootHash
}

impl RootHash {
    /// `MTH({})`, the hash of the empty string.
    #[must_use]
    pub fn of_empty_tree() -> Self {
        Self(*Sha256Digest::of(b"").as_bytes())
    }
}

impl From<LeafHash> for NodeHash {
    /// A leaf is the complete subtree of height 0.
    fn from(leaf: LeafHash) -> Self {
        Self(leaf.0)
    }
}

impl From<NodeHash> for RootHash {
    /// A tree whose last fold is `node` has it as root.
    fn from(node: NodeHash) -> Self {
        Self(node.0)
    }
}

impl From<RootHash> for NodeHash {
    /// The root of a tree whose size is a power of two is a node of every larger tree.
    fn from(root: RootHash) -> Self {
        Self(root.0)
    }
}

/// Hashes one entry of the log.
#[must_use]
pub fn hash_leaf(entry: &[u8]) -> LeafHash {
    LeafHash(*Sha256Digest::of_parts(&[LEAF_PREFIX, entry]).as_bytes())
}

/// Hashes two subtrees into their parent.
#[must_use]
pub fn hash_children(left: &NodeHash, right: &NodeHash) -> NodeHash {
    NodeHash(*Sha256Digest::of_parts(&[NODE_PREFIX, &left.0, &right.0]).as_bytes())
}

macro_rules! tree_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Wraps the number.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

tree_number! {
    /// How many leaves a tree has.
    TreeSize
}
tree_number! {
    /// Place of a leaf, from 0; less than the [`TreeSize`] of every tree that holds it.
    LeafIndex
}
