// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Has the ledger's newest checkpoint timestamped outside, once an interval, by as many authorities as wanted.
//!
//! The outbox is what the ledger holds: due is a checkpoint larger than the last anchored one, or the last anchored one while too few
//! stamped it. So a restart forgets nothing but how long to leave an authority that failed alone.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::http::{HttpClient, HttpError};
use super::timestamp::{AnchorAuthority, AnchorProblem, time_of};
use crate::clock::Clock;
use crate::key::random_bytes;
use crate::ledger::{Ledger, LedgerError};
use crate::store::{Mark, MarkKind};
use crate::time::Time;

/// How often the ledger is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Tokens over one checkpoint that are looked through: more than there can be authorities.
const TOKENS: usize = 64;

/// Whom to ask, and how often.
pub struct AnchorClientConfig {
    /// The authorities, in the order in which they are asked.
    pub authorities: Vec<AnchorAuthority>,
    /// How many of them are to stamp each checkpoint; the others stand in.
    pub wanted: usize,
    /// From one anchor to the next, while the log grows.
    pub interval: Duration,
    /// For one request.
    pub timeout: Duration,
    /// Where witnesses cosign, what they cosigned is stamped and nothing else.
    pub witnessed: bool,
    /// The clock against which tokens are held.
    pub clock: Arc<dyn Clock>,
    /// Told what happens, on the client's thread.
    pub on_event: Arc<dyn Fn(&AnchorEvent) + Send + Sync>,
}

impl fmt::Debug for AnchorClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnchorClientConfig")
            .field("authorities", &self.authorities)
            .finish_non_exhaustive()
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorEvent {
    /// An authority stamped a checkpoint, and its token is kept.
    Anchored {
        /// Which authority.
        authority: String,
        /// The anchor.
        mark: Mark,
    },
    /// An authority gives no token that can be kept.
    Failing {
        /// Which.
        authority: String,
        /// Why.
        problem: AnchorProblem,
    },
    /// It gives tokens again.
    Recovered {
        /// Which.
        authority: String,
    },
    /// The ledger cannot be read.
    Ledger(LedgerError),
}

/// How an authority does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorStatus {
    /// Its name.
    pub name: String,
    /// Tokens of it that were kept, in this process.
    pub tokens: u64,
    /// Failures, in this process.
    pub failures: u64,
    /// Why it gave none the last time that it was asked.
    pub problem: Option<String>,
}

#[derive(Default)]
struct Known {
    tokens: u64,
    failures: u64,
    /// Since its last token.
    in_a_row: u32,
    problem: Option<AnchorProblem>,
    next: Option<Instant>,
}

/// A running client of outside authorities. Dropping it ends it.
pub struct AnchorClient {
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    names: Vec<String>,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for AnchorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnchorClient")
            .field("authorities", &self.names)
            .finish_non_exhaustive()
    }
}

impl AnchorClient {
    /// Begins to ask.
    ///
    /// # Errors
    /// [`HttpError::Client`] when there can be no HTTP client or no thread.
    pub fn start(ledger: Arc<Ledger>, config: AnchorClientConfig) -> Result<Self, HttpError> {
        let client = HttpClient::new(config.timeout)?;
        let known: Arc<Mutex<BTreeMap<String, Known>>> = Arc::default();
        let names = config.authorities.iter().map(|one| one.name.clone());
        let names = names.collect();
        let (stop, stopped) = sync_channel(1);
        let worker = Worker {
            ledger,
            client,
            config,
            known: Arc::clone(&known),
        };
        let thread = std::thread::Builder::new()
            .name("kbox-anchors".into())
            .spawn(move || worker.run(&stopped))
            .map_err(|error| HttpError::Client(error.to_string()))?;
        Ok(Self {
            known,
            names,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How each authority does, in the order of the configuration.
    #[must_use]
    pub fn status(&self) -> Vec<AnchorStatus> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let status = self.names.iter().map(|name| {
            let one = known.get(name);
            let problem = one.and_then(|one| one.problem.as_ref());
            AnchorStatus {
                name: name.clone(),
                tokens: one.map_or(0, |one| one.tokens),
                failures: one.map_or(0, |one| one.failures),
                problem: problem.map(ToString::to_string),
            }
        });
        status.collect()
    }

    /// Asks no more, and waits for the request under way: its time at most.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of it is a defect that its thread has told of.
            let _ = thread.join();
        }
    }
}

impl Drop for AnchorClient {
    fn drop(&mut self) {
        self.stop();
    }
}

/// When the newest anchor of a ledger was made, as its token says.
///
/// # Errors
/// [`LedgerError::Store`].
pub fn last_anchored(ledger: &Ledger) -> Result<Option<Time>, LedgerError> {
    let last = ledger.last_mark(MarkKind::Anchored)?;
    let token = last.and_then(|mark| mark.token);
    Ok(token.and_then(|token| time_of(&token)))
}

/// A checkpoint that is to be stamped.
struct Due {
    note: String,
    /// Tokens over it that are kept.
    tokens: Vec<Vec<u8>>,
}

struct Worker {
    ledger: Arc<Ledger>,
    client: HttpClient,
    config: AnchorClientConfig,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

impl Worker {
    fn run(&self, stopped: &Receiver<()>) {
        let mut unreadable = false;
        loop {
            match self.round(stopped) {
                Ok(()) => unreadable = false,
                Err(error) => {
                    // Once, not each second.
                    if !unreadable {
                        (self.config.on_event)(&AnchorEvent::Ledger(error));
                    }
                    unreadable = true;
                }
            }
            match stopped.recv_timeout(LOOK.min(self.config.interval)) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    }

    fn due(&self, now: Time) -> Result<Option<Due>, LedgerError> {
        let last = self.ledger.last_mark(MarkKind::Anchored)?;
        let mut tokens = Vec::new();
        if let Some(last) = &last {
            let all = self
                .ledger
                .marks(MarkKind::Anchored, (last.size, 0), TOKENS)?;
            let same = all.into_iter().filter(|one| one.note == last.note);
            tokens.extend(same.filter_map(|one| one.token));
        }
        let newest = tokens.iter().filter_map(|token| time_of(token)).max();
        // A clock that was set back must not end the anchors.
        let recent =
            newest.is_some_and(|at| at <= now && now.saturating_since(at) < self.config.interval);
        let newer = match (recent, self.config.witnessed) {
            (true, _) => None,
            (false, false) => {
                let head = self.ledger.head();
                Some((head.size, head.checkpoint))
            }
            (false, true) => {
                let mark = self.ledger.last_mark(MarkKind::Cosigned)?;
                mark.map(|mark| (mark.size, mark.note))
            }
        };
        let anchored = last.as_ref().map_or(0, |last| last.size.get());
        if let Some((_, note)) = newer.filter(|(size, _)| size.get() > anchored) {
            let tokens = Vec::new();
            return Ok(Some(Due { note, tokens }));
        }
        let last = last.filter(|_| tokens.len() < self.config.wanted);
        Ok(last.map(|last| Due {
            note: last.note,
            tokens,
        }))
    }

    fn round(&self, stopped: &Receiver<()>) -> Result<(), LedgerError> {
        // Without a time nothing is judged; it is not the authorities who fail then.
        let Ok(reading) = self.config.clock.read() else {
            return Ok(());
        };
        let Some(due) = self.due(reading.time)? else {
            return Ok(());
        };
        let mut tokens = due.tokens;
        let mut kept = tokens.len();
        for authority in &self.config.authorities {
            if kept >= self.config.wanted {
                return Ok(());
            }
            // Each token stands for one authority, even where two have a root in common.
            let own = tokens
                .iter()
                .position(|token| authority.made(token, &due.note, reading.time));
            if let Some(own) = own {
                tokens.swap_remove(own);
                continue;
            }
            if !self.is_to_be_asked(&authority.name) {
                continue;
            }
            if stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty) {
                return Ok(());
            }
            let asked = authority.timestamp(&self.client, self.config.clock.as_ref(), &due.note);
            let outcome = asked.and_then(|anchor| {
                let kept = self.ledger.add_anchor(&due.note, &anchor.token);
                kept.map_err(AnchorProblem::Ledger)
            });
            kept += usize::from(outcome.is_ok());
            self.heard(&authority.name, outcome);
        }
        Ok(())
    }

    fn is_to_be_asked(&self, name: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let next = known.get(name).and_then(|one| one.next);
        next.is_none_or(|next| next <= Instant::now())
    }

    fn heard(&self, name: &str, outcome: Result<Mark, AnchorProblem>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let one = known.entry(name.to_string()).or_default();
        let authority = name.to_string();
        let events = match outcome {
            Ok(mark) => {
                let had_failed = one.problem.take().is_some();
                one.tokens += 1;
                (one.in_a_row, one.next) = (0, None);
                let again = had_failed.then(|| AnchorEvent::Recovered {
                    authority: authority.clone(),
                });
                let anchored = AnchorEvent::Anchored { authority, mark };
                again.into_iter().chain(Some(anchored)).collect()
            }
            Err(problem) => {
                one.failures += 1;
                one.next = Some(Instant::now() + self.pause(one.in_a_row));
                one.in_a_row = one.in_a_row.saturating_add(1);
                let is_new = one.problem.as_ref() != Some(&problem);
                one.problem = Some(problem.clone());
                match is_new {
                    true => alloc::vec![AnchorEvent::Failing { authority, problem }],
                    false => Vec::new(),
                }
            }
        };
        drop(known);
        for event in events {
            (self.config.on_event)(&event);
        }
    }

    /// A sixtieth of the interval at first, twice as long after each further failure, the interval at most; up to a half more by chance, so
    /// that not all logs ask at the moment at which an authority is back.
    fn pause(&self, failures: u32) -> Duration {
        let least = self.config.interval / 60;
        let pause = least.saturating_mul(1 << failures.min(10));
        let pause = pause.min(self.config.interval);
        let chance = random_bytes::<1>().map_or(0, |[byte]| u32::from(byte));
        pause + pause / 512 * chance
    }
}
