// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Responses with exactly one fault each (`fixtures/tsp-faults`), and the code that each earns.
//!
//! That OpenSSL and Bouncy Castle still say of them what the same table has is held by the end-to-end tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kbox_proof::time::Time;
use kbox_proof::tsp::{
    Budget, ChainTime, StoredToken, TimeStampReq, TimeStampResp, TimeStampToken, TokenFlag,
    TokenTrust, TspError, TspRejection, VerifiedTimeStamp, certificates_from_pem,
    verify_renewed_token, verify_response,
};

fn folder() -> PathBuf {
    support::repository().join("fixtures/tsp-faults")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Response and expected outcome: `ok`, a code, or `unread` with the name of a [`TspError`]; where a strict reader says
/// otherwise, `, strict` and its code.
fn verdicts() -> BTreeMap<String, String> {
    let table = String::from_utf8(read("verdicts.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let mut fields = row.split('\t').map(str::to_string);
        (fields.next().unwrap(), fields.next().unwrap())
    })
    .collect()
}

enum Outcome {
    Accepted(Box<VerifiedTimeStamp>),
    Unread(TspError),
    Rejected(TspRejection),
}

impl Outcome {
    fn name(&self) -> String {
        match self {
            Self::Accepted(_) => "ok".to_string(),
            Self::Rejected(rejection) => rejection.code().to_string(),
            Self::Unread(error) => {
                let shape = format!("{error:?}");
                let variant = shape.split([' ', '{', '(']).next().unwrap_or_default();
                format!("unread {variant}")
            }
        }
    }
}

/// The response as an answer to the one query, under a root of its own where there is one, on 1 September 2026.
fn judge(name: &str, strict: bool) -> Outcome {
    let own_root = format!("{name}.pem");
    let root = match folder().join(&own_root).exists() {
        true => own_root.as_str(),
        false => "root.pem",
    };
    let roots = certificates_from_pem(&String::from_utf8(read(root)).unwrap()).unwrap();
    let at = Time::parse_rfc3339("2026-09-01T00:00:00Z").unwrap();
    let mut trust = TokenTrust::new(&roots, ChainTime::At(at));
    trust.strict = strict;
    let request = TimeStampReq::parse(&read("query.tsq")).unwrap();
    match TimeStampResp::parse(&read(&format!("{name}.tsr"))) {
        Err(error) => Outcome::Unread(error),
        Ok(response) => match verify_response(&response, &request, &trust) {
            Ok(verified) => Outcome::Accepted(Box::new(verified)),
            Err(rejection) => Outcome::Rejected(rejection),
        },
    }
}

#[test]
fn each_fault_is_refused_for_its_own_reason_and_what_has_none_is_accepted() {
    let verdicts = verdicts();
    let mut wrong = Vec::new();
    for (name, expected) in &verdicts {
        let (plain, strict) = expected
            .split_once(", strict ")
            .unwrap_or((expected, expected));
        for (strict, expected) in [(false, plain), (true, strict)] {
            let found = judge(name, strict).name();
            if found != expected {
                wrong.push(format!(
                    "{name}: {found}, expected {expected} (strict: {strict})"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn response(name: &str) -> TimeStampResp {
    TimeStampResp::parse(&read(&format!("{name}.tsr"))).unwrap()
}

/// Judged as [`judge`] does, but for what the caller changes.
fn judge_with(name: &str, change: impl Fn(&mut TokenTrust<'_>)) -> &'static str {
    let roots = certificates_from_pem(&String::from_utf8(read("root.pem")).unwrap()).unwrap();
    let at = Time::parse_rfc3339("2026-09-01T00:00:00Z").unwrap();
    let mut trust = TokenTrust::new(&roots, ChainTime::At(at));
    change(&mut trust);
    let request = TimeStampReq::parse(&read("query.tsq")).unwrap();
    match verify_response(&response(name), &request, &trust) {
        Ok(_) => "ok",
        Err(rejection) => rejection.code(),
    }
}

/// The codes of responses that are right by themselves: a budget is too small, the day is too late, a later token is over something
/// else or is not later.
fn codes_by_what_the_caller_gives() -> Vec<&'static str> {
    let budget = |change: fn(&mut Budget)| judge_with("ok", |trust| change(&mut trust.budget));
    let renewed = |name: &str, by: &str| {
        let (oldest, later) = (response(name), response(by));
        let [oldest, later] = [&oldest, &later].map(|one| one.token().unwrap());
        let stored = |token| StoredToken {
            token,
            bytes: token.to_der(),
        };
        let roots = certificates_from_pem(&String::from_utf8(read("root.pem")).unwrap()).unwrap();
        let at = Time::parse_rfc3339("2026-09-01T00:00:00Z").unwrap();
        let trust = TokenTrust::new(&roots, ChainTime::At(at));
        let imprint = oldest.tst_info().message_imprint();
        match verify_renewed_token(stored(oldest), &[stored(later)], imprint, &trust) {
            Ok(verified) => {
                assert_eq!(verified.len(), 2);
                "ok"
            }
            Err(refused) => refused.rejection.code(),
        }
    };
    assert_eq!(renewed("ok", "renewal"), "ok");
    assert_eq!(judge_with("ok-rsa-2048", |_| {}), "ok");
    vec![
        budget(|budget| budget.certificates = 2),
        budget(|budget| budget.chain_length = 2),
        budget(|budget| budget.path_steps = 1),
        budget(|budget| budget.signatures = 1),
        judge_with("ok-rsa-2048", |trust| {
            trust.chain_time = ChainTime::At(Time::parse_rfc3339("2031-01-01T00:00:00Z").unwrap());
        }),
        judge_with("ok", |trust| {
            trust.now = Some(Time::parse_rfc3339("2000-01-01T00:00:00Z").unwrap());
        }),
        by_an_unknown_algorithm("ok"),
        renewed("ok-tsa-name", "renewal"),
        renewed("ok", "renewal-earlier"),
    ]
}

/// The code where the token says ecdsa-with-SHA224 instead of its algorithm, which nobody here knows.
fn by_an_unknown_algorithm(name: &str) -> &'static str {
    let [sha224, sha256] = [1, 2].map(|last| [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last]);
    let mut bytes = read(&format!("{name}.tsr"));
    let place = bytes.windows(8).rposition(|part| part == sha256).unwrap();
    bytes[place..place + 8].copy_from_slice(&sha224);
    let response = TimeStampResp::parse(&bytes).unwrap();
    let roots = certificates_from_pem(&String::from_utf8(read("root.pem")).unwrap()).unwrap();
    let at = Time::parse_rfc3339("2026-09-01T00:00:00Z").unwrap();
    let trust = TokenTrust::new(&roots, ChainTime::At(at));
    let request = TimeStampReq::parse(&read("query.tsq")).unwrap();
    let refused = verify_response(&response, &request, &trust).unwrap_err();
    assert!(refused.is_undecided() && refused.to_string().contains("1.2.840.10045.4.3.1"));
    refused.code()
}

#[test]
fn every_rejection_code_has_a_fixture_and_every_fixture_its_line() {
    let verdicts = verdicts();
    let earned: BTreeSet<&str> = verdicts
        .values()
        .flat_map(|outcome| outcome.split(", strict "))
        .filter(|outcome| outcome.starts_with("tsp."))
        .chain(codes_by_what_the_caller_gives())
        .collect();
    let known: BTreeSet<&str> = TspRejection::CODES.iter().copied().collect();
    assert_eq!(earned, known);
    let files: BTreeSet<String> = support::files(&folder())
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "tsr"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_string())
        .collect();
    assert_eq!(files, verdicts.into_keys().collect());
}

#[test]
fn what_is_odd_but_right_is_accepted_and_said() {
    let flags = |name: &str| match judge(name, false) {
        Outcome::Accepted(verified) => verified.flags().to_vec(),
        other => panic!("{name}: {}", other.name()),
    };
    assert_eq!(flags("ok"), []);
    assert_eq!(flags("ok-granted-with-mods"), [TokenFlag::GrantedWithMods]);
    assert_eq!(
        flags("ok-certificates-unsorted"),
        [TokenFlag::UnsortedCertificates]
    );
    assert_eq!(flags("accuracy-missing"), [TokenFlag::NoAccuracy]);
}

#[test]
fn a_certificate_that_the_token_lacks_may_be_given() {
    let roots = certificates_from_pem(&String::from_utf8(read("root.pem")).unwrap()).unwrap();
    let request = TimeStampReq::parse(&read("query.tsq")).unwrap();
    let response = TimeStampResp::parse(&read("signer-certificate-missing.tsr")).unwrap();
    let complete = TimeStampResp::parse(&read("ok.tsr")).unwrap();
    let mut trust = TokenTrust::new(&roots, ChainTime::GenTime);
    let missing = verify_response(&response, &request, &trust).unwrap_err();
    assert!(missing.is_undecided());
    trust.extra_certificates = complete.token().unwrap().certificates();
    verify_response(&response, &request, &trust).unwrap();
}

#[test]
fn a_message_beyond_the_bound_is_not_read() {
    let ok = TimeStampResp::parse(&read("ok.tsr")).unwrap();
    let mut long = ok.token().unwrap().to_der().to_vec();
    long.resize(kbox_proof::tsp::MAX_TOKEN_BYTES + 1, 0);
    assert!(matches!(
        TimeStampToken::parse(&long),
        Err(TspError::TooLarge { .. })
    ));
    assert!(matches!(
        TimeStampResp::parse(&long),
        Err(TspError::TooLarge { .. })
    ));
}
