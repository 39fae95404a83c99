// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The client of witnesses: a thread that has the newest checkpoint cosigned, round after round.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::http::{HttpAnswer, HttpClient, HttpError};
use crate::ledger::{Ledger, LedgerError};
use crate::merkle::{ConsistencyProof, TreeSize};
use crate::store::Mark;
use crate::tlog::witness::{AddCheckpoint, MAX_PROOF_LINES, SIZE_MEDIA_TYPE};
use crate::tlog::{
    CheckpointError, Note, NoteError, NoteSignature, VerifiedCheckpoint, VerifierKey,
};

/// The longest answer: 16 cosignatures by ML-DSA-44.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Requests to one witness in one round: to learn its size, to send the proof from there, and once more when it moved between.
const ATTEMPTS: usize = 3;
/// How often the log is looked at for a first entry after a quiet time.
const LOOK: Duration = Duration::from_millis(250);
/// Before the empty log is cosigned nothing is recorded, so that waiting costs more than asking.
const FIRST_ROUNDS: Duration = Duration::from_secs(5);

/// One witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessEndpoint {
    /// What it is called in reports.
    pub name: String,
    /// Its submission prefix, without a final slash.
    pub url: String,
    /// The keys by which it cosigns.
    pub keys: Vec<VerifierKey>,
}

/// Whom to ask, and how often.
pub struct WitnessClientConfig {
    /// The witnesses; whose cosignatures make a mark is the ledger's to know.
    pub endpoints: Vec<WitnessEndpoint>,
    /// From one round to the next, whether the log has grown or not.
    pub interval: Duration,
    /// For one request.
    pub timeout: Duration,
    /// Told what happens, on the client's thread.
    pub on_event: Arc<dyn Fn(&WitnessEvent) + Send + Sync>,
}

impl WitnessClientConfig {
    /// Every minute, with ten seconds for a request.
    #[must_use]
    pub fn new(
        endpoints: Vec<WitnessEndpoint>,
        on_event: Arc<dyn Fn(&WitnessEvent) + Send + Sync>,
    ) -> Self {
        Self {
            endpoints,
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            on_event,
        }
    }
}

impl fmt::Debug for WitnessClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessClientConfig")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// Why a witness did not cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WitnessProblem {
    /// No answer.
    Http(HttpError),
    /// It refused, with this status and these words.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The first words of its answer.
        answer: String,
    },
    /// Its answer is not what the specification says.
    Answer(&'static str),
    /// Its cosignature does not hold.
    Cosignature(NoteError),
    /// It gave no cosignature by a key of its own with a time.
    NoCosignature,
    /// It has cosigned a larger tree of this log than there is.
    RolledBack {
        /// The size that it cosigned.
        seen: TreeSize,
        /// The size here.
        ours: TreeSize,
    },
    /// It has cosigned another tree of this log than ours of the same size.
    OtherView {
        /// The size.
        size: TreeSize,
    },
    /// The log could not make what was to be sent.
    Ledger(LedgerError),
}

impl fmt::Display for WitnessProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Refused { status, answer } => {
                write!(f, "it refused with {status}: {answer:?}")?;
                match status {
                    403 | 404 => f.write_str(". Give its operator this log's verifier key"),
                    _ => Ok(()),
                }
            }
            Self::Answer(what) => write!(f, "its answer is not of tlog-witness: {what}"),
            Self::Cosignature(error) => write!(f, "{error}"),
            Self::NoCosignature => f.write_str(
                "it gave no cosignature by a key that is configured for it, with a time: hold its vkeys against what its operator gave",
            ),
            Self::RolledBack { seen, ours } => write!(
                f,
                "it cosigned {seen} leaves of this log, and {ours} are here: entries were lost, or a copy of this log goes on elsewhere"
            ),
            Self::OtherView { size } => write!(
                f,
                "it cosigned another tree of {size} leaves of this log than ours: a copy of this log goes on elsewhere, or it errs"
            ),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for WitnessProblem {}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WitnessEvent {
    /// A quorum cosigned, and the mark is kept.
    Marked {
        /// The mark.
        mark: Mark,
    },
    /// A round ended without a quorum, or its mark could not be kept.
    NotMarked(LedgerError),
    /// A witness does not cosign any more.
    Failing {
        /// Which.
        witness: String,
        /// Why.
        problem: WitnessProblem,
    },
    /// It cosigns again.
    Recovered {
        /// Which.
        witness: String,
    },
    /// A witness knows more of this log than there is: the ledger records nothing more.
    RolledBack {
        /// Which witness.
        witness: String,
        /// The size that it cosigned.
        seen: TreeSize,
        /// The size here.
        ours: TreeSize,
    },
    /// A witness has cosigned another tree of this log: evidence of two histories, to be kept whole.
    OtherView {
        /// Which witness.
        witness: String,
        /// Size of the tree in question.
        size: TreeSize,
        /// What was sent to it.
        request: String,
        /// What it answered.
        answer: String,
    },
}

/// How a witness does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name.
    pub name: String,
    /// The size that it cosigned last, as far as is known.
    pub size: Option<TreeSize>,
    /// How long ago it cosigned last, in this process.
    pub age: Option<Duration>,
    /// Why it did not the last time that it was asked.
    pub problem: Option<String>,
}

/// What is known of one witness.
#[derive(Debug, Default)]
struct Known {
    size: Option<TreeSize>,
    /// Its cosignatures of that size, the newest of each key.
    lines: Vec<NoteSignature>,
    at: Option<Instant>,
    problem: Option<WitnessProblem>,
    failures: u32,
    /// Not asked before.
    next: Option<Instant>,
}

/// A running client of witnesses. Dropping it ends it.
pub struct WitnessClient {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    names: Vec<String>,
    /// Closed when the first round is over.
    first: Mutex<Receiver<()>>,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for WitnessClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitnessClient")
            .field("witnesses", &self.names)
            .finish_non_exhaustive()
    }
}

impl WitnessClient {
    /// Begins to ask.
    ///
    /// # Errors
    /// [`HttpError::Client`] when there can be no HTTP client or no thread.
    pub fn start(ledger: Arc<Ledger>, config: WitnessClientConfig) -> Result<Self, HttpError> {
        let client = HttpClient::new(config.timeout)?;
        let known: Arc<Mutex<BTreeMap<String, Known>>> = Arc::default();
        let names = config.endpoints.iter().map(|one| one.name.clone());
        let names: Vec<String> = names.collect();
        let (stop, stopped) = sync_channel(1);
        let (first, first_is_over) = sync_channel(1);
        let worker = Worker {
            ledger,
            client,
            config,
            known: Arc::clone(&known),
        };
        let thread = std::thread::Builder::new()
            .name("kbox-witnesses".into())
            .spawn(move || worker.run(&stopped, first))
            .map_err(|error| HttpError::Client(error.to_string()))?;
        Ok(Self {
            known,
            names,
            first: Mutex::new(first_is_over),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How each witness does, in the order of the configuration.
    #[must_use]
    pub fn status(&self) -> Vec<WitnessStatus> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.names
            .iter()
            .map(|name| {
                let one = known.get(name);
                WitnessStatus {
                    name: name.clone(),
                    size: one.and_then(|one| one.size),
                    age: one.and_then(|one| one.at).map(|at| at.elapsed()),
                    problem: one
                        .and_then(|one| one.problem.as_ref())
                        .map(ToString::to_string),
                }
            })
            .collect()
    }

    /// Waits until every witness was asked once: what is not answered by then may still be told later. A log that was put back to an
    /// older state is known by then, if a witness can be reached.
    pub fn wait_for_first_round(&self, most: Duration) {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        // Over, or too late.
        let _ = first.recv_timeout(most);
    }

    /// Asks no more, and waits for the round under way: a request's time at most.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of it is a defect that its thread has told of.
            let _ = thread.join();
        }
    }
}

impl Drop for WitnessClient {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Worker {
    ledger: Arc<Ledger>,
    client: HttpClient,
    config: WitnessClientConfig,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

impl Worker {
    fn run(&self, stopped: &Receiver<()>, first: SyncSender<()>) {
        let mut first = Some(first);
        loop {
            let started = Instant::now();
            let size = self.round();
            drop(first.take());
            let marked = size.is_some();
            let first = !marked && self.ledger.check_open() == Err(LedgerError::NotWitnessed);
            let pause = match first {
                true => self.config.interval.min(FIRST_ROUNDS),
                false => self.config.interval,
            };
            let mut quiet = false;
            loop {
                let left = pause.saturating_sub(started.elapsed());
                // The first entry after a quiet time is cosigned at once; those that come while others wait, in the next round.
                quiet |= size == Some(self.ledger.size());
                let woken = quiet && size.is_some_and(|size| self.ledger.size() != size);
                if left.is_zero() || (woken && started.elapsed() >= pause / 4) {
                    break;
                }
                match stopped.recv_timeout(left.min(LOOK)) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return,
                }
            }
        }
    }

    fn tell(&self, event: &WitnessEvent) {
        (self.config.on_event)(event);
    }

    /// The size that was marked.
    fn round(&self) -> Option<TreeSize> {
        let head = self.ledger.head();
        let note = Note::parse(head.checkpoint.as_bytes()).ok()?;
        let now = Instant::now();
        let due: Vec<(&WitnessEndpoint, Option<TreeSize>)> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let endpoints = self.config.endpoints.iter();
            endpoints
                .map(|endpoint| (endpoint, known.get(&endpoint.name)))
                .filter(|(_, known)| {
                    known
                        .and_then(|one| one.next)
                        .is_none_or(|next| next <= now)
                })
                .map(|(endpoint, known)| (endpoint, known.and_then(|one| one.size)))
                .collect()
        };
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> = due
                .iter()
                .map(|(endpoint, size)| {
                    let note = &note;
                    scope.spawn(move || self.ask(endpoint, *size, note, head.size))
                })
                .collect();
            let outcomes = asked.into_iter().map(|one| {
                let panicked = WitnessProblem::Answer("the client failed over it");
                one.join().unwrap_or(Err(panicked))
            });
            outcomes.collect()
        });
        let anything_new = outcomes.iter().any(Result::is_ok);
        for ((endpoint, _), outcome) in due.iter().zip(outcomes) {
            self.heard(endpoint, head.size, outcome);
        }
        if !anything_new {
            return None;
        }
        // One that is slow or was left out of this round counts by what it cosigned in the one before; by older cosignatures the mark
        // would say nothing new.
        let recent = self.config.interval.saturating_mul(2) + self.config.timeout;
        let cosigned = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let same = known.values().filter(|one| {
                let is_recent = one.at.is_some_and(|at| at.elapsed() <= recent);
                one.size == Some(head.size) && is_recent
            });
            let lines = same.flat_map(|one| &one.lines);
            lines.fold(note, |note, line| {
                note.with_signature(
                    line.name().clone(),
                    line.key_id(),
                    line.signature().to_vec(),
                )
            })
        };
        match self.ledger.add_mark(&cosigned.encode()) {
            Ok(mark) => {
                let size = mark.size;
                self.tell(&WitnessEvent::Marked { mark });
                Some(size)
            }
            Err(error) => {
                self.tell(&WitnessEvent::NotMarked(error));
                None
            }
        }
    }

    /// Notes what a witness said, and tells what is new of it.
    fn heard(
        &self,
        endpoint: &WitnessEndpoint,
        size: TreeSize,
        outcome: Result<Vec<NoteSignature>, WitnessProblem>,
    ) {
        let witness = endpoint.name.clone();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let one = known.entry(witness.clone()).or_default();
        let event = match outcome {
            Ok(lines) => {
                one.size = Some(size);
                one.lines = lines;
                one.at = Some(Instant::now());
                one.failures = 0;
                one.next = None;
                let before = one.problem.take();
                before.map(|_| WitnessEvent::Recovered { witness })
            }
            Err(problem) => {
                one.failures = one.failures.saturating_add(1);
                // Every second round only, once it has failed twice: it must not hold up the others' rounds by its silence.
                let pause = self.config.interval.saturating_mul(2);
                let slow = one.failures > 2 && matches!(problem, WitnessProblem::Http(_));
                one.next = slow.then(|| Instant::now() + pause);
                let is_new = one.problem.as_ref() != Some(&problem);
                one.problem = Some(problem.clone());
                is_new.then_some(WitnessEvent::Failing { witness, problem })
            }
        };
        drop(known);
        if let Some(event) = event {
            if let WitnessEvent::Failing {
                witness,
                problem: WitnessProblem::RolledBack { seen, ours },
            } = &event
            {
                let (seen, ours) = (*seen, *ours);
                let witness = witness.clone();
                self.ledger.halt(LedgerError::RolledBack {
                    witness: witness.clone(),
                    seen,
                    ours,
                });
                self.tell(&WitnessEvent::RolledBack {
                    witness,
                    seen,
                    ours,
                });
            }
            self.tell(&event);
        }
    }

    /// One witness's cosignatures of this checkpoint, verified.
    fn ask(
        &self,
        endpoint: &WitnessEndpoint,
        known: Option<TreeSize>,
        note: &Note,
        size: TreeSize,
    ) -> Result<Vec<NoteSignature>, WitnessProblem> {
        let address = format!("{}/add-checkpoint", endpoint.url);
        let mut old = known.unwrap_or(TreeSize::new(0)).min(size);
        for _ in 0..ATTEMPTS {
            let proof = match old.get() == 0 || old == size {
                true => ConsistencyProof::new(Vec::new()),
                false => self
                    .ledger
                    .consistency(old, size)
                    .map_err(WitnessProblem::Ledger)?,
            };
            if proof.hashes().len() > MAX_PROOF_LINES {
                return Err(WitnessProblem::Answer("no tree is so large"));
            }
            let request = AddCheckpoint {
                old,
                proof,
                note: note.clone(),
            };
            let request = request.encode();
            let answer = self
                .client
                .post(
                    &address,
                    None,
                    "text/plain",
                    request.clone().into_bytes(),
                    MAX_ANSWER_BYTES,
                )
                .map_err(WitnessProblem::Http)?;
            let other_view = |answer: &HttpAnswer| {
                self.tell(&WitnessEvent::OtherView {
                    witness: endpoint.name.clone(),
                    size: old,
                    request: request.clone(),
                    answer: format!("{}\n{}", answer.status, words(&answer.body)),
                });
                Err(WitnessProblem::OtherView { size: old })
            };
            match answer.status {
                200 => return cosignatures(endpoint, self.ledger.key(), note, &answer.body),
                409 => {
                    let seen = seen_size(&answer)?;
                    // Not the size that was sent: the log may have grown since, and the witness been asked by another.
                    let ours = self.ledger.size();
                    if seen > ours {
                        return Err(WitnessProblem::RolledBack { seen, ours });
                    }
                    if seen == old {
                        // It holds the size that was named, so it must hold another root of it.
                        return other_view(&answer);
                    }
                    if seen > size {
                        return Err(WitnessProblem::Answer(
                            "it has cosigned a newer tree already",
                        ));
                    }
                    old = seen;
                }
                // The proof is from our tree of that size, and holds: then the witness's tree is another one.
                422 if old.get() > 0 => return other_view(&answer),
                status => {
                    return Err(WitnessProblem::Refused {
                        status,
                        answer: words(&answer.body),
                    });
                }
            }
        }
        Err(WitnessProblem::Answer(
            "it names another size at each request",
        ))
    }
}

fn seen_size(answer: &HttpAnswer) -> Result<TreeSize, WitnessProblem> {
    let wrong = WitnessProblem::Answer("a conflict without the size cosigned last");
    if answer.media_type != SIZE_MEDIA_TYPE {
        return Err(wrong);
    }
    let text = core::str::from_utf8(&answer.body).ok();
    let text = text.and_then(|text| text.strip_suffix('\n'));
    let number = text.and_then(|text| Some((text, text.parse::<u64>().ok()?)));
    match number {
        Some((text, number)) if number.to_string() == text => Ok(TreeSize::new(number)),
        _ => Err(wrong),
    }
}

/// The lines of an answer that are by this witness's keys, each verified. Lines of others are ignored, as the specification says.
fn cosignatures(
    endpoint: &WitnessEndpoint,
    log: &VerifierKey,
    note: &Note,
    body: &[u8],
) -> Result<Vec<NoteSignature>, WitnessProblem> {
    let unreadable = |_| WitnessProblem::Answer("no signature lines");
    let whole = [note.encode().as_bytes(), body].concat();
    let whole = Note::parse(&whole).map_err(unreadable)?;
    if whole.text() != note.text() {
        return Err(WitnessProblem::Answer("no signature lines"));
    }
    let checkpoint = VerifiedCheckpoint::verify(&whole, log).map_err(|error| match error {
        CheckpointError::Note(error) => WitnessProblem::Cosignature(error),
        _ => WitnessProblem::Answer("no signature lines"),
    })?;
    let mut lines = Vec::new();
    let mut timed = false;
    for key in &endpoint.keys {
        let verified = checkpoint
            .cosignatures(key)
            .map_err(WitnessProblem::Cosignature)?;
        timed |= verified.iter().any(|one| one.time().is_some());
        let own = whole
            .signatures()
            .iter()
            .filter(|line| *line.name() == *key.name() && line.key_id() == key.key_id());
        lines.extend(own.cloned());
    }
    match timed {
        true => Ok(lines),
        false => Err(WitnessProblem::NoCosignature),
    }
}

/// The beginning of an answer, to be shown.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let shown = text.chars().map(|one| match one.is_control() {
        true => ' ',
        false => one,
    });
    shown.take(200).collect::<String>().trim().to_string()
}
