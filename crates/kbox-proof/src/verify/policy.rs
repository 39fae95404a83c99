// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The trust bundle, checked: every key and certificate in it can be used.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::digest::Sha256Digest;
use crate::event::{Environment, Origin};
use crate::receipt::{Demand, KnownTree, TrustBundle};
use crate::tlog::VerifierKey;
use crate::tsp::{Oid, RevocationEvidence, TsaPolicyId, certificates_from_pem};

/// Why a trust bundle cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustProblem {
    /// Which part, for example `shards[0].vkey`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for TrustProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trust bundle, {}: {}", self.place, self.problem)
    }
}

impl core::error::Error for TrustProblem {}

#[derive(Clone, Debug)]
pub(super) struct Authority {
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) policy: TsaPolicyId,
    pub(super) origin: Origin,
    pub(super) from: u64,
    pub(super) to: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) origin: Origin,
    pub(super) key: VerifierKey,
    pub(super) end: Option<(u64, Sha256Digest)>,
    /// Smaller trees of the same history.
    pub(super) trees: Vec<KnownTree>,
}

#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) name: String,
    pub(super) keys: Vec<VerifierKey>,
    pub(super) accuracy: Duration,
    pub(super) independent: bool,
}

/// Whom the auditor trusts, and what is demanded.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    pub(super) environment: Environment,
    pub(super) authorities: Vec<Authority>,
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) anchor_roots: Vec<Vec<u8>>,
    pub(super) revocation: RevocationEvidence,
    pub(super) logs: Vec<Log>,
    pub(super) operators: Vec<Operator>,
    pub(super) quorum: usize,
    pub(super) demand: Demand,
    pub(super) max_gap: Duration,
}

impl TrustPolicy {
    /// Whether a chain of events may go on from the one log to the other: the same, or a later shard of a closed one.
    pub(super) fn goes_on(&self, from: &Origin, to: &Origin) -> bool {
        let place = |origin: &Origin| self.logs.iter().position(|log| log.origin == *origin);
        from == to
            || self
                .logs
                .iter()
                .any(|log| log.origin == *from && log.end.is_some())
                && place(from) < place(to)
    }

    /// Checks the keys, certificates and identifiers of a bundle that the auditor decided to trust.
    ///
    /// # Errors
    /// [`TrustProblem`]: the first part that cannot be used.
    pub fn new(bundle: &TrustBundle) -> Result<Self, TrustProblem> {
        let problem = |place: String, problem: &dyn fmt::Display| TrustProblem {
            place,
            problem: problem.to_string(),
        };
        let pem = |place: String, list: &[String]| {
            let mut certificates = Vec::new();
            for text in list {
                let found =
                    certificates_from_pem(text).map_err(|error| problem(place.clone(), &error))?;
                certificates.extend(found);
            }
            if certificates.is_empty() {
                return Err(problem(place, &"holds no certificate"));
            }
            Ok(certificates)
        };
        let mut authorities = Vec::new();
        for (index, authority) in bundle.authorities.iter().enumerate() {
            authorities.push(Authority {
                chain: pem(
                    alloc::format!("authorities[{index}].chain"),
                    &authority.chain,
                )?,
                policy: authority.policy.parse::<Oid>().map_err(|error| {
                    problem(alloc::format!("authorities[{index}].policy"), &error)
                })?,
                origin: authority.origin.clone(),
                from: authority.from,
                to: authority.to,
            });
        }
        let vkey = |place: String, text: &str| {
            VerifierKey::parse(text).map_err(|error| problem(place, &error))
        };
        let mut logs = Vec::new();
        for (index, shard) in bundle.shards.iter().enumerate() {
            logs.push(Log {
                origin: shard.origin.clone(),
                key: vkey(alloc::format!("shards[{index}].vkey"), &shard.vkey)?,
                end: shard.final_size.zip(shard.final_root),
                trees: shard.trees.clone(),
            });
        }
        let mut operators: Vec<Operator> = Vec::new();
        for (index, operator) in bundle.witnesses.operators.iter().enumerate() {
            let place = alloc::format!("witnesses.operators[{index}].keys");
            let keys: Vec<VerifierKey> = operator
                .keys
                .iter()
                .map(|text| vkey(place.clone(), text))
                .collect::<Result<_, _>>()?;
            // A key that two operators share would let one of them be a quorum of two.
            let known = |key: &VerifierKey| {
                let mut others = operators.iter().flat_map(|other| &other.keys);
                others.any(|other| other.public_key() == key.public_key())
            };
            if keys.iter().any(known) {
                return Err(problem(place, &"holds a key of another operator"));
            }
            operators.push(Operator {
                name: operator.name.clone(),
                keys,
                accuracy: Duration::from_millis(operator.accuracy_ms),
                independent: operator.independent,
            });
        }
        let roots = pem("roots".to_string(), &bundle.roots)?;
        let anchor_roots = match bundle.anchor_roots.as_slice() {
            [] => Vec::new(),
            list => pem("anchor_roots".to_string(), list)?,
        };
        if anchor_roots.iter().any(|root| roots.contains(root)) {
            return Err(problem(
                "anchor_roots".to_string(),
                &"a root of the evidence authorities cannot anchor the log from outside",
            ));
        }
        let mut revocation = RevocationEvidence::default();
        for (index, der) in bundle.crls.iter().enumerate() {
            revocation
                .add_crl(der)
                .map_err(|error| problem(alloc::format!("crls[{index}]"), &error))?;
        }
        for (index, der) in bundle.ocsp.iter().enumerate() {
            revocation
                .add_ocsp(der)
                .map_err(|error| problem(alloc::format!("ocsp[{index}]"), &error))?;
        }
        Ok(Self {
            environment: bundle.environment,
            authorities,
            roots,
            anchor_roots,
            revocation,
            logs,
            operators,
            quorum: usize::try_from(bundle.witnesses.quorum).unwrap_or(usize::MAX),
            demand: bundle.demand,
            max_gap: Duration::from_secs(bundle.max_gap_s),
        })
    }

    /// Production or demonstration.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The level demanded.
    #[must_use]
    pub fn demand(&self) -> Demand {
        self.demand
    }
}
