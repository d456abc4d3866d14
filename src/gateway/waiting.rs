//! How many sockets of one address may be open without having identified (SAFETY.md §6).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sockets that have not identified, by address; an IPv6 one by its /64, which is what one customer has.
#[derive(Debug)]
pub struct WaitingRoom {
    most_per_address: Option<u32>,
    waiting: Mutex<HashMap<IpAddr, u32>>,
}

/// One socket's place; dropping it frees the place.
#[derive(Debug)]
pub struct Place {
    room: Arc<WaitingRoom>,
    address: IpAddr,
}

impl WaitingRoom {
    /// A room with so many places for each address; `None` for no limit.
    pub fn new(most_per_address: Option<u32>) -> Arc<Self> {
        Arc::new(Self { most_per_address, waiting: Mutex::default() })
    }

    /// A place for one more socket of this address, if there is one.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut waiting = self.lock();
        let count = waiting.entry(address).or_default();
        if self.most_per_address.is_some_and(|most| *count >= most) {
            return None;
        }
        *count += 1;
        drop(waiting);
        Some(Place { room: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        // Every change is one insert or removal, none of which panics half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.room.lock();
        if let Some(count) = waiting.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.address);
            }
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_per_network_and_given_back() {
        let room = WaitingRoom::new(Some(2));
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = room.enter(address("2001:db8::1")).unwrap();
        let second = room.enter(address("2001:db8::2")).unwrap();
        assert!(room.enter(address("2001:db8::3")).is_none());
        assert!(room.enter(address("10.0.0.1")).is_some());
        drop(first);
        assert!(room.enter(address("2001:db8::3")).is_some());
        drop(second);
        assert!(room.lock().is_empty());
    }
}
