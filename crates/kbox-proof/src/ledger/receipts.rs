// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Receipts from stored entries. None leaves whose inclusion proof does not hold against the checkpoint it carries.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::seal;
use super::{LedgerError, Upgrade};
use crate::digest::Sha256Digest;
use crate::merkle::{
    HashReader, InclusionProof, InclusionProver, InclusionVerifier, LeafHash, LeafIndex, RootHash,
    Tile, TileReader, TreeSize, hash_leaf,
};
use crate::receipt::Receipt;
use crate::store::{Entry, Store, StoreError};
use crate::tsp::token::certificates_field;

/// A tree with its signed checkpoint.
pub(super) struct Signed<'a> {
    pub(super) size: TreeSize,
    pub(super) root: RootHash,
    pub(super) checkpoint: &'a str,
}

/// Reads a tile that the tree must have.
pub(super) fn tile(store: &dyn Store, tile: &Tile) -> Result<Vec<u8>, StoreError> {
    store.read_tile(tile)?.ok_or(StoreError::Damaged {
        what: "a tile of the tree",
    })
}

/// Proves leaves of one tree.
pub(super) struct Prover<'a, R> {
    prover: InclusionProver<R>,
    tree: &'a Signed<'a>,
    verifier: InclusionVerifier,
}

impl<'a, R> Prover<'a, R>
where
    R: HashReader,
    R::Error: core::fmt::Display,
{
    pub(super) fn new(reader: R, tree: &'a Signed<'a>) -> Self {
        Self {
            prover: InclusionProver::new(reader, tree.size),
            tree,
            verifier: InclusionVerifier::default(),
        }
    }

    /// The path of a leaf to the root, checked as any verifier would.
    pub(super) fn proof(
        &mut self,
        leaf: &LeafHash,
        index: LeafIndex,
    ) -> Result<InclusionProof, LedgerError> {
        let Signed { size, root, .. } = self.tree;
        let proof = self
            .prover
            .prove(index)
            .map_err(|error| LedgerError::ProofFailed(error.to_string()))?;
        self.verifier
            .verify(leaf, index, *size, &proof, root)
            .map_err(|error| LedgerError::ProofFailed(error.to_string()))?;
        Ok(proof)
    }

    /// The receipt of `entry`, whose leaf has this hash, under the tree's checkpoint.
    pub(super) fn receipt(
        &mut self,
        entry: &Entry,
        leaf: &LeafHash,
        certificates: &[u8],
    ) -> Result<Receipt, LedgerError> {
        let proof = self.proof(leaf, entry.index)?;
        Ok(Receipt {
            event: entry.event.clone(),
            personal: entry.personal.clone(),
            token: seal::token(&entry.leaf, certificates)?,
            proof: seal::proof_text(entry.index, &proof, self.tree.checkpoint),
            before: None,
            consistency: Vec::new(),
            anchors: Vec::new(),
        })
    }
}

/// The receipt that `entry` was acknowledged with, the same bytes again (but for a personal part erased since).
pub(super) fn original(
    store: &dyn Store,
    keys: &seal::LogKeys,
    index: LeafIndex,
) -> Result<Receipt, LedgerError> {
    let entry = stored(store, index)?;
    let size = entry.acknowledged_at;
    let checkpoint = store.checkpoint(size)?.ok_or(StoreError::Damaged {
        what: "a checkpoint",
    })?;
    let (signed_size, root) = keys.open(&checkpoint)?;
    if signed_size != size {
        return Err(StoreError::Damaged {
            what: "a checkpoint",
        }
        .into());
    }
    under(
        store,
        &entry,
        &Signed {
            size,
            root,
            checkpoint: &checkpoint,
        },
    )
}

/// The receipt of `entry` as it grew.
pub(super) fn upgraded(
    store: &dyn Store,
    entry: Entry,
    upgrade: Upgrade,
) -> Result<Receipt, LedgerError> {
    let chain = certificates(store, &entry.chain)?;
    Ok(Receipt {
        token: seal::token(&entry.leaf, &chain)?,
        event: entry.event,
        personal: entry.personal,
        proof: upgrade.proof,
        before: upgrade.before,
        consistency: upgrade.consistency,
        anchors: upgrade.anchors,
    })
}

/// The receipt of `entry` under a checkpoint at least as new as its own.
pub(super) fn under(
    store: &dyn Store,
    entry: &Entry,
    tree: &Signed<'_>,
) -> Result<Receipt, LedgerError> {
    let certificates = certificates(store, &entry.chain)?;
    let reader = TileReader::new(tree.size, |name: &Tile| tile(store, name));
    Prover::new(reader, tree).receipt(entry, &hash_leaf(&entry.leaf), &certificates)
}

pub(super) fn stored(store: &dyn Store, index: LeafIndex) -> Result<Entry, StoreError> {
    store.entry(index)?.ok_or(StoreError::Damaged {
        what: "an entry of the log",
    })
}

/// A stored chain as a token's field.
fn certificates(store: &dyn Store, id: &Sha256Digest) -> Result<Vec<u8>, StoreError> {
    let chain = store.chain(id)?.ok_or(StoreError::Damaged {
        what: "a certificate chain",
    })?;
    Ok(certificates_field(&chain))
}
