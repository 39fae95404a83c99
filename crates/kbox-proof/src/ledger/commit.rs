// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The one writer: a group that was built becomes durable, then is published, and only then acknowledged.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, Sender, SyncSender};
use std::time::Instant;

use super::LedgerError;
use super::intake::Done;
use super::receipts::{self, Prover, Signed};
use super::reference;
use super::sequencer::{Published, Shared};
use crate::merkle::{HashReader, LeafIndex, Tile};
use crate::receipt::Receipt;
use crate::store::{CommitBatch, CommitError, NewEntry};

/// Which entry answers an event of a submission.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    /// The nth new one of the batch.
    New(usize),
    /// One of an earlier commit.
    Old(LeafIndex),
    /// One of a closed log, by its place among them.
    Closed(usize, LeafIndex),
}

/// A submission that the group answers.
pub(super) struct Accepted {
    pub(super) done: Done,
    /// Or a conflict with what is durable only with this group or the one before.
    pub(super) slots: Result<Vec<Slot>, LedgerError>,
}

/// Events of a group that one thread takes all the way, if no other is on its way.
const SMALL: usize = 16;

/// Everything that becomes durable together.
pub(super) struct Group {
    /// What to write; nothing for mere retries.
    pub(super) batch: Option<CommitBatch>,
    /// The tree that it continues.
    pub(super) before: Arc<Published>,
    /// The tree with it.
    pub(super) after: Arc<Published>,
    /// What later events may need to know of its entries.
    pub(super) kinds: Vec<reference::Kind>,
    pub(super) accepted: Vec<Accepted>,
}

impl Group {
    /// Sooner written and acknowledged than handed to another thread.
    pub(super) fn is_small(&self) -> bool {
        let slots = self.accepted.iter().flat_map(|one| &one.slots);
        let events: usize = slots.map(Vec::len).sum();
        events <= SMALL
    }

    /// Answers its callers that nothing of it was recorded.
    pub(super) fn refuse(self, error: &LedgerError) {
        refuse(self.accepted, error);
    }
}

fn refuse(accepted: Vec<Accepted>, error: &LedgerError) {
    for one in accepted {
        one.done.answer(Err(error.clone()));
    }
}

/// A commit that is durable and waits for its acknowledgements.
pub(super) struct Committed {
    published: Arc<Published>,
    entries: Vec<NewEntry>,
    kinds: Vec<reference::Kind>,
    accepted: Vec<Accepted>,
}

/// Closes the intake however its thread ends, so that nobody waits for a dead one.
pub(super) struct StopAtEnd<'a>(pub(super) &'a Shared);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.intake.stop();
    }
}

/// What became of a group that was to be written.
pub(super) enum Written {
    /// It is durable and published.
    Durable(Committed),
    /// Nothing of it was, and its callers are told.
    Refused(LedgerError),
}

/// Makes a group durable and publishes it; `None` when the log has ended, and whoever runs it was told.
pub(super) fn write(shared: &Shared, group: Group) -> Option<Written> {
    let Group {
        batch,
        before,
        after,
        kinds,
        accepted,
    } = group;
    let mut entries = Vec::new();
    if let Some(batch) = batch {
        let started = Instant::now();
        let outcome = shared.store.commit(&batch, Some(&before.head));
        shared.commits.count(started.elapsed());
        match outcome {
            Ok(()) => {}
            Err(CommitError::Refused(error)) => {
                let error = LedgerError::from(error);
                refuse(accepted, &error);
                return Some(Written::Refused(error));
            }
            Err(CommitError::Failed(error)) => {
                // No retry: after a failed fsync the kernel may have dropped the pages, and a second success would prove
                // nothing.
                shared.fatal(&error.into());
                return None;
            }
        }
        *shared
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        entries = batch.entries;
    }
    Some(Written::Durable(Committed {
        published: after,
        entries,
        kinds,
        accepted,
    }))
}

/// Commits group after group, and says of each whether the next may build on it.
pub(super) fn commit(
    shared: &Shared,
    groups: &Receiver<Group>,
    outcomes: &Sender<Result<(), LedgerError>>,
    acknowledge: &SyncSender<Committed>,
) {
    let _stop = StopAtEnd(shared);
    for group in groups {
        let Some(written) = write(shared, group) else {
            return;
        };
        let (outcome, committed) = match written {
            Written::Durable(committed) => (Ok(()), Some(committed)),
            Written::Refused(error) => (Err(error), None),
        };
        // The sequencer may have ended with the last handle of the ledger.
        let _ = outcomes.send(outcome);
        shared.intake.committed();
        if let Some(committed) = committed
            && acknowledge.send(committed).is_err()
        {
            return;
        }
    }
}

/// Gives the acknowledgements of durable commits, while the sequencer works on the next.
pub(super) fn acknowledge(shared: &Shared, commits: &Receiver<Committed>) {
    let _stop = StopAtEnd(shared);
    for committed in commits {
        if !acknowledge_one(shared, committed) {
            return;
        }
    }
}

/// `false` when the log has ended, and whoever runs it was told.
pub(super) fn acknowledge_one(shared: &Shared, committed: Committed) -> bool {
    let Committed {
        published,
        entries,
        kinds,
        accepted,
    } = committed;
    shared.references.remember(&entries, kinds);
    let store = shared.store.as_ref();
    let head = &published.head;
    let tree = Signed {
        size: head.size,
        root: head.root,
        checkpoint: &head.checkpoint,
    };
    let reader = published
        .edge
        .reader(|name: &Tile| receipts::tile(store, name));
    let mut prover = Prover::new(reader, &tree);
    for Accepted { done, slots } in accepted {
        let answer = match slots {
            Ok(slots) => answer(shared, &mut prover, &entries, &slots),
            Err(conflict) => Ok(Err(conflict)),
        };
        match answer {
            Ok(answer) => done.answer(answer),
            Err(fatal) => {
                shared.fatal(&fatal);
                return false;
            }
        }
    }
    true
}

/// The receipts of one submission, or the error of an old one.
///
/// # Errors
/// Fatal: what was committed just now cannot be proven, so the stored tree is not the one that was signed. An old entry
/// that cannot be proven is its callers' matter alone, since the tree grows at its right edge, which was checked when the
/// log was opened; else anybody with an old request id could stop a log.
fn answer<R>(
    shared: &Shared,
    prover: &mut Prover<'_, R>,
    entries: &[NewEntry],
    slots: &[Slot],
) -> Result<Result<Vec<Receipt>, LedgerError>, LedgerError>
where
    R: HashReader,
    R::Error: fmt::Display,
{
    let store = shared.store.as_ref();
    let mut list = Vec::with_capacity(slots.len());
    for slot in slots {
        let receipt = match *slot {
            Slot::New(place) => {
                let missing = || LedgerError::ProofFailed("its entry is missing".to_string());
                let new = entries.get(place).ok_or_else(missing)?;
                prover.receipt(&new.entry, &new.leaf_hash, shared.sealer.certificates())?
            }
            Slot::Old(index) => match receipts::original(store, shared.sealer.keys(), index) {
                Ok(receipt) => receipt,
                Err(error) => return Ok(Err(error)),
            },
            Slot::Closed(number, index) => {
                let missing = || LedgerError::ProofFailed("its closed log is missing".to_string());
                let closed = shared.earlier.0.get(number).ok_or_else(missing);
                match closed.and_then(|closed| closed.receipt(index)) {
                    Ok(receipt) => receipt,
                    Err(error) => return Ok(Err(error)),
                }
            }
        };
        list.push(receipt);
    }
    Ok(Ok(list))
}
