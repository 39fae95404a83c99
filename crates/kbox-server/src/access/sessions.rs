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
/// No town has more browsers open; beyond it the session that ends first goes.
const MAX_SESSIONS: usize = 50_000;

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

/// All open sessions.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Sha256Digest, Session>>);

impl Sessions {
    fn hold(&self) -> MutexGuard<'_, HashMap<Sha256Digest, Session>> {
        // Whole values are put in and taken out: a panic elsewhere leaves the map usable.
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
        let mut sessions = self.hold();
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.ends > now);
        }
        if sessions.len() >= MAX_SESSIONS {
            let first = sessions.iter().min_by_key(|(_, session)| session.ends);
            if let Some(key) = first.map(|(key, _)| *key) {
                sessions.remove(&key);
            }
        }
        let session = Session {
            holder,
            ends: now + lasts,
        };
        sessions.insert(Sha256Digest::of(secret.as_bytes()), session);
        Ok(secret)
    }

    /// Whose session the cookie opens.
    pub(crate) fn holder(&self, cookie: &str, now: Instant) -> Option<Holder> {
        let key = Sha256Digest::of(cookie.as_bytes());
        let mut sessions = self.hold();
        match sessions.get(&key) {
            Some(session) if session.ends > now => Some(session.holder.clone()),
            Some(_) => {
                sessions.remove(&key);
                None
            }
            None => None,
        }
    }

    /// Ends one session.
    pub(crate) fn close(&self, cookie: &str) {
        self.hold().remove(&Sha256Digest::of(cookie.as_bytes()));
    }

    /// Ends the sessions that a key opened.
    pub(crate) fn close_of_key(&self, key_id: &str) {
        self.hold().retain(|_, session| match &session.holder {
            Holder::Secretariat(principal) => principal.key_id != key_id,
            Holder::Member { .. } => true,
        });
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
        assert_eq!(sessions.holder(&one, now), Some(holder("a")));
        assert_eq!(sessions.holder(&one, now + SECRETARIAT), None);
        assert_eq!(sessions.holder("guess", now), None);
        sessions.close(&three);
        assert_eq!(sessions.holder(&three, now), None);
        let four = open("b");
        sessions.close_of_key("a");
        assert_eq!(sessions.holder(&two, now), None);
        assert_eq!(sessions.holder(&four, now), Some(holder("b")));
    }
}
