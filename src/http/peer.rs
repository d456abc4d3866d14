//! Who is at the other end: the address that limits count by, past the reverse proxies that are believed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::HeaderMap;

use crate::config::Network;

/// The other end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The caller's address: the connection's, or what the nearest trusted proxy says.
    pub address: IpAddr,
    /// Whether the connection comes from this machine and carries no forwarding header, so that no proxy stands between.
    pub is_direct_loopback: bool,
}

/// The addresses behind the trusted proxies.
pub struct Peers {
    trusted: Vec<Network>,
    has_warned: AtomicBool,
}

/// Headers that proxies add.
const FORWARDING: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

impl Peers {
    /// Addresses past these proxies.
    pub fn new(trusted: Vec<Network>) -> Self {
        Self { trusted, has_warned: AtomicBool::new(false) }
    }

    /// Whether a connection's end is a trusted proxy, whose connections stand for many people.
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Who sent a request: without trusted proxies the connection's end, else the rightmost hop of `X-Forwarded-For` that is none of
    /// them. A hop that is no address ends the search, since nothing left of it can be believed.
    pub fn of(&self, connection: SocketAddr, headers: &HeaderMap) -> Peer {
        let direct = connection.ip().to_canonical();
        let is_forwarded = FORWARDING.iter().any(|name| headers.contains_key(*name));
        if !self.is_trusted(direct) {
            if is_forwarded && direct.is_loopback() && !self.has_warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "a forwarding header came from {direct}, which is not trusted: if that is your reverse proxy, \
                     set trusted_proxies = [\"{direct}\"], or everyone shares its limits"
                );
            }
            return Peer { address: direct, is_direct_loopback: direct.is_loopback() && !is_forwarded };
        }
        let mut address = direct;
        let values: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        for hop in values.iter().flat_map(|value| value.split(',')).rev() {
            let Some(hop) = hop_address(hop.trim()) else { break };
            address = hop;
            if !self.is_trusted(hop) {
                break;
            }
        }
        Peer { address, is_direct_loopback: direct.is_loopback() && !is_forwarded }
    }
}

/// A hop as proxies write it: an address, with a port or in brackets or neither.
fn hop_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

/// The number that limits count an address by: an IPv6 one by its /64, which is what one customer has.
pub fn counted(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => ipv6_network(v6),
    }
}

/// The upper half. No IPv6 network in use is below `2^32`, where the IPv4 addresses are, but `::/64`, of which only loopback is seen.
fn ipv6_network(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_to_the_first_stranger() {
        let trusting = |list: &str| Peers::new(Vec::<Network>::parse(list).unwrap());
        let seen = |peers: &Peers, from: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            peers.of(from.parse().unwrap(), &headers)
        };
        let (none, some) = (trusting(""), trusting("127.0.0.1, 10.0.0.0/8"));
        for (peers, from, forwarded, address, is_direct_loopback) in [
            (&none, "127.0.0.1:9", &["203.0.113.5"][..], "127.0.0.1", false),
            (&none, "127.0.0.1:9", &[], "127.0.0.1", true),
            (&none, "[::ffff:203.0.113.9]:9", &[], "203.0.113.9", false),
            (&some, "203.0.113.9:9", &["1.2.3.4"], "203.0.113.9", false),
            (&some, "127.0.0.1:9", &[], "127.0.0.1", true),
            (&some, "127.0.0.1:9", &["203.0.113.5"], "203.0.113.5", false),
            (&some, "127.0.0.1:9", &["1.2.3.4, 203.0.113.5"], "203.0.113.5", false),
            (&some, "127.0.0.1:9", &["1.2.3.4, 203.0.113.5, 10.1.1.1"], "203.0.113.5", false),
            (&some, "127.0.0.1:9", &["1.2.3.4", "203.0.113.5:443"], "203.0.113.5", false),
            (&some, "127.0.0.1:9", &["1.2.3.4, unknown"], "127.0.0.1", false),
            (&some, "127.0.0.1:9", &["10.0.0.1, 10.0.0.2"], "10.0.0.1", false),
            (&some, "127.0.0.1:9", &["[2001:db8::1]:80"], "2001:db8::1", false),
        ] {
            let expected = Peer { address: address.parse().unwrap(), is_direct_loopback };
            assert_eq!(seen(peers, from, forwarded), expected, "{from} {forwarded:?}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_its_64() {
        let counted = |text: &str| counted(text.parse().unwrap());
        assert_eq!(counted("2001:db8:1:2::1"), counted("2001:db8:1:2:ffff::9"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:1.2.3.4"), counted("1.2.3.4"));
        assert_ne!(counted("1.2.3.4"), counted("1.2.3.5"));
    }
}
