// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Ledgers over RocksDB, and requests for them.
#![allow(dead_code)]

#[path = "../../../kbox-proof/tests/support/sending.rs"]
pub(crate) mod sending;

use std::path::Path;
use std::sync::Arc;

use kbox_proof::clock::TestClock;
use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::{LogSigner, TokenSigner};
use kbox_proof::ledger::{Erasure, EventRequest, Ledger, LedgerConfig, LedgerError};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::*;
use kbox_proof::store::{RecordBatch, RequestId};
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{Oid, certificate_to_pem, certificates_from_pem};
use kbox_proof::verify::{TrustPolicy, VerifiedReceipt, verify_receipt};
use kbox_store::RocksStore;

use self::sending::*;

pub(crate) fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at(start()))
}

pub(crate) struct Keys {
    pub(crate) root: Vec<u8>,
    pub(crate) chain: Vec<Vec<u8>>,
    signer: String,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let pki = DevPki::generate(start(), true).unwrap();
        Self {
            root: pki.root,
            chain: pki.evidence.chain,
            signer: pki.evidence.signer.to_pkcs8_pem().to_string(),
        }
    }

    pub(crate) fn save(&self, folder: &Path) {
        let chain: String = self
            .chain
            .iter()
            .map(|der| certificate_to_pem(der))
            .collect();
        std::fs::write(folder.join("chain.pem"), chain).unwrap();
        std::fs::write(folder.join("key.pem"), &self.signer).unwrap();
    }

    pub(crate) fn load(folder: &Path) -> Self {
        let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
        let chain = certificates_from_pem(&read("chain.pem")).unwrap();
        Self {
            root: chain.last().unwrap().clone(),
            chain,
            signer: read("key.pem"),
        }
    }

    pub(crate) fn log() -> LogSigner {
        LogSigner::from_seed(&[9; 32]).unwrap()
    }

    pub(crate) fn authority(&self) -> Authority {
        let config = AuthorityConfig::new(
            TokenSigner::from_pkcs8_pem(&self.signer).unwrap(),
            self.chain.clone(),
            Oid::demonstration_evidence_policy(),
        );
        Authority::new(config, start()).unwrap()
    }

    pub(crate) fn open(&self, path: &Path, clock: Arc<TestClock>) -> Ledger {
        self.open_over(Arc::new(RocksStore::open(path).unwrap()), clock, |_| {})
    }

    pub(crate) fn open_over(
        &self,
        store: Arc<RocksStore>,
        clock: Arc<TestClock>,
        change: impl FnOnce(&mut LedgerConfig),
    ) -> Ledger {
        let authority = self.authority();
        let mut config =
            LedgerConfig::new(Origin::parse(ORIGIN).unwrap(), Environment::Demonstration);
        change(&mut config);
        Ledger::open(config, store, authority, Self::log(), clock).unwrap()
    }

    pub(crate) fn policy(&self) -> TrustPolicy {
        let bundle = TrustBundle::new(
            Environment::Demonstration,
            TrustedAuthority {
                chain: self
                    .chain
                    .iter()
                    .map(|der| certificate_to_pem(der))
                    .collect(),
                policy: Oid::demonstration_evidence_policy().to_string(),
                origin: Origin::parse(ORIGIN).unwrap(),
                from: 0,
                to: None,
            },
            vec![certificate_to_pem(&self.root)],
            Shard {
                origin: Origin::parse(ORIGIN).unwrap(),
                vkey: Self::log().vkey(ORIGIN),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            },
            Demand::Journalise,
        );
        TrustPolicy::new(&bundle).unwrap()
    }

    pub(crate) fn verify(&self, receipt: &Receipt) -> VerifiedReceipt {
        verify_receipt(receipt, &self.policy(), start()).unwrap()
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

pub(crate) fn request(id: &str, version: u32) -> EventRequest {
    EventRequest {
        request_id: RequestId::parse(id).unwrap(),
        collectivite: Collectivite::operator(),
        body: Body {
            claimed_time: start(),
            reasons: vec![],
            refers_to: None,
            detail: Detail::TrustBundlePublication(TrustBundlePublication {
                version,
                bundle: Sha256Digest::of(id.as_bytes()),
            }),
        },
        personal: None,
    }
}

pub(crate) fn record(ledger: &Ledger, id: &str, version: u32) -> Result<Receipt, LedgerError> {
    ledger
        .record(vec![request(id, version)], RecordBatch::default())
        .map(|mut list| list.remove(0))
}

/// Records an event and, beside it, so many bytes that no compression makes fewer; one of four such records is replaced.
pub(crate) fn record_beside(
    ledger: &Ledger,
    id: &str,
    bytes: usize,
) -> Result<Receipt, LedgerError> {
    let digest = Sha256Digest::of(id.as_bytes());
    let mut state = digest.as_bytes().iter().fold(1, |state: u64, byte| {
        state.wrapping_mul(257).wrapping_add((*byte).into())
    });
    let values = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let value: Vec<u8> = values.take(bytes / 8).flatten().collect();
    let mut records = RecordBatch::new();
    records.put(format!("beside/{}", digest.as_bytes()[0] % 4), value);
    ledger
        .record(vec![request(id, 1)], records)
        .map(|mut list| list.remove(0))
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
}
