// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Keys and values of the database. A key begins with a byte that names its kind, which says the family that it belongs to;
//! numbers are big-endian, so that keys sort by them.

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::{Collectivite, EventId};
use kbox_proof::merkle::{LeafHash, LeafIndex, RootHash, Tile, TreeSize};
use kbox_proof::store::{
    Census, ChainEnd, ContentKey, Entry, Head, Mark, MarkKind, RequestId, StoredRequest,
};
use kbox_proof::time::Time;

pub(crate) const HEAD: &[u8] = b"h";

/// Rows that grow alike are kept together: those of the first two only ever grow at their end, so that their tables are
/// written once and never merged with older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Entries,
    Personal,
    /// Where an entry is found by anything but its index: keys in no order.
    Indexes,
    /// Everything else: there is little of it, or the service says how much.
    Others,
}

impl Family {
    pub(crate) const ALL: [Self; 4] = [Self::Entries, Self::Personal, Self::Indexes, Self::Others];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Personal => "personal",
            Self::Indexes => "indexes",
            // The engine's own, which every database has.
            Self::Others => "default",
        }
    }

    pub(crate) fn of(key: &[u8]) -> Self {
        match key.first() {
            Some(b'e') => Self::Entries,
            Some(b'p') => Self::Personal,
            Some(b'i' | b'd' | b'x' | b'k' | b'q' | b'c') => Self::Indexes,
            _ => Self::Others,
        }
    }
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// A key of a length of its own, of which each entry has several: nothing is allocated for it.
fn short_key<const PART: usize, const KEY: usize>(kind: u8, part: &[u8; PART]) -> [u8; KEY] {
    const { assert!(KEY == PART + 1) };
    let mut key = [kind; KEY];
    key[1..].copy_from_slice(part);
    key
}

pub(crate) fn entry_key(index: LeafIndex) -> [u8; 9] {
    short_key(b'e', &index.get().to_be_bytes())
}
pub(crate) fn personal_key(index: LeafIndex) -> [u8; 9] {
    short_key(b'p', &index.get().to_be_bytes())
}
pub(crate) fn event_id_key(id: &EventId) -> [u8; 17] {
    short_key(b'i', id.as_bytes())
}
pub(crate) fn digest_key(digest: &Sha256Digest) -> [u8; 33] {
    short_key(b'd', digest.as_bytes())
}
pub(crate) fn leaf_hash_key(hash: &LeafHash) -> [u8; 33] {
    short_key(b'x', hash.as_bytes())
}
/// Neither a SIREN nor a request id holds a zero byte.
pub(crate) fn request_key(collectivite: &Collectivite, id: &RequestId) -> Vec<u8> {
    key(
        b'q',
        &[
            collectivite.as_str().as_bytes(),
            &[0],
            id.as_str().as_bytes(),
        ],
    )
}
pub(crate) fn rank_key(collectivite: &Collectivite, rank: u64) -> Vec<u8> {
    key(
        b'k',
        &[collectivite.as_str().as_bytes(), &[0], &rank.to_be_bytes()],
    )
}
pub(crate) fn chain_end_key(collectivite: &Collectivite) -> Vec<u8> {
    key(b'c', &[collectivite.as_str().as_bytes()])
}
pub(crate) fn chain_key(id: &Sha256Digest) -> Vec<u8> {
    key(b'a', &[id.as_bytes()])
}
pub(crate) fn tile_key(tile: &Tile) -> Vec<u8> {
    key(b't', &[&[tile.level()], &tile.index().to_be_bytes()])
}
pub(crate) fn checkpoint_key(size: TreeSize) -> Vec<u8> {
    key(b's', &[&size.get().to_be_bytes()])
}
const fn mark_kind(kind: MarkKind) -> u8 {
    match kind {
        MarkKind::Cosigned => b'm',
        MarkKind::Anchored => b'n',
    }
}
pub(crate) fn mark_key(kind: MarkKind, size: TreeSize, number: u64) -> Vec<u8> {
    let kind = mark_kind(kind);
    key(kind, &[&size.get().to_be_bytes(), &number.to_be_bytes()])
}
pub(crate) fn record_key(name: &[u8]) -> Vec<u8> {
    key(b'u', &[name])
}

/// The name of a record, of a key that is one's.
pub(crate) fn record_name(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(b"u")
}

/// Counts a row by its key.
pub(crate) fn count(census: &mut Census, key: &[u8]) {
    let kind = match key.first() {
        Some(b'e') => &mut census.entries,
        Some(b'p') => &mut census.personal,
        Some(b'i') => &mut census.event_ids,
        Some(b'd') => &mut census.digests,
        Some(b'x') => &mut census.leaf_hashes,
        Some(b'k') => &mut census.ranks,
        Some(b'q') => &mut census.requests,
        Some(b'c') => &mut census.chain_ends,
        Some(b'a') => &mut census.chains,
        Some(b't') => &mut census.tiles,
        Some(b's') => &mut census.checkpoints,
        Some(b'm') => &mut census.marks,
        Some(b'n') => &mut census.anchors,
        Some(b'u') => return,
        _ if key == HEAD => return,
        _ => &mut census.unknown,
    };
    *kind += 1;
}

/// Reads a value from its front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
    fn text(&mut self) -> Option<&'a str> {
        let [length] = self.array()?;
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        core::str::from_utf8(text).ok()
    }
}

/// After its length in one byte: a SIREN or a request id, both shorter than 256.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(text.as_bytes());
}

pub(crate) fn encode_head(head: &Head) -> Vec<u8> {
    let mut bytes = head.size.get().to_be_bytes().to_vec();
    bytes.extend_from_slice(head.root.as_bytes());
    bytes.push(u8::from(head.gen_time.is_some()));
    let nanos = head.gen_time.map_or(0, Time::unix_nanos);
    bytes.extend_from_slice(&nanos.to_be_bytes());
    bytes.extend_from_slice(&head.serial);
    bytes.extend_from_slice(head.checkpoint.as_bytes());
    bytes
}

pub(crate) fn decode_head(bytes: &[u8]) -> Option<Head> {
    let mut reader = Reader(bytes);
    let size = TreeSize::new(reader.number()?);
    let root = RootHash::from_bytes(reader.array()?);
    let [present] = reader.array()?;
    let nanos = i64::from_be_bytes(reader.array()?);
    Some(Head {
        size,
        root,
        gen_time: (present == 1).then(|| Time::from_unix_nanos(nanos)),
        serial: reader.array()?,
        checkpoint: String::from_utf8(reader.0.to_vec()).ok()?,
    })
}

/// The note, of an anchor after its length in four bytes and before its token.
pub(crate) fn encode_mark(note: &str, token: Option<&[u8]>) -> Vec<u8> {
    let Some(token) = token else {
        return note.as_bytes().to_vec();
    };
    // A note has 512 KiB at most.
    let length = u32::try_from(note.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), note.as_bytes(), token].concat()
}

/// None when it is not of this kind, or damaged.
pub(crate) fn decode_mark(kind: MarkKind, key: &[u8], value: &[u8]) -> Option<Mark> {
    let mut place = Reader(key);
    let [named] = place.array()?;
    let (size, number) = (TreeSize::new(place.number()?), place.number()?);
    if named != mark_kind(kind) || !place.0.is_empty() {
        return None;
    }
    let mut reader = Reader(value);
    let (note, token) = match kind {
        MarkKind::Cosigned => (value, None),
        MarkKind::Anchored => {
            let length = usize::try_from(u32::from_be_bytes(reader.array()?)).ok()?;
            let (note, token) = reader.0.split_at_checked(length)?;
            (note, Some(token.to_vec()))
        }
    };
    Some(Mark {
        size,
        number,
        note: String::from_utf8(note.to_vec()).ok()?,
        token,
    })
}

/// Instead of what `bytes` held: with its leaf, without the personal part, which has a key of its own.
pub(crate) fn encode_entry(entry: &Entry, bytes: &mut Vec<u8>) {
    bytes.clear();
    push_text(bytes, entry.collectivite.as_str());
    push_text(bytes, entry.request_id.as_str());
    bytes.extend_from_slice(entry.event_id.as_bytes());
    bytes.extend_from_slice(&entry.rank.to_be_bytes());
    bytes.extend_from_slice(entry.chain.as_bytes());
    bytes.extend_from_slice(&entry.acknowledged_at.get().to_be_bytes());
    // A leaf has some hundreds of bytes.
    let length = u32::try_from(entry.leaf.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&entry.leaf);
    bytes.extend_from_slice(&entry.event);
}

/// What an entry's row holds, where it lies.
struct EntryRow<'a> {
    collectivite: &'a str,
    request_id: &'a str,
    event_id: [u8; 16],
    rank: u64,
    chain: [u8; 32],
    acknowledged_at: u64,
    leaf: &'a [u8],
    event: &'a [u8],
}

impl<'a> EntryRow<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let collectivite = reader.text()?;
        let request_id = reader.text()?;
        let event_id = reader.array()?;
        let rank = reader.number()?;
        let chain = reader.array()?;
        let acknowledged_at = reader.number()?;
        let length = usize::try_from(u32::from_be_bytes(reader.array()?)).ok()?;
        let (leaf, event) = reader.0.split_at_checked(length)?;
        Some(Self {
            collectivite,
            request_id,
            event_id,
            rank,
            chain,
            acknowledged_at,
            leaf,
            event,
        })
    }
}

pub(crate) fn decode_leaf(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(EntryRow::read(bytes)?.leaf.to_vec())
}

pub(crate) fn decode_event(bytes: &[u8]) -> Option<(Collectivite, Vec<u8>)> {
    let row = EntryRow::read(bytes)?;
    Some((
        Collectivite::parse(row.collectivite).ok()?,
        row.event.to_vec(),
    ))
}

pub(crate) fn decode_entry(
    index: LeafIndex,
    bytes: &[u8],
    personal: Option<Vec<u8>>,
) -> Option<Entry> {
    let row = EntryRow::read(bytes)?;
    Some(Entry {
        index,
        collectivite: Collectivite::parse(row.collectivite).ok()?,
        request_id: RequestId::parse(row.request_id).ok()?,
        event_id: EventId::from_bytes(row.event_id),
        rank: row.rank,
        chain: Sha256Digest::from_bytes(row.chain),
        acknowledged_at: TreeSize::new(row.acknowledged_at),
        event: row.event.to_vec(),
        personal,
        leaf: row.leaf.to_vec(),
    })
}

pub(crate) fn encode_request(request: &StoredRequest) -> Vec<u8> {
    let mut bytes = request.index.get().to_be_bytes().to_vec();
    if let Some(content) = &request.content {
        bytes.extend_from_slice(&content.key);
        bytes.extend_from_slice(&content.digest);
    }
    bytes
}

pub(crate) fn decode_request(bytes: &[u8]) -> Option<StoredRequest> {
    let mut reader = Reader(bytes);
    let index = LeafIndex::new(reader.number()?);
    let content = if reader.0.is_empty() {
        None
    } else {
        Some(ContentKey {
            key: reader.array()?,
            digest: reader.array()?,
        })
    };
    reader
        .0
        .is_empty()
        .then_some(StoredRequest { index, content })
}

pub(crate) fn encode_chain_end(end: &ChainEnd) -> Vec<u8> {
    let mut bytes = end.rank.to_be_bytes().to_vec();
    bytes.extend_from_slice(end.digest.as_bytes());
    bytes
}

pub(crate) fn decode_chain_end(bytes: &[u8]) -> Option<ChainEnd> {
    let mut reader = Reader(bytes);
    let end = ChainEnd {
        rank: reader.number()?,
        digest: Sha256Digest::from_bytes(reader.array()?),
    };
    reader.0.is_empty().then_some(end)
}

pub(crate) fn encode_index(index: LeafIndex) -> [u8; 8] {
    index.get().to_be_bytes()
}

pub(crate) fn decode_index(bytes: &[u8]) -> Option<LeafIndex> {
    bytes
        .try_into()
        .ok()
        .map(|bytes| LeafIndex::new(u64::from_be_bytes(bytes)))
}
