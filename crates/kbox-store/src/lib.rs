// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Durable engines behind [`kbox_proof::store::Store`]: RocksDB, embedded.
//!
//! Out of scope: what is written and whether it is true (`kbox_proof::ledger`).

mod codec;
mod database;
mod directory;
mod rocks;

pub use directory::{
    Stopped, check_not_closed, check_room, check_whole, free_bytes, is_data_directory,
};
pub use rocks::RocksStore;
