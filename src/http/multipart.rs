//! Requests with files (RFC 7578): text parts are gathered, files go to disk as they come (API.md §1.10).

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use futures_util::stream;
use hyper::body::{Body as _, Incoming};
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde_json::{Map, Value};

use super::body::{self, MAX_SILENCE};
use crate::actions::uploads::{self, MAX_ATTACHMENTS, NewFile};
use crate::actions::{ActionError, Fault};
use crate::app::App;
use crate::logic::form::FormError;

/// Most bytes of all text parts of a request (SAFETY.md §6).
const MAX_TEXT_BYTES: u64 = 1 << 20;
/// Most bytes that may come while the head of a part is awaited: the reader below has no limit of its own for it.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most parts of a request.
const MAX_PARTS: usize = 100;
/// What a request with files holds.
pub struct Parts {
    /// `payload_json`, or the text parts as a JSON object.
    pub payload: Bytes,
    /// The files, kept.
    pub files: Vec<NewFile>,
}

/// A body that is read piece by piece, and is still there when its reader gave up.
#[derive(Clone)]
struct Source(Arc<Mutex<State>>);

struct State {
    /// None once its reader gave up.
    incoming: Option<Incoming>,
    /// Whether a piece was given since the reader last waited; one at a time, so that a fast sender does not fill the memory.
    has_given: bool,
    /// Bytes that may still come while the head of a part is awaited; none while its content is read.
    head_room: Option<usize>,
}

impl Source {
    fn poll(&self, cx: &mut std::task::Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.has_given) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            let Some(incoming) = &mut state.incoming else { return Poll::Ready(None) };
            let frame = match std::pin::Pin::new(incoming).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(Fault::BadRequest))),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            if let Some(room) = &mut state.head_room {
                match room.checked_sub(data.len()) {
                    Some(left) => *room = left,
                    None => return Poll::Ready(Some(Err(Fault::BodyTooLarge))),
                }
            }
            state.has_given = true;
            return Poll::Ready(Some(Ok(data)));
        }
    }

    fn await_head(&self, is_awaited: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.head_room = is_awaited.then_some(MAX_HEAD_BYTES + super::server::MAX_BUFFER_BYTES);
    }

    /// The body itself, when its reader has given up.
    fn take(&self) -> Option<Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).incoming.take()
    }
}

/// Whether a content type is that of a request with files.
pub fn is_multipart(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("multipart/form-data")
}

/// Reads a request with files once `may` says that its sender may send some.
///
/// # Errors
/// What `may` says; 40005, 50045, 30015; 400 for what is cut short or no multipart.
pub async fn read(
    app: &App,
    incoming: Incoming,
    content_type: &str,
    may: impl FnOnce() -> Result<(), ActionError>,
) -> Result<Parts, ActionError> {
    let declared_bytes = incoming.size_hint().lower();
    let source =
        Source(Arc::new(Mutex::new(State { incoming: Some(incoming), has_given: false, head_room: None })));
    let read = async {
        may()?;
        let boundary = multer::parse_boundary(content_type).map_err(|_| FormError::ContentType)?;
        let most_bytes = (MAX_ATTACHMENTS as u64) * app.config.max_file_size.get() + MAX_TEXT_BYTES;
        if declared_bytes > most_bytes {
            return Err(Fault::BodyTooLarge.into());
        }
        let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(most_bytes));
        let pieces = source.clone();
        let pieces =
            stream::poll_fn(move |cx| pieces.poll(cx).map(|piece| piece.map(|piece| piece.map_err(Cut))));
        parts(app, &source, Multipart::with_constraints(pieces, boundary, limits)).await
    };
    let read = read.await;
    if read.is_err()
        && let Some(rest) = source.take()
    {
        body::drain(rest).await;
    }
    read
}

/// Carries a fault through the reader.
#[derive(Debug, thiserror::Error)]
#[error("the body ended early")]
struct Cut(Fault);

async fn parts(app: &App, source: &Source, mut multipart: Multipart<'_>) -> Result<Parts, ActionError> {
    let (mut payload, mut texts, mut files) = (None, Map::new(), Vec::new());
    let mut text_bytes = 0;
    for _ in 0..MAX_PARTS {
        source.await_head(true);
        let next = in_time(multipart.next_field()).await?;
        source.await_head(false);
        let Some(field) = next else {
            let payload = match payload {
                Some(payload) => payload,
                None => serde_json::to_vec(&texts).map_err(ActionError::internal)?.into(),
            };
            return Ok(Parts { payload, files });
        };
        let name = field.name().unwrap_or_default().to_owned();
        if name != "payload_json" && (field.file_name().is_some() || file_key(&name).is_some()) {
            if files.len() == MAX_ATTACHMENTS {
                return Err(Fault::TooManyAttachments.into());
            }
            files.push(file(app, field, &name).await?);
            continue;
        }
        let text = text(field, MAX_TEXT_BYTES - text_bytes).await?;
        text_bytes += text.len() as u64;
        if name == "payload_json" {
            payload = Some(text);
        } else {
            texts.insert(name, Value::String(String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Err(Fault::BodyTooLarge.into())
}

async fn file(app: &App, mut field: Field<'_>, name: &str) -> Result<NewFile, ActionError> {
    let filename = field.file_name().unwrap_or_default().to_owned();
    let mut incoming = uploads::begin(app).await?;
    while let Some(piece) = in_time(field.chunk()).await? {
        incoming.write(piece).await?;
    }
    uploads::settle(app, incoming, file_key(name), filename).await
}

async fn text(mut field: Field<'_>, most_bytes: u64) -> Result<Bytes, ActionError> {
    let mut text = Vec::new();
    while let Some(piece) = in_time(field.chunk()).await? {
        if (text.len() + piece.len()) as u64 > most_bytes {
            return Err(Fault::BodyTooLarge.into());
        }
        text.extend_from_slice(&piece);
    }
    Ok(text.into())
}

/// The number of a file's part: `files[3]`, or as older clients call it `file3`, `file`.
fn file_key(name: &str) -> Option<u64> {
    if let Some(number) = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')) {
        return number.parse().ok();
    }
    match name.strip_prefix("file")? {
        "" => Some(0),
        number => number.parse().ok(),
    }
}

async fn in_time<T>(next: impl Future<Output = multer::Result<T>>) -> Result<T, ActionError> {
    match tokio::time::timeout(MAX_SILENCE, next).await {
        Err(_) => Err(Fault::RequestTimeout.into()),
        Ok(Ok(next)) => Ok(next),
        Ok(Err(multer::Error::StreamSizeExceeded { .. })) => Err(Fault::BodyTooLarge.into()),
        Ok(Err(multer::Error::StreamReadFailed(cut))) => {
            Err(cut.downcast_ref::<Cut>().map_or(Fault::BadRequest, |cut| cut.0).into())
        }
        Ok(Err(_)) => Err(Fault::BadRequest.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_numbers_by_every_name() {
        for (name, key) in [
            ("files[0]", Some(0)),
            ("files[17]", Some(17)),
            ("file", Some(0)),
            ("file3", Some(3)),
            ("files[x]", None),
            ("files[]", None),
            ("filename", None),
            ("content", None),
        ] {
            assert_eq!(file_key(name), key, "{name}");
        }
        assert!(is_multipart(Some("Multipart/Form-Data; boundary=x")) && !is_multipart(Some("text/plain")));
        assert!(!is_multipart(None));
    }
}
