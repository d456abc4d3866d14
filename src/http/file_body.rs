//! Bodies of answers: bytes in memory, or a file that is read as fast as the client takes it and never whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that are read at once; two such pieces are in memory for each file being sent.
const PIECE_BYTES: u64 = 256 << 10;

/// The body of an answer.
pub enum Body {
    /// Bytes in memory; taken when they are sent.
    Whole(Option<Bytes>),
    /// Part of a file.
    File(FileBody),
}

impl Body {
    /// Bytes in memory.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    /// The bytes of a file from `start` on, as many as `length`.
    pub fn file(file: File, start: u64, length: u64) -> Self {
        Self::File(FileBody {
            file: Arc::new(file),
            next: start,
            end: start + length,
            unsent: length,
            reading: None,
        })
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(None)
    }
}

/// Part of a file on its way out.
pub struct FileBody {
    file: Arc<File>,
    /// Where the next piece begins.
    next: u64,
    end: u64,
    unsent: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    fn read_on(&mut self) {
        let length = PIECE_BYTES.min(self.end - self.next);
        if length == 0 {
            return;
        }
        let (file, start) = (self.file.clone(), self.next);
        self.next += length;
        self.reading = Some(spawn_blocking(move || {
            let mut piece = vec![0; length as usize];
            file.read_exact_at(&mut piece, start)?;
            Ok(piece.into())
        }));
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.reading.is_none() {
            self.read_on();
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let piece = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
        self.reading = None;
        if let Ok(piece) = &piece {
            self.unsent -= piece.len() as u64;
            // The next piece is read while this one is sent.
            self.read_on();
        }
        Poll::Ready(Some(piece))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(file) => file.poll_piece(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::File(file) => file.unsent == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(file) => file.unsent,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http_body_util::BodyExt as _;
    use hyper::body::Body as _;

    use super::*;

    #[tokio::test]
    async fn parts_of_a_file_come_whole_and_in_order() {
        let bytes: Vec<u8> = (0..PIECE_BYTES * 2 + 100).map(|n| (n % 253) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for (start, length) in
            [(0, bytes.len()), (5, 0), (PIECE_BYTES as usize - 1, PIECE_BYTES as usize + 2), (7, 9)]
        {
            let body = Body::file(file.try_clone().unwrap(), start as u64, length as u64);
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            assert_eq!(body.collect().await.unwrap().to_bytes(), bytes[start..start + length]);
        }
        let beyond = Body::file(file, 0, bytes.len() as u64 + 1);
        assert!(beyond.collect().await.is_err(), "a file that is shorter than it was ends the answer");
    }
}
