// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The ledger: takes what happened, and gives a receipt once it is durable, in the tree, and under a signed checkpoint.
//!
//! One thread, the sequencer, puts events in order. A group of events is everything that waits when the one before is
//! durable; it goes through ranks and digests (in order), tokens (on all cores), tree and checkpoint into one synced
//! commit of the [`Store`]. Only then is anybody told, and each receipt's inclusion proof is checked first. A commit that
//! fails, or whose proofs do not hold, ends the log: nobody is acknowledged after it.
//!
//! Idempotent: a request id of a collectivité names one event for ever. The same content, whatever its `claimed_time`,
//! gives the same receipt, other content is refused.
//!
//! Checkpoints that a quorum of witnesses cosigned, or that an outside authority timestamped, are kept for ever, and receipts
//! grow by them.
//!
//! Out of scope: who may record what (the server), asking witnesses and outside authorities (`anchor`).

mod activity;
mod closed;
mod commit;
mod erasure;
mod error;
mod export;
pub mod fsck;
mod intake;
mod marks;
mod published;
mod receipts;
mod reference;
mod seal;
mod sequencer;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::mpsc::{self, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use zeroize::Zeroizing;

pub use self::activity::{Activity, COMMIT_CLASSES_MS};
pub use self::closed::ClosedLog;
pub use self::erasure::{Erasure, Hold, HoldRelease, HoldScope, Scrub, replay_erasures};
pub use self::error::LedgerError;
pub use self::export::export;
pub use self::marks::{MarkError, Upgrade};
pub use self::published::PublishedLog;
pub use crate::store::{RecordBatch, RequestId};

use self::activity::Commits;
use self::closed::{Closed, Earlier};
use self::intake::{Bounds, Done, Intake, Submission};
use self::marks::{Marks, Quorum};
use self::receipts::{Prover, Signed};
use self::reference::References;
use self::seal::{LogKeys, Sealer};
use self::sequencer::{Prepared, Published, Sequencer, Shared};
use crate::clock::Clock;
use crate::event::encoded::{EncodedBody, EncodedPersonal};
use crate::event::{
    Body, Collectivite, Detail, Environment, EventError, EventId, MAX_EVENT_BYTES, Origin,
    PersonalData, Salt,
};
use crate::key::{LogSigner, random_bytes};
use crate::merkle::{
    ConsistencyProof, Edge, EdgeLoadError, LeafHash, LeafIndex, Tile, TileReader, TreeSize,
    consistency_proof, hash_leaf,
};
use crate::receipt::{Receipt, Witnesses};
use crate::store::{
    CommitBatch, CommitError, Entry, Head, Mark, MarkKind, Store, StoreError, chain_id,
};
use crate::time::Time;
use crate::tlog::VerifierKey;
use crate::tsa::{Authority, SerialSource};

/// Header and framing of an event that is not in its body.
const HEADER_ROOM: usize = 2048;
/// Commits that may wait for their acknowledgements while the next is made.
const UNACKNOWLEDGED_COMMITS: usize = 4;

/// What a ledger is told of its log, and its bounds.
pub struct LedgerConfig {
    /// The log's name, in every event and checkpoint.
    pub origin: Origin,
    /// Production or demonstration, in every event.
    pub environment: Environment,
    /// Whose cosignatures make a mark, counted as a trust bundle says. Where there are any, a quorum of them cosigns the empty
    /// log before its first event.
    pub witnesses: Witnesses,
    /// Events that may wait, beyond which callers get [`LedgerError::Busy`].
    pub max_waiting_events: usize,
    /// Bytes that may wait.
    pub max_waiting_bytes: usize,
    /// Events of one commit, and of one call.
    pub max_batch_events: usize,
    /// Bytes of one commit, and of one call.
    pub max_batch_bytes: usize,
    /// Called when the log must not go on: a commit failed, so that what is on disk is unknown ([`LedgerError::Store`]),
    /// or what was just committed cannot be proven ([`LedgerError::ProofFailed`]). By default it ends the process; if it
    /// returns, the ledger has stopped and answers [`LedgerError::Stopped`].
    pub on_fatal: Arc<dyn Fn(&LedgerError) + Send + Sync>,
    /// The logs that this one goes on for, the newest first. A log that is begun with any records a `ShardOpening` before
    /// anything else.
    pub closed: Vec<ClosedLog>,
    /// What else is changed when an event's personal data are erased; by default nothing.
    pub scrub: Scrub,
}

impl LedgerConfig {
    /// With the default bounds: 8,192 events or 64 MiB may wait, 2,048 events or 16 MiB make one commit.
    #[must_use]
    pub fn new(origin: Origin, environment: Environment) -> Self {
        Self {
            origin,
            environment,
            witnesses: Witnesses::default(),
            closed: Vec::new(),
            max_waiting_events: 8192,
            max_waiting_bytes: 64 << 20,
            max_batch_events: 2048,
            max_batch_bytes: 16 << 20,
            on_fatal: Arc::new(|error| {
                std::eprintln!(
                    "kbox: the log cannot go on, so the process ends here: {error}. What is on disk is known only after a \
                     restart"
                );
                std::process::abort();
            }),
            scrub: Arc::new(|_, _, _| Ok(RecordBatch::new())),
        }
    }
}

impl fmt::Debug for LedgerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerConfig")
            .field("origin", &self.origin)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// One event to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRequest {
    /// The caller's name for it, unique in the collectivité.
    pub request_id: RequestId,
    /// Whose event it is: from the authenticated key, never from the body.
    pub collectivite: Collectivite,
    /// What happened.
    pub body: Body,
    /// What identifies a person.
    pub personal: Option<PersonalData>,
}

/// An open log. Dropping it closes it.
pub struct Ledger {
    shared: Arc<Shared>,
    limits: Bounds,
    threads: Mutex<Vec<JoinHandle<()>>>,
    scrub: Scrub,
    /// Held while one is made, or a hold is placed.
    erasures: Mutex<()>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("origin", &self.shared.origin)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the log in `store`, or begins it in an empty one.
    ///
    /// The stored tree's right edge is computed again and must have the root of the stored checkpoint, which must be
    /// signed by `log_signer` for this origin. Erasures that a crash left between trace and destruction are completed.
    ///
    /// # Errors
    /// [`LedgerError::OtherLog`], [`LedgerError::TreeDamaged`], [`LedgerError::Store`], [`LedgerError::ErasurePending`].
    pub fn open(
        config: LedgerConfig,
        store: Arc<dyn Store>,
        authority: Authority,
        log_signer: LogSigner,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LedgerError> {
        let sealer = Sealer::new(&config.origin, authority, log_signer)?;
        let published = match store.head()? {
            Some(head) => load(store.as_ref(), sealer.keys(), head)?,
            None => begin(store.as_ref(), &sealer)?,
        };
        let quorum = Quorum::new(&config.witnesses)
            .map_err(|error| LedgerError::Signing(alloc::format!("a witness's key: {error}")))?;
        let marks = Marks::open(store.as_ref(), sealer.keys(), quorum, published.head.size)?;
        let closed = config.closed.into_iter();
        let earlier = closed
            .map(|log| Closed::open(log, sealer.keys()))
            .collect::<Result<_, _>>()?;
        let chain_stored = store.chain(&chain_id(sealer.chain()))?.is_some();
        let limits = Bounds {
            events: config.max_batch_events.max(1),
            bytes: config.max_batch_bytes,
        };
        let shared = Arc::new(Shared {
            store,
            intake: Intake::new(Bounds {
                events: config.max_waiting_events,
                bytes: config.max_waiting_bytes,
            }),
            published: RwLock::new(Arc::new(published)),
            sealer,
            origin: config.origin,
            environment: config.environment,
            on_fatal: config.on_fatal,
            commits: Commits::default(),
            marks,
            references: References::default(),
            earlier: Earlier(earlier),
        });
        let sequencer = Sequencer {
            shared: Arc::clone(&shared),
            clock,
            batch: limits,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            serials: SerialSource::new()
                .map_err(|error| LedgerError::Signing(alloc::format!("{error}")))?,
            tail: shared.published(),
            in_flight: None,
            ends: BTreeMap::new(),
            chain_stored,
        };
        let (groups, built) = sync_channel(1);
        let (outcomes, settled) = mpsc::channel();
        let (commits, acknowledged) = sync_channel(UNACKNOWLEDGED_COMMITS);
        let (committing, acknowledging) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = [
            thread("kbox-sequencer", move || sequencer.run(&groups, &settled)),
            thread("kbox-commit", move || {
                commit::commit(&committing, &built, &outcomes, &commits);
            }),
            thread("kbox-acknowledge", move || {
                commit::acknowledge(&acknowledging, &acknowledged);
            }),
        ];
        let threads = threads.into_iter().collect::<Result<Vec<_>, _>>();
        let threads = Mutex::new(threads.inspect_err(|_| shared.intake.close())?);
        let ledger = Self {
            shared,
            limits,
            threads,
            scrub: config.scrub,
            erasures: Mutex::default(),
        };
        ledger.complete_erasures()?;
        Ok(ledger)
    }

    /// Records events and the service's records together, or nothing of both, and calls `on_done` with the receipts, in
    /// the events' order, once all is durable. A call without events writes records alone; records of a call all of whose
    /// events were recorded before are not written again.
    ///
    /// `on_done` runs on a thread of the ledger and must not wait for anything.
    ///
    /// # Errors
    /// Whatever can be said at once; `on_done` is not called then. What shows only in order ([`LedgerError::Conflict`],
    /// [`LedgerError::Gone`], time, storage) comes through `on_done`.
    pub fn submit(
        &self,
        events: Vec<EventRequest>,
        records: RecordBatch,
        on_done: impl FnOnce(Result<Vec<Receipt>, LedgerError>) + Send + 'static,
    ) -> Result<(), LedgerError> {
        refuse_erasures(&events)?;
        self.submit_any(events, records, on_done)
    }

    fn submit_any(
        &self,
        events: Vec<EventRequest>,
        records: RecordBatch,
        on_done: impl FnOnce(Result<Vec<Receipt>, LedgerError>) + Send + 'static,
    ) -> Result<(), LedgerError> {
        if !events.is_empty() {
            self.shared.marks.check_open()?;
            let opens = |event: &EventRequest| matches!(event.body.detail, Detail::ShardOpening(_));
            let first = !self.shared.earlier.is_empty() && self.size().get() == 0;
            if events.first().is_some_and(opens) != first || events.iter().skip(1).any(opens) {
                return Err(LedgerError::NotOpened);
            }
        }
        if events.len() > self.limits.events {
            return Err(LedgerError::TooLarge {
                what: "events",
                max: self.limits.events,
            });
        }
        let events = events
            .into_iter()
            .map(|event| self.prepare(event))
            .collect::<Result<Vec<_>, _>>()?;
        let content: usize = events.iter().map(|event| event.content.len()).sum();
        let bytes = content.saturating_add(records.byte_len());
        if bytes > self.limits.bytes {
            return Err(LedgerError::TooLarge {
                what: "bytes",
                max: self.limits.bytes,
            });
        }
        let done = Done::new(on_done);
        self.shared.intake.put(Submission {
            events,
            records,
            bytes,
            done,
        })
    }

    /// As [`Ledger::submit`], and waits.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn record(
        &self,
        events: Vec<EventRequest>,
        records: RecordBatch,
    ) -> Result<Vec<Receipt>, LedgerError> {
        refuse_erasures(&events)?;
        self.record_any(events, records)
    }

    /// As [`Ledger::record`], of the ledger's own events too.
    fn record_any(
        &self,
        events: Vec<EventRequest>,
        records: RecordBatch,
    ) -> Result<Vec<Receipt>, LedgerError> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.submit_any(events, records, move |result| {
            // The receiver waits below.
            let _ = answer.send(result);
        })?;
        answered.recv().unwrap_or(Err(LedgerError::Stopped))
    }

    fn prepare(&self, request: EventRequest) -> Result<Prepared, LedgerError> {
        let EventRequest {
            request_id,
            collectivite,
            body,
            personal,
        } = request;
        let encoded = EncodedBody::new(&body)?;
        let timeless = encoded.timeless()?;
        if timeless.len() > MAX_EVENT_BYTES - HEADER_ROOM {
            let too_long = EventError::TooLong {
                found: timeless.len(),
                max: MAX_EVENT_BYTES - HEADER_ROOM,
            };
            return Err(too_long.into());
        }
        let logs = (self.shared.store.as_ref(), &self.shared.earlier);
        self.shared.references.check(logs, &collectivite, &body)?;
        let personal = personal.as_ref().map(EncodedPersonal::new).transpose()?;
        let content = seal::content(&timeless, personal.as_ref().map(EncodedPersonal::as_bytes));
        let mut random = Random::draw()?;
        let personal = match personal {
            None => None,
            Some(personal) => {
                let salt = Salt::from_bytes(random.take()?);
                Some((personal.erasable(&salt), personal.digest(&salt)))
            }
        };
        Ok(Prepared {
            collectivite,
            request_id,
            kind: reference::kind(&body),
            body: encoded,
            personal,
            content,
            event_id: EventId::from_bytes(random.take()?),
            salt: Salt::from_bytes(random.take()?),
            content_key: random.take()?,
        })
    }

    /// The receipt of an event with everything that was cosigned and anchored since; `None` when there is no such event.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::ProofFailed`].
    pub fn receipt(&self, event_id: &EventId) -> Result<Option<Receipt>, LedgerError> {
        let store = self.shared.store.as_ref();
        let index = store.index_of_event(event_id)?;
        if index.is_none()
            && let Some((closed, index)) = self.shared.earlier.of_event(event_id)?
        {
            return closed.receipt(index).map(Some);
        }
        let Some((entry, upgrade)) = self.upgraded(index)? else {
            return Ok(None);
        };
        receipts::upgraded(store, entry, upgrade).map(Some)
    }

    /// What the receipt of a leaf grew by: public, since it names nobody.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::ProofFailed`].
    pub fn upgrade(&self, leaf: &LeafHash) -> Result<Option<Upgrade>, LedgerError> {
        let index = self.shared.store.index_of_leaf(leaf)?;
        if index.is_none()
            && let Some((closed, index)) = self.shared.earlier.of_leaf(leaf)?
        {
            return closed.upgrade(index).map(|(_, upgrade)| Some(upgrade));
        }
        Ok(self.upgraded(index)?.map(|(_, upgrade)| upgrade))
    }

    fn upgraded(&self, index: Option<LeafIndex>) -> Result<Option<(Entry, Upgrade)>, LedgerError> {
        let published = self.shared.published();
        let head = &published.head;
        let Some(index) = marks::published(index, head.size) else {
            return Ok(None);
        };
        let store = self.shared.store.as_ref();
        let entry = receipts::stored(store, index)?;
        let newest = (head.size, head.root, head.checkpoint.as_str());
        let upgrade = marks::upgrade(store, self.shared.sealer.keys(), &entry, newest)?;
        Ok(Some((entry, upgrade)))
    }

    /// Keeps a checkpoint of this log that a quorum of its witnesses cosigned. Lines of others are left out.
    ///
    /// # Errors
    /// [`LedgerError::Mark`], [`LedgerError::Store`], [`LedgerError::Stopped`], [`LedgerError::Closed`].
    pub fn add_mark(&self, note: &str) -> Result<Mark, LedgerError> {
        let marks = &self.shared.marks;
        let (store, keys) = (self.shared.store.as_ref(), self.shared.sealer.keys());
        let (size, note, at) = marks.check_mark(store, keys, self.size(), note)?;
        let mark = self.keep(size, &note, None)?;
        marks.marked(&mark, at);
        Ok(mark)
    }

    /// Keeps an outside authority's token over the whole note of a checkpoint of this log, with its cosignatures. Whether the
    /// authority is one to trust is for `verify` to say.
    ///
    /// # Errors
    /// As [`Ledger::add_mark`].
    pub fn add_anchor(&self, note: &str, token: &[u8]) -> Result<Mark, LedgerError> {
        let (store, keys) = (self.shared.store.as_ref(), self.shared.sealer.keys());
        let size = marks::check_anchor(store, keys, self.size(), note, token)?;
        self.keep(size, note, Some(token))
    }

    fn keep(&self, size: TreeSize, note: &str, token: Option<&[u8]>) -> Result<Mark, LedgerError> {
        // After a failure nothing more may be written to this store.
        self.shared.intake.check_open()?;
        match self.shared.store.add_mark(size, note, token) {
            Ok(mark) => Ok(mark),
            Err(CommitError::Refused(error)) => Err(error.into()),
            Err(CommitError::Failed(error)) => {
                self.shared.fatal(&error.into());
                Err(LedgerError::Stopped)
            }
        }
    }

    /// Up to `most` marks, or anchors, of the published tree, by size and number, from `from` on.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn marks(
        &self,
        kind: MarkKind,
        from: (TreeSize, u64),
        most: usize,
    ) -> Result<Vec<Mark>, LedgerError> {
        self.present().marks(kind, from, most)
    }

    /// The last mark or anchor.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn last_mark(&self, kind: MarkKind) -> Result<Option<Mark>, LedgerError> {
        Ok(self.shared.store.last_mark(kind, self.size())?)
    }

    /// When a quorum of the witnesses last cosigned, as the newest mark says.
    #[must_use]
    pub fn last_quorum(&self) -> Option<Time> {
        self.shared.marks.last_quorum()
    }

    /// The public half of the key that signs checkpoints.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.shared.sealer.keys().key()
    }

    /// Records no more events in this process, because of what was learnt of the log outside.
    pub fn halt(&self, why: LedgerError) {
        self.shared.marks.halt(why);
    }

    /// Whether events would be taken: why not, if not.
    ///
    /// # Errors
    /// [`LedgerError::NotWitnessed`], [`LedgerError::RolledBack`], [`LedgerError::Stopped`], [`LedgerError::Closed`].
    pub fn check_open(&self) -> Result<(), LedgerError> {
        self.shared.intake.check_open()?;
        self.shared.marks.check_open()
    }

    /// The stored entry of an event.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn entry(&self, event_id: &EventId) -> Result<Option<Entry>, LedgerError> {
        match self.shared.store.index_of_event(event_id)? {
            None => match self.shared.earlier.of_event(event_id)? {
                None => Ok(None),
                Some((closed, index)) => Ok(closed.store.entry(index)?),
            },
            Some(index) => Ok(self.shared.store.entry(index)?),
        }
    }

    /// The stored entry of a collectivité's event of a rank, in this log or in a closed one.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn entry_of_rank(
        &self,
        collectivite: &Collectivite,
        rank: u64,
    ) -> Result<Option<Entry>, LedgerError> {
        let store = &self.shared.store;
        let found = match store.index_of_rank(collectivite, rank)? {
            Some(index) => Some((store, index)),
            None => {
                let found = self.shared.earlier.of_rank(collectivite, rank)?;
                found.map(|(closed, index)| (&closed.store, index))
            }
        };
        match found {
            None => Ok(None),
            Some((store, index)) => Ok(store.entry(index)?),
        }
    }

    /// The closed logs that this one goes on for, the newest first, for reading.
    pub fn closed(&self) -> impl Iterator<Item = &Arc<dyn Store>> {
        self.shared.earlier.0.iter().map(|closed| &closed.store)
    }

    /// The newest signed checkpoint, a C2SP note.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        self.shared.published().head.checkpoint.clone()
    }

    /// The checkpoint of an earlier size, as it was first cosigned where it was; `None` when none was made at that size.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn checkpoint_at(&self, size: TreeSize) -> Result<Option<String>, LedgerError> {
        self.present().checkpoint_at(size)
    }

    /// Leaves under the newest checkpoint.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        self.shared.published().head.size
    }

    /// The newest published head.
    #[must_use]
    pub fn head(&self) -> Head {
        self.shared.published().head.clone()
    }

    /// That the tree of `old` leaves is a prefix of the one of `new`, both published.
    ///
    /// # Errors
    /// [`LedgerError::ProofFailed`] when there are no such trees, [`LedgerError::Store`].
    pub fn consistency(
        &self,
        old: TreeSize,
        new: TreeSize,
    ) -> Result<ConsistencyProof, LedgerError> {
        let problem = |problem: String| LedgerError::ProofFailed(problem);
        if new > self.size() {
            return Err(problem(alloc::format!(
                "the tree has fewer than {new} leaves"
            )));
        }
        let store = self.shared.store.as_ref();
        let reader = TileReader::new(new, |name: &Tile| receipts::tile(store, name));
        consistency_proof(&reader, old, new).map_err(|error| problem(alloc::format!("{error}")))
    }

    /// What it has done since it was opened.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.shared.commits.activity(self.shared.intake.waiting())
    }

    /// The store, for reading: records, entries, chains.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.shared.origin
    }

    /// Production or demonstration.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.shared.environment
    }

    /// Takes nothing more, records and acknowledges what waits, and returns when that is done; called by a callback, at once.
    pub fn close(&self) {
        self.shared.intake.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let threads: Vec<_> = threads.drain(..).collect();
        // A callback may own the last handle: a thread waits neither for itself nor for those that wait for it.
        let own = std::thread::current().id();
        if threads.iter().any(|thread| thread.thread().id() == own) {
            return;
        }
        for thread in threads {
            // It stopped the intake itself if it panicked.
            let _ = thread.join();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

/// A trace without a destruction would be a false statement, and under another request id nobody would find it.
fn refuse_erasures(events: &[EventRequest]) -> Result<(), LedgerError> {
    let of_an_erasure = |event: &EventRequest| {
        matches!(event.body.detail, Detail::PersonalDataErasure(_))
            || event.request_id.as_str().starts_with(erasure::TRACE)
    };
    match events.iter().any(of_an_erasure) {
        true => Err(LedgerError::ErasureAlone),
        false => Ok(()),
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LedgerError> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|error| LedgerError::Signing(alloc::format!("no thread: {error}")))
}

fn random<const N: usize>() -> Result<[u8; N], LedgerError> {
    random_bytes::<N>().map_err(|error| LedgerError::Signing(error.to_string()))
}

/// An event's own random bytes, drawn at once: two salts, an id and a key.
struct Random {
    bytes: Zeroizing<[u8; Self::BYTES]>,
    used: usize,
}

impl Random {
    const BYTES: usize = 32 + 16 + 32 + 32;

    fn draw() -> Result<Self, LedgerError> {
        Ok(Self {
            bytes: Zeroizing::new(random()?),
            used: 0,
        })
    }

    /// Bytes that nobody had yet. There are as many as an event takes; beyond them nothing passes for a salt or a key.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
        let left = self.bytes.get(self.used..).unwrap_or_default();
        let taken = left.first_chunk::<N>().copied();
        self.used = self.used.saturating_add(N);
        taken.ok_or_else(|| {
            LedgerError::Signing("an event takes more random bytes than were drawn".to_string())
        })
    }
}

/// The first commit of a log: the signed checkpoint of the empty tree, which binds it to its origin and key.
fn begin(store: &dyn Store, sealer: &Sealer) -> Result<Published, LedgerError> {
    let edge = Edge::empty();
    let checkpoint = sealer.keys().checkpoint(edge.size(), &edge.root())?;
    let head = Head {
        size: edge.size(),
        root: edge.root(),
        gen_time: None,
        serial: [0; 16],
        checkpoint,
    };
    let batch = CommitBatch {
        entries: Vec::new(),
        tiles: Vec::new(),
        chain: None,
        records: Vec::new(),
        head: head.clone(),
    };
    store.commit(&batch, None).map_err(|error| match error {
        CommitError::Refused(error) | CommitError::Failed(error) => LedgerError::Store(error),
    })?;
    Ok(Published { head, edge })
}

/// The stored tree, if it is the one that was signed.
fn load(store: &dyn Store, keys: &LogKeys, head: Head) -> Result<Published, LedgerError> {
    let (size, signed) = keys.open(&head.checkpoint)?;
    let damaged = |computed| LedgerError::TreeDamaged {
        size,
        computed,
        signed,
    };
    let edge =
        Edge::load(size, |name| receipts::tile(store, name)).map_err(|error| match error {
            EdgeLoadError::Read {
                error: StoreError::Engine(detail),
                ..
            } => StoreError::Engine(detail).into(),
            _ => damaged(None),
        })?;
    if edge.root() != signed || head.size != size || head.root != signed {
        return Err(damaged(Some(edge.root())));
    }
    if let Some(last) = size.get().checked_sub(1) {
        // The newest leaf must be there, hang under that root, and be the last.
        let from = store.read_entries(LeafIndex::new(last), 2)?;
        let [leaf] = from.as_slice() else {
            return Err(damaged(None));
        };
        let tree = Signed {
            size,
            root: signed,
            checkpoint: &head.checkpoint,
        };
        let reader = TileReader::new(size, |name: &Tile| receipts::tile(store, name));
        let leaf = hash_leaf(leaf);
        let mut prover = Prover::new(reader, &tree);
        prover
            .proof(&leaf, LeafIndex::new(last))
            .map_err(|_| damaged(None))?;
        debug_assert!(store.index_of_leaf(&leaf) == Ok(Some(LeafIndex::new(last))));
    }
    Ok(Published { head, edge })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_salt_and_no_key_is_of_bytes_that_nobody_drew() {
        let mut random = Random::draw().unwrap();
        let drawn = *random.bytes;
        let first: [u8; Random::BYTES - 1] = random.take().unwrap();
        assert_eq!(first, drawn[..Random::BYTES - 1]);
        // One is left.
        assert!(random.take::<2>().is_err());
        assert!(random.take::<1>().is_err());
        let mut random = Random::draw().unwrap();
        assert!(random.take::<{ Random::BYTES + 1 }>().is_err());
        // No more bytes are drawn than an event takes.
        let mut random = Random::draw().unwrap();
        let parts = [random.take::<32>(), random.take(), random.take()];
        assert!(parts.iter().all(Result::is_ok) && random.take::<16>().is_ok());
        assert!(random.take::<1>().is_err());
    }
}
