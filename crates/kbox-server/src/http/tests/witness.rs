// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `add-checkpoint` under bodies that nobody honest sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kbox_proof::key::{LogSigner, WitnessSigner};
use kbox_proof::merkle::{RootHash, TreeSize};
use kbox_proof::tlog::witness::MAX_REQUEST_BYTES;
use kbox_proof::tlog::{Checkpoint, KeyId, KeyName, VerifierKey};

use super::*;
use crate::witnesses;

const LOG: &str = "other.example/log/1";

fn log() -> LogSigner {
    LogSigner::from_seed(&[5; 32]).unwrap()
}

/// A checkpoint's text, whatever it says, under the log's signature.
fn signed(text: &str) -> String {
    let signature = log().sign(text.as_bytes()).to_vec();
    let (name, id) = (
        KeyName::new(LOG).unwrap(),
        KeyId::from_bytes(log().key_id(LOG)),
    );
    let bytes = [id.as_bytes().as_slice(), &signature].concat();
    format!("{text}\n— {name} {}\n", STANDARD.encode(&bytes))
}

fn tree(size: &str, root: u8) -> String {
    let root = STANDARD.encode([root; 32]);
    signed(&format!("{LOG}\n{size}\n{root}\n"))
}

fn empty_tree() -> String {
    let empty = Checkpoint::new(LOG, TreeSize::new(0), RootHash::of_empty_tree());
    signed(&empty.unwrap().encode())
}

fn witnessing() -> Server {
    start_with(
        false,
        |_| (),
        |instance| {
            let name = KeyName::new("w.example/1").unwrap();
            let key = LogSigner::from_seed(&[6; 32]).unwrap();
            let signer = WitnessSigner::new(name, key).unwrap();
            let logs = vec![VerifierKey::parse(&log().vkey(LOG)).unwrap()];
            instance.role = Some(witnesses::Role::new(signer, logs));
        },
    )
}

fn ask(server: &Server, body: &[u8]) -> u16 {
    let head = format!(
        "POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    server.raw(&[head.as_bytes(), body].concat()).status
}

#[test]
fn a_witness_answers_hostile_requests_as_the_specification_says_and_cosigns_on() {
    let server = witnessing();
    let good = tree("3", 1);
    let line = good.lines().last().unwrap().to_string();
    let hash = STANDARD.encode([7; 32]);
    let proof = |lines: usize| format!("{hash}\n").repeat(lines);
    let of = |old: &str, proof: &str, note: &str| format!("old {old}\n{proof}\n{note}");
    let lines = |many: usize| format!("{good}{}", format!("{line}\n").repeat(many - 1));
    let forged = |id: &[u8; 4], length: usize| {
        let bytes = [id.as_slice(), &vec![0; length]].concat();
        format!("{good}— {LOG} {}\n", STANDARD.encode(&bytes))
    };
    let own = log().key_id(LOG);
    let others = "— someone.example AAAAAAAA\n".repeat(98);
    for (what, body, expected) in [
        ("nothing", String::new(), 400),
        ("a line", "old 0".into(), 400),
        ("no checkpoint", "old 0\n\n".into(), 400),
        ("no number", of("", "", &good), 400),
        ("a sign", of("-1", "", &good), 400),
        ("zeros before", of("00", "", &good), 400),
        ("other digits", of("٣", "", &good), 400),
        ("2^64", of("18446744073709551616", "", &good), 400),
        ("many digits", of(&"9".repeat(60_000), "", &good), 400),
        ("beyond the new", of("18446744073709551615", "", &good), 400),
        ("not what was cosigned", of("2", "", &good), 409),
        ("a proof from nothing", of("0", &proof(1), &good), 422),
        ("the longest proof", of("0", &proof(63), &good), 422),
        ("too long a proof", of("0", &proof(64), &good), 400),
        ("a thousand lines", of("0", &proof(1000), &good), 400),
        ("a short hash", of("0", "AAAA\n", &good), 400),
        (
            "a hash in other letters",
            of("0", &hash.replace('B', "-"), &good),
            400,
        ),
        ("CR LF", of("0", "", &good).replace('\n', "\r\n"), 400),
        ("CR", of("0", "", &good.replacen("3\n", "3\r\n", 1)), 400),
        ("NUL", of("0", "", &good.replacen("3\n", "3\0\n", 1)), 400),
        (
            "a mark of order",
            format!("\u{feff}{}", of("0", "", &good)),
            400,
        ),
        ("another line break", of("0\u{2028}", "", &good), 400),
        ("a space", of("0 ", "", &good), 400),
        (
            "a log with a break in its name",
            of("0", "", &good.replacen("log", "l\u{85}g", 1)),
            400,
        ),
        (
            "a log of a similar name",
            of("0", "", &good.replacen("other", "οther", 1)),
            404,
        ),
        (
            "another log",
            of("0", "", &good.replacen("log/1", "log/2", 1)),
            404,
        ),
        (
            "a changed size",
            of("0", "", &good.replacen("3\n", "4\n", 1)),
            403,
        ),
        (
            "2^64 leaves",
            of("0", "", &tree("18446744073709551616", 1)),
            400,
        ),
        ("an empty tree with leaves", of("0", "", &tree("0", 1)), 400),
        (
            "an empty extension",
            of("0", "", &signed(&format!("{LOG}\n3\n{hash}\n\n"))),
            400,
        ),
        (
            "no signature",
            of("0", "", good.split("— ").next().unwrap()),
            400,
        ),
        ("no end", of("0", "", good.trim_end()), 400),
        (
            "a bad line of the log's beside a good one",
            of("0", "", &forged(&own, 64)),
            403,
        ),
        (
            "a short line of the log's beside a good one",
            of("0", "", &forged(&own, 1)),
            403,
        ),
        (
            "a line of no key",
            of("0", "", &format!("{good}— x AAAA\n")),
            400,
        ),
        ("101 lines", of("0", "", &lines(101)), 400),
    ] {
        assert_eq!(ask(&server, body.as_bytes()), expected, "{what}");
    }
    for (what, bytes) in [
        ("not UTF-8", &b"old 0\n\n\xff\xfe"[..]),
        ("zeros", &[0; 4096]),
    ] {
        assert_eq!(ask(&server, bytes), 400, "{what}");
    }
    // At the bound it is read, beyond it is not.
    let start = of("3", "", &good);
    let most = (MAX_REQUEST_BYTES - start.len() - 8) / 4 * 4;
    let large = format!("{start}— x {}\n", "A".repeat(most));
    let larger = format!("{large}        ");
    assert_eq!(ask(&server, larger.as_bytes()), 413);
    assert!((MAX_REQUEST_BYTES - 4..=MAX_REQUEST_BYTES).contains(&large.len()));

    // None of them was remembered: the empty tree is the first that is cosigned.
    assert_eq!(ask(&server, of("0", "", &empty_tree()).as_bytes()), 200);
    // A hundred lines, the log's own and those of others, are what it may carry.
    let body = of("0", "", &format!("{good}{line}\n{others}"));
    assert_eq!(ask(&server, body.as_bytes()), 200);
    assert_eq!(ask(&server, of("3", "", &lines(100)).as_bytes()), 200);
    assert_eq!(ask(&server, of("3", "", &good).as_bytes()), 200);
    // Larger lines of others than any that is known, up to the bound.
    assert_eq!(ask(&server, large.as_bytes()), 200);
    // From there to trees that nobody has, and back.
    for size in ["9223372036854775808", "18446744073709551615"] {
        for lines in [0, 1, 62, 63] {
            let body = of("3", &proof(lines), &tree(size, 2));
            assert_eq!(ask(&server, body.as_bytes()), 422, "{size} {lines}");
        }
    }
    assert_eq!(ask(&server, of("0", "", &empty_tree()).as_bytes()), 409);
    assert_eq!(ask(&server, of("3", "", &tree("3", 9)).as_bytes()), 409);
    assert_eq!(ask(&server, of("3", "", &good).as_bytes()), 200);
}

#[test]
fn the_largest_trees_that_can_be_said_are_cosigned_and_go_no_further() {
    let server = witnessing();
    let last = format!("old 0\n\n{}", tree("18446744073709551615", 1));
    assert_eq!(ask(&server, last.as_bytes()), 200);
    for old in ["9223372036854775808", "18446744073709551615"] {
        for lines in [0, 63] {
            let proof = format!("{}\n", STANDARD.encode([7; 32])).repeat(lines);
            let body = format!("old {old}\n{proof}\n{}", tree("18446744073709551615", 1));
            let expected = match (old, lines) {
                ("18446744073709551615", 0) => 200,
                ("18446744073709551615", _) => 422,
                _ => 409,
            };
            assert_eq!(ask(&server, body.as_bytes()), expected, "{old} {lines}");
        }
    }
}

#[test]
fn a_request_that_comes_slowly_keeps_no_other_from_its_cosignature() {
    let server = witnessing();
    let body = format!("old 0\n\n{}", tree("3", 1));
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!(
            "POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\nold 0\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        slow.push(stream);
    }
    assert_eq!(ask(&server, body.as_bytes()), 200);
}
