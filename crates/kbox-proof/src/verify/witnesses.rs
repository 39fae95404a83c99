// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the witnesses' operators showed of an entry, and the bounds that a quorum of them sets.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::policy::TrustPolicy;
use crate::time::Time;
use crate::tlog::{NoteError, VerifiedCheckpoint, VerifierKey};
use crate::tsp::certificate_name::printable;

/// What one operator's keys say of a checkpoint, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cosigned {
    /// None of them cosigned it.
    #[default]
    Not,
    /// A line has the name of one of them and is of a key that the trust bundle does not have.
    OtherKey,
    /// One cosigned it without a time, which proves none (C2SP tlog-cosignature).
    WithoutTime,
    /// The earliest time at which one cosigned it.
    At(Time),
}

impl Cosigned {
    /// The time, where there is one.
    #[must_use]
    pub const fn time(self) -> Option<Time> {
        match self {
            Self::At(time) => Some(time),
            _ => None,
        }
    }

    /// What both say together; of two times the earlier one.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::At(one), Self::At(other)) => Self::At(one.min(other)),
            _ => self.max(other),
        }
    }
}

/// What one operator's witnesses showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorShown {
    /// Who it is, as the trust bundle says.
    pub name: String,
    /// Names of its keys that cosigned.
    pub witnesses: Vec<String>,
    /// Not of the log's own operator. Others do not count.
    pub independent: bool,
    /// How far its clock may be off.
    pub accuracy: Duration,
    /// Of the checkpoint without the entry.
    pub without_entry: Cosigned,
    /// Of the earliest checkpoint with the entry.
    pub with_entry: Cosigned,
    /// It is one of the quorum that sets T_lo.
    pub counts_for_low: bool,
    /// It is one of the quorum that sets T_hi.
    pub counts_for_high: bool,
}

/// When a quorum cosigned.
///
/// Ordered by time, then the more accurate first: among quorums of one time the most accurate one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bound {
    /// The time.
    pub time: Time,
    /// How far the clock may be off; of a quorum, its least accurate one.
    pub accuracy: Duration,
}

/// What all operators of the trust bundle showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessing {
    /// Each of them.
    pub operators: Vec<OperatorShown>,
    /// How many independent ones are needed.
    pub quorum: usize,
    /// D: how far each bound may lie from the token's time, accuracies apart.
    pub max_gap: Duration,
    /// The receipt shows a checkpoint without the entry.
    pub shows_before: bool,
    /// T_lo: a quorum saw the log without the entry.
    pub low: Option<Bound>,
    /// T_hi: a quorum saw the log with the entry.
    pub high: Option<Bound>,
}

impl Witnessing {
    /// The operators that can count.
    pub fn independent(&self) -> impl Iterator<Item = &OperatorShown> {
        self.operators
            .iter()
            .filter(|operator| operator.independent)
    }

    /// Some key of somebody signed something.
    #[must_use]
    pub fn is_any_shown(&self) -> bool {
        self.operators
            .iter()
            .any(|operator| operator.without_entry.max(operator.with_entry) != Cosigned::Not)
    }
}

/// Collects what the checkpoints of one receipt say.
pub(super) struct Watch<'a> {
    policy: &'a TrustPolicy,
    shown: Witnessing,
}

/// Of each operator, what one checkpoint says, and the names of the keys that cosigned.
pub(super) type Lines = Vec<(Cosigned, Vec<String>)>;

impl<'a> Watch<'a> {
    pub(super) fn new(policy: &'a TrustPolicy) -> Self {
        let operators = policy.operators.iter().map(|operator| OperatorShown {
            name: printable(&operator.name),
            witnesses: Vec::new(),
            independent: operator.independent,
            accuracy: operator.accuracy,
            without_entry: Cosigned::Not,
            with_entry: Cosigned::Not,
            counts_for_low: false,
            counts_for_high: false,
        });
        let shown = Witnessing {
            operators: operators.collect(),
            quorum: policy.quorum,
            max_gap: policy.max_gap,
            shows_before: false,
            low: None,
            high: None,
        };
        Self { policy, shown }
    }

    /// A checkpoint that contains the entry.
    pub(super) fn with_entry(&mut self, lines: Lines) {
        for (operator, (said, keys)) in self.shown.operators.iter_mut().zip(lines) {
            operator.with_entry = operator.with_entry.and(said);
            name(operator, keys);
        }
    }

    /// The checkpoint that does not.
    pub(super) fn without_entry(&mut self, lines: Lines) {
        self.shown.shows_before = true;
        for (operator, (said, keys)) in self.shown.operators.iter_mut().zip(lines) {
            operator.without_entry = said;
            name(operator, keys);
        }
    }

    pub(super) fn bounds(self) -> Witnessing {
        let mut shown = self.shown;
        let quorum = self.policy.quorum;
        // T_hi: over all quorums the least of their latest times, which is the k-th earliest time.
        let mut high = seen(&shown, |operator| operator.with_entry);
        high.sort_unstable();
        // T_lo: over all quorums the greatest of their earliest times, which is the k-th latest time.
        let mut low = seen(&shown, |operator| operator.without_entry);
        low.sort_unstable_by_key(|(one, place)| (Reverse(one.time), one.accuracy, *place));
        (shown.high, shown.low) = (bound(&high, quorum), bound(&low, quorum));
        for (place, operator) in shown.operators.iter_mut().enumerate() {
            let counts = |list: &[(Bound, usize)]| {
                let counted = list.get(..quorum).unwrap_or_default();
                counted.iter().any(|(_, one)| *one == place)
            };
            operator.counts_for_high = counts(&high);
            operator.counts_for_low = counts(&low);
        }
        shown
    }
}

fn name(operator: &mut OperatorShown, keys: Vec<String>) {
    for key in keys {
        if !operator.witnesses.contains(&key) {
            operator.witnesses.push(key);
        }
    }
}

/// Only independent operators count, and only with a time.
fn seen(shown: &Witnessing, side: impl Fn(&OperatorShown) -> Cosigned) -> Vec<(Bound, usize)> {
    let places = shown.operators.iter().enumerate();
    let counting = places.filter(|(_, operator)| operator.independent);
    counting
        .filter_map(|(place, operator)| {
            let accuracy = operator.accuracy;
            let time = side(operator).time()?;
            Some((Bound { time, accuracy }, place))
        })
        .collect()
}

/// What the first `quorum` of them vouch for. An operator beyond them must not widen the bound by a bad clock.
fn bound(seen: &[(Bound, usize)], quorum: usize) -> Option<Bound> {
    let counted = seen.get(..quorum)?;
    Some(Bound {
        time: counted.last()?.0.time,
        accuracy: counted.iter().map(|(one, _)| one.accuracy).max()?,
    })
}

/// What a checkpoint's lines say of each operator, and what of them does not hold. Such a line takes nothing from those that do:
/// anybody can add it.
pub(super) fn lines(
    checkpoint: &VerifiedCheckpoint,
    policy: &TrustPolicy,
) -> (Lines, Option<NoteError>) {
    let mut fault = None;
    let is_known = |name: &str, id| {
        let mut keys = policy.operators.iter().flat_map(|operator| &operator.keys);
        keys.any(|key| key.name().as_str() == name && key.key_id() == id)
    };
    let mut said_of = |keys: &[VerifierKey]| {
        let (mut said, mut names) = (Cosigned::Not, Vec::new());
        for key in keys {
            let other = checkpoint.note().signatures().iter().any(|line| {
                let name = line.name().as_str();
                name == key.name().as_str() && !is_known(name, line.key_id())
            });
            if other {
                said = said.and(Cosigned::OtherKey);
            }
            for cosignature in checkpoint.each_cosignature(key) {
                match cosignature {
                    Ok(cosignature) => {
                        let time = cosignature.time();
                        said = said.and(time.map_or(Cosigned::WithoutTime, Cosigned::At));
                        names.push(printable(key.name().as_str()));
                    }
                    Err(error) => {
                        fault.get_or_insert(error);
                    }
                }
            }
        }
        (said, names)
    };
    let operators = policy.operators.iter();
    let lines = operators.map(|operator| said_of(&operator.keys)).collect();
    (lines, fault)
}
