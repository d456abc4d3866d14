//! What a handler answers.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue, SET_COOKIE};
use serde::Serialize;

use crate::actions::ActionError;
use crate::logic::scratch::written;

/// What a handler returns.
pub type Answer = Result<Reply, ActionError>;

/// A good answer: its body, and what is particular about it. The edge adds what all answers have.
#[derive(Debug)]
pub struct Reply {
    /// `None`: the route's usual status.
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<(HeaderValue, Bytes)>,
}

/// The content type of every JSON answer: exactly this, since discord.py compares it whole (API.md §7.1).
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Bytes held of an upload (API.md §1.10).
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

impl Reply {
    /// A value as JSON, with the status that the route says it gives.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Answer {
        let body = written(|out| serde_json::to_writer(out, value)).map_err(ActionError::internal)?;
        Ok(Self::json_bytes(body))
    }

    /// JSON that is written already.
    pub fn json_bytes(body: Bytes) -> Self {
        Self::bytes(JSON, body)
    }

    /// Anything, with its content type.
    pub fn bytes(content_type: HeaderValue, body: Bytes) -> Self {
        Self { status: None, headers: Vec::new(), body: Some((content_type, body)) }
    }

    /// 204: neither body nor content type.
    pub fn nothing() -> Self {
        Self { status: Some(204), headers: Vec::new(), body: None }
    }

    /// The same answer with another status, which the route must also name.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same answer with one more header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same answer, which holds a secret and must not be kept by caches (SAFETY.md §4).
    pub fn no_store(self) -> Self {
        self.header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// The same answer with a cookie, written by `auth::cookies`.
    pub fn cookie(self, cookie: &str) -> Answer {
        let value = HeaderValue::from_str(cookie).map_err(ActionError::internal)?;
        Ok(self.header(SET_COOKIE, value))
    }
}
