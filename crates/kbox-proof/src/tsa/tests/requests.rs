// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an authority answers to requests, byte by byte.

use super::*;

fn integer(content: &[u8]) -> Vec<u8> {
    element(der::INTEGER, &[content])
}

/// A request of these parts after the version.
fn request(parts: &[&[u8]]) -> Vec<u8> {
    element(der::SEQUENCE, &[&integer(&[1]), &parts.concat()])
}

fn raw_imprint(algorithm: &[u8], parameters: &[u8], digest: &[u8]) -> Vec<u8> {
    let algorithm = element(
        der::SEQUENCE,
        &[&element(der::OID, &[algorithm]), parameters],
    );
    element(
        der::SEQUENCE,
        &[&algorithm, &element(der::OCTET_STRING, &[digest])],
    )
}

fn failure(authority: &Authority, request: &[u8]) -> Option<PkiFailureInfo> {
    let response = answer(authority, request, &TestClock::at(now()));
    assert_eq!(response.token().is_none(), response.fail_info().is_some());
    assert_eq!(response.token().is_some(), response.status().is_granted());
    response.fail_info()
}

#[test]
fn any_version_but_one_is_a_bad_request_whatever_follows() {
    let authority = authority();
    for version in [
        &[0][..],
        &[2],
        &[0x7f],
        &[0xff],
        &[0x80, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 1],
    ] {
        for rest in [imprint().to_der(), vec![], vec![4, 0]] {
            let bytes = element(der::SEQUENCE, &[&integer(version), &rest]);
            let reason = failure(&authority, &bytes);
            assert_eq!(reason, Some(PkiFailureInfo::BadRequest), "{version:02x?}");
        }
    }
    let padded = element(der::SEQUENCE, &[&integer(&[0, 1]), &imprint().to_der()]);
    assert_eq!(
        failure(&authority, &padded),
        Some(PkiFailureInfo::BadDataFormat)
    );
}

#[test]
fn an_imprint_of_another_length_than_its_hash_is_refused_and_any_bytes_of_that_length_are_stamped()
{
    let authority = authority();
    for hash in HashAlgorithm::ALL {
        let length = hash.digest_len();
        for wrong in [0, 1, 20, length - 1, length + 1, 2 * length] {
            let bytes = request(&[&raw_imprint(hash.oid_content(), &[], &vec![7; wrong])]);
            assert_eq!(
                failure(&authority, &bytes),
                Some(PkiFailureInfo::BadDataFormat),
                "{hash}: {wrong}"
            );
        }
        for byte in [0, 0x30, 0xff] {
            for parameters in [&[][..], &[der::NULL, 0]] {
                let imprint = raw_imprint(hash.oid_content(), parameters, &vec![byte; length]);
                let response = answer(&authority, &request(&[&imprint]), &TestClock::at(now()));
                let stamped = response.token().unwrap().tst_info().message_imprint();
                assert_eq!(stamped.to_der(), imprint, "{hash}");
            }
        }
    }
}

#[test]
fn weak_and_unknown_hashes_and_odd_parameters_are_a_bad_algorithm() {
    let authority = authority();
    let rsadsi = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d];
    let nist = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
    for (algorithm, length) in [
        // MD5, SHA-1, RIPEMD-160, SHA-224, SHA-512/256, SHA3-224, SHAKE256
        ([rsadsi.as_slice(), &[2, 5]].concat(), 16),
        (vec![0x2b, 14, 3, 2, 26], 20),
        (vec![0x2b, 36, 3, 2, 1], 20),
        ([nist.as_slice(), &[4]].concat(), 28),
        ([nist.as_slice(), &[6]].concat(), 32),
        ([nist.as_slice(), &[7]].concat(), 28),
        ([nist.as_slice(), &[12]].concat(), 64),
        // sha256WithRSAEncryption is no hash.
        (known::SHA256_RSA.to_vec(), 32),
    ] {
        let bytes = request(&[&raw_imprint(&algorithm, &[], &vec![7; length])]);
        let reason = failure(&authority, &bytes);
        assert_eq!(reason, Some(PkiFailureInfo::BadAlg), "{algorithm:02x?}");
    }
    let odd = request(&[&raw_imprint(known::SHA256, &[4, 1, 0], &[7; 32])]);
    assert_eq!(failure(&authority, &odd), Some(PkiFailureInfo::BadAlg));
}

#[test]
fn a_nonce_of_up_to_64_bytes_comes_back_to_the_bit_and_a_longer_one_is_a_bad_request() {
    let authority = authority();
    let bytes = |first: &[u8], byte: u8, count: usize| [first, &vec![byte; count]].concat();
    for content in [
        vec![0],
        vec![1],
        vec![0x7f],
        vec![0, 0x80],
        // -1, -128, -129
        vec![0xff],
        vec![0x80],
        vec![0xff, 0x7f],
        // 64 bits: the highest positive, with the leading zero; the lowest negative
        bytes(&[0], 0xff, 8),
        bytes(&[0x80], 0, 7),
        // trailing zero bytes
        bytes(&[0x12], 0, 7),
        // 160 bits, either sign
        bytes(&[0], 0xaa, 20),
        bytes(&[0xaa], 0x55, 19),
        // 64 bytes, either sign
        bytes(&[0], 0xff, 64),
        bytes(&[0x80], 0, 63),
    ] {
        let nonce = integer(&content);
        let response = answer(
            &authority,
            &request(&[&imprint().to_der(), &nonce]),
            &TestClock::at(now()),
        );
        let info = response.token().expect("granted").tst_info_der();
        assert!(info.ends_with(&nonce), "{content:02x?}");
    }
    for content in [
        bytes(&[1], 0, 64),
        bytes(&[0], 0xff, 65),
        bytes(&[0x80], 0, 64),
        bytes(&[0x7f], 0, 10_000),
    ] {
        let bytes = request(&[&imprint().to_der(), &integer(&content)]);
        let reason = failure(&authority, &bytes);
        assert_eq!(
            reason,
            Some(PkiFailureInfo::BadRequest),
            "{}",
            content.len()
        );
    }
    for content in [&[][..], &[0, 1], &[0xff, 0xff]] {
        let bytes = request(&[&imprint().to_der(), &integer(content)]);
        let reason = failure(&authority, &bytes);
        assert_eq!(
            reason,
            Some(PkiFailureInfo::BadDataFormat),
            "{content:02x?}"
        );
    }
}

/// A public authority after this change of its configuration.
fn public(change: impl FnOnce(&mut AuthorityConfig)) -> Result<Authority, TsaError> {
    let pki = DevPki::generate(now(), false).unwrap().public;
    let mut config = AuthorityConfig::new(pki.signer, pki.chain, TsaPolicyId::public_policy());
    change(&mut config);
    Authority::new(config, now())
}

#[test]
fn a_policy_of_the_accepted_ones_is_the_tokens_none_gives_the_default_and_no_other_is_granted() {
    let further: [TsaPolicyId; 2] = ["1.2.3".parse().unwrap(), "0.4.0.2023.1.1".parse().unwrap()];
    let default = TsaPolicyId::public_policy();
    let authority = public(|config| config.further_policies = further.to_vec()).unwrap();
    let granted = |request: TimeStampReq| {
        let response = answer(&authority, &request.to_der(), &TestClock::at(now()));
        response.token().unwrap().tst_info().policy().clone()
    };
    let silent = TimeStampReq::new(imprint());
    assert_eq!(granted(silent.clone()), default);
    for policy in further.into_iter().chain([default]) {
        assert_eq!(granted(silent.clone().with_policy(policy.clone())), policy);
    }
    for other in [
        "1.2".parse().unwrap(),
        "1.2.3.4".parse().unwrap(),
        TsaPolicyId::evidence_policy(),
        TsaPolicyId::demonstration_evidence_policy(),
    ] {
        let asked = silent.clone().with_policy(other);
        let reason = failure(&authority, &asked.to_der());
        assert_eq!(reason, Some(PkiFailureInfo::UnacceptedPolicy));
    }
}

#[test]
fn the_policy_of_evidence_stands_alone_or_not_at_all() {
    for evidence in [
        TsaPolicyId::evidence_policy(),
        TsaPolicyId::demonstration_evidence_policy(),
    ] {
        let refused = TsaError::EvidencePolicy {
            policy: evidence.clone(),
        };
        let beside = public(|config| config.further_policies = vec![evidence.clone()]);
        assert_eq!(beside.err(), Some(refused.clone()));
        let mixed = public(|config| {
            config.policy = evidence.clone();
            config.further_policies = vec!["1.2.3".parse().unwrap()];
        });
        assert_eq!(mixed.err(), Some(refused));
        let alone = public(|config| {
            config.policy = evidence.clone();
            config.further_policies = vec![evidence.clone()];
        });
        assert_eq!(alone.unwrap().policy(), &evidence);
    }
}

#[test]
fn a_hash_outside_the_configured_ones_is_a_bad_algorithm_and_the_refusal_names_those() {
    use HashAlgorithm::{Sha3_512, Sha384};
    let accepted = [Sha384, Sha3_512];
    let authority = public(|config| config.hashes = accepted.to_vec()).unwrap();
    for hash in HashAlgorithm::ALL {
        let request = TimeStampReq::new(MessageImprint::of(hash, b"event")).to_der();
        let response = answer(&authority, &request, &TestClock::at(now()));
        assert_eq!(response.token().is_some(), accepted.contains(&hash));
        if response.token().is_none() {
            assert_eq!(response.fail_info(), Some(PkiFailureInfo::BadAlg));
            let text = alloc::format!("{response:?}");
            assert!(text.contains("SHA-384, SHA3-512"), "{text}");
        }
    }
    let serial = SerialNumber::from_epoch_and_counter(1, 1);
    assert_eq!(
        authority.issue(&imprint(), now(), &serial, None, false),
        Err(TsaError::Imprint)
    );
    let none = public(|config| config.hashes.clear());
    assert_eq!(none.err(), Some(TsaError::NoHash));
}

#[test]
fn an_unknown_extension_is_refused_critical_or_not_and_beside_everything_else() {
    let authority = authority();
    let known_elsewhere = element(der::OID, &[&[0x2b, 6, 1, 5, 5, 7, 1, 3]]);
    for critical in [&[][..], &[der::BOOLEAN, 1, 0xff]] {
        let extension = element(der::SEQUENCE, &[&known_elsewhere, critical, &[4, 2, 5, 0]]);
        let extensions = element(0xa0, &[&extension]);
        for before in [vec![], [&integer(&[7])[..], &[1, 1, 0xff]].concat()] {
            let bytes = request(&[&imprint().to_der(), &before, &extensions]);
            let reason = failure(&authority, &bytes);
            assert_eq!(reason, Some(PkiFailureInfo::UnacceptedExtension));
        }
    }
    // Extensions ::= SEQUENCE SIZE (1..MAX): an empty list is none, and no DER of one.
    let bytes = request(&[&imprint().to_der(), &element(0xa0, &[])]);
    assert_eq!(
        failure(&authority, &bytes),
        Some(PkiFailureInfo::BadDataFormat)
    );
}

#[test]
fn every_changed_cut_or_lengthened_request_is_answered_by_a_token_for_it_or_by_one_reason() {
    let authority = authority();
    let clock = TestClock::at(now());
    let good = TimeStampReq::new(imprint())
        .with_policy(authority.policy().clone())
        .with_nonce(Nonce::from_be_bytes(&[0x55; 8]))
        .with_certificates()
        .to_der();
    let mut variants: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
    for position in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[position] ^= 1 << bit;
            variants.push(bytes);
        }
    }
    variants.push([good.as_slice(), &[0]].concat());
    variants.push([good.as_slice(), &good].concat());
    let mut granted = 0;
    for bytes in variants {
        let response = answer(&authority, &bytes, &clock);
        match response.token() {
            None => assert!(response.fail_info().is_some()),
            Some(token) => {
                granted += 1;
                let request = TimeStampReq::parse(&bytes).expect("only a request gets a token");
                let info = token.tst_info();
                assert_eq!(info.message_imprint(), request.message_imprint());
                assert_eq!(info.nonce(), request.nonce());
            }
        }
    }
    // Each bit of the digest and of the nonce's value may change; the rest may not.
    assert!((32 * 8..=32 * 8 + 9 * 8).contains(&granted), "{granted}");
}
