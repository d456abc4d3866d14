//! The kinds of value a setting may have. Each is read from one line of text, the same for a flag, the environment and the file, and
//! writes itself as the TOML literal that reads back to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A value that a setting may have.
pub trait Kind: Sized {
    /// Reads the value; the error says what was expected, as the rest of a sentence that begins with the setting's name.
    fn parse(text: &str) -> Result<Self, String>;
    /// The value as a TOML literal.
    fn literal(&self) -> String;
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Kind for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must name a directory".into()) } else { Ok(text.into()) }
    }
    fn literal(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

impl Kind for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn literal(&self) -> String {
        quoted(self)
    }
}

impl Kind for bool {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "on" | "true" | "yes" | "1" => Ok(true),
            "off" | "false" | "no" | "0" => Ok(false),
            _ => Err(format!("must be on or off, not \"{text}\"")),
        }
    }
    fn literal(&self) -> String {
        self.to_string()
    }
}

impl Kind for u32 {
    fn parse(text: &str) -> Result<Self, String> {
        text.replace('_', "").parse().map_err(|_| format!("must be a whole number, not \"{text}\""))
    }
    fn literal(&self) -> String {
        self.to_string()
    }
}

impl Kind for IpAddr {
    fn parse(text: &str) -> Result<Self, String> {
        let address: Self = text
            .parse()
            .map_err(|_| format!("must be an IP address such as \"203.0.113.7\", not \"{text}\""))?;
        if address.is_unspecified() || address.is_multicast() {
            return Err(format!("must be an address that clients can reach, not \"{text}\""));
        }
        Ok(address.to_canonical())
    }
    fn literal(&self) -> String {
        quoted(&self.to_string())
    }
}

/// Where media is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaPort {
    /// At the listener's own address and port number.
    Shared,
    /// Nowhere.
    Off,
    /// At an address and port of its own.
    At(SocketAddr),
}

impl Kind for MediaPort {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "shared" => Ok(Self::Shared),
            "off" | "false" => Ok(Self::Off),
            _ => SocketAddr::parse(text).map(Self::At).map_err(|_| {
                format!("must be \"shared\", \"off\", or an address and a port, not \"{text}\"")
            }),
        }
    }
    fn literal(&self) -> String {
        match self {
            Self::Shared => quoted("shared"),
            Self::Off => quoted("off"),
            Self::At(address) => address.literal(),
        }
    }
}

impl Kind for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        let address = match text.strip_prefix("localhost:") {
            Some(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
            None => text.to_owned(),
        };
        address
            .parse()
            .map_err(|_| format!("must be an address and a port, such as \"127.0.0.1:8420\", not \"{text}\""))
    }
    fn literal(&self) -> String {
        quoted(&self.to_string())
    }
}

/// An empty text is no value.
impl<T: Kind> Kind for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }
    fn literal(&self) -> String {
        self.as_ref().map_or_else(|| quoted(""), T::literal)
    }
}

/// A list is separated by commas.
impl<T: Kind> Kind for Vec<T> {
    fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::parse).collect()
    }
    fn literal(&self) -> String {
        let items: Vec<_> = self.iter().map(T::literal).collect();
        format!("[{}]", items.join(", "))
    }
}

/// A number of bytes, written with a unit: `25MiB`, `512KiB`, `1GiB`, or bare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Bytes {
    const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

    /// That many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Kind for Bytes {
    fn parse(text: &str) -> Result<Self, String> {
        let unit = Self::UNITS.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?, *size)));
        let (digits, size) = unit.unwrap_or((text, 1));
        digits
            .trim()
            .replace('_', "")
            .parse()
            .ok()
            .and_then(|count: u64| count.checked_mul(size))
            .map(Self)
            .ok_or_else(|| format!("must be a size such as \"64MiB\" or a number of bytes, not \"{text}\""))
    }
    fn literal(&self) -> String {
        let unit = Self::UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        let (name, size) = unit.copied().unwrap_or(("B", 1));
        quoted(&format!("{}{name}", self.0 / size))
    }
}

/// So many events in a span of time, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Duration,
}

impl Rate {
    /// No limit.
    pub const NONE: Self = Self { count: 0, per: Duration::from_secs(1) };
    const UNITS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("day", 86_400)];

    /// Whether there is no limit.
    pub const fn is_none(self) -> bool {
        self.count == 0
    }

    /// How many events in what span; `None` for no limit.
    pub const fn limit(self) -> Option<(u32, Duration)> {
        if self.is_none() { None } else { Some((self.count, self.per)) }
    }
}

impl Kind for Rate {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self::NONE);
        }
        let parsed = text.split_once('/').and_then(|(count, unit)| {
            let (_, secs) = Self::UNITS.iter().find(|(name, _)| *name == unit.trim())?;
            Some(Self { count: count.trim().parse().ok()?, per: Duration::from_secs(*secs) })
        });
        parsed.ok_or_else(|| {
            format!(
                "must be a rate such as \"20/s\", \"5/min\", \"10/h\" or \"250/day\", or 0 for no limit, not \"{text}\""
            )
        })
    }
    fn literal(&self) -> String {
        if self.is_none() {
            return "0".into();
        }
        let unit = Self::UNITS.iter().find(|(_, secs)| Duration::from_secs(*secs) == self.per);
        quoted(&format!("{}/{}", self.count, unit.map_or("s", |(name, _)| name)))
    }
}

/// One address, or all addresses that share its first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Whether `address` lies in it; an IPv4 address in IPv6 clothing counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl Kind for Network {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("must be an address or a network such as \"10.0.0.0/8\", not \"{text}\"");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| expected())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(expected)?,
            None => most,
        };
        match base.to_canonical() {
            // An IPv4 network in IPv6 clothing is meant as the IPv4 network, as addresses are taken too.
            plain @ IpAddr::V4(_) if base.is_ipv6() && prefix_bits >= 96 => {
                Ok(Self { base: plain, prefix_bits: prefix_bits - 96 })
            }
            _ => Ok(Self { base, prefix_bits }),
        }
    }
    fn literal(&self) -> String {
        let whole = if self.base.is_ipv4() { 32 } else { 128 };
        if self.prefix_bits == whole {
            quoted(&self.base.to_string())
        } else {
            quoted(&format!("{}/{}", self.base, self.prefix_bits))
        }
    }
}

/// Declares a setting that is one of a few words.
macro_rules! choice {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// The word that stands for it in settings and in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl Kind for $name {
            fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("must be one of {}, not \"{text}\"", [$($word),*].join(", "))),
                }
            }
            fn literal(&self) -> String {
                quoted(self.as_str())
            }
        }
    };
}

choice! {
    /// Who may make an account.
    Registration {
        /// Anyone.
        Open = "open",
        /// Whoever holds an invite to a guild.
        Invite = "invite",
        /// Nobody; accounts are made on the command line.
        Closed = "closed",
    }
}

choice! {
    /// How log lines look.
    LogFormat {
        /// Lines for people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}

/// A web origin (RFC 6454): scheme, host and port, written as browsers write it in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebOrigin {
    is_https: bool,
    /// Host in lower case, with the port unless it is the scheme's own: what browsers send as `Host`.
    authority: String,
}

impl WebOrigin {
    /// The plain HTTP origin of an address one listens on.
    pub fn http(bound: SocketAddr) -> Self {
        Self::at(bound, false)
    }

    /// The origin of an address one listens on, with TLS or without.
    pub fn at(bound: SocketAddr, is_https: bool) -> Self {
        let own_port = if is_https { 443 } else { 80 };
        let authority = if bound.port() == own_port { bracketed(bound.ip()) } else { bound.to_string() };
        Self { is_https, authority }
    }

    /// Whether it is reached over TLS, so that its cookies are `Secure`.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host, with the port unless it is the scheme's own: the `Host` header browsers send.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Host and port, the port always given: where libraries dial voice (API.md §1.1).
    pub fn endpoint(&self) -> String {
        let has_port = self.authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        match (has_port, self.is_https) {
            (true, _) => self.authority.clone(),
            (false, true) => format!("{}:443", self.authority),
            (false, false) => format!("{}:80", self.authority),
        }
    }

    /// The same place as a WebSocket address, with neither path nor slash at its end (API.md §1.1).
    pub fn gateway_url(&self) -> String {
        format!("{}://{}", if self.is_https { "wss" } else { "ws" }, self.authority)
    }
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }
}

/// Splits an http(s) URL into whether it is https, authority in lower case without the scheme's own port, and the rest.
fn split_url(text: &str) -> Option<(bool, String, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_https = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.to_ascii_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse::<u16>().ok()?)),
        _ => (authority.as_str(), None),
    };
    let is_host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_')
        }
    };
    if !is_host {
        return None;
    }
    let own_port = if is_https { 443 } else { 80 };
    let authority = match port {
        Some(port) if port != own_port => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    Some((is_https, authority, path))
}

impl Kind for WebOrigin {
    fn parse(text: &str) -> Result<Self, String> {
        match split_url(text) {
            Some((is_https, authority, "" | "/")) => Ok(Self { is_https, authority }),
            Some((_, _, path)) => Err(format!("must have no path: leave out \"{path}\"")),
            None => Err(format!(
                "must be a scheme and a host, such as \"https://chat.example.org\" (names beyond ASCII as xn--…), not \"{text}\""
            )),
        }
    }
    fn literal(&self) -> String {
        quoted(&self.to_string())
    }
}

/// An http(s) URL that other URLs begin with: it may have a path, and has no slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Kind for BaseUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |path: &str| path.bytes().all(|b| b.is_ascii_graphic() && !b"?#\"<>\\".contains(&b));
        match split_url(text) {
            Some((is_https, authority, path)) if is_plain(path) => {
                let scheme = if is_https { "https" } else { "http" };
                Ok(Self(format!("{scheme}://{authority}{}", path.trim_end_matches('/'))))
            }
            _ => Err(format!("must be a URL such as \"https://files.example.org/cdn\", not \"{text}\"")),
        }
    }
    fn literal(&self) -> String {
        quoted(&self.0)
    }
}
