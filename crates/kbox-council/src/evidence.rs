// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The one door to ledger, store, clock and generator.

use core::fmt;

use kbox_proof::event::{Collectivite, Environment, EventId};
use kbox_proof::receipt::Receipt;
use kbox_proof::time::Time;

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
