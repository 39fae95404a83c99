// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Revocation lists and OCSP responses made by OpenSSL (fixtures/revocation), against one token of 1 March 2026.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use kbox_proof::time::Time;
use kbox_proof::tsp::{
    ChainTime, HashAlgorithm, MessageImprint, Revocation, RevocationEvidence, RevocationItem,
    RevocationReason, RevocationRejection, TimeStampToken, TokenTrust, TspRejection,
    certificates_from_pem, crls_from_pem, verify_token,
};

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/revocation");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn pem(name: &str) -> Vec<Vec<u8>> {
    certificates_from_pem(&String::from_utf8(fixture(name)).unwrap()).unwrap()
}

fn add(
    evidence: &mut RevocationEvidence,
    name: &str,
    bytes: &[u8],
) -> Result<(), RevocationRejection> {
    match name.ends_with(".ocsp") {
        true => evidence.add_ocsp(bytes),
        false => evidence.add_crl(bytes),
    }
}

struct Case {
    token: TimeStampToken,
    imprint: MessageImprint,
    roots: Vec<Vec<u8>>,
}

impl Case {
    fn new(roots: &str) -> Self {
        Self {
            token: TimeStampToken::parse(&fixture("token.tst")).unwrap(),
            imprint: MessageImprint::of(HashAlgorithm::Sha256, &fixture("data.txt")),
            roots: pem(roots),
        }
    }

    fn judge(
        &self,
        evidence: &RevocationEvidence,
        existed: &str,
    ) -> Result<Revocation, RevocationRejection> {
        let existed = ChainTime::At(Time::parse_rfc3339(existed).unwrap());
        let mut trust = TokenTrust::new(&self.roots, existed);
        trust.revocation = Some(evidence);
        match verify_token(&self.token, &self.imprint, &trust) {
            Ok(verified) => Ok(verified.revocation()),
            Err(TspRejection::Revocation(rejection)) => Err(rejection),
            Err(other) => panic!("{other}"),
        }
    }
}

fn judge(names: &[&str], existed: &str) -> Result<Revocation, RevocationRejection> {
    let mut evidence = RevocationEvidence::default();
    for name in names {
        add(&mut evidence, name, &fixture(name))?;
    }
    Case::new("root.pem").judge(&evidence, existed)
}

const SOON: &str = "2026-03-02T00:00:00Z";
const JUST_BEFORE: &str = "2026-05-31T23:59:59Z";
const REVOKED: &str = "2026-06-01T00:00:00Z";
const LISTED: &str = "2026-09-01T00:00:00Z";

const INCONCLUSIVE: Revocation = Revocation::Inconclusive {
    revoked_later: None,
};

const FAR: &str = "2036-01-01T00:00:00Z";

fn current(as_of: &str, until: &str) -> Revocation {
    let [as_of, until] = [as_of, until].map(|time| Time::parse_rfc3339(time).unwrap());
    Revocation::NotRevokedAsOf { as_of, until }
}

fn later(at: &str) -> Revocation {
    Revocation::RevokedLater {
        at: Time::parse_rfc3339(at).unwrap(),
    }
}

#[test]
fn every_code_has_a_list_that_earns_it_and_only_what_disproves_is_no_indecision() {
    let mut earned = BTreeSet::new();
    for (code, undecided, names, existed) in [
        ("tsp.revocation_unreadable", true, "root.pem", SOON),
        ("tsp.revocation_unsupported", true, "critical.crl", SOON),
        ("tsp.revocation_signature", true, "forged.crl", SOON),
        (
            "tsp.revoked_key_compromise",
            false,
            "tsu-keyCompromise.crl",
            REVOKED,
        ),
        (
            "tsp.revoked",
            false,
            "tsu-superseded-before-token.crl",
            SOON,
        ),
        ("tsp.on_hold", true, "tsu-certificateHold.crl", REVOKED),
        ("tsp.revoked_no_poe", true, "tsu-superseded.crl", REVOKED),
        ("tsp.issuer_revoked", true, "ca-compromised.crl", REVOKED),
        ("tsp.budget_revocation_size", true, "many", SOON),
        ("tsp.budget_revocation_signatures", true, "sixty-five", SOON),
    ] {
        let rejection = match names {
            "many" => judge(&["tsu-good.crl"; 513], existed),
            "sixty-five" => judge(&["tsu-good.crl"; 65], existed),
            name => judge(&[name], existed),
        };
        let rejection = rejection.unwrap_err();
        assert_eq!(
            (rejection.code(), rejection.is_undecided()),
            (code, undecided)
        );
        assert!(!rejection.to_string().is_empty());
        let rejection = TspRejection::Revocation(rejection);
        assert_eq!(
            (rejection.code(), rejection.is_undecided()),
            (code, undecided)
        );
        earned.insert(code);
    }
    assert_eq!(earned, RevocationRejection::CODES.iter().copied().collect());
}

#[test]
fn what_is_proven_to_exist_before_the_revocation_date_stands_and_nothing_else() {
    for (reason, code) in [
        ("no-reason", "tsp.revoked_key_compromise"),
        ("keyCompromise", "tsp.revoked_key_compromise"),
        ("CACompromise", "tsp.revoked_key_compromise"),
        ("certificateHold", "tsp.on_hold"),
        ("unspecified", "tsp.revoked_no_poe"),
        ("affiliationChanged", "tsp.revoked_no_poe"),
        ("superseded", "tsp.revoked_no_poe"),
        ("cessationOfOperation", "tsp.revoked_no_poe"),
    ] {
        let list = format!("tsu-{reason}.crl");
        let names = [list.as_str(), "ca-good.crl"];
        assert_eq!(judge(&names, JUST_BEFORE), Ok(later(REVOKED)), "{reason}");
        for existed in [REVOKED, LISTED, "2029-01-01T00:00:00Z"] {
            assert_eq!(judge(&names, existed).unwrap_err().code(), code, "{reason}");
        }
    }
    for name in ["tsu-superseded.ocsp", "tsu-keyCompromise.ocsp"] {
        assert_eq!(
            judge(&[name, "ca-good.crl"], JUST_BEFORE),
            Ok(later(REVOKED))
        );
        let code = judge(&[name], REVOKED).unwrap_err().code();
        assert_eq!(code == "tsp.revoked_no_poe", name == "tsu-superseded.ocsp");
    }
}

/// Whoever had the key before it was known can have written any genTime since.
#[test]
fn a_compromise_counts_from_its_invalidity_date_and_a_compromised_ca_takes_its_signers_along() {
    let since = "2026-04-01T00:00:00Z";
    for (names, code) in [
        (
            ["tsu-invalidity-date.crl", "ca-good.crl"],
            "tsp.revoked_key_compromise",
        ),
        // Another certificate of the CA could be good.
        (["tsu-good.crl", "ca-compromised.crl"], "tsp.issuer_revoked"),
    ] {
        assert_eq!(judge(&names, "2026-03-31T23:59:59Z"), Ok(later(REVOKED)));
        for existed in [since, JUST_BEFORE] {
            let rejection = judge(&names, existed).unwrap_err();
            assert_eq!(rejection.code(), code);
            assert!(rejection.to_string().contains(since), "{rejection}");
        }
    }
}

#[test]
fn not_revoked_needs_a_list_or_response_about_each_certificate_that_is_current_at_the_proof_of_existence_or_later()
 {
    for (names, existed, expected) in [
        (&[][..], SOON, Revocation::NotChecked),
        (
            &["tsu-good.crl", "ca-good.crl"],
            SOON,
            Revocation::NotRevoked,
        ),
        (
            &["tsu-good.crl", "ca-good.crl"],
            LISTED,
            Revocation::NotRevoked,
        ),
        (
            &["tsu-good.ocsp", "ca-good.crl"],
            LISTED,
            Revocation::NotRevoked,
        ),
        (
            &["tsu-good-by-ca.ocsp", "ca-good.crl"],
            SOON,
            Revocation::NotRevoked,
        ),
        (
            &["tsu-good.crl", "ca-good.crl"],
            "2026-09-01T00:00:01Z",
            current(LISTED, FAR),
        ),
        (
            &["tsu-good.ocsp", "ca-good.crl"],
            "2026-09-01T00:00:01Z",
            current(LISTED, "2026-10-01T00:00:00Z"),
        ),
        // Both ends count; a second later it is no longer current.
        (
            &["tsu-before-token.ocsp", "ca-good.crl"],
            "2026-03-03T00:00:00Z",
            current("2026-02-01T00:00:00Z", "2026-03-03T00:00:00Z"),
        ),
        (
            &["tsu-before-token.ocsp", "ca-good.crl"],
            "2026-03-03T00:00:01Z",
            INCONCLUSIVE,
        ),
        (&["tsu-good.crl"], SOON, INCONCLUSIVE),
        (&["ca-good.crl"], SOON, INCONCLUSIVE),
        (
            &["tsu-before-token.crl", "ca-good.crl"],
            SOON,
            current("2026-02-01T00:00:00Z", FAR),
        ),
        (
            &["tsu-before-token.ocsp", "ca-good.crl"],
            SOON,
            current("2026-02-01T00:00:00Z", "2026-03-03T00:00:00Z"),
        ),
        (&["tsu-unknown.ocsp", "ca-good.crl"], SOON, INCONCLUSIVE),
        // A list made after a certificate's end may have dropped it (RFC 5280 §5.2).
        (
            &["tsu-after-certificate.crl", "ca-good.crl"],
            SOON,
            INCONCLUSIVE,
        ),
        // Another key of the same name answers for its own certificates.
        (&["other-key.crl", "ca-good.crl"], SOON, INCONCLUSIVE),
        (&["other-key.crl"], SOON, Revocation::NotChecked),
        (&["other-issuer.ocsp"], LISTED, Revocation::NotChecked),
    ] {
        assert_eq!(judge(names, existed), Ok(expected), "{names:?} {existed}");
    }
    let case = Case::new("root.pem");
    let trust = TokenTrust::new(&case.roots, ChainTime::GenTime);
    let verified = verify_token(&case.token, &case.imprint, &trust).unwrap();
    assert_eq!(verified.revocation(), Revocation::NotChecked);
}

/// The signer's later revocation is known, whatever is not known of its CA.
#[test]
fn a_later_revocation_is_told_beside_what_is_not_covered_and_what_is_about_no_certificate() {
    let names = ["tsu-keyCompromise.crl", "other-issuer.ocsp"];
    let at = Time::parse_rfc3339(REVOKED).unwrap();
    let inconclusive = Revocation::Inconclusive {
        revoked_later: Some(at),
    };
    assert_eq!(judge(&names, JUST_BEFORE), Ok(inconclusive));
    let mut evidence = RevocationEvidence::default();
    for name in names {
        add(&mut evidence, name, &fixture(name)).unwrap();
    }
    let case = Case::new("root.pem");
    let existed = ChainTime::At(Time::parse_rfc3339(JUST_BEFORE).unwrap());
    let mut trust = TokenTrust::new(&case.roots, existed);
    trust.revocation = Some(&evidence);
    let verified = verify_token(&case.token, &case.imprint, &trust).unwrap();
    let findings = verified.revocation_findings();
    assert_eq!((findings.given, findings.unrelated), (2, 1));
    let [signer, ca] = findings.certificates.as_slice() else {
        panic!("{findings:?}");
    };
    assert_eq!(signer.known, later(REVOKED));
    assert_eq!(signer.reason, Some(RevocationReason::KeyCompromise));
    assert_eq!(ca.known, Revocation::NotChecked);
}

/// Trust in the signer or its CA beside the root must not cut the revocation of either away.
#[test]
fn the_chain_goes_on_to_the_root_whatever_else_is_trusted() {
    let mut case = Case::new("root.pem");
    let root = case.roots.clone();
    let others = case.token.certificates().to_vec();
    let mut evidence = RevocationEvidence::default();
    let list = "tsu-superseded-before-token.crl";
    add(&mut evidence, list, &fixture(list)).unwrap();
    for other in &others {
        for roots in [
            [root.as_slice(), std::slice::from_ref(other)].concat(),
            [std::slice::from_ref(other), root.as_slice()].concat(),
        ] {
            case.roots = roots;
            let refused = case.judge(&evidence, SOON).unwrap_err();
            assert_eq!(refused.code(), "tsp.revoked");
        }
    }
    // The highest of several that are no roots.
    case.roots = others.clone();
    assert_eq!(
        case.judge(&evidence, SOON).unwrap_err().code(),
        "tsp.revoked"
    );
    // Alone, each is trusted as it is.
    for other in others {
        case.roots = vec![other];
        let trust = TokenTrust::new(&case.roots, ChainTime::GenTime);
        let verified = verify_token(&case.token, &case.imprint, &trust).unwrap();
        assert!(!verified.ends_in_a_root());
    }
}

#[test]
fn a_revocation_outweighs_whatever_does_not_know_of_it_in_either_order() {
    let names = [
        "tsu-good.crl",
        "tsu-keyCompromise.ocsp",
        "ca-good.crl",
        "tsu-good.ocsp",
    ];
    for turn in 0..names.len() {
        let mut names = names;
        names.rotate_left(turn);
        assert_eq!(judge(&names, JUST_BEFORE), Ok(later(REVOKED)));
        assert_eq!(
            judge(&names, REVOKED).unwrap_err().code(),
            "tsp.revoked_key_compromise"
        );
    }
}

#[test]
fn lists_and_responses_that_nobody_entitled_signed_are_refused() {
    for name in [
        "forged.crl",
        "not-a-responder.ocsp",
        "stranger.ocsp",
        "late-responder.ocsp",
    ] {
        let refused = judge(&[name], SOON).unwrap_err();
        let RevocationRejection::Signature {
            item,
            responder,
            certificate,
        } = &refused
        else {
            panic!("{name}: {refused}");
        };
        // Who is no responder at all is not told as one that came late, nor the other way round.
        let is_late = responder.is_some_and(|responder| {
            responder.not_before < responder.not_after
                && responder.not_after < responder.produced_at
        });
        assert_eq!(is_late, name == "late-responder.ocsp", "{name}");
        assert_eq!(responder.is_some(), is_late);
        let first = match name.ends_with(".crl") {
            true => RevocationItem::Crl(0),
            false => RevocationItem::Ocsp(0),
        };
        assert_eq!(*item, first);
        assert!(refused.to_string().contains(&certificate.serial));
    }
    // The same key, by a certificate that does not let it sign lists.
    let mut evidence = RevocationEvidence::default();
    evidence.add_crl(&fixture("tsu-good.crl")).unwrap();
    let mute = Case::new("mute.pem").judge(&evidence, SOON);
    assert!(matches!(mute, Err(RevocationRejection::Signature { .. })));
}

#[test]
fn delta_indirect_and_half_lists_unknown_critical_extensions_and_answerless_responses_are_refused()
{
    for (name, what) in [
        ("delta.crl", "2.5.29.27"),
        ("indirect.crl", "2.5.29.28) has indirectCRL"),
        ("some-reasons.crl", "onlySomeReasons"),
        ("only-attributes.crl", "onlyContainsAttributeCerts"),
        ("relative-point.crl", "relative to its issuer"),
        ("critical.crl", "1.2.3.4"),
    ] {
        let rejection = judge(&[name], SOON).unwrap_err();
        assert_eq!(rejection.code(), "tsp.revocation_unsupported", "{name}");
        assert!(rejection.to_string().contains(what), "{rejection}");
    }
    // tryLater (RFC 6960 §4.2.1)
    let answer = RevocationEvidence::default().add_ocsp(&[0x30, 3, 0x0a, 1, 3]);
    assert_eq!(answer.unwrap_err().code(), "tsp.revocation_unsupported");
}

/// RFC 5280 §6.3.3 (b)(2)
#[test]
fn a_list_speaks_of_the_certificates_in_its_scope_and_of_no_others() {
    for (list, expected) in [
        ("only-users.crl", Revocation::NotRevoked),
        ("its-point.crl", Revocation::NotRevoked),
        ("only-cas.crl", INCONCLUSIVE),
        ("other-point.crl", INCONCLUSIVE),
    ] {
        assert_eq!(judge(&[list, "ca-good.crl"], SOON), Ok(expected), "{list}");
    }
    // A certificate without distribution points is under its issuer's name.
    assert_eq!(
        judge(&["tsu-good.crl", "issuer-point.crl"], SOON),
        Ok(Revocation::NotRevoked)
    );
    assert_eq!(
        judge(&["its-point-superseded.crl"], REVOKED)
            .unwrap_err()
            .code(),
        "tsp.revoked_no_poe"
    );
}

#[test]
fn sixty_four_signatures_of_lists_and_responses_are_checked_and_not_one_more() {
    let mut evidence = RevocationEvidence::default();
    for _ in 0..32 {
        evidence.add_ocsp(&fixture("tsu-good-by-ca.ocsp")).unwrap();
        evidence.add_crl(&fixture("tsu-good.crl")).unwrap();
    }
    let case = Case::new("root.pem");
    assert_eq!(case.judge(&evidence, SOON), Ok(INCONCLUSIVE));
    // A lone responder's answer costs two more: its certificate's signature, and its own.
    evidence.add_ocsp(&fixture("tsu-good.ocsp")).unwrap();
    assert_eq!(
        case.judge(&evidence, SOON).unwrap_err().code(),
        "tsp.budget_revocation_signatures"
    );
}

#[test]
fn no_bit_of_a_list_or_response_can_change_and_no_end_be_cut_off_or_added_for_a_better_verdict() {
    let case = Case::new("root.pem");
    for name in ["tsu-superseded.crl", "tsu-superseded.ocsp"] {
        let good = fixture(name);
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 1 << (index % 8);
            let mut evidence = RevocationEvidence::default();
            evidence.add_crl(&fixture("ca-good.crl")).unwrap();
            if add(&mut evidence, name, &bad).is_err() {
                continue;
            }
            let verdict = case.judge(&evidence, LISTED);
            let no_better = match &verdict {
                Ok(status) => *status == INCONCLUSIVE,
                Err(rejection) => rejection.is_undecided(),
            };
            assert!(no_better, "{name}, byte {index}: {verdict:?}");
        }
        let longer = [&good[..], &[0]].concat();
        for bytes in [&good[..good.len() - 1], &longer] {
            let read = add(&mut RevocationEvidence::default(), name, bytes);
            assert_eq!(read.unwrap_err().code(), "tsp.revocation_unreadable");
        }
    }
    let huge = vec![0; (4 << 20) + 1];
    for name in ["huge.crl", "huge.ocsp"] {
        let read = add(&mut RevocationEvidence::default(), name, &huge);
        assert!(read.unwrap_err().to_string().contains("4194304"), "{name}");
    }
}

#[test]
fn lists_are_read_from_pem_beside_certificates() {
    let certificates = String::from_utf8(fixture("root.pem")).unwrap();
    assert_eq!(crls_from_pem(&certificates), Ok(vec![]));
    let list = "-----BEGIN X509 CRL-----\nAQI=\n-----END X509 CRL-----\n";
    assert_eq!(
        crls_from_pem(&format!("{certificates}{list}{list}")),
        Ok(vec![vec![1, 2]; 2])
    );
    assert!(crls_from_pem(list.trim_end().trim_end_matches('-')).is_err());
}
