// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Tokens and certificates with one fault each, and requests with one fault each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod budgets;
mod certificates;
mod facts;
mod others;
mod planting;
mod remembering;
mod requests;
mod tokens;
mod verifying;

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::*;
use crate::clock::{ClockError, TestClock};
use crate::pki::{DevPki, PublicHalf};
use crate::tsp::der::{self, element};
use crate::tsp::oid::known;
use crate::tsp::token::{SignedDataParts, encode_signed_data};
use crate::tsp::{PkiStatus, TstInfo, signing_certificate_v2, verify_response};

fn time(text: &str) -> Time {
    Time::parse_rfc3339(text).unwrap()
}

fn now() -> Time {
    time("2026-11-24T18:30:00.123Z")
}

fn config(signer: TokenSigner, chain: Vec<Vec<u8>>) -> AuthorityConfig {
    AuthorityConfig::new(signer, chain, TsaPolicyId::evidence_policy())
}

fn authority() -> Authority {
    let pki = DevPki::generate(now(), false).unwrap();
    Authority::new(config(pki.evidence.signer, pki.evidence.chain), now()).unwrap()
}

/// A CA that issues whatever is asked.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
}

fn base_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "FR");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Test");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    params
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = base_params("CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            issuer: Issuer::new(params, key),
            der,
        }
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (TokenSigner, Vec<u8>) {
        let signer = TokenSigner::generate().unwrap();
        let mut params = base_params("TSU");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.custom_extensions = vec![usage(&[known::TIME_STAMPING], true)];
        change(&mut params);
        let half = PublicHalf::new(&signer);
        let der = params
            .signed_by(&half, &self.issuer)
            .unwrap()
            .der()
            .to_vec();
        (signer, der)
    }
}

fn usage(purposes: &[&[u8]], critical: bool) -> CustomExtension {
    let purposes: Vec<Vec<u8>> = purposes
        .iter()
        .map(|oid| element(der::OID, &[oid]))
        .collect();
    let mut extension = CustomExtension::from_oid_content(
        &[2, 5, 29, 37],
        element(der::SEQUENCE, &[&purposes.concat()]),
    );
    extension.set_criticality(critical);
    extension
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    element(
        der::SEQUENCE,
        &[&element(der::OID, &[kind]), &element(der::SET, &[value])],
    )
}

/// A token to be changed in one way, then signed.
struct Draft {
    info: TstInfo,
    certificate: Certificate,
    content_type: Option<Vec<u8>>,
    message_digest: Option<Vec<u8>>,
    ess: Option<Vec<u8>>,
    one_more: Option<Vec<u8>>,
    signature_algorithm: Vec<u8>,
    /// In place of the certificate's own name.
    sid: Option<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    spoil_signature: bool,
}

impl Draft {
    fn new(certificate: &[u8]) -> Self {
        let certificate = Certificate::parse(certificate).unwrap();
        Self {
            info: TstInfo {
                policy: TsaPolicyId::evidence_policy(),
                imprint: imprint(),
                serial: SerialNumber::from_epoch_and_counter(1, 1),
                gen_time: now(),
                accuracy: Some(Accuracy::from_duration(Duration::from_secs(1)).unwrap()),
                ordering: false,
                nonce: None,
                tsa: None,
                extensions: None,
            },
            content_type: Some(attribute(
                known::CONTENT_TYPE,
                &element(der::OID, &[known::TST_INFO]),
            )),
            message_digest: None,
            ess: Some(attribute(
                known::SIGNING_CERTIFICATE_V2,
                &signing_certificate_v2(&certificate),
            )),
            one_more: None,
            signature_algorithm: element(
                der::SEQUENCE,
                &[&element(der::OID, &[known::ECDSA_SHA256])],
            ),
            sid: None,
            certificates: vec![certificate.to_der().to_vec()],
            certificate,
            spoil_signature: false,
        }
    }

    fn sign(&self, signer: &TokenSigner) -> TimeStampToken {
        let tst_info = self.info.to_der();
        let digest = element(
            der::OCTET_STRING,
            &[&HashAlgorithm::Sha256.digest(&tst_info)],
        );
        let digest = self
            .message_digest
            .clone()
            .unwrap_or_else(|| attribute(known::MESSAGE_DIGEST, &digest));
        let mut attributes: Vec<Vec<u8>> = [
            self.content_type.clone(),
            Some(digest),
            self.ess.clone(),
            self.one_more.clone(),
        ]
        .into_iter()
        .flatten()
        .collect();
        attributes.sort();
        let attributes = attributes.concat();
        let mut signed = element(der::SET, &[&attributes]);
        if self.spoil_signature {
            signed.push(0);
        }
        let sha256 = element(der::SEQUENCE, &[&element(der::OID, &[known::SHA256])]);
        let certificates: Vec<&[u8]> = self.certificates.iter().map(Vec::as_slice).collect();
        let bytes = encode_signed_data(&SignedDataParts {
            version: &[der::INTEGER, 1, 3],
            digest_algorithms: &element(der::SET, &[&sha256]),
            tst_info: &tst_info,
            certificates: &element(0xa0, &certificates),
            crls: &[],
            signer_version: &[der::INTEGER, 1, 1],
            sid: self
                .sid
                .as_ref()
                .unwrap_or(&self.certificate.issuer_and_serial()),
            digest_algorithm: &sha256,
            signed_attrs: &attributes,
            signature_algorithm: &self.signature_algorithm,
            signature: &signer.sign(&signed).unwrap(),
            unsigned_attrs: &[],
        });
        TimeStampToken::parse(&bytes).unwrap()
    }
}

fn imprint() -> MessageImprint {
    MessageImprint::of(HashAlgorithm::Sha256, b"event")
}

fn verdict(token: &TimeStampToken, roots: &[Vec<u8>]) -> &'static str {
    let policies = [TsaPolicyId::evidence_policy()];
    let mut trust = TokenTrust::new(roots, ChainTime::At(now()));
    trust.policies = Some(&policies);
    trust.strict = true;
    match verify_token(
        token,
        token_imprint(token).as_ref().unwrap_or(&imprint()),
        &trust,
    ) {
        Ok(_) => "ok",
        Err(rejection) => {
            assert!(!alloc::format!("{rejection}").is_empty());
            rejection.code()
        }
    }
}

/// Tokens over weak or misshapen imprints are asked for just that imprint.
fn token_imprint(token: &TimeStampToken) -> Option<MessageImprint> {
    let found = token.tst_info().message_imprint();
    (found.hash_algorithm() != Some(HashAlgorithm::Sha256)).then(|| found.clone())
}

/// The code of a token changed by `change` after a certificate changed by `certificate`.
fn code(
    certificate: impl FnOnce(&mut CertificateParams),
    change: impl FnOnce(&mut Draft),
) -> &'static str {
    let ca = Ca::new();
    let (signer, der) = ca.issue(certificate);
    let mut draft = Draft::new(&der);
    change(&mut draft);
    verdict(&draft.sign(&signer), &[ca.der])
}

fn weak_imprint(algorithm: &[u8], length: usize) -> MessageImprint {
    let bytes = element(
        der::SEQUENCE,
        &[
            &element(der::SEQUENCE, &[&element(der::OID, &[algorithm])]),
            &element(der::OCTET_STRING, &[&vec![7; length]]),
        ],
    );
    MessageImprint::from_element(&der::single(&bytes, der::SEQUENCE).unwrap()).unwrap()
}

#[test]
fn every_rejection_code_has_a_token_that_earns_it() {
    let plain = |_: &mut CertificateParams| {};
    assert_eq!(code(plain, |_| {}), "ok");
    let extension = |oid: &[u64], critical: bool| {
        let mut extension = CustomExtension::from_oid_content(oid, vec![5, 0]);
        extension.set_criticality(critical);
        extension
    };
    let mut found = vec![
        (
            "tsp.imprint_mismatch",
            code(plain, |draft| {
                draft.info.imprint = MessageImprint::of(HashAlgorithm::Sha256, b"other");
            }),
        ),
        (
            "tsp.weak_imprint",
            code(plain, |draft| {
                draft.info.imprint = weak_imprint(&[0x2b, 14, 3, 2, 26], 20);
            }),
        ),
        (
            "tsp.imprint_length",
            code(plain, |draft| {
                draft.info.imprint = weak_imprint(known::SHA256, 31);
            }),
        ),
        (
            "tsp.policy_not_accepted",
            code(plain, |draft| {
                draft.info.policy = TsaPolicyId::public_policy();
            }),
        ),
        (
            "tsp.critical_extension",
            code(plain, |draft| {
                let critical = element(der::SEQUENCE, &[&[6, 1, 0x2a], &[1, 1, 0xff], &[4, 0]]);
                draft.info.extensions = Some(element(0xa1, &[&critical]));
            }),
        ),
        (
            "tsp.accuracy_missing",
            code(plain, |draft| draft.info.accuracy = None),
        ),
        (
            "tsp.content_type",
            code(plain, |draft| {
                draft.content_type = Some(attribute(known::CONTENT_TYPE, &[6, 1, 0x2a]));
            }),
        ),
        (
            "tsp.content_type",
            code(plain, |draft| draft.content_type = None),
        ),
        (
            "tsp.message_digest",
            code(plain, |draft| {
                draft.message_digest =
                    Some(attribute(known::MESSAGE_DIGEST, &element(4, &[&[0; 32]])));
            }),
        ),
        ("tsp.ess_missing", code(plain, |draft| draft.ess = None)),
        (
            "tsp.sid_mismatch",
            code(plain, |draft| {
                let number = element(der::INTEGER, &[&[0x77]]);
                let issuer = draft.certificate.issuer();
                draft.sid = Some(element(der::SEQUENCE, &[issuer, &number]));
            }),
        ),
        (
            "tsp.ess_malformed",
            code(plain, |draft| {
                draft.ess = Some(attribute(known::SIGNING_CERTIFICATE_V2, &[4, 0]));
            }),
        ),
        (
            "tsp.ess_sha1",
            code(plain, |draft| {
                let id = element(der::SEQUENCE, &[&element(4, &[&[0; 20]])]);
                let value = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&id])]);
                draft.ess = Some(attribute(known::SIGNING_CERTIFICATE, &value));
            }),
        ),
        (
            "tsp.ess_mismatch",
            code(plain, |draft| {
                let (_, other) = Ca::new().issue(|_| {});
                let other = Certificate::parse(&other).unwrap();
                draft.ess = Some(attribute(
                    known::SIGNING_CERTIFICATE_V2,
                    &signing_certificate_v2(&other),
                ));
                draft.certificates.push(other.to_der().to_vec());
            }),
        ),
        (
            "tsp.signer_certificate_missing",
            code(plain, |draft| draft.certificates.clear()),
        ),
        (
            "tsp.weak_signature",
            code(plain, |draft| {
                // ecdsa-with-SHA1
                let kind = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
                draft.signature_algorithm = element(der::SEQUENCE, &[&kind]);
            }),
        ),
        (
            "tsp.unsupported_algorithm",
            code(plain, |draft| {
                draft.signature_algorithm = element(der::SEQUENCE, &[&[6, 1, 0x2a]]);
            }),
        ),
        (
            "tsp.signature",
            code(plain, |draft| draft.spoil_signature = true),
        ),
        (
            "tsp.tsa_name",
            code(plain, |draft| {
                draft.info.tsa = Some(element(0xa4, &[&[der::SEQUENCE, 0]]));
            }),
        ),
        (
            "tsp.gen_time_outside_certificate",
            code(plain, |draft| {
                draft.info.gen_time = time("2030-01-02T00:00:00Z");
            }),
        ),
        (
            "tsp.gen_time_outside_certificate",
            code(plain, |draft| {
                draft.info.gen_time = time("2025-12-31T23:59:59.999Z");
            }),
        ),
        (
            "tsp.eku_absent",
            code(|params| params.custom_extensions.clear(), |_| {}),
        ),
        (
            "tsp.eku_not_critical",
            code(
                |params| params.custom_extensions = vec![usage(&[known::TIME_STAMPING], false)],
                |_| {},
            ),
        ),
        (
            "tsp.eku_wrong",
            code(
                |params| {
                    params.custom_extensions = vec![usage(&[known::ANY_EXTENDED_KEY_USAGE], true)]
                },
                |_| {},
            ),
        ),
        (
            "tsp.eku_not_alone",
            code(
                |params| {
                    params.custom_extensions = vec![usage(
                        &[known::TIME_STAMPING, known::ANY_EXTENDED_KEY_USAGE],
                        true,
                    )];
                },
                |_| {},
            ),
        ),
        (
            "tsp.signer_is_ca",
            code(
                |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
                |_| {},
            ),
        ),
        (
            "tsp.key_usage",
            code(
                |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
                |_| {},
            ),
        ),
        (
            "tsp.key_usage",
            code(
                |params| params.key_usages.push(KeyUsagePurpose::KeyEncipherment),
                |_| {},
            ),
        ),
        (
            "tsp.chain_unsupported",
            code(
                |params| {
                    params
                        .custom_extensions
                        .push(extension(&[2, 5, 29, 30], true))
                },
                |_| {},
            ),
        ),
        (
            "tsp.signer_certificate_malformed",
            code(
                |params| {
                    let mut broken = CustomExtension::from_oid_content(&[2, 5, 29, 37], vec![4, 0]);
                    broken.set_criticality(true);
                    params.custom_extensions = vec![broken];
                },
                |_| {},
            ),
        ),
    ];

    // What depends on whom one trusts.
    let ca = Ca::new();
    let (signer, der) = ca.issue(|_| {});
    let token = Draft::new(&der).sign(&signer);
    found.push(("tsp.no_chain", verdict(&token, &[])));
    // Another CA of the same name says nothing; the very key that the certificate names does.
    let others = verdict(&token, &[Ca::new().der]);
    found.push(("tsp.no_chain", others));
    let (forger, mut forged) =
        ca.issue(|params| params.use_authority_key_identifier_extension = true);
    *forged.last_mut().unwrap() ^= 1;
    let forged = Draft::new(&forged).sign(&forger);
    found.push((
        "tsp.chain_signature",
        verdict(&forged, core::slice::from_ref(&ca.der)),
    ));
    found.push(("tsp.trust_malformed", verdict(&token, &[vec![0]])));
    let roots = [ca.der];
    let late = TokenTrust::new(&roots, ChainTime::At(time("2031-01-01T00:00:00Z")));
    let expired = verify_token(&token, &imprint(), &late).unwrap_err();
    assert!(expired.is_undecided());
    found.push(("tsp.chain_expired", expired.code()));

    let mut early = TokenTrust::new(&roots, ChainTime::At(now()));
    let mut judge_now = |before: u64| {
        early.now = Some(now().saturating_sub(Duration::from_secs(before)));
        verify_token(&token, &imprint(), &early)
    };
    // The token's accuracy, and a little for the verifier's own clock.
    judge_now(5).unwrap();
    let future = judge_now(60).unwrap_err();
    assert!(future.is_undecided());
    found.push(("tsp.from_the_future", future.code()));

    // What depends on the request.
    let granted = TimeStampResp::parse(&crate::tsp::granted(token.to_der())).unwrap();
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let request = TimeStampReq::new(imprint());
    verify_response(&granted, &request, &trust).unwrap();
    let nonce = request.clone().with_nonce(Nonce::from_be_bytes(&[7]));
    found.push((
        "tsp.nonce_mismatch",
        verify_response(&granted, &nonce, &trust)
            .unwrap_err()
            .code(),
    ));
    let refused = TimeStampResp::rejection(PkiFailureInfo::BadAlg, "no");
    found.push((
        "tsp.status_not_granted",
        verify_response(&refused, &request, &trust)
            .unwrap_err()
            .code(),
    ));

    for (expected, code) in &found {
        assert_eq!(code, expected);
    }
    let mut earned: BTreeSet<&str> = found.iter().map(|(_, code)| *code).collect();
    // `facts` and `budgets` have the tokens that earn these.
    earned.extend([
        "tsp.algorithm_ended",
        "tsp.chain_constraint",
        "tsp.renewal_mismatch",
        "tsp.renewal_order",
        "tsp.budget_certificates",
        "tsp.budget_signatures",
        "tsp.budget_path_steps",
        "tsp.budget_chain_length",
    ]);
    assert_eq!(earned, TspRejection::CODES.iter().copied().collect());
}

#[test]
fn an_own_token_is_rejected_or_keeps_its_leaf_under_every_single_byte_change() {
    let authority = authority();
    let serial = SerialNumber::from_epoch_and_counter(9, 9);
    let der = authority
        .issue(&imprint(), now(), &serial, None, true)
        .unwrap();
    let roots = [authority.chain().last().unwrap().clone()];
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let leaf = TimeStampToken::parse(&der).unwrap().leaf_bytes().unwrap();
    let mut survivors = 0;
    for position in 0..der.len() {
        let mut bytes = der.clone();
        bytes[position] ^= 1 << (position % 8);
        let Ok(token) = TimeStampToken::parse(&bytes) else {
            continue;
        };
        if verify_token(&token, &imprint(), &trust).is_err() {
            continue;
        }
        let Ok(changed) = token.leaf_bytes() else {
            continue;
        };
        assert_eq!(changed, leaf, "byte {position}");
        survivors += 1;
    }
    // The root in the bag is not needed, so changes to it may pass.
    assert!(survivors < der.len() / 2, "{survivors}");
}

#[test]
fn a_leaf_and_the_chain_give_the_token_again_and_one_token_has_one_leaf() {
    let authority = authority();
    let serial = SerialNumber::from_epoch_and_counter(9, 9);
    let nonce = Nonce::from_be_bytes(&[0xff; 8]);
    let der = authority
        .issue(&imprint(), now(), &serial, Some(&nonce), true)
        .unwrap();
    let token = TimeStampToken::parse(&der).unwrap();
    let leaf = token.leaf_bytes().unwrap();
    let again = TimeStampToken::from_leaf_with_certificates(&leaf, authority.chain()).unwrap();
    let field = crate::tsp::token::certificates_field(authority.chain());
    let spliced = TimeStampToken::encode_leaf_with_certificates(&leaf, &field).unwrap();
    assert_eq!(spliced, again.to_der());
    assert_eq!(again, token);
    let bare = TimeStampToken::parse(&leaf).unwrap();
    assert_eq!(bare.leaf_bytes().unwrap(), leaf);
    assert!(TimeStampToken::from_leaf_with_certificates(&der, &[]).is_err());
}

#[test]
fn a_high_s_or_null_parameters_make_no_leaf() {
    let authority = authority();
    let serial = SerialNumber::from_epoch_and_counter(9, 9);
    let der = authority
        .issue(&imprint(), now(), &serial, None, true)
        .unwrap();
    let token = TimeStampToken::parse(&der).unwrap();
    let low = p256::ecdsa::Signature::from_der(&token.signature).unwrap();
    let (r, s) = low.split_scalars();
    let high = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
    let mut twin = token.clone();
    twin.signature = high.to_der().as_bytes().to_vec();
    assert!(matches!(twin.leaf_bytes(), Err(TspError::Leaf { .. })));
    let mut twin = token.clone();
    twin.digest_algorithm.parameters = Some(vec![der::NULL, 0]);
    assert!(matches!(twin.leaf_bytes(), Err(TspError::Leaf { .. })));
}

#[test]
fn two_signers_and_unknown_versions_do_not_parse() {
    let authority = authority();
    let serial = SerialNumber::from_epoch_and_counter(9, 9);
    let bytes = authority
        .issue(&imprint(), now(), &serial, None, false)
        .unwrap();
    let mut info = der::single(&bytes, der::SEQUENCE).unwrap().elements();
    let oid = info.any().unwrap().der;
    let mut data = info.any().unwrap().elements().any().unwrap().elements();
    let (version, algorithms, content) = (
        data.any().unwrap().der,
        data.any().unwrap().der,
        data.any().unwrap().der,
    );
    let signers = data.any().unwrap();
    let rebuilt = |version: &[u8], signers: &[&[u8]]| {
        let set = element(der::SET, signers);
        let data = element(der::SEQUENCE, &[version, algorithms, content, &set]);
        TimeStampToken::parse(&element(der::SEQUENCE, &[oid, &element(0xa0, &[&data])]))
    };
    assert!(rebuilt(version, &[signers.content]).is_ok());
    assert_eq!(
        rebuilt(version, &[signers.content, signers.content]),
        Err(TspError::SignerInfos { found: 2 })
    );
    assert_eq!(
        rebuilt(version, &[]),
        Err(TspError::SignerInfos { found: 0 })
    );
    assert!(matches!(
        rebuilt(&[2, 1, 1], &[signers.content]),
        Err(TspError::Version { .. })
    ));
}

fn answer(authority: &Authority, request: &[u8], clock: &TestClock) -> TimeStampResp {
    let serials = SerialSource::new().unwrap();
    TimeStampResp::parse(&authority.respond(request, clock, &serials)).unwrap()
}

#[test]
fn each_bad_request_gets_its_one_failure_and_no_token() {
    let authority = authority();
    let clock = TestClock::at(now());
    let good = TimeStampReq::new(imprint()).to_der();
    let raw = |parts: &[&[u8]]| element(der::SEQUENCE, parts);
    let version = [2, 1, 1];
    let sha256 = imprint().to_der();
    let sha1 = weak_imprint(&[0x2b, 14, 3, 2, 26], 20).to_der();
    let extension = element(der::SEQUENCE, &[&[6, 1, 0x2a], &[4, 0]]);
    let cases: Vec<(PkiFailureInfo, Vec<u8>)> = vec![
        (PkiFailureInfo::BadRequest, raw(&[&[2, 1, 2], &sha256])),
        (PkiFailureInfo::BadDataFormat, vec![]),
        (
            PkiFailureInfo::BadDataFormat,
            good[..good.len() - 1].to_vec(),
        ),
        (
            PkiFailureInfo::BadDataFormat,
            [good.as_slice(), &[0]].concat(),
        ),
        (PkiFailureInfo::BadDataFormat, vec![0x30; 20_000]),
        (
            PkiFailureInfo::BadDataFormat,
            raw(&[&version, &sha256, &[1, 1, 0]]),
        ),
        (
            PkiFailureInfo::BadDataFormat,
            raw(&[&version, &sha256, &[2, 2, 0, 1]]),
        ),
        (
            PkiFailureInfo::BadDataFormat,
            raw(&[&version, &weak_imprint(known::SHA256, 31).to_der()]),
        ),
        (PkiFailureInfo::BadAlg, raw(&[&version, &sha1])),
        (
            PkiFailureInfo::BadAlg,
            raw(&[&version, &weak_imprint(&[0x2a], 32).to_der()]),
        ),
        (
            PkiFailureInfo::UnacceptedPolicy,
            TimeStampReq::new(imprint())
                .with_policy("1.2.3".parse().unwrap())
                .to_der(),
        ),
        (
            PkiFailureInfo::UnacceptedExtension,
            raw(&[&version, &sha256, &element(0xa0, &[&extension])]),
        ),
    ];
    for (reason, request) in cases {
        let response = answer(&authority, &request, &clock);
        assert_eq!(response.status(), PkiStatus::Rejection);
        assert_eq!(response.fail_info(), Some(reason), "{request:02x?}");
        assert_eq!(response.token(), None);
    }
    assert!(answer(&authority, &good, &clock).token().is_some());
}

#[test]
fn without_trusted_time_there_is_no_token() {
    let authority = authority();
    let clock = TestClock::at(now());
    let request = TimeStampReq::new(imprint()).to_der();
    for reading in [
        Err(ClockError::Stepped {
            by: Duration::from_secs(2),
        }),
        Ok(ClockReading {
            time: now(),
            accuracy: Duration::from_secs(1),
        }),
    ] {
        clock.set(reading);
        let response = answer(&authority, &request, &clock);
        assert_eq!(response.fail_info(), Some(PkiFailureInfo::TimeNotAvailable));
    }
}

#[test]
fn outside_its_certificates_validity_an_authority_signs_nothing() {
    let authority = authority();
    let clock = TestClock::at(time("2040-01-01T00:00:00Z"));
    let response = answer(&authority, &TimeStampReq::new(imprint()).to_der(), &clock);
    assert_eq!(response.fail_info(), Some(PkiFailureInfo::SystemFailure));
}

#[test]
fn after_the_end_of_an_issuer_in_its_chain_or_before_its_start_an_authority_signs_nothing() {
    // The issuer's certificate is valid from 2026-01-01 until 2030-01-01, the signer's from 2025 until 2035.
    let ca = Ca::new();
    let (signer, der) = ca.issue(|params| {
        params.not_before = rcgen::date_time_ymd(2025, 1, 1);
        params.not_after = rcgen::date_time_ymd(2035, 1, 1);
    });
    let authority = Authority::new(config(signer, vec![der, ca.der]), now()).unwrap();
    let start = time("2026-01-01T00:00:00Z");
    let end = time("2030-01-01T00:00:00Z");
    assert_eq!(authority.validity(), (start, end));
    let request = TimeStampReq::new(imprint()).to_der();
    for (at, failure) in [
        ("2025-12-31T23:59:59.999Z", true),
        ("2026-01-01T00:00:00Z", false),
        ("2030-01-01T00:00:00.999Z", false),
        ("2030-01-01T00:00:01Z", true),
    ] {
        let response = answer(&authority, &request, &TestClock::at(time(at)));
        let expected = failure.then_some(PkiFailureInfo::SystemFailure);
        assert_eq!(response.fail_info(), expected, "{at}");
        let serial = SerialNumber::from_epoch_and_counter(1, 1);
        let issued = authority.issue(&imprint(), time(at), &serial, None, false);
        let refused =
            matches!(issued, Err(TsaError::NotValid { not_after, .. }) if not_after == end);
        assert_eq!(refused, failure, "{at}");
    }
}

#[test]
fn nonces_of_any_size_and_sign_imprints_and_parameters_are_echoed() {
    let authority = authority();
    let clock = TestClock::at(now());
    let roots = [authority.chain().last().unwrap().clone()];
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    let long = [&[2, 20], [0x55; 20].as_slice()].concat();
    for nonce in [
        &[][..],
        &[2, 1, 0],
        &[2, 2, 0, 0x80],
        &[2, 1, 0x80],
        &[2, 8, 0xff, 0, 1, 2, 3, 4, 5, 6],
        &long,
    ] {
        for parameters in [&[][..], &[5, 0]] {
            let algorithm = element(
                der::SEQUENCE,
                &[&element(der::OID, &[known::SHA256]), parameters],
            );
            let zeros = element(der::OCTET_STRING, &[&[0; 32]]);
            let imprint = element(der::SEQUENCE, &[&algorithm, &zeros]);
            let bytes = element(der::SEQUENCE, &[&[2, 1, 1], &imprint, nonce, &[1, 1, 0xff]]);
            let request = TimeStampReq::parse(&bytes).unwrap();
            let response = answer(&authority, &bytes, &clock);
            let verified = verify_response(&response, &request, &trust).unwrap();
            assert_eq!(
                verified.tst_info().message_imprint(),
                request.message_imprint()
            );
            assert_eq!(verified.tst_info().nonce(), request.nonce());
            assert_eq!(verified.gen_time(), now());
            assert!(!verified.tst_info().ordering());
            let second = Duration::from_secs(1);
            assert_eq!(
                verified.interval(),
                (now().saturating_sub(second), now().saturating_add(second))
            );
        }
    }
}

#[test]
fn serials_of_one_run_differ() {
    let serials = SerialSource::new().unwrap();
    let drawn: BTreeSet<SerialNumber> = (0..1000).map(|_| serials.draw()).collect();
    assert_eq!(drawn.len(), 1000);
    assert!(drawn.iter().all(|serial| serial.as_content().len() == 16));
}

#[test]
fn an_authority_does_not_start_on_an_unfit_certificate() {
    let ca = Ca::new();
    let refused = |signer: TokenSigner, chain: Vec<Vec<u8>>, at: Time| {
        Authority::new(config(signer, chain), at).unwrap_err()
    };
    let (signer, der) = ca.issue(|params| params.custom_extensions.clear());
    assert_eq!(
        refused(signer, vec![der, ca.der.clone()], now()),
        TsaError::Unfit(TspRejection::EkuAbsent)
    );
    let (signer, der) = ca.issue(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(
        refused(signer, vec![der, ca.der.clone()], now()),
        TsaError::Unfit(TspRejection::SignerIsCa)
    );
    let (_, der) = ca.issue(|_| {});
    let (other, _) = ca.issue(|_| {});
    assert_eq!(
        refused(other, vec![der, ca.der.clone()], now()),
        TsaError::KeyMismatch
    );
    let (signer, der) = ca.issue(|_| {});
    assert!(matches!(
        refused(signer, vec![der, Ca::new().der], now()),
        TsaError::Unfit(TspRejection::NoChain { .. })
    ));
    let (signer, der) = ca.issue(|_| {});
    assert!(matches!(
        refused(
            signer,
            vec![der, ca.der.clone()],
            time("2031-01-01T00:00:00Z")
        ),
        TsaError::NotValid { .. }
    ));
    let (signer, der) = ca.issue(|params| {
        let until = element(0x81, &[b"20260601000000Z"]);
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(
                &[2, 5, 29, 16],
                element(der::SEQUENCE, &[&until]),
            ));
    });
    assert!(matches!(
        refused(signer, vec![der, ca.der.clone()], now()),
        TsaError::NotValid { .. }
    ));
    let (signer, _) = ca.issue(|_| {});
    assert_eq!(refused(signer, vec![], now()), TsaError::NoCertificate);
}
