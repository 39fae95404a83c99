// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Witnesses, as the configuration has them: those that cosign this log (`[[witness]]`), and the logs that this server cosigns
//! (`[witnessing]`).

mod client;
mod evidence;
mod role;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kbox_proof::anchor::WitnessEndpoint;
use kbox_proof::event::Environment;
use kbox_proof::receipt::{WitnessOperator, Witnesses};
use kbox_proof::tlog::{KeyName, VerifierKey};
use serde::{Deserialize, Serialize};

pub(crate) use self::client::start;
pub(crate) use self::evidence::{SPLIT_VIEWS, split_views};
pub(crate) use self::role::{Role, RoleError, WITNESS_KEY};

/// A witness that cosigns this log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessConfig {
    /// What it is called in reports and metrics.
    pub(crate) name: String,
    /// Its submission prefix.
    pub(crate) url: String,
    /// Its C2SP verifier keys.
    pub(crate) vkeys: Vec<String>,
    /// Who runs it: counts once, however many witnesses.
    pub(crate) operator: String,
    /// How far its clock may be off.
    #[serde(default = "default_accuracy")]
    pub(crate) accuracy_ms: u64,
    /// Its operator neither runs nor hosts this log.
    #[serde(default = "default_independent")]
    pub(crate) independent: bool,
}

const fn default_accuracy() -> u64 {
    1000
}

const fn default_independent() -> bool {
    true
}

/// The logs that this server cosigns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessingConfig {
    /// Name of the key that cosigns.
    pub(crate) name: String,
    /// Their C2SP verifier keys, each named as its log.
    pub(crate) logs: Vec<String>,
}

/// What is wrong with the configuration of witnesses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WitnessConfigError(String);

impl fmt::Display for WitnessConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Further witnesses would be asked at once, each on a thread of its own.
const MAX_WITNESSES: usize = 16;
/// Further logs are looked through at each request.
const MAX_LOGS: usize = 1024;
/// Seconds between two rounds: beyond, the bounds would be wider than trust bundles allow (`max_gap_s`).
const MAX_INTERVAL_S: u64 = 120;

/// Everything that the configuration says of witnesses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) witnesses: &'a [WitnessConfig],
    pub(crate) quorum: Option<u32>,
    pub(crate) interval_s: u64,
    pub(crate) witnessing: Option<&'a WitnessingConfig>,
    pub(crate) environment: Environment,
}

impl Settings<'_> {
    pub(crate) fn check(&self) -> Result<(), WitnessConfigError> {
        self.endpoints()?;
        self.trusted()?;
        if !(1..=MAX_INTERVAL_S).contains(&self.interval_s) {
            return Err(WitnessConfigError(format!(
                "witness_interval_s = {}: give 1 to {MAX_INTERVAL_S} seconds",
                self.interval_s
            )));
        }
        if let Some(witnessing) = self.witnessing {
            witnessing.keys()?;
            witnessing.name()?;
        }
        Ok(())
    }

    /// Whom to ask.
    pub(crate) fn endpoints(&self) -> Result<Vec<WitnessEndpoint>, WitnessConfigError> {
        let mut endpoints: Vec<WitnessEndpoint> = Vec::new();
        if self.witnesses.len() > MAX_WITNESSES {
            return Err(WitnessConfigError(format!(
                "{} [[witness]] are given, and {MAX_WITNESSES} at most are asked",
                self.witnesses.len()
            )));
        }
        for witness in self.witnesses {
            let wrong =
                |what: &str| WitnessConfigError(format!("[[witness]] {:?}: {what}", witness.name));
            let is_plain = |text: &str| {
                !text.is_empty() && text.len() <= 100 && !text.contains(char::is_control)
            };
            if !is_plain(&witness.name) || !is_plain(&witness.operator) {
                return Err(wrong(
                    "name and operator are one line of 1 to 100 bytes each",
                ));
            }
            if endpoints.iter().any(|known| known.name == witness.name) {
                return Err(wrong("two witnesses have this name"));
            }
            let rest = witness.url.strip_prefix("https://");
            let clear = witness.url.strip_prefix("http://");
            if clear.is_some() && self.environment == Environment::Production {
                return Err(wrong("production asks over https:// alone"));
            }
            let usable = |rest: &str| {
                !rest.is_empty()
                    && !rest.ends_with('/')
                    && rest
                        .bytes()
                        .all(|byte| byte.is_ascii_graphic() && !b"?#@".contains(&byte))
            };
            if !rest.or(clear).is_some_and(usable) {
                return Err(wrong(
                    "url is its submission prefix, such as https://kbox.example.fr/witness, without a slash at the end",
                ));
            }
            let mut keys = Vec::new();
            for text in &witness.vkeys {
                let key = VerifierKey::parse(text).map_err(|error| wrong(&error.to_string()))?;
                if !key.signature_type().is_cosignature() {
                    return Err(wrong(
                        "its vkeys are those by which it cosigns, not a log's",
                    ));
                }
                keys.push(key);
            }
            if keys.is_empty() {
                return Err(wrong("vkeys is empty"));
            }
            endpoints.push(WitnessEndpoint {
                name: witness.name.clone(),
                url: witness.url.clone(),
                keys,
            });
        }
        Ok(endpoints)
    }

    /// As a trust bundle names them: by operator, each once.
    pub(crate) fn trusted(&self) -> Result<Witnesses, WitnessConfigError> {
        let mut operators: BTreeMap<&str, WitnessOperator> = BTreeMap::new();
        let mut all: Vec<&str> = Vec::new();
        for witness in self.witnesses {
            for key in &witness.vkeys {
                if all.contains(&key.as_str()) {
                    return Err(WitnessConfigError(format!(
                        "[[witness]] {:?}: its key is another witness's too, which would count twice",
                        witness.name
                    )));
                }
                all.push(key);
            }
            let operator = operators
                .entry(&witness.operator)
                .or_insert(WitnessOperator {
                    name: witness.operator.clone(),
                    keys: Vec::new(),
                    accuracy_ms: 0,
                    independent: witness.independent,
                });
            if operator.independent != witness.independent {
                return Err(WitnessConfigError(format!(
                    "operator {:?} is independent by one [[witness]] and not by another",
                    witness.operator
                )));
            }
            operator.keys.extend(witness.vkeys.iter().cloned());
            operator.accuracy_ms = operator.accuracy_ms.max(witness.accuracy_ms);
        }
        let operators: Vec<_> = operators.into_values().collect();
        let independent = operators.iter().filter(|one| one.independent).count();
        let independent = u32::try_from(independent).unwrap_or(u32::MAX);
        if operators.is_empty() {
            return match self.quorum {
                None => Ok(Witnesses::default()),
                Some(_) => Err(WitnessConfigError(
                    "witness_quorum is given, and no [[witness]]".into(),
                )),
            };
        }
        // More than half: no two quorums without a witness in common, which would see two histories.
        let quorum = self.quorum.unwrap_or(independent / 2 + 1);
        if quorum == 0 || quorum > independent {
            return Err(WitnessConfigError(format!(
                "witness_quorum = {quorum}, and {independent} independent operators are configured: give 1 to that many, more than half \
                 of them for protection against two histories"
            )));
        }
        Ok(Witnesses { operators, quorum })
    }

    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_s)
    }
}

impl WitnessingConfig {
    pub(crate) fn name(&self) -> Result<KeyName, WitnessConfigError> {
        KeyName::new(self.name.as_str())
            .map_err(|error| WitnessConfigError(format!("[witnessing] name: {error}")))
    }

    pub(crate) fn keys(&self) -> Result<Vec<VerifierKey>, WitnessConfigError> {
        let wrong =
            |what: &dyn fmt::Display| WitnessConfigError(format!("[witnessing] logs: {what}"));
        if self.logs.len() > MAX_LOGS {
            return Err(wrong(&format!("{MAX_LOGS} at most")));
        }
        let mut keys = Vec::new();
        for text in &self.logs {
            let key = VerifierKey::parse(text).map_err(|error| wrong(&error))?;
            if !key.signature_type().is_for_logs() {
                return Err(wrong(&format!(
                    "{} is a witness's key, no log's",
                    key.name()
                )));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kbox_proof::key::{LogSigner, WitnessSigner};

    use super::*;

    fn vkey(number: u8) -> String {
        let name = KeyName::new(format!("w{number}.example")).unwrap();
        let signer = LogSigner::from_seed(&[number; 32]).unwrap();
        WitnessSigner::new(name, signer).unwrap().key().encode()
    }

    fn witness(number: u8, operator: &str) -> WitnessConfig {
        WitnessConfig {
            name: format!("w{number}"),
            url: "https://w.example/witness".into(),
            vkeys: vec![vkey(number)],
            operator: operator.into(),
            accuracy_ms: u64::from(number) * 100,
            independent: true,
        }
    }

    fn settings(witnesses: &[WitnessConfig], quorum: Option<u32>) -> Settings<'_> {
        Settings {
            witnesses,
            quorum,
            interval_s: 60,
            witnessing: None,
            environment: Environment::Production,
        }
    }

    #[test]
    fn an_operator_counts_once_and_more_than_half_are_a_quorum() {
        let all = [
            witness(1, "Amiens"),
            witness(2, "Abbeville"),
            witness(3, "Amiens"),
            witness(4, "Albert"),
        ];
        let trusted = settings(&all, None).trusted().unwrap();
        assert_eq!(trusted.quorum, 2);
        let names: Vec<_> = trusted
            .operators
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["Abbeville", "Albert", "Amiens"]);
        assert_eq!(trusted.operators[2].keys, [vkey(1), vkey(3)]);
        assert_eq!(trusted.operators[2].accuracy_ms, 300);
        assert_eq!(settings(&[], None).trusted(), Ok(Witnesses::default()));
    }

    #[test]
    fn witnesses_that_could_not_work_or_would_prove_nothing_are_refused() {
        let good = witness(1, "Amiens");
        let with = |change: fn(&mut WitnessConfig)| {
            let mut one = good.clone();
            change(&mut one);
            one
        };
        assert_eq!(
            settings(std::slice::from_ref(&good), Some(1)).check(),
            Ok(())
        );
        for (witnesses, quorum) in [
            (vec![good.clone()], Some(2)),
            (vec![good.clone()], Some(0)),
            (vec![], Some(1)),
            (vec![good.clone(), good.clone()], None),
            (vec![with(|one| one.independent = false)], Some(1)),
            (vec![with(|one| one.url = "http://w.example".into())], None),
            (
                vec![with(|one| one.url = "https://w.example/".into())],
                None,
            ),
            (
                vec![with(|one| one.url = "https://w.example?x".into())],
                None,
            ),
            (vec![with(|one| one.vkeys.clear())], None),
            (vec![with(|one| one.vkeys = vec!["w".into()])], None),
            (vec![with(|one| one.name = "a\nb".into())], None),
            (
                vec![good.clone(), with(|one| one.name = "other".into())],
                None,
            ),
        ] {
            assert!(
                settings(&witnesses, quorum).check().is_err(),
                "{witnesses:?} {quorum:?}"
            );
        }
        let log = LogSigner::from_seed(&[9; 32])
            .unwrap()
            .vkey("log.example/1");
        let mut not_cosigning = good.clone();
        not_cosigning.vkeys = vec![log.clone()];
        assert!(settings(&[not_cosigning], None).check().is_err());
        let witnessing = |logs: &[&str]| WitnessingConfig {
            name: "w.example".into(),
            logs: logs.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(witnessing(&[&log]).keys().unwrap().len(), 1);
        assert!(witnessing(&["x"]).keys().is_err());
        let cosigner = LogSigner::from_seed(&[1; 32]).unwrap();
        let cosigner = WitnessSigner::new(KeyName::new("w1.example").unwrap(), cosigner).unwrap();
        assert!(witnessing(&[&cosigner.key().encode()]).keys().is_err());
    }
}
