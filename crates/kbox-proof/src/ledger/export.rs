// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The whole log as files that other people's tools read.

use alloc::vec::Vec;

use super::receipts;
use crate::merkle::{EntryBundle, LeafIndex, TILE_WIDTH, Tile};
use crate::store::{Head, Store, StoreError};

/// The files of the published log as [C2SP tlog-tiles](https://c2sp.org/tlog-tiles) names them, under the newest
/// checkpoint: each path with its bytes, `checkpoint` last, so that a copy broken off never claims what it does not hold.
///
/// # Errors
/// The store's, or whatever `write` gives.
pub fn export<E: From<StoreError>>(
    store: &dyn Store,
    mut write: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<Option<Head>, E> {
    let Some(head) = store.head()? else {
        return Ok(None);
    };
    for level in 0.. {
        let mut index = 0;
        while let Some(tile) = Tile::of_tree(level, index, head.size) {
            write(&tile.path(), &receipts::tile(store, &tile)?)?;
            if level == 0 {
                let first = LeafIndex::new(index * u64::from(TILE_WIDTH));
                let leaves = store.read_entries(first, tile.width())?;
                let damaged = StoreError::Damaged {
                    what: "an entry of the log",
                };
                let whole = leaves.len() == usize::from(tile.width());
                let bytes = EntryBundle::encode(leaves.iter().map(Vec::as_slice))
                    .filter(|_| whole)
                    .ok_or(damaged)?;
                let bundle =
                    EntryBundle::new(index, tile.width()).map_err(|_| StoreError::Damaged {
                        what: "the size of the log",
                    })?;
                write(&bundle.path(), &bytes)?;
            }
            index += 1;
        }
        if index == 0 {
            break;
        }
    }
    write("checkpoint", head.checkpoint.as_bytes())?;
    Ok(Some(head))
}
