//! By what a thread knows whose a packet is, kept in step with what all threads know of each other.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use str0m::ice::StunMessage;
use str0m::net::Protocol;

use crate::logic::room::MemberId;
use crate::voice::directory::Directory;

/// A thread's tables.
pub struct Routes {
    directory: Arc<Directory>,
    thread: usize,
    /// Whose packets come from an address.
    addresses: HashMap<(Protocol, SocketAddr), MemberId>,
    ufrags: HashMap<String, MemberId>,
    /// Whose stream has a number: by it bots ask where they are, and send from wherever.
    ssrcs: HashMap<u32, MemberId>,
}

impl Routes {
    pub fn new(directory: Arc<Directory>, thread: usize) -> Self {
        let (addresses, ufrags, ssrcs) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { directory, thread, addresses, ufrags, ssrcs }
    }

    /// Who sends from an address.
    pub fn at(&self, proto: Protocol, from: SocketAddr) -> Option<MemberId> {
        self.addresses.get(&(proto, from)).copied()
    }

    /// Whose route a check names.
    pub fn named(&self, packet: &[u8]) -> Option<MemberId> {
        let message = StunMessage::parse(packet).ok()?;
        self.ufrags.get(message.split_username()?.0).copied()
    }

    /// Whose stream has a number.
    pub fn streaming(&self, ssrc: u32) -> Option<MemberId> {
        self.ssrcs.get(&ssrc).copied()
    }

    /// The other thread that a packet is for, if it is another's.
    pub fn elsewhere(&self, proto: Protocol, from: SocketAddr, packet: &[u8]) -> Option<usize> {
        self.directory.thread_of(proto, from, packet).filter(|thread| *thread != self.thread)
    }

    /// From here on packets from an address are somebody's; whether they were not before.
    pub fn add_address(&mut self, id: MemberId, proto: Protocol, from: SocketAddr) -> bool {
        let is_new = self.addresses.insert((proto, from), id) != Some(id);
        if is_new {
            self.directory.add_address(proto, from, self.thread);
        }
        is_new
    }

    /// An address is no longer somebody's.
    pub fn remove_address(&mut self, id: MemberId, (proto, from): (Protocol, SocketAddr)) {
        if self.at(proto, from) == Some(id) {
            self.addresses.remove(&(proto, from));
            self.directory.remove_address(proto, from, self.thread);
        }
    }

    /// A connection asks for its route by this name.
    pub fn add_ufrag(&mut self, id: MemberId, ufrag: String) {
        self.directory.add_ufrag(&ufrag, self.thread);
        self.ufrags.insert(ufrag, id);
    }

    /// And no longer by this one.
    pub fn remove_ufrag(&mut self, ufrag: &str) {
        self.ufrags.remove(ufrag);
        self.directory.remove_ufrag(ufrag, self.thread);
    }

    /// Gives somebody's stream a number that no other has.
    pub fn take_ssrc(&mut self, id: MemberId) -> u32 {
        loop {
            let mut bytes = [0; 4];
            aws_lc_rs::rand::fill(&mut bytes).expect("the system's randomness does not fail once it started");
            let ssrc = u32::from_be_bytes(bytes);
            if ssrc != 0 && self.directory.take_ssrc(ssrc, self.thread) {
                self.ssrcs.insert(ssrc, id);
                return ssrc;
            }
        }
    }

    /// Gives a number back.
    pub fn remove_ssrc(&mut self, ssrc: u32) {
        self.ssrcs.remove(&ssrc);
        self.directory.remove_ssrc(ssrc, self.thread);
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.addresses.clear();
        self.ufrags.clear();
        self.ssrcs.clear();
        self.directory.forget(self.thread);
    }
}
