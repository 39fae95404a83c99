// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an own token consists of: all of it, so that nothing else is in it.

use super::*;
use crate::key::TokenKeyKind;

/// The next element, which must have this identifier octet.
fn next<'a>(parts: &mut der::Elements<'a>, tag: u8) -> der::Element<'a> {
    parts.expect(tag).unwrap()
}

fn issue(authority: &Authority, nonce: Option<&Nonce>, certificates: bool) -> Vec<u8> {
    let serial = SerialNumber::from_epoch_and_counter(0x4011_2233_4455_6677, 9);
    authority
        .issue(&imprint(), now(), &serial, nonce, certificates)
        .unwrap()
}

#[test]
fn the_tst_info_of_an_own_token_is_exactly_these_bytes() {
    let authority = authority();
    let head = [
        &[2, 1, 1][..],
        // 2.25.51118242154837226066215980302773697965.1.1
        &authority.policy().to_der(),
        &[0x30, 0x2f, 0x30, 0x0b, 6, 9],
        &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 4, 0x20],
        &HashAlgorithm::Sha256.digest(b"event"),
        &[2, 16, 0x40, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77],
        &[0, 0, 0, 0, 0, 0, 0, 9],
        &[0x18, 19],
        b"20261124183000.123Z",
        // one second; no ordering
        &[0x30, 3, 2, 1, 1],
    ]
    .concat();
    let nonce = Nonce::from_be_bytes(&[7]);
    for (nonce, tail) in [(None, &[][..]), (Some(&nonce), &[2, 1, 7])] {
        let token = TimeStampToken::parse(&issue(&authority, nonce, false)).unwrap();
        let content = [head.as_slice(), tail].concat();
        let length = u8::try_from(content.len()).unwrap();
        assert_eq!(
            token.tst_info_der(),
            // no tsa, no extensions
            [&[0x30, length][..], &content].concat()
        );
    }
}

#[test]
fn an_own_token_is_signed_data_of_one_signer_with_three_signed_attributes_and_nothing_else() {
    let with_key = |signer| {
        let pki =
            DevPki::with_keys(now(), false, signer, TokenSigner::generate().unwrap()).unwrap();
        Authority::new(config(pki.evidence.signer, pki.evidence.chain), now()).unwrap()
    };
    use HashAlgorithm::{Sha256, Sha384};
    for (authority, hash, signature_algorithm) in [
        (
            authority(),
            Sha256,
            &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2][..],
        ),
        (
            with_key(TokenSigner::generate_kind(TokenKeyKind::P384).unwrap()),
            Sha384,
            &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
        ),
        (
            with_key(TokenSigner::generate_kind(TokenKeyKind::Rsa { bits: 3072 }).unwrap()),
            Sha256,
            &[
                0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0,
            ],
        ),
    ] {
        for certificates in [false, true] {
            check_form(&authority, hash, signature_algorithm, certificates);
        }
    }
}

fn check_form(
    authority: &Authority,
    hash: HashAlgorithm,
    signature_algorithm: &[u8],
    certificates: bool,
) {
    let last = match hash {
        HashAlgorithm::Sha384 => 2,
        _ => 1,
    };
    let digest_algorithm = [0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last];
    let pkcs9 = |rest: &[u8]| [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 9], rest].concat();
    let certificate = Certificate::parse(&authority.chain()[0]).unwrap();
    let bytes = issue(authority, None, certificates);

    let mut info = der::single(&bytes, der::SEQUENCE).unwrap().elements();
    // id-signedData
    assert_eq!(
        next(&mut info, der::OID).content,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 7, 2]
    );
    let mut data = next(&mut info, 0xa0).elements();
    info.finish().unwrap();
    let mut parts = next(&mut data, der::SEQUENCE).elements();
    data.finish().unwrap();
    assert_eq!(next(&mut parts, der::INTEGER).content, [3]);
    assert_eq!(next(&mut parts, der::SET).content, digest_algorithm);
    let mut content = next(&mut parts, der::SEQUENCE).elements();
    // id-ct-TSTInfo
    assert_eq!(next(&mut content, der::OID).content, pkcs9(&[16, 1, 4]));
    let mut wrapped = next(&mut content, 0xa0).elements();
    content.finish().unwrap();
    let tst_info = next(&mut wrapped, der::OCTET_STRING).content;
    wrapped.finish().unwrap();
    let field = parts.optional(0xa0).unwrap();
    assert_eq!(field.is_some(), certificates);
    if let Some(field) = field {
        let mut sorted = authority.chain().to_vec();
        sorted.sort();
        assert_eq!(field.content, sorted.concat());
    }

    let mut signers = next(&mut parts, der::SET).elements();
    parts.finish().unwrap();
    let mut signer = next(&mut signers, der::SEQUENCE).elements();
    signers.finish().unwrap();
    assert_eq!(next(&mut signer, der::INTEGER).content, [1]);
    let serial = element(der::INTEGER, &[certificate.serial()]);
    let sid = [certificate.issuer(), &serial].concat();
    assert_eq!(next(&mut signer, der::SEQUENCE).content, sid);
    assert_eq!(next(&mut signer, der::SEQUENCE).der, digest_algorithm);
    let attributes = next(&mut signer, 0xa0);
    assert_eq!(next(&mut signer, der::SEQUENCE).der, signature_algorithm);
    next(&mut signer, der::OCTET_STRING);
    // No unsigned attribute, so no countersignature.
    signer.finish().unwrap();

    // The hash algorithm of the certificate's digest is SHA-256, so left out.
    let digest = element(
        der::OCTET_STRING,
        &[&HashAlgorithm::Sha256.digest(&authority.chain()[0])],
    );
    let names = element(der::SEQUENCE, &[&element(0xa4, &[certificate.issuer()])]);
    let issuer_serial = element(der::SEQUENCE, &[&names, &serial]);
    let id = element(der::SEQUENCE, &[&digest, &issuer_serial]);
    let mut expected = [
        attribute(
            &pkcs9(&[3]),
            &element(der::OID, &[pkcs9(&[16, 1, 4]).as_slice()]),
        ),
        attribute(
            &pkcs9(&[4]),
            &element(der::OCTET_STRING, &[&hash.digest(tst_info)]),
        ),
        attribute(
            &pkcs9(&[16, 2, 47]),
            &element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&id])]),
        ),
    ];
    expected.sort();
    assert_eq!(attributes.content, expected.concat());
}

#[test]
fn serials_of_many_starts_never_meet() {
    let mut drawn = BTreeSet::new();
    for _ in 0..500 {
        let serials = SerialSource::new().unwrap();
        for _ in 0..4 {
            let serial = serials.draw();
            assert_eq!(serial.as_content().len(), 16);
            assert!(serial.as_content()[0] < 0x80, "positive");
            drawn.insert(serial);
        }
    }
    assert_eq!(drawn.len(), 500 * 4);
}

#[test]
fn gen_time_is_in_milliseconds_rounded_down_without_trailing_zeros_and_midnight_is_the_next_days() {
    let authority = authority();
    for (instant, text) in [
        ("2026-12-31T23:59:59.999999999Z", "20261231235959.999Z"),
        ("2027-01-01T00:00:00.000999Z", "20270101000000Z"),
        ("2027-01-01T00:00:00.1Z", "20270101000000.1Z"),
        ("2027-01-01T00:00:00.120Z", "20270101000000.12Z"),
        ("2028-02-29T12:00:00.007Z", "20280229120000.007Z"),
    ] {
        let serial = SerialNumber::from_epoch_and_counter(1, 1);
        let bytes = authority
            .issue(&imprint(), time(instant), &serial, None, false)
            .unwrap();
        let gen_time = element(der::GENERALIZED_TIME, &[text.as_bytes()]);
        assert!(
            bytes
                .windows(gen_time.len())
                .any(|window| window == gen_time),
            "{text}"
        );
    }
}

#[test]
fn an_accuracy_that_gen_time_cannot_hold_or_beyond_a_second_is_never_stated() {
    for (accuracy, stated) in [
        (Duration::ZERO, false),
        (Duration::from_millis(1), false),
        (Duration::from_micros(1001), true),
        (Duration::from_millis(500), true),
        (Duration::from_secs(1), true),
        (Duration::from_nanos(1_000_000_001), false),
        (Duration::from_secs(60), false),
    ] {
        let pki = DevPki::generate(now(), false).unwrap().public;
        let mut config = config(pki.signer, pki.chain);
        config.accuracy = accuracy;
        match Authority::new(config, now()) {
            Ok(authority) => {
                assert!(stated, "{accuracy:?}");
                let token = TimeStampToken::parse(&issue(&authority, None, false)).unwrap();
                let found = token.tst_info().accuracy().unwrap();
                assert_eq!(found.to_duration(), accuracy);
            }
            Err(error) => {
                assert!(!stated, "{accuracy:?}");
                assert_eq!(error, TsaError::Accuracy);
            }
        }
    }
}

#[test]
fn a_p384_tokens_twin_with_high_s_and_a_signature_by_a_smaller_curve_make_no_leaf() {
    let signer = TokenSigner::generate_kind(TokenKeyKind::P384).unwrap();
    let pki = DevPki::with_keys(now(), false, signer, TokenSigner::generate().unwrap()).unwrap();
    let authority = Authority::new(config(pki.evidence.signer, pki.evidence.chain), now()).unwrap();
    let token = TimeStampToken::parse(&issue(&authority, None, true)).unwrap();
    let leaf = token.leaf_bytes().unwrap();
    let again = TimeStampToken::from_leaf_with_certificates(&leaf, authority.chain()).unwrap();
    assert_eq!(again, token);
    let roots = [authority.chain().last().unwrap().clone()];
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    verify_token(&token, &imprint(), &trust).unwrap();

    let low = p384::ecdsa::Signature::from_der(&token.signature).unwrap();
    let (r, s) = low.split_scalars();
    let high = p384::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
    let mut twin = token.clone();
    twin.signature = high.to_der().as_bytes().to_vec();
    assert!(matches!(twin.leaf_bytes(), Err(TspError::Leaf { .. })));
    // Either S of a P-256 signature is a low one of P-384.
    let mut twin = token.clone();
    twin.signature = TokenSigner::generate().unwrap().sign(b"x").unwrap();
    assert!(matches!(twin.leaf_bytes(), Err(TspError::Leaf { .. })));
}
