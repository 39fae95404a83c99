// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Tokens a second on one core, against the bare signature over a message of the same size: what the token costs beyond it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;

use criterion::Criterion;
use kbox_benches::{Operator, authority, compare, now};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::key::{TokenKeyKind, TokenSigner};
use kbox_proof::pki::DevPki;
use kbox_proof::tsa::{Authority, SerialSource};
use kbox_proof::tsp::{MessageImprint, TimeStampToken};

fn tokens(criterion: &mut Criterion, kind: &str, authority: &Authority, signer: &TokenSigner) {
    let serials = SerialSource::new().unwrap();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(b"event"));
    let issue = || {
        authority
            .issue(black_box(&imprint), now(), &serials.draw(), None, false)
            .unwrap()
    };
    let token = TimeStampToken::parse(&issue()).unwrap();
    let message = vec![7; token.signed_attrs_der().len()];
    compare(
        criterion,
        &format!("{kind} tokens"),
        1,
        &mut |count| {
            for _ in 0..count {
                black_box(issue());
            }
        },
        &mut [("bare signatures", &mut |count| {
            for _ in 0..count {
                black_box(signer.sign(black_box(&message)).unwrap());
            }
        })],
    );
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let operator = Operator::new();
    tokens(
        &mut criterion,
        "P-256",
        &operator.authority(),
        &operator.signer(),
    );
    let rsa = TokenSigner::generate_kind(TokenKeyKind::Rsa { bits: 3072 }).unwrap();
    let signer = TokenSigner::from_pkcs8_pem(&rsa.to_pkcs8_pem()).unwrap();
    let dev = DevPki::with_keys(now(), true, rsa, TokenSigner::generate().unwrap()).unwrap();
    let authority = authority(dev.evidence.signer, dev.evidence.chain);
    tokens(&mut criterion, "RSA-3072", &authority, &signer);
    criterion.final_summary();
}
