// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who holds how many connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::limits::Client;

/// One address may hold an eighth of all connections: a town hall of thirty browsers, and no more than that.
const SHARE: usize = 8;
/// In the last quarter, new connections must come to the point sooner.
const PRESSURE: usize = 4;

/// All places.
pub(super) struct Connections {
    all: Arc<Semaphore>,
    most: usize,
    /// None behind a proxy, through which all come.
    clients: Option<Arc<Mutex<HashMap<Client, usize>>>>,
}

/// One place for a connection that will come.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// One connection's place; given back when it is dropped.
pub(super) struct Taken {
    _place: Place,
    _share: Option<Share>,
}

struct Share {
    clients: Arc<Mutex<HashMap<Client, usize>>>,
    client: Client,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

impl Connections {
    pub(super) fn new(most: usize, behind_proxy: bool) -> Self {
        Self {
            all: Arc::new(Semaphore::new(most)),
            most,
            clients: (!behind_proxy).then(Arc::default),
        }
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Option<Place> {
        // It is never closed.
        let place = Arc::clone(&self.all).acquire_owned().await;
        place.ok().map(|permit| Place { _permit: permit })
    }

    /// Gives the place to a client; none when that one holds its share already.
    pub(super) fn take(&self, place: Place, peer: IpAddr) -> Option<Taken> {
        let Some(all) = &self.clients else {
            return Some(Taken {
                _place: place,
                _share: None,
            });
        };
        let client = Client::from(peer);
        // No more entries than connections.
        let mut clients = all.lock().unwrap_or_else(PoisonError::into_inner);
        let count = clients.entry(client).or_insert(0);
        if *count >= (self.most / SHARE).max(1) {
            return None;
        }
        *count += 1;
        drop(clients);
        Some(Taken {
            _place: place,
            _share: Some(Share {
                clients: Arc::clone(all),
                client,
            }),
        })
    }

    /// Few places are left.
    pub(super) fn under_pressure(&self) -> bool {
        self.all.available_permits() < self.most / PRESSURE
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn next(connections: &Connections, peer: &str) -> Option<Taken> {
        let permit = Arc::clone(&connections.all).try_acquire_owned().unwrap();
        connections.take(Place { _permit: permit }, peer.parse().unwrap())
    }

    #[test]
    fn one_address_holds_an_eighth_and_gets_its_places_back() {
        let connections = Connections::new(32, false);
        let mut held: Vec<Taken> = (0..4)
            .map(|_| next(&connections, "192.0.2.1").unwrap())
            .collect();
        for _ in 0..40 {
            assert!(next(&connections, "192.0.2.1").is_none());
        }
        assert!(next(&connections, "192.0.2.2").is_some());
        held.pop();
        held.push(next(&connections, "192.0.2.1").unwrap());
        assert!(next(&connections, "192.0.2.1").is_none());
        drop(held);
        assert_eq!(connections.all.available_permits(), 32);
        assert!(connections.clients.unwrap().lock().unwrap().is_empty());
    }

    #[test]
    fn behind_a_proxy_all_places_are_the_proxys_and_the_last_quarter_is_pressure() {
        let connections = Connections::new(32, true);
        let mut held = Vec::new();
        for _ in 0..24 {
            held.push(next(&connections, "127.0.0.1").unwrap());
        }
        assert!(!connections.under_pressure());
        held.push(next(&connections, "127.0.0.1").unwrap());
        assert!(connections.under_pressure());
        drop(held);
        assert!(!connections.under_pressure());
    }
}
