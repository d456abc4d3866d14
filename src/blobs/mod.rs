//! Uploaded files, kept by the hash of their bytes in the data directory. A file is whole and on disk before a row names it, and goes
//! when none does (SAFETY.md §5.9). `incoming` takes bytes as they arrive, `pool` hands out turns and memory for work on pictures,
//! `picture`, `strip` and `frames` do it, `probe` reads headers of sound and video, `cache` keeps what is made of them, `badge` draws.

pub mod badge;
pub mod cache;
pub mod frames;
#[cfg(test)]
mod hostile;
mod incoming;
pub mod picture;
pub mod pool;
pub mod probe;
pub mod strip;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;

use crate::model::BlobHash;
pub use incoming::{Incoming, Received, SYNC_EVERY_BYTES};

/// Files younger than this are spared by the sweep: what is about to be named is (SAFETY.md §5.9). Longer than an upload waits for its
/// message.
pub const SPARED_FOR: Duration = Duration::from_secs(25 * 60 * 60);
/// Locks that the files share by the first byte of their hash.
const LOCKS: usize = 64;
/// Times the floor of free space below which no upload begins (SAFETY.md §5.5).
const ROOM_FLOORS: u64 = 4;
/// Begin the names of files that are being written.
const TEMPORARY: &str = "tmp-";
/// Begin the names of files whose sender may go on later.
const PARTIAL: &str = "part-";

/// Why a file is not kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is larger than it may be.
    #[error("the file has more than {most_bytes} bytes")]
    TooLarge {
        /// How large it may be.
        most_bytes: u64,
    },
    /// The disk is too full for uploads.
    #[error("the disk has {free_bytes} bytes free, uploads stop below {least_bytes}")]
    NoRoom {
        /// What is free.
        free_bytes: u64,
        /// What has to be.
        least_bytes: u64,
    },
    /// Somebody is sending the rest of it already.
    #[error("the file is being sent")]
    Busy,
    /// The file system said no.
    #[error("a file could not be kept: {0}")]
    Io(#[from] io::Error),
}

/// Tells free space of the disk and the floor kept back, both in bytes.
pub type Room = Box<dyn Fn() -> io::Result<(u64, u64)> + Send + Sync>;

/// The folder of blobs; clones are cheap.
#[derive(Clone)]
pub struct Blobs(Arc<Folder>);

struct Folder {
    path: PathBuf,
    room: Room,
    next_temporary: AtomicU64,
    locks: [Mutex<()>; LOCKS],
    /// Names of partial files that somebody is writing.
    busy: Mutex<HashSet<String>>,
}

impl Blobs {
    /// Opens the folder, or makes it; what an interrupted write left behind is removed, and files whose sender may go on are cut back
    /// to what surely reached the disk.
    pub fn open(path: PathBuf, room: Room) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
            } else if name.starts_with(PARTIAL) {
                let length = entry.metadata()?.len();
                let surely = length - length % SYNC_EVERY_BYTES;
                File::options().write(true).open(entry.path())?.set_len(surely)?;
            }
        }
        Ok(Self(Arc::new(Folder {
            path,
            room,
            next_temporary: AtomicU64::new(0),
            locks: std::array::from_fn(|_| Mutex::default()),
            busy: Mutex::default(),
        })))
    }

    /// Whether the disk has room for uploads: they stop at four times the floor below which nothing is written (SAFETY.md §5.5).
    pub fn check_room(&self) -> Result<(), BlobError> {
        let (free_bytes, floor_bytes) = (self.0.room)()?;
        let least_bytes = floor_bytes.saturating_mul(ROOM_FLOORS);
        if free_bytes < least_bytes { Err(BlobError::NoRoom { free_bytes, least_bytes }) } else { Ok(()) }
    }

    /// Keeps bytes under the hash of them, which comes back. On disk when it returns. Blocks.
    pub fn put(&self, bytes: &[u8]) -> io::Result<BlobHash> {
        let hash = hash(bytes);
        self.put_as(&hash.to_string(), bytes)?;
        Ok(hash)
    }

    /// Keeps bytes under a name of lower-case hexadecimal digits; a no-op where they are kept already. On disk when it returns. Blocks.
    pub fn put_as(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary();
        let mut writing = File::create(temporary.path())?;
        writing.write_all(bytes)?;
        writing.sync_all()?;
        self.settle(temporary, name)
    }

    /// Gives a file that is on disk its name.
    fn settle(&self, temporary: Temporary, name: &str) -> io::Result<()> {
        let _lock = self.lock(name);
        let (folder, file) = self.place(name);
        match File::open(&file) {
            // What was kept before counts as young again, or a sweep could take it before a row names it.
            Ok(kept) => return kept.set_modified(SystemTime::now()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            File::open(&self.0.path)?.sync_all()?;
        }
        fs::rename(temporary.path(), &file)?;
        File::open(&folder)?.sync_all()
    }

    /// Whether a file is kept; from here on it counts as young, so that it stays until a row names it. Blocks.
    pub fn spare(&self, hash: BlobHash) -> io::Result<bool> {
        let name = hash.to_string();
        let _lock = self.lock(&name);
        match File::open(self.place(&name).1) {
            Ok(file) => file.set_modified(SystemTime::now()).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The bytes under a name.
    pub fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.place(name).1) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file under a name, open, with its length in bytes.
    pub fn open_file(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        match File::open(self.place(name).1) {
            Ok(file) => file.metadata().map(|meta| Some((file, meta.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hashes of one of 256 folders whose files are old enough to be swept. Blocks.
    pub fn old_ones(&self, folder: u8) -> io::Result<Vec<BlobHash>> {
        let path = self.0.path.join(format!("{folder:02x}"));
        let mut found = Vec::new();
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if let Some(hash) = entry.file_name().to_str().and_then(BlobHash::parse)
                && is_old(&entry.path())?
            {
                found.push(hash);
            }
        }
        Ok(found)
    }

    /// Removes a file that is old, and that `is_named` says nothing names: asked under the file's lock, so that nobody can begin to name
    /// it in between. Whether it went. Blocks.
    pub fn remove_unless<E: From<io::Error>>(
        &self,
        hash: BlobHash,
        is_named: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let name = hash.to_string();
        let _lock = self.lock(&name);
        let (_, file) = self.place(&name);
        if !is_old(&file)? || is_named()? {
            return Ok(false);
        }
        fs::remove_file(file)?;
        Ok(true)
    }

    /// Removes files whose senders had a day to go on. Blocks.
    pub fn sweep_partial(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) && is_old(&entry.path())? {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Bytes held of a file whose sender may go on; 0 for none.
    pub fn partial_length(&self, name: &str) -> io::Result<u64> {
        match fs::metadata(self.partial(name)) {
            Ok(meta) => Ok(meta.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Removes a file whose sender will not go on.
    pub fn remove_partial(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.partial(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn partial(&self, name: &str) -> PathBuf {
        self.0.path.join(format!("{PARTIAL}{name}"))
    }

    fn temporary(&self) -> Temporary {
        let number = self.0.next_temporary.fetch_add(1, Ordering::Relaxed);
        Temporary { path: self.0.path.join(format!("{TEMPORARY}{number}")), stays: false }
    }

    fn lock(&self, name: &str) -> MutexGuard<'_, ()> {
        let index = u8::from_str_radix(name.get(..2).unwrap_or_default(), 16).unwrap_or(0);
        self.0.locks[usize::from(index) % LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folder and file of a name: 256 folders, so that none grows without end.
    fn place(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = self.0.path.join(name.get(..2).unwrap_or("__"));
        let file = folder.join(name);
        (folder, file)
    }
}

/// The name that bytes are kept by.
pub fn hash(bytes: &[u8]) -> BlobHash {
    let digest = digest::digest(&digest::SHA256, bytes);
    BlobHash::new(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Whether a file is past the age at which it is spared. What has gone meanwhile is not.
fn is_old(path: &Path) -> io::Result<bool> {
    let modified = match fs::metadata(path) {
        Ok(meta) => meta.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(modified.elapsed().is_ok_and(|age| age > SPARED_FOR))
}

/// A file that goes when this does, unless it got a name meanwhile or its sender may go on.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    stays: bool,
}

impl Temporary {
    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.stays {
            // It has got its name, or is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(free: u64) -> (Blobs, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let room: Room = Box::new(move || Ok((free, 1_000)));
        (Blobs::open(directory.path().join("blobs"), room).unwrap(), directory)
    }

    fn make_old(blobs: &Blobs, hash: BlobHash) {
        let (file, _) = blobs.open_file(&hash.to_string()).unwrap().unwrap();
        file.set_modified(SystemTime::now() - SPARED_FOR - Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn bytes_come_back_by_hash_and_leftovers_go() {
        let (blobs, directory) = blobs(u64::MAX);
        let hash = blobs.put(b"sun over hills").unwrap();
        assert_eq!(blobs.put(b"sun over hills").unwrap(), hash);
        assert_eq!(blobs.get(&hash.to_string()).unwrap().as_deref(), Some(&b"sun over hills"[..]));
        assert_eq!(blobs.get(&BlobHash::default().to_string()).unwrap(), None);
        let path = directory.path().join("blobs");
        fs::write(path.join("tmp-7"), b"half").unwrap();
        fs::write(path.join("part-a"), vec![0; SYNC_EVERY_BYTES as usize + 5]).unwrap();
        let again = Blobs::open(path.clone(), Box::new(|| Ok((0, 0)))).unwrap();
        assert!(!path.join("tmp-7").exists());
        assert_eq!(again.partial_length("a").unwrap(), SYNC_EVERY_BYTES, "what was surely synced");
        again.remove_partial("a").unwrap();
        again.remove_partial("a").unwrap();
        assert_eq!(again.partial_length("a").unwrap(), 0);
    }

    #[test]
    fn the_sweep_takes_old_files_that_nothing_names() {
        let (blobs, _directory) = blobs(u64::MAX);
        let hash = blobs.put(b"x").unwrap();
        let folder = hash.as_bytes()[0];
        let unnamed = || Ok::<_, io::Error>(false);
        assert!(blobs.old_ones(folder).unwrap().is_empty(), "young ones are spared");
        assert!(!blobs.remove_unless(hash, unnamed).unwrap());
        make_old(&blobs, hash);
        assert_eq!(blobs.old_ones(folder).unwrap(), [hash]);
        assert!(!blobs.remove_unless(hash, || Ok::<_, io::Error>(true)).unwrap(), "named");
        assert!(blobs.spare(hash).unwrap());
        assert!(!blobs.remove_unless(hash, unnamed).unwrap(), "spared");
        make_old(&blobs, hash);
        blobs.put(b"x").unwrap();
        assert!(!blobs.remove_unless(hash, unnamed).unwrap(), "kept again, so young again");
        make_old(&blobs, hash);
        assert!(blobs.remove_unless(hash, unnamed).unwrap());
        assert!(!blobs.remove_unless(hash, unnamed).unwrap() && !blobs.spare(hash).unwrap());
    }

    #[test]
    fn uploads_stop_at_four_times_the_floor() {
        assert!(blobs(4_000).0.check_room().is_ok());
        let refused = blobs(3_999).0.check_room();
        assert!(matches!(refused, Err(BlobError::NoRoom { free_bytes: 3_999, least_bytes: 4_000 })));
    }
}
