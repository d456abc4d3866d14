//! Reading: one set of methods for a snapshot and for the transaction of a write.

use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table as RedbTable, WriteTransaction};

use super::StoreError;
use super::keys::{Key, end_of_prefix};
use super::rows::Row;
use super::tables::{ALL, Table};
use crate::logic::file_links::FileLinks;

type Bytes = &'static [u8];

/// Most decoded rows the writer keeps; a full cache is emptied, which costs one decode per row again.
const CACHE_ROWS: usize = 50_000;

/// Decoded rows that most jobs read (roles, channels, members). A write of a row drops it; an abort drops all.
#[derive(Default)]
pub(super) struct RowCache(HashMap<(usize, Vec<u8>), Arc<dyn Any + Send + Sync>>);

impl RowCache {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

enum Source<'t> {
    Read {
        txn: ReadTransaction,
        tables: Vec<OnceCell<ReadOnlyTable<Bytes, Bytes>>>,
    },
    Write {
        txn: &'t WriteTransaction,
        tables: Vec<OnceCell<RefCell<RedbTable<'t, Bytes, Bytes>>>>,
        cache: RefCell<RowCache>,
    },
}

/// Keys with their rows, in the order of a scan.
pub type Rows<T> = Vec<(<T as Table>::Key, <T as Table>::Row)>;

/// Keys with their rows as bytes, of one table.
#[cfg(test)]
pub(super) type RawRows = Vec<(Vec<u8>, Vec<u8>)>;

/// Which way a scan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Greatest key first.
    Descending,
}

/// The store as it is at one commit (snapshot) or inside a write.
pub struct View<'t> {
    source: Source<'t>,
    commit: u64,
    now_ms: u64,
    links: Arc<FileLinks>,
}

fn slots<T>() -> Vec<OnceCell<T>> {
    (0..ALL.len()).map(|_| OnceCell::new()).collect()
}

impl<'t> View<'t> {
    pub(super) fn snapshot(txn: ReadTransaction, now_ms: u64, links: Arc<FileLinks>) -> Self {
        Self { source: Source::Read { txn, tables: slots() }, commit: 0, now_ms, links }
    }

    pub(super) fn writing(
        txn: &'t WriteTransaction,
        cache: RowCache,
        commit: u64,
        now_ms: u64,
        links: Arc<FileLinks>,
    ) -> Self {
        let source = Source::Write { txn, tables: slots(), cache: RefCell::new(cache) };
        Self { source, commit, now_ms, links }
    }

    pub(super) fn set_commit(&mut self, commit: u64) {
        self.commit = commit;
    }

    pub(super) fn set_now(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    /// Gives the row cache back, the tables being closed.
    pub(super) fn into_cache(self) -> RowCache {
        match self.source {
            Source::Write { cache, .. } => cache.into_inner(),
            Source::Read { .. } => RowCache::default(),
        }
    }

    /// The number of the newest commit this sees; inside a write, of the commit it will become.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// The time at which the read or write began, milliseconds of Unix time.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Makes the addresses of the files that rows name.
    pub fn links(&self) -> &FileLinks {
        &self.links
    }

    fn write_table(&self, index: usize) -> Result<&RefCell<RedbTable<'t, Bytes, Bytes>>, StoreError> {
        let Source::Write { txn, tables, .. } = &self.source else {
            unreachable!("only a write asks for a table to write to");
        };
        if let Some(table) = tables[index].get() {
            return Ok(table);
        }
        let table = txn.open_table(ALL[index])?;
        Ok(tables[index].get_or_init(|| RefCell::new(table)))
    }

    fn with_bytes<R>(
        &self,
        index: usize,
        key: &[u8],
        then: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, StoreError> {
        match &self.source {
            Source::Read { txn, tables } => {
                if tables[index].get().is_none() {
                    let table = txn.open_table(ALL[index])?;
                    tables[index].get_or_init(|| table);
                }
                let table = tables[index].get().expect("opened above");
                Ok(table.get(key)?.map(|guard| then(guard.value())))
            }
            Source::Write { .. } => {
                let table = self.write_table(index)?.borrow();
                Ok(table.get(key)?.map(|guard| then(guard.value())))
            }
        }
    }

    /// The row with this key.
    pub fn get<T: Table>(&self, key: &T::Key) -> Result<Option<T::Row>, StoreError> {
        self.with_bytes(T::INDEX, &key.to_key(), |bytes| decode::<T>(bytes))?.transpose()
    }

    /// Whether there is a row with this key.
    pub fn has<T: Table>(&self, key: &T::Key) -> Result<bool, StoreError> {
        Ok(self.with_bytes(T::INDEX, &key.to_key(), |_| ())?.is_some())
    }

    /// The row with this key, shared; inside a write, rows of cached tables are decoded once until they change.
    pub fn shared<T: Table>(&self, key: &T::Key) -> Result<Option<Arc<T::Row>>, StoreError>
    where
        T::Row: Send + Sync + 'static,
    {
        let bytes = key.to_key();
        let Source::Write { cache, .. } = &self.source else {
            return Ok(self.with_bytes(T::INDEX, &bytes, |row| decode::<T>(row))?.transpose()?.map(Arc::new));
        };
        if !T::CACHED {
            return Ok(self.get::<T>(key)?.map(Arc::new));
        }
        let slot = (T::INDEX, bytes);
        if let Some(row) = cache.borrow().0.get(&slot) {
            return Ok(row.clone().downcast::<T::Row>().ok());
        }
        let Some(row) =
            self.with_bytes(T::INDEX, &slot.1, |row| decode::<T>(row))?.transpose()?.map(Arc::new)
        else {
            return Ok(None);
        };
        let mut cache = cache.borrow_mut();
        if cache.0.len() >= CACHE_ROWS {
            cache.clear();
        }
        cache.0.insert(slot, row.clone());
        Ok(Some(row))
    }

    pub(super) fn put_bytes(&self, index: usize, key: Vec<u8>, row: &[u8]) -> Result<(), StoreError> {
        self.write_table(index)?.borrow_mut().insert(key.as_slice(), row)?;
        self.forget(index, key);
        Ok(())
    }

    pub(super) fn delete_bytes(&self, index: usize, key: Vec<u8>) -> Result<bool, StoreError> {
        let was_there = self.write_table(index)?.borrow_mut().remove(key.as_slice())?.is_some();
        self.forget(index, key);
        Ok(was_there)
    }

    fn forget(&self, index: usize, key: Vec<u8>) {
        if let Source::Write { cache, .. } = &self.source {
            cache.borrow_mut().0.remove(&(index, key));
        }
    }

    /// Walks rows whose keys begin with `prefix`, beyond `from` (exclusive, in the direction of travel) where given, until `each`
    /// breaks. The caller bounds the walk. `each` must not write to the table it walks.
    pub fn walk<T: Table>(
        &self,
        prefix: &impl Key,
        from: Option<&T::Key>,
        order: Order,
        mut each: impl FnMut(T::Key, T::Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let start = prefix.to_key();
        let end = end_of_prefix(&start);
        let from = from.map(Key::to_key);
        let lower = match (&from, order) {
            (Some(from), Order::Ascending) if *from >= start => Bound::Excluded(from.as_slice()),
            _ => Bound::Included(start.as_slice()),
        };
        let upper = match (&from, order, &end) {
            (Some(from), Order::Descending, Some(end)) if from >= end => Bound::Excluded(end.as_slice()),
            (Some(from), Order::Descending, _) => Bound::Excluded(from.as_slice()),
            (_, _, Some(end)) => Bound::Excluded(end.as_slice()),
            (_, _, None) => Bound::Unbounded,
        };
        if let (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high)) = (lower, upper)
            && low >= high
        {
            return Ok(());
        }
        let mut visit = |key: &[u8], row: &[u8]| -> Result<ControlFlow<()>, StoreError> {
            let mut rest = key;
            let key = T::Key::read(&mut rest).ok_or_else(|| StoreError::Corrupt {
                table: T::NAME,
                why: "a key does not read".to_owned(),
            })?;
            Ok(each(key, decode::<T>(row)?))
        };
        match &self.source {
            Source::Read { txn, tables } => {
                if tables[T::INDEX].get().is_none() {
                    let table = txn.open_table(ALL[T::INDEX])?;
                    tables[T::INDEX].get_or_init(|| table);
                }
                let table = tables[T::INDEX].get().expect("opened above");
                run(ReadableTable::range::<&[u8]>(table, (lower, upper))?, order, &mut visit)
            }
            Source::Write { .. } => {
                let table = self.write_table(T::INDEX)?.borrow();
                run(ReadableTable::range::<&[u8]>(&*table, (lower, upper))?, order, &mut visit)
            }
        }
    }

    /// Every row of every table as it is kept, for tests that compare whole stores.
    #[cfg(test)]
    pub(super) fn dump(&self) -> Result<Vec<RawRows>, StoreError> {
        let Source::Read { txn, .. } = &self.source else { unreachable!("tests dump snapshots") };
        let rows = |table: ReadOnlyTable<Bytes, Bytes>| -> Result<Vec<_>, StoreError> {
            let entries = ReadableTable::iter(&table)?;
            entries
                .map(|entry| {
                    entry.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).map_err(Into::into)
                })
                .collect()
        };
        ALL.iter().map(|table| rows(txn.open_table(*table)?)).collect()
    }

    /// At most `limit` rows whose keys begin with `prefix`, beyond `from` where given.
    pub fn list<T: Table>(
        &self,
        prefix: &impl Key,
        from: Option<&T::Key>,
        order: Order,
        limit: usize,
    ) -> Result<Rows<T>, StoreError> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        self.walk::<T>(prefix, from, order, |key, row| {
            found.push((key, row));
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }
}

fn decode<T: Table>(bytes: &[u8]) -> Result<T::Row, StoreError> {
    T::Row::from_bytes(bytes).map_err(|why| StoreError::Corrupt { table: T::NAME, why })
}

fn run(
    range: redb::Range<'_, Bytes, Bytes>,
    order: Order,
    visit: &mut impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut range = range;
    loop {
        let next = match order {
            Order::Ascending => range.next(),
            Order::Descending => range.next_back(),
        };
        let Some(entry) = next else { return Ok(()) };
        let (key, row) = entry?;
        if visit(key.value(), row.value())?.is_break() {
            return Ok(());
        }
    }
}
