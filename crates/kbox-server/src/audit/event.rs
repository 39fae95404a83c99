// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is logged.

use kbox_proof::event::Collectivite;
use kbox_proof::time::Time;
use serde::{Deserialize, Serialize};

use super::Fingerprint;
use crate::access::keyring::Role;

/// A key that signs, and the certificate that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signer {
    /// `evidence`, `public` or `log`.
    pub(crate) name: String,
    /// SHA-256 of its public half (SubjectPublicKeyInfo; of the log, its C2SP verifier key).
    pub(crate) key: Fingerprint,
    /// SHA-256 of its certificate; the log has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<Fingerprint>,
    /// Policy of its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// First instant at which it may sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Time>,
    /// Last second at which it may sign, and its chain is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_after: Option<Time>,
}

// serde gives a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One event. A new kind is a new name: what is written is never reinterpreted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The service began.
    Started {
        version: String,
        origin: String,
        entries: u64,
        /// The first half of every serial of the public authority's tokens until the stop: what finds them.
        public_serials: String,
    },
    /// The service ended in order. Where this is missing, it did not.
    Stopped { entries: u64 },
    /// A line was being written when the process ended.
    TornLine { bytes: u64, sha256: Fingerprint },
    /// Events that waited for the disk were more than can wait.
    EventsLost { count: u64 },
    /// The settings, at the first start and whenever they are others.
    Configuration { settings: serde_json::Value },
    /// The clock can be trusted from now on.
    ClockTrusted {
        accuracy_ms: u64,
        sources: Vec<String>,
        /// Changes of the clock since the last such line, which have no line of their own.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// Nothing is issued from now on.
    ClockRefused {
        reason: String,
        sources: Vec<String>,
        /// Changes of the clock since the last such line, which have no line of their own.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// A key or a certificate is used from now on; what it replaces is used no longer.
    SignerTakenUp {
        signer: Signer,
        /// This server made the key; otherwise the operator put it there.
        made_here: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        replaces: Option<Fingerprint>,
    },
    /// A certificate, its private key's usage, or its chain ends soon, or ended.
    CertificateEnding {
        name: String,
        certificate: Fingerprint,
        not_after: Time,
        within_days: i64,
    },
    /// An API key was made.
    ApiKeyMade {
        id: String,
        role: Role,
        #[serde(skip_serializing_if = "Option::is_none")]
        collectivite: Option<Collectivite>,
        /// The key of whoever asked; none on the command line.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// An API key is valid no longer.
    ApiKeyRemoved {
        id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A secretariat opened a browser session.
    SignedIn {
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        collectivite: Option<Collectivite>,
    },
    /// Somebody asked for the personal data of an event to be erased; whether it was done, the log says.
    ErasureAsked {
        of: String,
        collectivite: Collectivite,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A legal hold forbids erasures from now on.
    HoldPlaced {
        id: String,
        collectivite: Collectivite,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Somebody asked for a hold to end.
    HoldReleaseAsked {
        id: String,
        collectivite: Collectivite,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A witness does not cosign this log any more.
    WitnessFailing {
        witness: String,
        reason: String,
        /// Changes of this witness since the last such line, which have no line of their own.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// It cosigns again.
    WitnessRecovered {
        witness: String,
        /// Changes of this witness since the last such line, which have no line of their own.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// An outside authority gives no token that can be kept.
    AnchorFailing {
        authority: String,
        reason: String,
        /// Changes of this authority since the last such line, which have no line of their own.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// It gives tokens again.
    AnchorRecovered {
        authority: String,
        /// Changes of this authority since the last such line, which have no line of their own.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: u64,
    },
    /// A witness has cosigned a larger tree of this log than there is: nothing is recorded from now on.
    RolledBack {
        witness: String,
        seen: u64,
        ours: u64,
    },
    /// A log shows two histories. Both are kept whole, under this digest.
    SplitViewSeen {
        origin: String,
        size: u64,
        evidence: Fingerprint,
        /// The witness of this log that holds the other history; none where this server saw both of a log that it guards.
        #[serde(skip_serializing_if = "Option::is_none")]
        witness: Option<String>,
    },
    /// A request contradicted what was recorded under its id (409).
    ConflictRefused {
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        collectivite: Option<Collectivite>,
        address: String,
        /// Others since the last such line, which have no line of their own.
        unlisted: u64,
    },
}
