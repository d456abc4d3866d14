//! Writing: what a job may do inside its transaction. Every write asks for a proof that somebody had the right to it.

use std::ops::Deref;

use super::StoreError;
use super::access::Proof;
use super::keys::Key;
use super::rows::Row;
use super::tables::Table;
use super::view::{RowCache, View};
use super::writer::{LAST_ID, meta_row};
use crate::model::{Audience, Dispatch, Event, Id, IdClock};

/// A write under way. Reads see what the jobs before it in the same commit wrote. What it writes becomes true, and what it emits
/// is told, only when the commit is on disk.
pub struct Tx<'t> {
    view: View<'t>,
    ids: &'t mut IdClock,
    events: Vec<Event>,
    kept_events: usize,
    wrote_in_job: bool,
    wrote: bool,
}

impl<'t> Deref for Tx<'t> {
    type Target = View<'t>;
    fn deref(&self) -> &View<'t> {
        &self.view
    }
}

impl<'t> Tx<'t> {
    pub(super) fn new(view: View<'t>, ids: &'t mut IdClock) -> Self {
        Self { view, ids, events: Vec::new(), kept_events: 0, wrote_in_job: false, wrote: false }
    }

    pub(super) fn begin_job(&mut self, now_ms: u64) {
        self.events.truncate(self.kept_events);
        self.wrote_in_job = false;
        self.view.set_now(now_ms);
    }

    pub(super) fn keep_job(&mut self) {
        self.kept_events = self.events.len();
        self.wrote |= self.wrote_in_job;
    }

    pub(super) fn job_wrote(&self) -> bool {
        self.wrote_in_job
    }

    pub(super) fn wrote(&self) -> bool {
        self.wrote
    }

    pub(super) fn put_meta(&mut self, key: &str, number: u64) -> Result<(), StoreError> {
        let (index, row) = meta_row(number);
        self.view.put_bytes(index, key.to_owned().to_key(), &row)
    }

    pub(super) fn put_last_id(&mut self) -> Result<(), StoreError> {
        self.put_meta(LAST_ID, self.ids.last())
    }

    pub(super) fn touched(&self) -> impl Iterator<Item = usize> {
        self.view.touched()
    }

    pub(super) fn into_parts(mut self) -> (Vec<Event>, RowCache) {
        self.events.truncate(self.kept_events);
        (self.events, self.view.into_cache())
    }

    /// A new id, greater than all before it.
    pub fn next_id<T>(&mut self) -> Id<T> {
        let now_ms = self.view.now_ms();
        self.ids.next(now_ms)
    }

    /// Writes a row.
    pub fn put<T: Table>(&mut self, _by: &impl Proof, key: &T::Key, row: &T::Row) -> Result<(), StoreError> {
        self.wrote_in_job = true;
        self.view.put_bytes(T::INDEX, key.to_key(), &row.to_bytes())
    }

    /// Deletes a row; answers whether there was one.
    pub fn delete<T: Table>(&mut self, _by: &impl Proof, key: &T::Key) -> Result<bool, StoreError> {
        self.wrote_in_job = true;
        self.view.delete_bytes(T::INDEX, key.to_key())
    }

    /// Tells these people this once the commit is on disk.
    pub fn emit(&mut self, audience: Audience, dispatch: Dispatch) {
        self.events.push(Event::Dispatch(audience, dispatch));
    }

    /// Tells the hub something that is no dispatch.
    pub fn emit_event(&mut self, event: Event) {
        self.events.push(event);
    }
}
