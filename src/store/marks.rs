//! Read marks on their way to the store. They are a soft kind (SAFETY.md §5.4): merged here, the greatest wins, and written behind
//! many at a time, so that neither a post (its author has read it) nor a glance at a channel costs a write of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;

use tokio::sync::{Mutex as Turn, MutexGuard, Notify};

use crate::model::{ChannelId, MessageId, UserId};

/// Most marks that wait to be written; further ones are dropped, which costs their readers a badge to click away again.
pub const MAX_WAITING: usize = 65_536;

/// What somebody has seen of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Read up to here.
    pub last_message: Option<MessageId>,
    /// Pins seen up to here, milliseconds of Unix time.
    pub pins_ms: Option<u64>,
    /// Day of the last visit, days since 2015-01-01.
    pub last_viewed: Option<u32>,
    /// Whether the reader's sessions are told once it is written; those of an author know it from the message.
    pub is_told: bool,
}

impl Mark {
    fn merge(&mut self, other: Self) {
        self.last_message = self.last_message.max(other.last_message);
        self.pins_ms = self.pins_ms.max(other.pins_ms);
        self.last_viewed = self.last_viewed.max(other.last_viewed);
        self.is_told |= other.is_told;
    }
}

#[derive(Default)]
struct Pending {
    waiting: HashMap<UserId, HashMap<ChannelId, Mark>>,
    count: usize,
    writing: Vec<(UserId, ChannelId, Mark)>,
}

/// The marks that are not on disk yet.
#[derive(Default)]
pub struct Marks {
    pending: Mutex<Pending>,
    turn: Turn<()>,
    noted: Notify,
}

impl Marks {
    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().expect("the lock is held for map operations only")
    }

    /// Notes what somebody has seen; written soon.
    pub fn note(&self, user: UserId, channel: ChannelId, mark: Mark) {
        let mut pending = self.lock();
        let has_room = pending.count < MAX_WAITING;
        let mut is_new = false;
        match pending.waiting.entry(user).or_default().entry(channel) {
            Entry::Occupied(mut entry) => entry.get_mut().merge(mark),
            Entry::Vacant(entry) if has_room => {
                entry.insert(mark);
                is_new = true;
            }
            Entry::Vacant(_) => {}
        }
        pending.count += usize::from(is_new);
        drop(pending);
        self.noted.notify_one();
    }

    /// What one account has seen beyond what the store says. Ask before taking the snapshot it is laid over, or a mark written in
    /// between is missed.
    pub fn of(&self, user: UserId) -> HashMap<ChannelId, Mark> {
        let pending = self.lock();
        let mut marks = pending.waiting.get(&user).cloned().unwrap_or_default();
        for (_, channel, mark) in pending.writing.iter().filter(|(reader, ..)| *reader == user) {
            marks.entry(*channel).or_default().merge(*mark);
        }
        marks
    }

    /// Drops what waits for one reader of one channel.
    pub fn forget(&self, user: UserId, channel: ChannelId) {
        let mut pending = self.lock();
        let removed = pending.waiting.get_mut(&user).and_then(|marks| marks.remove(&channel)).is_some();
        pending.count -= usize::from(removed);
    }

    /// Resolves when something waits.
    pub async fn noted(&self) {
        self.noted.notified().await;
    }

    /// The right to write marks: one batch at a time, so that an older one never lands after a newer.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Takes at most `most` marks to be written; they count as seen until [`Marks::written`].
    pub fn take(&self, most: usize) -> Vec<(UserId, ChannelId, Mark)> {
        let mut pending = self.lock();
        let users: Vec<UserId> = pending.waiting.keys().copied().take(most).collect();
        let mut taken = Vec::new();
        for user in users {
            let Some(marks) = pending.waiting.remove(&user) else { continue };
            let room = most - taken.len();
            let mut marks = marks.into_iter();
            taken.extend(marks.by_ref().take(room).map(|(channel, mark)| (user, channel, mark)));
            let rest: HashMap<ChannelId, Mark> = marks.collect();
            if !rest.is_empty() {
                pending.waiting.insert(user, rest);
            }
            if taken.len() == most {
                break;
            }
        }
        pending.waiting.retain(|_, marks| !marks.is_empty());
        pending.count -= taken.len();
        pending.writing.clone_from(&taken);
        taken
    }

    /// The marks taken last are on disk.
    pub fn written(&self) {
        self.lock().writing.clear();
    }

    /// The marks taken last could not be written: they wait again, under what was noted since.
    pub fn put_back(&self) {
        let mut pending = self.lock();
        for (user, channel, mark) in std::mem::take(&mut pending.writing) {
            let has_room = pending.count < MAX_WAITING;
            match pending.waiting.entry(user).or_default().entry(channel) {
                Entry::Occupied(mut newer) => newer.get_mut().merge(mark),
                Entry::Vacant(slot) if has_room => {
                    slot.insert(mark);
                    pending.count += 1;
                }
                Entry::Vacant(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(message: u64) -> Mark {
        Mark { last_message: Some(MessageId::new(message)), ..Mark::default() }
    }

    #[test]
    fn marks_merge_to_the_greatest_and_show_until_written() {
        let (marks, ann, room) = (Marks::default(), UserId::new(1), ChannelId::new(2));
        marks.note(ann, room, seen(7));
        marks.note(ann, room, Mark { is_told: true, ..seen(5) });
        assert_eq!(marks.of(ann)[&room], Mark { is_told: true, ..seen(7) });
        assert_eq!(marks.take(10).len(), 1);
        marks.note(ann, room, seen(9));
        assert_eq!(
            marks.of(ann)[&room].last_message,
            Some(MessageId::new(9)),
            "waiting and being written are one"
        );
        marks.written();
        marks.forget(ann, room);
        assert!(marks.of(ann).is_empty() && marks.take(10).is_empty());
    }

    #[test]
    fn what_could_not_be_written_waits_again_below_what_came_since() {
        let (marks, ann, room) = (Marks::default(), UserId::new(1), ChannelId::new(2));
        let other = ChannelId::new(3);
        marks.note(ann, room, seen(7));
        marks.note(ann, other, seen(8));
        assert_eq!(marks.take(10).len(), 2);
        marks.note(ann, room, seen(9));
        marks.put_back();
        let mut again = marks.take(10);
        again.sort_by_key(|(_, channel, _)| *channel);
        assert_eq!(again, [(ann, room, seen(9)), (ann, other, seen(8))]);
        marks.written();
        assert!(marks.take(10).is_empty());
    }

    #[test]
    fn batches_and_what_waits_are_bounded() {
        let marks = Marks::default();
        for n in 0..MAX_WAITING as u64 + 10 {
            marks.note(UserId::new(n / 300), ChannelId::new(n), seen(n));
        }
        let mut written = 0;
        loop {
            let batch = marks.take(500);
            assert!(batch.len() <= 500);
            if batch.is_empty() {
                break;
            }
            written += batch.len();
            marks.written();
        }
        assert_eq!(written, MAX_WAITING);
    }
}
