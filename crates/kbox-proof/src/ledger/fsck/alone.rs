// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What one entry shows without the others: digests, signatures, and every way to look it up. It takes nearly all the time, and any
//! core can do it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::closed::entry_of_digest;
use super::super::{erasure, seal};
use super::{Block, Problem, Signed, signed_checkpoint};
use crate::digest::Sha256Digest;
use crate::event::{
    Collectivite, Detail, Environment, ErasablePart, EvidenceEvent, Origin, PersonalData,
    event_digest,
};
use crate::merkle::{LeafHash, LeafIndex, TreeSize, hash_leaf};
use crate::store::{Entry, Store, StoreError, chain_id};
use crate::time::Time;
use crate::tlog::VerifierKey;
use crate::tsp::{ChainCache, ChainTime, MessageImprint, TimeStampToken, TokenTrust};

/// Authorities whose certificates a worker keeps at hand: a log has few.
const MAX_CHAINS: usize = 16;

/// What is checked, and against what.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) earlier: &'a [Arc<dyn Store>],
    pub(super) origin: &'a Origin,
    pub(super) environment: Environment,
    pub(super) key: &'a VerifierKey,
}

/// What a worker need not read and check again for each entry.
pub(super) struct Known {
    chains: BTreeMap<Sha256Digest, Option<Vec<Vec<u8>>>>,
    tokens: ChainCache,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            chains: BTreeMap::new(),
            tokens: ChainCache::by_aws_lc_rs(),
        }
    }
}

/// What the walk in order needs of an entry, and what is wrong with it by itself, in the order in which it is told.
pub(super) struct Alone {
    pub(super) leaf: LeafHash,
    pub(super) digest: Sha256Digest,
    pub(super) chain: Sha256Digest,
    pub(super) acknowledged_at: TreeSize,
    pub(super) has_personal: bool,
    /// Its personal part was there once and is no more.
    pub(super) erased: bool,
    /// It is the trace of an erasure that is not carried out yet.
    pub(super) pending: bool,
    /// `None` when the event cannot be read.
    pub(super) link: Option<Link>,
    /// genTime and serial number of a token that holds.
    pub(super) stamp: Option<(Time, [u8; 16])>,
    /// The checkpoint of the tree that ends with this entry, where it says that there is one.
    pub(super) checkpoint: Option<Option<Signed>>,
    pub(super) problems: Vec<Problem>,
    /// So many of `problems` come before what the chain of the collectivité shows.
    pub(super) before_link: usize,
    pub(super) lookups: Vec<Problem>,
}

/// An event's place in its collectivité's chain, as it says.
pub(super) struct Link {
    pub(super) collectivite: Collectivite,
    pub(super) rank: u64,
    pub(super) previous: Option<Sha256Digest>,
}

impl Stored<'_> {
    pub(super) fn block(&self, from: u64, to: u64, known: &mut Known) -> Block {
        (from..to)
            .map(LeafIndex::new)
            .map(|index| match self.store.entry(index)? {
                Some(entry) => self.entry(index, &entry, known).map(Some),
                None => Ok(None),
            })
            .collect()
    }

    fn entry(
        &self,
        index: LeafIndex,
        entry: &Entry,
        known: &mut Known,
    ) -> Result<Alone, StoreError> {
        let ends_commit = entry.acknowledged_at.get() == index.get().saturating_add(1);
        let checkpoint = || signed_checkpoint(self.store, self.key, entry.acknowledged_at);
        let mut one = Alone {
            leaf: hash_leaf(&entry.leaf),
            digest: event_digest(&entry.event),
            chain: entry.chain,
            acknowledged_at: entry.acknowledged_at,
            has_personal: entry.personal.is_some(),
            erased: false,
            pending: false,
            link: None,
            stamp: None,
            checkpoint: ends_commit.then(checkpoint).transpose()?,
            problems: Vec::new(),
            before_link: 0,
            lookups: Vec::new(),
        };
        match EvidenceEvent::from_der(&entry.event) {
            Ok(event) => self.event(index, entry, event, &mut one)?,
            Err(error) => one.problems.push(Problem::Event(error)),
        }
        match self.token(entry, &one.digest, known)? {
            Ok(token) => {
                let info = token.tst_info();
                one.stamp = Some((info.gen_time(), seal::serial_bytes(info.serial_number())));
            }
            Err(problem) => one.problems.push(problem),
        }
        self.lookups(index, entry, &mut one)?;
        Ok(one)
    }

    fn event(
        &self,
        index: LeafIndex,
        entry: &Entry,
        event: EvidenceEvent,
        one: &mut Alone,
    ) -> Result<(), StoreError> {
        let header = &event.header;
        for (field, same) in [
            ("origin", header.origin == *self.origin),
            ("environment", header.environment == self.environment),
            ("collectivité", header.collectivite == entry.collectivite),
            ("id", header.event_id == entry.event_id),
            ("rank", header.rank == entry.rank),
        ] {
            if !same {
                one.problems.push(Problem::Header { field });
            }
        }
        one.before_link = one.problems.len();
        if let Some(reference) = &event.body.refers_to {
            let place = self.store.index_of_digest(reference)?;
            // The row may lead anywhere: what counts is the event that stands there.
            let referred = match place.filter(|place| place.get() < index.get()) {
                Some(place) => self.store.entry(place)?,
                None => entry_of_digest(self.earlier, reference)?,
            };
            if referred.is_none_or(|entry| event_digest(&entry.event) != *reference) {
                one.problems.push(Problem::RefersTo);
            }
        }
        if let (Detail::PersonalDataErasure(_), Some(erased)) =
            (&event.body.detail, &event.body.refers_to)
            && let Some(place) = self.store.index_of_digest(erased)?
            && let Some(erased) = self.store.entry(place)?
        {
            one.pending = erasure::is_there(self.store, &erased)?;
        }
        self.erasable(entry, &event, one)?;
        one.link = Some(Link {
            collectivite: event.header.collectivite,
            rank: event.header.rank,
            previous: event.header.previous,
        });
        Ok(())
    }

    /// The personal part is the one bound, and retries are compared with it; or both are gone.
    fn erasable(
        &self,
        entry: &Entry,
        event: &EvidenceEvent,
        one: &mut Alone,
    ) -> Result<(), StoreError> {
        let request = self.store.find(&entry.collectivite, &entry.request_id)?;
        let compared = request.and_then(|request| request.content);
        let part = match (&entry.personal, event.personal) {
            (None, None) => None,
            (None, Some(_)) => {
                if compared.is_some() {
                    one.problems.push(Problem::HalfErased);
                }
                return self.erased(entry, one);
            }
            (Some(part), bound) => match ErasablePart::from_der(part) {
                Ok(part) if part.digest().ok() == bound => Some(part.data),
                _ => {
                    one.problems.push(Problem::Personal);
                    return Ok(());
                }
            },
        };
        let Some(compared) = compared else {
            // What never had a personal part may be erased too: its key goes.
            if part.is_some() {
                one.problems.push(Problem::HalfErased);
                return Ok(());
            }
            return self.erased(entry, one);
        };
        let personal = part.as_ref().map(PersonalData::to_der).transpose();
        let same = event.body.idempotency_bytes().and_then(|body| {
            let content = seal::content(&body, personal?.as_deref());
            Ok(seal::same_content(&compared, &content))
        });
        if same != Ok(true) {
            one.problems.push(Problem::Comparison);
        }
        Ok(())
    }

    fn erased(&self, entry: &Entry, one: &mut Alone) -> Result<(), StoreError> {
        one.erased = true;
        if !erasure::is_traced(self.store, entry, self.key)? {
            one.problems.push(Problem::NoTrace);
        }
        Ok(())
    }

    fn lookups(&self, index: LeafIndex, entry: &Entry, one: &mut Alone) -> Result<(), StoreError> {
        let store = self.store;
        let request = store.find(&entry.collectivite, &entry.request_id)?;
        for (by, found) in [
            ("event id", store.index_of_event(&entry.event_id)?),
            ("digest", store.index_of_digest(&one.digest)?),
            ("leaf hash", store.index_of_leaf(&one.leaf)?),
            (
                "rank",
                store.index_of_rank(&entry.collectivite, entry.rank)?,
            ),
            ("request id", request.map(|request| request.index)),
        ] {
            if found != Some(index) {
                one.lookups.push(Problem::Lookup { by });
            }
        }
        Ok(())
    }

    fn token(
        &self,
        entry: &Entry,
        digest: &Sha256Digest,
        known: &mut Known,
    ) -> Result<Result<TimeStampToken, Problem>, StoreError> {
        let Known { chains, tokens } = known;
        if !chains.contains_key(&entry.chain) {
            if chains.len() >= MAX_CHAINS {
                chains.clear();
            }
            let chain = self.store.chain(&entry.chain)?;
            let own = chain.filter(|chain| chain_id(chain) == entry.chain);
            chains.insert(entry.chain, own);
        }
        let Some(chain) = chains.get(&entry.chain).and_then(Option::as_ref) else {
            return Ok(Err(Problem::Certificates));
        };
        let token = match TimeStampToken::from_leaf_with_certificates(&entry.leaf, chain) {
            Ok(token) => token,
            Err(error) => return Ok(Err(Problem::Leaf(error))),
        };
        let roots: Vec<_> = chain.last().cloned().into_iter().collect();
        let mut trust = TokenTrust::new(&roots, ChainTime::GenTime);
        trust.strict = true;
        let verified = tokens.verify_token(&token, &MessageImprint::sha256(digest), &trust);
        Ok(verified.map(|_| token).map_err(Problem::Token))
    }
}
