// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is told of a token that is proven: the rules that it was checked by, its profile, its algorithms, its place in time.

use core::cmp::Ordering;

use aws_lc_rs::encoding::AsDer;

use super::*;
use crate::tsp::{
    Algorithm, CheckOutcome, ProfileFinding, ProfileReport, Purpose, Step, StoredToken, Strength,
    Timeliness, VerifiedTimeStamp, order, verify_renewed_token,
};

fn verified(
    certificate: impl FnOnce(&mut CertificateParams),
    change: impl FnOnce(&mut Draft),
) -> VerifiedTimeStamp {
    let ca = Ca::new();
    let (signer, der) = ca.issue(certificate);
    let mut draft = Draft::new(&der);
    change(&mut draft);
    let roots = [ca.der];
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    verify_token(&draft.sign(&signer), &imprint(), &trust).unwrap()
}

fn accuracy(millis: u64) -> Option<Accuracy> {
    Some(Accuracy::from_duration(Duration::from_millis(millis)).unwrap())
}

/// A token by a P-256 key under a root with an RSA key of 2048 bits, and that root.
fn under_rsa() -> (TimeStampToken, [Vec<u8>; 1]) {
    let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
    let key = KeyPair::try_from(pkcs8.as_ref()).unwrap();
    let mut params = base_params("CA");
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let der = params.self_signed(&key).unwrap().der().to_vec();
    let ca = Ca {
        issuer: Issuer::new(params, key),
        der,
    };
    let (signer, der) = ca.issue(|params| params.not_after = rcgen::date_time_ymd(2040, 1, 1));
    (Draft::new(&der).sign(&signer), [ca.der])
}

#[test]
fn each_check_is_told_with_its_rule_and_those_without_anything_to_check_by_are_not_passed_over() {
    let outcome = |stamp: &VerifiedTimeStamp, step| {
        let check = stamp.checks().iter().find(|check| check.step == step);
        check.map(|check| check.outcome)
    };
    let stamp = verified(|_| {}, |_| {});
    assert_eq!(outcome(&stamp, Step::Request), None);
    assert_eq!(stamp.checks().len(), Step::ALL.len() - 1);
    for (step, expected) in [
        (Step::Policy, CheckOutcome::NotMade),
        (Step::AuthorityName, CheckOutcome::NotMade),
        (Step::Revocation, CheckOutcome::NotMade),
        (Step::Signature, CheckOutcome::Held),
        (Step::Chain, CheckOutcome::Held),
    ] {
        assert_eq!(outcome(&stamp, step), Some(expected), "{step:?}");
    }
    for step in Step::ALL {
        assert!(!step.source().is_empty() && !step.code().is_empty());
    }
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let token = Draft::new(&der).sign(&signer);
    let roots = [ca.der];
    let policies = [TsaPolicyId::evidence_policy()];
    let mut trust = TokenTrust::new(&roots, ChainTime::At(now()));
    trust.policies = Some(&policies);
    let granted = TimeStampResp::parse(&crate::tsp::granted(token.to_der())).unwrap();
    let request = TimeStampReq::new(imprint()).with_certificates();
    let stamp = verify_response(&granted, &request, &trust).unwrap();
    assert_eq!(outcome(&stamp, Step::Request), Some(CheckOutcome::Held));
    assert_eq!(outcome(&stamp, Step::Policy), Some(CheckOutcome::Held));
}

#[test]
fn a_token_in_the_profile_conforms_and_what_its_bytes_do_not_show_is_said() {
    let report = verified(|_| {}, |_| {}).profile(&[]);
    assert!(report.conforms() && !report.claims_qualified());
    let policy = TsaPolicyId::evidence_policy();
    assert_eq!(
        report.findings(),
        [
            ProfileFinding::NoOrganizationIdentifier,
            ProfileFinding::PolicyUnknown {
                policy: policy.clone()
            }
        ]
    );
    let identified = |params: &mut CertificateParams| {
        let kind = DnType::CustomDnType(vec![2, 5, 4, 97]);
        params.distinguished_name.push(kind, "SIREN-123456789");
    };
    let best_practice = "0.4.0.2023.1.1".parse().unwrap();
    let report = verified(identified, |draft| draft.info.policy = best_practice).profile(&[]);
    assert_eq!((report.conforms(), report.findings()), (true, &[][..]));
    let report = verified(identified, |_| {}).profile(&[policy]);
    assert_eq!((report.conforms(), report.findings()), (true, &[][..]));
}

#[test]
fn each_departure_from_the_profile_is_told_and_leaves_the_token_proven() {
    let unshown = [
        ProfileFinding::NoOrganizationIdentifier.code(),
        "policy_unknown",
    ];
    let codes = |report: &ProfileReport| -> Vec<&'static str> {
        let codes = report.findings().iter().map(ProfileFinding::code);
        codes.filter(|code| !unshown.contains(code)).collect()
    };
    let of = |change: &dyn Fn(&mut Draft)| verified(|_| {}, |draft| change(draft)).profile(&[]);
    let statement: &[u8] = &element(
        der::SEQUENCE,
        &[&element(der::OID, &[known::QTST_STATEMENT])],
    );
    let other: &[u8] = &element(der::SEQUENCE, &[&[6, 1, 0x2a], &[5, 0]]);
    let extension = |statements: &[&[u8]]| {
        let value = element(der::OCTET_STRING, &[&element(der::SEQUENCE, statements)]);
        element(
            der::SEQUENCE,
            &[&element(der::OID, &[known::QC_STATEMENTS]), &value],
        )
    };
    let with = |extensions: &[&[u8]]| {
        let field = element(0xa1, extensions);
        of(&|draft| draft.info.extensions = Some(field.clone()))
    };
    for (expected, conforms, qualified, report) in [
        (&[][..], true, false, of(&|_| {})),
        (
            &["accuracy_missing"],
            false,
            false,
            of(&|draft| draft.info.accuracy = None),
        ),
        (
            &["accuracy_too_wide"],
            false,
            false,
            of(&|draft| draft.info.accuracy = accuracy(1001)),
        ),
        // 18:30:00.123 does for a millisecond, not for a microsecond.
        (
            &[],
            true,
            false,
            of(&|draft| draft.info.accuracy = accuracy(1)),
        ),
        (
            &["gen_time_coarse"],
            true,
            false,
            of(&|draft| {
                draft.info.accuracy =
                    Some(Accuracy::from_duration(Duration::from_micros(1)).unwrap());
            }),
        ),
        (
            &["ordering"],
            false,
            false,
            of(&|draft| draft.info.ordering = true),
        ),
        (&[], true, true, with(&[&extension(&[statement])])),
        (&[], true, true, with(&[&extension(&[other, statement])])),
        (
            &["qtst_statement"],
            false,
            false,
            with(&[&extension(&[other])]),
        ),
        (
            &["qtst_statement"],
            false,
            true,
            with(&[&extension(&[statement, statement])]),
        ),
        (
            &["qc_statements_malformed"],
            false,
            false,
            with(&[&extension(&[statement]), &extension(&[statement])]),
        ),
        (
            &["qc_statements_malformed"],
            false,
            false,
            with(&[&extension(&[&[5, 0]])]),
        ),
    ] {
        assert_eq!(codes(&report), expected);
        assert_eq!(report.conforms(), conforms, "{expected:?}");
        assert_eq!(report.claims_qualified(), qualified, "{expected:?}");
        assert!(
            report
                .findings()
                .iter()
                .all(|finding| !finding.source().is_empty())
        );
    }
    let nameless = |params: &mut CertificateParams| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "TSU");
    };
    let report = verified(nameless, |_| {}).profile(&[]);
    assert_eq!(codes(&report), ["subject_lacks", "subject_lacks"]);
    assert!(!report.conforms());
    // Since April 2026 TS 119 312 has no RSA below 3000 bits.
    let (token, roots) = under_rsa();
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let report = verify_token(&token, &imprint(), &trust)
        .unwrap()
        .profile(&[]);
    assert_eq!(codes(&report), ["algorithm_not_listed"]);
}

#[test]
fn the_algorithms_that_a_proof_rests_on_are_told_and_judged_at_the_proof_of_existence() {
    let stamp = verified(|_| {}, |_| {});
    let told: Vec<_> = stamp
        .algorithms()
        .iter()
        .map(|one| (one.purpose, one.algorithm))
        .collect();
    let sha256 = Algorithm::Hash(HashAlgorithm::Sha256);
    let p256 = Algorithm::Ecdsa { bits: 256 };
    assert_eq!(
        told,
        [
            (Purpose::Imprint, sha256),
            (Purpose::Digest, sha256),
            (Purpose::Signature, p256),
            (Purpose::Certificate(0), p256),
            (Purpose::CertificateDigest(0), sha256),
        ]
    );

    let (token, roots) = under_rsa();
    let at = |text: &str| {
        let trust = TokenTrust::new(&roots, ChainTime::At(time(text)));
        verify_token(&token, &imprint(), &trust)
    };
    let rsa = Algorithm::RsaPkcs1 { bits: 2048 };
    let end = time("2031-01-01T00:00:00Z");
    let stamp = at("2030-12-31T23:59:59.999Z").unwrap();
    let signature = stamp
        .algorithms()
        .iter()
        .find(|one| one.purpose == Purpose::Certificate(0))
        .unwrap();
    assert_eq!(signature.algorithm, rsa);
    // Strong when it was made, and outgoing: to be renewed.
    assert_eq!(
        signature.strength_at(now()),
        Strength::Outgoing { until: end }
    );
    let rejection = at("2031-01-01T00:00:00Z").unwrap_err();
    assert_eq!(
        rejection,
        TspRejection::AlgorithmEnded {
            algorithm: rsa,
            since: end,
            at: end
        }
    );
    assert!(
        rejection.is_undecided(),
        "an earlier proof of existence would do"
    );
}

/// SHA-1 only names a certificate there, for which a second preimage would be needed: flagged, told, and no reason to refuse.
#[test]
fn a_signer_named_by_sha1_is_told_among_the_algorithms_as_ended_and_rejects_nothing() {
    use sha2::Digest;
    let stamp = verified(
        |_| {},
        |draft| {
            let digest = sha1::Sha1::digest(draft.certificate.to_der());
            let id = element(der::SEQUENCE, &[&element(der::OCTET_STRING, &[&digest])]);
            let value = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&id])]);
            draft.ess = Some(attribute(known::SIGNING_CERTIFICATE, &value));
        },
    );
    let named = stamp
        .algorithms()
        .iter()
        .find(|one| one.purpose == Purpose::SignerName);
    assert!(matches!(
        named.unwrap().strength_at(now()),
        Strength::Ended { .. }
    ));
    let report = stamp.profile(&[]);
    assert!(report.findings().contains(&ProfileFinding::EssCertIdV1));
}

#[test]
fn two_tokens_are_ordered_by_intervals_that_are_apart_or_by_an_authority_that_orders_them() {
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let (other_signer, other_der) = ca.issue(|_| {});
    let roots = [ca.der];
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let stamp = |other: bool, seconds: u64, millis: Option<u64>, ordering: bool| {
        let mut draft = Draft::new(if other { &other_der } else { &der });
        draft.info.gen_time = now().saturating_add(Duration::from_secs(seconds));
        draft.info.accuracy = millis.and_then(accuracy);
        draft.info.ordering = ordering;
        let signer = if other { &other_signer } else { &signer };
        verify_token(&draft.sign(signer), &imprint(), &trust).unwrap()
    };
    let second = Some(1000);
    let first = stamp(false, 0, second, false);
    for (later, expected) in [
        (stamp(false, 3, second, false), Some(Ordering::Less)),
        // They touch: both may be of one instant.
        (stamp(false, 2, second, false), None),
        (stamp(true, 3, second, false), Some(Ordering::Less)),
        (stamp(false, 9, None, false), None),
    ] {
        assert_eq!(order(&first, &later), expected);
        assert_eq!(order(&later, &first), expected.map(Ordering::reverse));
    }
    let ordered = stamp(false, 0, second, true);
    for (later, expected) in [
        (stamp(false, 1, second, true), Some(Ordering::Less)),
        (stamp(false, 1, None, true), Some(Ordering::Less)),
        (stamp(false, 0, second, true), None),
        // One that does not order its tokens, and another authority.
        (stamp(false, 1, second, false), None),
        (stamp(true, 1, second, true), None),
    ] {
        assert_eq!(order(&ordered, &later), expected);
        assert_eq!(order(&later, &ordered), expected.map(Ordering::reverse));
    }
}

#[test]
fn a_token_is_timely_when_its_interval_reaches_into_the_tolerance_around_a_local_clock() {
    let stamp = verified(|_| {}, |_| {});
    let tolerance = Duration::from_secs(5);
    let second = Duration::from_secs(1);
    for (clock, expected) in [
        (now(), Timeliness::Timely),
        (now().saturating_add(6 * second), Timeliness::Timely),
        (
            now().saturating_add(8 * second),
            Timeliness::Late { by: 2 * second },
        ),
        (now().saturating_sub(6 * second), Timeliness::Timely),
        (
            now().saturating_sub(7 * second),
            Timeliness::Early { by: second },
        ),
    ] {
        assert_eq!(stamp.timeliness(clock, tolerance), expected);
    }
}

/// An authority whose certificates are good for ten years from `start`, its root, and a token of it.
struct Era {
    authority: Authority,
    root: Vec<u8>,
}

impl Era {
    fn new(start: &str) -> Self {
        let pki = DevPki::generate(time(start), false).unwrap();
        let config = config(pki.evidence.signer, pki.evidence.chain);
        Self {
            root: pki.root,
            authority: Authority::new(config, time(start)).unwrap(),
        }
    }

    fn stamp(&self, bytes: &[u8], at: &str) -> TimeStampToken {
        let imprint = MessageImprint::of(HashAlgorithm::Sha256, bytes);
        let serial = SerialNumber::from_epoch_and_counter(1, 1);
        let token = self
            .authority
            .issue(&imprint, time(at), &serial, None, true);
        TimeStampToken::parse(&token.unwrap()).unwrap()
    }
}

fn stored(token: &TimeStampToken) -> StoredToken<'_> {
    StoredToken {
        token,
        bytes: token.to_der(),
    }
}

#[test]
fn a_renewal_before_the_end_proves_the_older_token_and_any_other_does_not() {
    let (old, middle, new) = (
        Era::new("2005-06-01T00:00:00Z"),
        Era::new("2012-06-01T00:00:00Z"),
        Era::new("2020-06-01T00:00:00Z"),
    );
    let roots = [&old, &middle, &new].map(|era| era.root.clone());
    let trust = TokenTrust::new(&roots, ChainTime::At(time("2026-01-01T00:00:00Z")));
    let first = old.stamp(b"event", "2006-01-01T00:00:00Z");
    // One is over the bare token, one over the response in which the token before came.
    let response = crate::tsp::granted(first.to_der());
    let second = middle.stamp(&response, "2014-01-01T00:00:00Z");
    let third = new.stamp(second.to_der(), "2021-01-01T00:00:00Z");
    let oldest = StoredToken {
        token: &first,
        bytes: &response,
    };
    let judge = |renewals: &[&TimeStampToken]| {
        let renewals: Vec<_> = renewals.iter().map(|token| stored(token)).collect();
        verify_renewed_token(oldest, &renewals, &imprint(), &trust)
    };
    let found = judge(&[&second, &third]).unwrap();
    let years: Vec<_> = found.iter().map(VerifiedTimeStamp::gen_time).collect();
    assert_eq!(
        years,
        ["2006", "2014", "2021"].map(|year| time(&alloc::format!("{year}-01-01T00:00:00Z")))
    );

    let refused = |renewals: &[&TimeStampToken]| {
        let refused = judge(renewals).unwrap_err();
        assert!(refused.rejection.is_undecided());
        (refused.index, refused.rejection.code())
    };
    assert_eq!(refused(&[]), (0, "tsp.chain_expired"));
    // The newest there is has itself ended.
    assert_eq!(refused(&[&second]), (1, "tsp.chain_expired"));
    assert_eq!(refused(&[&third]), (1, "tsp.renewal_mismatch"));
    assert_eq!(refused(&[&third, &second]), (2, "tsp.renewal_mismatch"));
    // Renewed when it was too late.
    let late = new.stamp(first.to_der(), "2021-01-01T00:00:00Z");
    assert_eq!(refused(&[&late]), (0, "tsp.chain_expired"));
    // The older one says that it was made later.
    let early = new.stamp(
        old.stamp(b"event", "2015-01-01T00:00:00Z").to_der(),
        "2020-06-02T00:00:00Z",
    );
    assert_eq!(refused(&[&early]).1, "tsp.renewal_mismatch");
    let postdated = new.stamp(b"event", "2025-01-01T00:00:00Z");
    let over = new.stamp(postdated.to_der(), "2024-12-31T23:59:57Z");
    let refused = verify_renewed_token(stored(&postdated), &[stored(&over)], &imprint(), &trust);
    assert_eq!(refused.unwrap_err().rejection.code(), "tsp.renewal_order");
    // Within their accuracies of a second each they do not contradict each other.
    let over = new.stamp(postdated.to_der(), "2024-12-31T23:59:59Z");
    verify_renewed_token(stored(&postdated), &[stored(&over)], &imprint(), &trust).unwrap();
}

/// Whoever can renew cannot make another document of it, nor take away a fault.
#[test]
fn a_renewal_saves_no_token_that_is_over_something_else_or_falsely_signed() {
    let era = Era::new("2020-06-01T00:00:00Z");
    let roots = [era.root.clone()];
    let trust = TokenTrust::new(&roots, ChainTime::At(time("2026-01-01T00:00:00Z")));
    let other = era.stamp(b"another event", "2021-01-01T00:00:00Z");
    let over = era.stamp(other.to_der(), "2022-01-01T00:00:00Z");
    let refused = verify_renewed_token(stored(&other), &[stored(&over)], &imprint(), &trust);
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.index, refused.rejection.code()),
        (0, "tsp.imprint_mismatch")
    );
    let mut bytes = era
        .stamp(b"event", "2021-01-01T00:00:00Z")
        .to_der()
        .to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    if let Ok(false_one) = TimeStampToken::parse(&bytes) {
        let over = era.stamp(&bytes, "2022-01-01T00:00:00Z");
        let refused =
            verify_renewed_token(stored(&false_one), &[stored(&over)], &imprint(), &trust);
        assert_eq!(refused.unwrap_err().rejection.code(), "tsp.signature");
    }
}

/// Whoever hands a good token on adds a renewal that anybody can make: over it, but signed by nobody.
#[test]
fn a_forged_renewal_disproves_no_good_token() {
    let era = Era::new("2020-06-01T00:00:00Z");
    let roots = [era.root.clone()];
    let trust = TokenTrust::new(&roots, ChainTime::At(time("2023-01-01T00:00:00Z")));
    let good = era.stamp(b"event", "2021-01-01T00:00:00Z");
    let mut bytes = era
        .stamp(good.to_der(), "2022-01-01T00:00:00Z")
        .to_der()
        .to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = TimeStampToken::parse(&bytes).unwrap();
    let refused =
        verify_renewed_token(stored(&good), &[stored(&forged)], &imprint(), &trust).unwrap_err();
    assert_eq!(
        (refused.index, refused.rejection.code()),
        (1, "tsp.signature")
    );
    assert!(refused.is_undecided());
    // The same fault in the token itself disproves it.
    let alone = verify_renewed_token(
        stored(&forged),
        &[],
        &MessageImprint::of(HashAlgorithm::Sha256, good.to_der()),
        &trust,
    );
    assert!(!alone.unwrap_err().is_undecided());
}
