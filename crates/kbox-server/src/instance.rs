// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A data directory, opened: keys, log, trust bundle.
//!
//! The first start makes a development PKI and a log key under `keys/`, records the trust bundle as the log's first
//! event, and leaves an administrator's API key in `admin-key`. A crash in between leaves nothing half made.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kbox_council::{Council, CouncilConfig, LedgerEvidence, Relay};
use kbox_proof::clock::{
    Clock, ClockError, ClockEvent, KernelSource, MeasuredClock, MeasuredConfig, Moment,
    ServerAddressError, SntpSource, SystemClock,
};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{
    Body, Collectivite, Detail, Environment, EventError, EvidenceEvent, Origin, ShardOpening,
    TrustBundlePublication,
};
use kbox_proof::key::{KeyError, LogSigner, TokenSigner, WitnessSigner, random_bytes};
use kbox_proof::ledger::{
    ClosedLog, EventRequest, Ledger, LedgerConfig, LedgerError, RecordBatch, RequestId,
};
use kbox_proof::pki::{DevPki, PkiError};
use kbox_proof::receipt::{Demand, Shard, TrustBundle, TrustedAuthority};
use kbox_proof::store::{Store, StoreError};
use kbox_proof::time::Time;
use kbox_proof::tsa::{Authority, AuthorityConfig, AuthorityWarning, SerialSource, TsaError};
use kbox_proof::tsp::{TsaPolicyId, certificate_to_pem, certificates_from_pem};
use kbox_store::RocksStore;

use crate::access::keyring::{Keyring, KeyringError, Role};
use crate::audit::{Audit, AuditError, Event, Fingerprint, Hourly, Signer};
use crate::authorities::AuthorityPaths;
use crate::config::{ClockSource, Config, ConfigError};
use crate::expiry;
use crate::restore::{self, Closed};
use crate::witnesses::{self, WITNESS_KEY};

/// The folder of the signing keys.
pub(crate) const KEYS: &str = "keys";
/// The folder of the store.
#[cfg(unix)]
const DATABASE: &str = "db";
const KEYS_PART: &str = "keys.part";
const ADMIN_KEY: &str = "admin-key";
const LOG_KEY: &str = "log-key.pem";
pub(crate) const ORIGIN: &str = "origin";
/// Trust bundles, by version.
pub(crate) const TRUST: &str = "server/trust/";

/// Why a data directory cannot be served.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The store.
    Store(StoreError),
    /// The ledger.
    Ledger(LedgerError),
    /// The clock, and what each of its sources says.
    Clock {
        error: ClockError,
        sources: Vec<String>,
    },
    /// The NTP servers.
    Servers(ServerAddressError),
    /// No thread to measure the clock in.
    Thread(io::Error),
    /// A file of the directory.
    File { path: PathBuf, error: io::Error },
    /// A file of the directory is not what its name says.
    Content { path: PathBuf, problem: String },
    /// Evidence is there, and the keys that made it are not.
    KeysMissing(PathBuf),
    /// Others than this user may read a key.
    KeyReadable(PathBuf),
    /// Both authorities have one key.
    SameKey,
    /// Production makes no keys of its own.
    KeysNotProvided(PathBuf),
    /// An authority cannot sign with this key under these certificates.
    Authority {
        which: &'static str,
        paths: Box<AuthorityPaths>,
        error: TsaError,
    },
    /// The configuration names files that cannot be.
    Config(ConfigError),
    /// A development PKI could not be made.
    Pki(PkiError),
    /// No key could be made.
    Key(KeyError),
    /// A text cannot stand in an event.
    Event(EventError),
    /// An API key.
    Keyring(KeyringError),
    /// What happens could not be logged.
    Audit(AuditError),
    /// A log would be its own witness.
    OwnWitness(String),
    /// Production makes no witness's key of its own.
    WitnessKeyNotProvided(PathBuf),
    /// The log had more entries when it was served before.
    PutBack { had: u64, here: u64 },
    /// The trust bundle in the log is of other keys or another environment.
    TrustDiffers(&'static str),
    /// The trust bundle would lose what makes it hard to date back.
    WeakerTrust(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) | Self::Ledger(LedgerError::Store(error)) => store(error, f),
            Self::Ledger(error) => error.fmt(f),
            Self::Clock { error, sources } => {
                write!(
                    f,
                    "without a clock that can be trusted nothing starts: {}",
                    clock_trouble(error, sources)
                )
            }
            Self::Servers(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread to measure the clock in: {error}"),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Content { path, problem } => write!(f, "{}: {problem}", path.display()),
            Self::KeysMissing(path) => write!(
                f,
                "the log is there, but the keys that it was made with are not: put {} back from its backup. Without them \
                 the log can be verified, but not continued",
                path.display()
            ),
            Self::KeyReadable(path) => write!(
                f,
                "{0} may be read by other users of this machine: chmod 600 {0}",
                path.display()
            ),
            Self::SameKey => f.write_str(
                "the evidence and the public authority have the same key: the public one stamps what anybody sends, and \
                 must have a key of its own",
            ),
            Self::KeysNotProvided(path) => write!(
                f,
                "environment = \"production\" makes no keys of its own. Put these files into {}: evidence-key.pem and \
                 evidence-chain.pem, public-key.pem and public-chain.pem (PKCS#8 and certificates, signer first, root \
                 last; or name others under [evidence] and [tsa]), {LOG_KEY} (Ed25519, PKCS#8), readable for this user alone",
                path.display()
            ),
            Self::Authority {
                which,
                paths,
                error,
            } => write!(
                f,
                "the {which} authority, by {} and {}: {error}",
                paths.key.display(),
                paths.chain.display()
            ),
            Self::Config(error) => error.fmt(f),
            Self::Pki(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::Event(error) => error.fmt(f),
            Self::Keyring(error) => error.fmt(f),
            Self::Audit(error) => error.fmt(f),
            Self::OwnWitness(origin) => write!(
                f,
                "[witnessing] logs names {origin}, which is this server's own log: nobody is a witness of their own"
            ),
            Self::WitnessKeyNotProvided(path) => write!(
                f,
                "environment = \"production\" makes no keys of its own, and [witnessing] needs one: put an Ed25519 key (PKCS#8, \
                 `openssl genpkey -algorithm ed25519`), or an ML-DSA-44 one, into {}, readable for this user alone, and no other machine",
                path.display()
            ),
            Self::PutBack { had, here } => write!(
                f,
                "the database holds {}, and had {had} when this log was served before (audit.jsonl): an earlier state of it was put in its place. \
                 An old log is never continued: entries made since may be in others' hands. Put the newer database back, or go on in a new log: \
                 `kbox-server restore --reason damage --backup DIR --data NEW`, with the highest checkpoint that anybody holds",
                crate::upkeep::entries(*here)
            ),
            Self::TrustDiffers(what) => write!(
                f,
                "the newest trust bundle of this log states another {what}. Start with the configuration and keys that the \
                 log was made with: of what its bundle states, only witnesses and outside authorities can change"
            ),
            Self::WeakerTrust(lost) => write!(
                f,
                "the newest trust bundle of this log, and what would be published now, differ: {lost}. Nothing was published: give --config with the \
                 [[witness]] of this log, or, where it is to go on with less, `serve --drop-witnesses`, once"
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// The engine's own words come last: they say what it met, not what to do.
fn store(error: &StoreError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        // This process is the one writer: a table that is gone was not retired meanwhile.
        StoreError::Engine(detail)
            if crate::upkeep::is_damage(error) || detail.contains("No such file") =>
        {
            write!(
                f,
                "the database of the log is damaged, by the disk or by whoever changed its files, and is not served. Keep a copy \
                 of the data directory as it is, as evidence, and see to the disk. Check a backup with `kbox-server fsck`, then \
                 `kbox-server restore --reason damage` goes on from it in a new log. Neither a backup nor a repaired database goes \
                 on as this one: what was acknowledged since would be missing. The engine's own words: {detail}"
            )
        }
        other => fmt::Display::fmt(other, f),
    }
}

macro_rules! from {
    ($($source:ty => $variant:ident),*) => {
        $(impl From<$source> for StartError {
            fn from(error: $source) -> Self {
                Self::$variant(error)
            }
        })*
    };
}
from!(ConfigError => Config, StoreError => Store, LedgerError => Ledger, ServerAddressError => Servers, PkiError => Pki, KeyError => Key,
      EventError => Event, KeyringError => Keyring, AuditError => Audit);

fn at(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_path_buf();
    move |error| StartError::File { path, error }
}

/// One data directory, open in this process alone.
pub(crate) struct Instance {
    /// The log.
    pub(crate) ledger: Arc<Ledger>,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Its clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// Somebody measures it.
    pub(crate) clock_is_measured: bool,
    /// What is logged for good.
    pub(crate) audit: Arc<Audit>,
    /// The keys that sign.
    pub(crate) signers: Vec<Signer>,
    /// Entries of the log when it was opened.
    pub(crate) entries_at_start: u64,
    /// The authority of `POST /tsa`, which is not the evidence's.
    pub(crate) public: Authority,
    /// Serial numbers of `POST /tsa`.
    pub(crate) serials: SerialSource,
    /// This server as a witness of other logs.
    pub(crate) role: Option<witnesses::Role>,
    /// A trust bundle that is published once witnesses have cosigned the empty log.
    waiting_bundle: Mutex<Option<First>>,
    /// API keys.
    pub(crate) keyring: Keyring,
    /// Where the administrator's key was just written, on the first start.
    pub(crate) new_admin_key: Option<PathBuf>,
}

impl Instance {
    /// Opens a directory that a server made: a mistyped path must not become a new log with keys of its own.
    pub(crate) fn open_existing(config: &Config) -> Result<Self, Box<dyn std::error::Error>> {
        if !kbox_store::is_data_directory(&config.data) {
            let data = config.data.display();
            return Err(format!(
                "{data} is not a data directory: give the one of your server with --data, or start it once with `kbox-server serve`"
            )
            .into());
        }
        Ok(Self::open(config)?)
    }

    /// Opens the directory, or makes it.
    pub(crate) fn open(config: &Config) -> Result<Self, StartError> {
        let audit = Arc::new(Audit::default());
        let clock = clock(config, &audit)?;
        let now = now(clock.as_ref())?;
        check_provided(config, now)?;
        // Before anything is made: the store takes the directory for this process, and refuses one that is not its own.
        let store: Arc<dyn Store> = Arc::new(RocksStore::open(&config.data)?);
        close_database(&config.data)?;
        let mut closed = restore::closed(&config.data)?;
        closed.reverse();
        audit.open(&config.data)?;
        let keys = Keys::take(config, store.as_ref(), now)?;
        let log_key = Fingerprint::of(keys.log.vkey(keys.origin.as_str()).as_bytes());
        let may_weaken = config.drop_witnesses;
        let bundle = keys.trust_bundle(config, &Which::Evidence.policy(config))?;
        let had_witness = config.data.join(KEYS).join(WITNESS_KEY).exists();
        let role = keys.role(config)?;
        let (evidence, evidence_signer) = Which::Evidence.authority(keys.evidence, config, now)?;
        let (public, public_signer) = Which::Public.authority(keys.public, config, now)?;
        for (which, authority) in [(Which::Evidence, &evidence), (Which::Public, &public)] {
            for warning in authority.warnings(now) {
                // Of the end, expiry warns as long as the server runs.
                if !matches!(warning, AuthorityWarning::EndsSoon { .. }) {
                    eprintln!("warning: the {} authority: {warning}", which.name());
                }
            }
        }
        let mut signers = vec![
            evidence_signer,
            public_signer,
            Signer {
                name: "log".into(),
                key: log_key,
                certificate: None,
                policy: None,
                not_before: None,
                not_after: None,
            },
        ];
        signers.extend(role.as_ref().map(|role| Signer {
            name: "witness".into(),
            key: Fingerprint::of(role.key().encode().as_bytes()),
            certificate: None,
            policy: None,
            not_before: None,
            not_after: None,
        }));
        take_up(&audit, &signers, |name| {
            keys.made_here.contains(&name) || (name == "witness" && !had_witness)
        })?;
        let mut settings = LedgerConfig::new(keys.origin, config.environment);
        settings.scrub = Arc::new(kbox_council::scrub);
        settings.witnesses = bundle.witnesses.clone();
        for log in &closed {
            settings.closed.push(ClosedLog {
                origin: log.origin(),
                store: Arc::new(RocksStore::open_backup(&log.path)?),
            });
        }
        not_put_back(&audit, &settings.origin, store.as_ref())?;
        let ledger = Arc::new(Ledger::open(
            settings,
            store,
            evidence,
            keys.log,
            Arc::clone(&clock),
        )?);
        let mut waiting = None;
        match newest_trust(ledger.store().as_ref())? {
            None => {
                let first = First {
                    bundle: follow(&ledger, closed.first(), bundle, may_weaken)?,
                    opening: closed.first().map(Closed::opening).transpose()?,
                };
                match publish(&ledger, &first.bundle, first.opening.clone(), now) {
                    Err(StartError::Ledger(LedgerError::NotWitnessed)) => waiting = Some(first),
                    published => published?,
                }
            }
            Some((path, bytes)) => {
                let known =
                    TrustBundle::from_json(&bytes).map_err(|error| StartError::Content {
                        path: path.into(),
                        problem: error.to_string(),
                    })?;
                if known.environment != bundle.environment {
                    return Err(StartError::TrustDiffers("environment"));
                }
                if known.authorities.last() != bundle.authorities.last() {
                    return Err(StartError::TrustDiffers("evidence authority"));
                }
                let mut next = known.clone();
                next.witnesses = bundle.witnesses;
                next.demand = bundle.demand;
                keep_anchor_roots(&mut next, bundle.anchor_roots);
                if !may_weaken {
                    check_not_weaker(&known, &next)?;
                }
                if next != known {
                    next.version = next.version.saturating_add(1);
                    publish(&ledger, &next, None, now)?;
                }
            }
        }
        let keyring = Keyring::new(Arc::clone(&ledger), Arc::clone(&audit));
        let new_admin_key = admin_key(&keyring, &config.data, now)?;
        Ok(Self {
            entries_at_start: ledger.size().get(),
            ledger,
            data: config.data.clone(),
            clock,
            clock_is_measured: config.clock.source != ClockSource::System,
            audit,
            signers,
            public,
            serials: SerialSource::new()?,
            role,
            waiting_bundle: Mutex::new(waiting),
            keyring,
            new_admin_key,
        })
    }

    /// Begins the service in the audit log, and says there what is set otherwise than the last time.
    pub(crate) fn log_start(&self, config: &Config) -> Result<(), AuditError> {
        self.audit.record(Event::Started {
            version: env!("CARGO_PKG_VERSION").into(),
            origin: self.ledger.origin().to_string(),
            entries: self.ledger.size().get(),
            public_serials: self.serials.epoch(),
        })?;
        let settings = config.settings();
        if self.audit.known().configuration.as_ref() != Some(&settings) {
            self.audit.record(Event::Configuration { settings })?;
        }
        Ok(())
    }

    /// Makes the keys of a first start and begins no log; the verifier keys, a line each.
    pub(crate) fn init(config: &Config) -> Result<Vec<String>, StartError> {
        let clock = clock(config, &Arc::new(Audit::default()))?;
        let now = now(clock.as_ref())?;
        check_provided(config, now)?;
        let store = RocksStore::open(&config.data)?;
        close_database(&config.data)?;
        let keys = Keys::take(config, &store, now)?;
        let mut lines = vec![format!("log {}", keys.log.vkey(keys.origin.as_str()))];
        lines.extend(
            keys.role(config)?
                .map(|role| format!("witness {}", role.key())),
        );
        Ok(lines)
    }

    /// Publishes the trust bundle that waits for the witnesses of the empty log, if one does.
    pub(crate) fn publish_waiting(&self) -> Result<(), StartError> {
        let mut waiting = self
            .waiting_bundle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = waiting.as_ref() {
            let now = now(self.clock.as_ref())?;
            publish(&self.ledger, &first.bundle, first.opening.clone(), now)?;
            *waiting = None;
        }
        Ok(())
    }

    /// What the system clock shows, right or wrong.
    pub(crate) fn shown(&self) -> Option<Time> {
        let reading = self.clock.read().map(|reading| reading.time);
        reading
            .or_else(|_| Moment::now().and_then(|moment| moment.time()))
            .ok()
    }

    /// The workflow over this log.
    pub(crate) fn council(&self, base_url: String, relay: Option<Relay>) -> Council {
        let evidence = LedgerEvidence::new(Arc::clone(&self.ledger), Arc::clone(&self.clock));
        Council::new(Arc::new(evidence), CouncilConfig { base_url, relay })
    }

    /// The trust bundle of a version, or the newest, as it was published.
    pub(crate) fn trust(&self, version: Option<u32>) -> Result<Option<Vec<u8>>, StoreError> {
        let store = self.ledger.store().as_ref();
        match version {
            Some(version) => {
                let key = trust_key(version).into_bytes();
                for store in std::iter::once(self.ledger.store()).chain(self.ledger.closed()) {
                    if let Some(bytes) = store.get(&key)? {
                        return published(store.as_ref(), &key, bytes).map(Some);
                    }
                }
                Ok(None)
            }
            None => Ok(newest_trust(store)?.map(|(_, bytes)| bytes)),
        }
    }
}

/// The papers and names in the database are this user's alone, also where a directory made by an older version or with another
/// umask let others in: what is in it needs no change then.
pub(crate) fn close_database(data: &Path) -> Result<(), StartError> {
    #[cfg(unix)]
    {
        let path = data.join(DATABASE);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(&path, mode).map_err(at(&path))?;
    }
    Ok(())
}

/// genTime is cut to milliseconds, which must stay within what tokens state.
const GEN_TIME_STEP: Duration = Duration::from_millis(1);

/// The clock that the configuration names.
fn clock(config: &Config, audit: &Arc<Audit>) -> Result<Arc<dyn Clock>, StartError> {
    let audit = Arc::clone(audit);
    let hourly = Mutex::new(Hourly::default());
    let log_clock = move |event: &ClockEvent| log_clock(event, &audit, &hourly);
    let measured = MeasuredConfig::new(
        Duration::from_secs(config.clock.poll_s),
        config.token_accuracy().saturating_sub(GEN_TIME_STEP),
    );
    Ok(match config.clock.source {
        ClockSource::System => {
            let clock = SystemClock::new(config.clock_accuracy());
            Arc::new(clock.map_err(|error| StartError::Clock {
                error,
                sources: Vec::new(),
            })?)
        }
        ClockSource::Kernel => Arc::new(
            MeasuredClock::start(measured, KernelSource::new(), log_clock)
                .map_err(StartError::Thread)?,
        ),
        ClockSource::Sntp => {
            let source = SntpSource::new(&config.clock.servers)?;
            Arc::new(MeasuredClock::start(measured, source, log_clock).map_err(StartError::Thread)?)
        }
    })
}

fn now(clock: &dyn Clock) -> Result<Time, StartError> {
    clock
        .read()
        .map(|reading| reading.time)
        .map_err(|error| StartError::Clock {
            error,
            sources: clock.sources(),
        })
}

/// Synchronisation, its loss and its return stand in the operator's log (EN 319 421 §7.12).
fn log_clock(event: &ClockEvent, audit: &Audit, hourly: &Mutex<Hourly<bool>>) {
    let at = event
        .at
        .map_or_else(String::new, |time| format!("{} ", for_log(time)));
    let sources = event.sources.clone();
    // A server that comes and goes must not fill the audit log.
    let unlisted = hourly
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .one_more(event.reading.is_ok(), Instant::now());
    if let Some(unlisted) = unlisted {
        audit.note(match &event.reading {
            Ok(reading) => Event::ClockTrusted {
                accuracy_ms: reading.accuracy_millis(),
                sources,
                unlisted,
            },
            Err(error) => Event::ClockRefused {
                reason: error.to_string(),
                sources,
                unlisted,
            },
        });
    }
    match &event.reading {
        Ok(reading) => eprintln!(
            "{at}clock: trusted, exact to {} ms; {}",
            reading.accuracy_millis(),
            event.sources.join("; ")
        ),
        Err(error) => eprintln!(
            "{at}clock: refused: {}",
            clock_trouble(error, &event.sources)
        ),
    }
}

/// Why there is no time, and which source says what.
pub(crate) fn clock_trouble(error: &ClockError, sources: &[String]) -> String {
    let mut text = error.to_string();
    for source in sources {
        text.push_str("; ");
        text.push_str(source);
    }
    if *error == ClockError::Unsynchronised
        && sources.iter().any(|source| source.starts_with("kernel: "))
    {
        text.push_str(
            ". Start chrony with `rtcsync` in its configuration (or ntpd), and wait until it has set the clock: `chronyc tracking` shows it",
        );
    }
    text
}

/// An instant as each line of the operator's log begins: to the millisecond, always of the same length.
pub(crate) fn for_log(time: Time) -> String {
    format!("{:.3}", time.floor_to_millis().to_timestamp())
}

/// Says in the audit log which keys and certificates are others than the last time (EN 319 421 §7.12).
fn take_up(
    audit: &Audit,
    signers: &[Signer],
    made_here: impl Fn(&str) -> bool,
) -> Result<(), AuditError> {
    let known = audit.known();
    for signer in signers {
        let before = known.signers.iter().find(|known| known.name == signer.name);
        if before != Some(signer) {
            audit.record(Event::SignerTakenUp {
                signer: signer.clone(),
                made_here: made_here(&signer.name),
                replaces: before.map(|before| before.certificate.unwrap_or(before.key)),
            })?;
        }
    }
    Ok(())
}

fn trust_key(version: u32) -> String {
    format!("{TRUST}{version:010}")
}

/// The newest trust bundle, under its key.
pub(crate) fn newest_trust(store: &dyn Store) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let Some((key, bytes)) = store.scan(TRUST.as_bytes())?.pop() else {
        return Ok(None);
    };
    let bytes = published(store, &key, bytes)?;
    Ok(Some((String::from_utf8_lossy(&key).into_owned(), bytes)))
}

/// A trust bundle as it is stored, if it is the one whose digest the log's event of that version holds: a record beside the log
/// can be changed by whoever has the disk.
pub(crate) fn published(
    store: &dyn Store,
    key: &[u8],
    bytes: Vec<u8>,
) -> Result<Vec<u8>, StoreError> {
    let damaged = StoreError::Damaged {
        what: "a trust bundle, which is not the one that the log published,",
    };
    let version = key.strip_prefix(TRUST.as_bytes()).unwrap_or_default();
    let version: u32 = String::from_utf8_lossy(version)
        .parse()
        .map_err(|_| damaged.clone())?;
    let request = RequestId::parse(&format!("trust/{version}")).map_err(|_| damaged.clone())?;
    let stored = store.find(&Collectivite::operator(), &request)?;
    let entry = match stored {
        Some(stored) => store.entry(stored.index)?,
        None => None,
    };
    let event = entry.and_then(|entry| EvidenceEvent::from_der(&entry.event).ok());
    let expected = TrustBundlePublication {
        version,
        bundle: Sha256Digest::of(&bytes),
    };
    match event.map(|event| event.body.detail) {
        Some(Detail::TrustBundlePublication(found)) if found == expected => Ok(bytes),
        _ => Err(damaged),
    }
}

/// The first things that a log says.
struct First {
    bundle: TrustBundle,
    opening: Option<ShardOpening>,
}

/// Refuses a database that is older than the audit log beside it: somebody put an earlier state of it in its place.
fn not_put_back(audit: &Audit, origin: &Origin, store: &dyn Store) -> Result<(), StartError> {
    let here = store.head()?.map_or(0, |head| head.size.get());
    match audit.known().served {
        Some((served, had)) if served == origin.as_str() && had > here => {
            Err(StartError::PutBack { had, here })
        }
        _ => Ok(()),
    }
}

/// The bundle of a new log; of one that goes on for a closed one the next version of that one's, which closes it.
fn follow(
    ledger: &Ledger,
    closed: Option<&Closed>,
    own: TrustBundle,
    may_weaken: bool,
) -> Result<TrustBundle, StartError> {
    let (Some(closed), Some(store)) = (closed, ledger.closed().next()) else {
        return Ok(own);
    };
    let damaged = |problem: String| StartError::Content {
        path: closed.path.clone(),
        problem,
    };
    let (_, bytes) =
        newest_trust(store.as_ref())?.ok_or_else(|| damaged("it holds no trust bundle".into()))?;
    let mut next = TrustBundle::from_json(&bytes).map_err(|error| damaged(error.to_string()))?;
    if next.environment != own.environment {
        return Err(StartError::TrustDiffers("environment"));
    }
    let opening = closed.opening()?;
    let end = next
        .shards
        .iter_mut()
        .find(|shard| shard.origin == opening.previous)
        .ok_or_else(|| damaged("its trust bundle names another log".into()))?;
    end.final_size = Some(opening.size);
    end.final_root = Some(opening.root);
    end.trees = closed.trees();
    for authority in &mut next.authorities {
        if authority.origin == opening.previous && authority.to.is_none() {
            authority.to = Some(opening.size);
        }
    }
    if !may_weaken {
        check_not_weaker(&next, &own)?;
    }
    next.version = next.version.saturating_add(1);
    next.authorities.extend(own.authorities);
    next.shards.extend(own.shards);
    for root in own.roots {
        if !next.roots.contains(&root) {
            next.roots.push(root);
        }
    }
    keep_anchor_roots(&mut next, own.anchor_roots);
    next.witnesses = own.witnesses;
    next.demand = own.demand;
    Ok(next)
}

/// A configuration that was forgotten must not take the witnesses out of what everybody trusts.
fn check_not_weaker(known: &TrustBundle, next: &TrustBundle) -> Result<(), StartError> {
    let names = |bundle: &TrustBundle| {
        let operators = bundle.witnesses.operators.iter();
        let names: Vec<_> = operators.map(|one| one.name.clone()).collect();
        match names.is_empty() {
            true => "no witness".to_string(),
            false => names.join(", "),
        }
    };
    let says = |bundle: &TrustBundle| {
        format!(
            "{}, quorum {}, demand {}",
            names(bundle),
            bundle.witnesses.quorum,
            match bundle.demand {
                Demand::Horodate => "horodate",
                Demand::Journalise => "journalise",
                Demand::Temoigne => "temoigne",
                Demand::Ancre => "ancre",
            }
        )
    };
    // While no two quorums are strangers, one history has a witness in common: closed logs' receipts rest on that.
    let is_majority = |bundle: &TrustBundle| {
        usize::try_from(bundle.witnesses.quorum)
            .is_ok_and(|quorum| quorum > bundle.witnesses.operators.len() / 2)
    };
    let is_weaker = next.witnesses.quorum < known.witnesses.quorum
        || next.demand < known.demand
        || is_majority(known) && !is_majority(next);
    match is_weaker {
        true => Err(StartError::WeakerTrust(format!(
            "{} before, {} now",
            says(known),
            says(next)
        ))),
        false => Ok(()),
    }
}

/// Adds roots and drops none: the anchors of earlier years stay in receipts, and are judged by the roots of then.
fn keep_anchor_roots(bundle: &mut TrustBundle, roots: Vec<String>) {
    for root in roots {
        if !bundle.anchor_roots.contains(&root) {
            bundle.anchor_roots.push(root);
        }
    }
}

/// Records the bundle as an event, with its bytes in the same commit, and before it what a log opens with.
fn publish(
    ledger: &Ledger,
    bundle: &TrustBundle,
    opening: Option<ShardOpening>,
    now: Time,
) -> Result<(), StartError> {
    let json = bundle.to_json().into_bytes();
    let event = |request: String, detail| -> Result<EventRequest, StartError> {
        Ok(EventRequest {
            request_id: RequestId::parse(&request).map_err(|error| StartError::Content {
                path: TRUST.into(),
                problem: error.to_string(),
            })?,
            collectivite: Collectivite::operator(),
            body: Body {
                claimed_time: Time::from_unix_secs(now.unix_secs()).unwrap_or(now),
                reasons: Vec::new(),
                refers_to: None,
                detail,
            },
            personal: None,
        })
    };
    let publication = Detail::TrustBundlePublication(TrustBundlePublication {
        version: bundle.version,
        bundle: Sha256Digest::of(&json),
    });
    let mut events = Vec::new();
    if let Some(opening) = opening {
        let request = format!("opening/{}", ledger.origin());
        // An origin is up to 200 bytes, a request id 128.
        let request = request.chars().take(RequestId::MAX).collect();
        events.push(event(request, Detail::ShardOpening(opening))?);
    }
    events.push(event(format!("trust/{}", bundle.version), publication)?);
    let mut records = RecordBatch::new();
    records.put(trust_key(bundle.version), json);
    ledger.record(events, records)?;
    Ok(())
}

/// An administrator's key, where there is none yet.
fn admin_key(keyring: &Keyring, data: &Path, now: Time) -> Result<Option<PathBuf>, StartError> {
    let known = keyring.list()?;
    if known.iter().any(|key| key.role == Role::Administrateur) {
        return Ok(None);
    }
    let path = data.join(ADMIN_KEY);
    keyring.create(Role::Administrateur, None, None, now, |key| {
        replace_private(&path, &format!("{key}\n"))
    })?;
    Ok(Some(path))
}

struct AuthorityFiles {
    paths: AuthorityPaths,
    signer: TokenSigner,
    chain: Vec<Vec<u8>>,
}

/// One of the two authorities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Evidence,
    Public,
}

impl Which {
    const ALL: [Self; 2] = [Self::Evidence, Self::Public];

    const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Public => "public",
        }
    }

    /// Where the configuration says that key and certificates are.
    fn configured(self, config: &Config) -> Result<Option<AuthorityPaths>, ConfigError> {
        match self {
            Self::Evidence => config.evidence.paths(),
            Self::Public => config.tsa.paths(),
        }
    }

    fn paths(self, config: &Config) -> Result<AuthorityPaths, ConfigError> {
        let folder = config.data.join(KEYS);
        let name = self.name();
        Ok(self.configured(config)?.unwrap_or_else(|| AuthorityPaths {
            key: folder.join(format!("{name}-key.pem")),
            chain: folder.join(format!("{name}-chain.pem")),
        }))
    }

    /// kbox's own policy for it.
    fn policy(self, config: &Config) -> TsaPolicyId {
        match (self, config.environment) {
            (Self::Evidence, Environment::Production) => TsaPolicyId::evidence_policy(),
            (Self::Public, Environment::Production) => TsaPolicyId::public_policy(),
            (Self::Evidence, Environment::Demonstration) => {
                TsaPolicyId::demonstration_evidence_policy()
            }
            (Self::Public, Environment::Demonstration) => {
                TsaPolicyId::demonstration_public_policy()
            }
        }
    }

    fn read(self, config: &Config) -> Result<AuthorityFiles, StartError> {
        let paths = self.paths(config)?;
        let AuthorityPaths { key, chain } = &paths;
        let text = private(key)?;
        let signer = TokenSigner::from_pkcs8_pem(&text).map_err(|error| content(key, &error))?;
        let signer = match self == Self::Public && config.tsa.pss {
            true => signer.with_pss().map_err(|error| content(key, &error))?,
            false => signer,
        };
        let bytes = fs::read(chain).map_err(at(chain))?;
        let pem = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| certificates_from_pem(text).ok());
        let chain = pem.ok_or_else(|| {
            content(
                chain,
                &"certificates in PEM are expected (-----BEGIN CERTIFICATE-----), the signer's first, the root's last; one in DER is \
                  turned into PEM by `openssl x509 -inform DER -in FILE`, those of a PKCS#7 file by `openssl pkcs7 -print_certs -in FILE`",
            )
        })?;
        Ok(AuthorityFiles {
            paths,
            signer,
            chain,
        })
    }

    fn authority(
        self,
        files: AuthorityFiles,
        config: &Config,
        now: Time,
    ) -> Result<(Authority, Signer), StartError> {
        let mut parts = AuthorityConfig::new(files.signer, files.chain, self.policy(config));
        parts.accuracy = config.token_accuracy();
        if self == Self::Public {
            parts.policy = config.tsa.policy().unwrap_or(parts.policy);
            parts.further_policies = config.tsa.further_policies();
            parts.hashes = config.tsa.hashes().unwrap_or(parts.hashes);
        }
        let unfit = |error| StartError::Authority {
            which: self.name(),
            paths: Box::new(files.paths.clone()),
            error,
        };
        let authority = Authority::new(parts, now).map_err(unfit)?;
        let signer = expiry::signer(self.name(), &authority).map_err(unfit)?;
        Ok((authority, signer))
    }
}

/// What the operator provides is checked before anything is made: a first start that is refused leaves nothing behind.
fn check_provided(config: &Config, now: Time) -> Result<(), StartError> {
    let folder = config.data.join(KEYS);
    if config.environment == Environment::Production
        && !folder.exists()
        && !kbox_store::is_data_directory(&config.data)
    {
        return Err(StartError::KeysNotProvided(folder));
    }
    let mut keys = Vec::new();
    for which in Which::ALL {
        if which.configured(config)?.is_some() || which.paths(config)?.key.exists() {
            let files = which.read(config)?;
            keys.push(files.signer.public_key_info().to_vec());
            which.authority(files, config, now)?;
        }
    }
    match keys.as_slice() {
        [one, other] if one == other => Err(StartError::SameKey),
        _ => Ok(()),
    }
}

/// What lies under `keys/`.
struct Keys {
    evidence: AuthorityFiles,
    public: AuthorityFiles,
    log: LogSigner,
    origin: Origin,
    /// By this start.
    made_here: Vec<&'static str>,
}

impl Keys {
    /// Reads the keys; makes them where there is no log yet.
    fn take(config: &Config, store: &dyn Store, now: Time) -> Result<Self, StartError> {
        let folder = config.data.join(KEYS);
        let has_log = store.head()?.is_some();
        let made_here = if folder.exists() {
            complete(config, &folder, has_log, now)?
        } else if has_log {
            return Err(StartError::KeysMissing(folder));
        } else if config.environment == Environment::Production {
            return Err(StartError::KeysNotProvided(folder));
        } else {
            make(config, &folder, now)?
        };
        let log = folder.join(LOG_KEY);
        let text = private(&log)?;
        let evidence = Which::Evidence.read(config)?;
        let public = Which::Public.read(config)?;
        if evidence.signer.public_key_info() == public.signer.public_key_info() {
            return Err(StartError::SameKey);
        }
        Ok(Self {
            evidence,
            public,
            log: LogSigner::from_pkcs8_pem(&text).map_err(|error| content(&log, &error))?,
            origin: origin(config, &folder)?,
            made_here,
        })
    }

    /// This server as a witness, by a key of its own.
    fn role(&self, config: &Config) -> Result<Option<witnesses::Role>, StartError> {
        let Some(witnessing) = &config.witnessing else {
            return Ok(None);
        };
        let wrong = |error| StartError::Config(ConfigError::Witnesses(error));
        let (name, logs) = (
            witnessing.name().map_err(wrong)?,
            witnessing.keys().map_err(wrong)?,
        );
        if let Some(own) = logs
            .iter()
            .find(|key| key.name().as_str() == self.origin.as_str())
        {
            return Err(StartError::OwnWitness(own.name().to_string()));
        }
        let path = config.data.join(KEYS).join(WITNESS_KEY);
        if !path.exists() {
            if config.environment == Environment::Production {
                return Err(StartError::WitnessKeyNotProvided(path));
            }
            replace_private(&path, &LogSigner::generate()?.to_pkcs8_pem())?;
            sync(&config.data.join(KEYS))?;
        }
        let signer = WitnessSigner::from_pkcs8_pem(name, &private(&path)?)
            .map_err(|error| content(&path, &error))?;
        if signer.key().public_key() == self.log.public_key() {
            return Err(content(&path, &"this is the log's own key"));
        }
        Ok(Some(witnesses::Role::new(signer, logs)))
    }

    fn trust_bundle(
        &self,
        config: &Config,
        policy: &TsaPolicyId,
    ) -> Result<TrustBundle, StartError> {
        let trusted = config.witnesses().trusted();
        let witnesses =
            trusted.map_err(|error| StartError::Config(ConfigError::Witnesses(error)))?;
        let pem: Vec<String> = self
            .evidence
            .chain
            .iter()
            .map(|certificate| certificate_to_pem(certificate))
            .collect();
        let roots: Vec<String> = pem.last().cloned().into_iter().collect();
        let anchor_roots = config.anchors().roots(&roots);
        let anchor_roots =
            anchor_roots.map_err(|error| StartError::Config(ConfigError::Anchors(error)))?;
        let mut bundle = TrustBundle::new(
            config.environment,
            TrustedAuthority {
                chain: pem,
                policy: policy.to_string(),
                origin: self.origin.clone(),
                from: 0,
                to: None,
            },
            roots,
            Shard {
                origin: self.origin.clone(),
                vkey: self.log.vkey(self.origin.as_str()),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            },
            // Without witnesses no more can be demanded; reports say what that does not exclude.
            match witnesses.operators.is_empty() {
                true => Demand::Journalise,
                false => Demand::Temoigne,
            },
        );
        bundle.witnesses = witnesses;
        bundle.anchor_roots = anchor_roots;
        Ok(bundle)
    }
}

/// No key or password is longer, in PEM.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// A secret's text, which nobody else may be able to read.
pub(crate) fn private(path: &Path) -> Result<zeroize::Zeroizing<String>, StartError> {
    let file = fs::File::open(path).map_err(at(path))?;
    #[cfg(unix)]
    {
        let mode = file.metadata().map_err(at(path))?.permissions();
        if std::os::unix::fs::PermissionsExt::mode(&mode) & 0o077 != 0 {
            return Err(StartError::KeyReadable(path.to_path_buf()));
        }
    }
    // At once as large as it may become: what grows leaves copies behind.
    let room = usize::try_from(MAX_SECRET_BYTES).unwrap_or_default() + 1;
    let mut text = zeroize::Zeroizing::new(String::with_capacity(room));
    let mut file = file.take(MAX_SECRET_BYTES + 1);
    let read = file.read_to_string(&mut text).map_err(at(path))?;
    if read >= room {
        let problem = format!("more than {MAX_SECRET_BYTES} bytes, as no key or password has");
        return Err(content(path, &problem));
    }
    Ok(text)
}

fn content(path: &Path, problem: &dyn fmt::Display) -> StartError {
    StartError::Content {
        path: path.to_path_buf(),
        problem: problem.to_string(),
    }
}

/// The log's name: fixed by its first start, which a configuration may not contradict.
fn origin(config: &Config, folder: &Path) -> Result<Origin, StartError> {
    let path = folder.join(ORIGIN);
    let known = match fs::read_to_string(&path) {
        Ok(text) => Some(Origin::parse(text.trim_end()).map_err(|error| content(&path, &error))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(at(&path)(error)),
    };
    match (known, &config.origin) {
        (Some(known), Some(wanted)) if known != *wanted => Err(content(
            &path,
            &format!(
                "this log is named {known}, and the configuration says {wanted}. After a restore, change `origin` in the configuration to {known}; \
                 otherwise --data is the directory of another log"
            ),
        )),
        (Some(known), _) => Ok(known),
        (None, wanted) => {
            let origin = match wanted {
                Some(origin) => origin.clone(),
                None => random_origin()?,
            };
            replace_private(&path, &format!("{origin}\n"))?;
            Ok(origin)
        }
    }
}

fn random_origin() -> Result<Origin, StartError> {
    let number = u32::from_be_bytes(random_bytes()?);
    Ok(Origin::parse(&format!("kbox-{number:08x}.invalid/log/1"))?)
}

/// Makes what an earlier start, by another configuration, did not need: development keys of an authority, and before there is a log its
/// key. What has signed evidence is never made anew.
fn complete(
    config: &Config,
    folder: &Path,
    has_log: bool,
    now: Time,
) -> Result<Vec<&'static str>, StartError> {
    let mut made = Vec::new();
    let mut missing = Vec::new();
    let log_key = folder.join(LOG_KEY);
    if !log_key.exists() {
        missing.push((None, log_key));
    }
    for which in Which::ALL {
        let key = which.paths(config)?.key;
        if which.configured(config)?.is_none() && !key.exists() {
            missing.push((Some(which), key));
        }
    }
    for (which, path) in missing {
        if has_log && which != Some(Which::Public) {
            return Err(StartError::KeysMissing(path));
        }
        if config.environment == Environment::Production {
            return Err(StartError::KeysNotProvided(folder.to_path_buf()));
        }
        match which {
            Some(which) => write_authority(folder, which, &DevPki::generate(now, true)?)?,
            None => replace_private(&path, &LogSigner::generate()?.to_pkcs8_pem())?,
        }
        made.push(which.map_or("log", Which::name));
    }
    sync(folder)?;
    Ok(made)
}

/// The key last: where it is, all is.
fn write_authority(folder: &Path, which: Which, pki: &DevPki) -> Result<(), StartError> {
    let authority = match which {
        Which::Evidence => &pki.evidence,
        Which::Public => &pki.public,
    };
    let name = which.name();
    replace_private(
        &folder.join(format!("{name}-chain.pem")),
        &chain_pem(&authority.chain),
    )?;
    replace_private(
        &folder.join(format!("{name}-key.pem")),
        &authority.signer.to_pkcs8_pem(),
    )
}

/// Certificates in PEM, one after the other.
pub(crate) fn chain_pem(chain: &[Vec<u8>]) -> String {
    chain.iter().map(|der| certificate_to_pem(der)).collect()
}

/// Makes a development PKI and a log key aside, and puts them in place in one step.
fn make(config: &Config, folder: &Path, now: Time) -> Result<Vec<&'static str>, StartError> {
    let part = config.data.join(KEYS_PART);
    match fs::remove_dir_all(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&part)(error)),
        _ => {}
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&part).map_err(at(&part))?;
    let pki = DevPki::generate(now, true)?;
    let mut made = vec!["log"];
    for which in Which::ALL {
        if which.configured(config)?.is_none() {
            write_authority(&part, which, &pki)?;
            made.push(which.name());
        }
    }
    replace_private(&part.join(LOG_KEY), &LogSigner::generate()?.to_pkcs8_pem())?;
    let origin = match &config.origin {
        Some(origin) => origin.clone(),
        None => random_origin()?,
    };
    replace_private(&part.join(ORIGIN), &format!("{origin}\n"))?;
    sync(&part)?;
    fs::rename(&part, folder).map_err(at(folder))?;
    sync(&config.data)?;
    Ok(made)
}

fn sync(folder: &Path) -> Result<(), StartError> {
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at(folder))
}

/// Copies the files of a folder of secrets into a new one, for this user alone.
pub(crate) fn copy_private(from: &Path, to: &Path) -> Result<(), StartError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(to).map_err(at(to))?;
    for file in fs::read_dir(from).map_err(at(from))? {
        let path = file.map_err(at(from))?.path();
        let Some(name) = path.file_name().filter(|_| path.is_file()) else {
            continue;
        };
        let bytes = zeroize::Zeroizing::new(fs::read(&path).map_err(at(&path))?);
        // The extension is replaced while it is written: two files that differ in it alone come one after the other.
        replace_private_bytes(&to.join(name), &bytes)?;
    }
    sync(to)
}

/// Writes a file that only this user may read, whole or not at all.
pub(crate) fn replace_private(path: &Path, text: &str) -> Result<(), StartError> {
    replace_private_bytes(path, text.as_bytes())
}

fn replace_private_bytes(path: &Path, bytes: &[u8]) -> Result<(), StartError> {
    let part = path.with_extension("part");
    let write = || -> io::Result<()> {
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(at(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use kbox_proof::receipt::{WitnessOperator, Witnesses};

    #[test]
    fn a_bundle_of_a_lower_quorum_or_demand_or_of_no_majority_any_more_is_weaker() {
        let bundle = |operators: u32, quorum: u32, demand| {
            let origin = Origin::parse("kbox.example/log/1").unwrap();
            let authority = TrustedAuthority {
                chain: Vec::new(),
                policy: String::new(),
                origin: origin.clone(),
                from: 0,
                to: None,
            };
            let shard = Shard {
                origin,
                vkey: String::new(),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            };
            let roots = Vec::new();
            let environment = Environment::Demonstration;
            let mut bundle = TrustBundle::new(environment, authority, roots, shard, demand);
            let operators = (0..operators).map(|number| WitnessOperator {
                name: number.to_string(),
                keys: Vec::new(),
                accuracy_ms: 1000,
                independent: true,
            });
            bundle.witnesses = Witnesses {
                operators: operators.collect(),
                quorum,
            };
            bundle
        };
        let known = bundle(3, 2, Demand::Temoigne);
        for (next, is_weaker) in [
            (bundle(3, 2, Demand::Temoigne), false),
            (bundle(5, 3, Demand::Ancre), false),
            (bundle(2, 2, Demand::Temoigne), false),
            (bundle(1, 1, Demand::Temoigne), true),
            (bundle(3, 2, Demand::Journalise), true),
            // Two quorums of strangers.
            (bundle(5, 2, Demand::Temoigne), true),
        ] {
            let refused = check_not_weaker(&known, &next);
            assert_eq!(refused.is_err(), is_weaker, "{:?}", next.witnesses);
        }
        // What was no majority need not become one.
        let known = bundle(4, 2, Demand::Temoigne);
        check_not_weaker(&known, &bundle(5, 2, Demand::Temoigne)).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_read_to_its_limit_and_by_nobody_else() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let read = |length: usize, mode| {
            fs::write(&path, "x".repeat(length)).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            private(&path).map(|text| text.len())
        };
        let max = usize::try_from(MAX_SECRET_BYTES).unwrap();
        assert_eq!(read(max, 0o600).unwrap(), max);
        for longer in [max + 1, 20 * max] {
            let refused = read(longer, 0o600);
            assert!(
                matches!(refused, Err(StartError::Content { .. })),
                "{refused:?}"
            );
        }
        let refused = read(1, 0o640);
        assert!(
            matches!(refused, Err(StartError::KeyReadable(_))),
            "{refused:?}"
        );
    }

    #[test]
    fn lines_of_the_log_begin_with_milliseconds_whatever_the_instant() {
        for (time, expected) in [
            ("2026-11-25T09:15:02.110999999Z", "2026-11-25T09:15:02.110Z"),
            ("2026-11-25T09:15:02Z", "2026-11-25T09:15:02.000Z"),
        ] {
            assert_eq!(for_log(Time::parse_rfc3339(time).unwrap()), expected);
        }
    }

    #[test]
    fn a_kernel_that_is_not_synchronised_is_told_with_what_to_start() {
        let unsynchronised = ["kernel: not synchronised".to_string()];
        let text = clock_trouble(&ClockError::Unsynchronised, &unsynchronised);
        assert!(text.contains("`rtcsync`"), "{text}");
        let other = ["ntp1.example.fr:123: not synchronised".to_string()];
        let text = clock_trouble(&ClockError::Unsynchronised, &other);
        assert!(!text.contains("rtcsync"), "{text}");
    }

    #[test]
    fn a_damaged_database_is_not_served_and_the_operator_is_told_what_to_do_before_the_engines_words()
     {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data: folder.path().join("data"),
            ..Config::default()
        };
        let instance = Instance::open(&config).unwrap();
        instance.ledger.close();
        drop(instance);
        let mut open = vec![config.data.clone()];
        let mut manifest = None;
        while let Some(path) = open.pop() {
            for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => open.push(entry.path()),
                    false if entry.file_name().to_string_lossy().starts_with("MANIFEST") => {
                        manifest = Some(entry.path());
                    }
                    false => {}
                }
            }
        }
        let manifest = manifest.unwrap();
        let mut bytes = fs::read(&manifest).unwrap();
        bytes[10] ^= 0xff;
        fs::write(&manifest, bytes).unwrap();
        let text = Instance::open(&config).err().unwrap().to_string();
        let [copy, backup, engine] = ["Keep a copy", "`kbox-server fsck`", "Corruption"]
            .map(|words| text.find(words).unwrap());
        assert!(copy < backup && backup < engine, "{text}");
        assert!(!text[..engine].contains("  "), "{text}");
    }

    #[test]
    fn a_trust_bundle_changed_on_the_disk_is_neither_served_nor_started_with_nor_sound() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data: folder.path().join("data"),
            ..Config::default()
        };
        let instance = Instance::open(&config).unwrap();
        let bundle = instance.trust(None).unwrap().unwrap();
        let text = String::from_utf8(bundle.clone()).unwrap();
        let lowered = text.replace("journalise", "horodate");
        assert_ne!(lowered, text);
        let write = |instance: &Instance, version: u32, bytes: &[u8]| {
            let mut records = RecordBatch::new();
            records.put(trust_key(version), bytes.to_vec());
            instance.ledger.record(Vec::new(), records).unwrap();
        };
        // Changed, and one of a version that the log never published.
        for (version, bytes) in [(1, lowered.as_bytes()), (2, bundle.as_slice())] {
            write(&instance, version, bytes);
            for asked in [None, Some(version)] {
                let damaged = matches!(instance.trust(asked), Err(StoreError::Damaged { .. }));
                assert!(damaged, "version {version}, asked for {asked:?}");
            }
            write(&instance, 1, &bundle);
        }
        instance.ledger.close();
        drop(instance);
        assert!(Instance::open(&config).is_err());
        assert!(!crate::upkeep::check(&config.data, None).is_ok_and(|sound| sound));
    }
}
