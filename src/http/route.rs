//! One row of the route table: what a route is, who may call it, what it takes and gives, and its handler.

use std::future::Future;
use std::pin::Pin;

use hyper::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::call::Call;
use super::reply::Answer;
use crate::logic::form::{Definitions, Form};
use crate::logic::rate_limit::Bucket;
use crate::logic::scopes::Scopes;

/// Who may call a route (API.md §2, legend).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody; credentials are not looked at, as where the path holds a token.
    Nobody,
    /// Anybody; an account is known where valid credentials came.
    Perhaps,
    /// Any account.
    Any,
    /// People only: bots get 403/20001.
    Human,
    /// Bots only: people get 403/20002.
    Bot,
}

/// Most bytes of a body (SAFETY.md §6).
pub const MAX_JSON_BYTES: usize = 1 << 20;
/// Most bytes of a body with pictures as data URIs.
pub const MAX_PICTURE_BYTES: usize = 15 << 20;

/// Whether a handler reads the body itself, as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// It gets the body whole.
    Never,
    /// It does where the body is a request with files.
    Files,
    /// It always does.
    Bytes,
}

type Handler = Box<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Describes a form in a request.
pub type DescribeForm = fn(&mut Definitions) -> Value;
/// Describes a type in an answer.
pub type DescribeType = fn(&mut SchemaGenerator) -> Schema;

/// One row of the route table.
pub struct Route {
    /// The method; `HEAD` goes where `GET` goes.
    pub method: Method,
    /// The path below the REST base, with `{parameters}`.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
    /// What an OAuth2 access token must be for to open it; without, none does.
    pub scope: Option<Scopes>,
    /// Its limit.
    pub bucket: Bucket,
    /// Most bytes of its body.
    pub max_body_bytes: usize,
    /// Whether its handler reads the body itself.
    pub stream: Stream,
    /// The form in its body.
    pub body: Option<DescribeForm>,
    /// The form in its query string.
    pub query: Option<DescribeForm>,
    /// The answers when all goes well: status and what is in it. The first is the usual one.
    pub answers: Vec<(u16, Option<DescribeType>)>,
    /// The type of the picture that it answers 200 with.
    pub picture: Option<&'static str>,
    /// Whether its refusals are in the words of OAuth2 (RFC 6749 §5.2).
    pub refuses_as_oauth2: bool,
    /// Whether it writes to the audit log and takes `X-Audit-Log-Reason`.
    pub is_audited: bool,
    /// The permissions it needs, by the names of API.md §4; for documents and the table test.
    pub permissions: Vec<&'static str>,
    /// What it does, in half a line.
    pub summary: &'static str,
    handler: Handler,
}

fn route<F, R>(method: Method, path: &'static str, handler: F) -> Route
where
    F: Fn(Call) -> R + Send + Sync + 'static,
    R: Future<Output = Answer> + Send + 'static,
{
    Route {
        method,
        path,
        who: Who::Any,
        scope: None,
        bucket: Bucket::Default,
        max_body_bytes: MAX_JSON_BYTES,
        stream: Stream::Never,
        body: None,
        query: None,
        answers: Vec::new(),
        picture: None,
        refuses_as_oauth2: false,
        is_audited: false,
        permissions: Vec::new(),
        summary: "",
        handler: Box::new(move |call| Box::pin(handler(call))),
    }
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {$(
        #[doc = concat!("A `", stringify!($method), "` route for any account, with the default limit, answering 204 unless told otherwise.")]
        pub fn $name<F, R>(path: &'static str, handler: F) -> Route
        where
            F: Fn(Call) -> R + Send + Sync + 'static,
            R: Future<Output = Answer> + Send + 'static,
        {
            route(Method::$method, path, handler)
        }
    )*};
}
methods!(get GET post POST put PUT patch PATCH delete DELETE);

impl Route {
    /// Who may call it.
    pub fn who(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    /// OAuth2 access tokens with this scope open it too.
    pub fn scope(mut self, scope: Scopes) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Its limit.
    pub fn limit(mut self, bucket: Bucket) -> Self {
        self.bucket = bucket;
        self
    }

    /// The form in its body.
    pub fn takes<F: Form>(mut self) -> Self {
        self.body = Some(Definitions::reference::<F>);
        self
    }

    /// The body may hold pictures as data URIs, so it may be larger.
    pub fn with_pictures(mut self) -> Self {
        self.max_body_bytes = MAX_PICTURE_BYTES;
        self
    }

    /// The body may also come as multipart with files (API.md §1.10).
    pub fn with_files(mut self) -> Self {
        self.stream = Stream::Files;
        self
    }

    /// The body is a file, whatever its type.
    pub fn takes_bytes(mut self) -> Self {
        self.stream = Stream::Bytes;
        self
    }

    /// The form in its query string.
    pub fn query<Q: Form>(mut self) -> Self {
        self.query = Some(Definitions::inline::<Q>);
        self
    }

    /// It answers `T` with this status. The first one named is what [`Reply::json`](super::Reply::json) answers with by itself.
    pub fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answers.push((status, Some(SchemaGenerator::subschema_for::<T>)));
        self
    }

    /// It answers a picture of this type.
    pub fn gives_picture(mut self, media_type: &'static str) -> Self {
        self.answers.push((200, None));
        self.picture = Some(media_type);
        self
    }

    /// It may answer 204 besides what it [`gives`](Self::gives).
    pub fn or_nothing(mut self) -> Self {
        self.answers.push((204, None));
        self
    }

    /// Its refusals are in the words of OAuth2 (RFC 6749 §5.2).
    pub fn refusing_as_oauth2(mut self) -> Self {
        self.refuses_as_oauth2 = true;
        self
    }

    /// It takes `X-Audit-Log-Reason` and writes to the audit log.
    pub fn audited(mut self) -> Self {
        self.is_audited = true;
        self
    }

    /// It needs this permission, by its name in API.md §4.
    pub fn permission(mut self, name: &'static str) -> Self {
        self.permissions.push(name);
        self
    }

    /// What it does, in half a line.
    pub fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// The status of an answer that names none.
    pub fn usual_status(&self) -> u16 {
        self.answers.first().map_or(204, |(status, _)| *status)
    }

    /// Whether its row names this status of a good answer; `None` is the usual one.
    pub(super) fn may_answer(&self, status: Option<u16>) -> bool {
        let named = |status| match self.answers.as_slice() {
            [] => status == 204,
            answers => answers.iter().any(|(own, _)| *own == status),
        };
        status.is_none_or(named)
    }

    /// The names of the path's parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Runs its handler.
    pub(super) fn handle(&self, call: Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        (self.handler)(call)
    }
}
