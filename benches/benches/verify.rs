// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Tokens and receipts verified a second on one core, from bytes to verdict, against the bare signatures that any verifier must
//! check, by the same library with the key parsed beforehand: the pure crates, or aws-lc-rs with that feature.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use criterion::Criterion;
use ed25519_dalek::VerifyingKey as Ed25519Key;
use kbox_benches::{Operator, compare, consignment, now, on_one_core, record_sending};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::key::TokenSigner;
use kbox_proof::ledger::RecordBatch;
use kbox_proof::receipt::Receipt;
use kbox_proof::tsa::SerialSource;
use kbox_proof::tsp::{
    ChainCache, ChainTime, MessageImprint, TimeStampToken, TokenTrust, verify_token,
};
use kbox_proof::verify::verify_receipt;

/// What `bare` verifies with.
const LIBRARY: &str = match cfg!(feature = "aws-lc-rs") {
    true => "aws-lc-rs",
    false => "the pure crates",
};

/// Tokens that take turns, so that none is the one of the round before.
const TOKENS: u64 = 64;

/// `count` messages of that length, all different, and their signatures. A signature that is checked again and again takes less than
/// others: the processor learns its branches.
fn signed(signer: &TokenSigner, length: usize, count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    (0..count)
        .map(|number| {
            let mut message = number.to_be_bytes().to_vec();
            message.resize(length, 7);
            let signature = signer.sign(&message).unwrap();
            (message, signature)
        })
        .collect()
}

/// Checks one P-256 signature and nothing else, another one at each call.
#[cfg(not(feature = "aws-lc-rs"))]
fn bare(signer: &TokenSigner, signed: Vec<(Vec<u8>, Vec<u8>)>) -> impl FnMut() + use<> {
    use p256::ecdsa::signature::Verifier;
    use p256::pkcs8::DecodePublicKey;
    let key = p256::ecdsa::VerifyingKey::from_public_key_der(signer.public_key_info()).unwrap();
    let signed: Vec<_> = signed
        .into_iter()
        .map(|(message, der)| (message, p256::ecdsa::Signature::from_der(&der).unwrap()))
        .collect();
    let mut turn = 0;
    move || {
        let (message, signature) = &signed[turn];
        turn = (turn + 1) % signed.len();
        key.verify(black_box(message), signature).unwrap();
    }
}

/// Checks one P-256 signature and nothing else, another one at each call.
#[cfg(feature = "aws-lc-rs")]
fn bare(signer: &TokenSigner, signed: Vec<(Vec<u8>, Vec<u8>)>) -> impl FnMut() + use<> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, signer.public_key_info()).unwrap();
    let mut turn = 0;
    move || {
        let (message, signature) = &signed[turn];
        turn = (turn + 1) % signed.len();
        key.verify_sig(black_box(message), signature).unwrap();
    }
}

fn tokens(criterion: &mut Criterion, operator: &Operator) {
    let authority = operator.authority();
    let serials = SerialSource::new().unwrap();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(b"event"));
    let tokens: Vec<Vec<u8>> = (0..TOKENS)
        .map(|_| authority.issue(&imprint, now(), &serials.draw(), None, true))
        .map(Result::unwrap)
        .collect();
    let parsed = TimeStampToken::parse(&tokens[0]).unwrap();
    let length = parsed.signed_attrs_der().len();
    let signer = operator.signer();
    let mut others = on_one_core(bare(&signer, signed(&signer, length, TOKENS)));
    let mut same = on_one_core(bare(&signer, signed(&signer, length, 1)));
    let roots: Vec<Vec<u8>> = operator.chain().last().cloned().into_iter().collect();
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let of_others = format!("one bare P-256 verification by {LIBRARY}");
    let of_the_same =
        format!("one bare P-256 verification by {LIBRARY}, of the same signature again and again");

    let mut turns = tokens.iter().cycle();
    compare(
        criterion,
        &format!("tokens verified alone by {LIBRARY}"),
        1,
        &mut on_one_core(|| {
            let token = TimeStampToken::parse(black_box(turns.next().unwrap())).unwrap();
            black_box(verify_token(&token, &imprint, &trust).unwrap());
        }),
        &mut [(&of_others, &mut others), (&of_the_same, &mut same)],
    );
    let mut chains = ChainCache::new();
    compare(
        criterion,
        &format!("tokens of one authority verified by {LIBRARY}"),
        1,
        &mut on_one_core(|| {
            let token = TimeStampToken::parse(black_box(turns.next().unwrap())).unwrap();
            let verified = chains.verify_token(&token, &imprint, &trust);
            black_box(verified.unwrap());
        }),
        &mut [(&of_others, &mut others), (&of_the_same, &mut same)],
    );
}

fn receipts(criterion: &mut Criterion, operator: &Operator) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ledger = operator.ledger(folder.path());
    let sending = record_sending(&ledger);
    // One of a batch, so that its path has a batch's length.
    let batch = (0..1000).map(|_| consignment(sending)).collect();
    let receipts = ledger.record(batch, RecordBatch::new()).unwrap();
    let json = receipts[500].to_json();
    let policy = operator.policy();

    let message = vec![7; 200];
    let log_signer = Operator::log_signer();
    let log_key = Ed25519Key::from_bytes(&log_signer.public_key()).unwrap();
    let log_signature = ed25519_dalek::Signature::from_bytes(&log_signer.sign(&message));
    let signer = operator.signer();
    // The receipt is the same each time, so these are too: its token's and its certificate's.
    let mut bare = bare(&signer, signed(&signer, message.len(), 2));

    compare(
        criterion,
        &format!("receipts verified by {LIBRARY}"),
        1,
        &mut on_one_core(|| {
            let receipt = Receipt::from_json(black_box(json.as_bytes())).unwrap();
            black_box(verify_receipt(&receipt, &policy, now()).unwrap());
        }),
        &mut [(
            "two bare P-256 and one Ed25519 verification",
            &mut on_one_core(|| {
                bare();
                bare();
                log_key
                    .verify_strict(black_box(&message), &log_signature)
                    .unwrap();
            }),
        )],
    );
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let operator = Operator::new();
    tokens(&mut criterion, &operator);
    receipts(&mut criterion, &operator);
    criterion.final_summary();
}
