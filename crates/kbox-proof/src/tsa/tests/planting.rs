// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Nobody signs a token's bag of certificates: whoever hands a token on can put into it what he likes.

use super::*;

/// An authority, what stands above it, and its good token with an empty bag.
struct Good {
    root: Vec<u8>,
    /// Between root and signer; none where the root issued it.
    intermediate: Option<Vec<u8>>,
    signer: TokenSigner,
    leaf: Vec<u8>,
    /// Who issued the signer's certificate.
    issuer: Ca,
}

fn authority_key(params: &mut CertificateParams) {
    params.use_authority_key_identifier_extension = true;
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = base_params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority_key(&mut params);
    params
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

impl Good {
    fn new(has_intermediate: bool) -> Self {
        let root_key = key();
        let params = ca_params("Root");
        let root = params.self_signed(&root_key).unwrap().der().to_vec();
        let above = Ca {
            issuer: Issuer::new(params, root_key),
            der: root.clone(),
        };
        let issuer = match has_intermediate {
            false => above,
            true => {
                let (params, key) = (ca_params("Intermediate"), key());
                let der = params
                    .signed_by(&key, &above.issuer)
                    .unwrap()
                    .der()
                    .to_vec();
                Ca {
                    issuer: Issuer::new(params, key),
                    der,
                }
            }
        };
        let (signer, leaf) = issuer.issue(|params| {
            authority_key(params);
            params.serial_number = Some(rcgen::SerialNumber::from(vec![1, 2, 3]));
        });
        Self {
            intermediate: has_intermediate.then(|| issuer.der.clone()),
            root,
            signer,
            leaf,
            issuer,
        }
    }

    /// Bags of what anybody can make from the token alone.
    fn planted(&self) -> Vec<(&'static str, Vec<Vec<u8>>)> {
        let name = match self.intermediate {
            Some(_) => "Intermediate",
            None => "Root",
        };
        let of_issuer = |change: &dyn Fn(&mut CertificateParams)| {
            let mut params = ca_params(name);
            change(&mut params);
            params.self_signed(&key()).unwrap().der().to_vec()
        };
        // Whoever has the token has its issuer's name and key identifier, too.
        let same_identifier = of_issuer(&|params| {
            let own = Certificate::parse(&self.issuer.der).unwrap();
            let identifier = own.subject_key_identifier().unwrap().to_vec();
            params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(identifier);
        });
        let no_ca = of_issuer(&|params| params.is_ca = IsCa::ExplicitNoCa);
        let no_signing = of_issuer(&|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
        let other_use = of_issuer(&|params| {
            params.custom_extensions = vec![usage(&[&[0x2b, 6, 1, 5, 5, 7, 3, 1]], false)];
        });
        let unknown = of_issuer(&|params| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
            unknown.set_criticality(true);
            params.custom_extensions = vec![unknown];
        });
        // The issuer's own certificate, spoilt.
        let mut spoilt = self.issuer.der.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        let (_, twin) = Good::twin(name);
        let all = vec![
            of_issuer(&|_| {}),
            same_identifier.clone(),
            no_ca.clone(),
            no_signing.clone(),
            other_use.clone(),
            unknown.clone(),
            spoilt.clone(),
            twin.clone(),
        ];
        let mut bags = vec![
            ("issuer's name", vec![of_issuer(&|_| {})]),
            ("issuer's name and key identifier", vec![same_identifier]),
            ("signer's name", vec![twin]),
            ("no CA", vec![no_ca]),
            ("may not sign", vec![no_signing]),
            ("another use", vec![other_use]),
            ("unknown extension", vec![unknown]),
            ("spoilt", vec![spoilt]),
        ];
        bags.push(("all", all));
        bags
    }

    /// By issuer's name, serial number and subject the signer's.
    fn twin(name: &str) -> (TokenSigner, Vec<u8>) {
        let other = Ca {
            issuer: Issuer::new(ca_params(name), key()),
            der: Vec::new(),
        };
        other.issue(|params| {
            params.serial_number = Some(rcgen::SerialNumber::from(vec![1, 2, 3]));
        })
    }

    fn judge(&self, bag: Vec<Vec<u8>>, roots: &[Vec<u8>]) -> Result<(), TspRejection> {
        let mut draft = Draft::new(&self.leaf);
        draft.certificates = bag;
        let trust = TokenTrust::new(roots, ChainTime::At(now()));
        verify_token(&draft.sign(&self.signer), &imprint(), &trust).map(|_| ())
    }
}

#[test]
fn a_planted_certificate_never_makes_a_good_token_fail() {
    for has_intermediate in [false, true] {
        let good = Good::new(has_intermediate);
        let own: Vec<Vec<u8>> = good
            .intermediate
            .iter()
            .chain([&good.leaf])
            .cloned()
            .collect();
        for (what, planted) in good.planted() {
            for bag in [
                [planted.clone(), own.clone()].concat(),
                [own.clone(), planted.clone()].concat(),
            ] {
                let found = good.judge(bag, core::slice::from_ref(&good.root));
                assert_eq!(found, Ok(()), "{what}, {has_intermediate}");
            }
        }
    }
}

#[test]
fn a_planted_certificate_disproves_nothing_where_no_chain_reaches_a_trusted_one() {
    let stranger = Ca::new().der;
    for has_intermediate in [false, true] {
        let good = Good::new(has_intermediate);
        // A root of the same name, another's.
        let like_named = ca_params("Root")
            .self_signed(&key())
            .unwrap()
            .der()
            .to_vec();
        let mut trusts = vec![vec![], vec![stranger.clone()], vec![like_named]];
        // The intermediate is missing.
        if has_intermediate {
            trusts.push(vec![good.root.clone()]);
        }
        for roots in trusts {
            for (what, planted) in good.planted() {
                let bag = [planted, vec![good.leaf.clone()]].concat();
                let refused = good.judge(bag, &roots).unwrap_err();
                let code = refused.code();
                assert_eq!(
                    code, "tsp.no_chain",
                    "{what}, {has_intermediate}: {refused}"
                );
                assert!(refused.is_undecided());
            }
        }
    }
}

#[test]
fn a_planted_certificate_disproves_nothing_where_the_signers_is_missing() {
    for has_intermediate in [false, true] {
        let good = Good::new(has_intermediate);
        for roots in [vec![], vec![good.root.clone()]] {
            for (what, planted) in good.planted() {
                let bag = [planted, good.intermediate.iter().cloned().collect()].concat();
                let refused = good.judge(bag, &roots).unwrap_err();
                let code = refused.code();
                assert_eq!(code, "tsp.signer_certificate_missing", "{what}: {refused}");
                assert!(refused.is_undecided());
            }
        }
    }
}

/// Its keys are the planter's, so every signature among them is good, and they could be arranged to cost a search all it may spend.
#[test]
fn a_planted_maze_costs_a_good_token_nothing() {
    let good = Good::new(true);
    let params = ca_params("Maze");
    let keys: Vec<KeyPair> = (0..5).map(|_| key()).collect();
    let mut bag = Vec::new();
    for (index, subject) in keys.iter().enumerate() {
        for (other, key) in keys.iter().enumerate() {
            if index != other {
                let issuer = Issuer::from_params(&params, key);
                bag.push(params.signed_by(subject, &issuer).unwrap().der().to_vec());
            }
        }
    }
    // From the issuer's own name and key into the maze.
    let entrance = Issuer::from_params(&params, &keys[0]);
    let half = good.issuer.issuer.key();
    let door = ca_params("Intermediate").signed_by(half, &entrance);
    bag.insert(0, door.unwrap().der().to_vec());
    bag.extend(good.intermediate.iter().cloned());
    bag.push(good.leaf.clone());
    assert_eq!(good.judge(bag, core::slice::from_ref(&good.root)), Ok(()));
}

/// The certificate is bound by the token's signature, the issuer's by its own and the root's: here nothing could be elsewhere.
#[test]
fn a_signers_certificate_that_the_key_it_names_did_not_sign_disproves_the_token() {
    for has_intermediate in [false, true] {
        let mut good = Good::new(has_intermediate);
        *good.leaf.last_mut().unwrap() ^= 1;
        let bag: Vec<Vec<u8>> = good
            .intermediate
            .iter()
            .chain([&good.leaf])
            .cloned()
            .collect();
        let refused = good.judge(bag.clone(), core::slice::from_ref(&good.root));
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "tsp.chain_signature");
        assert!(!refused.is_undecided());
        assert!(
            refused.to_string().contains("serial number 010203"),
            "{refused}"
        );
        assert_eq!(good.judge(bag, &[]).unwrap_err().code(), "tsp.no_chain");
    }
}

#[test]
fn a_certificate_named_by_an_unknown_hash_is_not_decided_on() {
    let good = Good::new(false);
    let mut draft = Draft::new(&good.leaf);
    let ess = |algorithm: &[u8]| {
        let algorithm = element(der::SEQUENCE, &[&element(der::OID, &[algorithm])]);
        let hash = element(der::OCTET_STRING, &[&[7; 32]]);
        let ids = element(
            der::SEQUENCE,
            &[&element(der::SEQUENCE, &[&algorithm, &hash])],
        );
        let value = element(der::SEQUENCE, &[&ids]);
        Some(attribute(known::SIGNING_CERTIFICATE_V2, &value))
    };
    let roots = [good.root.clone()];
    let trust = TokenTrust::new(&roots, ChainTime::At(now()));
    // SHA-512/256
    draft.ess = ess(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 6]);
    let refused = verify_token(&draft.sign(&good.signer), &imprint(), &trust).unwrap_err();
    assert_eq!(refused.code(), "tsp.unsupported_algorithm");
    assert!(refused.is_undecided() && refused.to_string().contains("2.16.840.1.101.3.4.2.6"));
    // MD5
    draft.ess = ess(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5]);
    let refused = verify_token(&draft.sign(&good.signer), &imprint(), &trust).unwrap_err();
    assert_eq!(refused, TspRejection::EssMalformed { repeated: false });
}
