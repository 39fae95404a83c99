// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the operator sets: a TOML file, and the options that override it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kbox_council::Relay;
use kbox_proof::clock::{ServerAddressError, SntpSource};
use kbox_proof::event::{Environment, Origin};
use kbox_proof::tsp::TsaPolicyId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::anchors::{self, AnchorConfig, AnchorConfigError};
use crate::authorities::{EvidenceConfig, TsaConfig};
use crate::witnesses::{self, WitnessConfig, WitnessConfigError, WitnessingConfig};

/// No configuration is longer.
const MAX_CONFIG_BYTES: u64 = 64 * 1024;

/// The settings of one server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Directory that holds keys and log.
    pub(crate) data: PathBuf,
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Where members' links point, without a final slash; by default the listener.
    pub(crate) base_url: Option<String>,
    /// A reverse proxy that ends TLS stands in front and appends to `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
    /// `demonstration` makes its own keys; `production` wants them provided.
    pub(crate) environment: Environment,
    /// Name of the log, fixed at the first start; by default a random one.
    pub(crate) origin: Option<Origin>,
    /// Who says how far off the system clock is.
    pub(crate) clock: ClockConfig,
    /// How far off the system clock may be where nobody measures it.
    pub(crate) clock_accuracy_ms: u64,
    /// The accuracy stated in tokens; more than the clock's.
    pub(crate) token_accuracy_ms: u64,
    /// The authority of `POST /tsa`.
    pub(crate) tsa: TsaConfig,
    /// The authority that stamps events.
    pub(crate) evidence: EvidenceConfig,
    /// Where mail goes.
    pub(crate) relay: Option<RelayConfig>,
    /// The witnesses that cosign this log.
    pub(crate) witness: Vec<WitnessConfig>,
    /// Independent operators of theirs that are enough; by default more than half.
    pub(crate) witness_quorum: Option<u32>,
    /// Seconds from one round of theirs to the next.
    pub(crate) witness_interval_s: u64,
    /// The logs that this server cosigns.
    pub(crate) witnessing: Option<WitnessingConfig>,
    /// The trust bundle may name fewer witnesses than the one before. Said at a start, and never in the file, where it would stay.
    #[serde(skip)]
    pub(crate) drop_witnesses: bool,
    /// Outside authorities that timestamp this log.
    pub(crate) anchor: Vec<AnchorConfig>,
    /// How many of them stamp each checkpoint.
    pub(crate) anchors: u32,
    /// Seconds from one anchor to the next.
    pub(crate) anchor_interval_s: u64,
}

/// Who measures the system clock, and how often.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClockConfig {
    /// Who is asked.
    pub(crate) source: ClockSource,
    /// NTP servers, by host name or address.
    pub(crate) servers: Vec<String>,
    /// Seconds from one measurement to the next.
    pub(crate) poll_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClockSource {
    /// Nobody: `clock_accuracy_ms` is believed.
    System,
    /// The kernel, to which the time daemon reports.
    Kernel,
    /// A majority of `servers`.
    Sntp,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self {
            source: ClockSource::System,
            servers: Vec::new(),
            poll_s: 64,
        }
    }
}

/// The clock drifts 500 ppm at most (RFC 5905 §11.3): beyond, that alone would be more than a second between measurements.
const MAX_POLL_S: u64 = 900;

/// Fewer cannot outvote one that is wrong.
const MIN_PRODUCTION_SERVERS: usize = 3;

/// A mail relay on a trusted network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayConfig {
    /// Host name or address.
    pub(crate) host: String,
    /// Port.
    #[serde(default = "smtp_port")]
    pub(crate) port: u16,
    /// Sender's address.
    pub(crate) from: String,
    /// Sender's name.
    pub(crate) from_name: String,
}

const fn smtp_port() -> u16 {
    25
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("kbox-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            base_url: None,
            behind_proxy: false,
            environment: Environment::Demonstration,
            origin: None,
            clock: ClockConfig::default(),
            clock_accuracy_ms: 500,
            token_accuracy_ms: 1000,
            tsa: TsaConfig::default(),
            evidence: EvidenceConfig::default(),
            relay: None,
            witness: Vec::new(),
            witness_quorum: None,
            witness_interval_s: 60,
            witnessing: None,
            drop_witnesses: false,
            anchor: Vec::new(),
            anchors: 1,
            anchor_interval_s: 3600,
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    Unreadable { path: String, problem: String },
    /// The file is no such configuration.
    Content { path: String, problem: String },
    /// Members' secrets and API keys would cross a network in clear.
    NoTls(SocketAddr),
    /// `base_url` is no `http` or `https` address without a path's end.
    BaseUrl(String),
    /// Production without TLS.
    ProductionWithoutTls,
    /// A section has a key or a chain, and not the other one.
    KeyWithoutChain(&'static str),
    /// The public authority is to state a policy of evidence.
    EvidencePolicy(TsaPolicyId),
    /// A demonstration is to state a policy of others, or production one of a demonstration.
    PolicyOfOtherEnvironment {
        policy: TsaPolicyId,
        demonstration: bool,
    },
    /// The public authority is to accept no hash algorithm.
    NoHash,
    /// Tokens cannot state this.
    Accuracy { clock: u64, token: u64 },
    /// Production with a clock that nobody measures.
    ProductionWithoutMeasuredClock,
    /// Production with so few servers that one alone decides, or none could be outvoted.
    FewServers(usize),
    /// An NTP server cannot be asked.
    Servers(ServerAddressError),
    /// Servers, and a source that asks none.
    ServersUnused,
    /// Measurements too frequent or too rare.
    Poll(u64),
    /// Witnesses.
    Witnesses(WitnessConfigError),
    /// Outside authorities.
    Anchors(AnchorConfigError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, problem } => write!(f, "{path} cannot be read: {problem}"),
            Self::Content { path, problem } => write!(f, "{path} is not a configuration: {problem}"),
            Self::NoTls(listen) => write!(
                f,
                "listening on {listen} would send keys and members' links over the network in clear. Put a reverse proxy \
                 with TLS in front and give --behind-proxy, or listen on 127.0.0.1"
            ),
            Self::BaseUrl(url) => write!(
                f,
                "base_url {url:?} is not usable: give the address that members reach, such as https://kbox.example.fr, \
                 without a slash at the end"
            ),
            Self::ProductionWithoutTls => f.write_str(
                "environment = \"production\" needs base_url = \"https://…\": members' links must not travel in clear",
            ),
            Self::KeyWithoutChain(section) => write!(
                f,
                "[{section}] needs both key and chain, or neither: the certificates are those of the key"
            ),
            Self::EvidencePolicy(policy) => write!(
                f,
                "[tsa] must not state {policy}, the policy of evidence events: anybody could have an event of their own stamped. Leave \
                 it out; evidence has an authority of its own"
            ),
            Self::PolicyOfOtherEnvironment {
                policy,
                demonstration: true,
            } => write!(
                f,
                "[tsa] policy {policy} promises what a demonstration does not keep. In a demonstration, policies begin with {} and \
                 end in numbers of yours",
                TsaPolicyId::demonstration_public_policy()
            ),
            Self::PolicyOfOtherEnvironment {
                policy,
                demonstration: false,
            } => write!(
                f,
                "[tsa] policy {policy} is one of a demonstration; production has a policy of yours, or leaves it out"
            ),
            Self::NoHash => f.write_str(
                "[tsa] hashes is empty, so that nothing could be stamped: name some of sha256, sha384, sha512, sha3-256, sha3-384, \
                 sha3-512, or leave it out for all",
            ),
            Self::Accuracy { clock, token } if !(2..=1000).contains(token) => write!(
                f,
                "token_accuracy_ms = {token}: give 2 to 1000, and more than clock_accuracy_ms = {clock}. genTime is cut to \
                 milliseconds, and no authority may state more than a second (EN 319 421 §7.7.2)"
            ),
            Self::Accuracy { clock: 0, .. } => f.write_str(
                "clock_accuracy_ms = 0: no clock is exact. Give how far off the system clock may be, in milliseconds, such as 500",
            ),
            Self::Accuracy { clock, token } => {
                write!(
                    f,
                    "a clock exact to clock_accuracy_ms = {clock} is too coarse for tokens that state token_accuracy_ms = {token}: set \
                     clock_accuracy_ms to at most {}",
                    token.saturating_sub(1)
                )?;
                match clock.checked_add(1).filter(|least| *least <= 1000) {
                    Some(least) => write!(f, ", or token_accuracy_ms to at least {least}"),
                    None => f.write_str("; tokens state at most a second (EN 319 421 §7.7.2)"),
                }
            }
            Self::ProductionWithoutMeasuredClock => f.write_str(
                "environment = \"production\" needs a clock that is measured. Set, under [clock], source = \"kernel\" where chrony or \
                 ntpd runs on this machine, or source = \"sntp\" and servers = [three NTP servers or more]",
            ),
            Self::FewServers(count) => write!(
                f,
                "environment = \"production\" needs {MIN_PRODUCTION_SERVERS} NTP servers or more under [clock], so that one that is \
                 wrong is outvoted; {count} given"
            ),
            Self::Servers(error) => write!(f, "[clock] servers: {error}"),
            Self::ServersUnused => f.write_str(
                "[clock] servers are asked with source = \"sntp\" only: set it, or leave the servers out",
            ),
            Self::Witnesses(error) => error.fmt(f),
            Self::Anchors(error) => error.fmt(f),
            Self::Poll(seconds) => write!(
                f,
                "[clock] poll_s = {seconds}: give 1 to {MAX_POLL_S} seconds; public servers want 64 or more"
            ),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads a TOML file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = || path.display().to_string();
        let unreadable = |error: std::io::Error| ConfigError::Unreadable {
            path: name(),
            problem: error.to_string(),
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_CONFIG_BYTES {
            return Err(ConfigError::Content {
                path: name(),
                problem: format!("{size} bytes, at most {MAX_CONFIG_BYTES} are expected"),
            });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        toml::from_str(&text).map_err(|error| ConfigError::Content {
            path: name(),
            problem: error.to_string(),
        })
    }

    /// Refuses what would be unsafe or could not work.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() && !self.behind_proxy {
            return Err(ConfigError::NoTls(self.listen));
        }
        if let Some(url) = &self.base_url {
            let rest = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            let plain = |rest: &str| {
                !rest.is_empty()
                    && !rest.ends_with('/')
                    && rest.bytes().all(|byte| {
                        byte.is_ascii_alphanumeric()
                            || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
                    })
            };
            if !rest.is_some_and(plain) {
                return Err(ConfigError::BaseUrl(url.chars().take(200).collect()));
            }
        }
        if self.environment == Environment::Production && !self.is_https() {
            return Err(ConfigError::ProductionWithoutTls);
        }
        self.tsa.check(self.environment)?;
        self.evidence.paths()?;
        self.check_clock()?;
        self.witnesses().check().map_err(ConfigError::Witnesses)?;
        self.anchors().check().map_err(ConfigError::Anchors)?;
        // A measured clock is held against what tokens state while it runs.
        let declared = match self.clock.source {
            ClockSource::System => self.clock_accuracy_ms,
            ClockSource::Kernel | ClockSource::Sntp => 0,
        };
        let no_error = declared == 0 && self.clock.source == ClockSource::System;
        let least = declared.saturating_add(1).max(2);
        if self.token_accuracy_ms < least || self.token_accuracy_ms > 1000 || no_error {
            return Err(ConfigError::Accuracy {
                clock: declared,
                token: self.token_accuracy_ms,
            });
        }
        Ok(())
    }

    fn check_clock(&self) -> Result<(), ConfigError> {
        let ClockConfig {
            source,
            servers,
            poll_s,
        } = &self.clock;
        let production = self.environment == Environment::Production;
        if production && *source == ClockSource::System {
            return Err(ConfigError::ProductionWithoutMeasuredClock);
        }
        if *source == ClockSource::Sntp {
            SntpSource::new(servers).map_err(ConfigError::Servers)?;
            if production && servers.len() < MIN_PRODUCTION_SERVERS {
                return Err(ConfigError::FewServers(servers.len()));
            }
        } else if !servers.is_empty() {
            return Err(ConfigError::ServersUnused);
        }
        if !(1..=MAX_POLL_S).contains(poll_s) {
            return Err(ConfigError::Poll(*poll_s));
        }
        Ok(())
    }

    /// Everything about witnesses.
    pub(crate) fn witnesses(&self) -> witnesses::Settings<'_> {
        witnesses::Settings {
            witnesses: &self.witness,
            quorum: self.witness_quorum,
            interval_s: self.witness_interval_s,
            witnessing: self.witnessing.as_ref(),
            environment: self.environment,
        }
    }

    /// Everything about outside authorities.
    pub(crate) fn anchors(&self) -> anchors::Settings<'_> {
        anchors::Settings {
            anchor: &self.anchor,
            wanted: self.anchors,
            interval_s: self.anchor_interval_s,
            environment: self.environment,
        }
    }

    /// The settings for the audit log: no secret, and nobody's address. A new setting does not compile until it is here.
    pub(crate) fn settings(&self) -> serde_json::Value {
        let Self {
            data,
            listen,
            base_url,
            behind_proxy,
            environment,
            origin,
            clock:
                ClockConfig {
                    source,
                    servers,
                    poll_s,
                },
            clock_accuracy_ms,
            token_accuracy_ms,
            tsa,
            evidence,
            relay,
            witness,
            witness_quorum,
            witness_interval_s,
            witnessing,
            drop_witnesses,
            anchor,
            anchors,
            anchor_interval_s,
        } = self;
        let mut settings = json!({
            "data": data,
            "listen": listen,
            "base_url": base_url,
            "behind_proxy": behind_proxy,
            "environment": environment,
            "origin": origin,
            "clock": { "source": source, "servers": servers, "poll_s": poll_s },
            "clock_accuracy_ms": clock_accuracy_ms,
            "token_accuracy_ms": token_accuracy_ms,
            "tsa": tsa,
            "evidence": evidence,
            "relay": relay.as_ref().map(|relay| json!({ "host": relay.host, "port": relay.port })),
        });
        // Without them the settings are those of earlier versions, which an update does not change.
        if !witness.is_empty() || witnessing.is_some() {
            settings["witness"] = json!(witness);
            settings["witness_quorum"] = json!(witness_quorum);
            settings["witness_interval_s"] = json!(witness_interval_s);
            settings["witnessing"] = json!(witnessing);
        }
        if *drop_witnesses {
            settings["drop_witnesses"] = json!(true);
        }
        if !anchor.is_empty() {
            settings["anchor"] = json!(anchor);
            settings["anchors"] = json!(anchors);
            settings["anchor_interval_s"] = json!(anchor_interval_s);
        }
        settings
    }

    /// Members reach the service over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.base_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    /// Where members' links point, for a server that listens on `address`.
    pub(crate) fn base_url(&self, address: SocketAddr) -> String {
        self.base_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"))
    }

    pub(crate) fn clock_accuracy(&self) -> Duration {
        Duration::from_millis(self.clock_accuracy_ms)
    }

    pub(crate) fn token_accuracy(&self) -> Duration {
        Duration::from_millis(self.token_accuracy_ms)
    }

    /// The relay, as the workflow wants it.
    pub(crate) fn relay(&self) -> Option<Relay> {
        self.relay.as_ref().map(|relay| Relay {
            host: relay.host.clone(),
            port: relay.port,
            from: relay.from.clone(),
            from_name: relay.from_name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_listener_beyond_loopback_needs_a_proxy_with_tls() {
        let mut config = Config {
            listen: "0.0.0.0:8420".parse().unwrap(),
            ..Config::default()
        };
        assert_eq!(config.check(), Err(ConfigError::NoTls(config.listen)));
        config.behind_proxy = true;
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn unknown_settings_and_unusable_values_are_refused() {
        assert!(toml::from_str::<Config>("datta = \"x\"").is_err());
        for text in [
            "base_url = \"kbox.example.fr\"",
            "base_url = \"https://kbox.example.fr/\"",
            "base_url = \"https://a b\"",
            "environment = \"production\"",
            "clock_accuracy_ms = 1000",
            "token_accuracy_ms = 1",
            "token_accuracy_ms = 1001",
        ] {
            let config: Config = toml::from_str(text).unwrap();
            assert!(config.check().is_err(), "{text}");
        }
        let config: Config = toml::from_str(
            "environment = \"production\"\nbase_url = \"https://kbox.example.fr\"\n[clock]\nsource = \"kernel\"\n[relay]\nhost = \"mx\"\nfrom = \"a@b.fr\"\nfrom_name = \"Mairie\"",
        )
        .unwrap();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.relay().unwrap().port, 25);
    }

    #[test]
    fn an_accuracy_that_cannot_be_says_which_setting_to_change_and_to_what() {
        let refusal = |text: &str| {
            let config: Config = toml::from_str(text).unwrap();
            config.check().unwrap_err().to_string()
        };
        for (text, words) in [
            (
                "clock_accuracy_ms = 0",
                "clock_accuracy_ms = 0: no clock is exact",
            ),
            (
                "clock_accuracy_ms = 1500",
                "set clock_accuracy_ms to at most 999; tokens state at most a second",
            ),
            (
                "clock_accuracy_ms = 600\ntoken_accuracy_ms = 500",
                "set clock_accuracy_ms to at most 499, or token_accuracy_ms to at least 601",
            ),
            (
                "token_accuracy_ms = 1001",
                "token_accuracy_ms = 1001: give 2 to 1000",
            ),
            (
                "token_accuracy_ms = 0",
                "token_accuracy_ms = 0: give 2 to 1000",
            ),
        ] {
            let found = refusal(text);
            assert!(found.contains(words), "{words}: {found}");
        }
    }

    /// What the guide shows is what an operator pastes.
    #[test]
    fn every_configuration_that_the_guide_shows_is_one() {
        let guide = include_str!("../../../docs/server.md");
        let examples: Vec<String> = guide
            .split("\n\n")
            .map(|block| block.trim_start_matches('\n'))
            .collect::<Vec<_>>()
            .chunk_by(|one, next| one.starts_with("    ") == next.starts_with("    "))
            .filter(|blocks| blocks.iter().all(|block| block.starts_with("    ")))
            .map(|blocks| {
                blocks
                    .join("\n\n")
                    .replace("\n    ", "\n")
                    .trim()
                    .to_string()
            })
            .filter(|block| block.lines().any(|line| line.starts_with('[')))
            .collect();
        assert_eq!(examples.len(), 5, "{examples:#?}");
        for example in &examples {
            let config: Config =
                toml::from_str(example).unwrap_or_else(|error| unreachable!("{example}: {error}"));
            assert_eq!(config.check(), Ok(()), "{example}");
        }
    }

    fn production(clock: &str) -> Result<(), ConfigError> {
        let config: Config = toml::from_str(&format!(
            "environment = \"production\"\nbase_url = \"https://kbox.example.fr\"\n{clock}"
        ))
        .unwrap();
        config.check()
    }

    #[test]
    fn production_does_not_start_with_a_clock_that_nobody_measures() {
        let without = Err(ConfigError::ProductionWithoutMeasuredClock);
        assert_eq!(production(""), without);
        assert_eq!(production("[clock]\nsource = \"system\""), without);
        let text = ConfigError::ProductionWithoutMeasuredClock.to_string();
        assert!(text.contains("source = \"kernel\"") && text.contains("source = \"sntp\""));
        assert_eq!(production("[clock]\nsource = \"kernel\""), Ok(()));
        let sntp = |servers: &str| production(&format!("[clock]\nsource = \"sntp\"\n{servers}"));
        assert_eq!(
            sntp(""),
            Err(ConfigError::Servers(ServerAddressError::None))
        );
        assert_eq!(
            sntp("servers = [\"a.fr\", \"b.fr\"]"),
            Err(ConfigError::FewServers(2))
        );
        assert_eq!(
            sntp("servers = [\"a.fr\", \"b.fr\", \"192.0.2.1:123\"]"),
            Ok(())
        );
    }

    #[test]
    fn clock_settings_that_contradict_one_another_are_refused() {
        let demonstration = |clock: &str| {
            let config: Config = toml::from_str(&format!("[clock]\n{clock}")).unwrap();
            config.check()
        };
        assert_eq!(
            demonstration("source = \"sntp\"\nservers = [\"a.fr\"]"),
            Ok(())
        );
        assert_eq!(
            demonstration("servers = [\"a.fr\"]"),
            Err(ConfigError::ServersUnused)
        );
        for other in ["a.fr:123", "a.fr:4125", "A.fr", "a.fr."] {
            let twice = format!("source = \"sntp\"\nservers = [\"a.fr\", \"{other}\"]");
            assert_eq!(
                demonstration(&twice),
                Err(ConfigError::Servers(ServerAddressError::Twice(
                    other.into()
                )))
            );
        }
        for seconds in [0, 901] {
            assert_eq!(
                demonstration(&format!("poll_s = {seconds}")),
                Err(ConfigError::Poll(seconds))
            );
        }
        assert!(toml::from_str::<Config>("[clock]\nsource = \"sundial\"").is_err());
    }
}
