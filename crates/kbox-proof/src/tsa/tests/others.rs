// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Certificates beside those of the chain, by people who want another verdict: in the bag, which nobody signs, and among the ids
//! under the signature.

use super::*;
use crate::tsp::{Budget, RevocationEvidence};

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = base_params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn root(params: CertificateParams) -> Ca {
    let key = key();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Ca {
        issuer: Issuer::new(params, key),
        der,
    }
}

fn below(above: &Ca, params: CertificateParams) -> Ca {
    let key = key();
    let der = params.signed_by(&key, &above.issuer).unwrap();
    let der = der.der().to_vec();
    Ca {
        issuer: Issuer::new(params, key),
        der,
    }
}

/// Root, intermediate, and a signer below it.
struct World {
    root: Ca,
    intermediate: Ca,
    signer: TokenSigner,
    leaf: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let root = root(ca_params("Root"));
        let intermediate = below(&root, ca_params("Intermediate"));
        let (signer, leaf) = intermediate.issue(|params| {
            params.use_authority_key_identifier_extension = true;
        });
        Self {
            root,
            intermediate,
            signer,
            leaf,
        }
    }

    fn judge_draft(
        &self,
        change: impl FnOnce(&mut Draft),
        bag: &[&[u8]],
        roots: &[Vec<u8>],
    ) -> Result<(), TspRejection> {
        let mut draft = Draft::new(&self.leaf);
        change(&mut draft);
        draft.certificates = bag.iter().map(|one| one.to_vec()).collect();
        let trust = TokenTrust::new(roots, ChainTime::At(now()));
        verify_token(&draft.sign(&self.signer), &imprint(), &trust).map(|_| ())
    }

    fn judge(&self, bag: &[&[u8]], roots: &[Vec<u8>]) -> Result<(), TspRejection> {
        self.judge_draft(|_| {}, bag, roots)
    }
}

fn assert_undecided(found: Result<(), TspRejection>) {
    let refused = found.unwrap_err();
    assert!(refused.is_undecided(), "{}: {refused}", refused.code());
}

/// A list of `by` of 23 October, good to 23 December, on which the certificate of this number was revoked on 1 March.
fn revoking(
    serial: u8,
    reason: impl Into<Option<rcgen::RevocationReason>>,
    by: &Ca,
) -> RevocationEvidence {
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 10, 23),
        next_update: rcgen::date_time_ymd(2026, 12, 23),
        crl_number: rcgen::SerialNumber::from(vec![1]),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(vec![serial]),
            revocation_time: rcgen::date_time_ymd(2026, 3, 1),
            reason_code: reason.into(),
            invalidity_date: None,
        }],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&by.issuer).unwrap();
    let mut evidence = RevocationEvidence::default();
    evidence.add_crl(list.der()).unwrap();
    evidence
}

fn ess_of(certificates: &[&[u8]]) -> Vec<u8> {
    let ids: Vec<Vec<u8>> = certificates
        .iter()
        .map(|der| {
            let digest = HashAlgorithm::Sha256.digest(der);
            element(der::SEQUENCE, &[&element(der::OCTET_STRING, &[&digest])])
        })
        .collect();
    let value = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&ids.concat()])]);
    attribute(known::SIGNING_CERTIFICATE_V2, &value)
}

/// Anybody's own TLS certificate under a trusted root, and its key: no CA. It certifies the token's issuer by name and by key
/// (public, no possession needed); the issuer's right certificate is stripped from the bag, or its root is not trusted.
#[test]
fn a_twin_of_the_issuer_with_its_key_by_one_who_is_no_ca_disproves_nothing() {
    let world = World::new();
    let stranger = root(ca_params("Stranger"));
    let mut params = base_params("attacker.example");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mallory = below(&stranger, params);
    let twin = ca_params("Intermediate")
        .signed_by(world.intermediate.issuer.key(), &mallory.issuer)
        .unwrap()
        .der()
        .to_vec();
    let trusted = [stranger.der.clone()];
    assert_undecided(world.judge(&[&world.leaf, &world.intermediate.der], &trusted));
    assert_undecided(world.judge(
        &[&world.leaf, &world.intermediate.der, &twin, &mallory.der],
        &trusted,
    ));
}

/// As above, with another key but the issuer's key identifier, which anybody can copy.
#[test]
fn a_twin_of_the_issuer_with_its_key_identifier_by_one_who_is_no_ca_disproves_nothing() {
    let world = World::new();
    let stranger = root(ca_params("Stranger"));
    let mut params = base_params("attacker.example");
    params.is_ca = IsCa::ExplicitNoCa;
    let mallory = below(&stranger, params);
    let own = Certificate::parse(&world.intermediate.der).unwrap();
    let mut params = ca_params("Intermediate");
    params.key_identifier_method =
        rcgen::KeyIdMethod::PreSpecified(own.subject_key_identifier().unwrap().to_vec());
    let twin = params.signed_by(&key(), &mallory.issuer).unwrap();
    let trusted = [stranger.der.clone()];
    assert_undecided(world.judge(
        &[
            &world.leaf,
            &world.intermediate.der,
            twin.der(),
            &mallory.der,
        ],
        &trusted,
    ));
}

/// Public certificates only, nobody's key: the intermediate has another certificate (renewed, or a cross-certificate), and the
/// token names the first under its signature.
#[test]
fn the_intermediates_other_certificate_in_place_of_the_named_one_disproves_nothing() {
    let world = World::new();
    let renewed = ca_params("Intermediate")
        .signed_by(world.intermediate.issuer.key(), &world.root.issuer)
        .unwrap()
        .der()
        .to_vec();
    assert_ne!(renewed, world.intermediate.der);
    let trusted = [world.root.der.clone()];
    let name_both = |draft: &mut Draft| {
        draft.ess = Some(ess_of(&[&world.leaf, &world.intermediate.der]));
    };
    let good: [&[u8]; 2] = [&world.leaf, &world.intermediate.der];
    assert_eq!(world.judge_draft(name_both, &good, &trusted), Ok(()));
    assert_undecided(world.judge_draft(name_both, &[&world.leaf], &trusted));
    assert_undecided(world.judge_draft(name_both, &[&world.leaf, &renewed], &trusted));
}

/// Public certificates only: the intermediate's cross-certificate is for another use.
#[test]
fn the_intermediates_other_certificate_for_another_use_disproves_nothing() {
    let world = World::new();
    let mut params = ca_params("Intermediate");
    params.custom_extensions = vec![usage(&[&[0x2b, 6, 1, 5, 5, 7, 3, 1]], false)];
    let cross = params
        .signed_by(world.intermediate.issuer.key(), &world.root.issuer)
        .unwrap()
        .der()
        .to_vec();
    let trusted = [world.root.der.clone()];
    assert_undecided(world.judge(&[&world.leaf, &cross], &trusted));
}

/// Public certificates only: the intermediate's other certificate was revoked, and is in the bag before the good one.
#[test]
fn a_revoked_other_certificate_of_the_intermediate_in_the_bag_disproves_nothing() {
    let world = World::new();
    let mut params = ca_params("Intermediate");
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x55]));
    let old = params
        .signed_by(world.intermediate.issuer.key(), &world.root.issuer)
        .unwrap()
        .der()
        .to_vec();
    let evidence = revoking(0x55, rcgen::RevocationReason::Superseded, &world.root);
    let trusted = [world.root.der.clone()];
    let judge = |bag: &[&[u8]]| {
        let mut draft = Draft::new(&world.leaf);
        draft.certificates = bag.iter().map(|one| one.to_vec()).collect();
        let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
        trust.revocation = Some(&evidence);
        verify_token(&draft.sign(&world.signer), &imprint(), &trust).map(|_| ())
    };
    assert_eq!(judge(&[&world.leaf, &world.intermediate.der]), Ok(()));
    let last = judge(&[&world.leaf, &world.intermediate.der, &old]);
    assert_eq!(last, Ok(()));
    assert_eq!(judge(&[&world.leaf, &old, &world.intermediate.der]), Ok(()));
}

/// Public certificates only: the intermediate's other certificates of the same key were revoked, and stand in the bag in place of
/// the good one, or beside it in any order. What is said of the key itself counts wherever it is at hand, and still disproves nothing.
#[test]
fn revoked_certificates_of_the_intermediates_key_in_place_of_the_good_one_disprove_nothing() {
    use rcgen::RevocationReason as Reason;
    let world = World::new();
    let by_key_of_the_good_one = |number: u8| {
        let mut params = ca_params("Intermediate");
        params.serial_number = Some(rcgen::SerialNumber::from(vec![number]));
        let made = params.signed_by(world.intermediate.issuer.key(), &world.root.issuer);
        made.unwrap().der().to_vec()
    };
    let (old, further) = (by_key_of_the_good_one(0x55), by_key_of_the_good_one(0x56));
    let good = &world.intermediate.der;
    let trusted = [world.root.der.clone()];
    for (reason, names_the_key) in [
        (None, false),
        (Some(Reason::Unspecified), false),
        (Some(Reason::AffiliationChanged), false),
        (Some(Reason::Superseded), false),
        (Some(Reason::CessationOfOperation), false),
        (Some(Reason::CertificateHold), false),
        (Some(Reason::PrivilegeWithdrawn), false),
        (Some(Reason::KeyCompromise), true),
        (Some(Reason::CaCompromise), true),
        (Some(Reason::AaCompromise), true),
    ] {
        let evidence = revoking(0x55, reason, &world.root);
        let mut cache = crate::tsp::ChainCache::new();
        let mut judge = |bag: &[&[u8]]| {
            let mut draft = Draft::new(&world.leaf);
            draft.certificates = bag.iter().map(|one| one.to_vec()).collect();
            let token = draft.sign(&world.signer);
            let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
            // Remembered, without a list.
            assert!(cache.verify_token(&token, &imprint(), &trust).is_ok());
            trust.revocation = Some(&evidence);
            let found = verify_token(&token, &imprint(), &trust).map(|_| ());
            let remembered = cache.verify_token(&token, &imprint(), &trust);
            assert_eq!(remembered.map(|_| ()), found);
            found
        };
        assert_eq!(judge(&[&world.leaf, good]), Ok(()), "{reason:?}");
        let mut beside = vec![judge(&[&world.leaf, &old])];
        for bag in [
            [&old, good, &further],
            [good, &old, &further],
            [&further, &old, good],
        ] {
            let found = judge(&[&world.leaf, bag[0], bag[1], bag[2]]);
            match names_the_key {
                true => beside.push(found),
                false => assert_eq!(found, Ok(()), "{reason:?}"),
            }
        }
        for found in beside {
            assert_eq!(found.clone().unwrap_err().code(), "tsp.issuer_revoked");
            assert_undecided(found);
        }
    }
}

/// A stolen key of an intermediate, whose certificate by one trusted root was revoked for that. The thief gives its cross-certificate by
/// another trusted root, on which no list says anything.
#[test]
fn a_cross_certificate_by_another_root_does_not_hide_that_the_key_below_it_is_stolen() {
    let world = World::new();
    let mut params = ca_params("Intermediate");
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x55]));
    let key = world.intermediate.issuer.key();
    let revoked = params.signed_by(key, &world.root.issuer).unwrap();
    let other_root = root(ca_params("Other Root"));
    let cross = ca_params("Intermediate").signed_by(key, &other_root.issuer);
    let cross = cross.unwrap();
    let stolen = rcgen::RevocationReason::KeyCompromise;
    let evidence = revoking(0x55, stolen, &world.root);
    let mut draft = Draft::new(&world.leaf);
    draft.certificates = vec![world.leaf.clone(), cross.der().to_vec()];
    let token = draft.sign(&world.signer);
    let mut trusted = [other_root.der, world.root.der.clone()];
    for _ in 0..2 {
        trusted.reverse();
        let judge = |extra: &[Vec<u8>]| {
            let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
            trust.extra_certificates = extra;
            trust.revocation = Some(&evidence);
            let found = verify_token(&token, &imprint(), &trust);
            found.map(|_| ()).map_err(|refused| refused.code())
        };
        // Where the revoked one is not at hand, nothing ties the list's number to this key.
        assert_eq!(judge(&[]), Ok(()));
        assert_eq!(judge(&[revoked.der().to_vec()]), Err("tsp.issuer_revoked"));
    }
}

/// However many of them are passed over, and all searches together at the cost of one: leaf and root sign for six certificates, each of six
/// chains has two issuers to try, and the list is one.
#[test]
fn several_revoked_certificates_of_the_intermediates_key_before_the_good_one_take_nothing_away_and_share_one_budget()
 {
    let world = World::new();
    let mut revoked_certs = Vec::new();
    let mut bag = vec![world.leaf.clone()];
    for number in 0x50..0x55 {
        let mut params = ca_params("Intermediate");
        params.serial_number = Some(rcgen::SerialNumber::from(vec![number]));
        let made = params.signed_by(world.intermediate.issuer.key(), &world.root.issuer);
        bag.push(made.unwrap().der().to_vec());
        revoked_certs.push(rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(vec![number]),
            revocation_time: rcgen::date_time_ymd(2026, 3, 1),
            reason_code: Some(rcgen::RevocationReason::Superseded),
            invalidity_date: None,
        });
    }
    bag.push(world.intermediate.der.clone());
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 10, 23),
        next_update: rcgen::date_time_ymd(2026, 12, 23),
        crl_number: rcgen::SerialNumber::from(vec![1]),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&world.root.issuer).unwrap();
    let mut evidence = RevocationEvidence::default();
    evidence.add_crl(list.der()).unwrap();
    let mut draft = Draft::new(&world.leaf);
    draft.certificates = bag;
    let trusted = [world.root.der.clone()];
    let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    let token = draft.sign(&world.signer);
    let mut judge = |change: fn(&mut Budget)| {
        let mut cache = crate::tsp::ChainCache::new();
        trust.budget = Budget::DEFAULT;
        change(&mut trust.budget);
        trust.revocation = None;
        let remembered = cache.verify_token(&token, &imprint(), &trust);
        trust.revocation = Some(&evidence);
        let found = verify_token(&token, &imprint(), &trust).map(|_| ());
        if remembered.is_ok() {
            let remembered = cache.verify_token(&token, &imprint(), &trust);
            assert_eq!(remembered.map(|_| ()), found);
        }
        found.map_err(|refused| refused.code())
    };
    assert_eq!(judge(|_| {}), Ok(()));
    let exact = |budget: &mut Budget| {
        *budget = Budget {
            path_steps: 12,
            signatures: 12,
            revocation_signatures: 1,
            ..*budget
        };
    };
    assert_eq!(judge(exact), Ok(()));
    // As if the good one were not there.
    let refused = Err("tsp.issuer_revoked");
    assert_eq!(judge(|budget| budget.path_steps = 11), refused);
    assert_eq!(judge(|budget| budget.path_steps = 2), refused);
    let none = Err("tsp.budget_revocation_signatures");
    assert_eq!(judge(|budget| budget.revocation_signatures = 0), none);
}

/// A stolen signer's key, revoked for that. The list names the issuer's key by the identifier in its own certificate; the thief puts the
/// issuer's cross-certificate into the bag, of the same key by another identifier, and leaves the other out.
#[test]
fn a_list_counts_by_the_key_that_signed_it_whatever_identifier_the_certificate_at_hand_gives_that_key()
 {
    let world = World::new();
    let cross = |usages: &[KeyUsagePurpose]| {
        let mut params = ca_params("Intermediate");
        params.key_usages = usages.to_vec();
        params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![7; 20]);
        let made = params.signed_by(world.intermediate.issuer.key(), &world.root.issuer);
        made.unwrap().der().to_vec()
    };
    let (signer, leaf) = world.intermediate.issue(|params| {
        params.serial_number = Some(rcgen::SerialNumber::from(vec![0x66]));
        params.use_authority_key_identifier_extension = true;
    });
    let stolen = rcgen::RevocationReason::KeyCompromise;
    let evidence = revoking(0x66, stolen, &world.intermediate);
    let trusted = [world.root.der.clone()];
    let judge = |issuer: &[u8]| {
        let mut draft = Draft::new(&leaf);
        draft.certificates = vec![leaf.clone(), issuer.to_vec()];
        let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
        trust.revocation = Some(&evidence);
        let found = verify_token(&draft.sign(&signer), &imprint(), &trust);
        found
            .map(|found| found.revocation())
            .map_err(|refused| refused.code())
    };
    let revoked = Err("tsp.revoked_key_compromise");
    assert_eq!(judge(&world.intermediate.der), revoked);
    let (sign, lists) = (KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign);
    assert_eq!(judge(&cross(&[sign, lists])), revoked);
    // One that may not sign lists hides nothing either.
    assert_eq!(judge(&cross(&[sign])), Err("tsp.revocation_signature"));
}

/// A list from the time of a hold is about for ever, and whoever wants to see a good token fall has it.
#[test]
fn a_hold_that_was_lifted_or_may_be_disproves_nothing() {
    let world = World::new();
    let (signer, leaf) = world.intermediate.issue(|params| {
        params.serial_number = Some(rcgen::SerialNumber::from(vec![0x66]));
    });
    let list = |day, held: bool| {
        let entry = rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(vec![0x66]),
            revocation_time: rcgen::date_time_ymd(2026, 3, 1),
            reason_code: Some(rcgen::RevocationReason::CertificateHold),
            invalidity_date: None,
        };
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 10, day),
            next_update: rcgen::date_time_ymd(2026, 12, 23),
            crl_number: rcgen::SerialNumber::from(vec![day]),
            issuing_distribution_point: None,
            revoked_certs: held.then_some(entry).into_iter().collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&world.intermediate.issuer).unwrap();
        list.der().to_vec()
    };
    let trusted = [world.root.der.clone()];
    let mut draft = Draft::new(&leaf);
    draft.certificates = vec![leaf.clone(), world.intermediate.der.clone()];
    let token = draft.sign(&signer);
    let judge = |lists: [(u8, bool); 2]| {
        let mut evidence = RevocationEvidence::default();
        for (day, held) in lists {
            evidence.add_crl(&list(day, held)).unwrap();
        }
        let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
        trust.revocation = Some(&evidence);
        let found = verify_token(&token, &imprint(), &trust);
        found
            .map(|found| found.revocation_findings().certificates[0].known.code())
            .map_err(|refused| (refused.code(), refused.is_undecided()))
    };
    let held = Err(("tsp.on_hold", true));
    for (held_on, good_on, expected) in [
        (20, 21, Ok("not_revoked_as_of")),
        (20, 20, held),
        (21, 20, held),
    ] {
        let mut lists = [(held_on, true), (good_on, false)];
        for _ in 0..2 {
            lists.reverse();
            assert_eq!(judge(lists), expected, "{lists:?}");
        }
    }
}

/// sid is outside the signature: anybody can write another into a good token.
#[test]
fn another_name_of_the_signer_outside_the_signature_disproves_nothing_and_proves_nothing() {
    let world = World::new();
    let (other_signer, other) = world.intermediate.issue(|_| {});
    let named = Certificate::parse(&other).unwrap().issuer_and_serial();
    let trusted = [world.root.der.clone()];
    let bag = [&world.leaf[..], &other, &world.intermediate.der];
    let judge = |signer: &TokenSigner, bag: &[&[u8]]| {
        let mut draft = Draft::new(&world.leaf);
        draft.sid = Some(named.clone());
        draft.certificates = bag.iter().map(|one| one.to_vec()).collect();
        let trust = TokenTrust::new(&trusted, ChainTime::At(now()));
        let found = verify_token(&draft.sign(signer), &imprint(), &trust);
        let refused = found.map(|_| ()).unwrap_err();
        (refused.code(), refused.is_undecided())
    };
    assert_eq!(judge(&world.signer, &bag), ("tsp.sid_mismatch", true));
    let without = [&other[..], &world.intermediate.der];
    let missing = ("tsp.signer_certificate_missing", true);
    assert_eq!(judge(&world.signer, &without), missing);
    // Signed by the certificate that sid names, and another is named under that signature: nobody's token.
    assert_eq!(judge(&other_signer, &bag), ("tsp.ess_mismatch", false));
}

/// The stolen key has a cross-certificate by another root. The auditor gives its revoked one, below the third of three authorities of one
/// name, as after two changes of key; the thief fills the bag with certificates that name these, and each costs a signature for each.
#[test]
fn a_full_bag_does_not_keep_a_revoked_certificate_that_the_auditor_gives_from_counting() {
    let world = World::new();
    let above: Vec<Ca> = (0..3)
        .map(|_| below(&world.root, ca_params("Above")))
        .collect();
    let key = world.intermediate.issuer.key();
    let mut params = ca_params("Intermediate");
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x55]));
    let revoked = params.signed_by(key, &above[2].issuer).unwrap();
    let mut given: Vec<Vec<u8>> = above.iter().map(|one| one.der.clone()).collect();
    given.push(revoked.der().to_vec());
    let other_root = root(ca_params("Other Root"));
    let cross = ca_params("Intermediate").signed_by(key, &other_root.issuer);
    let mut draft = Draft::new(&world.leaf);
    draft.certificates = vec![world.leaf.clone(), cross.unwrap().der().to_vec()];
    let nobody = root(ca_params("Above"));
    let noise = (0..30).map(|_| below(&nobody, ca_params("Intermediate")).der);
    draft.certificates.extend(noise);
    let token = draft.sign(&world.signer);
    let stolen = rcgen::RevocationReason::KeyCompromise;
    let evidence = revoking(0x55, stolen, &above[2]);
    let trusted = [other_root.der, world.root.der.clone()];
    let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    trust.extra_certificates = &given;
    assert!(verify_token(&token, &imprint(), &trust).is_ok());
    trust.revocation = Some(&evidence);
    let found = verify_token(&token, &imprint(), &trust);
    assert_eq!(found.unwrap_err().code(), "tsp.issuer_revoked");
}

/// What a CMS message may carry outside the signature, and what is no certificate in the bag.
#[test]
fn whatever_is_added_outside_the_signature_disproves_nothing() {
    let world = World::new();
    let trusted = [world.root.der.clone()];
    let good = [&world.leaf[..], &world.intermediate.der].concat();
    let evil = element(0x31, &[&element(der::SEQUENCE, &[&[6, 1, 0x2a, 0x31, 0]])]);
    let huge = element(der::SEQUENCE, &[&vec![0; 70_000]]);
    let attributes: Vec<u8> = (0..60)
        .flat_map(|_| [0x30, 5, 6, 1, 0x2a, 0x31, 0])
        .collect();
    for (what, bag, crls, unsigned) in [
        ("nothing", vec![], vec![], vec![]),
        (
            "a list",
            vec![],
            element(0xa1, &[&element(der::SEQUENCE, &[])]),
            vec![],
        ),
        ("no list", vec![], element(0xa1, &[]), vec![]),
        ("attributes", vec![], vec![], element(0xa1, &[&attributes])),
        ("no attributes", vec![], vec![], element(0xa1, &[])),
        (
            "what is no attribute",
            vec![],
            vec![],
            element(0xa1, &[&evil]),
        ),
        (
            "an attribute certificate",
            element(0xa2, &[&[5, 0]]),
            vec![],
            vec![],
        ),
        ("a number", vec![2, 1, 3], vec![], vec![]),
        ("an empty certificate", vec![0x30, 0], vec![], vec![]),
        ("a huge one", huge, vec![], vec![]),
        (
            "noise of a certificate's form",
            vec![0x30, 4, 0x30, 2, 2, 0],
            vec![],
            vec![],
        ),
    ] {
        let token = Draft::new(&world.leaf).sign(&world.signer);
        for bag in [[&bag[..], &good].concat(), [&good[..], &bag].concat()] {
            let bytes = with_unsigned_parts(&token, &element(0xa0, &[&bag]), &crls, &unsigned);
            let token =
                TimeStampToken::parse(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
            let trust = TokenTrust::new(&trusted, ChainTime::At(now()));
            let found = verify_token(&token, &imprint(), &trust).map(|_| ());
            assert_eq!(found, Ok(()), "{what}");
        }
    }
}

/// The same token with these in place of the fields that nobody signed.
fn with_unsigned_parts(
    token: &TimeStampToken,
    certificates: &[u8],
    crls: &[u8],
    unsigned_attrs: &[u8],
) -> Vec<u8> {
    let mut outer = der::single(token.to_der(), der::SEQUENCE)
        .unwrap()
        .elements();
    let kind = outer.any().unwrap().der;
    let mut wrapped = outer.any().unwrap().elements();
    let mut data = wrapped.any().unwrap().elements();
    let head: Vec<u8> = (0..3)
        .flat_map(|_| data.any().unwrap().der.to_vec())
        .collect();
    data.optional(0xa0).unwrap();
    let mut signers = data.any().unwrap().elements();
    let signer = signers.any().unwrap().content;
    let signer = element(der::SEQUENCE, &[signer, unsigned_attrs]);
    let signers = element(der::SET, &[&signer]);
    let data = element(der::SEQUENCE, &[&head, certificates, crls, &signers]);
    element(der::SEQUENCE, &[kind, &element(0xa0, &[&data])])
}

/// Distribution points are compared before a list's signature is checked.
#[test]
fn more_than_64_names_of_distribution_points_are_not_compared() {
    let names = |count: u8| {
        let names: Vec<u8> = (0..count)
            .flat_map(|name| element(0x86, &[&[name]]))
            .collect();
        element(0xa0, &[&element(0xa0, &[&names])])
    };
    let top = root(ca_params("Root"));
    let issue = |points: &[u8]| {
        top.issue(|params| {
            let points = element(der::SEQUENCE, &[points]);
            let extension = CustomExtension::from_oid_content(&[2, 5, 29, 31], points);
            params.custom_extensions.push(extension);
        })
    };
    let list = |count| {
        let mut point = CustomExtension::from_oid_content(
            &[2, 5, 29, 28],
            element(der::SEQUENCE, &[&names(count)]),
        );
        point.set_criticality(true);
        unsigned_list(&top, &element(der::SEQUENCE, &[&extension_of(&point)]))
    };
    let refused = RevocationEvidence::default()
        .add_crl(&list(65))
        .unwrap_err();
    assert_eq!(refused.code(), "tsp.revocation_unreadable");
    assert!(
        refused.to_string().contains("64 distribution points"),
        "{refused}"
    );
    let mut evidence = RevocationEvidence::default();
    evidence.add_crl(&list(64)).unwrap();
    let trusted = [top.der.clone()];
    let judge = |points: &[u8]| {
        let (signer, leaf) = issue(points);
        let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
        trust.revocation = Some(&evidence);
        let found = verify_token(&Draft::new(&leaf).sign(&signer), &imprint(), &trust);
        found
            .map(|found| found.revocation())
            .map_err(|refused| refused.code())
    };
    // Compared, and then its signature is asked for.
    let (point, of_65) = (element(der::SEQUENCE, &[&names(64)]), names(65));
    assert_eq!(judge(&point), Err("tsp.revocation_signature"));
    let not_compared = Ok(crate::tsp::Revocation::NotChecked);
    assert_eq!(judge(&element(der::SEQUENCE, &[&of_65])), not_compared);
    assert_eq!(
        judge(&element(der::SEQUENCE, &[&names(1)]).repeat(65)),
        not_compared
    );
}

fn extension_of(extension: &CustomExtension) -> Vec<u8> {
    let kind: Vec<u64> = extension.oid_components().collect();
    let kind = kind
        .iter()
        .map(u64::to_string)
        .collect::<Vec<_>>()
        .join(".");
    let kind: crate::tsp::Oid = kind.parse().unwrap();
    let critical: &[u8] = match extension.criticality() {
        true => &[1, 1, 0xff],
        false => &[],
    };
    element(
        der::SEQUENCE,
        &[
            &element(der::OID, &[kind.as_content()]),
            critical,
            &element(der::OCTET_STRING, &[extension.content()]),
        ],
    )
}

/// A list of `by` that nobody signed, with these Extensions.
fn unsigned_list(by: &Ca, extensions: &[u8]) -> Vec<u8> {
    let algorithm = element(der::SEQUENCE, &[&element(der::OID, &[known::ECDSA_SHA256])]);
    let issuer = Certificate::parse(&by.der).unwrap().subject().to_vec();
    let tbs = element(
        der::SEQUENCE,
        &[
            &[2, 1, 1],
            &algorithm,
            &issuer,
            &element(der::UTC_TIME, &[b"261123000000Z"]),
            &element(der::UTC_TIME, &[b"261223000000Z"]),
            &element(0xa0, &[extensions]),
        ],
    );
    let signature = element(der::BIT_STRING, &[&[0, 1]]);
    element(der::SEQUENCE, &[&tbs, &algorithm, &signature])
}

/// The issuer's own certificates, each many times: no key, no other certificate.
#[test]
fn copies_of_the_chains_own_certificates_cost_nothing() {
    let top = root(ca_params("Root"));
    let middle = below(&top, ca_params("Middle"));
    let issuer = below(&middle, ca_params("Issuer"));
    let (signer, leaf) = issuer.issue(|_| {});
    let mut draft = Draft::new(&leaf);
    let trusted = [top.der];
    let trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    draft.certificates = vec![leaf.clone(), middle.der.clone(), issuer.der.clone()];
    assert!(verify_token(&draft.sign(&signer), &imprint(), &trust).is_ok());
    draft.certificates = vec![leaf];
    draft.certificates.extend(vec![middle.der; 15]);
    draft.certificates.extend(vec![issuer.der; 15]);
    let found = verify_token(&draft.sign(&signer), &imprint(), &trust).map(|_| ());
    assert_eq!(found, Ok(()));
}

/// RFC 5280 §6.1.4 (l): a self-issued certificate (key rollover) does not count.
#[test]
fn a_self_issued_intermediate_does_not_count_towards_the_path_length() {
    let mut params = ca_params("Root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    let top = root(params);
    let old = below(&top, ca_params("Issuer"));
    // The new key, signed by the old.
    let new = below(&old, ca_params("Issuer"));
    let (signer, leaf) = new.issue(|_| {});
    let mut draft = Draft::new(&leaf);
    draft.certificates = vec![leaf, new.der, old.der];
    let trusted = [top.der];
    let trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    let found = verify_token(&draft.sign(&signer), &imprint(), &trust).map(|_| ());
    assert_eq!(found, Ok(()));
}

/// A trust anchor is a name and a key (RFC 5280 §6.1.1 (d)): old roots of version 1 have no extensions.
#[test]
fn a_trusted_root_without_basic_constraints_disproves_nothing() {
    let mut params = base_params("Root");
    params.is_ca = IsCa::NoCa;
    let top = root(params);
    let (signer, leaf) = top.issue(|_| {});
    let trusted = [top.der];
    let trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    let found = verify_token(&Draft::new(&leaf).sign(&signer), &imprint(), &trust).map(|_| ());
    if found.is_ok() {
        return;
    }
    assert_undecided(found);
}

/// The anchor's own issuer expired: what its list says of the anchor must not be hidden.
#[test]
fn an_expired_root_hides_no_revocation_of_the_anchor_below() {
    let mut params = ca_params("Root");
    params.not_after = rcgen::date_time_ymd(2026, 11, 1);
    let top = root(params);
    let mut params = ca_params("Intermediate");
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x55]));
    let middle = below(&top, params);
    let (signer, leaf) = middle.issue(|_| {});
    let evidence = revoking(0x55, rcgen::RevocationReason::KeyCompromise, &top);
    let trusted = [top.der, middle.der];
    let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    trust.revocation = Some(&evidence);
    let found = verify_token(&Draft::new(&leaf).sign(&signer), &imprint(), &trust);
    assert!(
        found.is_err(),
        "{:?}",
        found.map(|found| found.revocation())
    );
}

/// A token of its own, in no way issued by anybody trusted: a trusted root's name, ids of four bytes and certificates of 62 KiB.
#[test]
fn ids_without_end_beside_the_signers_are_looked_at_once() {
    // As many as fit into a token; hashing each certificate for each of them took a minute.
    let (ids, certificates) = (130_000, 8u8);
    let trusted = [root(ca_params("Root")).der];
    let mallory = root(ca_params("Root"));
    let (signer, leaf) = mallory.issue(|_| {});
    let mut draft = Draft::new(&leaf);
    let first = element(
        der::SEQUENCE,
        &[&element(
            der::OCTET_STRING,
            &[&HashAlgorithm::Sha256.digest(&leaf)],
        )],
    );
    let ids = [first, [0x30, 2, 4, 0].repeat(ids)].concat();
    let value = element(der::SEQUENCE, &[&element(der::SEQUENCE, &[&ids])]);
    draft.ess = Some(attribute(known::SIGNING_CERTIFICATE_V2, &value));
    for number in 0..certificates {
        let mut params = ca_params("Root");
        params.custom_extensions = vec![CustomExtension::from_oid_content(
            &[1, 2, 3],
            vec![number; 62 * 1024],
        )];
        draft.certificates.push(root(params).der);
    }
    let token = draft.sign(&signer);
    let trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    let found = verify_token(&token, &imprint(), &trust).map(|_| ());
    assert_eq!(found.unwrap_err().code(), "tsp.no_chain");
}

/// The verifier has the whole chain himself, as for receipts (trust.json); a bag of copies of two of its certificates, in DER order
/// as a leaf's token must have it, takes the verdict away.
#[test]
fn copies_in_the_bag_cost_a_verifier_who_has_the_chain_nothing() {
    let top = root(ca_params("Root"));
    let middle = below(&top, ca_params("Middle"));
    let issuer = below(&middle, ca_params("Issuer"));
    let (signer, leaf) = issuer.issue(|_| {});
    let mut draft = Draft::new(&leaf);
    let trusted = [top.der.clone()];
    let own = [leaf.clone(), issuer.der.clone(), middle.der.clone()];
    let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    trust.extra_certificates = &own;
    draft.certificates = Vec::new();
    assert!(verify_token(&draft.sign(&signer), &imprint(), &trust).is_ok());
    draft.certificates = [vec![middle.der; 16], vec![issuer.der; 16]].concat();
    draft.certificates.sort();
    let token = draft.sign(&signer);
    assert!(token.leaf_bytes().is_ok());
    let found = verify_token(&token, &imprint(), &trust).map(|_| ());
    assert_eq!(found, Ok(()));
}

#[test]
fn what_is_remembered_of_a_chain_changes_no_verdict() {
    // Differential: with a cache and without, over bags in every rotation, at several instants, by two trusts.
    use crate::tsp::ChainCache;
    let world = World::new();
    let other = World::new();
    let bags: Vec<Vec<Vec<u8>>> = vec![
        vec![world.leaf.clone(), world.intermediate.der.clone()],
        vec![world.intermediate.der.clone(), world.leaf.clone()],
        vec![world.leaf.clone()],
        vec![
            other.leaf.clone(),
            other.intermediate.der.clone(),
            world.leaf.clone(),
            world.intermediate.der.clone(),
        ],
        vec![],
    ];
    let roots = [
        vec![world.root.der.clone()],
        vec![other.root.der.clone()],
        vec![world.root.der.clone(), world.intermediate.der.clone()],
        vec![],
    ];
    let extras = [
        vec![],
        vec![world.leaf.clone()],
        vec![world.intermediate.der.clone()],
    ];
    let instants = [
        "2025-11-24T00:00:00Z",
        "2026-11-24T19:00:00Z",
        "2031-11-24T00:00:00Z",
    ];
    let mut cache = ChainCache::new();
    let mut accepted = 0;
    for _ in 0..2 {
        for bag in &bags {
            for esses in [
                None,
                Some(ess_of(&[&world.leaf])),
                Some(ess_of(&[&world.leaf, &world.intermediate.der])),
                Some(ess_of(&[&world.leaf, &other.intermediate.der])),
                Some(ess_of(&[&other.leaf])),
            ] {
                let mut draft = Draft::new(&world.leaf);
                draft.certificates.clone_from(bag);
                if esses.is_some() {
                    draft.ess = esses;
                }
                let token = draft.sign(&world.signer);
                for roots in &roots {
                    for extra in &extras {
                        for instant in instants {
                            for strict in [false, true] {
                                let mut trust =
                                    TokenTrust::new(roots, ChainTime::At(time(instant)));
                                trust.extra_certificates = extra;
                                trust.strict = strict;
                                let with = cache.verify_token(&token, &imprint(), &trust);
                                let without = verify_token(&token, &imprint(), &trust);
                                assert_eq!(with, without);
                                accepted += usize::from(with.is_ok());
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}

/// An unsigned list of the issuer's name takes a verdict away, and is never more than undecided.
#[test]
fn copies_do_not_hide_what_a_list_says_of_an_anchor_below_a_root() {
    let top = root(ca_params("Root"));
    let mut params = ca_params("Middle");
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x55]));
    let middle = below(&top, params);
    let issuer = below(&middle, ca_params("Issuer"));
    let (signer, leaf) = issuer.issue(|_| {});
    let evidence = revoking(0x55, rcgen::RevocationReason::KeyCompromise, &top);
    let trusted = [top.der.clone(), middle.der.clone()];
    let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
    trust.revocation = Some(&evidence);
    let mut accepted = Vec::new();
    for middles in [0, 1, 5, 15, 31] {
        for issuers in [1, 2, 8, 16] {
            if middles + issuers > 31 {
                continue;
            }
            let mut draft = Draft::new(&leaf);
            draft.certificates = [
                vec![leaf.clone()],
                vec![middle.der.clone(); middles],
                vec![issuer.der.clone(); issuers],
            ]
            .concat();
            let found = verify_token(&draft.sign(&signer), &imprint(), &trust);
            if found.is_ok() {
                accepted.push((middles, issuers));
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}

/// What is read of a changed leaf is all there is: it is encoded again to the same bytes. And a changed certificate's parts lie
/// within it, in order.
#[test]
fn what_parses_has_one_encoding_whatever_was_changed() {
    let world = World::new();
    let mut draft = Draft::new(&world.leaf);
    draft.info.nonce = Some(Nonce::from_be_bytes(&[7; 8]));
    draft.certificates = Vec::new();
    let whole = draft.sign(&world.signer);
    // Without the empty field.
    let leaf = resign_plain(&whole);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut read = 0;
    let mut check = |bytes: &[u8]| {
        let Ok(token) = TimeStampToken::parse(bytes) else {
            return;
        };
        assert_eq!(token.to_der(), bytes);
        if let Ok(again) = token.leaf_bytes()
            && token.certificates().is_empty()
        {
            assert_eq!(again, bytes);
            read += 1;
        }
    };
    check(&leaf);
    for place in 0..leaf.len() {
        for value in 0..=255 {
            let mut other = leaf.clone();
            other[place] = value;
            check(&other);
        }
    }
    for _ in 0..200_000 {
        let mut other = leaf.clone();
        for _ in 0..2 + next() % 3 {
            let place = usize::try_from(next()).unwrap() % other.len();
            other[place] = match next() % 3 {
                0 => other[place].wrapping_add(1),
                1 => other[place].wrapping_sub(1),
                _ => next().to_le_bytes()[0],
            };
        }
        check(&other);
    }
    assert!(read > 1_000, "{read}");
    let mut parsed = 0;
    for original in [&world.leaf, &world.intermediate.der] {
        let honest = Certificate::parse(original).unwrap();
        for place in 0..original.len() {
            for value in 0..=255 {
                let mut other = original.clone();
                other[place] = value;
                let Ok(found) = Certificate::parse(&other) else {
                    continue;
                };
                parsed += 1;
                assert_eq!(found == honest, other == *original);
                let _ = (
                    found.basic_constraints(),
                    found.key_usage(),
                    found.time_stamping_usage(),
                    found.subject_key_identifier().map(<[u8]>::len),
                    found.is_self_signed(),
                    crate::tsp::CertificateName::of(&found),
                );
                let (issuer, serial) = (found.issuer(), found.serial());
                assert!(issuer.starts_with(&[0x30]) && !serial.is_empty() || serial.is_empty());
            }
        }
    }
    assert!(parsed > 10_000, "{parsed}");
}

fn resign_plain(token: &TimeStampToken) -> Vec<u8> {
    let sha256 = element(der::SEQUENCE, &[&element(der::OID, &[known::SHA256])]);
    let attributes = der::single(token.signed_attrs_der(), der::SET).unwrap();
    let crate::tsp::token::SignerIdentifier::IssuerAndSerial { issuer, serial } = &token.sid else {
        panic!()
    };
    encode_signed_data(&SignedDataParts {
        version: &[der::INTEGER, 1, 3],
        digest_algorithms: &element(der::SET, &[&sha256]),
        tst_info: token.tst_info_der(),
        certificates: &[],
        crls: &[],
        signer_version: &[der::INTEGER, 1, 1],
        sid: &element(der::SEQUENCE, &[issuer, &element(der::INTEGER, &[serial])]),
        digest_algorithm: &sha256,
        signed_attrs: attributes.content,
        signature_algorithm: &element(der::SEQUENCE, &[&element(der::OID, &[known::ECDSA_SHA256])]),
        signature: &token.signature,
        unsigned_attrs: &[],
    })
}

/// A stolen key whose certificate was revoked for that. The auditor gives the list and the root, and has the signer's certificate, or its
/// issuer's, under --anchor besides. The thief names one more certificate under the signature, of which there is none: so no chain to the
/// root is the one named, and the anchor below is taken, whose revocation is not looked at.
#[test]
fn an_id_of_no_certificate_does_not_hide_that_the_anchor_was_revoked_for_a_stolen_key() {
    let mut accepted = Vec::new();
    for stolen in ["signer", "intermediate"] {
        let top = root(ca_params("Root"));
        let mut params = ca_params("Intermediate");
        params.serial_number = Some(rcgen::SerialNumber::from(vec![0x55]));
        let middle = below(&top, params);
        let (signer, leaf) = middle.issue(|params| {
            params.serial_number = Some(rcgen::SerialNumber::from(vec![0x66]));
        });
        let (number, by, anchor) = match stolen {
            "signer" => (0x66, &middle, leaf.clone()),
            _ => (0x55, &top, middle.der.clone()),
        };
        let evidence = revoking(number, rcgen::RevocationReason::KeyCompromise, by);
        let trusted = [top.der.clone(), anchor];
        let extra = [middle.der.clone()];
        let mut trust = TokenTrust::new(&trusted, ChainTime::At(now()));
        trust.extra_certificates = &extra;
        trust.revocation = Some(&evidence);
        for ids in [&[&leaf[..]][..], &[&leaf[..], b"no certificate"]] {
            let mut draft = Draft::new(&leaf);
            draft.ess = Some(ess_of(ids));
            let found = verify_token(&draft.sign(&signer), &imprint(), &trust);
            match (ids.len(), found) {
                (1, found) => {
                    let code = match stolen {
                        "signer" => "tsp.revoked_key_compromise",
                        _ => "tsp.issuer_revoked",
                    };
                    assert_eq!(found.unwrap_err().code(), code);
                }
                (_, Ok(found)) => accepted.push((stolen, found.revocation())),
                (_, Err(_)) => {}
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}
