// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What waits to be recorded: bounded, and taken all at once, so that a batch grows with the load and no timer delays a
//! lone event.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::LedgerError;
use super::sequencer::Prepared;
use crate::receipt::Receipt;
use crate::store::RecordBatch;

/// A caller's answer, given exactly once: [`LedgerError::Stopped`] if it is dropped unanswered.
pub(super) struct Done(Option<Callback>);

type Callback = Box<dyn FnOnce(Result<Vec<Receipt>, LedgerError>) + Send>;

impl Done {
    pub(super) fn new(
        callback: impl FnOnce(Result<Vec<Receipt>, LedgerError>) + Send + 'static,
    ) -> Self {
        Self(Some(Box::new(callback)))
    }

    pub(super) fn answer(mut self, answer: Result<Vec<Receipt>, LedgerError>) {
        if let Some(callback) = self.0.take() {
            callback(answer);
        }
    }

    /// The caller learns of a refusal from the call itself.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(callback) = self.0.take() {
            callback(Err(LedgerError::Stopped));
        }
    }
}

/// So many events are made into a batch while the one before is still on its way to the disk.
const WORTH_BUILDING_AHEAD: usize = 32;

/// One call of the ledger: recorded as a whole or not at all.
pub(super) struct Submission {
    pub(super) events: Vec<Prepared>,
    pub(super) records: RecordBatch,
    pub(super) bytes: usize,
    pub(super) done: Done,
}

impl Submission {
    fn weight(&self) -> usize {
        self.events.len().max(1)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

pub(super) struct Intake {
    waiting: Bounds,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Submission>,
    events: usize,
    bytes: usize,
    /// A group is on its way to the disk.
    committing: bool,
    end: Option<LedgerError>,
}

impl State {
    /// A batch is better built late, with all that came meanwhile, unless it is large already.
    fn is_worth_taking(&self) -> bool {
        !self.queue.is_empty() && (!self.committing || self.events >= WORTH_BUILDING_AHEAD)
    }
}

impl Intake {
    pub(super) fn new(waiting: Bounds) -> Self {
        Self {
            waiting,
            state: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, submission: Submission) -> Result<(), LedgerError> {
        let mut state = self.state();
        let refusal = if let Some(end) = &state.end {
            Some(end.clone())
        } else {
            let full = state.events + submission.weight() > self.waiting.events
                || state.bytes + submission.bytes > self.waiting.bytes;
            // One submission alone always fits: its own size is bounded before.
            (full && !state.queue.is_empty()).then_some(LedgerError::Busy)
        };
        if let Some(error) = refusal {
            drop(state);
            submission.done.forget();
            return Err(error);
        }
        state.events += submission.weight();
        state.bytes += submission.bytes;
        state.queue.push_back(submission);
        let wake = state.is_worth_taking();
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits until something is there and takes as much as one batch may hold; `None` once it is closed and empty.
    pub(super) fn take(&self, batch: Bounds) -> Option<Vec<Submission>> {
        let mut state = self.state();
        while !state.is_worth_taking() {
            if state.queue.is_empty() && state.end.is_some() {
                return None;
            }
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let (mut events, mut bytes) = (0, 0);
        let mut taken = Vec::new();
        while let Some(next) = state.queue.front() {
            let (weight, length) = (next.weight(), next.bytes);
            if !taken.is_empty() && (events + weight > batch.events || bytes + length > batch.bytes)
            {
                break;
            }
            events += weight;
            bytes += length;
            taken.extend(state.queue.pop_front());
        }
        state.events = state.events.saturating_sub(events);
        state.bytes = state.bytes.saturating_sub(bytes);
        Some(taken)
    }

    /// A group was handed over to be committed.
    pub(super) fn committing(&self) {
        self.state().committing = true;
    }

    /// That group is durable, or was refused.
    pub(super) fn committed(&self) {
        self.state().committing = false;
        self.arrived.notify_one();
    }

    /// Events that wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().events
    }

    /// Why nothing more is taken, if so.
    pub(super) fn check_open(&self) -> Result<(), LedgerError> {
        self.state().end.clone().map_or(Ok(()), Err)
    }

    /// Takes nothing more; what waits is still recorded.
    pub(super) fn close(&self) {
        self.state().end.get_or_insert(LedgerError::Closed);
        self.arrived.notify_all();
    }

    /// Takes nothing more and drops what waits. An intake that was closed before stays closed: it took nothing since.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.end.get_or_insert(LedgerError::Stopped);
        let dropped = core::mem::take(&mut state.queue);
        drop(state);
        self.arrived.notify_all();
        drop(dropped);
    }
}
