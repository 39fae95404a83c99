// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Room for answers: what a handler made lies in memory until its client has taken it.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Answer;
use super::problem::Problem;

/// All large answers that are under way.
const ROOM: usize = 256 * 1024 * 1024;
/// A permit stands for as many bytes.
const UNIT: usize = 1024;
/// Smaller ones are bounded by the number of connections.
const SMALL: usize = 256 * 1024;
/// One answer counts as at most this, so that the largest proof file leaves room for papers.
const MOST: usize = ROOM / 2;
/// How long an answer that must not be refused once it is made waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shared by all connections.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

/// What an answer holds until it is sent.
#[derive(Default)]
pub(super) struct Held {
    pub(super) place: Option<OwnedSemaphorePermit>,
    room: Option<OwnedSemaphorePermit>,
}

/// The bytes of an answer: what it holds goes with the last of them.
struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / UNIT)))
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.min(MOST).div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn full(what: &str) -> Problem {
    Problem::unavailable(
        "busy",
        format!("too many answers wait for their clients; {what}; ask again as Retry-After says"),
    )
}

impl Room {
    /// Room for an answer of at most so many bytes, before it is made.
    pub(super) async fn ahead(&self, bytes: usize, held: &mut Held) -> Result<(), Problem> {
        let room = Arc::clone(&self.0).acquire_many_owned(units(bytes));
        match tokio::time::timeout(PATIENCE, room).await {
            Ok(Ok(room)) => held.room = Some(room),
            _ => return Err(full("nothing was done")),
        }
        Ok(())
    }

    /// The answer, with what it holds; refused when it is large and there is no room for it.
    pub(super) fn hold(&self, answer: Answer, mut held: Held) -> Result<Answer, Problem> {
        let size = answer.body().len();
        let needed = if size > SMALL { units(size) } else { 0 };
        let has = held
            .room
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let surplus = has.saturating_sub(usize::try_from(needed).unwrap_or(usize::MAX));
        if surplus > 0 {
            drop(held.room.as_mut().and_then(|room| room.split(surplus)));
        } else if let missing @ 1.. = needed.saturating_sub(u32::try_from(has).unwrap_or(u32::MAX))
        {
            let more = Arc::clone(&self.0).try_acquire_many_owned(missing);
            let more = more.map_err(|_| full("what was asked for was done"))?;
            match &mut held.room {
                Some(room) => room.merge(more),
                None => held.room = Some(more),
            }
        }
        Ok(answer.map(|bytes| Bytes::from_owner(Kept { bytes, _held: held })))
    }

    /// Bytes of answers that are under way.
    pub(crate) fn taken(&self) -> usize {
        (ROOM / UNIT).saturating_sub(self.0.available_permits()) * UNIT
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hyper::StatusCode;

    use super::super::answer;
    use super::*;

    fn of(size: usize) -> Answer {
        answer::body(StatusCode::OK, answer::TEXT, vec![0; size])
    }

    #[test]
    fn answers_that_nobody_takes_fill_the_room_and_the_next_is_refused() {
        let room = Room::default();
        let mut under_way = Vec::new();
        for _ in 0..16 {
            under_way.push(room.hold(of(16 << 20), Held::default()).unwrap());
        }
        assert_eq!(room.taken(), ROOM);
        let refused = room.hold(of(SMALL + 1), Held::default()).unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(room.hold(of(SMALL), Held::default()).is_ok());
        // The bytes are what holds, wherever they went.
        let bytes = under_way.pop().unwrap().into_body().slice(5..6);
        assert_eq!(room.taken(), ROOM);
        drop(bytes);
        assert_eq!(room.taken(), ROOM - (16 << 20));
        assert!(room.hold(of(SMALL + 1), Held::default()).is_ok());
    }

    #[tokio::test]
    async fn room_taken_ahead_shrinks_to_the_answer_and_the_largest_leaves_some() {
        let room = Room::default();
        let mut held = Held::default();
        room.ahead(16 << 20, &mut held).await.unwrap();
        assert_eq!(room.taken(), 16 << 20);
        let answer = room.hold(of(1 << 20), held).unwrap();
        assert_eq!(room.taken(), 1 << 20);
        drop(answer);
        let mut held = Held::default();
        room.ahead(16 << 20, &mut held).await.unwrap();
        let answer = room.hold(of(17 << 20), held).unwrap();
        assert_eq!(room.taken(), 17 << 20);
        drop(answer);
        let mut held = Held::default();
        room.ahead(usize::MAX, &mut held).await.unwrap();
        assert_eq!(room.taken(), MOST);
        drop(held);
        assert_eq!(room.taken(), 0);
    }
}
