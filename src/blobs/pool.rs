//! Turns and memory for work on pictures. Decoding one may take as much memory as it has pixels, so the pool hands out bytes and not
//! only turns, and whatever strangers send, chat goes on beside it (SAFETY.md §4, §6).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::threads;

/// Memory for decoded pictures, all together, bytes (SAFETY.md §6).
pub const MEMORY_BYTES: u64 = 256 << 20;
/// Most pieces of work that wait; further ones are refused.
const MAX_WAITING: usize = 256;
/// How long a piece of work may wait for its turn.
const WAIT: Duration = Duration::from_secs(20);
/// How long a piece of work may take before nobody waits for it any more. It keeps its turn and its memory until it ends.
const RUN: Duration = Duration::from_secs(20);
/// What one permit stands for, bytes.
const UNIT_BYTES: u64 = 1 << 10;

/// Why a piece of work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It needs more memory than there is for all.
    #[error("the picture is too large to be decoded")]
    TooLarge,
    /// Too much waits, or it waited too long.
    #[error("too many pictures wait")]
    Busy,
    /// It took too long, or the decoder gave up on it badly.
    #[error("the picture could not be decoded")]
    Failed,
}

/// The pool; clones are cheap.
#[derive(Clone)]
pub struct PicturePool(Arc<Inner>);

struct Inner {
    memory: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Counts one that waits.
struct Waiting<'p>(&'p AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PicturePool {
    /// A pool with this many turns at once; half the cores leave the other half to chat.
    pub fn new(turns: usize) -> Self {
        Self(Arc::new(Inner {
            memory: Arc::new(Semaphore::new((MEMORY_BYTES / UNIT_BYTES) as usize)),
            turns: Arc::new(Semaphore::new(turns.max(1))),
            waiting: AtomicUsize::new(0),
        }))
    }

    /// Does a piece of work that needs about this much memory, when its turn comes.
    ///
    /// # Errors
    /// [`PoolError`]; a panic inside is one of them and ends nothing else.
    pub async fn run<T: Send + 'static>(
        &self,
        memory_bytes: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        if memory_bytes > MEMORY_BYTES {
            return Err(PoolError::TooLarge);
        }
        if self.0.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.0.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(PoolError::Busy);
        }
        let waiting = Waiting(&self.0.waiting);
        let permits =
            u32::try_from(memory_bytes.div_ceil(UNIT_BYTES)).expect("the budget is less than 4 TiB");
        let turn = async {
            let turn = self.0.turns.clone().acquire_owned().await;
            let memory = self.0.memory.clone().acquire_many_owned(permits).await;
            (turn.expect("the pool is never closed"), memory.expect("the pool is never closed"))
        };
        let held = tokio::time::timeout(WAIT, turn).await.map_err(|_| PoolError::Busy)?;
        drop(waiting);
        // A panic of a decoder comes back as the task's error (SAFETY.md I-11).
        let task = threads::decode(move || {
            let done = work();
            drop(held);
            done
        });
        match tokio::time::timeout(RUN, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(PoolError::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_handed_out_and_given_back_whatever_happens() {
        let pool = PicturePool::new(2);
        assert_eq!(pool.run(MEMORY_BYTES + 1, || 1).await, Err(PoolError::TooLarge));
        for _ in 0..3 {
            let failed = pool.run(MEMORY_BYTES, || -> u8 { panic!("a decoder gives up") }).await;
            assert_eq!(failed, Err(PoolError::Failed));
        }
        assert_eq!(pool.run(MEMORY_BYTES, || 7).await, Ok(7));
        assert_eq!(pool.0.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn two_large_pictures_are_not_decoded_at_once() {
        let pool = PicturePool::new(2);
        let at_once = Arc::new(AtomicUsize::new(0));
        let work = || {
            let at_once = at_once.clone();
            move || {
                let others = at_once.fetch_add(1, Ordering::SeqCst);
                at_once.fetch_sub(1, Ordering::SeqCst);
                others
            }
        };
        let (large, larger) = (MEMORY_BYTES / 2 + 1, MEMORY_BYTES);
        let (a, b, c) =
            tokio::join!(pool.run(large, work()), pool.run(larger, work()), pool.run(large, work()));
        assert_eq!((a, b, c), (Ok(0), Ok(0), Ok(0)));
    }
}
