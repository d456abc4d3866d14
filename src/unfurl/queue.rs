//! Messages whose links may have cards, on their way to be looked up. A soft kind: a full queue or a crash costs cards, not messages.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::model::{ChannelId, MessageId};

/// Messages that wait; further ones get no cards.
const MAX_WAITING: usize = 1_024;

/// A message whose links may have cards.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Where it is.
    pub channel: ChannelId,
    /// Which.
    pub message: MessageId,
}

/// What waits.
pub struct Queue {
    waiting: mpsc::Sender<Wanted>,
    taken: Mutex<Option<mpsc::Receiver<Wanted>>>,
}

impl Default for Queue {
    fn default() -> Self {
        let (waiting, taken) = mpsc::channel(MAX_WAITING);
        Self { waiting, taken: Mutex::new(Some(taken)) }
    }
}

impl Queue {
    /// Wants cards for a message.
    pub fn want(&self, wanted: Wanted) {
        // Full, or nobody looks up any more: no cards.
        let _ = self.waiting.try_send(wanted);
    }

    /// The other end, for the one who looks up; none the second time.
    pub fn take(&self) -> Option<mpsc::Receiver<Wanted>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
