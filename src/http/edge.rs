//! One request from headers to answer: host, area, route, caller, limits, body, handler, in this order for every route.

use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::Poll;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, UPGRADE,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::net::TcpStream;

use super::authenticate::{admit, check_web_client, credential};
use super::call::Call;
use super::client::Client;
use super::file_body::Body;
use super::limits::{self, Limits};
use super::origin::{Host, Origin};
use super::peer::{Peer, Peers};
use super::reply::{Answer, Reply};
use super::route::{Route, Stream, Who};
use super::routes::{Found, Row, Table};
use super::server::Seat;
use super::{body, errors, multipart, openapi};
use crate::actions::{ActionError, Actor, Credential, Fault};
use crate::app::App;
use crate::config::WebOrigin;
use crate::tls::Tls;

/// Takes over a connection that carries media, and its place among all.
pub type Media = dyn Fn(TcpStream, SocketAddr, Seat) + Send + Sync;

/// Takes over the upgrade of a request to a WebSocket.
pub type Upgrades = dyn Fn(Request<Incoming>, Peer) -> Response<Body> + Send + Sync;
type Cdn =
    dyn Fn(Request<Incoming>, Peer) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync;

/// What stands behind the edge besides its routes.
pub struct Hooks {
    /// Who shows a credential: `actions::sessions::authenticate`.
    pub authenticate: fn(&App, Credential) -> Result<Actor, ActionError>,
    /// Takes over a WebSocket upgrade at `/`, `/gateway` or `/gateway/`.
    pub gateway: Box<Upgrades>,
    /// Takes over the WebSocket upgrade of a voice connection; none where voice is off.
    pub voice: Option<Box<Upgrades>>,
    /// Takes over connections that carry media, if any are taken.
    pub media: Option<Box<Media>>,
    /// Speaks TLS, if there is a certificate.
    pub tls: Option<Tls>,
    /// Answers what is asked for below `/cdn`.
    pub cdn: Box<Cdn>,
}

/// The HTTP edge of a running server.
pub struct Edge {
    app: App,
    hooks: Hooks,
    table: Table,
    limits: Limits,
    pub(super) peers: Peers,
    origin: Origin,
    client: Client,
    cdn_base: String,
    document: OnceLock<Bytes>,
}

/// Which part of the server a path belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Area<'a> {
    /// The REST API, and the path below its base; `None` for a version that isn't spoken.
    Api(Option<&'a str>),
    Cdn,
    Pages,
}

impl Area<'_> {
    fn of(path: &str) -> Area<'_> {
        let below =
            |base: &str| path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(rest) = below("/api") {
            return Area::Api(unversioned(rest));
        }
        if below("/cdn").is_some() { Area::Cdn } else { Area::Pages }
    }

    /// Whether pages of other origins may read the answers (API.md §1.8).
    fn is_shared(&self) -> bool {
        *self != Area::Pages
    }
}

/// Which WebSocket a request asks for (API.md §1.1).
#[derive(Debug, PartialEq, Eq)]
enum Socket {
    Gateway,
    Voice,
}

impl Socket {
    /// On the shared path versions 4 to 9 are of voice, unless an encoding or a compression is named, which voice has not.
    fn asked_for(path: &str, query: &str) -> Option<Self> {
        let mut names = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let is_voice_version =
            |(name, value): (&str, &str)| name == "v" && matches!(value, "4" | "5" | "6" | "7" | "8" | "9");
        match path {
            "/voice" | "/voice/" => Some(Self::Voice),
            "/gateway" | "/gateway/" => Some(Self::Gateway),
            "/" if names.clone().any(is_voice_version)
                && !names.any(|(name, _)| matches!(name, "encoding" | "compress")) =>
            {
                Some(Self::Voice)
            }
            "/" => Some(Self::Gateway),
            _ => None,
        }
    }
}

/// Cuts the version off a path below `/api`: `v10`, `v9`, or none, which means 10.
fn unversioned(path: &str) -> Option<&str> {
    let first = path.strip_prefix('/').unwrap_or("").split('/').next().unwrap_or("");
    match first {
        "v10" | "v9" => Some(&path[first.len() + 1..]),
        _ if first.len() > 1
            && first.starts_with('v')
            && first[1..].bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            None
        }
        _ => Some(path),
    }
}

impl Edge {
    /// The edge of `app`, whose listener is at `bound`.
    pub fn new(app: App, hooks: Hooks, bound: SocketAddr) -> Arc<Self> {
        Self::with_routes(app, hooks, bound, super::routes::all())
    }

    /// An edge with routes of its own.
    pub(super) fn with_routes(app: App, hooks: Hooks, bound: SocketAddr, routes: Vec<Route>) -> Arc<Self> {
        let config = &app.config;
        let own = config.origin_at(bound);
        let cdn_base = config.cdn_base_at(bound);
        Arc::new(Self {
            table: Table::new(routes),
            limits: Limits::new(&config.limits),
            peers: Peers::new(config.trusted_proxies.clone()),
            client: Client::new(&own, &cdn_base),
            origin: Origin::new(own, bound, config.public_url.is_some()),
            cdn_base,
            document: OnceLock::new(),
            hooks,
            app,
        })
    }

    /// The app behind it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The instance's own origin.
    pub fn origin(&self) -> &WebOrigin {
        self.origin.own()
    }

    /// Where uploaded files are fetched from, without a slash at the end.
    pub fn cdn_base(&self) -> &str {
        &self.cdn_base
    }

    /// The OpenAPI document of all routes, written once.
    pub(super) fn openapi(&self) -> Result<Bytes, ActionError> {
        if let Some(document) = self.document.get() {
            return Ok(document.clone());
        }
        let document = openapi::document(self.table.routes(), &self.origin().to_string());
        let bytes = Bytes::from(serde_json::to_vec(&document).map_err(ActionError::internal)?);
        Ok(self.document.get_or_init(|| bytes).clone())
    }

    /// What speaks TLS, if there is a certificate.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.hooks.tls.as_ref()
    }

    /// Hands on a connection that carries media; where none is taken it ends here.
    pub(super) fn take_media(&self, stream: TcpStream, from: SocketAddr, seat: Seat) {
        if let Some(media) = &self.hooks.media {
            media(stream, from, seat);
        }
    }

    /// Answers one request from a connection whose end is at `from`.
    pub async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        from: SocketAddr,
        is_tls: bool,
    ) -> Response<Body> {
        let is_shared = Area::of(request.uri().path()).is_shared();
        let peer = self.peers.of(from, request.headers());
        let is_in_the_open = self.hooks.tls.is_some() && !is_tls;
        let mut response = if is_in_the_open {
            self.to_own_host(&request, StatusCode::PERMANENT_REDIRECT)
        } else {
            self.dispatch(request, peer).await
        };
        add_common_headers(response.headers_mut(), is_shared);
        response
    }

    async fn dispatch(self: &Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let host = self.origin.host(request.uri(), request.headers());
        if host == Host::Foreign {
            return refuse(Fault::MisdirectedRequest);
        }
        let path = request.uri().path();
        if is_websocket(request.headers()) {
            match Socket::asked_for(path, request.uri().query().unwrap_or_default()) {
                Some(Socket::Gateway) => return (self.hooks.gateway)(request, peer),
                Some(Socket::Voice) => {
                    let voice = self.hooks.voice.as_ref();
                    return voice.map_or_else(|| refuse(Fault::NotFound), |voice| voice(request, peer));
                }
                None => {}
            }
        }
        match Area::of(path) {
            Area::Api(_) | Area::Cdn if request.method() == Method::OPTIONS => preflight(),
            Area::Api(None) => refuse(Fault::ApiVersion),
            Area::Api(Some(below)) => {
                let below = below.to_owned();
                self.rest(request, peer, &below).await
            }
            Area::Cdn if request.headers().contains_key("service-worker") => refuse(Fault::Forbidden),
            Area::Cdn => (self.hooks.cdn)(request, peer).await,
            Area::Pages if host == Host::OtherLoopback && request.method().is_safe() => {
                self.to_own_host(&request, StatusCode::TEMPORARY_REDIRECT)
            }
            Area::Pages => self.client.answer(&request).unwrap_or_else(refuse_page),
        }
    }

    /// Sends what was asked for elsewhere to the own origin: a page under another loopback name to where its cookie is, plain HTTP
    /// to where TLS is.
    fn to_own_host(&self, request: &Request<Incoming>, status: StatusCode) -> Response<Body> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut response = Response::new(Body::default());
        match HeaderValue::from_str(&format!("{}{path}", self.origin())) {
            Ok(location) => {
                *response.status_mut() = status;
                response.headers_mut().insert(LOCATION, location);
                response
            }
            Err(_) => refuse(Fault::BadRequest),
        }
    }

    async fn rest(self: &Arc<Self>, request: Request<Incoming>, peer: Peer, path: &str) -> Response<Body> {
        if request.headers().contains_key(CONTENT_ENCODING) {
            return refuse(Fault::UnsupportedMediaType);
        }
        match self.table.find(request.method(), path) {
            Found::Row(row, params) => self.call(row, params, request, peer).await,
            Found::OtherMethods(allowed) => {
                let mut response = refuse(Fault::MethodNotAllowed);
                response.headers_mut().insert(ALLOW, allowed.clone());
                response
            }
            Found::Nothing => refuse(Fault::NotFound),
        }
    }

    async fn call(
        self: &Arc<Self>,
        row: &Row,
        params: Vec<(&'static str, String)>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Body> {
        let identity = self.identify(&row.route, request.method(), request.headers());
        let actor = identity.as_ref().ok().copied().flatten();
        let taken = self
            .limits
            .take_global(actor.as_ref(), peer.address)
            .and_then(|()| self.limits.take_route(&row.limit, actor.as_ref(), peer.address, &params));
        let taken = match taken {
            Ok(taken) => taken,
            Err(refused) => {
                let error = ActionError::RateLimited(refused.limited);
                let mut response = respond(errors::answer(&error, row.route.path), 429);
                if let Some(decision) = refused.decision {
                    limits::tell(response.headers_mut(), &row.limit, &decision);
                }
                return response;
            }
        };
        let answer = match identity {
            Ok(_) => self.run(row, actor, params, request, peer).await,
            Err(error) => Err(error),
        };
        let is_ok = answer.is_ok();
        let mut response = match answer {
            Ok(reply) => respond(reply, row.route.usual_status()),
            Err(error) => {
                let mut response = respond(errors::answer(&error, row.route.path), 500);
                if matches!(
                    error,
                    ActionError::Fault(Fault::BodyTooLarge | Fault::FileTooLarge | Fault::RequestTimeout)
                ) {
                    // What is left of the body is not read, so nothing can follow it on this connection.
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            }
        };
        if let Some(taken) = taken {
            let decision = self.limits.settle(taken, is_ok);
            limits::tell(response.headers_mut(), &row.limit, &decision);
        }
        response
    }

    /// Who calls. On routes for anybody, bad credentials are as good as none.
    fn identify(
        &self,
        route: &Route,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Actor>, ActionError> {
        check_web_client(method, headers, &self.origin)?;
        match route.who {
            Who::Nobody => Ok(None),
            Who::Perhaps => {
                let found = credential(method, headers, &self.origin).ok().flatten();
                Ok(found.and_then(|credential| self.authenticate(credential, route).ok()))
            }
            Who::Any | Who::Human | Who::Bot => {
                let found = credential(method, headers, &self.origin)?;
                let actor = found.map(|credential| self.authenticate(credential, route)).transpose()?;
                admit(route.who, actor.as_ref())?;
                Ok(actor)
            }
        }
    }

    /// The account behind a credential. OAuth2 tokens open no route by themselves: a route has to name a scope (SAFETY.md §1).
    fn authenticate(&self, credential: Credential, route: &Route) -> Result<Actor, ActionError> {
        let is_bearer = matches!(credential, Credential::Bearer(_));
        let actor = (self.hooks.authenticate)(&self.app, credential)?;
        let is_open = !is_bearer || route.scope.is_some_and(|scope| actor.has_scope(scope));
        if is_open { Ok(actor) } else { Err(Fault::MissingScope.into()) }
    }

    async fn run(
        self: &Arc<Self>,
        row: &Row,
        actor: Option<Actor>,
        params: Vec<(&'static str, String)>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Answer {
        let (head, incoming) = request.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_streamed = match row.route.stream {
            Stream::Never => false,
            Stream::Files => multipart::is_multipart(content_type),
            Stream::Bytes => true,
        };
        let (body, stream) = if is_streamed {
            (Bytes::new(), Some(incoming))
        } else {
            (body::read(incoming, row.route.max_body_bytes).await?, None)
        };
        let call = Call {
            app: self.app.clone(),
            edge: Arc::clone(self),
            actor,
            params,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            stream,
            peer,
        };
        let reply = unwinding(row.route.handle(call)).await.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(ActionError::internal(format!("a handler panicked: {said}")))
        })?;
        if cfg!(debug_assertions) && !row.route.may_answer(reply.status) {
            let row = format!("{} {}", row.route.method, row.route.path);
            return Err(ActionError::internal(format!(
                "{row} answered {:?}, which its row does not name",
                reply.status
            )));
        }
        Ok(reply)
    }
}

/// Runs a handler; its panic fails this request alone (SAFETY.md I-11).
async fn unwinding<F: Future>(future: F) -> std::thread::Result<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// A reply as bytes to send; `usual_status` is its status where it names none.
pub(super) fn respond(reply: Reply, usual_status: u16) -> Response<Body> {
    let status = reply.status.unwrap_or(usual_status);
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some((content_type, body)) = reply.body {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        *response.body_mut() = Body::new(body);
    }
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value);
    }
    response
}

fn refuse(fault: Fault) -> Response<Body> {
    respond(errors::of_fault(fault), fault.status())
}

fn refuse_page(fault: Fault) -> Response<Body> {
    let mut response = refuse(fault);
    if fault == Fault::MethodNotAllowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The answer to `OPTIONS` (API.md §1.8). `X-Hearth-Client` is not among the headers, so no foreign page can make a cookie call.
fn preflight() -> Response<Body> {
    const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    const HEADERS: &str = "Authorization, Content-Type, X-Audit-Log-Reason, X-Discord-MFA-Authorization, \
        X-Super-Properties, X-Fingerprint, X-Context-Properties, X-Discord-Locale, X-Debug-Options";
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        ("access-control-allow-methods", METHODS),
        ("access-control-allow-headers", HEADERS),
        ("access-control-max-age", "86400"),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

type Headers<const N: usize> = LazyLock<[(HeaderName, HeaderValue); N]>;

fn headers_of<const N: usize>(pairs: [(&'static str, &'static str); N]) -> [(HeaderName, HeaderValue); N] {
    pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
}

/// Headers of every answer (SAFETY.md §4; `Via` because discord.py and JDA take a 429 without it for a ban, API.md §7.2).
static COMMON: Headers<4> = LazyLock::new(|| {
    headers_of([
        ("via", "1.1 hearth"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ])
});

/// Headers of every answer below `/api` and `/cdn`.
static SHARED: Headers<2> = LazyLock::new(|| {
    headers_of([
        ("access-control-allow-origin", "*"),
        (
            "access-control-expose-headers",
            "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Reset-After, \
             X-RateLimit-Bucket, X-RateLimit-Scope, X-RateLimit-Global, Retry-After, Via, Date, Upload-Offset",
        ),
    ])
});

fn add_common_headers(headers: &mut HeaderMap, is_shared: bool) {
    let shared: &[_] = if is_shared { SHARED.as_slice() } else { &[] };
    headers.reserve(COMMON.len() + shared.len());
    for (name, value) in COMMON.iter().chain(shared) {
        headers.insert(name, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voice_and_the_gateway_share_a_path() {
        for (path, query, socket) in [
            ("/", "v=10&encoding=json", Some(Socket::Gateway)),
            ("/", "", Some(Socket::Gateway)),
            ("/", "v=9&encoding=json", Some(Socket::Gateway)),
            ("/", "compress=zlib-stream&v=9", Some(Socket::Gateway)),
            ("/gateway", "v=8", Some(Socket::Gateway)),
            ("/", "v=3", Some(Socket::Gateway)),
            ("/", "v=4", Some(Socket::Voice)),
            ("/", "v=8", Some(Socket::Voice)),
            ("/", "v=9", Some(Socket::Voice)),
            ("/voice", "v=8", Some(Socket::Voice)),
            ("/voice/", "", Some(Socket::Voice)),
            ("/channels", "v=8", None),
        ] {
            assert_eq!(Socket::asked_for(path, query), socket, "{path}?{query}");
        }
    }

    #[test]
    fn versions_9_and_10_and_none_are_spoken() {
        for (path, area) in [
            ("/api/v10/gateway", Area::Api(Some("/gateway"))),
            ("/api/v9/gateway", Area::Api(Some("/gateway"))),
            ("/api/gateway", Area::Api(Some("/gateway"))),
            ("/api/voice/regions", Area::Api(Some("/voice/regions"))),
            ("/api/v8/gateway", Area::Api(None)),
            ("/api/v11", Area::Api(None)),
            ("/api/v10", Area::Api(Some(""))),
            ("/api", Area::Api(Some(""))),
            ("/apix", Area::Pages),
            ("/cdn/icons/1/a.png", Area::Cdn),
            ("/cdnx", Area::Pages),
            ("/", Area::Pages),
        ] {
            assert_eq!(Area::of(path), area, "{path}");
        }
    }
}
