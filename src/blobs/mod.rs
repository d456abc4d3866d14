//! Uploaded files, kept by the hash of their bytes: in the data directory, or in a bucket of an S3-compatible server. A file is whole
//! and kept before a row names it, and goes when none does (SAFETY.md §5.9). `incoming` takes bytes as they arrive, `folder` and
//! `bucket` are the two places, `threads` do what takes long, `pool` hands out turns and memory for work on pictures, `picture`, `strip`
//! and `frames` do it, `probe` reads headers of sound and video, `cache` keeps what is made of them, `badge` draws.

pub mod badge;
pub mod bucket;
pub mod cache;
mod folder;
pub mod frames;
#[cfg(test)]
mod hostile;
mod incoming;
pub mod picture;
pub mod places;
pub mod pool;
pub mod probe;
#[cfg(test)]
#[path = "../../tests/s3/mod.rs"]
mod s3;
pub mod strip;
mod threads;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::sync::{Mutex as Turn, MutexGuard as Held};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::logic::right_of_way::RightOfWay;
use crate::model::BlobHash;
use bucket::{Bucket, BucketError, Named};
use folder::Folder;
pub use incoming::{Incoming, Received, SYNC_EVERY_BYTES};

/// Files younger than this are spared by the sweep: what is about to be named is (SAFETY.md §5.9). Longer than an upload waits for its
/// message.
pub const SPARED_FOR: Duration = Duration::from_secs(25 * 60 * 60);
/// Locks that the files share by the first byte of their hash.
const LOCKS: usize = 64;
/// Times the floor of free space below which no upload begins (SAFETY.md §5.5).
const ROOM_FLOORS: u64 = 4;

/// Why a file is not kept, or can't be read.
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
    /// The bucket is not there, or said no.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// Tells free space of the disk and the floor kept back, both in bytes.
pub type Room = Box<dyn Fn() -> io::Result<(u64, u64)> + Send + Sync>;

/// The files that are kept; clones are cheap.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    /// Where files are while they arrive, and where they stay if there is no bucket.
    folder: Folder,
    bucket: Option<Bucket>,
    room: Room,
    way: Arc<RightOfWay>,
    next_temporary: AtomicU64,
    locks: [Turn<()>; LOCKS],
    /// Names of partial files that somebody is writing.
    busy: Mutex<HashSet<String>>,
}

/// A file that is kept, open to be read.
#[derive(Clone)]
pub struct Kept {
    /// Its bytes.
    pub length_bytes: u64,
    place: Place,
}

#[derive(Clone)]
enum Place {
    File(Arc<File>),
    Bucket(Bucket, String),
}

impl Kept {
    /// Bytes that are best read at once: two such pieces are in memory for each file being sent. Each is a request where there is a
    /// bucket, so that a slow reader holds no connection to it.
    pub fn piece_bytes(&self) -> u64 {
        match self.place {
            Place::File(_) => 256 << 10,
            Place::Bucket(..) => 1 << 20,
        }
    }

    /// What the system holds in memory of a part of it, at most `length` bytes from `start` on: so much can be sent with no thread of
    /// the pool and no waiting. `None` where the disk or a bucket has to be asked.
    pub fn read_cached(&self, start: u64, length: u64) -> Option<Bytes> {
        let Place::File(file) = &self.place else { return None };
        let mut piece = vec![0; length as usize];
        // NOWAIT gives what lies in the page cache, or an error (preadv2(2)).
        let held = preadv2(file, &mut [IoSliceMut::new(&mut piece)], start, ReadWriteFlags::NOWAIT).ok()?;
        piece.truncate(held);
        (held > 0).then(|| piece.into())
    }

    /// Whether the system holds the byte at `start` in memory.
    pub fn is_cached(&self, start: u64) -> bool {
        self.read_cached(start, 1).is_some()
    }

    /// Begins to read a part of it, in one step of the pool for a file of the disk. It ends with what the disk or the bucket said if that
    /// can't be read, also for a file that is shorter than it was.
    pub fn read(&self, start: u64, length: u64) -> JoinHandle<io::Result<Bytes>> {
        match &self.place {
            Place::File(file) => {
                let file = file.clone();
                spawn_blocking(move || {
                    let mut piece = vec![0; length as usize];
                    file.read_exact_at(&mut piece, start)?;
                    Ok(piece.into())
                })
            }
            Place::Bucket(bucket, name) => {
                let (bucket, name) = (bucket.clone(), name.clone());
                tokio::spawn(async move {
                    bucket.read(&name, start..start + length).await.map_err(io::Error::other)
                })
            }
        }
    }
}

/// Where a look through all files goes on.
#[derive(Clone, Debug)]
pub struct Cursor(String);

impl Blobs {
    /// Opens the folder, or makes it; files that arrive give `way`; what an interrupted write left behind is removed, and after a power cut files whose sender may go on
    /// are cut back to what surely reached the disk. With `access` files are kept in that bucket once they are whole, which is not asked here.
    ///
    /// # Errors
    /// What the disk said; settings of a bucket that can't be used.
    pub fn open(
        path: PathBuf,
        room: Room,
        way: Arc<RightOfWay>,
        access: Option<bucket::Access>,
    ) -> Result<Self, BlobError> {
        let folder = Folder::open(path)?;
        let bucket = match access {
            Some(access) => Some(Bucket::new(access, folder.path())?),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            folder,
            bucket,
            room,
            way,
            next_temporary: AtomicU64::new(0),
            locks: std::array::from_fn(|_| Turn::default()),
            busy: Mutex::default(),
        })))
    }

    /// Tries out the bucket, if there is one: writes, finds, reads and deletes.
    ///
    /// # Errors
    /// What the bucket said, in words for whoever runs the server.
    pub async fn try_bucket(&self) -> Result<(), BucketError> {
        match &self.0.bucket {
            Some(bucket) => bucket.try_out().await,
            None => Ok(()),
        }
    }

    /// Whether the disk has room for uploads: they stop at four times the floor below which nothing is written (SAFETY.md §5.5).
    pub fn check_room(&self) -> Result<(), BlobError> {
        let (free_bytes, floor_bytes) = (self.0.room)()?;
        let least_bytes = floor_bytes.saturating_mul(ROOM_FLOORS);
        if free_bytes < least_bytes { Err(BlobError::NoRoom { free_bytes, least_bytes }) } else { Ok(()) }
    }

    /// Keeps bytes under the hash of them, which comes back. Kept when it returns.
    pub async fn put(&self, bytes: Bytes) -> Result<BlobHash, BlobError> {
        let hash = hash(&bytes);
        self.put_as(&hash.to_string(), bytes).await?;
        Ok(hash)
    }

    /// Keeps bytes under a name of lower-case hexadecimal digits; a no-op where they are kept already. Kept when it returns.
    pub async fn put_as(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        let temporary = self.temporary();
        let written = blocking(move || {
            temporary.write(&bytes)?;
            Ok((temporary, bytes.len() as u64))
        });
        let (mut temporary, size_bytes) = written.await?;
        self.settle(&mut temporary, name, size_bytes).await
    }

    /// Gives a file that is on disk its name.
    async fn settle(&self, temporary: &mut Temporary, name: &str, size_bytes: u64) -> Result<(), BlobError> {
        let lock = self.lock(name).await;
        let Some(bucket) = &self.0.bucket else {
            let (blobs, path, name) = (self.clone(), temporary.path.clone(), name.to_owned());
            blocking(move || blobs.0.folder.settle(&path, &name)).await?;
            return Ok(());
        };
        // From here on the sweep spares the name, so the bytes go there without the lock.
        bucket.mark_young(name).await?;
        drop(lock);
        Ok(bucket.put(name, &temporary.path, size_bytes).await?)
    }

    /// Whether a file is kept; from here on it counts as young, so that it stays until a row names it.
    pub async fn spare(&self, hash: BlobHash) -> Result<bool, BlobError> {
        let name = hash.to_string();
        let _lock = self.lock(&name).await;
        let Some(bucket) = &self.0.bucket else {
            let blobs = self.clone();
            return Ok(blocking(move || blobs.0.folder.touch(&name)).await?);
        };
        bucket.mark_young(&name).await?;
        Ok(bucket.look(&name).await?.is_some())
    }

    /// The bytes under a name, if there are no more than `most_bytes`.
    pub async fn get(&self, name: &str, most_bytes: u64) -> Result<Option<Bytes>, BlobError> {
        match self.open_file(name).await? {
            Some(kept) if kept.length_bytes <= most_bytes => {
                let length_bytes = kept.length_bytes;
                Ok(Some(kept.read(0, length_bytes).await.map_err(io::Error::other)??))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The file under a name, open.
    pub async fn open_file(&self, name: &str) -> Result<Option<Kept>, BlobError> {
        if let Some(bucket) = &self.0.bucket {
            let named = bucket.look(name).await?;
            return Ok(named.map(|Named { length_bytes, .. }| Kept {
                length_bytes,
                place: Place::Bucket(bucket.clone(), name.to_owned()),
            }));
        }
        let (blobs, name) = (self.clone(), name.to_owned());
        let opened = blocking(move || blobs.0.folder.open_file(&name)).await?;
        Ok(opened.map(|(file, length_bytes)| Kept { length_bytes, place: Place::File(Arc::new(file)) }))
    }

    /// Hashes of some files that are old enough to be swept, and where to look on; nowhere at the end.
    pub async fn old_ones(&self, from: Option<Cursor>) -> Result<(Vec<BlobHash>, Option<Cursor>), BlobError> {
        let from = from.map(|cursor| cursor.0);
        let (names, next) = match &self.0.bucket {
            Some(bucket) => bucket.old_ones(from).await?,
            None => {
                let blobs = self.clone();
                blocking(move || blobs.0.folder.old_ones(from.as_deref())).await?
            }
        };
        Ok((names.iter().filter_map(|name| BlobHash::parse(name)).collect(), next.map(Cursor)))
    }

    /// Removes a file that is old, and that `is_named` says nothing names: asked under the file's lock, so that nobody can begin to name
    /// it in between. Whether it went.
    pub async fn remove_unless<E: From<BlobError>>(
        &self,
        hash: BlobHash,
        is_named: impl FnOnce() -> Result<bool, E> + Send,
    ) -> Result<bool, E> {
        let name = hash.to_string();
        let _lock = self.lock(&name).await;
        let is_old = match &self.0.bucket {
            Some(bucket) => bucket.is_old(&name).await.map_err(BlobError::from)?,
            None => {
                let (blobs, name) = (self.clone(), name.clone());
                blocking(move || blobs.0.folder.is_old(&name)).await.map_err(BlobError::from)?
            }
        };
        if !is_old || is_named()? {
            return Ok(false);
        }
        match &self.0.bucket {
            Some(bucket) => bucket.remove(&name).await.map_err(BlobError::from)?,
            None => {
                let blobs = self.clone();
                blocking(move || blobs.0.folder.remove(&name)).await.map_err(BlobError::from)?;
            }
        }
        Ok(true)
    }

    /// Removes files whose senders had a day to go on, and what an interrupted write left in the bucket.
    pub async fn sweep_leftovers(&self) -> Result<(), BlobError> {
        let blobs = self.clone();
        blocking(move || blobs.0.folder.sweep_partial()).await?;
        match &self.0.bucket {
            Some(bucket) => Ok(bucket.sweep_leftovers().await?),
            None => Ok(()),
        }
    }

    /// Bytes held of a file whose sender may go on; 0 for none.
    pub async fn partial_length(&self, name: &str) -> Result<u64, BlobError> {
        let (blobs, name) = (self.clone(), name.to_owned());
        Ok(blocking(move || blobs.0.folder.partial_length(&name)).await?)
    }

    /// Removes files whose senders will not go on.
    pub async fn remove_partial(&self, names: Vec<String>) -> Result<(), BlobError> {
        let blobs = self.clone();
        Ok(blocking(move || names.iter().try_for_each(|name| blobs.0.folder.remove_partial(name))).await?)
    }

    fn temporary(&self) -> Temporary {
        let number = self.0.next_temporary.fetch_add(1, Ordering::Relaxed);
        Temporary { path: self.0.folder.temporary(number), stays: false }
    }

    async fn lock(&self, name: &str) -> Held<'_, ()> {
        let index = u8::from_str_radix(name.get(..2).unwrap_or_default(), 16).unwrap_or(0);
        self.0.locks[usize::from(index) % LOCKS].lock().await
    }
}

/// The name that bytes are kept by.
pub fn hash(bytes: &[u8]) -> BlobHash {
    let digest = digest::digest(&digest::SHA256, bytes);
    BlobHash::new(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Work on the disk, on a thread that may wait for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// A file that goes when this does, unless its sender may go on. Removing what got a name meanwhile removes nothing.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    stays: bool,
}

impl Temporary {
    fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        folder::write_synced(&self.path, bytes)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.stays {
            // It has got its name, or is removed at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::*;

    fn blobs(free: u64) -> (Blobs, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let room: Room = Box::new(move || Ok((free, 1_000)));
        (Blobs::open(directory.path().join("blobs"), room, Arc::default(), None).unwrap(), directory)
    }

    fn make_old(blobs: &Blobs, hash: BlobHash) {
        let (file, _) = blobs.0.folder.open_file(&hash.to_string()).unwrap().unwrap();
        file.set_modified(SystemTime::now() - SPARED_FOR - Duration::from_secs(1)).unwrap();
    }

    async fn keep(blobs: &Blobs, bytes: &'static [u8]) -> BlobHash {
        blobs.put(Bytes::from_static(bytes)).await.unwrap()
    }

    #[tokio::test]
    async fn bytes_come_back_by_hash_and_leftovers_go() {
        let (blobs, directory) = blobs(u64::MAX);
        let hash = keep(&blobs, b"sun over hills").await;
        assert_eq!(keep(&blobs, b"sun over hills").await, hash);
        let get = async |hash: BlobHash, most| blobs.get(&hash.to_string(), most).await.unwrap();
        assert_eq!(get(hash, 14).await.as_deref(), Some(&b"sun over hills"[..]));
        assert_eq!((get(hash, 13).await, get(BlobHash::default(), 14).await), (None, None));
        let path = directory.path().join("blobs");
        fs::write(path.join("tmp-7"), b"half").unwrap();
        fs::write(path.join("part-a"), vec![0; SYNC_EVERY_BYTES as usize + 5]).unwrap();
        let open = || Blobs::open(path.clone(), Box::new(|| Ok((0, 0))), Arc::default(), None).unwrap();
        let kept = open().partial_length("a").await.unwrap();
        assert_eq!(kept, SYNC_EVERY_BYTES + 5, "the system did not go down");
        assert!(!path.join("tmp-7").exists());
        fs::write(path.join("run"), b"another run").unwrap();
        let again = open();
        assert_eq!(again.partial_length("a").await.unwrap(), SYNC_EVERY_BYTES, "what was surely synced");
        again.remove_partial(vec!["a".to_owned(), "a".to_owned()]).await.unwrap();
        assert_eq!(again.partial_length("a").await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_sweep_takes_old_files_that_nothing_names() {
        let (blobs, _directory) = blobs(u64::MAX);
        let hash = keep(&blobs, b"x").await;
        let unnamed = || Ok::<_, BlobError>(false);
        let old = async || {
            let (mut found, mut from) = (Vec::new(), None);
            for _ in 0..=u8::MAX {
                let (old, next) = blobs.old_ones(from).await.unwrap();
                found.extend(old);
                from = next;
            }
            assert!(from.is_none(), "256 folders are all");
            found
        };
        assert!(old().await.is_empty(), "young ones are spared");
        assert!(!blobs.remove_unless(hash, unnamed).await.unwrap());
        make_old(&blobs, hash);
        assert_eq!(old().await, [hash]);
        assert!(!blobs.remove_unless(hash, || Ok::<_, BlobError>(true)).await.unwrap(), "named");
        assert!(blobs.spare(hash).await.unwrap());
        assert!(!blobs.remove_unless(hash, unnamed).await.unwrap(), "spared");
        make_old(&blobs, hash);
        keep(&blobs, b"x").await;
        assert!(!blobs.remove_unless(hash, unnamed).await.unwrap(), "kept again, so young again");
        make_old(&blobs, hash);
        assert!(blobs.remove_unless(hash, unnamed).await.unwrap());
        assert!(!blobs.remove_unless(hash, unnamed).await.unwrap() && !blobs.spare(hash).await.unwrap());
    }

    #[test]
    fn uploads_stop_at_four_times_the_floor() {
        assert!(blobs(4_000).0.check_room().is_ok());
        let refused = blobs(3_999).0.check_room();
        assert!(matches!(refused, Err(BlobError::NoRoom { free_bytes: 3_999, least_bytes: 4_000 })));
    }
}
