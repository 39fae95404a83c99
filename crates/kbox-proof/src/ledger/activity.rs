// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a ledger has done since it was opened, for whoever watches it.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// Upper bounds of the classes of [`Activity::commits`], in milliseconds; one more class holds what took longer.
pub const COMMIT_CLASSES_MS: [u64; 6] = [5, 20, 100, 500, 2000, 10_000];

/// Figures since the ledger was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Events that wait for the next commit.
    pub waiting: usize,
    /// Commits, by how long the store took, in the classes of [`COMMIT_CLASSES_MS`].
    pub commits: [u64; 7],
    /// How long the store took for all of them.
    pub commit_time: Duration,
}

/// The commits, counted by the sequencer.
#[derive(Debug, Default)]
pub(super) struct Commits {
    classes: [AtomicU64; 7],
    micros: AtomicU64,
}

impl Commits {
    pub(super) fn count(&self, took: Duration) {
        let class = COMMIT_CLASSES_MS
            .iter()
            .position(|most| took <= Duration::from_millis(*most))
            .unwrap_or(COMMIT_CLASSES_MS.len());
        if let Some(count) = self.classes.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn activity(&self, waiting: usize) -> Activity {
        Activity {
            waiting,
            commits: core::array::from_fn(|class| {
                self.classes
                    .get(class)
                    .map_or(0, |count| count.load(Ordering::Relaxed))
            }),
            commit_time: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_counted_in_the_class_of_their_time_and_the_longest_in_the_last() {
        let commits = Commits::default();
        for millis in [0, 5, 6, 10_000, 60_000] {
            commits.count(Duration::from_millis(millis));
        }
        let activity = commits.activity(3);
        assert_eq!(activity.commits, [2, 1, 0, 0, 0, 1, 1]);
        assert_eq!(activity.commit_time, Duration::from_millis(70_011));
        assert_eq!(activity.waiting, 3);
    }
}
