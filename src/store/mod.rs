//! The store: one redb file, one writer with group commit, snapshots for readers. `tables` lists what it holds, `rows` how,
//! `snapshots` what readers share, `access` proves who may do what, one file per noun writes it. What is in memory only belongs to the hub.

pub mod access;
mod as_of;
mod error;
mod files;
mod keys;
pub mod marks;
mod messages;
pub mod nonces;
mod rows;
mod snapshots;
mod space;
mod tables;
mod tx;
mod view;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex};

use redb::{Database, StorageBackend};
use tokio::sync::{mpsc, oneshot};

pub use as_of::{GuildsAsOf, Rooms, WholeGuild};
pub use error::{Denied, StoreError};
pub use keys::Key;
pub use messages::{Doomed, MAX_PINS, MayPost, plain_key};
pub use rows::*;
pub use space::{DiskGauge, NoGauge};
pub use tables::*;
pub use tx::Tx;
pub use view::{Order, Rows, View};
pub use writer::{Need, SpaceGauge};

use crate::logic::file_links::FileLinks;
use crate::logic::right_of_way::RightOfWay;
use crate::model::{Batch, IdClock};
use snapshots::{Snapshot, Snapshots};
use writer::{COMMIT, ClosureJob, EPOCH, Job, LAST_ID, QUEUE_JOBS, ROOM_WAIT, SCHEMA, Writer, meta_number};

/// Version of the records this program writes; a file with a greater one is refused.
pub const SCHEMA_VERSION: u64 = 1;

/// File name of the store in the data directory.
pub const FILE_NAME: &str = "hearth.redb";

/// Milliseconds of Unix time.
pub fn unix_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// How a store is opened.
pub struct Options {
    /// Page cache, bytes (redb's own default is 1 GiB).
    pub cache_bytes: usize,
    /// Free space of the disk and its floor.
    pub space: Box<dyn SpaceGauge>,
    /// The wall clock, milliseconds of Unix time; tests turn it.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Aborts every batch once and runs it again, to prove that jobs may run twice (I-5); for tests.
    pub rehearse: bool,
    /// Makes the addresses of the files that rows name.
    pub links: Arc<FileLinks>,
    /// Taken from when jobs run until they are answered.
    pub way: Arc<RightOfWay>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            space: Box::new(NoGauge),
            clock: Arc::new(unix_ms),
            rehearse: false,
            links: Arc::new(FileLinks::new("http://127.0.0.1/cdn".to_owned(), &[0; 32])),
            way: Arc::default(),
        }
    }
}

/// A handle to the store; clones are cheap.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    db: Arc<Database>,
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    links: Arc<FileLinks>,
    snapshots: Arc<Snapshots>,
    epoch: String,
    thread: Mutex<Option<std::thread::JoinHandle<Result<(), StoreError>>>>,
    ended: tokio::sync::watch::Receiver<Option<StoreError>>,
}

/// An opened file whose writer does not run yet: state may be read to build what `publish` feeds.
pub struct Opened {
    db: Arc<Database>,
    options: Options,
    snapshots: Arc<Snapshots>,
    epoch: String,
}

impl Store {
    /// Opens the store in a directory, or makes it.
    pub fn open(directory: &Path, options: Options) -> Result<Opened, StoreError> {
        let db = Database::builder().set_cache_size(options.cache_bytes).create(directory.join(FILE_NAME))?;
        Opened::prepare(db, options)
    }

    /// Opens a store on a backend of the test's making.
    pub fn open_with_backend(backend: impl StorageBackend, options: Options) -> Result<Opened, StoreError> {
        let db = Database::builder().set_cache_size(options.cache_bytes).create_with_backend(backend)?;
        Opened::prepare(db, options)
    }

    /// Runs a write and answers when it is on disk. The closure may run more than once, so it is a function of the transaction
    /// alone: it checks first and writes after.
    ///
    /// # Errors
    /// What the closure answers, or why the store could not run or keep it.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.submit(Need::Room, work).await
    }

    /// As [`Store::write`], for work that makes room on the disk: it goes on a while longer when the disk fills.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn reclaim<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.submit(Need::Reclaims, work).await
    }

    async fn submit<T, E, F>(&self, need: Need, work: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let queue = self.0.queue.lock().expect("the queue's lock is held for a clone only").clone();
        let Some(queue) = queue else { return Err(StoreError::Closed.into()) };
        let (reply, answer) = oneshot::channel();
        let job = Box::new(ClosureJob { need, work, result: None, reply });
        match queue.send_timeout(job, ROOM_WAIT).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => return Err(StoreError::Busy.into()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Err(StoreError::Closed.into()),
        }
        drop(queue);
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Reads a snapshot: everything as it was at one commit. The closure must not wait for anything; the snapshot ends with it.
    ///
    /// # Errors
    /// What the closure answers, or why the store could not be read.
    pub fn read<T, E: From<StoreError>>(
        &self,
        look: impl FnOnce(&View<'static>) -> Result<T, E>,
    ) -> Result<T, E> {
        look(&snapshot(&self.0.db, &self.0.snapshots, (self.0.clock)(), &self.0.links)?)
    }

    /// A random id made with the file, renewed by restore: what follows the store compares it (SAFETY.md §5.7).
    pub fn epoch(&self) -> &str {
        &self.0.epoch
    }

    /// Makes the addresses of the files that rows name.
    pub fn links(&self) -> &FileLinks {
        &self.0.links
    }

    /// The time by the store's clock, milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        (self.0.clock)()
    }

    /// Resolves when the writer ended; with an error if a commit failed, after which only a restart helps.
    pub async fn ended(&self) -> Option<StoreError> {
        let mut ended = self.0.ended.clone();

        // An error means that the sender went with the thread: it ended.
        let _ = ended.wait_for(Option::is_some).await;
        ended.borrow().clone()
    }

    /// Takes no more writes, and waits until those in the queue are on disk.
    pub fn close(&self) -> Result<(), StoreError> {
        self.0.queue.lock().expect("the queue's lock is held for a clone only").take();
        let thread = self.0.thread.lock().expect("the thread's lock is held for a moment only").take();
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or(Err(StoreError::Panicked)))
    }
}

fn snapshot(
    db: &Database,
    snapshots: &Arc<Snapshots>,
    now_ms: u64,
    links: &Arc<FileLinks>,
) -> Result<View<'static>, StoreError> {
    let number = |snapshot: &Arc<Snapshot>| {
        meta_number(&View::snapshot(snapshot.clone(), None, 0, now_ms, links.clone()), COMMIT)
    };
    let (commit, newest) = snapshots.take(db, number)?;
    Ok(View::snapshot(newest, Some(snapshots.clone()), commit, now_ms, links.clone()))
}

impl Opened {
    /// Makes the tables of a new file; refuses a newer one.
    fn prepare(db: Database, options: Options) -> Result<Self, StoreError> {
        let mut txn = db.begin_write()?;
        txn.set_quick_repair(true);
        let meta = tables::ALL[Meta::INDEX];
        let number = |bytes: &[u8]| match MetaRow::from_bytes(bytes) {
            Ok(MetaRow::Number(number)) => number,
            _ => 0,
        };
        let found = {
            let table = txn.open_table(meta)?;
            redb::ReadableTable::get(&table, SCHEMA.to_owned().to_key().as_slice())?
                .map(|row| number(row.value()))
        };
        match found {
            Some(found) if found > SCHEMA_VERSION => {
                txn.abort()?;
                return Err(StoreError::Newer { found, known: SCHEMA_VERSION });
            }
            Some(_) => {}
            None => {
                let mut table = txn.open_table(meta)?;
                let epoch = random_hex::<16>();
                table.insert(
                    SCHEMA.to_owned().to_key().as_slice(),
                    MetaRow::Number(SCHEMA_VERSION).to_bytes().as_slice(),
                )?;
                table.insert(
                    EPOCH.to_owned().to_key().as_slice(),
                    MetaRow::Text(epoch).to_bytes().as_slice(),
                )?;
            }
        }
        // Tables added since the file was made appear here, so that a snapshot can open every one.
        for table in tables::ALL {
            txn.open_table(*table)?;
        }
        txn.commit()?;
        let snapshots = Arc::new(Snapshots::default());
        let view = snapshot(&db, &snapshots, 0, &options.links)?;
        snapshots.committed(view.commit());
        let epoch = match view.get::<Meta>(&EPOCH.to_owned())? {
            Some(MetaRow::Text(epoch)) => epoch,
            _ => {
                return Err(StoreError::Corrupt {
                    table: Meta::NAME,
                    why: "the store epoch is missing".to_owned(),
                });
            }
        };
        drop(view);
        Ok(Self { db: Arc::new(db), options, snapshots, epoch })
    }

    /// Reads the file before its writer runs.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read<T, E: From<StoreError>>(
        &self,
        look: impl FnOnce(&View<'static>) -> Result<T, E>,
    ) -> Result<T, E> {
        look(&snapshot(&self.db, &self.snapshots, (self.options.clock)(), &self.options.links)?)
    }

    /// Starts the writer. `publish` gets the events of each commit, in commit order, on the writer's thread.
    pub fn start(self, publish: impl FnMut(Batch) + Send + 'static) -> Result<Store, StoreError> {
        let (commit, last_id) =
            self.read::<_, StoreError>(|view| Ok((meta_number(view, COMMIT)?, meta_number(view, LAST_ID)?)))?;
        let (sender, queue) = mpsc::channel(QUEUE_JOBS);
        let clock = self.options.clock.clone();
        let writer = Writer {
            db: self.db.clone(),
            queue,
            ids: IdClock::after(last_id),
            commit,
            publish: Box::new(publish),
            clock: Box::new(move || clock()),
            space: self.options.space,
            full: false,
            rehearse: self.options.rehearse,
            links: self.options.links.clone(),
            way: self.options.way,
            snapshots: self.snapshots.clone(),
        };
        let (tell_end, ended) = tokio::sync::watch::channel(None);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let result = writer.run();
            tell_end.send_replace(result.as_ref().err().cloned());
            result
        })?;
        Ok(Store(Arc::new(Inner {
            db: self.db,
            queue: Mutex::new(Some(sender)),
            clock: self.options.clock,
            links: self.options.links,
            snapshots: self.snapshots,
            epoch: self.epoch,
            thread: Mutex::new(Some(thread)),
            ended,
        })))
    }
}

/// `N` random bytes as lower-case hex.
fn random_hex<const N: usize>() -> String {
    let mut bytes = [0u8; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source works");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
