// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The trust bundle: whom an auditor trusts, and what is demanded.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::object::{Object, object, objects};
use super::{BundleFault, ReceiptError, short, to_json};
use crate::digest::Sha256Digest;
use crate::event::{Environment, Origin};

const TRUST_TAG: &str = "trust/1";
/// No trust bundle is longer.
const MAX_TRUST_BYTES: usize = 1 << 20;
const MAX_LIST: usize = 256;

/// The level that evidence must reach, each including the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// The token is valid.
    Horodate,
    /// And it is in the log, under a signed checkpoint.
    Journalise,
    /// And that checkpoint is cosigned by a quorum of independent witnesses.
    #[default]
    Temoigne,
    /// And an outside authority timestamped the cosigned checkpoint.
    Ancre,
}

/// What is claimed of the clock behind the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockClaim {
    /// Its accuracy is measured.
    #[default]
    Measured,
    /// Nothing: a demonstration's.
    Unverified,
}

impl ClockClaim {
    fn is_measured(&self) -> bool {
        *self == Self::Measured
    }
}

/// A timestamp authority for evidence, and where in a log its tokens may stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedAuthority {
    /// Signer certificate first, PEM.
    pub chain: Vec<String>,
    /// Dotted policy OID of evidence tokens.
    pub policy: String,
    /// The log in which it was active.
    pub origin: Origin,
    /// First index.
    pub from: u64,
    /// First index after; absent while active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Its name.
    pub origin: Origin,
    /// C2SP verifier key.
    pub vkey: String,
    /// Entries when it was closed: no index at or beyond it is evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_size: Option<u64>,
    /// Root hash when it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_root: Option<Sha256Digest>,
    /// Smaller trees of the same history as the final one: receipts stand under them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trees: Vec<KnownTree>,
}

/// A tree of a closed log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTree {
    /// Its entries.
    pub size: u64,
    /// Its root hash.
    pub root: Sha256Digest,
}

/// Whoever runs witnesses; counts once, however many keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessOperator {
    /// Who it is.
    pub name: String,
    /// C2SP verifier keys of cosignatures.
    pub keys: Vec<String>,
    /// How far its clock may be off, milliseconds.
    pub accuracy_ms: u64,
    /// Not of the log's own operator or hoster.
    pub independent: bool,
}

/// The witnesses and how many operators make a quorum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// Each counts once.
    #[serde(deserialize_with = "objects")]
    pub operators: Vec<WitnessOperator>,
    /// Operators needed.
    pub quorum: u32,
}

/// `trust.json`, read but not believed: it is the auditor who decides to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustBundle {
    kbox: String,
    /// Evidence of another environment is refused.
    pub environment: Environment,
    /// Bundles of demonstrations say that their clock is unverified; those made before this member was say nothing.
    #[serde(default, skip_serializing_if = "ClockClaim::is_measured")]
    pub clock: ClockClaim,
    /// From 1.
    pub version: u32,
    /// Evidence authorities.
    #[serde(deserialize_with = "objects")]
    pub authorities: Vec<TrustedAuthority>,
    /// Root certificates, PEM.
    pub roots: Vec<String>,
    /// Roots of outside timestamp authorities whose tokens anchor the log, PEM. Never a root of an evidence authority: who
    /// can have the one stamp anything could set every proof of existence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anchor_roots: Vec<String>,
    /// Certificate revocation lists of the authorities' issuers, DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "base64_list")]
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses about the authorities' certificates, DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "base64_list")]
    pub ocsp: Vec<Vec<u8>>,
    /// Logs.
    #[serde(deserialize_with = "objects")]
    pub shards: Vec<Shard>,
    /// Witnesses.
    #[serde(default, deserialize_with = "object")]
    pub witnesses: Witnesses,
    /// Level demanded.
    #[serde(default)]
    pub demand: Demand,
    /// D: how long before or after genTime the witnesses' bounds may lie, seconds.
    #[serde(default = "default_max_gap")]
    pub max_gap_s: u64,
}

/// A list of base64 texts.
mod base64_list {
    use alloc::vec::Vec;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::receipt::Base64;

    pub(super) fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|bytes| Base64(bytes.clone())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let list = Vec::<Base64>::deserialize(from)?;
        Ok(list.into_iter().map(|Base64(bytes)| bytes).collect())
    }
}

const fn default_max_gap() -> u64 {
    300
}

impl TrustBundle {
    /// A bundle of one authority and one log, without witnesses.
    #[must_use]
    pub fn new(
        environment: Environment,
        authority: TrustedAuthority,
        roots: Vec<String>,
        shard: Shard,
        demand: Demand,
    ) -> Self {
        Self {
            kbox: TRUST_TAG.to_string(),
            environment,
            clock: match environment {
                Environment::Production => ClockClaim::Measured,
                Environment::Demonstration => ClockClaim::Unverified,
            },
            version: 1,
            authorities: alloc::vec![authority],
            roots,
            anchor_roots: Vec::new(),
            crls: Vec::new(),
            ocsp: Vec::new(),
            shards: alloc::vec![shard],
            witnesses: Witnesses::default(),
            demand,
            max_gap_s: default_max_gap(),
        }
    }

    /// Reads `trust.json`.
    ///
    /// # Errors
    /// [`ReceiptError`]: too long, not JSON, unknown or repeated members, another version, a quorum that cannot be met.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_TRUST_BYTES {
            return Err(ReceiptError::TooLong {
                found: bytes.len(),
                max: MAX_TRUST_BYTES,
            });
        }
        let Object(bundle) = serde_json::from_slice::<Object<Self>>(bytes)?;
        if bundle.kbox != TRUST_TAG {
            return Err(ReceiptError::Kind {
                expected: TRUST_TAG,
                found: short(&bundle.kbox),
            });
        }
        bundle.check()?;
        Ok(bundle)
    }

    /// The JSON form, indented, with a final newline: the bytes served and recorded in the log.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    /// Logs, witnesses and quorum as a [C2SP tlog-policy](https://c2sp.org/tlog-policy), for other people's tools: what it says is
    /// enough is enough here too, but for the times, of which such a policy says nothing. Witnesses that are not independent are left out.
    #[must_use]
    pub fn to_tlog_policy(&self) -> String {
        let mut text = String::new();
        for shard in &self.shards {
            text.push_str(&format!("log {}\n", shard.vkey));
        }
        let mut members = Vec::new();
        let independent = self
            .witnesses
            .operators
            .iter()
            .filter(|one| one.independent);
        for (operator, number) in independent.zip(1..) {
            let mut names = Vec::new();
            for (key, place) in operator.keys.iter().zip(1..) {
                let name = format!("witness-{number}-{place}");
                text.push_str(&format!("witness {name} {key}\n"));
                names.push(name);
            }
            let name = format!("operator-{number}");
            // Names of groups hold no spaces; whose it is, people want to read.
            let whose = operator.name.replace(char::is_control, " ");
            text.push_str(&format!("# {name}: {whose}\n"));
            text.push_str(&format!("group {name} any {}\n", names.join(" ")));
            members.push(name);
        }
        match members.is_empty() {
            true => text.push_str("quorum none\n"),
            false => text.push_str(&format!(
                "group operators {} {}\nquorum operators\n",
                self.witnesses.quorum,
                members.join(" ")
            )),
        }
        text
    }

    fn check(&self) -> Result<(), ReceiptError> {
        let operators = &self.witnesses.operators;
        for (what, len) in [
            ("authorities", self.authorities.len()),
            ("roots", self.roots.len()),
            ("anchor roots", self.anchor_roots.len()),
            ("crls", self.crls.len()),
            ("ocsp", self.ocsp.len()),
            ("shards", self.shards.len()),
            ("witness operators", operators.len()),
            (
                "certificates",
                self.authorities
                    .iter()
                    .map(|authority| authority.chain.len())
                    .sum(),
            ),
            (
                "witness keys",
                operators.iter().map(|operator| operator.keys.len()).sum(),
            ),
        ] {
            if len > MAX_LIST {
                return Err(ReceiptError::TooMany {
                    what,
                    max: MAX_LIST,
                });
            }
        }
        if self.version == 0 {
            return Err(ReceiptError::Bundle(BundleFault::Version));
        }
        if self.environment == Environment::Production && !self.clock.is_measured() {
            return Err(ReceiptError::Bundle(BundleFault::Clock));
        }
        if self.authorities.is_empty() || self.shards.is_empty() || self.roots.is_empty() {
            return Err(ReceiptError::Bundle(BundleFault::Empty));
        }
        if self
            .shards
            .iter()
            .any(|shard| shard.final_size.is_some() != shard.final_root.is_some())
        {
            return Err(ReceiptError::Bundle(BundleFault::FinalTree));
        }
        for shard in &self.shards {
            if shard.trees.len() > MAX_LIST {
                return Err(ReceiptError::TooMany {
                    what: "trees of a shard",
                    max: MAX_LIST,
                });
            }
            if shard
                .trees
                .iter()
                .any(|tree| shard.final_size.is_none_or(|size| tree.size >= size))
            {
                return Err(ReceiptError::Bundle(BundleFault::Trees));
            }
        }
        let mut origins: Vec<&str> = self
            .shards
            .iter()
            .map(|shard| shard.origin.as_str())
            .collect();
        origins.sort_unstable();
        if origins.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(ReceiptError::Bundle(BundleFault::ShardTwice));
        }
        let quorum = usize::try_from(self.witnesses.quorum).unwrap_or(usize::MAX);
        if quorum > operators.len() || (quorum == 0 && !operators.is_empty()) {
            return Err(ReceiptError::Bundle(BundleFault::Quorum));
        }
        if operators.is_empty() && self.demand >= Demand::Temoigne {
            return Err(ReceiptError::Bundle(BundleFault::NoWitnesses));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::vec;

    use super::*;
    use crate::tlog::{KeyName, SignatureType, TlogPolicy, VerifierKey};

    fn key(seed: u8, kind: SignatureType) -> String {
        let public = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
        let name = KeyName::new(format!("k{seed}.example")).unwrap();
        VerifierKey::new(name, kind, public.as_bytes())
            .unwrap()
            .encode()
    }

    #[test]
    fn the_tlog_policy_has_the_same_quorums() {
        let operator = |seeds: &[u8], independent| WitnessOperator {
            name: "Commune d’ailleurs".into(),
            keys: seeds
                .iter()
                .map(|seed| key(*seed, SignatureType::Ed25519Cosignature))
                .collect(),
            accuracy_ms: 0,
            independent,
        };
        let origin = Origin::parse("k1.example").unwrap();
        let mut bundle = TrustBundle::new(
            Environment::Demonstration,
            TrustedAuthority {
                chain: vec![],
                policy: "1.2.3".into(),
                origin: origin.clone(),
                from: 0,
                to: None,
            },
            vec![],
            Shard {
                origin,
                vkey: key(1, SignatureType::Ed25519),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            },
            Demand::Journalise,
        );
        let policy = |bundle: &TrustBundle| TlogPolicy::parse(bundle.to_tlog_policy().as_bytes());
        assert!(!policy(&bundle).unwrap().needs_witnesses());
        bundle.witnesses = Witnesses {
            operators: vec![
                operator(&[2, 3], true),
                operator(&[4], true),
                operator(&[5], false),
                operator(&[6], true),
            ],
            quorum: 2,
        };
        let policy = policy(&bundle).unwrap();
        // Those of 2, 3, 4 and 6: the one that is not independent is not there.
        assert_eq!(policy.witnesses().len(), 4);
        for (witnessed, enough) in [
            (&[0, 1][..], false),
            (&[0, 2], true),
            (&[2, 3], true),
            (&[3], false),
        ] {
            assert_eq!(
                policy.is_quorum(|at| witnessed.contains(&at)),
                enough,
                "{witnessed:?}"
            );
        }
    }
}
