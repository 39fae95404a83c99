// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An authority does not start on a certificate, chain or key that breaks a rule, and names the rule.

use rcgen::DnType;

use super::*;
use crate::key::KeyError;

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
            Some(TsaError::Unfit(TspRejection::KeyUsage)),
        ),
        (
            vec![Purpose::DigitalSignature, Purpose::KeyEncipherment],
            Some(TsaError::Unfit(TspRejection::KeyUsage)),
        ),
        (
            vec![Purpose::DigitalSignature, Purpose::CrlSign],
            Some(TsaError::Unfit(TspRejection::KeyUsage)),
        ),
        // The ninth bit lies in an octet of its own.
        (
            vec![Purpose::DigitalSignature, Purpose::DecipherOnly],
            Some(TsaError::Unfit(TspRejection::KeyUsage)),
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
    let alone = Authority::new(config(signer, vec![der]), now());
    assert!(alone.is_ok(), "a certificate trusted as it is");
    let (signer, der) = ca.issue(|_| {});
    let pki = DevPki::generate(now(), false).unwrap();
    assert_eq!(
        Authority::new(config(signer, vec![der, pki.root]), now()).err(),
        Some(TsaError::Unfit(TspRejection::NoChain))
    );
    // Its own certificate outlives its issuer's.
    let (signer, der) = ca.issue(|params| params.not_after = rcgen::date_time_ymd(2035, 1, 1));
    let late = time("2031-01-01T00:00:00Z");
    assert!(matches!(
        Authority::new(config(signer, vec![der, ca.der.clone()]), late).err(),
        Some(TsaError::Unfit(TspRejection::ChainExpired { .. }))
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
fn an_rsa_key_below_3072_bits_is_no_token_key() {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    for (size, result) in [
        (KeySize::Rsa2048, Some(KeyError::Unsupported)),
        (KeySize::Rsa3072, None),
    ] {
        let key = aws_lc_rs::rsa::KeyPair::generate(size).unwrap();
        let document: Pkcs8V1Der<'_> = key.as_der().unwrap();
        assert_eq!(TokenSigner::from_pkcs8(document.as_ref()).err(), result);
    }
}

#[test]
fn every_reason_not_to_start_says_what_is_wrong() {
    for (error, words) in [
        (TsaError::KeyUsageAbsent, "no key usage"),
        (
            TsaError::Subject {
                missing: "countryName",
            },
            "no countryName",
        ),
        (TsaError::Accuracy, "at most a second"),
        (
            TsaError::Unfit(TspRejection::EkuNotCritical),
            "extended key usage critical",
        ),
    ] {
        let text = alloc::format!("{error}");
        assert!(text.contains(words), "{text}");
    }
}
