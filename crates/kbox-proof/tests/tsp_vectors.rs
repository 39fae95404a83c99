// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Other people's timestamp messages, and tokens with exactly one fault each.
//!
//! `fixtures/tsp-synthetic` is in the tree; the rest is read where `KBOX_VECTORS` points, by default beside the repository.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kbox_proof::time::Time;
use kbox_proof::tsp::{
    Certificate, ChainTime, CheckOutcome, HashAlgorithm, MessageImprint, PkiStatus, ProfileFinding,
    Step, TimeStampReq, TimeStampResp, TimeStampToken, TokenFlag, TokenTrust, TspError,
    TspRejection, VerifiedTimeStamp, certificates_from_pem, verify_response, verify_token,
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn synthetic() -> PathBuf {
    repository().join("fixtures/tsp-synthetic")
}

/// The shared vectors, or `None` where there are none.
fn vectors(folder: &str) -> Option<PathBuf> {
    let (root, is_set) = match std::env::var_os("KBOX_VECTORS") {
        Some(path) => (PathBuf::from(path), true),
        None => (repository().join("../shared/vectors"), false),
    };
    assert!(
        !is_set || root.is_dir(),
        "KBOX_VECTORS: {root:?} is missing"
    );
    let path = root.join(folder);
    if !path.is_dir() {
        println!("skipped: no {}", path.display());
        println!("vectors: 0 run, 1 skipped");
        return None;
    }
    Some(path)
}

fn ran(count: usize) {
    println!("vectors: {count} run, 0 skipped");
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn pem(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    certificates_from_pem(&String::from_utf8(read(folder, name)).unwrap()).unwrap()
}

fn names(folder: &Path, extension: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(extension))
        .collect();
    names.sort();
    names
}

#[derive(Debug)]
enum Outcome {
    Accepted(Box<VerifiedTimeStamp>),
    Unread(TspError),
    Rejected(TspRejection),
}

impl Outcome {
    fn name(&self) -> String {
        match self {
            Self::Accepted(_) => "ok".into(),
            Self::Unread(error) => format!("unread: {error}"),
            Self::Rejected(rejection) => rejection.code().into(),
        }
    }
}

/// These say "accept", as OpenSSL does, which looks at the certificate's validity now. Their signer's certificate begins four
/// minutes after their genTime, and a key that did not exist then cannot have signed: here they are rejected, at the last
/// step but one, so that all that comes before has passed.
const GEN_TIME_BEFORE_CERTIFICATE: [&str; 4] = [
    "ok_extra_unrelated_cert.tst",
    "ok_good_v2.tsr",
    "ok_good_v2.tst",
    "status_granted_with_mods.tsr",
];

/// A token or response of the synthetic set, with its chain judged on the day they were made.
fn judge(folder: &Path, name: &str, strict: bool, extra: &[Vec<u8>]) -> Outcome {
    let roots = pem(folder, "ca.pem");
    let made = Time::parse_rfc3339("2026-11-24T18:00:00Z").unwrap();
    let mut trust = TokenTrust::new(&roots, ChainTime::At(made));
    trust.strict = strict;
    trust.extra_certificates = extra;
    let bytes = read(folder, name);
    let result = if name.ends_with(".tsr") {
        let request = TimeStampReq::parse(&read(folder, "query.tsq")).unwrap();
        match TimeStampResp::parse(&bytes) {
            Ok(response) => verify_response(&response, &request, &trust),
            Err(error) => return Outcome::Unread(error),
        }
    } else {
        let imprint = MessageImprint::of(HashAlgorithm::Sha256, &read(folder, "data.txt"));
        match TimeStampToken::parse(&bytes) {
            Ok(token) => verify_token(&token, &imprint, &trust),
            Err(error) => return Outcome::Unread(error),
        }
    };
    match result {
        Ok(verified) => Outcome::Accepted(Box::new(verified)),
        Err(rejection) => Outcome::Rejected(rejection),
    }
}

#[test]
fn each_synthetic_fault_is_rejected_for_its_own_reason() {
    let folder = synthetic();
    let expected = BTreeMap::from([
        ("bad_signature.tst", "tsp.signature"),
        ("econtent_tampered.tst", "tsp.message_digest"),
        ("eku_absent.tst", "tsp.eku_absent"),
        ("eku_noncritical.tst", "tsp.eku_not_critical"),
        ("eku_wrong.tst", "tsp.eku_wrong"),
        ("ess_v1_sha1.tsr", "ok"),
        ("expired.tst", "tsp.gen_time_outside_certificate"),
        ("no_certs.tst", "tsp.signer_certificate_missing"),
        ("ok_extra_unrelated_cert.tst", "ok"),
        ("ok_good_v2.tsr", "ok"),
        ("ok_good_v2.tst", "ok"),
        ("reject_addInfoNotAvailable.tsr", "tsp.status_not_granted"),
        ("reject_badAlg.tsr", "tsp.status_not_granted"),
        ("reject_badDataFormat.tsr", "tsp.status_not_granted"),
        ("reject_badRequest.tsr", "tsp.status_not_granted"),
        ("reject_systemFailure.tsr", "tsp.status_not_granted"),
        ("reject_timeNotAvailable.tsr", "tsp.status_not_granted"),
        ("reject_unacceptedExtension.tsr", "tsp.status_not_granted"),
        ("reject_unacceptedPolicy.tsr", "tsp.status_not_granted"),
        ("status_granted_with_mods.tsr", "ok"),
        (
            "status_rejected_with_token.tsr",
            "unread: the response refuses a token and holds one all the same",
        ),
        (
            "trailing_byte.tsr",
            "unread: bytes follow the message, from byte 1115",
        ),
        (
            "truncated.tsr",
            "unread: the file is cut off: 1108 of 1115 bytes",
        ),
        // Under no root, and begun after its genTime as well: the second alone nothing could mend.
        (
            "untrusted_selfsigned.tst",
            "tsp.gen_time_outside_certificate",
        ),
    ]);
    let mut found: Vec<String> = names(&folder, ".tst");
    found.extend(names(&folder, ".tsr"));
    found.sort();
    assert_eq!(found, expected.keys().copied().collect::<Vec<_>>());
    for (name, outcome) in &expected {
        let found = judge(&folder, name, false, &[]);
        if GEN_TIME_BEFORE_CERTIFICATE.contains(name) {
            let Outcome::Rejected(TspRejection::GenTimeOutsideCertificate {
                gen_time,
                not_before,
                ..
            }) = found
            else {
                panic!("{name}: {found:?}; a divergence that ended leaves the list");
            };
            assert!(gen_time < not_before, "{name}");
            continue;
        }
        assert_eq!(found.name(), *outcome, "{name}");
    }
    ran(expected.len());
}

#[test]
fn refusals_parse_to_the_reason_in_their_name() {
    for name in names(&synthetic(), ".tsr") {
        let Some(reason) = name
            .strip_prefix("reject_")
            .and_then(|name| name.strip_suffix(".tsr"))
        else {
            continue;
        };
        let response = TimeStampResp::parse(&read(&synthetic(), &name)).unwrap();
        assert_eq!(response.status(), PkiStatus::Rejection);
        assert_eq!(response.fail_info().unwrap().name(), reason);
    }
}

#[test]
fn ess_by_sha1_is_flagged_and_rejected_when_strict() {
    let Outcome::Accepted(verified) = judge(&synthetic(), "ess_v1_sha1.tsr", false, &[]) else {
        panic!("RFC 3161 accepts it");
    };
    assert!(verified.flags().contains(&TokenFlag::EssCertIdV1));
    assert_eq!(
        judge(&synthetic(), "ess_v1_sha1.tsr", true, &[]).name(),
        "tsp.ess_sha1"
    );
}

#[test]
fn a_token_without_certificates_needs_its_signers_from_outside() {
    let good = TimeStampToken::parse(&read(&synthetic(), "ok_good_v2.tst")).unwrap();
    let outcome = judge(&synthetic(), "no_certs.tst", false, good.certificates());
    // Found, and then the divergence above.
    assert_eq!(outcome.name(), "tsp.gen_time_outside_certificate");
    let Outcome::Rejected(rejection) = judge(&synthetic(), "no_certs.tst", false, &[]) else {
        panic!("its certificate is missing");
    };
    assert!(rejection.is_undecided());
}

#[test]
fn requests_parse_unless_they_are_not_der_or_of_another_version() {
    let expected = BTreeMap::from([
        ("q_absent_params.tsq", true),
        // An explicit DEFAULT is BER, not DER.
        ("q_certreq_false_explicit.tsq", false),
        ("q_sha1.tsq", true),
        ("q_truncated.tsq", false),
        ("q_unknown_hash.tsq", true),
        ("q_unknown_policy.tsq", true),
        ("q_version2.tsq", false),
        ("query.tsq", true),
    ]);
    assert_eq!(
        names(&synthetic(), ".tsq"),
        expected.keys().copied().collect::<Vec<_>>()
    );
    for (name, reads) in expected {
        let bytes = read(&synthetic(), name);
        let request = TimeStampReq::parse(&bytes);
        assert_eq!(request.is_ok(), reads, "{name}: {request:?}");
        if let Ok(request) = request {
            assert_eq!(request.to_der(), bytes, "{name}");
        }
    }
}

#[test]
fn sectigos_token_verifies_at_its_time_on_both_paths() {
    let Some(folder) = vectors("tsp/openssl") else {
        return;
    };
    let request = TimeStampReq::parse(&read(&folder, "all-zero.tsq")).unwrap();
    let response = TimeStampResp::parse(&read(&folder, "sectigo-all-zero.tsr")).unwrap();
    let bytes = response.to_der();
    assert_eq!(bytes, read(&folder, "sectigo-all-zero.tsr"));
    let mut extra = pem(&folder, "sectigo-time-stamping-ca.pem");
    extra.extend(pem(&folder, "user-trust-ca-aaa.pem"));
    for root in ["user-trust-ca.pem", "comodo-aaa.pem"] {
        let roots = pem(&folder, root);
        let mut trust = TokenTrust::new(&roots, ChainTime::GenTime);
        trust.extra_certificates = &extra;
        let verified = verify_response(&response, &request, &trust)
            .unwrap_or_else(|rejection| panic!("{root}: {rejection}"));
        assert!(verified.flags().contains(&TokenFlag::NoAccuracy));
        let profile = verified.profile(&[]);
        assert!(!profile.conforms() && !profile.claims_qualified());
        assert!(
            profile
                .findings()
                .contains(&ProfileFinding::AccuracyMissing)
        );
        let signer = pem(&folder, "sectigo-signer.pem");
        assert_eq!(verified.signer_certificate(), signer[0]);
        trust.strict = true;
        let strict = verify_response(&response, &request, &trust).unwrap_err();
        assert_eq!(strict.code(), "tsp.accuracy_missing");
    }
    ran(2);
}

/// By RSASSA-PSS, under BTSP, with a name of its authority, organizationIdentifier and esi4-qtstStatement-1.
#[test]
fn a_qualified_authoritys_token_keeps_the_profile_and_says_that_it_is_qualified() {
    let Some(folder) = vectors("ers") else {
        return;
    };
    let token = TimeStampToken::parse(&read(&folder, "d-trust.tsr")).unwrap();
    let is_root = |der: &&Vec<u8>| {
        let name = Certificate::parse(der).unwrap().subject_common_name();
        name.as_deref() == Some("D-TRUST Root CA 1 2017")
    };
    let roots: Vec<Vec<u8>> = token
        .certificates()
        .iter()
        .filter(is_root)
        .cloned()
        .collect();
    let imprint = token.tst_info().message_imprint();
    let trust = TokenTrust::new(&roots, ChainTime::GenTime);
    let verified = verify_token(&token, imprint, &trust).unwrap();
    let profile = verified.profile(&[]);
    assert_eq!(profile.findings(), []);
    assert!(profile.conforms() && profile.claims_qualified());
    let outcome = |step| {
        let check = verified.checks().iter().find(|check| check.step == step);
        check.unwrap().outcome
    };
    assert_eq!(outcome(Step::AuthorityName), CheckOutcome::Held);
    ran(1);
}

#[test]
fn foreign_authorities_certificates_parse() {
    let Some(folder) = vectors("tsp/rfc3161ng") else {
        return;
    };
    let mut count = 0;
    for name in [
        "e_szigno_test_tsa2.crt",
        "freetsa.crt",
        "freetsa_cacert.pem",
    ] {
        let bytes = read(&folder, name);
        let all = match std::str::from_utf8(&bytes) {
            Ok(text) => certificates_from_pem(text).unwrap(),
            Err(_) => vec![bytes],
        };
        for der in all {
            Certificate::parse(&der).unwrap_or_else(|error| panic!("{name}: {error}"));
            count += 1;
        }
    }
    ran(count);
}

/// Weak imprints parse, and prove nothing.
fn check_legacy(folder: &Path, name: &str) -> &'static str {
    let bytes = read(folder, name);
    if name.ends_with(".tsq") {
        return match TimeStampReq::parse(&bytes) {
            Ok(request) => {
                assert_eq!(request.to_der(), bytes, "{name}");
                "parsed"
            }
            Err(error) => panic!("{name}: {error}"),
        };
    }
    let response = match TimeStampResp::parse(&bytes) {
        Ok(response) => response,
        Err(error) => {
            println!("{name}: {error}");
            return "unread";
        }
    };
    let Some(token) = response.token() else {
        return response
            .fail_info()
            .map_or("refused", |reason| reason.name());
    };
    let roots = [];
    let imprint = token.tst_info().message_imprint();
    verify_token(token, imprint, &TokenTrust::new(&roots, ChainTime::GenTime))
        .unwrap_err()
        .code()
}

#[test]
fn legacy_responses_parse_and_their_weak_imprints_prove_nothing() {
    let mut count = 0;
    if let Some(folder) = vectors("tsp/bc-tsp") {
        for (name, expected) in [
            ("sha1Request.tsq", "parsed"),
            ("sha1noNonse.tsq", "parsed"),
            ("md5Request.tsq", "parsed"),
            ("ripemd160Request.tsq", "parsed"),
            ("sha1Response.tsr", "tsp.weak_imprint"),
            ("sha1noNonseResponse.tsr", "tsp.weak_imprint"),
            ("md5Response.tsr", "tsp.weak_imprint"),
            ("unacceptablePolicy.tsr", "unacceptedPolicy"),
            ("generalizedTime.tsr", "tsp.weak_imprint"),
            // SHA-256 and ESSCertIDv2 already: all but the chain passes.
            ("v2SigningCertResponse.tsr", "tsp.no_chain"),
        ] {
            println!("{name} {}", check_legacy(&folder, name));
            assert_eq!(check_legacy(&folder, name), expected, "{name}");
            count += 1;
        }
        Certificate::parse(&read(&folder, "signingCert.cer")).unwrap();
    }
    if let Some(folder) = vectors("tsp/signserver") {
        for stem in ["sample", "sample-certreq"] {
            let request = TimeStampReq::parse(&read(&folder, &format!("{stem}.tsq"))).unwrap();
            let response = TimeStampResp::parse(&read(&folder, &format!("{stem}.tsr"))).unwrap();
            let info = response.token().unwrap().tst_info();
            assert_eq!(request.nonce(), info.nonce(), "{stem}");
            assert_eq!(
                check_legacy(&folder, &format!("{stem}.tsr")),
                "tsp.weak_imprint"
            );
            count += 2;
        }
    }
    ran(count);
}

#[test]
fn tokens_over_checkpoints_verify_and_do_not_for_another_checkpoint() {
    let Some(folder) = vectors("tlog/rfc3161") else {
        return;
    };
    let roots = pem(&folder, "ca.pem");
    let trust = TokenTrust::new(&roots, ChainTime::GenTime);
    for (size, other) in [("257", "300"), ("300", "257")] {
        let file =
            |size: &str, extension: &str| read(&folder, &format!("checkpoint-{size}.{extension}"));
        let request = TimeStampReq::parse(&file(size, "tsq")).unwrap();
        let hash = request.message_imprint().hash_algorithm().unwrap();
        let response = TimeStampResp::parse(&file(size, "tsr")).unwrap();
        verify_response(&response, &request, &trust).unwrap();
        let token = TimeStampToken::parse(&file(size, "tst")).unwrap();
        let imprint = MessageImprint::of(hash, &file(size, "txt"));
        verify_token(&token, &imprint, &trust).unwrap();
        let wrong = MessageImprint::of(hash, &file(other, "txt"));
        assert!(matches!(
            verify_token(&token, &wrong, &trust),
            Err(TspRejection::ImprintMismatch { stamped, given }) if stamped != given
        ));
    }
    ran(4);
}

/// What of `tsp-synthetic` OpenSSL judged otherwise than we do, and why; the same list may not hold what has ended.
const OPENSSL_DIFFERS: [(&str, &str); 6] = [
    (
        "ok_extra_unrelated_cert.tst",
        "genTime before the certificate",
    ),
    ("ok_good_v2.tsr", "genTime before the certificate"),
    ("ok_good_v2.tst", "genTime before the certificate"),
    (
        "status_granted_with_mods.tsr",
        "genTime before the certificate",
    ),
    ("no_certs.tst", "OpenSSL was given the certificate"),
    (
        "trailing_byte.tsr",
        "RFC 3161 3.2: one message, nothing after it",
    ),
];

#[test]
fn openssl_judged_the_synthetic_faults_as_we_do_but_for_those_listed() {
    let table = String::from_utf8(read(&synthetic(), "openssl_verdicts.txt")).unwrap();
    let mut judged = Vec::new();
    for line in table.lines() {
        let (name, verdict) = line.split_once(" openssl: Verification: ").unwrap();
        let ours = judge(&synthetic(), name, false, &[]).name() == "ok";
        let differs = OPENSSL_DIFFERS.iter().any(|(other, _)| *other == name);
        assert_eq!(
            ours == (verdict == "OK"),
            !differs,
            "{name}: OpenSSL: {verdict}"
        );
        judged.push(name.to_string());
    }
    judged.sort();
    let mut all = names(&synthetic(), ".tst");
    all.extend(names(&synthetic(), ".tsr"));
    all.sort();
    assert_eq!(judged, all);
}

/// The shared vectors that the tests above read, without those of which `fixtures/tsp-synthetic` is a copy.
const READ: [&str; 25] = [
    "bc-tsp/generalizedTime.tsr",
    "bc-tsp/md5Request.tsq",
    "bc-tsp/md5Response.tsr",
    "bc-tsp/ripemd160Request.tsq",
    "bc-tsp/sha1Request.tsq",
    "bc-tsp/sha1Response.tsr",
    "bc-tsp/sha1noNonse.tsq",
    "bc-tsp/sha1noNonseResponse.tsr",
    "bc-tsp/signingCert.cer",
    "bc-tsp/unacceptablePolicy.tsr",
    "bc-tsp/v2SigningCertResponse.tsr",
    "openssl/all-zero.tsq",
    "openssl/comodo-aaa.pem",
    "openssl/sectigo-all-zero.tsr",
    "openssl/sectigo-signer.pem",
    "openssl/sectigo-time-stamping-ca.pem",
    "openssl/user-trust-ca-aaa.pem",
    "openssl/user-trust-ca.pem",
    "rfc3161ng/e_szigno_test_tsa2.crt",
    "rfc3161ng/freetsa.crt",
    "rfc3161ng/freetsa_cacert.pem",
    "signserver/sample-certreq.tsq",
    "signserver/sample-certreq.tsr",
    "signserver/sample.tsq",
    "signserver/sample.tsr",
];

#[test]
fn no_vector_is_left_out_and_the_copies_are_what_they_copy() {
    let Some(folder) = vectors("tsp") else {
        return;
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let origin = entry.unwrap().file_name().into_string().unwrap();
        for name in names(&folder.join(&origin), "") {
            match origin.as_str() {
                "synthetic" => assert_eq!(
                    read(&folder.join(&origin), &name),
                    read(&synthetic(), &name),
                    "{name}"
                ),
                _ => found.push(format!("{origin}/{name}")),
            }
        }
    }
    found.sort();
    assert_eq!(found, READ);
}
