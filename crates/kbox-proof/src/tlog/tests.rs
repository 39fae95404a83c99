// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::{format, string::String, string::ToString, vec, vec::Vec};

use ed25519_dalek::{Signer as _, SigningKey};
use ml_dsa::{MlDsa44, SigningKey as MlDsaSigningKey};
use proptest::prelude::*;

use super::*;
use crate::merkle::{
    Edge, InclusionProof, LeafIndex, RootHash, TreeSize, hash_leaf, inclusion_proof,
};
use crate::time::Time;

const ORIGIN: &str = "log.example/kbox";
const SECONDS: u64 = 1_795_000_000;

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(name_text: &str, signature_type: SignatureType, seed: u8) -> VerifierKey {
    VerifierKey::new(
        name(name_text),
        signature_type,
        secret(seed).verifying_key().as_bytes(),
    )
    .unwrap()
}

fn log_key() -> VerifierKey {
    public(ORIGIN, SignatureType::Ed25519, 1)
}

fn witness_key(seed: u8) -> VerifierKey {
    public(
        &format!("witness.example/w{seed}"),
        SignatureType::Ed25519Cosignature,
        seed,
    )
}

fn ml_dsa() -> MlDsaSigningKey<MlDsa44> {
    MlDsaSigningKey::from_seed(&[9; 32].into())
}

fn ml_dsa_key(name_text: &str) -> VerifierKey {
    let public = ml_dsa().expanded_key().verifying_key().encode();
    VerifierKey::new(name(name_text), SignatureType::MlDsa44Cosignature, &public).unwrap()
}

fn with(note: Note, key: &VerifierKey, signature: Vec<u8>) -> Note {
    note.with_signature(key.name().clone(), key.key_id(), signature)
}

fn signed(checkpoint: &Checkpoint) -> Note {
    let note = Note::unsigned(checkpoint.encode()).unwrap();
    let signature = secret(1).sign(note.text().as_bytes()).to_vec();
    with(note, &log_key(), signature)
}

fn cosigned(note: Note, seed: u8, seconds: u64) -> Note {
    let message = ed25519_cosignature_message(note.text(), seconds);
    let signature = timestamped_signature(seconds, &secret(seed).sign(&message).to_bytes());
    with(note, &witness_key(seed), signature)
}

fn ml_dsa_cosigned(note: Note, key: &VerifierKey, seconds: u64) -> Note {
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let message = ml_dsa_44_cosignature_message(key.name(), &checkpoint, seconds);
    let signature = ml_dsa()
        .expanded_key()
        .sign_deterministic(&message, &[])
        .unwrap();
    with(
        note,
        key,
        timestamped_signature(seconds, &signature.encode()),
    )
}

fn tree() -> Edge {
    let mut edge = Edge::empty();
    for index in 0..5u8 {
        edge.append(hash_leaf(&[index]));
    }
    edge
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new(ORIGIN, tree().size(), tree().root()).unwrap()
}

#[test]
fn the_examples_of_signed_note_verify() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let key = VerifierKey::parse(key).unwrap();
    let text = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = Note::parse(text.as_bytes()).unwrap();
    assert_eq!(note.encode(), text);
    let line = key.lines_of(&note).next().unwrap();
    key.verify_raw(note.text().as_bytes(), line.signature())
        .unwrap();
    // The text of a note may have empty lines.
    let poem = "Ognuno sta solo\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    assert_eq!(
        Note::parse(poem.as_bytes()).unwrap().text(),
        "Ognuno sta solo\n\ned è subito sera.\n"
    );
}

#[test]
fn a_note_has_one_form() {
    let good = "text\n\n— a AAAAAAE=\n";
    assert_eq!(Note::parse(good.as_bytes()).unwrap().encode(), good);
    let bad: &[&[u8]] = &[
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        "\n\n— a AAAAAAE=\n".as_bytes(),
        "text\n— a AAAAAAE=\n".as_bytes(),
        "text\n\n— a AAAAAAE=".as_bytes(),
        "text\n\n— a AAAAAAE=\n\n".as_bytes(),
        "text\n\n— a AAAAAAE=\nmore\n".as_bytes(),
        "text\r\n\r\n— a AAAAAAE=\r\n".as_bytes(),
        "text\n\n— a AAAAAAE=\r\n".as_bytes(),
        "te\txt\n\n— a AAAAAAE=\n".as_bytes(),
        "te\0xt\n\n— a AAAAAAE=\n".as_bytes(),
        "text\n\n- a AAAAAAE=\n".as_bytes(),
        "text\n\n—  a AAAAAAE=\n".as_bytes(),
        "text\n\n— a  AAAAAAE=\n".as_bytes(),
        "text\n\n— a AAAAAAE= \n".as_bytes(),
        "text\n\n— a+b AAAAAAE=\n".as_bytes(),
        "text\n\n— a\u{a0}b AAAAAAE=\n".as_bytes(),
        "text\n\n—  AAAAAAE=\n".as_bytes(),
        // No signature after the key ID; no padding; a second spelling of the last byte.
        "text\n\n— a AAAAAA==\n".as_bytes(),
        "text\n\n— a AAAAAAE\n".as_bytes(),
        "text\n\n— a AAAAAAF=\n".as_bytes(),
        b"te\xfft\n\n\xe2\x80\x94 a AAAAAAE=\n",
    ];
    for note in bad {
        assert!(
            Note::parse(note).is_err(),
            "accepted {:?}",
            String::from_utf8_lossy(note)
        );
    }
    let many = |count| format!("text\n\n{}", "— a AAAAAAE=\n".repeat(count));
    assert!(Note::parse(many(MAX_NOTE_SIGNATURES).as_bytes()).is_ok());
    assert_eq!(
        Note::parse(many(MAX_NOTE_SIGNATURES + 1).as_bytes()),
        Err(NoteError::TooManySignatures)
    );
    let long = vec![b'a'; MAX_NOTE_BYTES + 1];
    assert_eq!(
        Note::parse(&long),
        Err(NoteError::TooLong { bytes: long.len() })
    );
}

#[test]
fn a_vkey_has_one_form_and_the_id_of_its_key() {
    for key in [log_key(), witness_key(2), ml_dsa_key("witness.example/pq")] {
        assert_eq!(VerifierKey::parse(&key.encode()), Ok(key.clone()));
        let text = key.encode();
        let (before, after) = text.split_once('+').unwrap();
        let (id, material) = after.split_once('+').unwrap();
        let other_id = format!(
            "{before}+{:08x}+{material}",
            u32::from_str_radix(id, 16).unwrap() ^ 1
        );
        assert!(matches!(
            VerifierKey::parse(&other_id),
            Err(VkeyError::KeyId { .. })
        ));
        let renamed = format!("other{text}");
        assert!(matches!(
            VerifierKey::parse(&renamed),
            Err(VkeyError::KeyId { .. })
        ));
        for bad in [
            String::new(),
            before.to_string(),
            format!("{before}+{id}"),
            format!("+{id}+{material}"),
            format!("{before}+{id}+{}", material.trim_end_matches('=')).replace("==", "") + "*",
            format!("{before}+0{id}+{material}"),
            format!("{before} +{id}+{material}"),
            format!("{text}\n"),
        ] {
            assert!(VerifierKey::parse(&bad).is_err(), "accepted {bad:?}");
        }
    }
    let upper = log_key().encode().replace(
        &log_key().key_id().to_string(),
        &log_key().key_id().to_string().to_uppercase(),
    );
    assert!(upper == log_key().encode() || VerifierKey::parse(&upper).is_err());
    let weak = VerifierKey::new(
        name("weak"),
        SignatureType::Ed25519,
        &[[1].as_slice(), &[0; 31]].concat(),
    );
    assert_eq!(weak, Err(VkeyError::PublicKey));
    let short = VerifierKey::new(name("short"), SignatureType::MlDsa44Cosignature, &[0; 32]);
    assert_eq!(short, Err(VkeyError::PublicKey));
}

#[test]
fn a_checkpoint_has_one_form() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for good in [
        format!("example.com/behind-the-sofa\n20852163\n{root}\n"),
        format!("o\n1\n{root}\nextension\n"),
        "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".to_string(),
        format!("o\n{}\n{root}\n", u64::MAX),
    ] {
        assert_eq!(Checkpoint::parse(&good).unwrap().encode(), good);
    }
    for bad in [
        String::new(),
        "o\n1\n".to_string(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\nextension\n"),
        format!("o\n1\n{}\n", root.trim_end_matches('=')),
        "o\n1\nAAAA\n".to_string(),
        format!("o\n0\n{root}\n"),
        format!("{}\n1\n{root}\n", "o".repeat(256)),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "accepted {bad:?}");
    }
}

#[test]
fn a_checkpoint_is_verified_only_by_its_logs_key() {
    let note = signed(&checkpoint());
    let verified = VerifiedCheckpoint::verify(&note, &log_key()).unwrap();
    assert_eq!(verified.checkpoint(), &checkpoint());
    assert_eq!(verified.note(), &note);

    let other = public(ORIGIN, SignatureType::Ed25519, 8);
    let unsigned = NoteError::NotSignedBy {
        name: other.name().clone(),
        key_id: other.key_id(),
    };
    assert_eq!(
        VerifiedCheckpoint::verify(&note, &other),
        Err(CheckpointError::Note(unsigned))
    );
    let elsewhere = public("log.example/other", SignatureType::Ed25519, 1);
    let refused = VerifiedCheckpoint::verify(&note, &elsewhere);
    assert!(matches!(refused, Err(CheckpointError::WrongOrigin { .. })));
    let as_witness = public(ORIGIN, SignatureType::Ed25519Cosignature, 1);
    let refused = VerifiedCheckpoint::verify(&note, &as_witness);
    assert!(matches!(
        refused,
        Err(CheckpointError::Note(NoteError::WrongKeyType { .. }))
    ));
    // A good signature does not make up for a bad one that names the same key.
    let twice = with(note.clone(), &log_key(), vec![0; 64]);
    let refused = VerifiedCheckpoint::verify(&twice, &log_key());
    assert!(matches!(
        refused,
        Err(CheckpointError::Note(NoteError::BadSignature { .. }))
    ));
    // A stranger's signature changes nothing, even under a known name.
    let stranger = note.with_signature(name(ORIGIN), KeyId::from_bytes([0; 4]), vec![1]);
    assert!(VerifiedCheckpoint::verify(&stranger, &log_key()).is_ok());
}

#[test]
fn cosignatures_give_their_time_and_bind_it() {
    let note = cosigned(signed(&checkpoint()), 2, SECONDS);
    let verified = VerifiedCheckpoint::verify(&note, &log_key()).unwrap();
    let found = verified.cosignatures(&witness_key(2)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].time(), Time::from_unix_secs(SECONDS as i64).ok());
    assert_eq!(found[0].name(), witness_key(2).name());
    assert_eq!(verified.cosignatures(&witness_key(3)), Ok(vec![]));
    let wrong_type = verified.cosignatures(&log_key());
    assert!(matches!(wrong_type, Err(NoteError::WrongKeyType { .. })));

    let line = note.signatures()[1].signature().to_vec();
    // Whoever repeats a line makes nobody check it again.
    let repeated = with(note.clone(), &witness_key(2), line.clone());
    let repeated = VerifiedCheckpoint::verify(&repeated, &log_key()).unwrap();
    assert_eq!(repeated.cosignatures(&witness_key(2)).unwrap().len(), 1);
    for place in [0, 7, 8, 40, 71] {
        let mut flipped = line.clone();
        flipped[place] ^= 1;
        let altered = with(signed(&checkpoint()), &witness_key(2), flipped);
        let verified = VerifiedCheckpoint::verify(&altered, &log_key()).unwrap();
        assert!(
            verified.cosignatures(&witness_key(2)).is_err(),
            "byte {place}"
        );
    }
    for length in [1, 7, 8, 71] {
        let altered = with(
            signed(&checkpoint()),
            &witness_key(2),
            line[..length].to_vec(),
        );
        let verified = VerifiedCheckpoint::verify(&altered, &log_key()).unwrap();
        assert!(
            verified.cosignatures(&witness_key(2)).is_err(),
            "{length} bytes"
        );
    }
    let longer = with(
        signed(&checkpoint()),
        &witness_key(2),
        [line.as_slice(), &[0]].concat(),
    );
    let verified = VerifiedCheckpoint::verify(&longer, &log_key()).unwrap();
    assert!(verified.cosignatures(&witness_key(2)).is_err());
}

#[test]
fn a_zero_timestamp_proves_no_time_and_an_absurd_one_is_refused() {
    let times = |seconds| {
        let note = cosigned(signed(&checkpoint()), 2, seconds);
        let verified = VerifiedCheckpoint::verify(&note, &log_key()).unwrap();
        verified
            .cosignatures(&witness_key(2))
            .map(|found| found[0].time())
    };
    assert_eq!(times(0), Ok(None));
    for timestamp in [10_000_000_000, i64::MAX as u64, u64::MAX] {
        assert_eq!(
            times(timestamp),
            Err(NoteError::TimeOutOfRange { timestamp })
        );
    }
}

#[test]
fn ml_dsa_44_signs_for_logs_and_witnesses_and_binds_name_and_time() {
    let witness = ml_dsa_key("witness.example/pq");
    let note = ml_dsa_cosigned(signed(&checkpoint()), &witness, SECONDS);
    let parsed = Note::parse(note.encode().as_bytes()).unwrap();
    let verified = VerifiedCheckpoint::verify(&parsed, &log_key()).unwrap();
    let found = verified.cosignatures(&witness).unwrap();
    assert_eq!(found[0].time(), Time::from_unix_secs(SECONDS as i64).ok());

    // The message holds the cosigner's name: the same signature under another name of the same key fails.
    let renamed = ml_dsa_key("witness.example/other");
    let moved = with(
        signed(&checkpoint()),
        &renamed,
        note.signatures()[1].signature().to_vec(),
    );
    let verified = VerifiedCheckpoint::verify(&moved, &log_key()).unwrap();
    assert!(verified.cosignatures(&renamed).is_err());

    let log = ml_dsa_key(ORIGIN);
    let note = ml_dsa_cosigned(
        Note::unsigned(checkpoint().encode()).unwrap(),
        &log,
        SECONDS,
    );
    assert!(VerifiedCheckpoint::verify(&note, &log).is_ok());
    let extended = Note::unsigned(checkpoint().encode() + "extension\n").unwrap();
    let note = ml_dsa_cosigned(extended, &log, SECONDS);
    assert_eq!(
        VerifiedCheckpoint::verify(&note, &log),
        Err(CheckpointError::UnsignedExtensions)
    );
}

#[test]
fn the_messages_are_those_of_the_specification() {
    let text =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let expected = format!("cosignature/v1\ntime 1679315147\n{text}");
    assert_eq!(
        ed25519_cosignature_message(text, 1_679_315_147),
        expected.as_bytes()
    );
    let checkpoint =
        Checkpoint::new("lo", TreeSize::new(2), RootHash::from_bytes([5; 32])).unwrap();
    let message = ml_dsa_44_cosignature_message(&name("w"), &checkpoint, 3);
    let expected = [
        b"subtree/v1\n\0\x01w".as_slice(),
        &[0, 0, 0, 0, 0, 0, 0, 3],
        b"\x02lo",
        &[0; 8],
        &[0, 0, 0, 0, 0, 0, 0, 2],
        &[5; 32],
    ];
    assert_eq!(message, expected.concat());
}

fn proof(extra: Option<Vec<u8>>) -> TlogProof {
    let tree = tree();
    let path = inclusion_proof(&tree, LeafIndex::new(3), tree.size()).unwrap();
    TlogProof::new(extra, LeafIndex::new(3), path, signed(&checkpoint()))
}

#[test]
fn a_tlog_proof_holds_for_its_leaf_alone() {
    for extra in [None, Some(b"opening".to_vec())] {
        let proof = proof(extra.clone());
        let parsed = TlogProof::parse(proof.encode().as_bytes()).unwrap();
        assert_eq!(parsed, proof);
        assert_eq!(parsed.extra(), extra.as_deref());
        assert!(parsed.verify(&hash_leaf(&[3]), &log_key()).is_ok());
        let other = parsed.verify(&hash_leaf(&[2]), &log_key());
        assert!(matches!(other, Err(TlogProofError::Inclusion(_))));
    }
    assert_eq!(proof(Some(vec![])).extra(), None);
}

#[test]
fn a_tlog_proof_has_one_form() {
    let good = proof(Some(b"opening".to_vec())).encode();
    assert_eq!(TlogProof::parse(good.as_bytes()).unwrap().encode(), good);
    for (from, to) in [
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1 \n"),
        (
            "c2sp.org/tlog-proof@v1\n",
            "\u{feff}c2sp.org/tlog-proof@v1\n",
        ),
        ("\n", "\r\n"),
        ("extra ", "extra  "),
        ("extra b3BlbmluZw==", "extra "),
        ("extra b3BlbmluZw==", "extra b3BlbmluZx=="),
        (
            "extra b3BlbmluZw==\n",
            "extra b3BlbmluZw==\nextra b3BlbmluZw==\n",
        ),
        ("index 3", "index 03"),
        ("index 3", "index +3"),
        ("index 3", "index  3"),
        ("index 3", "index"),
        ("index 3\n", "index 3\n\n"),
        ("index 3\n", ""),
        ("index 3\n", "index 3\nAAAA\n"),
        (
            "extra b3BlbmluZw==\nindex 3\n",
            "index 3\nextra b3BlbmluZw==\n",
        ),
    ] {
        let bad = good.replacen(from, to, if from == "\n" { usize::MAX } else { 1 });
        assert_ne!(bad, good);
        assert!(
            TlogProof::parse(bad.as_bytes()).is_err(),
            "accepted {to:?} for {from:?}"
        );
    }
    // Cut anywhere, it is refused or no longer signed.
    for cut in (0..good.len()).filter(|cut| good.is_char_boundary(*cut)) {
        assert!(
            TlogProof::parse(&good.as_bytes()[..cut]).is_err(),
            "accepted the first {cut} bytes"
        );
    }
    let line = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let long = good.replacen("index 3\n", &format!("index 3\n{}", line.repeat(70)), 1);
    assert!(matches!(
        TlogProof::parse(long.as_bytes()),
        Err(TlogProofError::Hash { .. })
    ));
    let absurd = good.replacen("index 3", &format!("index {}", u64::MAX), 1);
    let parsed = TlogProof::parse(absurd.as_bytes()).unwrap();
    assert!(parsed.verify(&hash_leaf(&[3]), &log_key()).is_err());
}

fn policy_text() -> String {
    let (log, w2, w3, w4) = (log_key(), witness_key(2), witness_key(3), witness_key(4));
    format!(
        "# a comment\n\nlog {log} https://log.example/\n witness\tA {w2}\nwitness B {w3} https://b.example/\nwitness C {w4}\n\
         group AB any A B\ngroup all-three 2 AB C\nquorum all-three\n"
    )
}

#[test]
fn a_policy_demands_its_quorum() {
    let policy = TlogPolicy::parse(policy_text().as_bytes()).unwrap();
    assert_eq!(
        policy.logs()[0].url(),
        Some(b"https://log.example/".as_slice())
    );
    assert_eq!(policy.witnesses().len(), 3);
    let verdict = |seeds: &[u8]| {
        let note = seeds.iter().fold(signed(&checkpoint()), |note, seed| {
            cosigned(note, *seed, SECONDS)
        });
        policy
            .verify(&note)
            .map(|witnessed| witnessed.cosignatures().len())
    };
    assert_eq!(verdict(&[2, 4]), Ok(2));
    assert_eq!(verdict(&[3, 4]), Ok(2));
    assert_eq!(verdict(&[4, 3, 2]), Ok(3));
    assert_eq!(
        verdict(&[2, 3]),
        Err(PolicyError::QuorumNotMet { witnesses: 2 })
    );
    assert_eq!(
        verdict(&[4]),
        Err(PolicyError::QuorumNotMet { witnesses: 1 })
    );
    // The same witness twice is one witness; a stranger is none.
    assert_eq!(
        verdict(&[4, 4, 9]),
        Err(PolicyError::QuorumNotMet { witnesses: 1 })
    );
    // A bad cosignature by a known witness refuses the note, even when the others would be enough.
    let note = cosigned(cosigned(signed(&checkpoint()), 2, SECONDS), 4, SECONDS);
    let note = with(note, &witness_key(3), vec![0; 72]);
    assert!(matches!(
        policy.verify(&note),
        Err(PolicyError::Cosignature(NoteError::BadSignature { .. }))
    ));
    let none = format!("log {}\nquorum none\n", log_key());
    let none = TlogPolicy::parse(none.as_bytes()).unwrap();
    assert!(!none.needs_witnesses());
    assert!(none.verify(&signed(&checkpoint())).is_ok());
    let no_logs = TlogPolicy::parse(b"quorum none\n").unwrap();
    assert!(matches!(
        no_logs.verify(&signed(&checkpoint())),
        Err(PolicyError::UnknownLog { .. })
    ));
}

#[test]
fn a_policy_that_bends_the_rules_is_refused_with_its_line() {
    let (log, w2, w3) = (log_key(), witness_key(2), witness_key(3));
    let two = format!("witness A {w2}\nwitness B {w3}\n");
    let same_key = public(
        "witness.example/alias",
        SignatureType::Ed25519Cosignature,
        2,
    );
    let many: String = (0..=MAX_POLICY_ENTRIES)
        .map(|n| format!("group g{n} any x\n"))
        .collect();
    let cases = [
        (String::new(), PolicyError::CutOff),
        ("quorum none".into(), PolicyError::CutOff),
        ("\n".into(), PolicyError::Quorum),
        ("quorum none\nquorum none\n".into(), PolicyError::Quorum),
        (format!("log {log}\n"), PolicyError::Quorum),
        ("quorum A\n".into(), PolicyError::UnknownName { line: 1 }),
        ("quorum\n".into(), PolicyError::Line { line: 1 }),
        ("quorum none none\n".into(), PolicyError::Line { line: 1 }),
        ("Quorum none\n".into(), PolicyError::Line { line: 1 }),
        ("quorum none # why\n".into(), PolicyError::Line { line: 1 }),
        (
            "quorum none\r\n".into(),
            PolicyError::ControlCharacter { line: 1 },
        ),
        (format!("log {log} a b\n"), PolicyError::Line { line: 1 }),
        (
            format!("log {log}\nlog {log}\n"),
            PolicyError::DuplicateKey { line: 2 },
        ),
        (format!("log {w2}\n"), PolicyError::KeyType { line: 1 }),
        (
            format!("witness A {log}\n"),
            PolicyError::KeyType { line: 1 },
        ),
        (
            "witness A b+c+d\n".into(),
            PolicyError::Key {
                line: 1,
                error: VkeyError::Form,
            },
        ),
        (
            format!("{two}witness C {same_key}\n"),
            PolicyError::DuplicateKey { line: 3 },
        ),
        (
            format!("{two}witness A {}\n", witness_key(4)),
            PolicyError::Name { line: 3 },
        ),
        (
            format!("witness none {w2}\n"),
            PolicyError::Name { line: 1 },
        ),
        (
            format!("{two}group A all B\n"),
            PolicyError::Name { line: 3 },
        ),
        (format!("{two}group G all\n"), PolicyError::Line { line: 3 }),
        (
            format!("{two}group G all G\n"),
            PolicyError::UnknownName { line: 3 },
        ),
        (
            format!("{two}group G all A none\n"),
            PolicyError::UnknownName { line: 3 },
        ),
        (
            format!("{two}group G all A A\n"),
            PolicyError::MemberTwice { line: 3 },
        ),
        (
            format!("{two}group G all A\ngroup H any A B\n"),
            PolicyError::MemberTwice { line: 4 },
        ),
        (
            format!("{two}group G 0 A B\n"),
            PolicyError::Threshold { line: 3 },
        ),
        (
            format!("{two}group G 3 A B\n"),
            PolicyError::Threshold { line: 3 },
        ),
        (
            format!("{two}group G 01 A B\n"),
            PolicyError::Threshold { line: 3 },
        ),
        (
            format!("{two}group G most A B\n"),
            PolicyError::Threshold { line: 3 },
        ),
        (many, PolicyError::UnknownName { line: 1 }),
    ];
    for (text, error) in cases {
        assert_eq!(TlogPolicy::parse(text.as_bytes()), Err(error), "{text}");
    }
    // Names are octets, not text.
    let octets = [
        b"witness \xff ".as_slice(),
        w2.encode().as_bytes(),
        b"\nquorum \xff\n",
    ]
    .concat();
    assert_eq!(
        TlogPolicy::parse(&octets).unwrap().witnesses()[0].name(),
        b"\xff"
    );
    assert_eq!(
        TlogPolicy::parse(&vec![b'#'; MAX_POLICY_BYTES + 1]),
        Err(PolicyError::TooLarge)
    );
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn reads_back(file: &[u8]) -> bool {
    TlogProof::parse(file).is_err()
        || TlogProof::parse(file).is_ok_and(|parsed| parsed.encode().as_bytes() == file)
}

#[test]
fn what_parses_encodes_to_the_same_bytes() {
    let good = proof(Some(b"x".to_vec())).encode().into_bytes();
    let strategy = (
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<prop::sample::Index>(),
    );
    proptest!(cases(2000), |((place, byte, keep) in strategy)| {
        let mut file = good.clone();
        file[place.index(good.len())] = byte;
        prop_assert!(reads_back(&file));
        file.truncate(keep.index(good.len()));
        prop_assert!(reads_back(&file));
    });
}

#[test]
fn any_bytes_are_refused_or_read_back() {
    proptest!(cases(1000), |(bytes in proptest::collection::vec(any::<u8>(), 0..200))| {
        prop_assert!(TlogProof::parse(&bytes).is_err());
        if let Ok(note) = Note::parse(&bytes) {
            let encoded = note.encode();
            prop_assert_eq!(encoded.as_bytes(), bytes.as_slice());
        }
        let _ = TlogPolicy::parse(&bytes);
    });
}

#[test]
fn every_changed_byte_breaks_a_tlog_proof() {
    let (good, leaf, log) = (
        proof(None).encode().into_bytes(),
        hash_leaf(&[3]),
        log_key(),
    );
    for place in 0..good.len() {
        let mut file = good.clone();
        file[place] ^= 1 << (place % 8);
        let holds = TlogProof::parse(&file).is_ok_and(|parsed| parsed.verify(&leaf, &log).is_ok());
        assert!(!holds, "byte {place}");
    }
}

#[test]
fn an_empty_proof_is_that_of_a_single_leaf() {
    let mut tree = Edge::empty();
    tree.append(hash_leaf(b"only"));
    let note = signed(&Checkpoint::new(ORIGIN, tree.size(), tree.root()).unwrap());
    let proof = TlogProof::new(None, LeafIndex::new(0), InclusionProof::default(), note);
    let parsed = TlogProof::parse(proof.encode().as_bytes()).unwrap();
    assert!(parsed.verify(&hash_leaf(b"only"), &log_key()).is_ok());
}
