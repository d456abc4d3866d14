//! Which host names are answered, and which pages may use the cookie (API.md §0, SAFETY.md §1).

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, ORIGIN};
use hyper::{HeaderMap, Method, Uri};

use crate::actions::Fault;
use crate::config::WebOrigin;

/// What to do with a request for a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Answer it.
    Own,
    /// Another name of this machine's loopback: pages are redirected to the own origin, calls answered.
    OtherLoopback,
    /// 421: a name that somebody pointed at this machine (DNS rebinding).
    Foreign,
}

/// The instance's own origin, and whether other host names are refused.
pub struct Origin {
    own: WebOrigin,
    is_strict: bool,
}

impl Origin {
    /// The rules of a listener at `bound`: strict on a loopback one without `public_url`.
    pub fn new(own: WebOrigin, bound: SocketAddr, has_public_url: bool) -> Self {
        Self { own, is_strict: bound.ip().is_loopback() && !has_public_url }
    }

    /// The origin that absolute URLs begin with.
    pub fn own(&self) -> &WebOrigin {
        &self.own
    }

    /// What to do with a request for the host it names.
    pub fn host(&self, uri: &Uri, headers: &HeaderMap) -> Host {
        if !self.is_strict {
            return Host::Own;
        }
        match named_host(uri, headers) {
            Some(name) if name.eq_ignore_ascii_case(self.own.authority()) => Host::Own,
            Some(name) if is_loopback_name(name) => Host::OtherLoopback,
            _ => Host::Foreign,
        }
    }

    /// Whether a call may act by cookie, or set one: it carries the own header, and an `Origin`, where there is one, that is the
    /// instance's; unsafe methods must have one (browsers send none on a same-origin GET).
    pub fn check_cookie_call(&self, method: &Method, headers: &HeaderMap) -> Result<(), Fault> {
        let is_allowed = is_web_client(headers)
            && match headers.get(ORIGIN) {
                Some(origin) => origin.as_bytes() == self.own.to_string().as_bytes(),
                None => method.is_safe(),
            };
        if is_allowed { Ok(()) } else { Err(Fault::Forbidden) }
    }
}

/// Whether the web client calls. The header is none that another origin's page may send (API.md §1.8).
pub fn is_web_client(headers: &HeaderMap) -> bool {
    headers.get("x-hearth-client").is_some_and(|value| value == "web")
}

/// Whether the request names a host of this machine's loopback.
pub fn has_loopback_host(headers: &HeaderMap) -> bool {
    headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(is_loopback_name)
}

fn named_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST)?.to_str().ok(),
    }
}

fn is_loopback_name(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind;

    fn origin(public_url: Option<&str>, bound: &str) -> Origin {
        let bound: SocketAddr = bound.parse().unwrap();
        let own = public_url.map_or_else(|| WebOrigin::http(bound), |url| WebOrigin::parse(url).unwrap());
        Origin::new(own, bound, public_url.is_some())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_loopback_listener_answers_to_its_own_name_only() {
        let local = origin(None, "127.0.0.1:8420");
        let path = Uri::from_static("/");
        for (host, expected) in [
            ("127.0.0.1:8420", Host::Own),
            ("localhost:8420", Host::OtherLoopback),
            ("LOCALHOST", Host::OtherLoopback),
            ("[::1]:8420", Host::OtherLoopback),
            ("127.0.0.2:8420", Host::OtherLoopback),
            ("evil.example", Host::Foreign),
            ("evil.example:8420", Host::Foreign),
            ("localhost.evil.example", Host::Foreign),
            ("127.0.0.1.evil.example:8420", Host::Foreign),
            ("192.168.1.4:8420", Host::Foreign),
            ("", Host::Foreign),
        ] {
            assert_eq!(local.host(&path, &headers(&[("host", host)])), expected, "{host}");
        }
        assert_eq!(local.host(&path, &HeaderMap::new()), Host::Foreign);
        let absolute = Uri::from_static("http://evil.example/");
        assert_eq!(local.host(&absolute, &headers(&[("host", "127.0.0.1:8420")])), Host::Foreign);
        let public = origin(Some("https://chat.example.org"), "127.0.0.1:8420");
        assert_eq!(public.host(&path, &headers(&[("host", "anything")])), Host::Own);
    }

    #[test]
    fn cookie_calls_need_the_own_header_and_origin() {
        let own = "https://chat.example.org";
        let rules = origin(Some(own), "127.0.0.1:8420");
        let (web, get, post) = (("x-hearth-client", "web"), Method::GET, Method::POST);
        for (method, sent, is_allowed) in [
            (&get, &[web][..], true),
            (&get, &[web, ("origin", own)], true),
            (&get, &[], false),
            (&get, &[("x-hearth-client", "phone")], false),
            (&get, &[web, ("origin", "https://evil.example")], false),
            (&post, &[web, ("origin", own)], true),
            (&post, &[web], false),
            (&post, &[("origin", own)], false),
            (&post, &[web, ("origin", "null")], false),
            (&post, &[web, ("origin", "http://chat.example.org")], false),
            (&post, &[web, ("origin", "https://chat.example.org:8443")], false),
            (&post, &[web, ("origin", "https://other.chat.example.org")], false),
        ] {
            assert_eq!(
                rules.check_cookie_call(method, &headers(sent)).is_ok(),
                is_allowed,
                "{method} {sent:?}"
            );
        }
    }
}
