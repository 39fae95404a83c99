// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Proof of what a French council's convocation was, to whom and when it was sent, and when it was opened.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "net")]
pub mod anchor;
#[cfg(feature = "issue")]
pub mod clock;
pub mod digest;
pub mod event;
#[cfg(feature = "issue")]
pub mod key;
pub mod law;
#[cfg(feature = "issue")]
pub mod ledger;
pub mod merkle;
#[cfg(feature = "issue")]
pub mod pki;
pub mod receipt;
pub mod report;
#[cfg(feature = "issue")]
pub mod store;
pub mod time;
pub mod tlog;
#[cfg(feature = "issue")]
pub mod tsa;
pub mod tsp;
pub mod verify;
