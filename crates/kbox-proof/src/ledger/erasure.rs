// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Erasing what identifies a person (RGPD art. 17), and the legal holds against it.
//!
//! The trace comes first: an event like any other, with a receipt, and in the same commit a mark that its destruction is due.
//! Then the destruction, then the mark goes. A crash in between leaves the mark, and the ledger does what it says when it is
//! opened, before anything is served.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::receipts::{self, Signed};
use super::{EventRequest, Ledger, LedgerError, RecordBatch, RequestId, random};
use crate::digest::{Sha256Digest, hex};
use crate::event::{
    Body, Collectivite, Detail, ErasureBasis, EventId, EvidenceEvent, PersonalDataErasure, Text,
    event_digest,
};
use crate::merkle::{LeafIndex, hash_leaf};
use crate::receipt::Receipt;
use crate::store::{CommitError, Entry, Store, StoreError};
use crate::time::Time;
use crate::tlog::{KeyName, TlogProof, VerifierKey};
use crate::tsp::{MessageImprint, TimeStampToken};

/// Marks of destructions that are due, by event id.
const DUE: &str = "ledger/erasing/";
/// Receipts of traces that a copy's own log does not hold, by the id of the erased event.
const ELSEWHERE: &str = "ledger/erased/";
/// Legal holds, by collectivité.
const HOLDS: &str = "ledger/hold/";
/// Request ids of traces, before the id of the erased event.
pub(super) const TRACE: &str = "erasure/";

/// What the service keeps of an event's persons beside the log, written anew without it. It must name the same records again
/// when it is called again for the same event, changed or not: what they held before is then in no file.
///
/// It gets the store that is written to, the event, and its trace where this log holds it.
pub type Scrub = Arc<
    dyn Fn(&dyn Store, &Entry, Option<&Entry>) -> Result<RecordBatch, StoreError> + Send + Sync,
>;

/// A decision to erase what identifies a person in one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The event.
    pub event_id: EventId,
    /// Why, where that is filed, and who decided.
    pub content: PersonalDataErasure,
    /// The caller's clock, whole seconds.
    pub claimed_time: Time,
}

/// What a legal hold keeps from being erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldScope {
    /// All events of the collectivité.
    Collectivite,
    /// The events of one séance, by its id in the sendings.
    Seance(Text),
    /// One event.
    Event(EventId),
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRelease {
    /// Function of whoever ended it.
    pub by: Text,
    /// Why.
    pub reason: Text,
    /// When.
    pub at: Time,
}

/// An order to keep evidence whole, such as a court's. It is kept for good, also once it is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// 16 hexadecimal digits.
    pub id: String,
    /// Whose evidence.
    pub collectivite: Collectivite,
    /// Which of it.
    pub scope: HoldScope,
    /// Function of whoever ordered it.
    pub by: Text,
    /// Why.
    pub reason: Text,
    /// Since when.
    pub since: Time,
    /// Its end; none while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<HoldRelease>,
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { what }
}

fn key(prefix: &str, id: &EventId) -> Vec<u8> {
    format!("{prefix}{id}").into_bytes()
}

fn trace_request(id: &EventId) -> Result<RequestId, LedgerError> {
    RequestId::parse(&format!("{TRACE}{id}"))
        .map_err(|error| LedgerError::Signing(error.to_string()))
}

/// What an event says to have been erased.
fn erases(event: &[u8]) -> Option<Sha256Digest> {
    let event = EvidenceEvent::from_der(event).ok()?;
    match event.body.detail {
        Detail::PersonalDataErasure(_) => event.body.refers_to,
        _ => None,
    }
}

/// The trace of an event's erasure in this log.
pub(super) fn trace(store: &dyn Store, erased: &Entry) -> Result<Option<Entry>, StoreError> {
    let request = RequestId::parse(&format!("{TRACE}{}", erased.event_id));
    let request = request.map_err(|_| damaged("a request of the log"))?;
    let Some(found) = store.find(&erased.collectivite, &request)? else {
        return Ok(None);
    };
    let entry = store.entry(found.index)?;
    let own = entry.filter(|entry| {
        entry.collectivite == erased.collectivite
            && erases(&entry.event) == Some(event_digest(&erased.event))
    });
    Ok(own)
}

/// Whether the log, or a receipt kept beside a copy of it and signed by the log's key, under its own name or that of a log that
/// went on for it, says that this event was erased.
pub(super) fn is_traced(
    store: &dyn Store,
    erased: &Entry,
    log: &VerifierKey,
) -> Result<bool, StoreError> {
    if trace(store, erased)?.is_some() {
        return Ok(true);
    }
    let Some(bytes) = store.get(&key(ELSEWHERE, &erased.event_id))? else {
        return Ok(false);
    };
    let holds = || {
        let receipt = Receipt::from_json(&bytes).ok()?;
        if erases(&receipt.event)? != event_digest(&erased.event) {
            return None;
        }
        let token = TimeStampToken::parse(&receipt.token).ok()?;
        let imprint = MessageImprint::sha256(&event_digest(&receipt.event));
        if *token.tst_info().message_imprint() != imprint {
            return None;
        }
        let proof = TlogProof::parse(receipt.proof.as_bytes()).ok()?;
        let origin = EvidenceEvent::from_der(&receipt.event).ok()?.header.origin;
        let name = KeyName::new(origin.as_str()).ok()?;
        let key = VerifierKey::new(name, log.signature_type(), log.public_key()).ok()?;
        proof
            .verify(&hash_leaf(&token.leaf_bytes().ok()?), &key)
            .ok()
    };
    Ok(holds().is_some())
}

/// Whether anything that identifies a person, or compares retries, is still there of this event.
pub(super) fn is_there(store: &dyn Store, entry: &Entry) -> Result<bool, StoreError> {
    let request = store.find(&entry.collectivite, &entry.request_id)?;
    Ok(entry.personal.is_some() || request.is_some_and(|request| request.content.is_some()))
}

/// Destroys in `copy` whatever the log in `known` says was erased: for a backup made before, or for the log itself where it was
/// restored from one. The trace's receipt is kept in a copy whose own log does not hold it. Returns how many events it
/// destroyed something of, and tells `progress` how many of how many entries of `known` it has seen.
///
/// # Errors
/// The stores'; it may be called again.
pub fn replay_erasures(
    known: &dyn Store,
    copy: &dyn Store,
    scrub: &Scrub,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, LedgerError> {
    let Some(head) = known.head()? else {
        return Ok(0);
    };
    let (size, mut destroyed) = (head.size.get(), 0);
    for at in 0..size {
        progress(at, size);
        let entry = receipts::stored(known, LeafIndex::new(at))?;
        if !entry.request_id.as_str().starts_with(TRACE) {
            continue;
        }
        let Some(erased) = erases(&entry.event) else {
            continue;
        };
        let Some(index) = copy.index_of_digest(&erased)? else {
            continue;
        };
        let target = receipts::stored(copy, index)?;
        if event_digest(&target.event) != erased {
            return Err(damaged("an index of the log").into());
        }
        let own = trace(copy, &target)?;
        let anything = is_there(copy, &target)?;
        let due = copy.get(&key(DUE, &target.event_id))?.is_some();
        if !anything && !due && own.is_some() {
            continue;
        }
        let mut records = scrub(copy, &target, own.as_ref())?;
        if own.is_none() {
            let tree = Signed {
                size: head.size,
                root: head.root,
                checkpoint: &head.checkpoint,
            };
            let receipt = receipts::under(known, &entry, &tree)?;
            records.put(key(ELSEWHERE, &target.event_id), receipt.to_json());
        }
        match copy.erase(&target.event_id, &records) {
            Ok(_) => destroyed += u64::from(anything),
            Err(CommitError::Refused(error) | CommitError::Failed(error)) => {
                return Err(error.into());
            }
        }
    }
    progress(size, size);
    Ok(destroyed)
}

impl Ledger {
    /// Erases what identifies a person in an event, and the key that compares its retries: first the trace, whose receipt it
    /// returns, is durable, then the destruction. The event, its rank and every receipt stay verifiable. `None` when there
    /// is no such event.
    ///
    /// Asked again, it completes what a failure left undone and returns the first trace's receipt, whatever is said anew.
    ///
    /// # Errors
    /// [`LedgerError::Held`], [`LedgerError::ReferenceKind`] for an erasure itself, [`LedgerError::ErasurePending`] when the
    /// trace is durable and the destruction is not: the same call, or the next opening, completes it.
    pub fn erase(&self, erasure: Erasure) -> Result<Option<Receipt>, LedgerError> {
        self.shared.intake.check_open()?;
        // One at a time, so that no hold comes between the look at the holds and the trace.
        let _one = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        let store = self.shared.store.as_ref();
        let Some((home, entry)) = self.home(&erasure.event_id)? else {
            return Ok(None);
        };
        if let Some(trace) = self.trace_of(&entry)? {
            let due = store.get(&key(DUE, &entry.event_id))?.is_some();
            if due || is_there(home.as_ref(), &entry)? {
                self.destroy(&home, &entry)?;
            }
            return self.receipt(&trace.event_id);
        }
        if let Some(hold) = self.hold_against(&entry)? {
            return Err(LedgerError::Held(alloc::boxed::Box::new(hold)));
        }
        let request = EventRequest {
            request_id: trace_request(&entry.event_id)?,
            collectivite: entry.collectivite.clone(),
            body: Body {
                claimed_time: erasure.claimed_time,
                reasons: Vec::new(),
                refers_to: Some(event_digest(&entry.event)),
                detail: Detail::PersonalDataErasure(erasure.content),
            },
            personal: None,
        };
        let mut due = RecordBatch::new();
        due.put(key(DUE, &entry.event_id), b"");
        let receipts = self.record_any(alloc::vec![request], due)?;
        self.destroy(&home, &entry)?;
        Ok(receipts.into_iter().next())
    }

    /// An event, and the store that holds it: this log's or a closed one's.
    fn home(&self, id: &EventId) -> Result<Option<(Arc<dyn Store>, Entry)>, LedgerError> {
        let (store, index) = match self.shared.store.index_of_event(id)? {
            Some(index) if index.get() < self.size().get() => (&self.shared.store, index),
            Some(_) => return Ok(None),
            None => match self.shared.earlier.of_event(id)? {
                Some((closed, index)) => (&closed.store, index),
                None => return Ok(None),
            },
        };
        let entry = receipts::stored(store.as_ref(), index)?;
        Ok(Some((Arc::clone(store), entry)))
    }

    /// The trace of an erasure, in this log or in a closed one.
    fn trace_of(&self, entry: &Entry) -> Result<Option<Entry>, LedgerError> {
        for store in core::iter::once(&self.shared.store).chain(self.closed()) {
            if let Some(trace) = trace(store.as_ref(), entry)? {
                return Ok(Some(trace));
            }
        }
        Ok(None)
    }

    fn destroy(&self, home: &Arc<dyn Store>, entry: &Entry) -> Result<(), LedgerError> {
        let store = self.shared.store.as_ref();
        let trace = self.trace_of(entry)?;
        let pending =
            |error: &dyn core::fmt::Display| LedgerError::ErasurePending(error.to_string());
        let records =
            (self.scrub)(store, entry, trace.as_ref()).map_err(|error| pending(&error))?;
        let done = if Arc::ptr_eq(home, &self.shared.store) {
            store.erase(&entry.event_id, &records).map(|_| ())
        } else {
            // What a closed log lacks must be explained there too, by the receipt of a trace that its own tree does not hold.
            let mut beside = RecordBatch::new();
            if let Some(trace) = trace
                && let Some(receipt) = self
                    .receipt(&trace.event_id)
                    .map_err(|error| pending(&error))?
            {
                beside.put(key(ELSEWHERE, &entry.event_id), receipt.to_json());
            }
            home.erase(&entry.event_id, &beside)
                .and_then(|_| store.scrub(&records))
        };
        match done {
            Ok(()) => {}
            Err(CommitError::Refused(error)) => {
                return Err(LedgerError::ErasurePending(error.to_string()));
            }
            Err(CommitError::Failed(error)) => {
                self.shared.fatal(&error.into());
                return Err(LedgerError::Stopped);
            }
        }
        // Only now: a mark that stays costs a destruction again, one that goes too early leaves old bytes in a file.
        let mut done = RecordBatch::new();
        done.delete(key(DUE, &entry.event_id));
        self.record_any(Vec::new(), done)
            .map_err(|error| LedgerError::ErasurePending(error.to_string()))?;
        Ok(())
    }

    /// Completes what a crash left between trace and destruction.
    pub(super) fn complete_erasures(&self) -> Result<(), LedgerError> {
        let store = self.shared.store.as_ref();
        for (mark, _) in store.scan(DUE.as_bytes())? {
            let id = mark
                .strip_prefix(DUE.as_bytes())
                .and_then(|id| EventId::parse(core::str::from_utf8(id).ok()?))
                .ok_or(damaged("the mark of an erasure"))?;
            let home = self.home(&id)?;
            let (home, entry) = home.ok_or(damaged("the mark of an erasure"))?;
            self.destroy(&home, &entry)?;
        }
        Ok(())
    }

    /// Forbids erasing from now on, in a whole collectivité, a séance or an event.
    ///
    /// # Errors
    /// The ledger's.
    pub fn hold(
        &self,
        collectivite: &Collectivite,
        scope: HoldScope,
        by: Text,
        reason: Text,
        since: Time,
    ) -> Result<Hold, LedgerError> {
        let _one = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        let hold = Hold {
            id: hex(&random::<8>()?),
            collectivite: collectivite.clone(),
            scope,
            by,
            reason,
            since,
            released: None,
        };
        self.write_hold(&hold)?;
        Ok(hold)
    }

    /// Ends a hold; `None` when there is none of this id in the collectivité. One that ended before stays as it ended.
    ///
    /// # Errors
    /// The ledger's.
    pub fn release(
        &self,
        collectivite: &Collectivite,
        id: &str,
        release: HoldRelease,
    ) -> Result<Option<Hold>, LedgerError> {
        let _one = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = self.holds(Some(collectivite))?;
        let Some(mut hold) = holds.into_iter().find(|hold| hold.id == id) else {
            return Ok(None);
        };
        if hold.released.is_none() {
            hold.released = Some(release);
            self.write_hold(&hold)?;
        }
        Ok(Some(hold))
    }

    /// The holds of a collectivité, or of all; also those that ended.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn holds(&self, collectivite: Option<&Collectivite>) -> Result<Vec<Hold>, LedgerError> {
        let prefix = match collectivite {
            Some(collectivite) => format!("{HOLDS}{collectivite}/"),
            None => HOLDS.to_string(),
        };
        let stored = self.shared.store.scan(prefix.as_bytes())?;
        let holds = stored.iter().map(|(_, bytes)| {
            serde_json::from_slice(bytes).map_err(|_| damaged("a legal hold").into())
        });
        holds.collect()
    }

    fn write_hold(&self, hold: &Hold) -> Result<(), LedgerError> {
        let json =
            serde_json::to_vec(hold).map_err(|error| LedgerError::Signing(error.to_string()))?;
        let mut batch = RecordBatch::new();
        batch.put(format!("{HOLDS}{}/{}", hold.collectivite, hold.id), json);
        self.record_any(Vec::new(), batch)?;
        Ok(())
    }

    /// The first hold that forbids to erase this event.
    fn hold_against(&self, entry: &Entry) -> Result<Option<Hold>, LedgerError> {
        let holds = self.holds(Some(&entry.collectivite))?;
        let mut seance = None;
        for hold in holds.into_iter().filter(|hold| hold.released.is_none()) {
            let held = match &hold.scope {
                HoldScope::Collectivite => true,
                HoldScope::Event(id) => *id == entry.event_id,
                HoldScope::Seance(id) => {
                    if seance.is_none() {
                        seance = Some(self.seance_of(entry)?);
                    }
                    seance.as_ref().is_some_and(|own| own.as_ref() == Some(id))
                }
            };
            if held {
                return Ok(Some(hold));
            }
        }
        Ok(None)
    }

    /// The séance of the sending that an event belongs to.
    fn seance_of(&self, entry: &Entry) -> Result<Option<Text>, LedgerError> {
        let store = self.shared.store.as_ref();
        let mut der = entry.event.clone();
        // An event, its consignment, the sending.
        for _ in 0..3 {
            let event =
                EvidenceEvent::from_der(&der).map_err(|_| damaged("an event of the log"))?;
            if let Detail::SubmissionAcceptance(submission) = event.body.detail {
                return Ok(Some(submission.seance.id));
            }
            let Some(before) = event.body.refers_to else {
                break;
            };
            der = match store.index_of_digest(&before)? {
                Some(index) => receipts::stored(store, index)?.event,
                None => {
                    let found = self.shared.earlier.event(&before)?;
                    found.ok_or(damaged("an index of the log"))?.1
                }
            };
        }
        Ok(None)
    }
}

impl PersonalDataErasure {
    /// A decision, its texts checked.
    ///
    /// # Errors
    /// A text that cannot stand in an event.
    pub fn new(
        basis: ErasureBasis,
        decision: &str,
        by: &str,
    ) -> Result<Self, crate::event::EventError> {
        Ok(Self {
            basis,
            decision: Text::new(decision)?,
            by: Text::new(by)?,
        })
    }
}
