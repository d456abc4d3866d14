//! One call of a route, as its handler gets it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};

use super::edge::Edge;
use super::peer::Peer;
use super::reply::JSON;
use super::{body, multipart, origin};
use crate::actions::actor::{MAX_REASON_CHARS, Reason};
use crate::actions::uploads::{self, NewFile};
use crate::actions::{ActionError, Actor, Fault};
use crate::app::App;
use crate::config::WebOrigin;
use crate::logic::field::FieldFault;
use crate::logic::form::{self, Checked, Form};
use crate::model::Id;

/// One call of a route. It is authenticated and within its limits; what its body and ids say is still to be believed or not.
pub struct Call {
    /// The server's parts.
    pub app: App,
    pub(super) edge: Arc<Edge>,
    pub(super) actor: Option<Actor>,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body where the handler reads it itself.
    pub(super) stream: Option<Incoming>,
    pub(super) peer: Peer,
}

impl Call {
    /// Who calls. Always there on routes for [`Who::Any`](super::Who::Any), `Human` and `Bot`.
    pub fn actor(&self) -> Result<Actor, Fault> {
        self.actor.ok_or(Fault::Unauthorized)
    }

    /// Who calls a route for [`Who::Perhaps`](super::Who::Perhaps), if that is known.
    pub fn perhaps_actor(&self) -> Option<Actor> {
        self.actor
    }

    /// A parameter of the path that is an id; other text than a number is 400/50035.
    pub fn id<T>(&self, name: &'static str) -> Result<Id<T>, ActionError> {
        let text = self.param(name);
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(id) if is_number => Ok(id),
            _ => Err(ActionError::field(name, FieldFault::new("NUMBER_TYPE_COERCE", "Must be a snowflake"))),
        }
    }

    /// A parameter of the path, percent-decoded.
    ///
    /// # Panics
    /// Where the route's path has no such parameter, which its first call in a test shows.
    pub fn param(&self, name: &'static str) -> &str {
        let found = self.params.iter().find(|(own, _)| *own == name);
        &found.expect("a handler asks for the parameters that its own path names").1
    }

    /// The body, read and its faults kept until the action has proved the right to act (API.md §1.5).
    pub fn form<F: Form>(&self) -> Checked<F> {
        form::decode(&self.body, self.header(CONTENT_TYPE.as_str())).into()
    }

    /// Takes the files of a request that has some, once `may` says that its sender may send any. Afterwards the form is what came with
    /// them.
    ///
    /// # Errors
    /// What `may` says, and what is wrong with the files.
    pub async fn files(
        &mut self,
        may: impl FnOnce(&App) -> Result<(), ActionError>,
    ) -> Result<Vec<NewFile>, ActionError> {
        let Some(stream) = self.stream.take() else { return Ok(Vec::new()) };
        let content_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let parts = multipart::read(&self.app, stream, content_type, || may(&self.app)).await?;
        self.body = parts.payload;
        self.headers.insert(CONTENT_TYPE, JSON);
        Ok(parts.files)
    }

    /// Hands the bytes of the body on as they come, to the end of it.
    ///
    /// # Errors
    /// 400 and 408 for a body that is cut short; 413.
    pub async fn receive(&mut self, incoming: &mut uploads::Incoming) -> Result<(), ActionError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while let Some(piece) = body::next(stream).await? {
            incoming.write(piece).await?;
        }
        Ok(())
    }

    /// Reads and drops a body that will not be used.
    pub async fn drain(&mut self) {
        if let Some(stream) = self.stream.take() {
            body::drain(stream).await;
        }
    }

    /// The query string, read.
    pub fn query<Q: Form>(&self) -> Result<Q, ActionError> {
        Ok(form::decode_query(&self.query)?)
    }

    /// The query string, read and its faults kept, where they must not come before a 403.
    pub fn query_form<Q: Form>(&self) -> Checked<Q> {
        form::decode_query(&self.query).into()
    }

    /// Whether the query string gives a key this very value.
    pub fn has_query(&self, key: &str, value: &str) -> bool {
        self.query.split('&').any(|pair| pair.split_once('=') == Some((key, value)))
    }

    /// `X-Audit-Log-Reason`, percent-decoded; longer than 512 is 400.
    pub fn reason(&self) -> Result<Option<Reason>, ActionError> {
        let Some(header) = self.headers.get("x-audit-log-reason") else { return Ok(None) };
        let text = percent_encoding::percent_decode(header.as_bytes()).decode_utf8_lossy();
        Reason::parse(&text).map_err(|_| {
            let message = format!("Must be {MAX_REASON_CHARS} or fewer in length.");
            ActionError::field("reason", FieldFault::new("BASE_TYPE_MAX_LENGTH", message))
        })
    }

    /// The pass by which the caller said again who they are (API.md §2.1).
    pub fn mfa_pass(&self) -> Option<String> {
        self.header("x-discord-mfa-authorization").map(str::to_owned)
    }

    /// A header, where it is there and plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The caller's address, past trusted proxies.
    pub fn address(&self) -> IpAddr {
        self.peer.address
    }

    /// The instance's own origin, which absolute URLs begin with.
    pub fn origin(&self) -> &WebOrigin {
        self.edge.origin()
    }

    /// Where uploaded files are fetched from, without a slash at the end.
    pub fn cdn_base(&self) -> &str {
        self.edge.cdn_base()
    }

    /// Whether the web client calls: then tokens go into the cookie, not into the body (API.md §0).
    pub fn is_web_client(&self) -> bool {
        origin::is_web_client(&self.headers) && !self.headers.contains_key(AUTHORIZATION)
    }

    /// Whether the call surely comes from this machine: a loopback peer and `Host`, no forwarding header, no foreign `Origin` (API.md
    /// §0: what registering without an owner asks for).
    pub fn is_local(&self) -> bool {
        let own_origin =
            self.header(ORIGIN.as_str()).is_none_or(|origin| self.origin().to_string() == origin);
        self.peer.is_direct_loopback && own_origin && origin::has_loopback_host(&self.headers)
    }

    /// The OpenAPI document, written.
    pub(super) fn openapi(&self) -> Result<Bytes, ActionError> {
        self.edge.openapi()
    }
}
