// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The two timestamp authorities, as the configuration has them: `[tsa]` answers `POST /tsa`, `[evidence]` stamps events.

use std::path::PathBuf;

use kbox_proof::event::Environment;
use kbox_proof::tsp::{HashAlgorithm, OidError, TsaPolicyId};
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// The public authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TsaConfig {
    /// Its key, PKCS#8 in PEM; by default `keys/public-key.pem` in the data directory.
    key: Option<PathBuf>,
    /// Its certificates in PEM, the signer's first, the root last; by default `keys/public-chain.pem`.
    chain: Option<PathBuf>,
    /// The policy of tokens for requests that ask for none.
    policy: Option<PolicyName>,
    /// Further policies that a request may ask for.
    further_policies: Vec<PolicyName>,
    /// Hash algorithms whose imprints are stamped; by default all.
    hashes: Option<Vec<HashName>>,
    /// An RSA key signs by RSASSA-PSS.
    pub(crate) pss: bool,
}

/// The authority of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EvidenceConfig {
    /// Its key, PKCS#8 in PEM; by default `keys/evidence-key.pem` in the data directory.
    key: Option<PathBuf>,
    /// Its certificates in PEM, the signer's first, the root last; by default `keys/evidence-chain.pem`.
    chain: Option<PathBuf>,
}

/// A policy by its dotted object identifier.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PolicyName(TsaPolicyId);

impl PolicyName {
    pub(crate) fn into_id(self) -> TsaPolicyId {
        self.0
    }
}

impl TryFrom<String> for PolicyName {
    type Error = OidError;

    fn try_from(text: String) -> Result<Self, OidError> {
        text.parse().map(Self)
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.0.to_string()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
enum HashName {
    #[serde(rename = "sha256")]
    Sha256,
    #[serde(rename = "sha384")]
    Sha384,
    #[serde(rename = "sha512")]
    Sha512,
    #[serde(rename = "sha3-256")]
    Sha3_256,
    #[serde(rename = "sha3-384")]
    Sha3_384,
    #[serde(rename = "sha3-512")]
    Sha3_512,
}

impl From<HashName> for HashAlgorithm {
    fn from(name: HashName) -> Self {
        match name {
            HashName::Sha256 => Self::Sha256,
            HashName::Sha384 => Self::Sha384,
            HashName::Sha512 => Self::Sha512,
            HashName::Sha3_256 => Self::Sha3_256,
            HashName::Sha3_384 => Self::Sha3_384,
            HashName::Sha3_512 => Self::Sha3_512,
        }
    }
}

/// Where an authority's key and certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthorityPaths {
    pub(crate) key: PathBuf,
    pub(crate) chain: PathBuf,
}

fn paths(
    key: Option<&PathBuf>,
    chain: Option<&PathBuf>,
    section: &'static str,
) -> Result<Option<AuthorityPaths>, ConfigError> {
    match (key.cloned(), chain.cloned()) {
        (Some(key), Some(chain)) => Ok(Some(AuthorityPaths { key, chain })),
        (None, None) => Ok(None),
        _ => Err(ConfigError::KeyWithoutChain(section)),
    }
}

impl EvidenceConfig {
    /// Where key and certificates are, when not in the data directory.
    pub(crate) fn paths(&self) -> Result<Option<AuthorityPaths>, ConfigError> {
        paths(self.key.as_ref(), self.chain.as_ref(), "evidence")
    }
}

impl TsaConfig {
    /// Where key and certificates are, when not in the data directory.
    pub(crate) fn paths(&self) -> Result<Option<AuthorityPaths>, ConfigError> {
        paths(self.key.as_ref(), self.chain.as_ref(), "tsa")
    }

    /// The policy of tokens for requests that ask for none, when it is not kbox's own.
    pub(crate) fn policy(&self) -> Option<TsaPolicyId> {
        self.policy.as_ref().map(|name| name.0.clone())
    }

    /// Further policies that a request may ask for.
    pub(crate) fn further_policies(&self) -> Vec<TsaPolicyId> {
        let names = self.further_policies.iter();
        names.map(|name| name.0.clone()).collect()
    }

    /// The hash algorithms whose imprints are stamped, when not all are.
    pub(crate) fn hashes(&self) -> Option<Vec<HashAlgorithm>> {
        let names = self.hashes.as_ref()?;
        Some(names.iter().copied().map(HashAlgorithm::from).collect())
    }

    /// Refuses what no public authority may be, before any key is read.
    pub(crate) fn check(&self, environment: Environment) -> Result<(), ConfigError> {
        self.paths()?;
        if self.hashes.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::NoHash);
        }
        let demonstration = environment == Environment::Demonstration;
        for PolicyName(policy) in self.policy.iter().chain(&self.further_policies) {
            if policy.is_evidence() {
                return Err(ConfigError::EvidencePolicy(policy.clone()));
            }
            // A demonstration's clock is nobody's to warrant, and its policies say so.
            if policy.is_demonstration() != demonstration {
                return Err(ConfigError::PolicyOfOtherEnvironment {
                    policy: policy.clone(),
                    demonstration,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(section: &str, environment: Environment) -> Result<(), ConfigError> {
        toml::from_str::<TsaConfig>(section)
            .unwrap()
            .check(environment)
    }

    #[test]
    fn a_public_authority_never_takes_the_policies_of_evidence_nor_those_of_another_environment() {
        use Environment::{Demonstration, Production};
        for evidence in [
            TsaPolicyId::evidence_policy(),
            TsaPolicyId::demonstration_evidence_policy(),
        ] {
            for section in [
                format!("policy = \"{evidence}\""),
                format!("further_policies = [\"{evidence}\"]"),
            ] {
                for environment in [Production, Demonstration] {
                    let refused = Err(ConfigError::EvidencePolicy(evidence.clone()));
                    assert_eq!(check(&section, environment), refused);
                }
            }
        }
        let ours = TsaPolicyId::demonstration_public_policy();
        for (policy, production, demonstration) in [
            ("1.2.3".to_string(), true, false),
            (TsaPolicyId::public_policy().to_string(), true, false),
            (ours.to_string(), false, true),
            (format!("{ours}.7"), false, true),
        ] {
            for section in [
                format!("policy = \"{policy}\""),
                format!("further_policies = [\"{policy}\"]"),
            ] {
                assert_eq!(check(&section, Production).is_ok(), production, "{policy}");
                let found = check(&section, Demonstration).is_ok();
                assert_eq!(found, demonstration, "{policy}");
            }
        }
    }

    #[test]
    fn hashes_are_some_of_the_six_and_a_key_comes_with_its_chain() {
        let hashes = |list: &str| {
            let section = toml::from_str::<TsaConfig>(&format!("hashes = {list}"));
            section.map(|section| section.hashes())
        };
        assert_eq!(
            hashes("[\"sha3-256\", \"sha512\"]").unwrap(),
            Some(vec![HashAlgorithm::Sha3_256, HashAlgorithm::Sha512])
        );
        for weak in ["sha1", "md5", "sha224", "SHA256"] {
            let error = hashes(&format!("[\"{weak}\"]")).unwrap_err().to_string();
            assert!(
                error.contains(weak) && error.contains("sha3-512"),
                "{error}"
            );
        }
        let empty = check("hashes = []", Environment::Production);
        assert_eq!(empty, Err(ConfigError::NoHash));
        for half in ["key = \"k.pem\"", "chain = \"c.pem\""] {
            let found = check(half, Environment::Production);
            assert_eq!(found, Err(ConfigError::KeyWithoutChain("tsa")));
            let evidence: EvidenceConfig = toml::from_str(half).unwrap();
            let found = evidence.paths();
            assert_eq!(found, Err(ConfigError::KeyWithoutChain("evidence")));
        }
        for odd in ["policy = \"one.two\"", "policies = []", "policy = 1"] {
            assert!(toml::from_str::<TsaConfig>(odd).is_err(), "{odd}");
        }
    }
}
