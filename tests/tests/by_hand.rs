// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `docs/verify-by-hand.md`: its commands accept a receipt, and refuse it spoiled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kbox_proof::receipt::Receipt;
use kbox_tests::by_hand::{bash, blocks};
use kbox_tests::{run, said};

#[test]
fn the_commands_of_the_page_accept_a_receipt_and_refuse_it_spoiled() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("kbox-demo");
    let demo = [
        "demo",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--commune",
        "80020",
    ];
    let made = run("kbox-server", &demo);
    assert!(made.status.success(), "{}", said(&made));

    let blocks = blocks();
    assert!(blocks.len() >= 8, "{blocks:?}");
    let accepted = bash(folder.path(), &blocks);
    assert!(accepted.status.success(), "{}", said(&accepted));
    for words in [
        "Verification: OK",
        "ContentConsignment",
        "CMS Verification successful",
        "Signature Verified Successfully",
    ] {
        assert!(said(&accepted).contains(words), "{words}");
    }

    // Without the first block, which takes the receipt from the proof file.
    let path = folder.path().join("receipt.kbox.json");
    let receipt = Receipt::from_json(&std::fs::read(&path).unwrap()).unwrap();
    let flip = |bytes: &mut Vec<u8>, place: usize| bytes[place] ^= 1;
    let other = |text: &mut String, place: usize| {
        let new = if text[place..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        text.replace_range(place..=place, new);
    };
    type Spoil<'a> = (&'a str, &'a dyn Fn(&mut Receipt));
    let ways: [Spoil<'_>; 6] = [
        ("event", &|copy| {
            let middle = copy.event.len() / 2;
            flip(&mut copy.event, middle);
        }),
        ("token", &|copy| {
            let last = copy.token.len() - 1;
            flip(&mut copy.token, last);
        }),
        ("personal part", &|copy| {
            let personal = copy.personal.as_mut().unwrap();
            let last = personal.len() - 1;
            flip(personal, last);
        }),
        ("path", &|copy| {
            let index = copy.proof.find("index ").unwrap();
            let line = copy.proof[index..].find('\n').unwrap() + index + 1;
            other(&mut copy.proof, line);
        }),
        ("root", &|copy| {
            let head = copy.proof.find("\n\n").unwrap() + 2;
            let root = head + copy.proof[head..].match_indices('\n').nth(1).unwrap().0 + 1;
            other(&mut copy.proof, root);
        }),
        ("signature", &|copy| {
            let middle = copy.proof.len() - 40;
            other(&mut copy.proof, middle);
        }),
    ];
    // Go's libraries alone, after what they are given: the receipt's parts and the leaf's hash.
    let block = |holds: &str| *blocks.iter().find(|block| block.contains(holds)).unwrap();
    let go = [blocks[1], block("leaf.hash\", \"wb\""), block("check.go")];
    let accepted = bash(folder.path(), &go);
    assert!(accepted.status.success(), "{}", said(&accepted));
    for (what, spoil) in ways {
        let mut copy = receipt.clone();
        spoil(&mut copy);
        assert_ne!(copy, receipt, "{what}");
        std::fs::write(&path, copy.to_json()).unwrap();
        let refused = bash(folder.path(), &blocks[1..]);
        assert!(!refused.status.success(), "{what}: {}", said(&refused));
        if ["token", "path", "root", "signature"].contains(&what) {
            let refused = bash(folder.path(), &go);
            assert!(!refused.status.success(), "{what}: {}", said(&refused));
        }
    }
    std::fs::write(&path, receipt.to_json()).unwrap();
    let again = bash(folder.path(), &blocks[1..]);
    assert!(again.status.success(), "{}", said(&again));
}
