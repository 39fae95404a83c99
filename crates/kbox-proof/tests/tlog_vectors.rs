// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A log written by Go's x/mod and crypto/mldsa: our copy of it, and the shared one where it exists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kbox_proof::merkle::{
    ConsistencyProof, Edge, EntryBundle, InclusionProof, LeafHash, LeafIndex, MerkleError,
    NodeHash, RootHash, Tile, TileReader, TreeSize, consistency_proof, hash_leaf, inclusion_proof,
    root, verify_consistency, verify_inclusion,
};
use kbox_proof::tlog::{
    Checkpoint, CheckpointError, Note, NoteError, PolicyError, TlogPolicy, TlogProof,
    TlogProofError, VerifiedCheckpoint, VerifierKey,
};
use serde_json::Value;

/// Leaf of the proof that every file of `bad/` was made from.
const BAD_LEAF: u64 = 128;

#[derive(Debug)]
enum Refusal {
    Proof(TlogProofError),
    Policy(PolicyError),
}

fn leaf(index: u64) -> LeafHash {
    hash_leaf(format!("kbox-proof vector leaf {index}").as_bytes())
}

/// Verifies in the order of C2SP tlog-proof.
fn verify(file: &[u8], leaf: &LeafHash, policy: &TlogPolicy) -> Result<TlogProof, Refusal> {
    let proof = TlogProof::parse(file).map_err(Refusal::Proof)?;
    let witnessed = policy.verify(proof.checkpoint()).map_err(Refusal::Policy)?;
    proof
        .verify_inclusion_in(leaf, witnessed.checkpoint())
        .map_err(Refusal::Proof)?;
    Ok(proof)
}

struct Log<'a> {
    folder: &'a Path,
    log: VerifierKey,
    policy: TlogPolicy,
    roots: BTreeMap<u64, RootHash>,
    run: usize,
}

impl Log<'_> {
    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn json(&self, path: &str) -> Vec<Value> {
        serde_json::from_slice(&self.read(path)).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let files = support::files(&self.folder.join(folder));
        files
            .iter()
            .map(|path| {
                path.strip_prefix(self.folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_string()
            })
            .collect()
    }

    fn roots_by_appending(&mut self) {
        let mut edge = Edge::empty();
        assert_eq!(self.roots.len(), 300);
        for (size, expected) in &self.roots {
            edge.append(leaf(edge.size().get()));
            assert_eq!(edge.size().get(), *size);
            assert_eq!(edge.root(), *expected, "root of size {size}");
            self.run += 1;
        }
    }

    fn inclusion_proofs(&mut self, tree: &Edge) {
        for case in self.json("inclusion.json") {
            let (size, index) = (
                TreeSize::new(number(&case["Size"])),
                LeafIndex::new(number(&case["Index"])),
            );
            let proof = InclusionProof::new(hashes(&case["Proof"]));
            let leaf = leaf(index.get());
            assert_eq!(leaf.as_bytes(), &hash(&case["LeafHash"]));
            verify_inclusion(&leaf, index, size, &proof, &self.roots[&size.get()]).unwrap();
            assert_eq!(
                inclusion_proof(tree, index, size).unwrap(),
                proof,
                "leaf {index} of {size}"
            );
            self.run += 1;
        }
    }

    fn consistency_proofs(&mut self, tree: &Edge) {
        for case in self.json("consistency.json") {
            let (old, new) = (
                TreeSize::new(number(&case["Old"])),
                TreeSize::new(number(&case["New"])),
            );
            let proof = ConsistencyProof::new(hashes(&case["Proof"]));
            verify_consistency(
                old,
                &self.roots[&old.get()],
                new,
                &self.roots[&new.get()],
                &proof,
            )
            .unwrap();
            assert_eq!(
                consistency_proof(tree, old, new).unwrap(),
                proof,
                "{old} to {new}"
            );
            self.run += 1;
        }
    }

    fn checkpoints(&mut self) {
        let pq = VerifierKey::parse(self.read_text("mldsa44-vkey.txt").trim_end()).unwrap();
        assert_eq!(pq.encode(), self.read_text("mldsa44-vkey.txt").trim_end());
        let mut names = self.names(".");
        names.retain(|name| name.starts_with("checkpoint-") && name.ends_with(".txt"));
        assert_eq!(names.len(), 14);
        for name in names {
            let bytes = self.read(&name);
            let note = Note::parse(&bytes).unwrap();
            assert_eq!(note.encode().as_bytes(), bytes, "{name}");
            let checkpoint = VerifiedCheckpoint::verify(&note, &self.log).unwrap();
            assert_eq!(checkpoint.root(), &self.roots[&checkpoint.size().get()]);
            let rewritten =
                Checkpoint::new(checkpoint.origin(), checkpoint.size(), *checkpoint.root())
                    .unwrap();
            assert_eq!(rewritten.encode(), note.text());
            let outcome = self.policy.verify(&note);
            if name.contains("cosigned") {
                let witnessed = outcome.unwrap();
                assert_eq!(witnessed.cosignatures().len(), 2);
                assert!(
                    witnessed
                        .cosignatures()
                        .iter()
                        .all(|cosignature| cosignature.time().is_some())
                );
            } else {
                assert_eq!(
                    outcome,
                    Err(PolicyError::QuorumNotMet { witnesses: 0 }),
                    "{name}"
                );
            }
            let by_pq = checkpoint.cosignatures(&pq).unwrap();
            assert_eq!(by_pq.len(), usize::from(name.contains("mldsa44")), "{name}");
            assert!(by_pq.iter().all(|cosignature| cosignature.time().is_some()));
            self.run += 1;
            if name.contains("mldsa44") {
                self.ml_dsa_bit_flips(&note, &pq);
            }
        }
    }

    /// Time, and each part of the signature (challenge, response, hint), are covered.
    fn ml_dsa_bit_flips(&self, note: &Note, pq: &VerifierKey) {
        let text = Note::unsigned(note.text()).unwrap();
        for flip in [7, 8, 40, 1200, 2420] {
            let mut altered = text.clone();
            for line in note.signatures() {
                let mut signature = line.signature().to_vec();
                if line.name() == pq.name() {
                    signature[flip] ^= 1;
                }
                altered = altered.with_signature(line.name().clone(), line.key_id(), signature);
            }
            let checkpoint = VerifiedCheckpoint::verify(&altered, &self.log).unwrap();
            let expected = NoteError::BadSignature {
                name: pq.name().clone(),
                key_id: pq.key_id(),
            };
            assert_eq!(checkpoint.cosignatures(pq), Err(expected), "byte {flip}");
        }
    }

    fn read_text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    fn tiles(&mut self) {
        let note = Note::parse(&self.read("tiles/checkpoint")).unwrap();
        let checkpoint = VerifiedCheckpoint::verify(&note, &self.log).unwrap();
        let size = checkpoint.size();
        let read = |tile: &Tile| std::fs::read(self.folder.join("tiles").join(tile.path()));
        let reader = TileReader::new(size, read);
        assert_eq!(root(&reader, size).unwrap(), *checkpoint.root());
        let edge = Edge::load(size, read).unwrap();
        assert_eq!(edge.root(), *checkpoint.root());
        for index in 0..size.get() {
            let index = LeafIndex::new(index);
            let proof = inclusion_proof(&reader, index, size).unwrap();
            verify_inclusion(&leaf(index.get()), index, size, &proof, checkpoint.root()).unwrap();
            assert_eq!(
                inclusion_proof(&edge.reader(read), index, size).unwrap(),
                proof
            );
        }
        // What we would serve, byte for byte, and its names.
        let mut ours = Edge::empty();
        let mut tiles = BTreeMap::new();
        for index in 0..size.get() {
            ours.append(leaf(index));
            if [1, 256, 257].contains(&(index + 1)) {
                tiles.extend(ours.take_dirty());
            }
        }
        tiles.extend(ours.take_dirty());
        let mut run = 1;
        for name in self.names("tiles/tile") {
            let path = name.strip_prefix("tiles/").unwrap();
            if path.starts_with("tile/entries/") {
                let bundle = EntryBundle::parse(path).unwrap();
                let bytes = self.read(&name);
                let entries = bundle.entries(&bytes).unwrap();
                for (entry, index) in entries.iter().zip(bundle.index() * 256..) {
                    assert_eq!(hash_leaf(entry), leaf(index));
                }
                assert_eq!(EntryBundle::encode(entries), Some(bytes));
                assert_eq!(bundle.path(), path);
            } else {
                let tile = Tile::parse(path).unwrap();
                assert_eq!(tile.path(), path);
                assert_eq!(tiles.get(&tile), Some(&self.read(&name)), "{name}");
            }
            run += 1;
        }
        self.run += run;
    }

    fn proofs(&mut self) {
        for name in self.names("ok") {
            let bytes = self.read(&name);
            let index = TlogProof::parse(&bytes).unwrap().index();
            let proof = verify(&bytes, &leaf(index.get()), &self.policy)
                .unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(proof.encode().as_bytes(), bytes, "{name}");
            proof.verify(&leaf(index.get()), &self.log).unwrap();
            assert!(
                proof.verify(&leaf(index.get() + 1), &self.log).is_err(),
                "{name} holds for another leaf"
            );
            self.run += 1;
        }
        for name in self.names("bad") {
            let refusal =
                verify(&self.read(&name), &leaf(BAD_LEAF), &self.policy).expect_err(&name);
            let cause = name
                .trim_start_matches("bad/")
                .trim_end_matches(".tlog-proof");
            use Refusal::{Policy, Proof};
            let expected = match cause {
                "cosig-bitflip" => matches!(
                    refusal,
                    Policy(PolicyError::Cosignature(NoteError::BadSignature { .. }))
                ),
                "hash-bitflip" | "hash-swapped" => matches!(
                    refusal,
                    Proof(TlogProofError::Inclusion(MerkleError::RootMismatch { .. }))
                ),
                "hash-missing" => matches!(
                    refusal,
                    Proof(TlogProofError::Inclusion(MerkleError::WrongLength { .. }))
                ),
                "index-ge-size" => matches!(
                    refusal,
                    Proof(TlogProofError::Inclusion(
                        MerkleError::IndexOutsideTree { .. }
                    ))
                ),
                "origin-changed" => matches!(refusal, Policy(PolicyError::UnknownLog { .. })),
                "truncated" => matches!(refusal, Proof(TlogProofError::Checkpoint(_))),
                "wrong-header" => matches!(refusal, Proof(TlogProofError::Header)),
                "wrong-index" => matches!(refusal, Proof(TlogProofError::Inclusion(_))),
                "logsig-bitflip" | "root-bitflip" | "size-changed" => matches!(
                    refusal,
                    Policy(PolicyError::Checkpoint(CheckpointError::Note(
                        NoteError::BadSignature { .. }
                    )))
                ),
                "logsig-missing" => matches!(
                    refusal,
                    Policy(PolicyError::Checkpoint(CheckpointError::Note(
                        NoteError::NotSignedBy { .. }
                    )))
                ),
                _ => panic!("{name} has no expected reason"),
            };
            assert!(
                expected,
                "{name} is refused for another reason: {refusal:?}"
            );
            self.run += 1;
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn hash(value: &Value) -> [u8; 32] {
    STANDARD
        .decode(value.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

fn hashes(value: &Value) -> Vec<NodeHash> {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|value| NodeHash::from_bytes(hash(value)))
        .collect()
}

fn run(folder: &Path) -> usize {
    let policy = TlogPolicy::parse(&std::fs::read(folder.join("policy.txt")).unwrap()).unwrap();
    let roots: BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(folder.join("roots.json")).unwrap()).unwrap();
    let roots = roots.iter().map(|(size, root)| {
        let root = kbox_proof::digest::Sha256Digest::from_hex(root).unwrap();
        (
            size.parse().unwrap(),
            RootHash::from_bytes(*root.as_bytes()),
        )
    });
    let log = policy.logs()[0].key().clone();
    let mut vectors = Log {
        folder,
        log,
        policy,
        roots: roots.collect(),
        run: 0,
    };
    let mut tree = Edge::empty();
    for index in 0..300 {
        tree.append(leaf(index));
    }
    vectors.roots_by_appending();
    vectors.inclusion_proofs(&tree);
    vectors.consistency_proofs(&tree);
    vectors.checkpoints();
    vectors.tiles();
    vectors.proofs();
    vectors.run
}

#[test]
fn the_copy_of_the_go_log_in_this_repository_verifies() {
    let run = run(&support::repository().join("fixtures/tlog"));
    support::report("fixtures/tlog", run, 0);
}

#[test]
fn the_shared_go_log_verifies() {
    match support::vectors("tlog") {
        Some(folder) => support::report("tlog", run(&folder), 0),
        // The copy above is the same log.
        None => support::report("tlog", 0, 1),
    }
}
