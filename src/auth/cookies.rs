//! The session cookie of the web client (API.md §0). Over TLS its name has the `__Host-` prefix, so that neither a sibling domain
//! nor a plain-HTTP page can plant it (RFC 6265bis §4.1.3.2).

use std::fmt::Write as _;

const SECURE_NAME: &str = "__Host-hearth_session";
const PLAIN_NAME: &str = "hearth_session";

fn name(is_https: bool) -> &'static str {
    if is_https { SECURE_NAME } else { PLAIN_NAME }
}

/// The `Set-Cookie` value that keeps `token`, a JWT, for `max_age_secs`; `is_https` says how people reach the instance.
pub fn set(token: &str, is_https: bool, max_age_secs: u64) -> String {
    let mut cookie =
        format!("{}={token}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict", name(is_https));
    if is_https {
        let _ = write!(cookie, "; Secure");
    }
    cookie
}

/// The `Set-Cookie` value that removes the cookie.
pub fn clear(is_https: bool) -> String {
    set("", is_https, 0)
}

/// The token in a `Cookie` header. `None` when the cookie is absent, empty or there more than once: one of the two was planted for
/// another path, and nothing tells which.
pub fn token(header: &str, is_https: bool) -> Option<&str> {
    let wanted = name(is_https);
    let mut found = header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    let value = found.next().filter(|value| !value.is_empty())?;
    found.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_reads_back_under_its_own_name_only() {
        let secure = set("a.b.c", true, 60);
        assert_eq!(
            secure,
            "__Host-hearth_session=a.b.c; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            set("a.b.c", false, 60),
            "hearth_session=a.b.c; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
        );
        assert!(clear(true).contains("Max-Age=0"));
        assert_eq!(token("x=1; __Host-hearth_session=a.b.c; y=2", true), Some("a.b.c"));
        assert_eq!(token("hearth_session=a.b.c", false), Some("a.b.c"));
        assert_eq!(token("hearth_session=a.b.c", true), None);
        assert_eq!(token("__Host-hearth_session=a.b.c", false), None);
        assert_eq!(token("hearth_session=", false), None);
        assert_eq!(token("hearth_session=planted; hearth_session=own", false), None);
        assert_eq!(token("", false), None);
    }
}
