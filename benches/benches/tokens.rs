// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Tokens a second of processor time, against the bare signature by aws-lc-rs over a message of the same size: what the token
//! costs beyond it; and whole responses against OpenSSL's, request to response, each in its own process.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use criterion::Criterion;
use kbox_benches::{OpenSsl, authority, compare, now, on_one_core};
use kbox_proof::clock::SystemClock;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::key::{TokenKeyKind, TokenSigner};
use kbox_proof::pki::DevPki;
use kbox_proof::tsa::SerialSource;
use kbox_proof::tsp::{
    MessageImprint, Nonce, TimeStampReq, TimeStampResp, TimeStampToken, certificates_from_pem,
};

/// The key's PKCS#8, for the libraries that are the baseline.
fn pkcs8(signer: &TokenSigner) -> Vec<u8> {
    let pem = signer.to_pkcs8_pem().replace("PRIVATE KEY", "CERTIFICATE");
    certificates_from_pem(&pem).unwrap().remove(0)
}

/// `bare` makes, of a key in PKCS#8, what signs a message with it and nothing else.
fn tokens<B: Fn(&[u8])>(
    criterion: &mut Criterion,
    kind: &str,
    signer: TokenSigner,
    bare: impl Fn(&[u8]) -> B,
) {
    let key = pkcs8(&signer);
    let bare = bare(&key);
    let other = TokenSigner::generate().unwrap();
    let dev = DevPki::with_keys(now(), true, signer, other)
        .unwrap()
        .evidence;
    let own = TokenSigner::from_pkcs8(&key).unwrap();
    let authority = authority(own, dev.chain.clone());
    let serials = SerialSource::new().unwrap();
    let imprint = MessageImprint::sha256(&Sha256Digest::of(b"event"));
    let issue = || {
        let serial = serials.draw();
        let token = authority.issue(black_box(&imprint), now(), &serial, None, false);
        token.unwrap()
    };
    let token = TimeStampToken::parse(&issue()).unwrap();
    let message = vec![7; token.signed_attrs_der().len()];
    compare(
        criterion,
        &format!("{kind} tokens"),
        1,
        &mut on_one_core(|| {
            black_box(issue());
        }),
        &mut [(
            "the bare signatures of aws-lc-rs",
            &mut on_one_core(|| bare(black_box(&message))),
        )],
    );

    let query = TimeStampReq::new(imprint.clone())
        .with_nonce(Nonce::from_be_bytes(&[0x5a; 8]))
        .with_certificates();
    let request = query.to_der();
    let clock = SystemClock::new(Duration::from_millis(500)).unwrap();
    let respond = || authority.respond(black_box(&request), &clock, &serials);
    assert!(TimeStampResp::parse(&respond()).unwrap().token().is_some());
    let mut openssl = OpenSsl::start(&dev.signer, &dev.chain, &query);
    compare(
        criterion,
        &format!("{kind} responses"),
        1,
        &mut on_one_core(|| {
            black_box(respond());
        }),
        &mut [("OpenSSL's responses in process", &mut |rounds| {
            openssl.answer(rounds)
        })],
    );
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let p256 = TokenSigner::generate().unwrap();
    tokens(&mut criterion, "P-256", p256, |pkcs8| {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).unwrap();
        move |message: &[u8]| {
            assert!(black_box(&key.sign(&SystemRandom::new(), message)).is_ok());
        }
    });
    for bits in [2048, 3072] {
        let rsa = TokenSigner::generate_kind(TokenKeyKind::Rsa { bits }).unwrap();
        tokens(&mut criterion, &format!("RSA-{bits}"), rsa, |pkcs8| {
            let key = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
            move |message: &[u8]| {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                black_box(signature);
            }
        });
    }
    criterion.final_summary();
}
