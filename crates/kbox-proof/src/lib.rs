// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Proof of what a French council's convocation was, to whom and when it was sent, and when it was opened.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod digest;
pub mod event;
pub mod law;
pub mod merkle;
pub mod time;
pub mod tlog;
pub mod tsp;
