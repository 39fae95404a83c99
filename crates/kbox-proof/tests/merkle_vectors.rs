// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The proofs of transparency-dev/merkle, read where the shared vectors lie.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kbox_proof::merkle::{
    ConsistencyProof, InclusionProof, LeafHash, LeafIndex, NodeHash, RootHash, TreeSize,
    verify_consistency, verify_inclusion,
};
use serde_json::Value;

/// Number of cases in the folder, to say how many were skipped without it.
const CASES: usize = 196;

/// Cases that the source accepts although a root is not a SHA-256 hash, which our types cannot hold.
const NOT_A_HASH: [&str; 1] =
    ["consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"];

fn hash(value: &Value) -> Option<[u8; 32]> {
    STANDARD.decode(value.as_str()?).ok()?.try_into().ok()
}

fn proof(value: &Value) -> Option<Vec<NodeHash>> {
    let hashes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    hashes
        .iter()
        .map(|value| hash(value).map(NodeHash::from_bytes))
        .collect()
}

/// `None` when the case cannot be expressed in our types.
fn inclusion(case: &Value) -> Option<bool> {
    let leaf = LeafHash::from_bytes(hash(&case["leafHash"])?);
    let root = RootHash::from_bytes(hash(&case["root"])?);
    let index = LeafIndex::new(case["leafIdx"].as_u64()?);
    let size = TreeSize::new(case["treeSize"].as_u64()?);
    Some(
        verify_inclusion(
            &leaf,
            index,
            size,
            &InclusionProof::new(proof(&case["proof"])?),
            &root,
        )
        .is_ok(),
    )
}

fn consistency(case: &Value) -> Option<bool> {
    let (old, new) = (hash(&case["root1"])?, hash(&case["root2"])?);
    let (old_size, new_size) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
    let proof = ConsistencyProof::new(proof(&case["proof"])?);
    let (old, new) = (RootHash::from_bytes(old), RootHash::from_bytes(new));
    Some(
        verify_consistency(
            TreeSize::new(old_size),
            &old,
            TreeSize::new(new_size),
            &new,
            &proof,
        )
        .is_ok(),
    )
}

#[test]
fn every_transparency_dev_proof_gets_the_verdict_of_its_file() {
    let Some(folder) = support::vectors("merkle") else {
        support::report("merkle", 0, CASES);
        return;
    };
    let mut run = 0;
    let mut not_a_hash = Vec::new();
    for path in support::files(&folder) {
        let name = path
            .strip_prefix(&folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_string();
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let accepted = if name.starts_with("inclusion/") {
            inclusion(&case)
        } else {
            consistency(&case)
        };
        let wanted = !case["wantErr"].as_bool().unwrap();
        if accepted.is_none() && wanted {
            not_a_hash.push(name);
        } else {
            assert_eq!(
                accepted.unwrap_or(false),
                wanted,
                "{name}: {}",
                case["desc"]
            );
        }
        run += 1;
    }
    assert_eq!(not_a_hash, NOT_A_HASH);
    assert_eq!(run, CASES);
    support::report("merkle", run, 0);
}
