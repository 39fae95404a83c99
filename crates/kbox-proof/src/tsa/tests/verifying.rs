// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the verifier makes of tokens that are well formed and yet not what was asked for.

use super::*;
use crate::tsp::{AlgorithmFault, AttributeFault, Oid, TokenFlag};

fn trusting(roots: &[Vec<u8>]) -> TokenTrust<'_> {
    TokenTrust::new(roots, ChainTime::At(now()))
}

fn granted(token: &TimeStampToken) -> TimeStampResp {
    TimeStampResp::parse(&crate::tsp::granted(token.to_der())).unwrap()
}

/// ESSCertID of RFC 2634: SHA-1.
fn ess_v1(certificate: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    let digest = sha1::Sha1::digest(certificate);
    let id = element(der::SEQUENCE, &[&element(der::OCTET_STRING, &[&digest])]);
    let value = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&id])]);
    attribute(known::SIGNING_CERTIFICATE, &value)
}

#[test]
fn a_nonce_that_was_sent_must_come_back_and_one_that_was_not_must_not() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let roots = [ca.der];
    let token = |nonce: Option<&[u8]>| {
        let mut draft = Draft::new(&der);
        draft.info.nonce = nonce.map(Nonce::from_be_bytes);
        granted(&draft.sign(&signer))
    };
    let request = |nonce: Option<&[u8]>| match nonce {
        Some(nonce) => TimeStampReq::new(imprint()).with_nonce(Nonce::from_be_bytes(nonce)),
        None => TimeStampReq::new(imprint()),
    };
    for (sent, found, accepted) in [
        (None, None, true),
        (Some(&[0x80, 0][..]), Some(&[0x80, 0][..]), true),
        // As numbers: zeros before count for nothing, zeros after for all.
        (Some(&[0, 0, 7]), Some(&[7]), true),
        (Some(&[7, 0]), Some(&[7]), false),
        (Some(&[7]), None, false),
        (None, Some(&[7]), false),
    ] {
        let result = verify_response(&token(found), &request(sent), &trusting(&roots));
        match accepted {
            true => assert!(result.is_ok(), "{sent:?} {found:?}: {result:?}"),
            false => {
                let (sent, returned) = (sent.is_some(), found.is_some());
                assert_eq!(result, Err(TspRejection::NonceMismatch { sent, returned }));
            }
        }
    }
}

#[test]
fn certificates_not_as_asked_for_and_granted_with_mods_are_flagged() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let roots = [ca.der];
    let mut draft = Draft::new(&der);
    let with = draft.sign(&signer);
    draft.certificates.clear();
    let without = draft.sign(&signer);
    let mut trust = trusting(&roots);
    let extra = [der.clone()];
    trust.extra_certificates = &extra;
    let asked = TimeStampReq::new(imprint()).with_certificates();
    let not_asked = TimeStampReq::new(imprint());
    for (token, request, flagged) in [
        (&with, &asked, false),
        (&without, &not_asked, false),
        (&with, &not_asked, true),
        (&without, &asked, true),
    ] {
        let verified = verify_response(&granted(token), request, &trust).unwrap();
        let flag = TokenFlag::CertificatesNotAsRequested {
            requested: request.cert_req(),
        };
        assert_eq!(verified.flags().contains(&flag), flagged);
    }
    let mods = element(
        der::SEQUENCE,
        &[&[der::SEQUENCE, 3, der::INTEGER, 1, 1], with.to_der()],
    );
    let mods = TimeStampResp::parse(&mods).unwrap();
    let verified = verify_response(&mods, &asked, &trust).unwrap();
    assert_eq!(verified.flags(), [TokenFlag::GrantedWithMods]);
}

#[test]
fn the_signer_is_found_among_others_of_its_name_by_the_hash_that_it_signed() {
    let ca = Ca::new();
    let serial = |params: &mut CertificateParams| {
        params.serial_number = Some(rcgen::SerialNumber::from(vec![1, 2, 3]));
    };
    // Same issuer name, serial and subject; another key.
    let (_, twin) = Ca::new().issue(serial);
    let (_, stranger) = ca.issue(|_| {});
    let (signer, der) = ca.issue(serial);
    let mut draft = Draft::new(&der);
    for bag in [
        vec![twin.clone(), stranger.clone(), der.clone()],
        vec![stranger.clone(), der.clone(), twin.clone()],
        vec![der.clone(), twin.clone(), stranger.clone()],
    ] {
        draft.certificates = bag;
        let roots = [ca.der.clone()];
        let verified = verify_token(&draft.sign(&signer), &imprint(), &trusting(&roots)).unwrap();
        assert_eq!(verified.signer_certificate(), der);
    }
    let roots = [ca.der.clone()];
    for bag in [vec![twin], vec![stranger], vec![]] {
        draft.certificates = bag;
        let refused = verify_token(&draft.sign(&signer), &imprint(), &trusting(&roots));
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "tsp.signer_certificate_missing");
        assert!(refused.is_undecided());
        assert!(
            refused
                .to_string()
                .contains("issued by CA, serial number 010203"),
            "{refused}"
        );
    }
}

#[test]
fn both_versions_of_the_signers_name_must_name_one_certificate() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let (_, other) = ca.issue(|_| {});
    let roots = [ca.der];
    for (named, accepted) in [(&der, true), (&other, false)] {
        let mut draft = Draft::new(&der);
        draft.one_more = Some(ess_v1(named));
        let result = verify_token(&draft.sign(&signer), &imprint(), &trusting(&roots));
        match accepted {
            true => assert_eq!(result.unwrap().flags(), []),
            false => assert_eq!(result, Err(TspRejection::EssMismatch)),
        }
    }
}

#[test]
fn an_attribute_that_is_there_twice_or_with_two_values_is_not_read() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let roots = [ca.der];
    let verdict = |change: &dyn Fn(&mut Draft)| {
        let mut draft = Draft::new(&der);
        change(&mut draft);
        verify_token(&draft.sign(&signer), &imprint(), &trusting(&roots)).unwrap_err()
    };
    let twice =
        |attribute: &Option<Vec<u8>>| attribute.clone().map(|part| [part.clone(), part].concat());
    assert_eq!(
        verdict(&|draft| draft.content_type = twice(&draft.content_type)),
        TspRejection::ContentType {
            fault: AttributeFault::Repeated
        }
    );
    assert_eq!(
        verdict(&|draft| draft.ess = twice(&draft.ess)),
        TspRejection::EssMalformed { repeated: true }
    );
    let digest = element(der::OCTET_STRING, &[&[0; 32]]);
    assert_eq!(
        verdict(&|draft| {
            let values = [digest.as_slice(), &digest].concat();
            draft.message_digest = Some(attribute(known::MESSAGE_DIGEST, &values));
        }),
        TspRejection::MessageDigest {
            fault: AttributeFault::Repeated
        }
    );
}

/// The verdict on a token under a root and an intermediate; the one changed, then the other, told root and intermediate.
fn under_an_intermediate(
    intermediate: impl FnOnce(&mut CertificateParams),
    change: impl FnOnce(&mut Draft, &[u8], &[u8]),
) -> Result<(), TspRejection> {
    let root_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = base_params("Root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = params.self_signed(&root_key).unwrap().der().to_vec();
    let root_issuer = Issuer::new(params, root_key);
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = base_params("Intermediate");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    intermediate(&mut params);
    let der = params.signed_by(&key, &root_issuer).unwrap().der().to_vec();
    let ca = Ca {
        issuer: Issuer::new(params, key),
        der: der.clone(),
    };
    let (signer, leaf) = ca.issue(|_| {});
    let mut draft = Draft::new(&leaf);
    draft.certificates.push(der.clone());
    change(&mut draft, &root, &der);
    let roots = [root];
    verify_token(&draft.sign(&signer), &imprint(), &trusting(&roots)).map(|_| ())
}

#[test]
fn an_intermediate_must_be_a_ca_and_its_extended_key_usage_must_allow_timestamping() {
    let server_auth: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    for (purposes, allowed) in [
        (vec![], true),
        (vec![known::TIME_STAMPING], true),
        (vec![server_auth, known::TIME_STAMPING], true),
        (vec![known::ANY_EXTENDED_KEY_USAGE], true),
        (vec![server_auth], false),
    ] {
        let found = under_an_intermediate(
            |params| {
                if !purposes.is_empty() {
                    params.custom_extensions = vec![usage(&purposes, false)];
                }
            },
            |_, _, _| {},
        );
        match allowed {
            true => assert_eq!(found, Ok(())),
            false => assert!(matches!(found, Err(TspRejection::ChainConstraint { .. }))),
        }
    }
    let not_a_ca = under_an_intermediate(|params| params.is_ca = IsCa::ExplicitNoCa, |_, _, _| {});
    assert!(matches!(
        not_a_ca,
        Err(TspRejection::ChainConstraint { .. })
    ));
}

#[test]
fn a_chain_of_other_certificates_than_those_named_beside_the_signers_is_refused() {
    let ids = |certificates: &[&[u8]]| {
        let ids: Vec<Vec<u8>> = certificates
            .iter()
            .map(|certificate| {
                let digest = HashAlgorithm::Sha256.digest(certificate);
                element(der::SEQUENCE, &[&element(der::OCTET_STRING, &[&digest])])
            })
            .collect();
        let value = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&ids.concat()])]);
        Some(attribute(known::SIGNING_CERTIFICATE_V2, &value))
    };
    let (_, stranger) = Ca::new().issue(|_| {});
    let leaf = |draft: &Draft| draft.certificates[0].clone();
    let verdict = |named: &dyn Fn(&Draft, &[u8], &[u8]) -> Option<Vec<u8>>| {
        under_an_intermediate(
            |_| {},
            |draft, root, intermediate| draft.ess = named(draft, root, intermediate),
        )
    };
    for fitting in [
        verdict(&|draft, _, _| ids(&[&leaf(draft)])),
        verdict(&|draft, _, above| ids(&[&leaf(draft), above])),
        verdict(&|draft, root, above| ids(&[&leaf(draft), root, above])),
        verdict(&|draft, root, _| ids(&[&leaf(draft), root])),
        // The root that the authority had in mind is another than the caller's.
        verdict(&|draft, _, above| ids(&[&leaf(draft), above, &stranger])),
    ] {
        assert_eq!(fitting, Ok(()));
    }
    for wrong in [
        verdict(&|draft, _, _| ids(&[&leaf(draft), &stranger])),
        verdict(&|draft, root, _| ids(&[&leaf(draft), &stranger, root])),
    ] {
        assert!(
            matches!(wrong, Err(TspRejection::ChainConstraint { .. })),
            "{wrong:?}"
        );
    }
    // The signer's comes first.
    assert_eq!(
        verdict(&|draft, _, above| ids(&[above, &leaf(draft)])),
        Err(TspRejection::EssMismatch)
    );
    assert_eq!(
        verdict(&|_, _, _| ids(&[])),
        Err(TspRejection::EssMalformed { repeated: false })
    );
}

#[test]
fn a_chain_is_judged_at_the_instant_that_the_caller_names() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let token = Draft::new(&der).sign(&signer);
    let roots = [ca.der];
    let late = ChainTime::At(time("2031-01-01T00:00:00Z"));
    let at = |chain_time| verify_token(&token, &imprint(), &TokenTrust::new(&roots, chain_time));
    assert!(at(ChainTime::GenTime).is_ok());
    assert!(at(ChainTime::At(now())).is_ok());
    assert!(matches!(at(late), Err(TspRejection::ChainExpired { .. })));
}

/// What `--existed-by` can never mend is told apart from what it can.
#[test]
fn a_chain_that_was_never_valid_at_once_or_not_any_more_at_gen_time_is_told_as_one_that_no_time_mends()
 {
    let expired = |from: (i32, u8), until: i32, made: &str| {
        let made = time(made);
        let found = under_an_intermediate(
            |params| {
                params.not_before = rcgen::date_time_ymd(from.0, from.1, 1);
                params.not_after = rcgen::date_time_ymd(until, 6, 1);
            },
            |draft, _, _| draft.info.gen_time = made,
        );
        let Err(rejection @ TspRejection::ChainExpired { .. }) = found else {
            unreachable!("{found:?}");
        };
        assert!(rejection.is_undecided());
        rejection.is_expired_at_any_time()
    };
    // The intermediate's ended before the root's and the signer's began.
    assert!(expired((2020, 1), 2021, "2026-11-24T18:30:00Z"));
    // All were valid early in 2026; the token is of a time after that, or of then.
    assert!(expired((2020, 1), 2026, "2026-06-01T00:00:05Z"));
    assert!(!expired((2020, 1), 2026, "2026-06-01T00:00:01Z"));
    assert!(!expired((2020, 1), 2026, "2026-03-01T00:00:00Z"));
    // Not yet: a later time mends it.
    assert!(!expired((2028, 1), 2029, "2026-11-24T18:30:00Z"));
}

/// Nothing that is given later makes it right, so nothing that is missing hides it. OpenSSL 3.0 accepts such tokens.
#[test]
fn a_gen_time_outside_the_certificate_is_refused_even_where_no_chain_is_found() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let mut draft = Draft::new(&der);
    draft.info.gen_time = time("2030-01-02T00:00:00Z");
    let token = draft.sign(&signer);
    let stranger = [Ca::new().der];
    for roots in [&[][..], &stranger] {
        let rejection = verify_token(&token, &imprint(), &trusting(roots)).unwrap_err();
        assert_eq!(rejection.code(), "tsp.gen_time_outside_certificate");
        assert!(!rejection.is_undecided());
    }
}

#[test]
fn a_signature_algorithm_that_disagrees_with_the_digest_is_refused() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let roots = [ca.der];
    for (algorithm, fault) in [
        (
            known::ECDSA_SHA384,
            AlgorithmFault::OtherDigest as fn(Oid) -> AlgorithmFault,
        ),
        (known::SHA256_RSA, AlgorithmFault::OtherKey),
    ] {
        let mut draft = Draft::new(&der);
        draft.signature_algorithm = element(der::SEQUENCE, &[&element(der::OID, &[algorithm])]);
        assert_eq!(
            verify_token(&draft.sign(&signer), &imprint(), &trusting(&roots)),
            Err(TspRejection::WeakSignature {
                fault: fault(Oid::from_content(algorithm).unwrap()),
            })
        );
    }
}

#[test]
fn a_tst_info_of_another_version_or_not_in_der_is_not_read() {
    let ca = Ca::new();
    let (_, der) = ca.issue(|_| {});
    let good = Draft::new(&der).info.to_der();
    assert!(TstInfo::parse(&good).is_ok());
    let content = der::single(&good, der::SEQUENCE).unwrap().content;
    assert_eq!(content[..3], [2, 1, 1]);
    for version in [&[0][..], &[2], &[0xff], &[1, 0, 0, 0, 0]] {
        let other = element(
            der::SEQUENCE,
            &[&element(der::INTEGER, &[version]), &content[3..]],
        );
        let result = TstInfo::parse(&other);
        assert!(
            matches!(result, Err(TspError::Version { .. })),
            "{result:?}"
        );
    }
    let long_form = [&[0x30, 0x82, 0][..], &good[2..]].concat();
    assert!(TstInfo::parse(&long_form).is_err());
    assert!(TstInfo::parse(&[good.as_slice(), &[0]].concat()).is_err());
    let explicit_default = element(der::SEQUENCE, &[content, &[1, 1, 0]]);
    assert_eq!(
        TstInfo::parse(&explicit_default),
        Err(TspError::NotCanonical {
            structure: "TSTInfo"
        })
    );
}
