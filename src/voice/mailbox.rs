//! Messages from media to one client's voice connection, whichever holds it; kept for a while when none does.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use serde::Serialize;

use crate::logic::voice_session::{Ring, VoiceClose};

/// The mailbox of a voice session.
#[derive(Debug, Default)]
pub struct Mailbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    ring: Ring,
    waker: Option<Waker>,
    /// The connection that may read.
    holder: u32,
    close: Option<VoiceClose>,
}

/// What a connection is to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Mail {
    /// Send this.
    Message(String),
    /// Close with this.
    Close(VoiceClose),
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds a mailbox")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells the client something that it may ask for again.
    pub fn tell(&self, op: u8, data: &impl Serialize) {
        let data = serde_json::to_string(data).expect("messages have string keys");
        self.change(|state| state.ring.push(op, &data));
    }

    /// Tells the client something of the moment.
    pub fn mention(&self, op: u8, data: &impl Serialize) {
        let data = serde_json::to_string(data).expect("messages have string keys");
        self.change(|state| state.ring.push_unnumbered(op, &data));
    }

    /// Closes whichever connection holds the session, and every later one.
    pub fn close(&self, close: VoiceClose) {
        self.change(|state| state.close = state.close.or(Some(close)));
    }

    /// Gives the mailbox to a connection; one that had it closes.
    pub fn hold(&self, holder: u32) {
        self.change(|state| state.holder = holder);
    }

    /// Gives it to a connection that goes on after a number; false when something is missing.
    pub fn resume(&self, holder: u32, seq: u64) -> bool {
        let mut is_whole = false;
        self.change(|state| {
            is_whole = state.ring.resume(seq);
            state.holder = holder;
        });
        is_whole
    }

    /// The client saw everything up to a number.
    pub fn acknowledge(&self, seq: u64) {
        self.lock().ring.acknowledge(seq);
    }

    /// What a connection is to do next, without waiting.
    pub fn poll_next(&self, cx: &mut Context<'_>, holder: u32) -> Poll<Mail> {
        let mut state = self.lock();
        if state.holder != holder {
            return Poll::Ready(Mail::Close(VoiceClose::SessionInvalid));
        }
        if let Some(message) = state.ring.take_next() {
            return Poll::Ready(Mail::Message(message));
        }
        if let Some(close) = state.close {
            return Poll::Ready(Mail::Close(close));
        }
        if state.ring.is_overrun() {
            return Poll::Ready(Mail::Close(VoiceClose::Crashed));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits for what a connection is to do next.
    pub async fn next(self: &Arc<Self>, holder: u32) -> Mail {
        poll_fn(|cx| self.poll_next(cx, holder)).await
    }
}
