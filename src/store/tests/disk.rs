//! A disk in memory that loses what was not synced, fails or tears at the call it is told to, and can hold its syncs.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use redb::StorageBackend;

/// What happens at the call that fails. Every later call fails too: the machine has lost its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing.
    Fail,
    /// A write reaches the disk by half; other calls do nothing.
    Tear,
}

/// Which of the unsynced writes are on the disk when the power comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// None.
    None,
    /// All of them.
    All,
    /// Some, chosen by this seed, the chosen ones perhaps by half.
    Some(u64),
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(len) => image.resize(*len, 0),
            Self::Bytes(at, bytes) => {
                let end = at + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*at..end].copy_from_slice(bytes);
            }
        }
    }

    fn half(&self) -> Self {
        match self {
            Self::Bytes(at, bytes) => Self::Bytes(*at, bytes[..bytes.len() / 2].to_vec()),
            Self::Length(len) => Self::Length(*len),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// What readers see.
    seen: Vec<u8>,
    /// What a power cut leaves for certain.
    synced: Vec<u8>,
    unsynced: VecDeque<Change>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    is_held: bool,
    waiting_syncs: usize,
    let_through: usize,
}

/// A disk; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<(Mutex<State>, Condvar)>);

impl Disk {
    /// A disk that holds these bytes, all of them synced.
    pub fn with_image(image: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.state().seen.clone_from(&image);
        disk.state().synced = image;
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    /// Lets the `n`th changing call from here (0: the next) end in this fault.
    pub fn fail_at(&self, n: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.calls + n, fault));
    }

    /// How many changing calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// The bytes after a power cut.
    pub fn after_power_cut(&self, survivors: Survivors) -> Vec<u8> {
        let state = self.state();
        let mut image = state.synced.clone();
        let mut random = match survivors {
            Survivors::None => return image,
            Survivors::All => None,
            Survivors::Some(seed) => Some(seed),
        };
        for change in &state.unsynced {
            // xorshift64: which writes a cache had flushed is anybody's guess.
            let dice = random.as_mut().map(|x| {
                *x ^= *x << 13;
                *x ^= *x >> 7;
                *x ^= *x << 17;
                *x % 4
            });
            match dice {
                None | Some(0) => change.apply(&mut image),
                Some(1) => change.half().apply(&mut image),
                Some(_) => {}
            }
        }
        image
    }

    /// Holds every sync from here on.
    pub fn hold_syncs(&self) {
        self.state().is_held = true;
    }

    /// Waits until a sync is held.
    pub fn wait_for_held_sync(&self) {
        let state = self.state();
        drop(self.0.1.wait_while(state, |state| state.waiting_syncs == 0).unwrap());
    }

    /// Lets the sync that is held go on, and holds the next one.
    pub fn let_one_through(&self) {
        let mut state = self.state();
        state.let_through += 1;
        self.0.1.notify_all();
        drop(self.0.1.wait_while(state, |state| state.let_through > 0).unwrap());
    }

    /// Counts a call that changes the disk; an error once the fault's turn has come.
    fn call(&self) -> Result<MutexGuard<'_, State>, (MutexGuard<'_, State>, Fault)> {
        let mut state = self.state();
        let n = state.calls;
        state.calls += 1;
        match state.fault {
            Some((at, fault)) if n == at => Err((state, fault)),
            Some((at, _)) if n > at => Err((state, Fault::Fail)),
            _ => Ok(state),
        }
    }

    fn change(&self, change: Change) -> Result<(), io::Error> {
        match self.call() {
            Ok(mut state) => {
                change.apply(&mut state.seen);
                state.unsynced.push_back(change);
                Ok(())
            }
            Err((mut state, fault)) => {
                if fault == Fault::Tear {
                    state.unsynced.push_back(change.half());
                }
                Err(broken())
            }
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("the disk is gone")
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.state();
        let at = offset as usize;
        let bytes = state
            .seen
            .get(at..at + out.len())
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.change(Change::Length(len as usize))
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.change(Change::Bytes(offset as usize, data.to_vec()))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = match self.call() {
            Ok(state) => state,
            Err(_) => return Err(broken()),
        };
        if state.is_held {
            state.waiting_syncs += 1;
            self.0.1.notify_all();
            state = self.0.1.wait_while(state, |state| state.let_through == 0).unwrap();
            state.let_through -= 1;
            state.waiting_syncs -= 1;
            self.0.1.notify_all();
        }
        let State { synced, unsynced, .. } = &mut *state;
        unsynced.drain(..).for_each(|change| change.apply(synced));
        Ok(())
    }
}
