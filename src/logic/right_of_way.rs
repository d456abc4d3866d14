//! Who uses the disk first: writes that somebody waits for, before files that arrive. What a file has just sent to the disk stands
//! before a post's own sync there, and the system knows no order among them; so a file waits a moment while a post is being written.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long those who gave way still let the answers go first.
const AFTERWARDS: Duration = Duration::from_micros(200);

/// The right to go first.
#[derive(Debug, Default)]
pub struct RightOfWay {
    is_taken: Mutex<bool>,
    freed: Condvar,
}

/// The right of way while it is held.
#[derive(Debug)]
pub struct Taken<'a>(&'a RightOfWay);

impl RightOfWay {
    /// Takes it. There is one who does.
    pub fn take(&self) -> Taken<'_> {
        *self.lock() = true;
        Taken(self)
    }

    /// Waits while it is taken, and a moment longer for what was waited for to go on its way; but no longer than `most` before that
    /// moment: whoever gives way comes through in the end.
    pub fn give(&self, most: Duration) {
        let guard = self.lock();
        let was_taken = *guard;
        drop(self.freed.wait_timeout_while(guard, most, |is_taken| *is_taken));
        if was_taken {
            std::thread::sleep(AFTERWARDS);
        }
    }

    /// Whether somebody is at it.
    #[cfg(test)]
    pub fn is_taken(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn who_gives_way_goes_on_when_it_is_free() {
        let began = std::time::Instant::now();
        let (way, is_free) = (Arc::<RightOfWay>::default(), Arc::<AtomicBool>::default());
        way.give(LONG);
        let taken = way.take();
        let waiting = {
            let (way, is_free) = (way.clone(), is_free.clone());
            std::thread::spawn(move || {
                way.give(LONG);
                is_free.load(Ordering::SeqCst)
            })
        };
        way.give(Duration::from_millis(1));
        assert!(way.is_taken(), "who comes through does not take it");
        is_free.store(true, Ordering::SeqCst);
        drop(taken);
        assert!(waiting.join().unwrap(), "it went on while it was taken");
        assert!(began.elapsed() < LONG / 2, "nobody told it that it may go on");
        way.give(LONG);
    }
}
