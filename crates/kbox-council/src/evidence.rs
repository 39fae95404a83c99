// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The one door to ledger, store, clock and generator.

use core::fmt;
use std::sync::Arc;

use kbox_proof::clock::Clock;
use kbox_proof::event::{Collectivite, Environment, EventId, EvidenceEvent, event_digest};
use kbox_proof::key::random_bytes;
use kbox_proof::ledger::{EventRequest, Ledger, LedgerError};
use kbox_proof::receipt::Receipt;
use kbox_proof::store::{RecordBatch, RequestId, StoreError};
use kbox_proof::time::Time;
use kbox_proof::tsp::TimeStampToken;

use crate::model::{Step, Trace};

/// Keys and values written in one commit with events.
pub(crate) type Puts = Vec<(Vec<u8>, Vec<u8>)>;

/// Why evidence could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The clock cannot be trusted: nothing was recorded.
    TimeNotAvailable(String),
    /// The request id was used with other content.
    Conflict(String),
    /// The ledger takes nothing now; the same call succeeds later.
    Unavailable(String),
    /// The disk is full: nothing was recorded.
    Full(String),
    /// The ledger refused.
    Refused(String),
    /// The store failed.
    Store(String),
    /// A receipt of the ledger's own cannot be read.
    Receipt(String),
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeNotAvailable(why) => write!(
                f,
                "time is not available: {why}; nothing was recorded or sent"
            ),
            Self::Conflict(why) => write!(f, "request id used with other content: {why}"),
            Self::Unavailable(why) | Self::Full(why) => f.write_str(why),
            Self::Refused(why) => write!(f, "the ledger refused: {why}"),
            Self::Store(why) => write!(f, "the store failed: {why}"),
            Self::Receipt(why) => write!(f, "a receipt cannot be read: {why}"),
        }
    }
}

impl core::error::Error for EvidenceError {}

/// What the workflow needs of the ledger and of its records. Nothing outside of it reads a clock or draws random bytes.
pub trait Evidence: Send + Sync {
    /// Records the steps, in order, and writes `puts` in the same commit; returns one trace a step. A step that was
    /// recorded before gives its trace again. Without steps it only writes.
    ///
    /// # Errors
    /// [`EvidenceError`]; nothing was written then.
    fn record(
        &self,
        collectivite: &Collectivite,
        steps: &[&Step],
        puts: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Vec<Trace>, EvidenceError>;
    /// The receipt of an event, refreshed.
    ///
    /// # Errors
    /// [`EvidenceError`].
    fn receipt(&self, event_id: &EventId) -> Result<Receipt, EvidenceError>;
    /// The receipts of a collectivité's events from rank `first` to rank `last`, both included.
    ///
    /// # Errors
    /// [`EvidenceError`].
    fn receipts(
        &self,
        collectivite: &Collectivite,
        first: u64,
        last: u64,
    ) -> Result<Vec<Receipt>, EvidenceError>;
    /// One record.
    ///
    /// # Errors
    /// [`EvidenceError::Store`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EvidenceError>;
    /// All records under a prefix, by key.
    ///
    /// # Errors
    /// [`EvidenceError::Store`].
    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, EvidenceError>;
    /// The trusted time, or why there is none.
    ///
    /// # Errors
    /// [`EvidenceError::TimeNotAvailable`].
    fn now(&self) -> Result<Time, EvidenceError>;
    /// 32 bytes of a cryptographic generator.
    ///
    /// # Errors
    /// [`EvidenceError::Refused`].
    fn random(&self) -> Result<[u8; 32], EvidenceError>;
    /// Production or demonstration.
    fn environment(&self) -> Environment;
}

/// Evidence made by a ledger, with the records in the ledger's own store.
pub struct LedgerEvidence {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
}

impl LedgerEvidence {
    /// Over an open ledger and the clock that it uses.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock }
    }
}

impl From<LedgerError> for EvidenceError {
    fn from(error: LedgerError) -> Self {
        let text = error.to_string();
        match error {
            LedgerError::TimeNotAvailable(_)
            | LedgerError::ClockInaccurate { .. }
            | LedgerError::ClockBehindLog { .. } => Self::TimeNotAvailable(text),
            LedgerError::Busy | LedgerError::Closed | LedgerError::Stopped => {
                Self::Unavailable(text)
            }
            LedgerError::Store(StoreError::Full { .. }) => Self::Full(text),
            LedgerError::Conflict { .. } | LedgerError::Gone { .. } => Self::Conflict(text),
            LedgerError::Store(_) => Self::Store(text),
            _ => Self::Refused(text),
        }
    }
}

impl From<StoreError> for EvidenceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl Trace {
    /// The facts of a receipt of our own ledger. Nothing is verified here.
    ///
    /// # Errors
    /// [`EvidenceError::Receipt`].
    pub fn of(receipt: &Receipt) -> Result<Self, EvidenceError> {
        let unreadable = |error: &dyn fmt::Display| EvidenceError::Receipt(error.to_string());
        let event = EvidenceEvent::from_der(&receipt.event).map_err(|error| unreadable(&error))?;
        let token = TimeStampToken::parse(&receipt.token).map_err(|error| unreadable(&error))?;
        let accuracy = token
            .tst_info()
            .accuracy()
            .map_or(core::time::Duration::ZERO, |value| value.to_duration());
        Ok(Self {
            event_id: event.header.event_id.to_string(),
            digest: event_digest(&receipt.event),
            gen_time: token.tst_info().gen_time(),
            precision_ms: u64::try_from(accuracy.as_nanos().div_ceil(1_000_000))
                .unwrap_or(u64::MAX),
            rank: event.header.rank,
        })
    }
}

impl Evidence for LedgerEvidence {
    fn record(
        &self,
        collectivite: &Collectivite,
        steps: &[&Step],
        puts: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Vec<Trace>, EvidenceError> {
        let requests = steps
            .iter()
            .map(|step| {
                Ok(EventRequest {
                    request_id: RequestId::parse(&step.request_id)
                        .map_err(|error| EvidenceError::Refused(error.to_string()))?,
                    collectivite: collectivite.clone(),
                    body: step.body.clone(),
                    personal: step.personal.clone(),
                })
            })
            .collect::<Result<_, EvidenceError>>()?;
        let batch = RecordBatch {
            puts,
            deletes: Vec::new(),
        };
        self.ledger
            .record(requests, batch)?
            .iter()
            .map(Trace::of)
            .collect()
    }

    fn receipt(&self, event_id: &EventId) -> Result<Receipt, EvidenceError> {
        self.ledger
            .receipt(event_id)?
            .ok_or_else(|| EvidenceError::Receipt(format!("no event {event_id}")))
    }

    fn receipts(
        &self,
        collectivite: &Collectivite,
        first: u64,
        last: u64,
    ) -> Result<Vec<Receipt>, EvidenceError> {
        let absent = |rank| EvidenceError::Receipt(format!("no event of rank {rank}"));
        (first..=last)
            .map(|rank| {
                let entry = self.ledger.entry_of_rank(collectivite, rank)?;
                let event = EvidenceEvent::from_der(&entry.ok_or_else(|| absent(rank))?.event)
                    .map_err(|error| EvidenceError::Receipt(error.to_string()))?;
                self.receipt(&event.header.event_id)
            })
            .collect()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EvidenceError> {
        Ok(self.ledger.store().get(key)?)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, EvidenceError> {
        Ok(self.ledger.store().scan(prefix)?)
    }

    fn now(&self) -> Result<Time, EvidenceError> {
        self.clock
            .read()
            .map(|reading| reading.time)
            .map_err(|error| EvidenceError::TimeNotAvailable(error.to_string()))
    }

    fn random(&self) -> Result<[u8; 32], EvidenceError> {
        random_bytes().map_err(|error| EvidenceError::Refused(error.to_string()))
    }

    fn environment(&self) -> Environment {
        self.ledger.environment()
    }
}
