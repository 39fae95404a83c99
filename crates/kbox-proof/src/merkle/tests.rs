// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Against the recursive definitions of RFC 9162, written down as they stand there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::{collections::BTreeMap, format, string::ToString, vec, vec::Vec};

use proptest::prelude::*;

use super::*;

/// Every size up to here, with every leaf.
const SMALL: u64 = 70;

fn leaf(index: u64) -> LeafHash {
    hash_leaf(format!("leaf {index}").as_bytes())
}

fn leaves(size: u64) -> Vec<LeafHash> {
    (0..size).map(leaf).collect()
}

fn split(n: usize) -> usize {
    (0..)
        .map(|bit| 1 << bit)
        .take_while(|k| *k < n)
        .last()
        .unwrap()
}

/// RFC 9162 §2.1.1.
fn mth(d: &[LeafHash]) -> NodeHash {
    match d {
        [] => RootHash::of_empty_tree().into(),
        [leaf] => (*leaf).into(),
        _ => {
            let (left, right) = d.split_at(split(d.len()));
            hash_children(&mth(left), &mth(right))
        }
    }
}

/// RFC 9162 §2.1.3.1.
fn path(m: usize, d: &[LeafHash]) -> Vec<NodeHash> {
    if d.len() == 1 {
        return vec![];
    }
    let k = split(d.len());
    let (left, right) = d.split_at(k);
    let (mut hashes, other) = if m < k {
        (path(m, left), mth(right))
    } else {
        (path(m - k, right), mth(left))
    };
    hashes.push(other);
    hashes
}

/// RFC 9162 §2.1.4.1, SUBPROOF.
fn subproof(m: usize, d: &[LeafHash], whole: bool) -> Vec<NodeHash> {
    if m == d.len() {
        return if whole { vec![] } else { vec![mth(d)] };
    }
    let k = split(d.len());
    let (left, right) = d.split_at(k);
    let (mut hashes, other) = if m <= k {
        (subproof(m, left, whole), mth(right))
    } else {
        (subproof(m - k, right, false), mth(left))
    };
    hashes.push(other);
    hashes
}

fn edge(size: u64) -> Edge {
    let mut edge = Edge::empty();
    for index in 0..size {
        assert_eq!(edge.append(leaf(index)), LeafIndex::new(index));
    }
    edge
}

/// All ways to change a list of hashes in one place.
fn mutations(hashes: &[NodeHash]) -> Vec<Vec<NodeHash>> {
    let mut found = Vec::new();
    for place in 0..hashes.len() {
        let mut flipped = hashes.to_vec();
        let mut bytes = *flipped[place].as_bytes();
        bytes[(place * 7) % 32] ^= 1 << (place % 8);
        flipped[place] = NodeHash::from_bytes(bytes);
        found.push(flipped);
        let mut dropped = hashes.to_vec();
        dropped.remove(place);
        found.push(dropped);
        if place + 1 < hashes.len() {
            let mut swapped = hashes.to_vec();
            swapped.swap(place, place + 1);
            found.push(swapped);
        }
    }
    for place in 0..=hashes.len() {
        for extra in [
            NodeHash::from_bytes([0; 32]),
            *hashes
                .get(place)
                .or(hashes.last())
                .unwrap_or(&NodeHash::from_bytes([1; 32])),
        ] {
            let mut added = hashes.to_vec();
            added.insert(place, extra);
            found.push(added);
        }
    }
    found.retain(|mutation| mutation != hashes);
    found
}

#[test]
fn hashes_are_those_of_rfc_9162() {
    assert_eq!(
        RootHash::of_empty_tree().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    // RFC 6962 test vector of Certificate Transparency: the leaf of an empty entry.
    assert_eq!(
        hash_leaf(b"").to_string(),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    let leaf: NodeHash = hash_leaf(b"").into();
    let mut bytes = vec![1];
    bytes.extend(leaf.as_bytes());
    bytes.extend(leaf.as_bytes());
    assert_eq!(
        hash_children(&leaf, &leaf).as_bytes(),
        crate::digest::Sha256Digest::of(&bytes).as_bytes()
    );
}

#[test]
fn every_root_and_inclusion_proof_is_the_recursive_definitions() {
    for size in 0..=SMALL {
        let (tree, all) = (edge(size), leaves(size));
        let root = RootHash::from(mth(&all));
        assert_eq!(tree.root(), root);
        for index in 0..size {
            let (at, size) = (LeafIndex::new(index), TreeSize::new(size));
            let proof = inclusion_proof(&tree, at, size).unwrap();
            assert_eq!(proof.hashes(), path(index as usize, &all));
            verify_inclusion(&leaf(index), at, size, &proof, &root).unwrap();
        }
        let outside = inclusion_proof(&tree, LeafIndex::new(size), TreeSize::new(size));
        assert!(matches!(
            outside,
            Err(ProveError::Request(MerkleError::IndexOutsideTree { .. }))
        ));
    }
}

#[test]
fn every_consistency_proof_is_the_recursive_definition() {
    for new in 1..=SMALL {
        let (tree, all) = (edge(new), leaves(new));
        let new_root = RootHash::from(mth(&all));
        for old in 1..=new {
            let old_root = RootHash::from(mth(&all[..old as usize]));
            let (old, new) = (TreeSize::new(old), TreeSize::new(new));
            let proof = consistency_proof(&tree, old, new).unwrap();
            assert_eq!(proof.hashes(), subproof(old.get() as usize, &all, true));
            verify_consistency(old, &old_root, new, &new_root, &proof).unwrap();
        }
    }
}

#[test]
fn every_mutation_of_an_inclusion_proof_fails() {
    for size in 1..=SMALL {
        let tree = edge(size);
        let (root, n) = (tree.root(), TreeSize::new(size));
        let other_root = edge(size + 1).root();
        for index in 0..size {
            let at = LeafIndex::new(index);
            let proof = inclusion_proof(&tree, at, n).unwrap();
            let check = |leaf, at, n, proof: &_, root| {
                verify_inclusion(&leaf, LeafIndex::new(at), TreeSize::new(n), proof, root)
            };
            check(leaf(index), index, size, &proof, &root).unwrap();
            for other in [index.wrapping_sub(1), index + 1, size, u64::MAX] {
                check(leaf(index), other, size, &proof, &root).unwrap_err();
            }
            for hashes in mutations(proof.hashes()) {
                check(
                    leaf(index),
                    index,
                    size,
                    &InclusionProof::new(hashes),
                    &root,
                )
                .unwrap_err();
            }
            check(leaf(index + 1), index, size, &proof, &root).unwrap_err();
            check(leaf(index), index, size, &proof, &other_root).unwrap_err();
            check(leaf(index), index, 0, &proof, &root).unwrap_err();
        }
    }
}

#[test]
fn an_inclusion_proof_under_another_size_never_proves_another_place() {
    // The size is bound by the checkpoint, not by the path: with size ± 1 some paths have the same shape, and then prove
    // the same leaf at the same place under the same root. What must not be is a proof whose shape differs.
    for size in 1..=SMALL {
        let tree = edge(size);
        for index in 0..size {
            let proof = inclusion_proof(&tree, LeafIndex::new(index), TreeSize::new(size)).unwrap();
            for other in [size - 1, size + 1] {
                let verdict = verify_inclusion(
                    &leaf(index),
                    LeafIndex::new(index),
                    TreeSize::new(other),
                    &proof,
                    &tree.root(),
                );
                let same_shape = other > index && shape(index, other) == shape(index, size);
                assert_eq!(
                    verdict.is_ok(),
                    same_shape,
                    "leaf {index}, size {size} read as {other}"
                );
            }
        }
    }
}

/// On which side each sibling of a path stands, leaf first.
fn shape(index: u64, size: u64) -> Vec<bool> {
    if size == 1 {
        return vec![];
    }
    let k = split(size as usize) as u64;
    let (mut sides, right) = if index < k {
        (shape(index, k), true)
    } else {
        (shape(index - k, size - k), false)
    };
    sides.push(right);
    sides
}

#[test]
fn every_mutation_of_a_consistency_proof_fails() {
    let roots: Vec<RootHash> = (0..=SMALL + 1).map(|size| edge(size).root()).collect();
    let tree = edge(SMALL + 1);
    let check = |old: u64, old_root: &_, new: u64, new_root: &_, proof: &_| {
        verify_consistency(
            TreeSize::new(old),
            old_root,
            TreeSize::new(new),
            new_root,
            proof,
        )
    };
    for new in 1..=SMALL {
        for old in 1..=new {
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            let proof = consistency_proof(&tree, TreeSize::new(old), TreeSize::new(new)).unwrap();
            check(old, old_root, new, new_root, &proof).unwrap();
            for hashes in mutations(proof.hashes()) {
                check(old, old_root, new, new_root, &ConsistencyProof::new(hashes)).unwrap_err();
            }
            check(old, &roots[old as usize - 1], new, new_root, &proof).unwrap_err();
            check(old, &roots[old as usize + 1], new, new_root, &proof).unwrap_err();
            check(old, old_root, new, &roots[new as usize - 1], &proof).unwrap_err();
            check(old, old_root, new, &roots[new as usize + 1], &proof).unwrap_err();
            check(0, old_root, new, new_root, &proof).unwrap_err();
            check(new + 1, old_root, new, new_root, &proof).unwrap_err();
            if old != new {
                check(old, new_root, new, old_root, &proof).unwrap_err();
                check(new, old_root, new, new_root, &proof).unwrap_err();
                check(old, old_root, old, new_root, &proof).unwrap_err();
            }
        }
    }
}

#[test]
fn extreme_sizes_neither_overflow_nor_pass() {
    let (root, none) = (RootHash::from_bytes([7; 32]), InclusionProof::default());
    let long = InclusionProof::new(vec![NodeHash::from_bytes([0; 32]); 100]);
    for size in [1, 2, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
        for index in [0, 1, size - 1, u64::MAX] {
            for proof in [&none, &long] {
                let (at, size) = (LeafIndex::new(index), TreeSize::new(size));
                verify_inclusion(&leaf(0), at, size, proof, &root).unwrap_err();
            }
        }
        let long = ConsistencyProof::new(long.hashes().to_vec());
        for old in [1, size - 1, size] {
            let (old, new) = (TreeSize::new(old), TreeSize::new(size));
            verify_consistency(old, &root, new, &root, &long).unwrap_err();
        }
    }
    let too_large = TreeSize::new(u64::MAX);
    let loaded = Edge::load::<()>(too_large, |_| Err(()));
    assert_eq!(
        loaded.unwrap_err(),
        EdgeLoadError::TooLarge { size: too_large }
    );
}

#[test]
fn tile_paths_have_one_spelling() {
    // Examples of C2SP tlog-tiles, and the ends of the ranges.
    let good = [
        ("tile/0/x001/x234/067", Tile::new(0, 1_234_067, 256)),
        ("tile/1/000.p/1", Tile::new(1, 0, 1)),
        ("tile/0/273.p/112", Tile::new(0, 273, 112)),
        ("tile/7/000.p/255", Tile::new(7, 0, 255)),
        (
            "tile/0/x072/x057/x594/x037/x927/935",
            Tile::new(0, (1 << 56) - 1, 256),
        ),
    ];
    for (path, tile) in good {
        assert_eq!(Tile::parse(path), tile);
        assert_eq!(tile.unwrap().path(), path);
    }
    let bad = [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/8/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/x001/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.p/+1",
        "tile/7/001",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/٠٠٠",
        "tile/entries/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/000 ",
        "tile/0/x001/x-34/067",
    ];
    for path in bad {
        assert!(Tile::parse(path).is_err(), "{path} was accepted");
    }
    assert_eq!(
        EntryBundle::parse("tile/entries/x001/000.p/9"),
        EntryBundle::new(1000, 9)
    );
    assert!(EntryBundle::parse("tile/0/000").is_err());
}

#[test]
fn tiles_of_a_tree_are_those_of_the_specifications_example() {
    let size = TreeSize::new(70_000);
    assert_eq!(Tile::of_tree(0, 272, size), Tile::new(0, 272, 256).ok());
    assert_eq!(Tile::of_tree(0, 273, size), Tile::new(0, 273, 112).ok());
    assert_eq!(Tile::of_tree(0, 274, size), None);
    assert_eq!(Tile::of_tree(1, 0, size), Tile::new(1, 0, 256).ok());
    assert_eq!(Tile::of_tree(1, 1, size), Tile::new(1, 1, 17).ok());
    assert_eq!(Tile::of_tree(2, 0, size), Tile::new(2, 0, 1).ok());
    assert_eq!(Tile::of_tree(3, 0, size), None);
    assert_eq!(
        Tile::of_tree(1, 0, TreeSize::new(256)),
        Tile::new(1, 0, 1).ok()
    );
    assert_eq!(Tile::of_tree(0, 1, TreeSize::new(256)), None);
}

#[test]
fn entry_bundles_hold_exactly_their_entries() {
    let bundle = EntryBundle::new(0, 2).unwrap();
    let bytes = EntryBundle::encode([b"one".as_slice(), b""]).unwrap();
    assert_eq!(bytes, b"\0\x03one\0\0");
    assert_eq!(bundle.entries(&bytes).unwrap(), [b"one".as_slice(), b""]);
    for cut in 0..bytes.len() {
        assert!(bundle.entries(&bytes[..cut]).is_err());
    }
    assert!(bundle.entries(&[bytes.as_slice(), b"\0"].concat()).is_err());
    assert_eq!(EntryBundle::encode([vec![0; 65_536].as_slice()]), None);
}

/// A store of tiles, as the ledger keeps them.
type Tiles = BTreeMap<Tile, Vec<u8>>;

fn read(tiles: &Tiles) -> impl Fn(&Tile) -> Result<Vec<u8>, Tile> + '_ {
    |tile| tiles.get(tile).cloned().ok_or(*tile)
}

#[test]
fn a_tree_reloaded_from_its_tiles_goes_on_as_if_never_stopped() {
    let mut tiles = Tiles::new();
    let mut going = Edge::empty();
    let last = 256 * 257 + 3;
    for size in 1..=last {
        going.append(leaf(size - 1));
        let at_a_seam = size % 256 < 2 && !(1000..=65_000).contains(&size) || size == last;
        if at_a_seam || size % 9_977 == 0 {
            tiles.extend(going.take_dirty());
            let mut loaded = Edge::load(going.size(), read(&tiles)).unwrap();
            assert_eq!(loaded.root(), going.root(), "size {size}");
            assert_eq!(
                loaded.take_dirty(),
                vec![],
                "a loaded edge has nothing to store"
            );
            let mut clone = going.clone();
            assert_eq!(loaded.append(leaf(size)), clone.append(leaf(size)));
            assert_eq!(loaded.root(), clone.root());
            assert_eq!(loaded.take_dirty(), clone.take_dirty());
            going.append(leaf(size));
            going.take_dirty();
            going = Edge::load(TreeSize::new(size), read(&tiles)).unwrap();
        }
    }
    // Old leaves, far out of memory, are proven from stored tiles; without them the reader says which is missing.
    let (size, root) = (going.size(), going.root());
    for index in [0, 1, 255, 256, 40_000, last - 1] {
        let at = LeafIndex::new(index);
        let proof = inclusion_proof(&going.reader(read(&tiles)), at, size).unwrap();
        verify_inclusion(&leaf(index), at, size, &proof, &root).unwrap();
        assert_eq!(
            inclusion_proof(&TileReader::new(size, read(&tiles)), at, size).unwrap(),
            proof
        );
    }
    let old = TreeSize::new(300);
    let proof = consistency_proof(&going.reader(read(&tiles)), old, size).unwrap();
    verify_consistency(old, &edge(300).root(), size, &root, &proof).unwrap();
    assert!(inclusion_proof(&going, LeafIndex::new(0), size).is_err());
    let nothing = Tiles::new();
    let missing =
        inclusion_proof(&going.reader(read(&nothing)), LeafIndex::new(0), size).unwrap_err();
    // The descent starts at the root, so the upper tile is asked for first.
    let first = Tile::new(1, 0, 256).unwrap();
    assert_eq!(
        missing,
        ProveError::Read(TileReadError::Read {
            tile: first,
            error: first
        })
    );
}

#[test]
fn damaged_tiles_are_refused_or_change_the_root() {
    let mut tree = edge(300);
    let tiles: Tiles = tree.take_dirty().into_iter().collect();
    let size = tree.size();
    let partial = Tile::new(0, 1, 44).unwrap();
    for cut in [0, 1, 44 * 32 - 1, 44 * 32 + 1] {
        let mut damaged = tiles.clone();
        damaged.get_mut(&partial).unwrap().resize(cut, 0);
        let refused = Edge::load(size, read(&damaged)).unwrap_err();
        assert!(matches!(refused, EdgeLoadError::Tile { tile, .. } if tile == partial));
    }
    let mut damaged = tiles.clone();
    damaged.get_mut(&partial).unwrap()[9] ^= 1;
    assert_ne!(
        Edge::load(size, read(&damaged)).unwrap().root(),
        tree.root()
    );
}

#[test]
fn a_dropped_clone_leaves_the_edge_as_it_was() {
    let mut tree = edge(255);
    tree.take_dirty();
    let before = tree.root();
    let mut batch = tree.clone();
    batch.append(leaf(255));
    batch.append(leaf(256));
    assert_eq!(batch.take_dirty().len(), 3);
    drop(batch);
    assert_eq!((tree.root(), tree.size()), (before, TreeSize::new(255)));
    assert_eq!(tree.take_dirty(), vec![]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn larger_trees_follow_the_recursive_definitions(size in 1u64..1500, a in any::<u64>(), b in any::<u64>()) {
        let (tree, all) = (edge(size), leaves(size));
        let root = RootHash::from(mth(&all));
        prop_assert_eq!(tree.root(), root);
        let (n, index) = (TreeSize::new(size), a % size);
        let proof = inclusion_proof(&tree, LeafIndex::new(index), n).unwrap();
        let expected = path(index as usize, &all);
        prop_assert_eq!(proof.hashes(), expected.as_slice());
        prop_assert_eq!(verify_inclusion(&leaf(index), LeafIndex::new(index), n, &proof, &root), Ok(()));
        let old = TreeSize::new(b % size + 1);
        let old_root = RootHash::from(mth(&all[..old.get() as usize]));
        prop_assert_eq!(super::root(&tree, old), Ok(old_root));
        let proof = consistency_proof(&tree, old, n).unwrap();
        let expected = subproof(old.get() as usize, &all, true);
        prop_assert_eq!(proof.hashes(), expected.as_slice());
        prop_assert_eq!(verify_consistency(old, &old_root, n, &root, &proof), Ok(()));
    }

    #[test]
    fn what_a_prover_or_verifier_remembers_of_other_leaves_changes_no_proof_and_no_verdict(
        size in 1u64..1500,
        questions in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<usize>(), 0u8..4), 1..60),
    ) {
        let tree = edge(size);
        let (n, root) = (tree.size(), tree.root());
        let (mut prover, mut verifier) = (InclusionProver::new(&tree, n), InclusionVerifier::default());
        for (index, other, place, lie) in questions {
            let (index, other) = (LeafIndex::new(index % size), other % size);
            let proof = prover.prove(index).unwrap();
            prop_assert_eq!(&proof, &inclusion_proof(&tree, index, n).unwrap());
            let (mut claimed, mut hashes) = (index.get(), proof.hashes().to_vec());
            match lie {
                0 => claimed = other,
                1 => { hashes.pop(); }
                2 if !hashes.is_empty() => {
                    let place = place % hashes.len();
                    let mut bytes = *hashes[place].as_bytes();
                    bytes[0] ^= 1;
                    hashes[place] = NodeHash::from_bytes(bytes);
                }
                _ => {}
            }
            let (claimed, proof) = (leaf(claimed), InclusionProof::new(hashes));
            let verdict = verify_inclusion(&claimed, index, n, &proof, &root);
            prop_assert_eq!(verifier.verify(&claimed, index, n, &proof, &root), verdict);
        }
    }

    #[test]
    fn any_hashes_under_any_numbers_are_refused_without_panic(
        index in any::<u64>(), size in any::<u64>(), hashes in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let root = RootHash::from_bytes([3; 32]);
        let hashes: Vec<_> = hashes.into_iter().map(NodeHash::from_bytes).collect();
        let (proof, at) = (InclusionProof::new(hashes.clone()), LeafIndex::new(index));
        prop_assert!(verify_inclusion(&leaf(0), at, TreeSize::new(size), &proof, &root).is_err());
        let (old, new, proof) = (TreeSize::new(index), TreeSize::new(size), ConsistencyProof::new(hashes));
        let equal = index == size && index != 0 && proof.hashes().is_empty();
        prop_assert_eq!(verify_consistency(old, &root, new, &root, &proof).is_ok(), equal);
    }

    #[test]
    fn every_tile_path_reads_back(level in 0u8..8, index in any::<u64>(), width in 1u16..=256) {
        let tile = Tile::new(level, index >> (8 + 8 * u32::from(level)).min(63), width);
        if let Ok(tile) = tile {
            prop_assert_eq!(Tile::parse(&tile.path()), Ok(tile));
        }
    }

    #[test]
    fn what_parses_as_a_tile_path_is_its_one_spelling(path in "tile/[0-9]{1,2}/(x[0-9]{3}/){0,2}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.path(), path);
        }
    }
}
