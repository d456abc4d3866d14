//! The one writer: a thread that gathers jobs while the previous fsync runs, commits them as one transaction and only then
//! answers them and publishes their events, in commit order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::rows::{MetaRow, Row};
use super::snapshots::Snapshots;
use super::tables::{Meta, Table};
use super::tx::Tx;
use super::view::{RowCache, View};
use crate::logic::file_links::FileLinks;
use crate::logic::right_of_way::RightOfWay;
use crate::model::{Batch, Event, IdClock};

/// Most jobs waiting for the writer (SAFETY.md §6).
pub const QUEUE_JOBS: usize = 4_096;
/// Most jobs of one commit: beyond, the copying of pages outweighs the shared fsync (STACK.md §4).
pub const BATCH_JOBS: usize = 512;
/// How long a write waits for room in the queue before it is refused.
pub const ROOM_WAIT: Duration = Duration::from_secs(5);

/// Whether a write needs room on the disk or makes some: below the floor only the latter go on (SAFETY.md §5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Adds rows.
    Room,
    /// Deletes rows.
    Reclaims,
}

/// How a job ended in the transaction.
pub(super) enum Ran {
    Done,
    Refused,
}

/// A write waiting for its turn. It may run more than once, and its result counts only after the commit.
pub(super) trait Job: Send {
    fn need(&self) -> Need;
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    fn finish(self: Box<Self>, verdict: Result<(), StoreError>);
}

/// The [`Job`] of one closure.
pub(super) struct ClosureJob<F, T, E> {
    pub need: Need,
    pub work: F,
    pub result: Option<Result<T, E>>,
    pub reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for ClosureJob<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn need(&self) -> Need {
        self.need
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let result = (self.work)(tx);
        let ran = if result.is_ok() { Ran::Done } else { Ran::Refused };
        self.result = Some(result);
        ran
    }

    fn finish(self: Box<Self>, verdict: Result<(), StoreError>) {
        let answer = match (verdict, self.result) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Closed.into()),
        };
        // Whoever asked may have gone away; the write stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// Free space and the floor below which nothing is written.
pub trait SpaceGauge: Send {
    /// Bytes free for the data directory.
    fn free_bytes(&self) -> std::io::Result<u64>;
    /// Bytes kept back.
    fn floor_bytes(&self) -> u64;
}

/// What the writer needs to run.
pub(super) struct Writer {
    pub db: Arc<Database>,
    pub queue: mpsc::Receiver<Box<dyn Job>>,
    pub ids: IdClock,
    pub commit: u64,
    pub publish: Box<dyn FnMut(Batch) + Send>,
    pub clock: Box<dyn Fn() -> u64 + Send>,
    pub space: Box<dyn SpaceGauge>,
    pub full: bool,
    pub rehearse: bool,
    pub links: Arc<FileLinks>,
    pub way: Arc<RightOfWay>,
    pub snapshots: Arc<Snapshots>,
}

impl Writer {
    /// Runs until the queue closes, or until a commit fails: then every waiting job is refused and the error comes back, for the
    /// process to end with (restart is the recovery we test).
    pub fn run(mut self) -> Result<(), StoreError> {
        let mut cache = RowCache::default();
        while let Some(first) = self.queue.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < BATCH_JOBS
                && let Ok(next) = self.queue.try_recv()
            {
                jobs.push(next);
            }
            let jobs = self.refuse_without_room(jobs)?;
            if jobs.is_empty() {
                continue;
            }
            match self.commit_batch(jobs, cache) {
                Ok(kept) => cache = kept,
                Err(error) => {
                    self.queue.close();
                    while let Ok(job) = self.queue.try_recv() {
                        job.finish(Err(StoreError::Closed));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Finishes the jobs for which the disk has no room (SAFETY.md §5.5) and gives back the others. Writes stop at the floor and go
    /// on at a quarter above it; deletions stop at half of it.
    fn refuse_without_room(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<Vec<Box<dyn Job>>, StoreError> {
        let (free_bytes, floor_bytes) = (self.space.free_bytes()?, self.space.floor_bytes());
        self.full =
            if self.full { free_bytes < floor_bytes + floor_bytes / 4 } else { free_bytes < floor_bytes };
        if !self.full {
            return Ok(jobs);
        }
        let reclaims_too = free_bytes >= floor_bytes / 2;
        let (allowed, refused): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| reclaims_too && job.need() == Need::Reclaims);
        for job in refused {
            job.finish(Err(StoreError::DiskFull { free_bytes, floor_bytes }));
        }
        Ok(allowed)
    }

    /// One transaction. A job that fails after it wrote, or panics, is taken out and the others run again, so that it leaves
    /// nothing behind.
    fn commit_batch(
        &mut self,
        mut jobs: Vec<Box<dyn Job>>,
        mut cache: RowCache,
    ) -> Result<RowCache, StoreError> {
        let mut is_rehearsal = self.rehearse;
        let way = Arc::clone(&self.way);
        let _taken = way.take();
        loop {
            let ids_before = self.ids.last();
            let outcome = self.attempt(&mut jobs, cache, is_rehearsal);
            match outcome {
                Ok(Attempt::Rehearsed) => {
                    is_rehearsal = false;
                    self.ids = IdClock::after(ids_before);
                    cache = RowCache::default();
                }
                Ok(Attempt::Committed { events, cache: kept }) => {
                    if let Some(events) = events {
                        (self.publish)(Batch { commit: self.commit, events });
                    }
                    jobs.into_iter().for_each(|job| job.finish(Ok(())));
                    return Ok(kept);
                }
                Ok(Attempt::Spoiled { index, verdict }) => {
                    self.ids = IdClock::after(ids_before);
                    cache = RowCache::default();
                    jobs.remove(index).finish(verdict);
                    if jobs.is_empty() {
                        return Ok(cache);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the store failed");
                    jobs.into_iter().for_each(|job| job.finish(Err(error.clone())));
                    return Err(error);
                }
            }
        }
    }

    fn attempt(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        cache: RowCache,
        is_rehearsal: bool,
    ) -> Result<Attempt, StoreError> {
        let mut txn = self.db.begin_write()?;
        // Opening after a crash must not read the whole file (STACK.md §4); costs a second sync per commit.
        txn.set_quick_repair(true);
        let view = View::writing(&txn, cache, self.commit + 1, (self.clock)(), self.links.clone());
        let mut tx = Tx::new(view, &mut self.ids);
        let mut spoiled = None;
        for (index, job) in jobs.iter_mut().enumerate() {
            tx.begin_job((self.clock)());
            let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut tx)));
            match ran {
                Ok(Ran::Done) => tx.keep_job(),
                Ok(Ran::Refused) if !tx.job_wrote() => {}
                Ok(Ran::Refused) => spoiled = Some(Attempt::Spoiled { index, verdict: Ok(()) }),
                Err(_) => spoiled = Some(Attempt::Spoiled { index, verdict: Err(StoreError::Panicked) }),
            }
            if spoiled.is_some() {
                break;
            }
        }
        if spoiled.is_none() && is_rehearsal {
            spoiled = Some(Attempt::Rehearsed);
        }
        if let Some(spoiled) = spoiled {
            drop(tx);
            txn.abort()?;
            return Ok(spoiled);
        }
        if !tx.wrote() {
            let (events, cache) = tx.into_parts();
            debug_assert!(events.is_empty(), "an event without a write: {events:?}");
            txn.abort()?;
            return Ok(Attempt::Committed { events: None, cache });
        }
        tx.put_meta(COMMIT, self.commit + 1)?;
        tx.put_last_id()?;
        self.snapshots.announce(self.commit + 1, tx.touched());
        let (events, cache) = tx.into_parts();
        txn.commit()?;
        self.commit += 1;
        self.snapshots.committed(self.commit);
        Ok(Attempt::Committed { events: Some(events), cache })
    }
}

enum Attempt {
    Committed { events: Option<Vec<Event>>, cache: RowCache },
    Spoiled { index: usize, verdict: Result<(), StoreError> },
    Rehearsed,
}

/// Key of the schema version in [`Meta`].
pub(super) const SCHEMA: &str = "schema";
/// Key of the store epoch in [`Meta`].
pub(super) const EPOCH: &str = "epoch";
/// Key of the greatest id drawn in [`Meta`].
pub(super) const LAST_ID: &str = "last_id";
/// Key of the commit number in [`Meta`].
pub(super) const COMMIT: &str = "commit";

/// The number under a key of [`Meta`]; 0 when there is none.
pub(super) fn meta_number(view: &View<'_>, key: &str) -> Result<u64, StoreError> {
    Ok(match view.get::<Meta>(&key.to_owned())? {
        Some(MetaRow::Number(number)) => number,
        _ => 0,
    })
}

/// Index and bytes of a number in [`Meta`], for the writer's own rows.
pub(super) fn meta_row(number: u64) -> (usize, Vec<u8>) {
    (Meta::INDEX, MetaRow::Number(number).to_bytes())
}
