// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What ties a log to the world outside: witnesses by [C2SP tlog-witness](https://c2sp.org/tlog-witness), as their client and
//! as one of them, and outside RFC 3161 authorities that timestamp its checkpoints.
//!
//! [`WitnessClient`] has the ledger's checkpoints cosigned, so that nobody, the operator included, can date back or show two
//! histories by more than the gap between two marks. What a witness checks before it cosigns the checkpoints of another log is
//! [`tlog::witness::judge`](crate::tlog::witness::judge).
//!
//! [`AnchorClient`] has the newest checkpoint timestamped by authorities that are not the log's own. Whatever the operator's keys are
//! worth later, the tree was there at that time.
//!
//! Out of scope: what a mark is and keeping it (`ledger`), and what its times are worth (`verify`).

pub mod http;
mod outbox;
mod timestamp;
mod worker;

pub use self::outbox::{
    AnchorClient, AnchorClientConfig, AnchorEvent, AnchorStatus, last_anchored,
};
pub use self::timestamp::{AnchorAuthority, AnchorProblem, VerifiedAnchor};
pub use self::worker::{
    WitnessClient, WitnessClientConfig, WitnessEndpoint, WitnessEvent, WitnessProblem,
    WitnessStatus,
};
