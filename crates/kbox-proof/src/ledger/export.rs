// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The whole log as files that other people's tools read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::receipts;
use crate::merkle::{EntryBundle, LeafIndex, TILE_WIDTH, Tile, TreeSize};
use crate::receipt::Base64;
use crate::store::{Head, MarkKind, Store, StoreError};

/// Marks of one file.
const MARKS_OF_A_FILE: usize = 1000;

#[derive(Serialize)]
struct MarkLine<'a> {
    size: u64,
    note: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Base64>,
}

/// The marks of the tree of `size` leaves, or its anchors: JSON lines, by size and then in the order of their arrival.
fn marks<E: From<StoreError>>(
    store: &dyn Store,
    kind: MarkKind,
    size: TreeSize,
    write: &mut impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let folder = match kind {
        MarkKind::Cosigned => "marks",
        MarkKind::Anchored => "anchors",
    };
    let mut from = (TreeSize::new(0), 0);
    for file in 0_u64.. {
        let mut found = store.marks(kind, from, MARKS_OF_A_FILE)?;
        found.retain(|mark| mark.size <= size);
        let Some(last) = found.last() else { break };
        from = (last.size, last.number.saturating_add(1));
        let mut text = String::new();
        for mark in &found {
            let line = MarkLine {
                size: mark.size.get(),
                note: &mark.note,
                token: mark.token.clone().map(Base64),
            };
            // Strings and numbers: serde_json has no way to fail on them.
            text.push_str(&serde_json::to_string(&line).unwrap_or_default());
            text.push('\n');
        }
        write(&format!("{folder}/{file:06}.jsonl"), text.as_bytes())?;
    }
    Ok(())
}

/// The files of the published log as [C2SP tlog-tiles](https://c2sp.org/tlog-tiles) names them, under the newest
/// checkpoint, and the marks and anchors in files of their own: each path with its bytes, `checkpoint` last, so that a copy broken off never claims what it does not hold.
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
    for kind in [MarkKind::Cosigned, MarkKind::Anchored] {
        marks(store, kind, head.size, &mut write)?;
    }
    write("checkpoint", head.checkpoint.as_bytes())?;
    Ok(Some(head))
}
