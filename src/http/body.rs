//! Reading request bodies: size before content, and an end to waiting.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::actions::Fault;

/// How long a client may stay silent in the middle of a body (SAFETY.md §6).
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// Reads a body of at most `max_bytes`. What is larger is refused by its declared length, or as soon as it exceeds.
pub async fn read(mut body: Incoming, max_bytes: usize) -> Result<Bytes, Fault> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(Fault::BodyTooLarge);
    }
    let mut whole = Bytes::new(); // one frame is kept as it is, more are joined
    let mut joined = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(MAX_SILENCE, body.frame()).await {
            Err(_) => return Err(Fault::RequestTimeout),
            Ok(Some(Err(_))) => return Err(Fault::BadRequest),
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
        };
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + joined.len() + data.len() > max_bytes {
            return Err(Fault::BodyTooLarge);
        }
        if whole.is_empty() && joined.is_empty() {
            whole = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { whole } else { joined.freeze() })
}
