// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The same trees by the crate ct-merkle, which kbox did not write: same roots, same proofs, each accepts the other's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use kbox_proof::merkle::{
    ConsistencyProof, Edge, HashReader as _, InclusionProof, LeafIndex, NodeHash, TreeSize,
    consistency_proof, hash_leaf, inclusion_proof, root, verify_consistency, verify_inclusion,
};
use sha2::Sha256;

type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;

fn hashes(bytes: &[u8]) -> Vec<NodeHash> {
    bytes
        .as_chunks()
        .0
        .iter()
        .copied()
        .map(NodeHash::from_bytes)
        .collect()
}

fn bytes(hashes: &[NodeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn roots_and_proofs_are_those_of_ct_merkle() {
    let (mut theirs, mut ours) = (Theirs::new(), Edge::empty());
    let mut roots = Vec::new();
    // Past 256, where a second tile begins, sizes are thinned out.
    for size in 1..=600usize {
        let entry = format!("entry {size}").into_bytes();
        ours.append(hash_leaf(&entry));
        theirs.push(entry);
        assert_eq!(
            ours.root().as_bytes().as_slice(),
            theirs.root().as_bytes().as_slice(),
            "size {size}"
        );
        roots.push(ours.root());
        if size > 70 && !matches!(size, 255..=258 | 511..=514 | 600) {
            continue;
        }
        let tree_size = TreeSize::new(size as u64);
        for index in 0..size {
            let proof = inclusion_proof(&ours, LeafIndex::new(index as u64), tree_size).unwrap();
            let their_proof = theirs.prove_inclusion(index);
            assert_eq!(
                bytes(proof.hashes()),
                their_proof.as_bytes(),
                "leaf {index} of {size}"
            );
            let leaf = hash_leaf(theirs.get(index).unwrap());
            let their_proof = InclusionProof::new(hashes(their_proof.as_bytes()));
            verify_inclusion(
                &leaf,
                LeafIndex::new(index as u64),
                tree_size,
                &their_proof,
                &ours.root(),
            )
            .unwrap();
        }
        for old in 1..size {
            let proof = consistency_proof(&ours, TreeSize::new(old as u64), tree_size).unwrap();
            let their_proof = theirs.prove_consistency(size - old);
            assert_eq!(
                bytes(proof.hashes()),
                their_proof.as_bytes(),
                "{old} to {size}"
            );
            let their_proof = ConsistencyProof::new(hashes(their_proof.as_bytes()));
            let old_size = TreeSize::new(old as u64);
            verify_consistency(
                old_size,
                &roots[old - 1],
                tree_size,
                &ours.root(),
                &their_proof,
            )
            .unwrap();
        }
    }
    assert_eq!(root(&ours, TreeSize::new(257)).unwrap(), roots[256]);
    assert!(ours.node(3, 1).is_ok());
}
