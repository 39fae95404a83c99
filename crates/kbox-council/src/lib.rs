// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The workflow of a council, without HTTP: collectivités, élus, séances, papers, the sending and what its members do.
//!
//! [`Council`] keeps its records beside the evidence, in the same store. Each step is one event of `kbox_proof`, recorded
//! after the act is durable, under a request id that follows from what it is about: a step that is tried again gives the
//! same receipt. All calls block; a server runs them away from its event loop.
//!
//! Out of scope: who may do what (the server), the law (`kbox_proof::law`), whether evidence holds (`kbox_proof::verify`).

pub mod communes;
mod council;
mod dashboard;
mod droit;
mod error;
mod evidence;
mod mail;
mod model;

pub use council::{Council, CouncilConfig, scrub};
pub use dashboard::{Dashboard, Ligne, Total};
pub use droit::Delai;
pub use error::CouncilError;
pub use evidence::{Evidence, EvidenceError, LedgerEvidence};
pub use mail::Relay;
pub use model::{
    Collectivite, Destinataire, Elu, Envoi, MemberView, NewPaper, Paper, PaperFile, Seance, Step,
    Trace,
};
