//! The upgrade of an HTTP request to a WebSocket (RFC 6455 §4.2) by fastwebsockets, which checks less of it than the RFC asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use http_body_util::Full;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};

/// Why a request is no upgrade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoUpgrade {
    /// Another version of the protocol than 13.
    OtherVersion,
    /// Headers are missing or wrong.
    Malformed,
}

impl NoUpgrade {
    /// The answer that refuses it.
    pub fn answer(self) -> Response<Full<Bytes>> {
        match self {
            Self::OtherVersion => {
                let mut refusal = plain(StatusCode::UPGRADE_REQUIRED);
                refusal.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                refusal
            }
            Self::Malformed => plain(StatusCode::BAD_REQUEST),
        }
    }
}

/// The answer that accepts an upgrade, and the socket to come. What the client may say on it is another question, asked after the
/// upgrade, so that it hears a close code.
pub fn accept<B>(request: &mut Request<B>) -> Result<(Response<Full<Bytes>>, UpgradeFut), NoUpgrade> {
    let headers = request.headers();
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(NoUpgrade::OtherVersion);
    }
    let is_keyed = headers
        .get(SEC_WEBSOCKET_KEY)
        .is_some_and(|key| STANDARD.decode(key).is_ok_and(|raw| raw.len() == 16));
    let is_upgrade = request.method() == Method::GET
        && names(headers, UPGRADE, "websocket")
        && names(headers, CONNECTION, "upgrade");
    if !is_keyed || !is_upgrade {
        return Err(NoUpgrade::Malformed);
    }
    let (accepted, socket) = upgrade(request).map_err(|_| NoUpgrade::Malformed)?;
    Ok((accepted.map(|_| Full::default()), socket))
}

/// An answer without a body.
pub fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn names(headers: &HeaderMap, header: HeaderName, wanted: &str) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: &str, key: &str, connection: &str) -> Request<()> {
        Request::get("/?v=10")
            .header("connection", connection)
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", version)
            .header("sec-websocket-key", key)
            .body(())
            .unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let accepted =
            accept(&mut request("13", "dGhlIHNhbXBsZSBub25jZQ==", "keep-alive, Upgrade")).ok().unwrap().0;
        assert_eq!(accepted.status(), 101);
        assert_eq!(accepted.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_upgrade_is_refused() {
        let refused =
            |version, key, connection| accept(&mut request(version, key, connection)).err().unwrap();
        assert_eq!(refused("8", "dGhlIHNhbXBsZSBub25jZQ==", "upgrade"), NoUpgrade::OtherVersion);
        assert_eq!(refused("13", "c2hvcnQ=", "upgrade"), NoUpgrade::Malformed);
        assert_eq!(refused("13", "dGhlIHNhbXBsZSBub25jZQ==", "close"), NoUpgrade::Malformed);
        assert_eq!(NoUpgrade::OtherVersion.answer().headers()["sec-websocket-version"], "13");
    }
}
