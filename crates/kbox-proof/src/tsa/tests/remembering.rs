// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a [`ChainCache`] remembers of other tokens changes no verdict.

use super::*;
use crate::tsp::ChainCache;

/// Tokens of two authorities whose CAs have the same name, right and wrong ones.
fn tokens(
    (signer, certificate): &(TokenSigner, Vec<u8>),
    (other_signer, other): &(TokenSigner, Vec<u8>),
    roots: [&Vec<u8>; 2],
) -> Vec<TimeStampToken> {
    let mut drafts: Vec<(Draft, &TokenSigner)> = Vec::new();
    let mut add = |change: &dyn Fn(&mut Draft), signer| {
        let mut draft = Draft::new(certificate);
        change(&mut draft);
        drafts.push((draft, signer));
    };
    let another_time = |text| move |draft: &mut Draft| draft.info.gen_time = time(text);
    add(&|_| {}, signer);
    add(
        &|draft| draft.info.serial = SerialNumber::from_epoch_and_counter(1, 2),
        signer,
    );
    add(&|draft| draft.certificates.clear(), signer);
    add(&|draft| draft.certificates.push(roots[0].clone()), signer);
    add(&|draft| draft.certificates = vec![other.clone()], signer);
    add(
        &|draft| draft.certificates = vec![roots[0].clone(), roots[1].clone()],
        signer,
    );
    add(&|draft| draft.spoil_signature = true, signer);
    // The other authority's key under this one's name.
    add(&|_| {}, other_signer);
    add(&|draft| draft.ess = None, signer);
    add(
        &|draft| {
            let named = Certificate::parse(other).unwrap();
            let value = signing_certificate_v2(&named);
            draft.ess = Some(attribute(known::SIGNING_CERTIFICATE_V2, &value));
        },
        signer,
    );
    add(&another_time("2025-12-31T23:59:59Z"), signer);
    add(&another_time("2030-01-01T00:00:01Z"), signer);
    add(&|draft| draft.info.accuracy = None, signer);
    add(
        &|draft| draft.info.policy = TsaPolicyId::public_policy(),
        signer,
    );
    drafts.push((Draft::new(other), other_signer));
    drafts
        .iter()
        .map(|(draft, signer)| draft.sign(signer))
        .collect()
}

#[test]
fn what_is_remembered_of_other_tokens_changes_no_verdict() {
    let (ca, other_ca) = (Ca::new(), Ca::new());
    let (first, second) = (ca.issue(|_| {}), other_ca.issue(|_| {}));
    let tokens = tokens(&first, &second, [&ca.der, &other_ca.der]);
    let imprints = [
        imprint(),
        MessageImprint::of(HashAlgorithm::Sha256, b"other"),
    ];
    let policies = [TsaPolicyId::evidence_policy()];
    let roots = [
        vec![],
        vec![ca.der.clone()],
        vec![other_ca.der.clone()],
        vec![other_ca.der.clone(), ca.der.clone()],
        vec![first.1.clone()],
    ];
    let extras = [vec![], vec![first.1.clone(), second.1.clone()]];
    let times = [
        ChainTime::At(time("2025-12-31T23:59:59.9Z")),
        ChainTime::At(time("2026-01-01T00:00:00Z")),
        ChainTime::At(now()),
        ChainTime::At(time("2030-01-01T00:00:00.5Z")),
        ChainTime::At(time("2030-01-01T00:00:01Z")),
        ChainTime::GenTime,
    ];
    let mut cases = Vec::new();
    for (roots, extra) in roots
        .iter()
        .flat_map(|roots| extras.iter().map(move |extra| (roots, extra)))
    {
        for (index, chain_time) in times.into_iter().enumerate() {
            let mut trust = TokenTrust::new(roots, chain_time);
            trust.extra_certificates = extra;
            trust.strict = index % 2 == 0;
            trust.policies = (index % 3 == 0).then_some(&policies[..]);
            for token in &tokens {
                let imprint = &imprints[usize::from(index == 5)];
                cases.push((token, imprint, trust, verify_token(token, imprint, &trust)));
            }
        }
    }
    let accepted = cases.iter().filter(|case| case.3.is_ok()).count();
    assert!(accepted > 20, "{accepted} of {}", cases.len());
    // Every case after many others, in an order that mixes them; then with what it remembered itself.
    let mut cache = ChainCache::new();
    for step in 0..2 * cases.len() {
        let (token, imprint, trust, alone) = &cases[step * 7919 % cases.len()];
        for _ in 0..2 {
            assert_eq!(cache.verify_token(token, imprint, trust), *alone);
        }
    }
}
