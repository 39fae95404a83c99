// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Puts what waits in order and signs it. One group is built while the one before becomes durable; it is handed over once that
//! is, and built for nothing if that was refused.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvError, SyncSender};
use std::sync::{PoisonError, RwLock};

use super::LedgerError;
use super::activity::Commits;
use super::closed::Earlier;
use super::commit::{self, Accepted, Group, Slot, StopAtEnd, Written};
use super::intake::{Bounds, Intake, Submission};
use super::marks::Marks;
use super::reference::{self, References};
use super::seal::{self, Sealer};
use crate::clock::Clock;
use crate::digest::Sha256Digest;
use crate::event::encoded::EncodedBody;
use crate::event::{Collectivite, Environment, EventId, Header, Origin, Salt, event_digest};
use crate::merkle::{Edge, LeafIndex, hash_leaf};
use crate::store::{
    ChainEnd, CommitBatch, ContentKey, Entry, Head, NewEntry, RecordBatch, RequestId, Store,
    StoreError, StoredRequest, chain_id,
};
use crate::time::Time;
use crate::tsa::SerialSource;
use crate::tsp::SerialNumber;

/// From here on several cores sign faster than one can, threads and all.
const WORTH_A_THREAD: usize = 16;
/// Signatures that a core takes at once.
const SHARE: usize = 8;
/// Chains of collectivités kept in memory; France has some 36,000 communes.
const REMEMBERED_CHAINS: usize = 65_536;

/// An event whose own parts are checked and drawn, before its place is known.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) collectivite: Collectivite,
    pub(super) request_id: RequestId,
    pub(super) body: EncodedBody,
    /// What later events may need to know of it.
    pub(super) kind: reference::Kind,
    /// DER of the erasable part, and its digest.
    pub(super) personal: Option<(Vec<u8>, Sha256Digest)>,
    /// What makes two requests the same.
    pub(super) content: Vec<u8>,
    pub(super) event_id: EventId,
    pub(super) salt: Salt,
    pub(super) content_key: [u8; 32],
}

/// What everybody may see: durable, with a signed checkpoint.
pub(super) struct Published {
    pub(super) head: Head,
    pub(super) edge: Edge,
}

/// Called on a failure after which the log must not go on.
pub(super) type OnFatal = Arc<dyn Fn(&LedgerError) + Send + Sync>;

/// What the sequencer shares with the ledger's other threads.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) intake: Intake,
    pub(super) published: RwLock<Arc<Published>>,
    pub(super) sealer: Sealer,
    pub(super) origin: Origin,
    pub(super) environment: Environment,
    pub(super) on_fatal: OnFatal,
    pub(super) commits: Commits,
    pub(super) marks: Marks,
    pub(super) references: References,
    pub(super) earlier: Earlier,
}

impl Shared {
    pub(super) fn published(&self) -> Arc<Published> {
        // Only ever replaced as a whole.
        Arc::clone(
            &self
                .published
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Ends the log and tells whoever runs it. Nothing more is taken by the time that a caller learns of it.
    pub(super) fn fatal(&self, error: &LedgerError) {
        self.intake.stop();
        (self.on_fatal)(error);
    }
}

pub(super) struct Sequencer {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) batch: Bounds,
    /// That sign; asked once, since the system reads files to answer.
    pub(super) cores: usize,
    /// Goes on at every token, also at those of a batch that was refused.
    pub(super) serials: SerialSource,
    /// The tree after the group handed over last.
    pub(super) tail: Arc<Published>,
    pub(super) in_flight: Option<InFlight>,
    /// Chains as they are after that group.
    pub(super) ends: BTreeMap<Collectivite, ChainEnd>,
    /// Whether the store has the certificates of the present authority, or will have them with that group.
    pub(super) chain_stored: bool,
}

/// The group that was handed over last and may not be durable yet: a retry of its requests finds nothing in the store.
pub(super) struct InFlight {
    first: LeafIndex,
    places: Places,
    contents: Vec<ContentKey>,
    /// Whether it brings the authority's certificates.
    chain: bool,
}

type Places = HashMap<(Collectivite, RequestId), usize>;

/// What the store has of each request of a group, if it could be looked up at once.
type Known = Option<alloc::vec::IntoIter<Option<StoredRequest>>>;

/// Why a submission is not recorded.
enum Refusal {
    Now(LedgerError),
    /// What it contradicts is not durable yet, and may be refused.
    WithGroup(LedgerError),
}

/// A group and what it leaves behind when it is handed over.
struct Built {
    group: Group,
    ends: BTreeMap<Collectivite, ChainEnd>,
    in_flight: Option<InFlight>,
}

/// What came of the group handed over last: durable, refused, or the log has ended.
type Settled = Result<Result<(), LedgerError>, RecvError>;

impl Sequencer {
    pub(super) fn run(
        mut self,
        groups: &SyncSender<Group>,
        outcomes: &Receiver<Result<(), LedgerError>>,
    ) {
        let shared = Arc::clone(&self.shared);
        let _stop = StopAtEnd(&shared);
        let mut pending = false;
        while let Some(submissions) = shared.intake.take(self.batch) {
            // What is durable is looked up in the store alone: it may have been erased there since.
            if pending && let Ok(outcome) = outcomes.try_recv() {
                pending = false;
                let _ = self.settle(outcome);
            }
            let Some(built) = self.gather(submissions) else {
                continue;
            };
            // Whoever waits for a commit has company: the next may be built meanwhile.
            let waited = pending;
            if pending {
                pending = false;
                let outcome: Settled = outcomes.recv();
                match outcome.map(|outcome| self.settle(outcome)) {
                    Err(RecvError) => return,
                    Ok(Ok(())) => {}
                    // It was built on what is not there.
                    Ok(Err(error)) => {
                        built.group.refuse(&error);
                        continue;
                    }
                }
            }
            let Built {
                group,
                ends,
                in_flight,
            } = built;
            let after = Arc::clone(&group.after);
            let brings_chain = in_flight.as_ref().is_some_and(|group| group.chain);
            let small = !waited && group.is_small();
            if small {
                match commit::write(&shared, group) {
                    None => return,
                    Some(Written::Refused(_)) => continue,
                    Some(Written::Durable(committed)) => {
                        if !commit::acknowledge_one(&shared, committed) {
                            return;
                        }
                    }
                }
            } else {
                shared.intake.committing();
                if groups.send(group).is_err() {
                    return;
                }
                pending = true;
                self.in_flight = in_flight;
            }
            self.tail = after;
            self.chain_stored |= brings_chain;
            if self.ends.len() + ends.len() > REMEMBERED_CHAINS {
                self.ends.clear();
            }
            self.ends.extend(ends);
        }
    }

    /// Goes on from what is durable when the group handed over last was refused.
    fn settle(&mut self, outcome: Result<(), LedgerError>) -> Result<(), LedgerError> {
        let group = self.in_flight.take();
        if outcome.is_err() {
            self.tail = self.shared.published();
            self.ends.clear();
            self.chain_stored &= !group.is_some_and(|group| group.chain);
        }
        outcome
    }

    /// Makes a group of what was submitted; `None` when all of it was refused.
    fn gather(&mut self, submissions: Vec<Submission>) -> Option<Built> {
        let mut drafts = Vec::new();
        let mut places = Places::new();
        let mut accepted = Vec::new();
        let mut records = Vec::new();
        let mut known = self.look_up(&submissions);
        for submission in submissions {
            let Submission {
                events,
                records: its_records,
                done,
                ..
            } = submission;
            let (alone, before) = (events.is_empty(), drafts.len());
            match self.place(events, &mut known, &mut drafts, &mut places) {
                Ok(slots) => {
                    // Records of a mere retry go with its events' first request, in this batch or long ago; since then
                    // they may have moved on.
                    let anew = alone || drafts.len() > before;
                    if anew && !its_records.is_empty() {
                        records.push(its_records);
                    }
                    let slots = Ok(slots);
                    accepted.push(Accepted { done, slots });
                }
                Err(Refusal::Now(error)) => done.answer(Err(error)),
                Err(Refusal::WithGroup(error)) => {
                    let slots = Err(error);
                    accepted.push(Accepted { done, slots });
                }
            }
        }
        if accepted.is_empty() {
            return None;
        }
        let before = Arc::clone(&self.tail);
        let mut group = Group {
            batch: None,
            before: Arc::clone(&before),
            after: Arc::clone(&before),
            kinds: drafts
                .iter()
                .map(|draft: &Prepared| draft.kind.clone())
                .collect(),
            accepted,
        };
        if drafts.is_empty() && records.is_empty() {
            return Some(Built {
                group,
                ends: BTreeMap::new(),
                in_flight: None,
            });
        }
        match self.build(drafts, records, &before) {
            Err(error) => {
                group.refuse(&error);
                None
            }
            Ok((batch, edge, ends)) => {
                group.after = Arc::new(Published {
                    head: batch.head.clone(),
                    edge,
                });
                let contents = batch.entries.iter().map(|new| new.content.clone());
                let in_flight = InFlight {
                    first: LeafIndex::new(before.head.size.get()),
                    places,
                    contents: contents.collect(),
                    chain: batch.chain.is_some(),
                };
                group.batch = Some(batch);
                Some(Built {
                    group,
                    ends,
                    in_flight: Some(in_flight),
                })
            }
        }
    }

    /// What the store has of all requests, in their order. A row that cannot be read is its own request's trouble: each is asked
    /// for by itself then.
    fn look_up(&self, submissions: &[Submission]) -> Known {
        let events = submissions.iter().flat_map(|one| &one.events);
        let requests: Vec<_> = events
            .map(|event| (&event.collectivite, &event.request_id))
            .collect();
        let found = self.shared.store.find_all(&requests);
        found.ok().map(Vec::into_iter)
    }

    /// Finds an entry for each event of one submission, or refuses all of it.
    fn place(
        &self,
        events: Vec<Prepared>,
        known: &mut Known,
        drafts: &mut Vec<Prepared>,
        places: &mut Places,
    ) -> Result<Vec<Slot>, Refusal> {
        let kept = drafts.len();
        let mut slots = Vec::with_capacity(events.len());
        let mut problem = None;
        for event in events {
            let stored = known.as_mut().map(|known| known.next().flatten());
            if problem.is_some() {
                continue;
            }
            let key = (event.collectivite.clone(), event.request_id.clone());
            let conflict = || LedgerError::Conflict {
                request_id: event.request_id.clone(),
            };
            let slot = if let Some(place) = places.get(&key).copied() {
                // In this batch already: compared without a key, since neither has left memory.
                match drafts.get(place) {
                    Some(draft) if draft.content == event.content => Ok(Slot::New(place)),
                    _ => Err(Refusal::WithGroup(conflict())),
                }
            } else {
                match self.find(&key, stored) {
                    Err(error) => Err(Refusal::Now(error)),
                    Ok(None) => {
                        let place = drafts.len();
                        places.insert(key, place);
                        drafts.push(event);
                        Ok(Slot::New(place))
                    }
                    Ok(Some((slot, content))) => match content {
                        None => Err(Refusal::Now(LedgerError::Gone {
                            request_id: event.request_id.clone(),
                        })),
                        Some(content) if seal::same_content(&content, &event.content) => Ok(slot),
                        Some(_) if self.is_in_flight(&key) => Err(Refusal::WithGroup(conflict())),
                        Some(_) => Err(Refusal::Now(conflict())),
                    },
                }
            };
            match slot {
                Ok(slot) => slots.push(slot),
                Err(error) => problem = Some(error),
            }
        }
        let Some(error) = problem else {
            return Ok(slots);
        };
        for draft in drafts.drain(kept..) {
            places.remove(&(draft.collectivite, draft.request_id));
        }
        Err(error)
    }

    fn is_in_flight(&self, request: &(Collectivite, RequestId)) -> bool {
        let group = self.in_flight.as_ref();
        group.is_some_and(|group| group.places.contains_key(request))
    }

    /// What an earlier request became, in the group handed over last, in the store (`stored`, if that was looked up) or in a closed
    /// log, and how to compare it.
    fn find(
        &self,
        request: &(Collectivite, RequestId),
        stored: Option<Option<StoredRequest>>,
    ) -> Result<Option<(Slot, Option<ContentKey>)>, LedgerError> {
        if let Some(group) = &self.in_flight
            && let Some(place) = group.places.get(request)
        {
            // A place is an offset in memory, far below 2⁶⁴.
            let offset = u64::try_from(*place).unwrap_or(u64::MAX);
            let index = LeafIndex::new(group.first.get().saturating_add(offset));
            return Ok(Some((
                Slot::Old(index),
                group.contents.get(*place).cloned(),
            )));
        }
        let (collectivite, request_id) = request;
        let stored = match stored {
            Some(stored) => stored,
            None => self.shared.store.find(collectivite, request_id)?,
        };
        let (slot, store, earlier) = match stored {
            Some(found) => (Slot::Old(found.index), &self.shared.store, found),
            None => {
                let closed = &self.shared.earlier;
                let Some((number, found)) = closed.find(collectivite, request_id)? else {
                    return Ok(None);
                };
                let Some(log) = closed.0.get(number) else {
                    return Ok(None);
                };
                (Slot::Closed(number, found.index), &log.store, found)
            }
        };
        // The entry that a stored request leads to is that request's.
        if earlier.content.is_some() {
            let entry = store.entry(earlier.index)?;
            if !entry.is_some_and(|entry| {
                entry.collectivite == *collectivite && entry.request_id == *request_id
            }) {
                return Err(StoreError::Damaged {
                    what: "a request of the log",
                }
                .into());
            }
        }
        Ok(Some((slot, earlier.content)))
    }

    /// Not earlier than the log's newest token, and not at all when the clock and the log contradict each other.
    fn gen_time(&self, newest: Option<Time>) -> Result<Time, LedgerError> {
        let reading = self.clock.read().map_err(LedgerError::TimeNotAvailable)?;
        let now = self.shared.sealer.gen_time(&reading)?;
        match newest {
            Some(newest) if now.saturating_add(reading.accuracy) < newest => {
                Err(LedgerError::ClockBehindLog {
                    reading: reading.time,
                    accuracy: reading.accuracy,
                    newest,
                })
            }
            Some(newest) => Ok(now.max(newest)),
            None => Ok(now),
        }
    }

    fn chain_end(
        &self,
        new: &BTreeMap<Collectivite, ChainEnd>,
        collectivite: &Collectivite,
    ) -> Result<Option<ChainEnd>, LedgerError> {
        if let Some(end) = new
            .get(collectivite)
            .or_else(|| self.ends.get(collectivite))
        {
            return Ok(Some(*end));
        }
        let present = self.shared.store.as_ref();
        let (store, end) = match present.chain_end(collectivite)? {
            Some(end) => (present, Some(end)),
            None => match self.shared.earlier.chain_end(collectivite)? {
                Some((closed, end)) => (closed.store.as_ref(), Some(end)),
                None => (present, None),
            },
        };
        // A chain that went on from a wrong end could never be mended: the event there is looked at, and none may stand after it.
        let next = end.map_or(0, |end| end.rank.saturating_add(1));
        let mut sound = present.index_of_rank(collectivite, next)?.is_none()
            && store.index_of_rank(collectivite, next)?.is_none();
        if let Some(end) = end {
            let last = match store.index_of_rank(collectivite, end.rank)? {
                Some(index) => store.entry(index)?,
                None => None,
            };
            sound &= last.is_some_and(|last| event_digest(&last.event) == end.digest);
        }
        if sound {
            Ok(end)
        } else {
            Err(StoreError::Damaged {
                what: "the end of a collectivité's chain",
            }
            .into())
        }
    }

    /// Everything that the commit writes, the edge and the chains as they are after it.
    #[allow(clippy::type_complexity)]
    fn build(
        &mut self,
        drafts: Vec<Prepared>,
        records: Vec<RecordBatch>,
        published: &Published,
    ) -> Result<(CommitBatch, Edge, BTreeMap<Collectivite, ChainEnd>), LedgerError> {
        let shared = Arc::clone(&self.shared);
        let old = &published.head;
        let mut ends = BTreeMap::new();
        if drafts.is_empty() {
            let head = old.clone();
            let batch = CommitBatch {
                entries: Vec::new(),
                tiles: Vec::new(),
                chain: None,
                records,
                head,
            };
            return Ok((batch, published.edge.clone(), ends));
        }
        let gen_time = self.gen_time(old.gen_time)?;
        let mut unsigned = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            let end = self.chain_end(&ends, &draft.collectivite)?;
            let rank = match end {
                None => 0,
                // 2⁶⁴ events of one collectivité are not reached.
                Some(end) => end.rank.saturating_add(1),
            };
            let header = Header {
                origin: shared.origin.clone(),
                environment: shared.environment,
                collectivite: draft.collectivite.clone(),
                event_id: draft.event_id,
                salt: draft.salt,
                rank,
                previous: end.map(|end| end.digest),
                witnessed: shared.marks.newest(),
            };
            let personal = draft.personal.as_ref().map(|(_, digest)| digest);
            let der = draft.body.event(&header, personal)?;
            let digest = event_digest(&der);
            ends.insert(draft.collectivite.clone(), ChainEnd { rank, digest });
            unsigned.push(Unsigned {
                der,
                digest,
                rank,
                serial: self.serials.draw(),
            });
        }
        let serial = unsigned
            .last()
            .map_or(old.serial, |last| seal::serial_bytes(&last.serial));
        let leaves = sign((&shared.sealer, self.cores), &unsigned, gen_time)?;
        let chain = shared.sealer.chain();
        let chain_name = chain_id(chain);
        let mut edge = published.edge.clone();
        let mut entries = Vec::with_capacity(unsigned.len());
        for ((draft, unsigned), leaf) in drafts.into_iter().zip(unsigned).zip(leaves) {
            let leaf_hash = hash_leaf(&leaf);
            let index = edge.append(leaf_hash);
            let content = seal::content_key(draft.content_key, &draft.content);
            entries.push(NewEntry {
                entry: Entry {
                    index,
                    collectivite: draft.collectivite,
                    event_id: draft.event_id,
                    request_id: draft.request_id,
                    rank: unsigned.rank,
                    event: unsigned.der,
                    personal: draft.personal.map(|(der, _)| der),
                    leaf,
                    chain: chain_name,
                    acknowledged_at: edge.size(),
                },
                event_digest: unsigned.digest,
                leaf_hash,
                content,
            });
        }
        for entry in &mut entries {
            entry.entry.acknowledged_at = edge.size();
        }
        let tiles = edge.take_dirty();
        let (size, root) = (edge.size(), edge.root());
        let checkpoint = shared.sealer.keys().checkpoint(size, &root)?;
        let head = Head {
            size,
            root,
            gen_time: Some(gen_time),
            serial,
            checkpoint,
        };
        let chain = (!self.chain_stored).then(|| chain.to_vec());
        Ok((
            CommitBatch {
                entries,
                tiles,
                chain,
                records,
                head,
            },
            edge,
            ends,
        ))
    }
}

struct Unsigned {
    der: Vec<u8>,
    digest: Sha256Digest,
    rank: u64,
    serial: SerialNumber,
}

/// Digests are chained and so were computed in order; signatures are not, and are made on all cores. Each takes the next few
/// when it has done its own: what else is to be done meanwhile keeps some longer than others.
fn sign(
    (sealer, cores): (&Sealer, usize),
    unsigned: &[Unsigned],
    gen_time: Time,
) -> Result<Vec<Vec<u8>>, LedgerError> {
    let some = |some: &[Unsigned]| {
        let leaves = some
            .iter()
            .map(|one| sealer.leaf(&one.digest, gen_time, &one.serial));
        leaves.collect::<Result<Vec<_>, _>>()
    };
    if unsigned.len() <= WORTH_A_THREAD {
        return some(unsigned);
    }
    let shares: Vec<_> = unsigned.chunks(SHARE).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Vec<u8>>)>, LedgerError> {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            match shares.get(place) {
                Some(share) => done.push((place, some(share)?)),
                None => return Ok(done),
            }
        }
    };
    let mut done = std::thread::scope(|scope| -> Result<_, LedgerError> {
        let others: Vec<_> = (1..cores.min(shares.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let mut done = work()?;
        for other in others {
            let signed = other
                .join()
                .map_err(|_| LedgerError::Signing("a signing thread panicked".to_string()))?;
            done.extend(signed?);
        }
        Ok(done)
    })?;
    done.sort_unstable_by_key(|(place, _)| *place);
    Ok(done.into_iter().flat_map(|(_, leaves)| leaves).collect())
}
