// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Certificates arranged so that a search through them costs much: it ends at its budget, and decides nothing.

use super::*;
use crate::tsp::{Budget, RevocationEvidence};

/// A token by `ca`, judged with these certificates at hand.
fn verdict(
    ca: &Ca,
    extra: &[Vec<u8>],
    roots: &[Vec<u8>],
    budget: Budget,
) -> Result<(), TspRejection> {
    let (signer, der) = ca.issue(|_| {});
    let mut trust = TokenTrust::new(roots, ChainTime::At(now()));
    trust.extra_certificates = extra;
    trust.budget = budget;
    verify_token(&Draft::new(&der).sign(&signer), &imprint(), &trust).map(|_| ())
}

fn undecided(result: Result<(), TspRejection>) -> &'static str {
    let rejection = result.unwrap_err();
    assert!(rejection.is_undecided(), "{rejection}");
    assert_eq!(rejection.source(), "kbox");
    rejection.code()
}

#[test]
fn a_bag_of_like_named_authorities_ends_at_the_budget_of_signatures() {
    let ca = Ca::new();
    let bag: Vec<Vec<u8>> = (0..65).map(|_| Ca::new().der).collect();
    let stranger = [Ca::new().der];
    assert_eq!(
        undecided(verdict(&ca, &bag, &stranger, Budget::DEFAULT)),
        "tsp.budget_signatures"
    );
    let few = verdict(&ca, &bag[..10], &stranger, Budget::DEFAULT);
    assert!(matches!(few, Err(TspRejection::NoChain { .. })));
    // Trusted ones are tried first, so a bag does not hide them.
    assert_eq!(
        verdict(&ca, &bag, core::slice::from_ref(&ca.der), Budget::DEFAULT),
        Ok(())
    );
}

/// Five keys of one name, each with a certificate from each other: the paths through them are many thousands.
#[test]
fn authorities_that_certify_each_other_in_circles_end_at_the_budget_of_signatures() {
    let keys: Vec<KeyPair> = (0..5)
        .map(|_| KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap())
        .collect();
    let mut params = base_params("CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut circle = Vec::new();
    for (index, subject) in keys.iter().enumerate() {
        for (other, key) in keys.iter().enumerate() {
            if index != other {
                let issuer = Issuer::from_params(&params, key);
                circle.push(params.signed_by(subject, &issuer).unwrap().der().to_vec());
            }
        }
    }
    let ca = Ca {
        issuer: Issuer::new(
            params.clone(),
            KeyPair::from_pem(&keys[0].serialize_pem()).unwrap(),
        ),
        der: Vec::new(),
    };
    // What nobody trusts hangs from nothing and is not searched.
    let stranger = [Ca::new().der];
    let budget = Budget {
        path_steps: 0,
        ..Budget::DEFAULT
    };
    assert!(matches!(
        verdict(&ca, &circle, &stranger, budget),
        Err(TspRejection::NoChain { .. })
    ));
    // One that lets no authority stand below what it issues: all ways are tried, and none will do.
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut root_params = params.clone();
    root_params.distinguished_name = base_params("Root").distinguished_name;
    root_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let trusted = [root_params.self_signed(&key).unwrap().der().to_vec()];
    let root = Issuer::new(root_params, key);
    circle.push(params.signed_by(&keys[4], &root).unwrap().der().to_vec());
    assert_eq!(
        undecided(verdict(&ca, &circle, &trusted, Budget::DEFAULT)),
        "tsp.budget_signatures"
    );
    // With signatures to spare the length of chains bounds it alone.
    let budget = Budget {
        signatures: usize::MAX,
        chain_length: 3,
        ..Budget::DEFAULT
    };
    assert_eq!(
        undecided(verdict(&ca, &circle, &trusted, budget)),
        "tsp.budget_chain_length"
    );
}

#[test]
fn certificates_of_the_issuers_name_that_may_issue_nothing_end_at_the_budget_of_steps() {
    let root = Ca::new();
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let bag: Vec<Vec<u8>> = (0..5)
        .map(|_| {
            let certificate = base_params("Below").signed_by(&key, &root.issuer);
            certificate.unwrap().der().to_vec()
        })
        .collect();
    let ca = Ca {
        issuer: Issuer::new(base_params("Below"), key),
        der: Vec::new(),
    };
    let trusted = [root.der];
    let budget = |path_steps| Budget {
        path_steps,
        ..Budget::DEFAULT
    };
    // Five to find no chain, and each with its root to see that what is broken are chains.
    assert_eq!(
        verdict(&ca, &bag, &trusted, budget(15)).unwrap_err().code(),
        "tsp.chain_constraint"
    );
    for few in [4, 14] {
        assert_eq!(
            undecided(verdict(&ca, &bag, &trusted, budget(few))),
            "tsp.budget_path_steps"
        );
    }
}

#[test]
fn more_certificates_than_anybody_needs_are_not_looked_at() {
    let ca = Ca::new();
    let budget = Budget {
        certificates: 3,
        ..Budget::DEFAULT
    };
    // With the signer's own there are three.
    let extra = [Ca::new().der];
    assert_eq!(
        verdict(&ca, &extra, core::slice::from_ref(&ca.der), budget),
        Ok(())
    );
    let extra = [Ca::new().der, Ca::new().der];
    assert_eq!(
        undecided(verdict(&ca, &extra, core::slice::from_ref(&ca.der), budget)),
        "tsp.budget_certificates"
    );
    let many = vec![vec![0]; Budget::DEFAULT.certificates];
    assert_eq!(
        undecided(verdict(
            &ca,
            &many,
            core::slice::from_ref(&ca.der),
            Budget::DEFAULT
        )),
        "tsp.budget_certificates"
    );
}

#[test]
fn a_certificate_and_all_lists_together_are_read_up_to_a_size() {
    let large = |length: usize| vec![0; length];
    assert!(matches!(
        Certificate::parse(&large(64 * 1024 + 1)),
        Err(TspError::TooLarge { limit: 65_536, .. })
    ));
    assert!(!matches!(
        Certificate::parse(&large(64 * 1024)),
        Err(TspError::TooLarge { .. })
    ));
    // What cannot be read was read as far as that took.
    let mut evidence = RevocationEvidence::default();
    for _ in 0..4 {
        let refused = evidence.add_crl(&large(4 << 20)).unwrap_err();
        assert_eq!(refused.code(), "tsp.revocation_unreadable");
    }
    for refused in [evidence.add_crl(&[0]), evidence.add_ocsp(&[0])] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "tsp.budget_revocation_size");
        assert!(refused.is_undecided());
    }
}
