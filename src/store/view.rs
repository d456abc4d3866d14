//! Reading: one set of methods for a snapshot and for the transaction of a write.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use redb::{ReadableTable, Table as RedbTable, WriteTransaction};

use super::StoreError;
use super::keys::{Key, end_of_prefix};
use super::rows::Row;
use super::snapshots::{Form, Snapshot, Snapshots};
use super::tables::{ALL, Table};
use crate::logic::file_links::FileLinks;

pub(super) type Bytes = &'static [u8];

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
        snapshot: Arc<Snapshot>,
        /// Where decoded rows are shared; nowhere while the commit's own number is read.
        shared: Option<Arc<Snapshots>>,
    },
    Write {
        txn: &'t WriteTransaction,
        tables: Vec<OnceCell<RefCell<RedbTable<'t, Bytes, Bytes>>>>,
        cache: RefCell<RowCache>,
        /// By table: whether a row of it was put or deleted.
        touched: Vec<Cell<bool>>,
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

impl<'t> View<'t> {
    pub(super) fn snapshot(
        snapshot: Arc<Snapshot>,
        shared: Option<Arc<Snapshots>>,
        commit: u64,
        now_ms: u64,
        links: Arc<FileLinks>,
    ) -> Self {
        Self { source: Source::Read { snapshot, shared }, commit, now_ms, links }
    }

    pub(super) fn writing(
        txn: &'t WriteTransaction,
        cache: RowCache,
        commit: u64,
        now_ms: u64,
        links: Arc<FileLinks>,
    ) -> Self {
        let tables = ALL.iter().map(|_| OnceCell::new()).collect();
        let touched = ALL.iter().map(|_| Cell::new(false)).collect();
        let source = Source::Write { txn, tables, cache: RefCell::new(cache), touched };
        Self { source, commit, now_ms, links }
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

    /// Places of the tables of which a row was put or deleted; none for a snapshot.
    pub(super) fn touched(&self) -> impl Iterator<Item = usize> {
        let touched: &[Cell<bool>] = match &self.source {
            Source::Write { touched, .. } => touched,
            Source::Read { .. } => &[],
        };
        touched.iter().enumerate().filter(|(_, touched)| touched.get()).map(|(index, _)| index)
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
            Source::Read { snapshot, .. } => {
                Ok(snapshot.table(index)?.get(key)?.map(|guard| then(guard.value())))
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

    /// The row with this key, shared. Rows of cached tables are decoded once until they change: inside a write each by itself, for
    /// snapshots all of a table together.
    pub fn shared<T: Table>(&self, key: &T::Key) -> Result<Option<Arc<T::Row>>, StoreError>
    where
        T::Row: Send + Sync + 'static,
    {
        let bytes = key.to_key();
        if !T::CACHED {
            return Ok(self.get::<T>(key)?.map(Arc::new));
        }
        let cache = match &self.source {
            Source::Write { cache, .. } => cache,
            Source::Read { shared, .. } => {
                return self.of_snapshot::<T, _>(shared.as_deref(), Form::Row, bytes, |row| row);
            }
        };
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

    /// What `show` makes of the row with this key, shared as [`View::shared`] shares the row: it is made once until the row changes, for
    /// all snapshots together. `show` is always the same for a table.
    pub fn shared_as<T: Table, V: Send + Sync + 'static>(
        &self,
        key: &T::Key,
        show: impl FnOnce(T::Row) -> V,
    ) -> Result<Option<Arc<V>>, StoreError>
    where
        T::Row: Clone + Send + Sync + 'static,
    {
        match &self.source {
            Source::Read { shared, .. } => {
                self.of_snapshot::<T, V>(shared.as_deref(), Form::Shown, key.to_key(), show)
            }
            Source::Write { .. } => Ok(self.shared::<T>(key)?.map(|row| Arc::new(show(T::Row::clone(&row))))),
        }
    }

    fn of_snapshot<T: Table, V: Send + Sync + 'static>(
        &self,
        shared: Option<&Snapshots>,
        form: Form,
        key: Vec<u8>,
        show: impl FnOnce(T::Row) -> V,
    ) -> Result<Option<Arc<V>>, StoreError> {
        let place = (T::INDEX, form);
        if let Some(shown) = shared.and_then(|shared| shared.rows().get(place, &key, self.commit)) {
            return Ok(Some(shown));
        }
        let row = self.with_bytes(T::INDEX, &key, |row| decode::<T>(row))?.transpose()?;
        let shown = row.map(|row| Arc::new(show(row)));
        if let (Some(shared), Some(shown)) = (shared, &shown) {
            shared.rows().put(place, key, self.commit, shown.clone());
        }
        Ok(shown)
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
        if let Source::Write { cache, touched, .. } = &self.source {
            touched[index].set(true);
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
            Source::Read { snapshot, .. } => {
                let table = snapshot.table(T::INDEX)?;
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
        let Source::Read { snapshot, .. } = &self.source else { unreachable!("tests dump snapshots") };
        let rows = |index: usize| -> Result<Vec<_>, StoreError> {
            let entries = ReadableTable::iter(snapshot.table(index)?)?;
            entries
                .map(|entry| {
                    entry.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).map_err(Into::into)
                })
                .collect()
        };
        (0..ALL.len()).map(rows).collect()
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
