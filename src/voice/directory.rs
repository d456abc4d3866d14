//! Which media thread a packet is for. One thread reads the socket and knows its own senders; for all others it looks here.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use str0m::ice::StunMessage;
use str0m::net::Protocol;

use super::bot::discovery_of;
use super::crypto::ssrc_of;

/// By what each thread's sessions are known.
#[derive(Debug, Default)]
pub struct Directory(RwLock<Tables>);

#[derive(Debug, Default)]
struct Tables {
    addresses: HashMap<(Protocol, SocketAddr), usize>,
    ufrags: HashMap<String, usize>,
    ssrcs: HashMap<u32, usize>,
}

impl Directory {
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that a packet is for (VOICE.md §2): by where it comes from, by the route it asks for, by its stream's number.
    pub fn thread_of(&self, proto: Protocol, from: SocketAddr, packet: &[u8]) -> Option<usize> {
        let tables = self.read();
        let asks_route = packet.first().is_some_and(|first| *first < 4);
        let named = || {
            let message = StunMessage::parse(packet).ok().filter(|_| asks_route)?;
            tables.ufrags.get(message.split_username()?.0).copied()
        };
        let streamed = || {
            let ssrc = discovery_of(packet).or_else(|| ssrc_of(packet))?;
            tables.ssrcs.get(&ssrc).copied()
        };
        // Who asks for a route names whose it is, whoever was at that address before.
        named().or_else(|| tables.addresses.get(&(proto, from)).copied()).or_else(streamed)
    }

    /// Packets from an address are a thread's.
    pub fn add_address(&self, proto: Protocol, from: SocketAddr, thread: usize) {
        self.write().addresses.insert((proto, from), thread);
    }

    /// No longer.
    pub fn remove_address(&self, proto: Protocol, from: SocketAddr, thread: usize) {
        remove_own(&mut self.write().addresses, &(proto, from), thread);
    }

    /// A route's name is a thread's.
    pub fn add_ufrag(&self, ufrag: &str, thread: usize) {
        self.write().ufrags.insert(ufrag.to_owned(), thread);
    }

    /// No longer.
    pub fn remove_ufrag(&self, ufrag: &str, thread: usize) {
        remove_own(&mut self.write().ufrags, ufrag, thread);
    }

    /// Takes a stream's number for a thread; false when somebody has it.
    pub fn take_ssrc(&self, ssrc: u32, thread: usize) -> bool {
        let mut tables = self.write();
        let is_free = !tables.ssrcs.contains_key(&ssrc);
        if is_free {
            tables.ssrcs.insert(ssrc, thread);
        }
        is_free
    }

    /// Gives a stream's number back.
    pub fn remove_ssrc(&self, ssrc: u32, thread: usize) {
        remove_own(&mut self.write().ssrcs, &ssrc, thread);
    }

    /// Forgets all that a thread had.
    pub fn forget(&self, thread: usize) {
        let mut tables = self.write();
        tables.addresses.retain(|_, of| *of != thread);
        tables.ufrags.retain(|_, of| *of != thread);
        tables.ssrcs.retain(|_, of| *of != thread);
    }
}

/// Removes what is still a thread's own: another may have taken it over.
fn remove_own<K, Q>(table: &mut HashMap<K, usize>, key: &Q, thread: usize)
where
    K: Eq + Hash + std::borrow::Borrow<Q>,
    Q: Eq + Hash + ?Sized,
{
    if table.get(key) == Some(&thread) {
        table.remove(key);
    }
}
