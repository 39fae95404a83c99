// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Receipts verified a second on one core, from JSON to verdict, against the signatures that any verifier must check: the
//! token's and its certificate's (P-256), the checkpoint's (Ed25519).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use criterion::Criterion;
use ed25519_dalek::VerifyingKey as Ed25519Key;
use kbox_benches::{Operator, compare, consignment, now, record_sending};
use kbox_proof::ledger::RecordBatch;
use kbox_proof::receipt::Receipt;
use kbox_proof::verify::verify_receipt;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let operator = Operator::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ledger = operator.ledger(folder.path());
    let sending = record_sending(&ledger);
    // One of a batch, so that its path has a batch's length.
    let batch = (0..1000).map(|_| consignment(sending)).collect();
    let receipts = ledger.record(batch, RecordBatch::new()).unwrap();
    let json = receipts[500].to_json();
    let policy = operator.policy();

    let message = [7; 200];
    let (signer, log_signer) = (operator.signer(), Operator::log_signer());
    let token_key = VerifyingKey::from_public_key_der(signer.public_key_info()).unwrap();
    let token_signature = Signature::from_der(&signer.sign(&message).unwrap()).unwrap();
    let log_key = Ed25519Key::from_bytes(&log_signer.public_key()).unwrap();
    let log_signature = ed25519_dalek::Signature::from_bytes(&log_signer.sign(&message));

    compare(
        &mut criterion,
        "receipts verified",
        1,
        &mut |count| {
            for _ in 0..count {
                let receipt = Receipt::from_json(black_box(json.as_bytes())).unwrap();
                black_box(verify_receipt(&receipt, &policy, now()).unwrap());
            }
        },
        &mut [(
            "two bare P-256 and one Ed25519 verification",
            &mut |count| {
                for _ in 0..count {
                    for _ in 0..2 {
                        token_key
                            .verify(black_box(&message), &token_signature)
                            .unwrap();
                    }
                    log_key
                        .verify_strict(black_box(&message), &log_signature)
                        .unwrap();
                }
            },
        )],
    );
    criterion.final_summary();
}
