//! Reading request bodies: size before content, and an end to waiting.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::actions::Fault;

/// How long a client may stay silent in the middle of a body (SAFETY.md §6).
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(30);

/// Bytes of a refused request that are read and dropped.
const MAX_DRAINED_BYTES: usize = 64 << 20;
/// How long that may take.
const DRAIN_FOR: Duration = Duration::from_secs(10);

/// The next bytes of a body; none at its end.
pub async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Fault> {
    loop {
        match tokio::time::timeout(MAX_SILENCE, body.frame()).await {
            Err(_) => return Err(Fault::RequestTimeout),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Fault::BadRequest),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads and drops what a refused sender still sends, so that it is there to hear why; who sends longer is cut off.
pub async fn drain(mut body: Incoming) {
    let mut left = MAX_DRAINED_BYTES;
    let drained = async {
        while let Ok(Some(piece)) = next(&mut body).await {
            let Some(rest) = left.checked_sub(piece.len()) else { return };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(DRAIN_FOR, drained).await;
}

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
    while let Some(data) = next(&mut body).await? {
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
