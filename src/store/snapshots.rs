//! What readers share: the snapshot of the newest commit with its opened tables, until the next commit; and decoded rows of the tables
//! that most requests read, for as long as no commit touched their table.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase};

use super::StoreError;
use super::tables::ALL;
use super::view::Bytes;

/// Most decoded rows kept of one table; a full one is emptied, which costs one decode per row again.
const SHARED_ROWS: usize = 4_096;

/// The store at one commit.
pub(super) struct Snapshot {
    txn: ReadTransaction,
    tables: Vec<OnceLock<ReadOnlyTable<Bytes, Bytes>>>,
}

impl Snapshot {
    /// The newest commit.
    pub fn begin(db: &Database) -> Result<Self, StoreError> {
        Ok(Self { txn: db.begin_read()?, tables: ALL.iter().map(|_| OnceLock::new()).collect() })
    }

    /// A table, opened when it is first asked for.
    pub fn table(&self, index: usize) -> Result<&ReadOnlyTable<Bytes, Bytes>, StoreError> {
        if let Some(table) = self.tables[index].get() {
            return Ok(table);
        }
        let table = self.txn.open_table(ALL[index])?;
        Ok(self.tables[index].get_or_init(|| table))
    }
}

/// The newest snapshot, for whoever reads next.
#[derive(Default)]
pub(super) struct Snapshots {
    /// The number of the newest commit.
    committed: AtomicU64,
    newest: RwLock<Option<(u64, Arc<Snapshot>)>>,
    rows: SharedRows,
}

impl Snapshots {
    /// The snapshot of the newest commit with the commit's number, which `number` reads from a new one. Whoever was told of a commit
    /// gets that or a later one.
    pub fn take(
        &self,
        db: &Database,
        number: impl FnOnce(&Arc<Snapshot>) -> Result<u64, StoreError>,
    ) -> Result<(u64, Arc<Snapshot>), StoreError> {
        let committed = self.committed.load(Ordering::Acquire);
        if let Some((commit, snapshot)) = &*self.newest.read().unwrap_or_else(PoisonError::into_inner)
            && *commit == committed
        {
            return Ok((*commit, snapshot.clone()));
        }
        let snapshot = Arc::new(Snapshot::begin(db)?);
        let commit = number(&snapshot)?;
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        let is_newer = newest.as_ref().is_none_or(|(held, _)| *held < commit);
        let older = is_newer.then(|| newest.replace((commit, snapshot.clone())));
        drop(newest);
        drop(older); // with no lock held: its pages are given back
        Ok((commit, snapshot))
    }

    /// The next commit touches these tables: told before anybody can see it.
    pub fn announce(&self, commit: u64, touched: impl Iterator<Item = usize>) {
        for index in touched {
            self.rows.0[index].changed_at.store(commit, Ordering::SeqCst);
        }
    }

    /// This commit is on disk: told before whoever asked for it hears so. The snapshot before it is let go.
    pub fn committed(&self, commit: u64) {
        self.committed.store(commit, Ordering::Release);
        let older = self.newest.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(older);
    }

    /// Decoded rows.
    pub fn rows(&self) -> &SharedRows {
        &self.rows
    }
}

/// Decoded rows by table and key.
pub(super) struct SharedRows(Vec<SharedTable>);

#[derive(Default)]
struct SharedTable {
    /// The commit that touched the table last, or is about to.
    changed_at: AtomicU64,
    /// By [`Form`].
    kept: [RwLock<Kept>; 2],
}

/// In what form a row is kept.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// As it stands in the table.
    Row,
    /// As it is shown, which is one type for each table.
    Shown,
}

#[derive(Default)]
struct Kept {
    /// The rows are those of this commit, and of all after it up to the next that touches the table.
    as_of: u64,
    rows: HashMap<Vec<u8>, Arc<dyn Any + Send + Sync>>,
}

impl Default for SharedRows {
    fn default() -> Self {
        Self(ALL.iter().map(|_| SharedTable::default()).collect())
    }
}

impl SharedRows {
    /// A row as a snapshot of this commit has it, if it is kept in that form.
    pub fn get<R: Send + Sync + 'static>(
        &self,
        (index, form): (usize, Form),
        key: &[u8],
        commit: u64,
    ) -> Option<Arc<R>> {
        let table = &self.0[index];
        let changed_at = table.changed_at.load(Ordering::SeqCst);
        let kept = table.kept[form as usize].read().unwrap_or_else(PoisonError::into_inner);
        // A snapshot that is older than the last change may have other rows; one that is not has those of that change.
        if changed_at > commit || kept.as_of != changed_at {
            return None;
        }
        kept.rows.get(key)?.clone().downcast().ok()
    }

    /// Keeps a row that a snapshot of this commit has.
    pub fn put(
        &self,
        (index, form): (usize, Form),
        key: Vec<u8>,
        commit: u64,
        row: Arc<dyn Any + Send + Sync>,
    ) {
        let table = &self.0[index];
        let changed_at = table.changed_at.load(Ordering::SeqCst);
        if changed_at > commit {
            return;
        }
        let mut kept = table.kept[form as usize].write().unwrap_or_else(PoisonError::into_inner);
        if kept.as_of > changed_at {
            return;
        }
        let mut dropped = HashMap::new();
        if kept.as_of < changed_at || kept.rows.len() >= SHARED_ROWS {
            dropped = std::mem::take(&mut kept.rows);
            kept.as_of = changed_at;
        }
        kept.rows.insert(key, row);
        drop(kept);
        drop(dropped); // with no lock held: it may be large
    }
}
