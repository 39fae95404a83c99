// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Serial numbers that are never used twice.

use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::key::{KeyError, random_bytes};
use crate::tsp::SerialNumber;

/// A random 64-bit epoch drawn at each start, then a counter: unique across crashes, clones and restores (RFC 3161 §2.4.2).
#[derive(Debug)]
pub struct SerialSource {
    epoch: u64,
    counter: AtomicU64,
}

impl SerialSource {
    /// Draws an epoch.
    ///
    /// # Errors
    /// [`KeyError::Refused`] without random bytes.
    pub fn new() -> Result<Self, KeyError> {
        Ok(Self {
            // The highest bits fixed to 01: positive, and every serial of the same length.
            epoch: u64::from_be_bytes(random_bytes()?) & (u64::MAX >> 1) | 1 << 62,
            counter: AtomicU64::new(0),
        })
    }

    /// The first eight bytes of every number of this run, in hexadecimal: by them its tokens are found.
    #[must_use]
    pub fn epoch(&self) -> String {
        format!("{:016x}", self.epoch)
    }

    /// The next number.
    pub fn draw(&self) -> SerialNumber {
        // 2^64 tokens are out of reach of one run.
        SerialNumber::from_epoch_and_counter(
            self.epoch,
            self.counter.fetch_add(1, Ordering::Relaxed),
        )
    }
}
