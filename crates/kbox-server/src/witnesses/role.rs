// SPDX-License-Identifier: Apache-2.0 OR MIT
//! This server as a witness of other logs, by C2SP tlog-witness: collectivités guard each other, with no authority over them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use kbox_proof::clock::{Clock, ClockError};
use kbox_proof::digest::Sha256Digest;
use kbox_proof::key::{KeyError, WitnessSigner};
use kbox_proof::ledger::{Ledger, LedgerError, RecordBatch};
use kbox_proof::merkle::TreeSize;
use kbox_proof::store::StoreError;
use kbox_proof::tlog::witness::{AddCheckpoint, Refusal, judge};
use kbox_proof::tlog::{Checkpoint, Note, VerifierKey};

use super::evidence::{self, SplitView};

/// The key that cosigns, in the folder of keys.
pub(crate) const WITNESS_KEY: &str = "witness-key.pem";
/// The checkpoint cosigned last, of each log under the digest of its origin.
const COSIGNED: &str = "server/witnessing/";

/// Why no cosignature is given.
#[derive(Debug)]
pub(crate) enum RoleError {
    /// By the protocol.
    Refused(Refusal),
    /// Two histories: kept under this digest, now or before.
    SplitView {
        size: TreeSize,
        origin: String,
        evidence: Sha256Digest,
        is_new: bool,
    },
    /// Nobody knows what time it is: a cosignature says when.
    Clock(ClockError),
    /// What was cosigned cannot be written.
    Ledger(LedgerError),
    /// The key does not sign.
    Key(KeyError),
}

impl From<LedgerError> for RoleError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<StoreError> for RoleError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// A witness.
#[derive(Debug)]
pub(crate) struct Role {
    signer: WitnessSigner,
    logs: Vec<VerifierKey>,
    /// Held from the look at what was cosigned last to the end of writing what is next: two requests at once must not both go on from
    /// one state.
    one_by_one: Mutex<()>,
    cosigned: AtomicU64,
    refused: AtomicU64,
}

fn state_key(origin: &str) -> String {
    format!("{COSIGNED}{}", Sha256Digest::of(origin.as_bytes()))
}

impl Role {
    pub(crate) fn new(signer: WitnessSigner, logs: Vec<VerifierKey>) -> Self {
        Self {
            signer,
            logs,
            one_by_one: Mutex::default(),
            cosigned: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The key by which it cosigns.
    pub(crate) fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    /// Cosignatures given and requests refused since the start.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (get(&self.cosigned), get(&self.refused))
    }

    /// The newest checkpoint that was cosigned of the log whose name has this digest, as the log signed it: what its operator, or whoever holds
    /// a receipt, asks for when the log itself was lost.
    pub(crate) fn newest_checkpoint(
        ledger: &Ledger,
        origin: &Sha256Digest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        ledger.store().get(format!("{COSIGNED}{origin}").as_bytes())
    }

    /// The signature lines that answer `body`, once what they say is durable.
    pub(crate) fn add_checkpoint(
        &self,
        ledger: &Ledger,
        clock: &dyn Clock,
        body: &[u8],
    ) -> Result<String, RoleError> {
        let answer = self.cosign(ledger, clock, body);
        let counter = match answer {
            Ok(_) => &self.cosigned,
            Err(_) => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        answer
    }

    fn cosign(&self, ledger: &Ledger, clock: &dyn Clock, body: &[u8]) -> Result<String, RoleError> {
        let request = AddCheckpoint::parse(body)
            .map_err(|error| RoleError::Refused(Refusal::Malformed(error)))?;
        let checkpoint = Checkpoint::parse(request.note.text());
        let origin = checkpoint.map_or_else(|_| String::new(), |one| one.origin().to_string());
        let key = state_key(&origin);
        let _alone = self
            .one_by_one
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let damaged = StoreError::Damaged {
            what: "what this witness cosigned last",
        };
        let last = ledger.store().get(key.as_bytes())?;
        let last = last
            .map(|bytes| Note::parse(&bytes).map_err(|_| damaged))
            .transpose()?;
        let checkpoint = match judge(&request, &self.logs, last.as_ref()) {
            Ok(checkpoint) => checkpoint,
            Err(refusal) => return Err(refused(ledger, &origin, refusal)),
        };
        let reading = clock.read().map_err(RoleError::Clock)?;
        let now = u64::try_from(reading.time.unix_secs()).unwrap_or(0);
        if last.is_none_or(|last| last.text() != checkpoint.note().text()) {
            let mut records = RecordBatch::new();
            records.put(key, checkpoint.note().encode().into_bytes());
            ledger.record(Vec::new(), records)?;
        }
        let cosigned = self.signer.cosign(request.note, now);
        let cosigned = cosigned.map_err(RoleError::Key)?;
        let line = cosigned.signatures().last();
        Ok(line.map(|line| line.encode()).unwrap_or_default())
    }
}

fn refused(ledger: &Ledger, origin: &str, refusal: Refusal) -> RoleError {
    let Refusal::SplitView {
        size,
        cosigned,
        other,
    } = &refusal
    else {
        return RoleError::Refused(refusal);
    };
    let seen = SplitView::Witness {
        origin,
        size: size.get(),
        cosigned,
        other,
    };
    match evidence::keep(ledger, &seen) {
        Ok((evidence, is_new)) => RoleError::SplitView {
            origin: origin.to_string(),
            evidence,
            is_new,
            size: *size,
        },
        Err(error) => RoleError::Ledger(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Barrier;
    use std::time::Duration;

    use kbox_proof::clock::{ClockReading, TestClock};
    use kbox_proof::key::LogSigner;
    use kbox_proof::merkle::{ConsistencyProof, RootHash};
    use kbox_proof::time::Time;
    use kbox_proof::tlog::{KeyId, KeyName};

    use super::*;
    use crate::config::Config;
    use crate::instance::Instance;

    const LOG: &str = "other.example/log/1";

    fn log() -> LogSigner {
        LogSigner::from_seed(&[5; 32]).unwrap()
    }

    fn role() -> Role {
        let name = KeyName::new("w.example/1").unwrap();
        let signer = WitnessSigner::new(name, LogSigner::from_seed(&[6; 32]).unwrap()).unwrap();
        Role::new(signer, vec![VerifierKey::parse(&log().vkey(LOG)).unwrap()])
    }

    fn request(old: u64, size: u64, root: u8) -> Vec<u8> {
        let root = RootHash::from_bytes([root; 32]);
        let text = Checkpoint::new(LOG, TreeSize::new(size), root)
            .unwrap()
            .encode();
        let signature = log().sign(text.as_bytes()).to_vec();
        let request = AddCheckpoint {
            old: TreeSize::new(old),
            proof: ConsistencyProof::new(Vec::new()),
            note: Note::unsigned(text).unwrap().with_signature(
                KeyName::new(LOG).unwrap(),
                KeyId::from_bytes(log().key_id(LOG)),
                signature,
            ),
        };
        request.encode().into_bytes()
    }

    #[test]
    fn nothing_is_cosigned_without_trusted_time_and_what_was_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data: folder.path().join("data"),
            ..Config::default()
        };
        let instance = Instance::open(&config).unwrap();
        let time = Time::parse_rfc3339("2026-11-25T12:00:00.9Z").unwrap();
        let clock = TestClock::at(time);
        clock.set(Err(ClockError::Unsynchronised));
        let ask = |role: &Role, body: &[u8]| role.add_checkpoint(&instance.ledger, &clock, body);
        let first = role();
        let refused = ask(&first, &request(0, 3, 1));
        assert!(matches!(refused, Err(RoleError::Clock(_))), "{refused:?}");
        clock.set(Ok(ClockReading {
            time,
            accuracy: Duration::from_millis(5),
        }));
        // What was refused is not remembered, or another tree of this size would be.
        let lines = ask(&first, &request(0, 3, 2)).unwrap();
        let body = request(3, 3, 2);
        let note = AddCheckpoint::parse(&body).unwrap().note.encode() + &lines;
        let note = Note::parse(note.as_bytes()).unwrap();
        let key = VerifierKey::parse(&log().vkey(LOG)).unwrap();
        let checkpoint = kbox_proof::tlog::VerifiedCheckpoint::verify(&note, &key).unwrap();
        let cosigned = checkpoint.cosignatures(first.key()).unwrap();
        // Whole seconds, cut: never after the instant.
        let at = Time::parse_rfc3339("2026-11-25T12:00:00Z").unwrap();
        assert_eq!(cosigned[0].time(), Some(at));
        assert_eq!(first.counts(), (1, 1));
        // Another process over the same data knows it.
        let again = role();
        assert!(ask(&again, &body).is_ok());
        for old in [0, 3] {
            let other = ask(&again, &request(old, 3, 1));
            assert!(
                matches!(other, Err(RoleError::SplitView { is_new, .. }) if is_new == (old == 0))
            );
        }
        let kept = evidence::split_views(instance.ledger.store().as_ref()).unwrap();
        assert_eq!(kept.len(), 1);
    }

    #[test]
    fn evidence_of_one_log_takes_no_place_of_anothers_and_added_signature_lines_make_none() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data: folder.path().join("data"),
            ..Config::default()
        };
        let instance = Instance::open(&config).unwrap();
        let store = instance.ledger.store();
        let keep = |origin: &str, other: &str| {
            let seen = SplitView::Witness {
                origin,
                size: 3,
                cosigned: "a\n3\nx\n\n— a line\n",
                other,
            };
            evidence::keep(&instance.ledger, &seen).unwrap().1
        };
        assert!(keep("a", "a\n3\ny\n\n— a line\n"));
        for n in 0..40 {
            assert!(!keep("a", &format!("a\n3\ny\n\n— a line\n— b {n}\n")));
        }
        // Its own log can sign as many as it likes.
        let kept = (0..40).filter(|n| keep("a", &format!("a\n3\n{n}\n\n— a line\n")));
        assert_eq!(kept.count(), 15);
        assert!(keep("b", "b\n3\ny\n\n— b line\n"));
        let lied = SplitView::Log {
            witness: "a",
            size: 3,
            request: "",
            answer: "",
        };
        assert!(evidence::keep(&instance.ledger, &lied).unwrap().1);
        assert_eq!(evidence::split_views(store.as_ref()).unwrap().len(), 18);
    }

    #[test]
    fn of_two_trees_of_one_size_sent_at_once_one_is_cosigned() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data: folder.path().join("data"),
            ..Config::default()
        };
        let instance = Instance::open(&config).unwrap();
        let clock = TestClock::at(Time::parse_rfc3339("2026-11-25T12:00:00Z").unwrap());
        let (role, barrier) = (role(), Barrier::new(8));
        let cosigned: Vec<u8> = std::thread::scope(|scope| {
            let asked: Vec<_> = (1..=8_u8)
                .map(|root| {
                    let (role, barrier, clock, ledger) =
                        (&role, &barrier, &clock, &instance.ledger);
                    scope.spawn(move || {
                        barrier.wait();
                        role.add_checkpoint(ledger, clock, &request(0, 7, root))
                            .ok()
                            .map(|_| root)
                    })
                })
                .collect();
            asked
                .into_iter()
                .filter_map(|one| one.join().unwrap())
                .collect()
        });
        assert_eq!(cosigned.len(), 1, "{cosigned:?}");
    }
}
