// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Whether an event may follow from the event that it refers to.
//!
//! A caller knows an event's digest only from its receipt, so what is referred to is always durable already, and the check
//! needs no part of the sequencer.

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::LedgerError;
use super::closed::Earlier;
use crate::digest::Sha256Digest;
use crate::event::{Body, Collectivite, Detail, EvidenceEvent, Reference, event_digest};
use crate::store::{NewEntry, Store, StoreError};

/// Sendings and consignments remembered, some 200 bytes each: those of all of France at once, and the server of one
/// collectivité never has as many in a year.
const REMEMBERED: usize = 600_000;

/// What matters of an event that others refer to.
#[derive(Clone)]
struct Referred {
    collectivite: Collectivite,
    kind: Kind,
}

#[derive(Clone)]
pub(super) enum Kind {
    Submission {
        version: u32,
        roster: usize,
        papers: Arc<[Sha256Digest]>,
    },
    Consignment {
        recipient: u32,
        submission: Sha256Digest,
    },
    Erasure,
    Other,
}

#[derive(Default)]
pub(super) struct References {
    remembered: Mutex<HashMap<Sha256Digest, Referred>>,
}

impl References {
    fn remembered(&self) -> MutexGuard<'_, HashMap<Sha256Digest, Referred>> {
        // A change is one insertion.
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What a commit that is durable brought, before anybody knows its digests.
    pub(super) fn remember(&self, entries: &[NewEntry], kinds: Vec<Kind>) {
        let mut remembered = self.remembered();
        for (new, kind) in entries.iter().zip(kinds) {
            if !matches!(kind, Kind::Other) {
                let referred = Referred {
                    collectivite: new.entry.collectivite.clone(),
                    kind,
                };
                insert(&mut remembered, new.event_digest, referred);
            }
        }
    }

    fn find(
        &self,
        (store, earlier): (&dyn Store, &Earlier),
        collectivite: &Collectivite,
        digest: Sha256Digest,
    ) -> Result<Kind, LedgerError> {
        let known = self.remembered().get(&digest).cloned();
        let referred = match known {
            Some(referred) => referred,
            None => {
                let unknown = LedgerError::ReferenceUnknown { digest };
                let found = match store.index_of_digest(&digest)? {
                    Some(index) => store.event(index)?,
                    None => earlier.event(&digest)?,
                };
                let (owner, event) = found.ok_or(unknown)?;
                let damaged = StoreError::Damaged {
                    what: "an event of the log",
                };
                // A row that leads to another event must not make one of a digest that nothing has.
                if event_digest(&event) != digest {
                    return Err(damaged.into());
                }
                let event = EvidenceEvent::from_der(&event).map_err(|_| damaged)?;
                let referred = Referred {
                    collectivite: owner,
                    kind: kind(&event.body),
                };
                insert(&mut self.remembered(), digest, referred.clone());
                referred
            }
        };
        // Another collectivité's event is not even acknowledged to exist.
        if referred.collectivite == *collectivite {
            Ok(referred.kind)
        } else {
            Err(LedgerError::ReferenceUnknown { digest })
        }
    }

    pub(super) fn check(
        &self,
        logs: (&dyn Store, &Earlier),
        collectivite: &Collectivite,
        body: &Body,
    ) -> Result<(), LedgerError> {
        let publication = matches!(
            body.detail,
            Detail::TrustBundlePublication(_) | Detail::ShardOpening(_)
        );
        if publication != (*collectivite == Collectivite::operator()) {
            return Err(LedgerError::OperatorsEvent);
        }
        let Some(digest) = body.refers_to else {
            return Ok(());
        };
        match body.detail.refers_to() {
            Reference::Nothing => Ok(()),
            Reference::Submission => {
                let Kind::Submission {
                    version, roster, ..
                } = self.find(logs, collectivite, digest)?
                else {
                    return Err(LedgerError::ReferenceKind {
                        expected: "SubmissionAcceptance",
                    });
                };
                if let Detail::SubmissionAcceptance(submission) = &body.detail
                    && version.checked_add(1) != Some(submission.version)
                {
                    return Err(LedgerError::VersionOrder {
                        found: submission.version,
                        before: version,
                    });
                }
                match body.detail.recipient() {
                    Some(recipient) if recipient as usize >= roster => {
                        Err(LedgerError::RecipientOutsideRoster { recipient, roster })
                    }
                    _ => Ok(()),
                }
            }
            Reference::Erased => match self.find(logs, collectivite, digest)? {
                Kind::Erasure => Err(LedgerError::ReferenceKind {
                    expected: "event other than PersonalDataErasure",
                }),
                _ => Ok(()),
            },
            Reference::Consignment => {
                let Kind::Consignment {
                    recipient: consigned,
                    submission,
                } = self.find(logs, collectivite, digest)?
                else {
                    return Err(LedgerError::ReferenceKind {
                        expected: "ContentConsignment",
                    });
                };
                if let Some(recipient) = body
                    .detail
                    .recipient()
                    .filter(|recipient| *recipient != consigned)
                {
                    return Err(LedgerError::RecipientDiffers {
                        recipient,
                        consigned,
                    });
                }
                if let Detail::ContentHandover(handover) = &body.detail {
                    let Kind::Submission { papers, .. } =
                        self.find(logs, collectivite, submission)?
                    else {
                        return Err(LedgerError::ReferenceKind {
                            expected: "SubmissionAcceptance",
                        });
                    };
                    if !papers.contains(&handover.paper) {
                        return Err(LedgerError::PaperUnknown {
                            paper: handover.paper,
                        });
                    }
                }
                Ok(())
            }
        }
    }
}

fn insert(
    remembered: &mut HashMap<Sha256Digest, Referred>,
    digest: Sha256Digest,
    referred: Referred,
) {
    if remembered.len() >= REMEMBERED {
        remembered.clear();
    }
    remembered.insert(digest, referred);
}

/// What others may refer to an event as.
pub(super) fn kind(body: &Body) -> Kind {
    match &body.detail {
        Detail::SubmissionAcceptance(submission) => Kind::Submission {
            version: submission.version,
            roster: submission.roster.len(),
            papers: submission
                .papers
                .iter()
                .map(|paper| paper.digest)
                .collect::<Vec<_>>()
                .into(),
        },
        Detail::ContentConsignment(step) => match body.refers_to {
            Some(submission) => Kind::Consignment {
                recipient: step.recipient,
                submission,
            },
            None => Kind::Other,
        },
        Detail::PersonalDataErasure(_) => Kind::Erasure,
        _ => Kind::Other,
    }
}
