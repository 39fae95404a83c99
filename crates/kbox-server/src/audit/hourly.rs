// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How many lines of one kind are listed: what runs wild must not fill the audit log.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Of each, in an hour.
pub(crate) const LISTED_AN_HOUR: u32 = 100;
/// At most so many are told apart.
const MAX_APART: usize = 4096;

const HOUR: Duration = Duration::from_secs(3600);

/// How many were listed, and how many were not, for each.
#[derive(Debug)]
pub(crate) struct Hourly<K> {
    each: HashMap<K, Listed>,
    /// All beyond those that are told apart.
    others: Listed,
}

#[derive(Debug, Default)]
struct Listed {
    since: Option<Instant>,
    listed: u32,
    unlisted: u64,
}

impl<K> Default for Hourly<K> {
    fn default() -> Self {
        Self {
            each: HashMap::new(),
            others: Listed::default(),
        }
    }
}

impl<K: Eq + Hash> Hourly<K> {
    /// How many of these went unlisted before this one, if it is to be listed.
    pub(crate) fn one_more(&mut self, of: K, now: Instant) -> Option<u64> {
        if self.each.len() >= MAX_APART && !self.each.contains_key(&of) {
            self.each
                .retain(|_, listed| listed.unlisted > 0 || !listed.is_over(now));
        }
        let apart = self.each.len() < MAX_APART || self.each.contains_key(&of);
        let listed = if apart {
            self.each.entry(of).or_default()
        } else {
            &mut self.others
        };
        listed.one_more(now)
    }
}

impl Listed {
    fn is_over(&self, now: Instant) -> bool {
        self.since
            .is_none_or(|since| now.saturating_duration_since(since) >= HOUR)
    }

    fn one_more(&mut self, now: Instant) -> Option<u64> {
        if self.is_over(now) {
            self.since = Some(now);
            self.listed = 0;
        }
        if self.listed >= LISTED_AN_HOUR {
            self.unlisted += 1;
            return None;
        }
        self.listed += 1;
        Some(std::mem::take(&mut self.unlisted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_a_hundred_an_hour_are_counted_and_hide_nobody_elses() {
        let mut hourly = Hourly::default();
        let now = Instant::now();
        for _ in 0..LISTED_AN_HOUR {
            assert_eq!(hourly.one_more("one", now), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(hourly.one_more("one", now), None);
        }
        assert_eq!(hourly.one_more("other", now), Some(0));
        let later = now + HOUR;
        assert_eq!(hourly.one_more("one", later), Some(7));
        assert_eq!(hourly.one_more("one", later), Some(0));
    }

    #[test]
    fn what_is_told_apart_stays_bounded_and_makes_room_after_an_hour() {
        let mut hourly = Hourly::default();
        let now = Instant::now();
        for number in 0..MAX_APART + 50 {
            assert_eq!(hourly.one_more(number, now), Some(0));
        }
        assert_eq!(hourly.each.len(), MAX_APART);
        assert_eq!(hourly.others.listed, 50);
        hourly.one_more(usize::MAX, now + HOUR);
        assert_eq!(hourly.each.len(), 1);
    }
}
