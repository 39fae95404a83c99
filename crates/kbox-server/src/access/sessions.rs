// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Browser sessions, in memory: a restart ends them all. Only digests of the cookies are kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kbox_proof::digest::Sha256Digest;
use kbox_proof::key::KeyError;
use zeroize::Zeroizing;

use super::keyring::Principal;

/// A secretariat's working day.
pub(crate) const SECRETARIAT: Duration = Duration::from_secs(10 * 3600);
/// As long as a member reads without pressing the button again.
pub(crate) const MEMBER: Duration = Duration::from_secs(12 * 3600);
/// No town has more browsers open, of secretariats or of members; beyond it the session that ends first goes.
const MAX_SESSIONS: usize = 50_000;
/// No member reads in more browsers; beyond it the link's session that ends first goes.
const MAX_OF_LINK: usize = 20;

/// What a session stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A secretariat that showed its key.
    Secretariat(Principal),
    /// A member who opened this link.
    Member {
        /// SHA-256 of the link's token.
        link: Sha256Digest,
    },
}

struct Session {
    holder: Holder,
    ends: Instant,
}

type Table = HashMap<Sha256Digest, Session>;

/// Apart, so that whoever holds a member's link cannot crowd out a secretariat.
#[derive(Default)]
struct Tables {
    secretariats: Table,
    members: Table,
}

/// All open sessions.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Tables>);

/// Ends the session that ends first among those of `wanted`, when they are `max` or more.
fn make_room(table: &mut Table, max: usize, wanted: impl Fn(&Holder) -> bool) {
    let of_these = || table.iter().filter(|(_, session)| wanted(&session.holder));
    if of_these().count() < max {
        return;
    }
    let first = of_these().min_by_key(|(_, session)| session.ends);
    if let Some(key) = first.map(|(key, _)| *key) {
        table.remove(&key);
    }
}

impl Sessions {
    fn hold(&self) -> MutexGuard<'_, Tables> {
        // Whole values are put in and taken out: a panic elsewhere leaves the maps usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session and gives the cookie's value.
    pub(crate) fn open(
        &self,
        holder: Holder,
        lasts: Duration,
        now: Instant,
    ) -> Result<Zeroizing<String>, KeyError> {
        let secret = super::secret()?;
        let mut tables = self.hold();
        let table = match &holder {
            Holder::Secretariat(_) => &mut tables.secretariats,
            Holder::Member { .. } => &mut tables.members,
        };
        if table.len() >= MAX_SESSIONS {
            table.retain(|_, session| session.ends > now);
        }
        make_room(table, MAX_SESSIONS, |_| true);
        if matches!(holder, Holder::Member { .. }) {
            make_room(table, MAX_OF_LINK, |other| *other == holder);
        }
        let session = Session {
            holder,
            ends: now + lasts,
        };
        table.insert(Sha256Digest::of(secret.as_bytes()), session);
        Ok(secret)
    }

    /// Whose session the cookie opens.
    pub(crate) fn holder(&self, cookie: &str, now: Instant) -> Option<Holder> {
        let key = Sha256Digest::of(cookie.as_bytes());
        let mut tables = self.hold();
        let Tables {
            secretariats,
            members,
        } = &mut *tables;
        [secretariats, members].into_iter().find_map(|table| {
            if table.get(&key)?.ends <= now {
                table.remove(&key);
                return None;
            }
            table.get(&key).map(|session| session.holder.clone())
        })
    }

    /// How many are open, of secretariats and of members.
    pub(crate) fn open_now(&self, now: Instant) -> (usize, usize) {
        let tables = self.hold();
        let open = |table: &Table| table.values().filter(|session| session.ends > now).count();
        (open(&tables.secretariats), open(&tables.members))
    }

    /// Ends one session.
    pub(crate) fn close(&self, cookie: &str) {
        let key = Sha256Digest::of(cookie.as_bytes());
        let mut tables = self.hold();
        tables.secretariats.remove(&key);
        tables.members.remove(&key);
    }

    /// Ends the sessions that a key opened.
    pub(crate) fn close_of_key(&self, key_id: &str) {
        let of_key = |holder: &Holder| matches!(holder, Holder::Secretariat(principal) if principal.key_id == key_id);
        let mut tables = self.hold();
        tables
            .secretariats
            .retain(|_, session| !of_key(&session.holder));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::keyring::Role;
    use super::*;

    fn holder(key: &str) -> Holder {
        Holder::Secretariat(Principal {
            key_id: key.into(),
            role: Role::Secretariat,
            collectivite: None,
        })
    }

    #[test]
    fn a_session_ends_by_time_by_closing_and_with_its_key() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let open = |key| sessions.open(holder(key), SECRETARIAT, now).unwrap();
        let (one, two, three) = (open("a"), open("a"), open("b"));
        assert_eq!(sessions.open_now(now), (3, 0));
        assert_eq!(sessions.holder(&one, now), Some(holder("a")));
        assert_eq!(sessions.open_now(now + SECRETARIAT), (0, 0));
        assert_eq!(sessions.holder(&one, now + SECRETARIAT), None);
        assert_eq!(sessions.holder("guess", now), None);
        sessions.close(&three);
        assert_eq!(sessions.holder(&three, now), None);
        let four = open("b");
        sessions.close_of_key("a");
        assert_eq!(sessions.holder(&two, now), None);
        assert_eq!(sessions.holder(&four, now), Some(holder("b")));
    }

    #[test]
    fn whoever_holds_one_link_crowds_out_nobody_but_that_link() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let secretariat = sessions.open(holder("a"), SECRETARIAT, now).unwrap();
        let member = |link: &str| Holder::Member {
            link: Sha256Digest::of(link.as_bytes()),
        };
        let other = sessions.open(member("other"), MEMBER, now).unwrap();
        let opened: Vec<_> = (0..100)
            .map(|second| {
                let later = now + Duration::from_secs(second);
                sessions.open(member("stolen"), MEMBER, later).unwrap()
            })
            .collect();
        let alive = |cookie: &str| sessions.holder(cookie, now + Duration::from_secs(100));
        assert_eq!(alive(&secretariat), Some(holder("a")));
        assert_eq!(alive(&other), Some(member("other")));
        let (gone, kept) = opened.split_at(100 - MAX_OF_LINK);
        assert!(gone.iter().all(|cookie| alive(cookie).is_none()));
        assert!(
            kept.iter()
                .all(|cookie| alive(cookie) == Some(member("stolen")))
        );
    }

    #[test]
    fn a_full_table_gives_up_the_session_that_ends_first() {
        let mut table = Table::new();
        let now = Instant::now();
        for number in 0..3_u64 {
            let session = Session {
                holder: holder("a"),
                ends: now + Duration::from_secs(number),
            };
            table.insert(Sha256Digest::of(&number.to_be_bytes()), session);
        }
        make_room(&mut table, 4, |_| true);
        assert_eq!(table.len(), 3);
        make_room(&mut table, 3, |_| true);
        assert!(!table.contains_key(&Sha256Digest::of(&0_u64.to_be_bytes())));
        assert_eq!(table.len(), 2);
    }
}
