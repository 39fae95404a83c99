// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An authority does not start on a certificate, chain or key that breaks a rule, and names the rule.

use rcgen::DnType;

use super::*;
use crate::key::{KeyError, TokenKeyKind};

/// Why an authority refuses a certificate changed in this way; `None` when it starts.
fn refusal(change: impl FnOnce(&mut CertificateParams)) -> Option<TsaError> {
    let ca = Ca::new();
    let (signer, der) = ca.issue(change);
    Authority::new(config(signer, vec![der, ca.der]), now()).err()
}

#[test]
fn the_extended_key_usage_is_there_once_critical_and_for_timestamping_alone() {
    assert_eq!(refusal(|_| {}), None);
    let server_auth: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    for (extensions, rule) in [
        (vec![], TspRejection::EkuAbsent),
        (
            vec![usage(&[known::TIME_STAMPING], false)],
            TspRejection::EkuNotCritical,
        ),
        (vec![usage(&[server_auth], true)], TspRejection::EkuWrong),
        (
            vec![usage(&[known::ANY_EXTENDED_KEY_USAGE], true)],
            TspRejection::EkuWrong,
        ),
        (
            vec![usage(&[known::TIME_STAMPING, server_auth], true)],
            TspRejection::EkuNotAlone,
        ),
        (
            vec![usage(&[known::TIME_STAMPING, known::TIME_STAMPING], true)],
            TspRejection::EkuNotAlone,
        ),
    ] {
        let found = refusal(|params| params.custom_extensions = extensions);
        assert_eq!(found, Some(TsaError::Unfit(rule)));
    }
    let twice = refusal(|params| {
        params.custom_extensions = vec![
            usage(&[known::TIME_STAMPING], true),
            usage(&[known::TIME_STAMPING], true),
        ];
    });
    assert!(matches!(twice, Some(TsaError::Certificate(_))), "{twice:?}");
}

#[test]
fn the_key_usage_is_there_and_for_signatures_alone() {
    use KeyUsagePurpose as Purpose;
    for (usages, rule) in [
        (vec![Purpose::DigitalSignature], None),
        (vec![Purpose::ContentCommitment], None),
        (
            vec![Purpose::DigitalSignature, Purpose::ContentCommitment],
            None,
        ),
        (vec![], Some(TsaError::KeyUsageAbsent)),
        (
            vec![Purpose::KeyAgreement],
            Some(TsaError::Unfit(TspRejection::KeyUsage { signs: false })),
        ),
        (
            vec![Purpose::DigitalSignature, Purpose::KeyEncipherment],
            Some(TsaError::Unfit(TspRejection::KeyUsage { signs: true })),
        ),
        (
            vec![Purpose::DigitalSignature, Purpose::CrlSign],
            Some(TsaError::Unfit(TspRejection::KeyUsage { signs: true })),
        ),
        // The ninth bit lies in an octet of its own.
        (
            vec![Purpose::DigitalSignature, Purpose::DecipherOnly],
            Some(TsaError::Unfit(TspRejection::KeyUsage { signs: true })),
        ),
    ] {
        let name = alloc::format!("{usages:?}");
        assert_eq!(refusal(|params| params.key_usages = usages), rule, "{name}");
    }
}

#[test]
fn the_subject_says_country_organisation_and_name() {
    let all = [
        (DnType::CountryName, "countryName"),
        (DnType::OrganizationName, "organizationName"),
        (DnType::CommonName, "commonName"),
    ];
    for (left_out, missing) in &all {
        let found = refusal(|params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, _) in &all {
                if kind != left_out {
                    params.distinguished_name.push(kind.clone(), "FR");
                }
            }
        });
        assert_eq!(found, Some(TsaError::Subject { missing }));
    }
}

#[test]
fn a_ca_a_broken_chain_and_an_expired_issuer_are_refused() {
    let found = refusal(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(found, Some(TsaError::Unfit(TspRejection::SignerIsCa)));

    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let pki = DevPki::generate(now(), false).unwrap();
    assert!(matches!(
        Authority::new(config(signer, vec![der, pki.root]), now()).err(),
        Some(TsaError::Unfit(TspRejection::NoChain { .. }))
    ));
    // Its own certificate outlives its issuer's.
    let (signer, der) = ca.issue(|params| params.not_after = rcgen::date_time_ymd(2035, 1, 1));
    let late = time("2031-01-01T00:00:00Z");
    assert!(matches!(
        Authority::new(config(signer, vec![der, ca.der.clone()]), late).err(),
        Some(TsaError::NotValid { .. })
    ));
    // A CA that may not sign certificates.
    let mut no_signing = Ca::new();
    let mut params = base_params("CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    no_signing.der = params.self_signed(&key).unwrap().der().to_vec();
    no_signing.issuer = Issuer::new(params, key);
    let (signer, der) = no_signing.issue(|_| {});
    assert!(matches!(
        Authority::new(config(signer, vec![der, no_signing.der.clone()]), now()).err(),
        Some(TsaError::Unfit(TspRejection::ChainConstraint { .. }))
    ));
}

#[test]
fn a_chain_has_its_signer_first_and_ends_in_a_root_that_signed_itself() {
    let refused = |signer, chain| Authority::new(config(signer, chain), now()).unwrap_err();
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    assert_eq!(
        refused(signer, vec![der]),
        TsaError::NoRoot { certificates: 1 }
    );
    let (signer, der) = ca.issue(|_| {});
    assert_eq!(
        refused(signer, vec![ca.der.clone(), der]),
        TsaError::ChainOrder { position: 2 }
    );

    // A root, an intermediate CA and a signer under that.
    let root_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut root = base_params("Root");
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let root = Issuer::new(root, root_key);
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = base_params("CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let der = params.signed_by(&key, &root).unwrap().der().to_vec();
    let middle = Ca {
        issuer: Issuer::new(params, key),
        der,
    };
    let (signer, der) = middle.issue(|_| {});
    assert_eq!(
        refused(signer, vec![der, middle.der.clone()]),
        TsaError::NoRoot { certificates: 2 }
    );
    let (signer, der) = middle.issue(|_| {});
    let swapped = vec![der, root_der.clone(), middle.der.clone()];
    assert_eq!(
        refused(signer, swapped),
        TsaError::NoRoot { certificates: 3 }
    );
    let (signer, der) = middle.issue(|_| {});
    let whole = vec![der, middle.der, root_der];
    assert!(Authority::new(config(signer, whole), now()).is_ok());

    // The name of a root, and the signature of another: what it says of itself is not enough.
    let (impostor, named) = (Ca::new(), Ca::new());
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let false_root = base_params("CA").signed_by(&key, &impostor.issuer).unwrap();
    let (signer, der) = named.issue(|_| {});
    assert_eq!(
        refused(signer, vec![der, false_root.der().to_vec()]),
        TsaError::NoRoot { certificates: 2 }
    );
}

/// The public and the evidence authority of this key, or why there is none.
fn by_key(signer: &TokenSigner, pss: bool, policy: TsaPolicyId) -> Result<Authority, TsaError> {
    let again = || TokenSigner::from_pkcs8_pem(&signer.to_pkcs8_pem()).unwrap();
    let pki = DevPki::with_keys(now(), false, TokenSigner::generate().unwrap(), again()).unwrap();
    let signer = match pss {
        true => again().with_pss().unwrap(),
        false => again(),
    };
    let config = AuthorityConfig::new(signer, pki.public.chain, policy);
    Authority::new(config, now())
}

#[test]
fn tokens_by_every_kind_of_key_verify_and_evidence_is_by_those_with_a_leaf() {
    for (kind, pss, is_for_evidence) in [
        (TokenKeyKind::P256, false, true),
        (TokenKeyKind::P384, false, true),
        (TokenKeyKind::Rsa { bits: 2048 }, false, true),
        (TokenKeyKind::Rsa { bits: 3072 }, false, true),
        (TokenKeyKind::Rsa { bits: 4096 }, false, true),
        (TokenKeyKind::Rsa { bits: 2048 }, true, false),
        (TokenKeyKind::Ed25519, false, false),
    ] {
        let signer = TokenSigner::generate_kind(kind).unwrap();
        let public = by_key(&signer, pss, TsaPolicyId::public_policy()).unwrap();
        let request = TimeStampReq::new(imprint()).with_certificates();
        let response = answer(&public, &request.to_der(), &TestClock::at(now()));
        let roots = [public.chain().last().unwrap().clone()];
        let mut trust = TokenTrust::new(&roots, ChainTime::At(now()));
        trust.strict = true;
        let verified = verify_response(&response, &request, &trust).unwrap();
        assert_eq!(verified.gen_time(), now());
        let token = response.token().unwrap();
        assert_eq!(token.leaf_bytes().is_ok(), is_for_evidence, "{kind:?}");
        assert_eq!(public.check_for_log().is_ok(), is_for_evidence, "{kind:?}");
        let evidence = by_key(&signer, pss, TsaPolicyId::evidence_policy());
        match (is_for_evidence, evidence) {
            (true, Ok(_)) | (false, Err(TsaError::NoLeaf(_))) => {}
            (_, other) => panic!("{kind:?}: {other:?}"),
        }
    }
}

/// The files: private half of one key, public half of another.
#[test]
fn a_key_file_whose_halves_do_not_belong_together_is_no_key() {
    for kind in [
        TokenKeyKind::P256,
        TokenKeyKind::P384,
        TokenKeyKind::Rsa { bits: 2048 },
    ] {
        let [one, other] = [(); 2].map(|()| TokenSigner::generate_kind(kind).unwrap());
        let pkcs8 = |signer: &TokenSigner| {
            let pem = signer.to_pkcs8_pem();
            crate::tsp::pem_blocks(&pem, "PRIVATE KEY")
                .unwrap()
                .concat()
        };
        // The modulus stands in both forms of an RSA key, with the same octets before it; the point in both of an EC key.
        let public = |signer: &TokenSigner| match kind {
            TokenKeyKind::Rsa { .. } => signer.public_key_bits()[9..9 + 256].to_vec(),
            _ => signer.public_key_bits(),
        };
        let (mut bytes, old, new) = (pkcs8(&one), public(&one), public(&other));
        let at = bytes
            .windows(old.len())
            .position(|window| window == old)
            .unwrap();
        assert!(TokenSigner::from_pkcs8(&bytes).is_ok());
        bytes[at..at + new.len()].copy_from_slice(&new);
        let found = TokenSigner::from_pkcs8(&bytes).map(|signer| signer.kind());
        assert_eq!(found, Err(KeyError::Unsupported), "{kind:?}");
    }
}

/// Whatever the files say: the first signature must be one by the certificate's key.
#[test]
fn an_authority_whose_first_signature_is_not_by_its_certificates_key_does_not_start() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let chain = vec![der, ca.der];
    let other = TokenSigner::generate().unwrap();
    let other = other.claiming(signer.public_key_info());
    let error = Authority::new(config(other, chain.clone()), now()).unwrap_err();
    assert!(
        matches!(&error, TsaError::Unfit(rejection) if rejection.code() == "tsp.signature"),
        "{error:?}"
    );
    assert!(Authority::new(config(signer, chain), now()).is_ok());
}

#[test]
fn a_certificate_with_more_than_64_extensions_is_not_read() {
    let refused = |count| {
        refusal(|params| {
            for kind in 0..count {
                let extension = CustomExtension::from_oid_content(&[1, 2, 3, kind], vec![5, 0]);
                params.custom_extensions.push(extension);
            }
        })
    };
    assert_eq!(refused(40), None);
    let error = TspError::TooManyExtensions { limit: 64 };
    assert_eq!(refused(65), Some(TsaError::Certificate(error)));
}

#[test]
fn an_rsa_key_below_3000_bits_and_a_certificate_about_to_end_give_a_warning() {
    let policy = TsaPolicyId::public_policy;
    let authority =
        |kind| by_key(&TokenSigner::generate_kind(kind).unwrap(), false, policy()).unwrap();
    assert_eq!(
        authority(TokenKeyKind::Rsa { bits: 2048 }).warnings(now()),
        [AuthorityWarning::ShortRsaKey { bits: 2048 }]
    );
    let long = authority(TokenKeyKind::Rsa { bits: 3072 });
    assert_eq!(long.warnings(now()), []);
    let day = Duration::from_secs(86_400);
    let (_, end) = long.validity();
    for (days, warned) in [(31, None), (30, Some(30)), (1, Some(1)), (0, Some(0))] {
        let at = end.saturating_sub(day * days);
        let expected = warned.map(|days| AuthorityWarning::EndsSoon {
            not_after: end,
            days,
        });
        assert_eq!(long.warnings(at), Vec::from_iter(expected));
    }
    // The issuer's certificate ends on 2030-01-01, before the signer's.
    let ca = Ca::new();
    let (signer, der) = ca.issue(|params| params.not_after = rcgen::date_time_ymd(2035, 1, 1));
    let authority = Authority::new(config(signer, vec![der, ca.der]), now()).unwrap();
    let found = authority.warnings(time("2029-12-25T00:00:00Z"));
    assert!(
        matches!(found[..], [AuthorityWarning::EndsSoon { days: 7, .. }]),
        "{found:?}"
    );
    let text = alloc::format!("{}", AuthorityWarning::ShortRsaKey { bits: 2048 });
    assert!(text.contains("2048 bits") && text.contains("TS 119 312"));
}

#[test]
fn every_reason_not_to_start_says_what_is_wrong() {
    let (early, late) = (time("2026-01-01T00:00:00Z"), time("2030-01-01T00:00:00Z"));
    let not_valid = |at| TsaError::NotValid {
        at,
        not_before: early,
        not_after: late,
    };
    let day = Duration::from_secs(86_400);
    for (error, words) in [
        (
            TsaError::KeyUsageAbsent,
            &["no key usage", "keyUsage = critical, digitalSignature"][..],
        ),
        (
            TsaError::Subject {
                missing: "countryName",
            },
            &["no countryName", "EN 319 422 §6.2", "-subj"],
        ),
        (TsaError::Accuracy, &["at most a second"]),
        (
            TsaError::KeyMismatch,
            &[
                "for another key",
                "EN 319 421 §7.6.2",
                "Give the key of this certificate, or have a certificate issued for this key",
            ],
        ),
        (
            TsaError::Unfit(TspRejection::EkuNotCritical),
            &[
                "extended key usage critical",
                "RFC 3161 §2.3",
                "extendedKeyUsage = critical, timeStamping",
            ],
        ),
        (
            TsaError::Unfit(TspRejection::KeyUsage { signs: true }),
            &[
                "something else or more",
                "keyUsage = critical, digitalSignature",
            ],
        ),
        (
            TsaError::Unfit(TspRejection::SignerIsCa),
            &["basicConstraints = critical, CA:FALSE"],
        ),
        (
            not_valid(early.saturating_sub(day)),
            &["not valid yet", "begins at 2026-01-01"],
        ),
        (
            not_valid(late.saturating_add(day)),
            &["not valid any more", "ended at 2030-01-01", "renew it"],
        ),
        (
            TsaError::ChainOrder { position: 2 },
            &["number 2 of the chain", "first", "root's last"],
        ),
        (
            TsaError::NoRoot { certificates: 1 },
            &["the last of 1 certificate is", "self-signed root last"],
        ),
    ] {
        let text = alloc::format!("{error}");
        for words in words {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
