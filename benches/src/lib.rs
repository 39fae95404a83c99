// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the benches share: an operator with its keys, events like a real sending's, OpenSSL as a peer, and the comparison
//! with a baseline.
//!
//! A rate alone says what machine it was measured on; a ratio to a baseline of the same seconds says what the code costs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A bench that cannot be set up has nothing to say.

use std::fs;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput};
use kbox_proof::clock::SystemClock;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::{LogSigner, TokenSigner};
use kbox_proof::ledger::{EventRequest, Ledger, LedgerConfig, RecordBatch, RequestId};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::*;
use kbox_proof::time::Time;
use kbox_proof::tlog::VerifierKey;
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{Oid, TimeStampReq, TimeStampResp, certificate_to_pem};
use kbox_proof::verify::TrustPolicy;
use kbox_store::RocksStore;
use mimalloc::MiMalloc;
use nix::time::ClockId;
use tempfile::TempDir;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ORIGIN: &str = "kbox.example/log/1";
const ACCURACY: Duration = Duration::from_secs(1);

/// The instant now: certificates must be valid and tokens state it.
#[must_use]
pub fn now() -> Time {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Time::from_unix_nanos(i64::try_from(since.as_nanos()).unwrap())
}

/// The evidence authority's key and chain, and the log's key.
#[derive(Debug)]
pub struct Operator {
    signer: String,
    chain: Vec<Vec<u8>>,
}

impl Operator {
    /// New keys, P-256 throughout.
    #[must_use]
    pub fn new() -> Self {
        let pki = DevPki::generate(now(), true).unwrap();
        Self {
            signer: pki.evidence.signer.to_pkcs8_pem().to_string(),
            chain: pki.evidence.chain,
        }
    }

    /// The token key.
    #[must_use]
    pub fn signer(&self) -> TokenSigner {
        TokenSigner::from_pkcs8_pem(&self.signer).unwrap()
    }

    /// The log's key.
    #[must_use]
    pub fn log_signer() -> LogSigner {
        LogSigner::from_seed(&[9; 32]).unwrap()
    }

    /// The log's name and the key that its checkpoints verify with.
    #[must_use]
    pub fn log(&self) -> (Origin, VerifierKey) {
        let key = VerifierKey::parse(&Self::log_signer().vkey(ORIGIN)).unwrap();
        (Origin::parse(ORIGIN).unwrap(), key)
    }

    /// The token key's chain.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The authority.
    #[must_use]
    pub fn authority(&self) -> Authority {
        authority(self.signer(), self.chain.clone())
    }

    /// A ledger over RocksDB in `folder`, with default bounds and the system's clock.
    #[must_use]
    pub fn ledger(&self, folder: &Path) -> Ledger {
        let config = LedgerConfig::new(Origin::parse(ORIGIN).unwrap(), Environment::Demonstration);
        let store = Arc::new(RocksStore::open(folder).unwrap());
        let clock = Arc::new(SystemClock::new(ACCURACY / 2).unwrap());
        let (authority, log_signer) = (self.authority(), Self::log_signer());
        Ledger::open(config, store, authority, log_signer, clock).unwrap()
    }

    /// Trusts this operator, and demands no witness.
    #[must_use]
    pub fn policy(&self) -> TrustPolicy {
        let pem = |der: &Vec<u8>| certificate_to_pem(der);
        let origin = Origin::parse(ORIGIN).unwrap();
        let bundle = TrustBundle::new(
            Environment::Demonstration,
            TrustedAuthority {
                chain: self.chain.iter().map(pem).collect(),
                policy: Oid::demonstration_evidence_policy().to_string(),
                origin: origin.clone(),
                from: 0,
                to: None,
            },
            self.chain.last().map(pem).into_iter().collect(),
            Shard {
                origin,
                vkey: Self::log_signer().vkey(ORIGIN),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            },
            Demand::Journalise,
        );
        TrustPolicy::new(&bundle).unwrap()
    }
}

impl Default for Operator {
    fn default() -> Self {
        Self::new()
    }
}

/// An authority of this key and chain.
#[must_use]
pub fn authority(signer: TokenSigner, chain: Vec<Vec<u8>>) -> Authority {
    let config = AuthorityConfig::new(signer, chain, Oid::demonstration_evidence_policy());
    Authority::new(config, now()).unwrap()
}

/// The caller's clock, in whole seconds.
fn claimed() -> Time {
    Time::from_unix_secs(now().unix_secs()).unwrap()
}

fn text(value: &str) -> Text {
    Text::new(value).unwrap()
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// A log that was filled by an earlier run has had as many requests.
pub fn requests_from(number: u64) {
    REQUESTS.fetch_max(number, Ordering::Relaxed);
}

fn request(
    collectivite: &Collectivite,
    body: Body,
    personal: Option<PersonalData>,
) -> EventRequest {
    // As long as a UUID and in no order either; drawing one is the caller's matter.
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    EventRequest {
        request_id: RequestId::parse(&format!("{mixed:016x}{number:016x}")).unwrap(),
        collectivite: collectivite.clone(),
        body,
        personal,
    }
}

fn body(refers_to: Option<Sha256Digest>, detail: Detail) -> Body {
    Body {
        claimed_time: claimed(),
        reasons: vec![],
        refers_to,
        detail,
    }
}

fn doullens() -> Collectivite {
    Collectivite::parse("218002533").unwrap()
}

fn member(number: u32) -> RosterOpening {
    RosterOpening {
        identity: RecipientIdentity {
            id: text(&format!("elu-{number}")),
            name: text("Élue Première"),
            function: text("conseillère municipale"),
        },
        salt: Salt::from_bytes([1; 32]),
    }
}

/// A sending to so many members.
#[must_use]
pub fn sending(collectivite: &Collectivite, members: u32) -> EventRequest {
    let submission = Submission {
        seance: Seance {
            id: text("2026-12-02"),
            instance: text("commune"),
            intitule: text("Conseil municipal de Doullens"),
            lieu: text("Hôtel de ville"),
            debut: text("2026-12-02T18:30"),
            fuseau: text("Europe/Paris"),
            utc_offset: 3600,
            tzdb: text("2026b"),
        },
        rule: Rule {
            id: text("COM-L"),
            article: text("CGCT L.2121-12"),
            jours: 5,
            nature: Nature::Franc,
            population: Some(5751),
            departement: Some(text("80")),
            urgence: None,
            seconde_convocation: false,
        },
        author: text("Le maire"),
        version: 1,
        papers: vec![Paper {
            digest: Sha256Digest::of(b"paper"),
            size: 5,
            titre: text("Convocation"),
            nature: PaperNature::Convocation,
        }],
        roster: (0..members)
            .map(|number| member(number).entry(false).unwrap())
            .collect(),
    };
    request(
        collectivite,
        body(None, Detail::SubmissionAcceptance(submission)),
        None,
    )
}

/// The commonest event: the consignment of a convocation to one member, whom its personal part names.
fn step(collectivite: &Collectivite, sending: Sha256Digest, recipient: u32) -> EventRequest {
    let personal = PersonalData {
        recipient: Some(member(recipient)),
        address: Some(text("elue.premiere@doullens.example")),
        ..PersonalData::default()
    };
    let detail = Detail::ContentConsignment(RecipientStep { recipient });
    request(collectivite, body(Some(sending), detail), Some(personal))
}

/// The consignments of a sending to all its members.
#[must_use]
pub fn steps(
    collectivite: &Collectivite,
    sending: Sha256Digest,
    members: u32,
) -> Vec<EventRequest> {
    (0..members)
        .map(|recipient| step(collectivite, sending, recipient))
        .collect()
}

/// That a member opened what was consigned.
#[must_use]
pub fn opening(
    collectivite: &Collectivite,
    consignment: Sha256Digest,
    recipient: u32,
) -> EventRequest {
    let detail = Detail::ContentAccessTracking(RecipientStep { recipient });
    request(collectivite, body(Some(consignment), detail), None)
}

/// Records a sending and gives its digest, which consignments refer to.
#[must_use]
pub fn record_sending(ledger: &Ledger) -> Sha256Digest {
    let receipts = ledger.record(vec![sending(&doullens(), 1)], RecordBatch::new());
    event_digest(&receipts.unwrap().first().unwrap().event)
}

/// A consignment to the member of [`record_sending`].
#[must_use]
pub fn consignment(sending: Sha256Digest) -> EventRequest {
    step(&doullens(), sending, 0)
}

/// Does so many rounds, and says how long they took by the clock that counts for it.
pub type Side<'a> = &'a mut dyn FnMut(u64) -> Duration;

/// The processor time of this thread alone: whoever else uses the machine does not count.
pub fn on_one_core(mut work: impl FnMut()) -> impl FnMut(u64) -> Duration {
    move |rounds| {
        let clock = ClockId::CLOCK_THREAD_CPUTIME_ID;
        let start = Duration::from(clock.now().unwrap());
        for _ in 0..rounds {
            work();
        }
        Duration::from(clock.now().unwrap()) - start
    }
}

/// The time that passes, for what waits.
pub fn by_the_wall(mut work: impl FnMut(u64)) -> impl FnMut(u64) -> Duration {
    move |rounds| {
        let start = Instant::now();
        work(rounds);
        start.elapsed()
    }
}

/// Measures `run`, whose rounds hold so many `units` each, and after each sample of it as many rounds of every baseline: a
/// neighbour on the machine who slows one slows the others. Ends with the ratios: their median over the samples, and
/// between which bounds the middle half of them lies.
pub fn compare(
    criterion: &mut Criterion,
    name: &str,
    units: u32,
    run: Side<'_>,
    baselines: &mut [(&str, Side<'_>)],
) {
    let (mut rounds, mut time) = (0, Duration::ZERO);
    let mut times = vec![Duration::ZERO; baselines.len()];
    let mut ratios = vec![Vec::new(); baselines.len()];
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(units.into()));
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function("measured", |bencher| {
        bencher.iter_custom(|count| {
            let own = run(count);
            for (index, (_, baseline)) in baselines.iter_mut().enumerate() {
                let its = baseline(count);
                times[index] += its;
                ratios[index].push(100.0 * its.as_secs_f64() / own.as_secs_f64());
            }
            rounds += count;
            time += own;
            own
        });
    });
    group.finish();
    if rounds == 0 {
        return; // Left out on the command line.
    }
    // Both are far below 2⁵³.
    let rate = |time: Duration| (rounds * u64::from(units)) as f64 / time.as_secs_f64();
    for (((baseline, _), its_time), ratios) in baselines.iter().zip(times).zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        let at = |quarter: usize| ratios[(ratios.len() - 1) * quarter / 4];
        println!(
            "ratio  {name}: {:.0}/s, {:.1} % ({:.1} to {:.1}) of {baseline} ({:.0}/s)",
            rate(time),
            at(2),
            at(1),
            at(3),
            rate(its_time)
        );
    }
    println!();
}

/// How far a part is; a line at its end.
#[derive(Debug)]
pub struct Bar {
    what: &'static str,
    done: u64,
    of: u64,
    shown: u64,
    begun: Instant,
}

impl Bar {
    /// None of it is done.
    #[must_use]
    pub fn new(what: &'static str, of: u64) -> Self {
        Self {
            what,
            done: 0,
            of,
            shown: u64::MAX,
            begun: Instant::now(),
        }
    }

    /// So much more is done.
    pub fn add(&mut self, done: usize) {
        self.at(self.done + done as u64);
    }

    /// So much is done.
    pub fn at(&mut self, done: u64) {
        self.done = done;
        let percent = 100 * done / self.of.max(1);
        if percent != self.shown && std::io::stderr().is_terminal() {
            self.shown = percent;
            let bar = "=".repeat(usize::try_from(percent / 4).unwrap());
            eprint!("\r[{bar:<25}] {percent:>3} % {}", self.what);
            std::io::stderr().flush().unwrap();
        }
    }

    /// How long it took, which is printed.
    pub fn end(self) -> Duration {
        let took = self.begun.elapsed();
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
        let rate = self.of as f64 / took.as_secs_f64();
        println!("{}: {:.1} s, {rate:.0}/s", self.what, took.as_secs_f64());
        took
    }
}

/// What the files below a folder hold.
#[must_use]
pub fn bytes_below(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => bytes_below(&entry.path()),
                false => entry.metadata().unwrap().len(),
            }
        })
        .sum()
}

/// Processor time of this process, all threads together.
#[must_use]
pub fn processor_time() -> Duration {
    ClockId::CLOCK_PROCESS_CPUTIME_ID.now().unwrap().into()
}

/// What `make bench` built besides this bench: a path below the target directory.
#[must_use]
pub fn built(path: &str) -> PathBuf {
    // This bench lies in release/deps.
    let own = std::env::current_exe().unwrap();
    let found = own.ancestors().nth(3).unwrap().join(path);
    assert!(
        found.is_file(),
        "{} is missing: run the benches through `make bench`",
        found.display()
    );
    found
}

/// OpenSSL's responder as a process, which answers one query as often as it is told (`peers/openssl_tsa.c`).
#[derive(Debug)]
pub struct OpenSsl {
    process: Child,
    answers: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl OpenSsl {
    /// Has it answer this query with this key.
    #[must_use]
    pub fn start(signer: &TokenSigner, chain: &[Vec<u8>], query: &TimeStampReq) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let mut process = Command::new(built("peers/openssl_tsa"))
            .arg(file("key.pem", signer.to_pkcs8_pem().as_bytes()))
            .arg(file("signer.pem", certificate_to_pem(&chain[0]).as_bytes()))
            .arg(file("root.pem", certificate_to_pem(&chain[1]).as_bytes()))
            .arg(file("query.tsq", &query.to_der()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut openssl = Self {
            process,
            answers,
            _folder: folder,
        };
        // What it makes is what ours is compared with: a token over the same imprint, with the same chain.
        let hex = openssl.ask(0);
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let response = TimeStampResp::parse(&bytes).unwrap();
        let token = response.token().unwrap();
        assert_eq!(token.certificates().len(), chain.len());
        assert_eq!(token.tst_info().message_imprint(), query.message_imprint());
        openssl
    }

    fn ask(&mut self, rounds: u64) -> String {
        let mut line = String::new();
        writeln!(self.process.stdin.as_mut().unwrap(), "{rounds}").unwrap();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_string()
    }

    /// Its processor time for so many answers.
    pub fn answer(&mut self, rounds: u64) -> Duration {
        Duration::from_nanos(self.ask(rounds).parse().unwrap())
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
