// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A log whose store can be told to fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use kbox_proof::clock::TestClock;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::{LogSigner, TokenSigner};
use kbox_proof::ledger::{Erasure, EventRequest, Ledger, LedgerConfig, LedgerError};
use kbox_proof::merkle::{Edge, LeafHash, LeafIndex, Tile, TreeSize, hash_leaf};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::*;
use kbox_proof::store::*;
use kbox_proof::tlog::{Checkpoint, Note, TlogProof};
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{MessageImprint, Oid, TimeStampToken, certificate_to_pem};
use kbox_proof::verify::{TrustPolicy, VerifiedReceipt, verify_receipt};

use crate::sending::{ORIGIN, body, erasure, start, submission};

/// Seed of the log's key.
pub(crate) const LOG_KEY: u8 = 9;

/// What becomes of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It succeeds.
    None,
    /// It is refused before anything is written.
    Refuse,
    /// It fails, and nothing of it is on disk.
    FailLost,
    /// It fails, and yet all of it is on disk.
    FailKept,
}

pub(crate) fn full() -> StoreError {
    StoreError::Full { free: 1, needed: 2 }
}

pub(crate) fn disk_error() -> StoreError {
    StoreError::Engine("fdatasync: input/output error".into())
}

/// Where commits wait while it is shut.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether it is shut, and how many wait at it.
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.state.lock().unwrap().0 = true;
    }

    pub(crate) fn open(&self) {
        self.state.lock().unwrap().0 = false;
        self.changed.notify_all();
    }

    /// Returns once a commit waits.
    pub(crate) fn wait_for_commit(&self) {
        let state = self.state.lock().unwrap();
        drop(
            self.changed
                .wait_while(state, |state| state.1 == 0)
                .unwrap(),
        );
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| state.0).unwrap();
        state.1 -= 1;
    }
}

const NO_LEAF: u64 = u64::MAX;

pub(crate) struct FaultyStore {
    inner: MemoryStore,
    plan: Mutex<VecDeque<Fault>>,
    mark_plan: Mutex<VecDeque<Fault>>,
    pub(crate) gate: Gate,
    wrong_tiles: AtomicBool,
    pub(crate) erasing_fails: AtomicBool,
    wrong_leaf: AtomicU64,
    sought: AtomicU64,
}

impl FaultyStore {
    /// What becomes of the next commits; those after succeed.
    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.lock().unwrap().extend(faults);
    }

    /// What becomes of the next mark; not all tests of ledgers make marks.
    #[allow(dead_code)]
    pub(crate) fn plan_mark(&self, fault: Fault) {
        self.mark_plan.lock().unwrap().push_back(fault);
    }

    /// Every tile read has a bit wrong.
    pub(crate) fn lie_about_tiles(&self, lie: bool) {
        self.wrong_tiles.store(lie, Ordering::SeqCst);
    }

    /// The leaf of this index has a bit of its signature wrong.
    pub(crate) fn lie_about_leaf(&self, index: Option<u64>) {
        self.wrong_leaf
            .store(index.unwrap_or(NO_LEAF), Ordering::SeqCst);
    }

    /// How many requests were looked up so far.
    pub(crate) fn sought(&self) -> u64 {
        self.sought.load(Ordering::SeqCst)
    }

    fn leaf(&self, index: u64, mut leaf: Vec<u8>) -> Vec<u8> {
        if index == self.wrong_leaf.load(Ordering::SeqCst) {
            *leaf.last_mut().unwrap() ^= 1;
        }
        leaf
    }
}

impl Records for FaultyStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(key)
    }
    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.inner.scan(prefix)
    }
}

impl Store for FaultyStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        self.inner.head()
    }
    fn commit(&self, batch: &CommitBatch, expected: Option<&Head>) -> Result<(), CommitError> {
        self.gate.pass();
        let fault = self.plan.lock().unwrap().pop_front();
        match fault.unwrap_or(Fault::None) {
            Fault::None => self.inner.commit(batch, expected),
            Fault::Refuse => Err(CommitError::Refused(full())),
            Fault::FailLost => Err(CommitError::Failed(disk_error())),
            Fault::FailKept => {
                self.inner.commit(batch, expected)?;
                Err(CommitError::Failed(disk_error()))
            }
        }
    }
    fn read_tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = self.inner.read_tile(tile)?;
        if let Some(first) = bytes.as_mut().and_then(|bytes| bytes.first_mut())
            && self.wrong_tiles.load(Ordering::SeqCst)
        {
            *first ^= 1;
        }
        Ok(bytes)
    }
    fn read_entries(&self, first: LeafIndex, count: u16) -> Result<Vec<Vec<u8>>, StoreError> {
        let leaves = self.inner.read_entries(first, count)?;
        let indexed = (first.get()..).zip(leaves);
        Ok(indexed
            .map(|(index, leaf)| self.leaf(index, leaf))
            .collect())
    }
    fn entry(&self, index: LeafIndex) -> Result<Option<Entry>, StoreError> {
        Ok(self.inner.entry(index)?.map(|entry| Entry {
            leaf: self.leaf(index.get(), entry.leaf.clone()),
            ..entry
        }))
    }
    fn find(
        &self,
        collectivite: &Collectivite,
        request_id: &RequestId,
    ) -> Result<Option<StoredRequest>, StoreError> {
        self.sought.fetch_add(1, Ordering::SeqCst);
        self.inner.find(collectivite, request_id)
    }
    fn index_of_event(&self, event_id: &EventId) -> Result<Option<LeafIndex>, StoreError> {
        self.inner.index_of_event(event_id)
    }
    fn index_of_digest(&self, digest: &Sha256Digest) -> Result<Option<LeafIndex>, StoreError> {
        self.inner.index_of_digest(digest)
    }
    fn index_of_leaf(&self, leaf: &LeafHash) -> Result<Option<LeafIndex>, StoreError> {
        self.inner.index_of_leaf(leaf)
    }
    fn index_of_rank(
        &self,
        collectivite: &Collectivite,
        rank: u64,
    ) -> Result<Option<LeafIndex>, StoreError> {
        self.inner.index_of_rank(collectivite, rank)
    }
    fn chain_end(&self, collectivite: &Collectivite) -> Result<Option<ChainEnd>, StoreError> {
        self.inner.chain_end(collectivite)
    }
    fn chain(&self, id: &Sha256Digest) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        self.inner.chain(id)
    }
    fn checkpoint(&self, size: TreeSize) -> Result<Option<String>, StoreError> {
        self.inner.checkpoint(size)
    }
    fn add_mark(
        &self,
        size: TreeSize,
        note: &str,
        token: Option<&[u8]>,
    ) -> Result<Mark, CommitError> {
        let fault = self.mark_plan.lock().unwrap().pop_front();
        match fault.unwrap_or(Fault::None) {
            Fault::None => self.inner.add_mark(size, note, token),
            Fault::Refuse => Err(CommitError::Refused(full())),
            Fault::FailLost | Fault::FailKept => Err(CommitError::Failed(disk_error())),
        }
    }
    fn marks(
        &self,
        kind: MarkKind,
        from: (TreeSize, u64),
        most: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        self.inner.marks(kind, from, most)
    }
    fn last_mark(&self, kind: MarkKind, largest: TreeSize) -> Result<Option<Mark>, StoreError> {
        self.inner.last_mark(kind, largest)
    }
    fn census(&self) -> Result<Census, StoreError> {
        self.inner.census()
    }
    fn erase(&self, event_id: &EventId, records: &RecordBatch) -> Result<bool, CommitError> {
        if self.erasing_fails.load(Ordering::SeqCst) {
            return Err(CommitError::Failed(disk_error()));
        }
        self.inner.erase(event_id, records)
    }
    fn scrub(&self, records: &RecordBatch) -> Result<(), CommitError> {
        self.inner.scrub(records)
    }
}

/// A store, a clock and the keys, over which the ledger can be opened again and again.
pub(crate) struct Log {
    root: Vec<u8>,
    chain: Vec<Vec<u8>>,
    signer: String,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) clock: Arc<TestClock>,
    fatal: Arc<Mutex<Vec<LedgerError>>>,
}

impl Log {
    pub(crate) fn new() -> Self {
        let pki = DevPki::generate(start(), true).unwrap();
        Self {
            root: pki.root,
            chain: pki.evidence.chain,
            signer: pki.evidence.signer.to_pkcs8_pem().to_string(),
            store: Arc::new(FaultyStore {
                inner: MemoryStore::new(),
                plan: Mutex::default(),
                mark_plan: Mutex::default(),
                gate: Gate::default(),
                wrong_tiles: AtomicBool::new(false),
                erasing_fails: AtomicBool::new(false),
                wrong_leaf: AtomicU64::new(NO_LEAF),
                sought: AtomicU64::new(0),
            }),
            clock: Arc::new(TestClock::at(start())),
            fatal: Arc::default(),
        }
    }

    /// A new log of the same keys and clock.
    #[allow(dead_code)]
    pub(crate) fn successor(&self) -> Self {
        let new = Self::new();
        Self {
            root: self.root.clone(),
            chain: self.chain.clone(),
            signer: self.signer.clone(),
            store: new.store,
            clock: Arc::clone(&self.clock),
            fatal: Arc::default(),
        }
    }

    pub(crate) fn open(&self) -> Ledger {
        self.open_with(|_| {})
    }

    pub(crate) fn open_with(&self, change: impl FnOnce(&mut LedgerConfig)) -> Ledger {
        self.try_open(ORIGIN, LOG_KEY, change).unwrap()
    }

    pub(crate) fn try_open(
        &self,
        origin: &str,
        key: u8,
        change: impl FnOnce(&mut LedgerConfig),
    ) -> Result<Ledger, LedgerError> {
        let config = AuthorityConfig::new(
            TokenSigner::from_pkcs8_pem(&self.signer).unwrap(),
            self.chain.clone(),
            Oid::demonstration_evidence_policy(),
        );
        let authority = Authority::new(config, start()).unwrap();
        let mut config =
            LedgerConfig::new(Origin::parse(origin).unwrap(), Environment::Demonstration);
        let fatal = Arc::clone(&self.fatal);
        config.on_fatal = Arc::new(move |error| fatal.lock().unwrap().push(error.clone()));
        change(&mut config);
        let log_signer = LogSigner::from_seed(&[key; 32]).unwrap();
        let clock = Arc::clone(&self.clock);
        Ledger::open(config, self.store.clone(), authority, log_signer, clock)
    }

    /// What `on_fatal` was called with so far.
    pub(crate) fn fatal(&self) -> Vec<LedgerError> {
        self.fatal.lock().unwrap().clone()
    }

    pub(crate) fn verify(&self, receipt: &Receipt) -> VerifiedReceipt {
        let bundle = self.bundle();
        // Later than any clock of these tests: a receipt from the future is refused.
        let now = start().saturating_add(Duration::from_secs(3600));
        verify_receipt(receipt, &TrustPolicy::new(&bundle).unwrap(), now).unwrap()
    }

    /// Trust in this log, without witnesses.
    pub(crate) fn bundle(&self) -> TrustBundle {
        let origin = Origin::parse(ORIGIN).unwrap();
        let log_signer = LogSigner::from_seed(&[LOG_KEY; 32]).unwrap();
        TrustBundle::new(
            Environment::Demonstration,
            TrustedAuthority {
                chain: self
                    .chain
                    .iter()
                    .map(|der| certificate_to_pem(der))
                    .collect(),
                policy: Oid::demonstration_evidence_policy().to_string(),
                origin: origin.clone(),
                from: 0,
                to: None,
            },
            vec![certificate_to_pem(&self.root)],
            Shard {
                origin,
                vkey: log_signer.vkey(ORIGIN),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            },
            Demand::Journalise,
        )
    }

    /// Everything stored is one tree under the newest head, with dense ranks, each event chained to the one before, and
    /// serials and genTime as invariant 3 of a log demands.
    pub(crate) fn assert_whole(&self) {
        let head = self.store.head().unwrap().unwrap();
        let mut edge = Edge::empty();
        let mut ends: BTreeMap<Collectivite, (u64, Sha256Digest)> = BTreeMap::new();
        let (mut serials, mut requests) = (BTreeSet::new(), BTreeSet::new());
        let mut newest = None;
        for index in 0..head.size.get() {
            let entry = self.store.entry(LeafIndex::new(index)).unwrap().unwrap();
            let event = EvidenceEvent::from_der(&entry.event).unwrap();
            let digest = event_digest(&entry.event);
            let chain = self.store.chain(&entry.chain).unwrap().unwrap();
            let token = TimeStampToken::from_leaf_with_certificates(&entry.leaf, &chain).unwrap();
            let tst_info = token.tst_info();
            assert_eq!(*tst_info.message_imprint(), MessageImprint::sha256(&digest));
            assert!(serials.insert(tst_info.serial_number().as_content().to_vec()));
            assert!(newest <= Some(tst_info.gen_time()));
            newest = Some(tst_info.gen_time());
            let header = event.header;
            assert!(requests.insert((header.collectivite.clone(), entry.request_id)));
            let end = ends.insert(header.collectivite, (header.rank, digest));
            assert_eq!(header.rank, end.map_or(0, |(rank, _)| rank + 1));
            assert_eq!(header.previous, end.map(|(_, digest)| digest));
            edge.append(hash_leaf(&entry.leaf));
        }
        assert_eq!(edge.root(), head.root);
        assert_eq!(newest, head.gen_time);
        assert!(
            self.store
                .entry(LeafIndex::new(head.size.get()))
                .unwrap()
                .is_none()
        );
    }
}

pub(crate) fn request_id(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

pub(crate) fn commune() -> Collectivite {
    Collectivite::parse("218002533").unwrap()
}

/// A sending of the commune's.
pub(crate) fn sending(id: &str) -> EventRequest {
    EventRequest {
        request_id: request_id(id),
        collectivite: commune(),
        body: body(Detail::SubmissionAcceptance(submission()), None),
        personal: None,
    }
}

/// A decision to erase the personal data of an event.
pub(crate) fn erasing(event_id: EventId) -> Erasure {
    Erasure {
        event_id,
        content: erasure(),
        claimed_time: start(),
    }
}

/// An event of the operator's; `version` makes the content another one.
pub(crate) fn publication(id: &str, version: u32) -> EventRequest {
    let bundle = Sha256Digest::of(id.as_bytes());
    let publication = TrustBundlePublication { version, bundle };
    EventRequest {
        request_id: request_id(id),
        collectivite: Collectivite::operator(),
        body: body(Detail::TrustBundlePublication(publication), None),
        personal: None,
    }
}

pub(crate) fn records(key: &str) -> RecordBatch {
    bulk(key, 1)
}

pub(crate) fn bulk(key: &str, bytes: usize) -> RecordBatch {
    let mut batch = RecordBatch::new();
    batch.put(key, vec![b'x'; bytes]);
    batch
}

pub(crate) type Answer = Result<Vec<Receipt>, LedgerError>;

/// A callback, and where its answer arrives: nowhere, once it is dropped uncalled.
pub(crate) fn answer() -> (impl FnOnce(Answer) + Send + 'static, Receiver<Answer>) {
    let (send, receive) = sync_channel(1);
    (move |answer| send.send(answer).unwrap_or_default(), receive)
}

pub(crate) fn submit(
    ledger: &Ledger,
    events: Vec<EventRequest>,
    records: RecordBatch,
) -> Receiver<Answer> {
    let (answer, waiting) = answer();
    ledger.submit(events, records, answer).unwrap();
    waiting
}

pub(crate) fn record(ledger: &Ledger, request: EventRequest) -> Result<Receipt, LedgerError> {
    ledger
        .record(vec![request], RecordBatch::new())
        .map(|mut receipts| receipts.remove(0))
}

/// The counter in a receipt's serial number: its last eight bytes.
pub(crate) fn counter(receipt: &VerifiedReceipt) -> u64 {
    let serial = receipt.timestamp().serial().as_content();
    u64::from_be_bytes(*serial.last_chunk().unwrap())
}

pub(crate) fn checkpoint_of(receipt: &Receipt) -> String {
    let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
    proof.checkpoint().encode()
}

/// No two of these checkpoints have one size and different roots.
pub(crate) fn assert_one_tree(checkpoints: &[String]) {
    let mut roots = BTreeMap::new();
    for text in checkpoints {
        let note = Note::parse(text.as_bytes()).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        let root = *checkpoint.root();
        assert_eq!(*roots.entry(checkpoint.size()).or_insert(root), root);
    }
}
