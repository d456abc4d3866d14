//! The web client, embedded from `web/dist` with its brotli and gzip twins. Without that folder a page says how to build it.

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{Request, Response, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::file_body::Body;
use crate::actions::Fault;
use crate::config::WebOrigin;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// Addresses of the client's views, all answered with its one page (WEB.md §2).
const VIEWS: [&str; 10] =
    ["channels", "invite", "login", "register", "reset", "setup", "settings", "guilds", "admin", "oauth2"];

/// The one page.
const PAGE: &str = "index.html";

/// What is shown where no client is embedded.
const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Hearth</title>\
    <p>The server runs, but this binary holds no web client. Build it with <code>npm install &amp;&amp; npm run build</code> in \
    <code>web/</code> and build the server again, or use <code>make run</code>, which does both.</p>";

/// The web client of an instance.
pub struct Client {
    policy: HeaderValue,
}

impl Client {
    /// The client of the instance at `own`, whose files are fetched from `cdn_base`.
    pub fn new(own: &WebOrigin, cdn_base: &str) -> Self {
        let policy = HeaderValue::from_str(&policy(own, cdn_base));
        Self { policy: policy.expect("an origin has only characters that may stand in a header") }
    }

    /// Answers a request outside `/api` and `/cdn`.
    pub fn answer<B>(&self, request: &Request<B>) -> Result<Response<Body>, Fault> {
        let path = request.uri().path().trim_start_matches('/');
        let (name, status) = match find(path) {
            Some(name) => (name, StatusCode::OK),
            None if is_opened(request, path) => (PAGE, StatusCode::NOT_FOUND),
            None => return Err(Fault::NotFound),
        };
        if !request.method().is_safe() {
            return Err(Fault::MethodNotAllowed);
        }
        let mut response = match Dist::get(name) {
            Some(file) => send(request, name, &file),
            None => not_built(),
        };
        if response.status() == StatusCode::OK {
            *response.status_mut() = status;
        }
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        Ok(response)
    }
}

/// The file that a path stands for. The twins have no address of their own.
fn find(path: &str) -> Option<&str> {
    let first = path.split('/').next().unwrap_or_default();
    if path.is_empty() || VIEWS.contains(&first) {
        return Some(PAGE);
    }
    let is_twin = path.ends_with(".br") || path.ends_with(".gz");
    (!is_twin && Dist::get(path).is_some()).then_some(path)
}

/// Whether a person opened this address to see a page: the client then says that there is none. A part of the client that is asked
/// for is none, whoever asks.
fn is_opened<B>(request: &Request<B>, path: &str) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    request.method().is_safe() && !path.starts_with("assets/") && accepted.contains("text/html")
}

/// The policy of WEB.md §2. Without TLS the gateway is `ws:`.
fn policy(own: &WebOrigin, cdn_base: &str) -> String {
    let own_text = own.to_string();
    let cdn_origin = cdn_base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let media = if cdn_origin == own_text { String::new() } else { format!(" {cdn_origin}") };
    let gateway = own.gateway_url();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         require-trusted-types-for 'script'; trusted-types svelte-trusted-html hearth; \
         img-src 'self' blob: data:{media}; media-src 'self' blob: data:{media}; connect-src 'self' {gateway}; \
         worker-src 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'self'"
    )
}

fn not_built() -> Response<Body> {
    let mut response = Response::new(Body::new(Bytes::from_static(NOT_BUILT.as_bytes())));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn send<B>(request: &Request<B>, name: &str, file: &EmbeddedFile) -> Response<Body> {
    let mut response = Response::new(Body::default());
    let is_hashed = name.starts_with("assets/");
    let cache = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = entity_tag(&file.metadata.sha256_hash());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    headers.insert(ETAG, tag.clone());
    if request.headers().get(IF_NONE_MATCH).is_some_and(|known| *known == tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    for (suffix, coding) in [("br", "br"), ("gz", "gzip")] {
        if let Some(twin) =
            accepts(accepted, coding).then(|| Dist::get(&format!("{name}.{suffix}"))).flatten()
        {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            *response.body_mut() = Body::new(bytes_of(&twin));
            return response;
        }
    }
    *response.body_mut() = Body::new(bytes_of(file));
    response
}

/// The file's bytes; embedded ones are not copied.
fn bytes_of(file: &EmbeddedFile) -> Bytes {
    match &file.data {
        std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
        std::borrow::Cow::Owned(data) => Bytes::from(data.clone()),
    }
}

/// A weak tag, since the twins differ in bytes.
fn entity_tag(hash: &[u8; 32]) -> HeaderValue {
    let digits: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("W/\"{digits}\"")).expect("hexadecimal digits may stand in a header")
}

/// Whether `Accept-Encoding` has a coding, not with a weight of nothing (RFC 9110 §12.5.3).
fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(coding) && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind;

    #[test]
    fn the_policy_names_the_own_gateway_and_a_foreign_cdn_only() {
        let own = WebOrigin::parse("https://chat.example.org").unwrap();
        let same = policy(&own, "https://chat.example.org/cdn");
        assert!(same.contains("connect-src 'self' wss://chat.example.org;"));
        assert!(same.contains("img-src 'self' blob: data:; media-src 'self' blob: data:;"));
        assert!(!same.contains("unsafe-inline") && same.contains("frame-ancestors 'none'"));
        let other = policy(&own, "https://files.example.org/x/cdn");
        assert!(other.contains("img-src 'self' blob: data: https://files.example.org;"));
        let local = WebOrigin::http("127.0.0.1:8420".parse().unwrap());
        assert!(
            policy(&local, "http://127.0.0.1:8420/cdn").contains("connect-src 'self' ws://127.0.0.1:8420;")
        );
    }

    #[test]
    fn views_are_pages_and_other_paths_are_not() {
        let client = Client::new(&WebOrigin::http("127.0.0.1:1".parse().unwrap()), "http://127.0.0.1:1/cdn");
        let ask = |method: &str, path: &str| {
            client.answer(&Request::builder().method(method).uri(path).body(()).unwrap())
        };
        let open = |path: &str| {
            let request =
                Request::builder().uri(path).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
            client.answer(&request.body(()).unwrap())
        };
        for path in [
            "/",
            "/channels/@me/1",
            "/invite/abc",
            "/reset",
            "/setup",
            "/settings/account",
            "/oauth2/authorize?x",
        ] {
            let response = ask("GET", path).unwrap();
            assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{path}");
            assert!(response.headers().contains_key("content-security-policy"));
        }
        assert_eq!(ask("GET", "/policies/instance").err(), Some(Fault::NotFound));
        assert_eq!(ask("GET", "/assets/../index.html.br").err(), Some(Fault::NotFound));
        assert_eq!(ask("GET", "/foo/bar").err(), Some(Fault::NotFound));
        assert_eq!(open("/assets/gone.js").err(), Some(Fault::NotFound));
        for path in ["/foo/bar", "/index.html.br"] {
            let response = open(path).unwrap();
            assert!(!response.status().is_success(), "{path}");
            assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{path}");
        }
        assert_eq!(ask("POST", "/login").err(), Some(Fault::MethodNotAllowed));
    }

    #[test]
    fn codings_are_taken_as_they_are_weighed() {
        assert!(accepts("gzip, deflate, br", "br") && accepts("gzip;q=0.5", "gzip") && accepts("BR", "br"));
        assert!(!accepts("gzip, br;q=0", "br") && !accepts("", "br") && !accepts("brotli", "br"));
    }
}
