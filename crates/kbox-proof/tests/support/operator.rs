// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An operator with all its keys, over the real issuing code: what tests make evidence with.
#![allow(dead_code)]

use std::time::Duration;

use kbox_proof::digest::Sha256Digest;
use kbox_proof::event::*;
use kbox_proof::key::LogSigner;
use kbox_proof::merkle::{self, Edge, LeafIndex, TreeSize, hash_leaf};
use kbox_proof::pki::DevPki;
use kbox_proof::receipt::*;
use kbox_proof::tlog::{
    Checkpoint, KeyId, KeyName, Note, SignatureType, TlogProof, VerifierKey,
    ed25519_cosignature_message, note_key_id, timestamped_signature,
};
use kbox_proof::tsa::{Authority, AuthorityConfig};
use kbox_proof::tsp::{MessageImprint, SerialNumber, certificate_to_pem};

pub(crate) use self::sending::*;

mod sending;

pub(crate) fn signed(signer: &LogSigner, name: &str, body: &str) -> Note {
    let note = Note::unsigned(body).unwrap();
    let key_id = KeyId::from_bytes(signer.key_id(name));
    note.with_signature(
        KeyName::new(name).unwrap(),
        key_id,
        signer.sign(body.as_bytes()).to_vec(),
    )
}

pub(crate) struct Witness {
    pub(crate) name: KeyName,
    pub(crate) signer: LogSigner,
}

impl Witness {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            name: KeyName::new(format!("witness.example/{number}")).unwrap(),
            signer: LogSigner::from_seed(&[number; 32]).unwrap(),
        }
    }
    pub(crate) fn key_type() -> SignatureType {
        SignatureType::Ed25519Cosignature
    }
    pub(crate) fn vkey(&self) -> String {
        VerifierKey::new(
            self.name.clone(),
            Self::key_type(),
            &self.signer.public_key(),
        )
        .unwrap()
        .encode()
    }
    pub(crate) fn cosign(&self, note: Note, time: u64) -> Note {
        let message = ed25519_cosignature_message(note.text(), time);
        let signature = timestamped_signature(time, &self.signer.sign(&message));
        let key_id = note_key_id(&self.name, Self::key_type(), &self.signer.public_key());
        note.with_signature(self.name.clone(), key_id, signature)
    }
}

/// Event, personal part and token, each in DER.
pub(crate) type Recorded = (Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// An operator with all its keys.
pub(crate) struct Operator {
    pub(crate) pki_root: Vec<u8>,
    pub(crate) evidence: Authority,
    pub(crate) public: Authority,
    pub(crate) log: LogSigner,
    pub(crate) origin: String,
    /// Event, personal part and token of each rank.
    pub(crate) events: Vec<Recorded>,
    pub(crate) edge: Edge,
    pub(crate) before: Vec<(TreeSize, merkle::RootHash)>,
    /// Added to the time of the tokens that follow.
    pub(crate) delay: Duration,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let pki = DevPki::generate(start(), true).unwrap();
        let authority = |dev: kbox_proof::pki::DevAuthority, policy| {
            let config = AuthorityConfig::new(dev.signer, dev.chain, policy);
            Authority::new(config, start()).unwrap()
        };
        Self {
            pki_root: pki.root,
            evidence: authority(
                pki.evidence,
                kbox_proof::tsp::Oid::demonstration_evidence_policy(),
            ),
            public: authority(
                pki.public,
                kbox_proof::tsp::Oid::demonstration_public_policy(),
            ),
            log: LogSigner::from_seed(&[200; 32]).unwrap(),
            origin: ORIGIN.to_string(),
            events: Vec::new(),
            edge: Edge::empty(),
            before: Vec::new(),
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn event(&self, body: Body, personal: Option<&ErasablePart>) -> EvidenceEvent {
        let rank = self.events.len() as u64;
        EvidenceEvent {
            header: Header {
                origin: Origin::parse(&self.origin).unwrap(),
                environment: Environment::Demonstration,
                collectivite: Collectivite::parse("218002533").unwrap(),
                event_id: EventId::from_bytes([rank as u8; 16]),
                salt: Salt::from_bytes([rank as u8; 32]),
                rank,
                previous: self.events.last().map(|(der, ..)| event_digest(der)),
                witnessed: None,
            },
            body,
            personal: personal.map(|part| part.digest().unwrap()),
        }
    }

    pub(crate) fn append(
        &mut self,
        event: &EvidenceEvent,
        personal: Option<ErasablePart>,
        authority_public: bool,
    ) -> Sha256Digest {
        let der = event.to_der().unwrap();
        let digest = event_digest(&der);
        let time = at(self.events.len() as u64).saturating_add(self.delay);
        let serial = SerialNumber::from_epoch_and_counter(7, self.events.len() as u64);
        let authority = if authority_public {
            &self.public
        } else {
            &self.evidence
        };
        let token = authority
            .issue(&MessageImprint::sha256(&digest), time, &serial, None, true)
            .unwrap();
        self.push(der, personal.map(|part| part.to_der().unwrap()), token);
        digest
    }

    pub(crate) fn push(&mut self, der: Vec<u8>, personal: Option<Vec<u8>>, token: Vec<u8>) {
        let leaf = kbox_proof::tsp::TimeStampToken::parse(&token)
            .unwrap()
            .leaf_bytes()
            .unwrap();
        self.before.push((self.edge.size(), self.edge.root()));
        self.edge.append(hash_leaf(&leaf));
        self.events.push((der, personal, token));
    }

    pub(crate) fn record(&mut self, body: Body, personal: Option<ErasablePart>) -> Sha256Digest {
        let event = self.event(body, personal.as_ref());
        self.append(&event, personal, false)
    }

    pub(crate) fn checkpoint(&self) -> Note {
        let checkpoint =
            Checkpoint::new(self.origin.clone(), self.edge.size(), self.edge.root()).unwrap();
        signed(&self.log, &self.origin, &checkpoint.encode())
    }

    pub(crate) fn receipt_under(&self, index: usize, note: Note) -> Receipt {
        let (event, personal, token) = self.events[index].clone();
        let index = LeafIndex::new(index as u64);
        let proof = merkle::inclusion_proof(&self.edge, index, self.edge.size()).unwrap();
        Receipt {
            event,
            personal,
            token,
            proof: TlogProof::new(None, index, proof, note).encode(),
            before: None,
            consistency: vec![],
            anchors: vec![],
        }
    }

    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        (0..self.events.len())
            .map(|index| self.receipt_under(index, self.checkpoint()))
            .collect()
    }

    pub(crate) fn trust(&self, demand: Demand) -> TrustBundle {
        TrustBundle::new(
            Environment::Demonstration,
            TrustedAuthority {
                chain: self
                    .evidence
                    .chain()
                    .iter()
                    .map(|der| certificate_to_pem(der))
                    .collect(),
                policy: self.evidence.policy().to_string(),
                origin: Origin::parse(&self.origin).unwrap(),
                from: 0,
                to: None,
            },
            vec![certificate_to_pem(&self.pki_root)],
            Shard {
                origin: Origin::parse(&self.origin).unwrap(),
                vkey: self.log.vkey(&self.origin),
                final_size: None,
                final_root: None,
                trees: Vec::new(),
            },
            demand,
        )
    }
}

/// A sending to two members; the first opens, takes the paper and acknowledges.
pub(crate) fn sent() -> Operator {
    sent_by(Operator::new())
}

pub(crate) fn sent_by(mut operator: Operator) -> Operator {
    let sending = operator.record(body(Detail::SubmissionAcceptance(submission()), None), None);
    let one = operator.record(
        body(Detail::ContentConsignment(step(0)), Some(sending)),
        Some(personal(0)),
    );
    operator.record(
        body(Detail::RelayToNonErds(step(0)), Some(one)),
        Some(personal(0)),
    );
    operator.record(
        body(Detail::ContentConsignment(step(1)), Some(sending)),
        Some(personal(1)),
    );
    operator.record(
        body(Detail::ContentAccessTracking(step(0)), Some(one)),
        None,
    );
    let handover = Handover {
        recipient: 0,
        paper: Sha256Digest::of(PAPER),
    };
    operator.record(body(Detail::ContentHandover(handover), Some(one)), None);
    operator.record(
        body(Detail::ConsignmentAcceptance(step(0)), Some(one)),
        None,
    );
    operator
}
