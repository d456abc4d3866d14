//! Where the messages with recent nonces stand: an index over message rows that lives in memory, so that a post with a nonce reads
//! no others. What it says is checked against the row, so an aborted batch leaves nothing wrong in it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use crate::model::{ChannelId, MessageId, Nonce, UserId};

/// Most nonces of one generation; two are kept. Past it the oldest are forgotten before their time.
const GENERATION_NONCES: usize = 65_536;
/// How long a generation gathers, and so how long a nonce is known at least: 5 minutes (API.md §1.8), in milliseconds.
pub const NONCE_MS: u64 = 5 * 60 * 1_000;

struct Generations {
    newer: HashMap<u64, MessageId>,
    older: HashMap<u64, MessageId>,
    turned_ms: u64,
    since_ms: Option<u64>,
}

/// The newest nonces.
pub struct Nonces {
    hasher: RandomState,
    kept: Mutex<Generations>,
}

impl Default for Nonces {
    fn default() -> Self {
        let kept = Generations { newer: HashMap::new(), older: HashMap::new(), turned_ms: 0, since_ms: None };
        Self { hasher: RandomState::new(), kept: Mutex::new(kept) }
    }
}

impl Nonces {
    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.kept.lock().expect("the lock is held for map operations only")
    }

    fn key(&self, author: UserId, channel: ChannelId, nonce: &Nonce) -> u64 {
        self.hasher.hash_one((author, channel, nonce))
    }

    /// The message that was last sent with this nonce, if it is known; whether it is so, its row says.
    pub fn find(&self, author: UserId, channel: ChannelId, nonce: &Nonce) -> Option<MessageId> {
        let key = self.key(author, channel, nonce);
        let kept = self.lock();
        kept.newer.get(&key).or_else(|| kept.older.get(&key)).copied()
    }

    /// Keeps where the message with this nonce stands.
    pub fn keep(&self, author: UserId, channel: ChannelId, nonce: &Nonce, id: MessageId, now_ms: u64) {
        let key = self.key(author, channel, nonce);
        let mut kept = self.lock();
        if kept.newer.len() >= GENERATION_NONCES || now_ms >= kept.turned_ms + NONCE_MS {
            kept.older = std::mem::take(&mut kept.newer);
            kept.turned_ms = now_ms;
        }
        kept.newer.insert(key, id);
    }

    /// Since when every nonce was seen: messages before this (milliseconds of Unix time) have to be read to know theirs. It is the time
    /// of the first question after the start.
    pub fn since_ms(&self, now_ms: u64) -> u64 {
        *self.lock().since_ms.get_or_insert(now_ms)
    }
}
