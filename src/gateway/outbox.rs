//! What waits to be written to one socket: frames that leave in one vectored write. Holds no memory while empty.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use crate::logic::inline::Inline;
use crate::logic::stream::{Delivery, Head};

/// Frames taken from a session at once: each is two pieces of one vectored write.
pub const MAX_FRAMES: usize = 64;
/// Bytes of events taken from a session at once; one event may pass it.
pub const MAX_BYTES: usize = 256 << 10;
/// Frames beyond which a ping is not answered: its sender reads nothing (RFC 6455 §5.5.3 lets a later one stand for all).
pub const MAX_WITH_PONG: usize = 2 * MAX_FRAMES;

/// Frames to be written, in order.
#[derive(Default, Debug)]
pub struct Outbox {
    frames: Vec<Delivery>,
    /// How many of them are written.
    done: usize,
    /// Bytes written of the next.
    offset: usize,
}

impl Outbox {
    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Frames not yet wholly written.
    pub fn len(&self) -> usize {
        self.frames.len() - self.done
    }

    /// Queues a frame.
    pub fn push(&mut self, frame: Delivery) {
        self.frames.push(frame);
    }

    /// Queues a frame that is whole bytes already.
    pub fn push_control(&mut self, frame: &[u8]) {
        self.push(Delivery { head: Inline::new(), body: Bytes::copy_from_slice(frame) });
    }

    /// Writes until all is written or the socket takes no more. `progress` is called after each write that took something.
    pub fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        socket: &mut W,
        mut progress: impl FnMut(),
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            ready!(self.write_once(|slices| Pin::new(&mut *socket).poll_write_vectored(cx, slices)))?;
            progress();
        }
        // TLS may hold back records that it took.
        Pin::new(socket).poll_flush(cx)
    }

    /// Writes one frame past an empty outbox, which keeps what `write` does not take; whether it took all.
    pub fn write_through(
        &mut self,
        head: Head,
        body: &Bytes,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let written = match write(&[IoSlice::new(&head), IoSlice::new(body)]) {
            Ok(written) if written == head.len() + body.len() => return Ok(true),
            Ok(written) => Ok(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        };
        self.frames.push(Delivery { head, body: body.clone() });
        self.offset = *written.as_ref().unwrap_or(&0);
        written.map(|_| false)
    }

    /// Writes what `write` takes at once; whether that was all.
    pub fn write_now(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        while !self.is_empty() {
            let written = self.write_once(|slices| match write(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                written => Poll::Ready(written),
            });
            match written {
                Poll::Ready(written) => written?,
                Poll::Pending => return Ok(false),
            }
        }
        Ok(true)
    }

    fn write_once(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let written = if self.len() == 1 {
            // By far the most writes; room for 64 frames is not cleared for them.
            let mut slices = [IoSlice::new(&[]); 2];
            let count = self.gather(&mut slices);
            ready!(write(&slices[..count]))?
        } else {
            let mut slices = [IoSlice::new(&[]); 2 * MAX_FRAMES];
            let count = self.gather(&mut slices);
            ready!(write(&slices[..count]))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(()))
    }

    /// Fills `slices` with what is to be written next; how many it took.
    fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        let mut skip = self.offset;
        for frame in self.frames[self.done..].iter().take(MAX_FRAMES) {
            for piece in [&*frame.head, &*frame.body] {
                let skipped = skip.min(piece.len());
                skip -= skipped;
                if skipped < piece.len() {
                    slices[count] = IoSlice::new(&piece[skipped..]);
                    count += 1;
                }
            }
        }
        count
    }

    fn advance(&mut self, written: usize) {
        let mut reached = self.offset + written;
        while let Some(frame) = self.frames.get(self.done) {
            if reached < frame.wire_len() {
                break;
            }
            reached -= frame.wire_len();
            self.done += 1;
        }
        self.offset = reached;
        if self.done == self.frames.len() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::session::Packet;
    use crate::logic::stream::{Compression, Outbound};

    /// Takes at most so many bytes a write.
    struct Narrow {
        each: usize,
        writes: usize,
        got: Vec<u8>,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let taken = buf.len().min(self.each);
            self.got.extend_from_slice(&buf[..taken]);
            Poll::Ready(Ok(taken))
        }
        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.writes += 1;
            let mut left = self.each;
            for buf in bufs {
                let taken = buf.len().min(left);
                self.got.extend_from_slice(&buf[..taken]);
                left -= taken;
            }
            Poll::Ready(Ok(self.each - left))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn write(frames: u64, each: usize) -> Narrow {
        let mut outbound = Outbound::new(Compression::None);
        let mut outbox = Outbox::default();
        for seq in 1..=frames {
            outbox.push(outbound.dispatch(seq, &Packet::of("TYPING_START", "{\"user_id\":\"1\"}")));
        }
        outbox.push_control(b"\x88\x00");
        let mut narrow = Narrow { each, writes: 0, got: Vec::new() };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(outbox.poll_write(&mut cx, &mut narrow, || ()), Poll::Ready(Ok(()))));
        assert!(outbox.is_empty() && outbox.frames.capacity() == 0, "nothing is held while empty");
        narrow
    }

    #[test]
    fn what_a_direct_write_leaves_waits_and_what_fails_too() {
        let packet = Packet::of("TYPING_START", "{\"user_id\":\"1\"}");
        let whole = Outbound::new(Compression::None).dispatch(7, &packet);
        let whole = [&*whole.head, &*whole.body].concat();
        let refusals = [io::ErrorKind::WouldBlock, io::ErrorKind::BrokenPipe];
        let takes = [0, 1, whole.len() - 1, whole.len()].map(Ok);
        for takes in takes.into_iter().chain(refusals.map(Err)) {
            let mut outbox = Outbox::default();
            let (head, body) = Outbound::new(Compression::None).parts(7, &packet);
            let mut got = Vec::new();
            let written = outbox.write_through(head, body, |slices| {
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                let taken: usize = takes?;
                got.extend_from_slice(&all[..taken]);
                Ok(taken)
            });
            let expected = match takes {
                Ok(taken) => Ok(taken == whole.len()),
                Err(io::ErrorKind::WouldBlock) => Ok(false),
                Err(kind) => Err(kind),
            };
            assert_eq!(written.map_err(|error| error.kind()), expected);
            let mut rest = Narrow { each: usize::MAX, writes: 0, got };
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(matches!(outbox.poll_write(&mut cx, &mut rest, || ()), Poll::Ready(Ok(()))));
            assert_eq!(rest.got, whole, "{takes:?}");
        }
    }

    #[test]
    fn what_is_queued_leaves_in_one_write_and_partial_writes_go_on_where_they_stopped() {
        let whole = write(40, usize::MAX);
        assert_eq!(whole.writes, 1);
        for each in [1, 3, 17, 100, 1_000] {
            assert_eq!(write(40, each).got, whole.got, "{each} bytes a write");
        }
        assert_eq!(write(200, usize::MAX).writes, 4, "64 frames a write");
    }
}
