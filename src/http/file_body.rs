//! Bodies of answers: bytes in memory, or a file that is read as fast as the client takes it and never whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::actions::files::Kept;

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
    pub fn kept(file: Kept, start: u64, length: u64) -> Self {
        Self::File(FileBody { file, next: start, end: start + length, unsent: length, reading: None })
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(None)
    }
}

/// Part of a file on its way out.
pub struct FileBody {
    file: Kept,
    /// Where the next piece begins.
    next: u64,
    end: u64,
    unsent: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// Bytes of the next piece; 0 at the end.
    fn next_bytes(&self) -> u64 {
        self.file.piece_bytes().min(self.end - self.next)
    }

    fn read_on(&mut self) {
        let length = self.next_bytes();
        if length == 0 {
            return;
        }
        self.reading = Some(self.file.read(self.next, length));
        self.next += length;
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.reading.is_none() {
            let length = self.next_bytes();
            if length == 0 {
                return Poll::Ready(None);
            }
            if let Some(piece) = self.file.read_cached(self.next, length) {
                self.next += piece.len() as u64;
                self.unsent -= piece.len() as u64;
                return Poll::Ready(Some(Ok(piece)));
            }
            self.read_on();
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let piece = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
        self.reading = None;
        if let Ok(piece) = &piece {
            self.unsent -= piece.len() as u64;
            // The next piece is read while this one is sent, but for what the system holds: one hole in it must not send all that
            // follows through threads.
            if !self.file.is_cached(self.next) {
                self.read_on();
            }
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
    use std::num::NonZeroU64;

    use http_body_util::BodyExt as _;
    use hyper::body::Body as _;
    use rustix::fs::{Advice, fadvise};

    use super::*;
    use crate::app::App;
    use crate::config::Config;

    #[tokio::test]
    async fn parts_of_a_file_come_whole_and_in_order() {
        let (app, _directory) = App::for_test(Config::default());
        let bytes: Vec<u8> = (0..600_000u32).map(|n| (n % 253) as u8).collect();
        let name = app.blobs.put(bytes.clone().into()).await.unwrap().to_string();
        let kept = app.blobs.open_file(&name).await.unwrap().unwrap();
        let piece = kept.piece_bytes() as usize;
        for (start, length) in [(0, bytes.len()), (5, 0), (piece - 1, piece + 2), (7, 9)] {
            let body = Body::kept(kept.clone(), start as u64, length as u64);
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            assert_eq!(body.collect().await.unwrap().to_bytes(), bytes[start..start + length]);
        }
        let beyond = Body::kept(kept, 0, bytes.len() as u64 + 1);
        assert!(beyond.collect().await.is_err(), "a file that is shorter than it was ends the answer");
    }

    /// What lies in the system's cache is read without a thread, also after a hole in it.
    #[tokio::test]
    async fn a_hole_in_the_cache_is_read_by_a_thread_and_no_more_than_that() {
        /// Far more than the system keeps or drops in one piece.
        const HOLE: std::ops::Range<u64> = 4 << 20..12 << 20;
        let (app, directory) = App::for_test(Config::default());
        let bytes: Vec<u8> = (0..16u32 << 20).map(|n| (n % 253) as u8).collect();
        let name = app.blobs.put(bytes.clone().into()).await.unwrap().to_string();
        let path = directory.path().join("blobs").join(&name[..2]).join(&name);
        let file = std::fs::File::open(path).unwrap();
        fadvise(&file, HOLE.start, NonZeroU64::new(HOLE.end - HOLE.start), Advice::DontNeed).unwrap();
        let kept = app.blobs.open_file(&name).await.unwrap().unwrap();
        let piece = kept.piece_bytes();
        let mut body = Body::kept(kept, 0, bytes.len() as u64);
        let (mut read, mut threads_after) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            read.extend_from_slice(&frame.unwrap().into_data().unwrap());
            let Body::File(file) = &body else { unreachable!("it is a file") };
            threads_after += u32::from(file.next > HOLE.end + 2 * piece && file.reading.is_some());
        }
        assert!(read == bytes);
        assert_eq!(threads_after, 0);
    }
}
