// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::MarkError;
use super::erasure::Hold;
use crate::clock::{ClockError, millis_up};
use crate::digest::Sha256Digest;
use crate::event::EventError;
use crate::merkle::{RootHash, TreeSize};
use crate::store::{RequestId, StoreError};
use crate::time::Time;

/// Why a request was not recorded, or the ledger not opened. Nothing was written, except where the variant says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerError {
    /// More waits than the intake takes.
    Busy,
    /// The ledger is being closed.
    Closed,
    /// The ledger stopped at a failure of storage or of a proof. Whether this request was recorded is known after a restart: send it
    /// again with the same request id.
    Stopped,
    /// The event itself is not well formed.
    Event(EventError),
    /// One call asks for more than one commit may hold.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How much is allowed.
        max: usize,
    },
    /// The request id was used for something else.
    Conflict {
        /// The request id.
        request_id: RequestId,
    },
    /// The request's event was recorded, and its personal part erased since.
    Gone {
        /// The request id.
        request_id: RequestId,
    },
    /// `refers_to` names no event of this collectivité.
    ReferenceUnknown {
        /// The digest given.
        digest: Sha256Digest,
    },
    /// `refers_to` names an event of another kind than the one this event follows from.
    ReferenceKind {
        /// The kind expected.
        expected: &'static str,
    },
    /// The recipient's index is not in the roster of the sending.
    RecipientOutsideRoster {
        /// The index given.
        recipient: u32,
        /// Recipients in the roster.
        roster: usize,
    },
    /// The event and the consignment that it refers to name different recipients.
    RecipientDiffers {
        /// The index given.
        recipient: u32,
        /// The consignment's.
        consigned: u32,
    },
    /// The paper handed over is none of the sending's.
    PaperUnknown {
        /// The digest given.
        paper: Sha256Digest,
    },
    /// A new version of a sending must count one more than the version it refers to.
    VersionOrder {
        /// The version given.
        found: u32,
        /// The version it refers to.
        before: u32,
    },
    /// Trust bundles are published by the log's operator, who records nothing else.
    OperatorsEvent,
    /// The log goes on for a closed one: its first event says so, and no other does.
    NotOpened,
    /// Erasures are recorded by `Ledger::erase` alone, which also destroys.
    ErasureAlone,
    /// A legal hold forbids to erase it.
    Held(Box<Hold>),
    /// The erasure is recorded, and its destruction not done yet: the same call completes it, or the next opening.
    ErasurePending(String),
    /// The clock cannot be trusted now.
    TimeNotAvailable(ClockError),
    /// The clock is less exact than what the tokens state.
    ClockInaccurate {
        /// How exact the clock says it is.
        clock: Duration,
        /// What the tokens state.
        stated: Duration,
    },
    /// The clock is further behind the log's newest token than its accuracy explains.
    ClockBehindLog {
        /// The clock's reading.
        reading: Time,
        /// How exact it says it is.
        accuracy: Duration,
        /// The newest token's genTime.
        newest: Time,
    },
    /// A token or checkpoint could not be signed.
    Signing(String),
    /// The store refused.
    Store(StoreError),
    /// The store holds the log of another origin, or one signed by another key.
    OtherLog {
        /// What was found.
        problem: String,
    },
    /// The stored tree does not have the root that its signed checkpoint says.
    TreeDamaged {
        /// Size of the tree.
        size: TreeSize,
        /// The root that its tiles give.
        computed: Option<RootHash>,
        /// The root that was signed.
        signed: RootHash,
    },
    /// Witnesses are configured, and no quorum of them has cosigned the empty log yet: the first events could be backdated.
    NotWitnessed,
    /// A witness has cosigned a larger tree of this log than the one that is here: entries were lost, or another copy of the log
    /// goes on elsewhere.
    RolledBack {
        /// Which witness says so.
        witness: String,
        /// The size that it cosigned.
        seen: TreeSize,
        /// The size of the tree here.
        ours: TreeSize,
    },
    /// A checkpoint of others' making is not kept.
    Mark(MarkError),
    /// An own proof does not hold or cannot be made: nothing was handed out.
    ProofFailed(String),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many events are waiting; send the request again in a moment"),
            Self::Closed => f.write_str("the ledger is closing; send the request again after its restart"),
            Self::Stopped => f.write_str(
                "the ledger stopped before the commit was certain; after its restart send the request again with the \
                 same request id",
            ),
            Self::Event(error) => error.fmt(f),
            Self::TooLarge { what, max } => {
                write!(f, "one request may hold at most {max} {what}; split it")
            }
            Self::Conflict { request_id } => write!(
                f,
                "request id {request_id} was used before for other content; take a new id for a new event"
            ),
            Self::Gone { request_id } => write!(
                f,
                "the personal data of request {request_id} were erased, so that it can no longer be compared"
            ),
            Self::ReferenceUnknown { digest } => write!(
                f,
                "refers_to names {digest}, which is no event of this collectivité; give the SHA-256 of that event's DER"
            ),
            Self::ReferenceKind { expected } => write!(f, "refers_to must name a {expected}"),
            Self::RecipientOutsideRoster { recipient, roster } => write!(
                f,
                "recipient {recipient} is not in the roster, which counts {roster} recipients from 0"
            ),
            Self::RecipientDiffers { recipient, consigned } => write!(
                f,
                "the event names recipient {recipient}, and the consignment it refers to recipient {consigned}"
            ),
            Self::PaperUnknown { paper } => {
                write!(f, "paper {paper} is none of the sending's papers")
            }
            Self::VersionOrder { found, before } => write!(
                f,
                "version {found} refers to version {before}; the next version after it is expected"
            ),
            Self::OperatorsEvent => f.write_str(
                "the collectivité \"kbox\" records TrustBundlePublication and ShardOpening and nothing else, and no other records them",
            ),
            Self::NotOpened => f.write_str(
                "ShardOpening is the first event of a log that goes on for a closed one, and of no other; the server records it at its start",
            ),
            Self::ErasureAlone => f.write_str(
                "PersonalDataErasure, and request ids that begin with \"erasure/\", are recorded only with the destruction itself: ask \
                 for the erasure of the event",
            ),
            Self::Held(hold) => write!(
                f,
                "a legal hold forbids to erase it: {} ({}, since {}); release hold {} first",
                hold.reason, hold.by, hold.since, hold.id
            ),
            Self::ErasurePending(problem) => write!(
                f,
                "the erasure is recorded, but what it names is not destroyed yet: {problem}. Ask for the same erasure again, or \
                 restart: it is completed then"
            ),
            Self::TimeNotAvailable(error) => write!(f, "no trusted time, so no token: {error}"),
            Self::ClockInaccurate { clock, stated } => write!(
                f,
                "no trusted time, so no token: the clock is exact to {} ms and tokens state {} ms, which must be more",
                millis_up(*clock),
                stated.as_millis()
            ),
            Self::ClockBehindLog { reading, accuracy, newest } => write!(
                f,
                "the clock says {reading} (exact to {} ms) and the log's newest token {newest}. Set the clock right; if \
                 the newest token is wrong, this log cannot be continued: `kbox-server restore --reason wrong-clock --backup DIR --data \
                 NEW` closes it and goes on in a new one",
                millis_up(*accuracy)
            ),
            Self::Signing(problem) => write!(f, "signing failed: {problem}"),
            Self::Store(error) => error.fmt(f),
            Self::OtherLog { problem } => write!(
                f,
                "the data directory holds another log: {problem}. Use the configuration and the keys that it was made \
                 with, or choose another directory with --data"
            ),
            Self::TreeDamaged { size, computed, signed } => {
                write!(f, "the stored tree of {size} leaves ")?;
                match computed {
                    Some(root) => write!(f, "has root {root}")?,
                    None => f.write_str("lacks leaves or tiles")?,
                }
                write!(
                    f,
                    ", its signed checkpoint says {signed}. The log is not continued: keep a copy of the data directory \
                     as evidence. `kbox-server restore --reason damage --backup DIR --data NEW` closes it at a backup and goes on in a new log"
                )
            }
            Self::NotWitnessed => f.write_str(
                "no quorum of witnesses has cosigned the empty log yet, and before that nothing is recorded; they are asked again and again. Send the request again, and see /readyz when it goes on",
            ),
            Self::RolledBack { witness, seen, ours } => write!(
                f,
                "witness {witness} cosigned {seen} leaves of this log, and {ours} are here: entries were lost, or a copy of this log goes on elsewhere. Nothing is recorded. Keep the data directory as evidence; `kbox-server restore` closes this log and goes on in a new one, at the newest checkpoint that witnesses (`--config`) or receipts (`--checkpoint`) show. If it is the witness that errs, remove it from the configuration (`serve --drop-witnesses`, once, where fewer are left)"
            ),
            Self::Mark(error) => error.fmt(f),
            Self::ProofFailed(problem) => {
                write!(f, "an inclusion proof made here does not hold: {problem}")
            }
        }
    }
}

impl core::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Event(error) => Some(error),
            Self::TimeNotAvailable(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EventError> for LedgerError {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
