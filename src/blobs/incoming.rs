//! A file as it arrives: hashed and written by a thread for files while the next bytes come, synced as it grows so that the last sync
//! holds nobody up, never whole in memory.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek as _, Write};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use rustix::fs::{Advice, fadvise};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{BlobError, Blobs, Temporary, places, threads};
use crate::logic::right_of_way::RightOfWay;
use crate::logic::sniff::HEAD_BYTES;
use crate::model::BlobHash;

/// Bytes gathered before they are written: with those being written, all that one upload holds in memory is twice this.
const GATHER_BYTES: usize = 256 << 10;
/// What is hashed and written before the thread offers its core to others: the scheduler lets who runs finish a slice of time, and the
/// system a call, so that a message would wait for a millisecond (measured: README).
const STEP_BYTES: usize = 64 << 10;
/// The disk begins to write a growing file each time it has grown by this many bytes, while nobody waits: so a sync finds little to
/// write, and a post's own sync waits behind little (measured: README). What is gathered is written in one go, so less than that would
/// smooth nothing.
const WRITE_OUT_BYTES: u64 = GATHER_BYTES as u64;
/// How many files are hashed at once: half of the cores, so that messages find one free when several files come.
static HASHING: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new((cores / 2).max(1))
});
/// How long a piece of a file waits at most for a message that is being written, each time: many messages one after the other slow
/// files down, and never stop them. Where one file is hashed at a time, all of them together get 50 MB/s then.
const GIVES_WAY_FOR: Duration = Duration::from_millis(5);
/// A growing file is synced each time it has grown over a multiple of this, bytes: so much of it is sent again after a power cut.
pub const SYNC_EVERY_BYTES: u64 = 8 << 20;
/// Bytes of the beginning of a file that are looked through for what the system dropped from its cache, once it is whole: who posted it
/// and who sees it fetch it at once. And how many of them at a time: no more than a small machine's system reads for one advice.
const READ_BACK_BYTES: u64 = 64 << 20;
const READ_BACK_STEP: NonZeroU64 = NonZeroU64::new(128 << 10).expect("it is not zero");

/// A file on its way. Dropped before its end, what came is removed, or kept for its sender to go on where that was asked for.
pub struct Incoming {
    most_bytes: u64,
    taken_bytes: u64,
    gathered: VecDeque<Bytes>,
    gathered_bytes: usize,
    state: State,
    /// The partial file that nobody else may write meanwhile.
    turn: Option<Turn>,
}

enum State {
    Idle(Box<Writing>),
    Busy(JoinHandle<io::Result<Box<Writing>>>),
    Failed,
}

struct Writing {
    file: File,
    way: Arc<RightOfWay>,
    digest: Context,
    written_bytes: u64,
    /// Bytes that the disk was asked to write.
    written_out_bytes: u64,
    head: Vec<u8>,
    temporary: Temporary,
}

/// The sole right to write a partial file.
struct Turn {
    blobs: Blobs,
    name: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.blobs.0.busy.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.name);
    }
}

/// A file that is whole and on disk, without a name yet. Dropped, it is removed, unless its sender may go on: then asking for the same
/// again is all there is to do.
pub struct Received {
    temporary: Temporary,
    /// The partial file that nobody else may write until it has its name.
    turn: Option<Turn>,
    /// The name it will have.
    pub hash: BlobHash,
    /// Its bytes.
    pub size_bytes: u64,
    /// Its first bytes, to tell what it is.
    pub head: Vec<u8>,
}

impl Incoming {
    /// A new file of at most `most_bytes`.
    pub async fn begin(blobs: &Blobs, most_bytes: u64) -> Result<Self, BlobError> {
        let (blobs, temporary) = (blobs.clone(), blobs.temporary());
        blocking(move || {
            blobs.check_room()?;
            let file = File::create(temporary.path())?;
            Ok(Self::of(most_bytes, Writing::new(&blobs, file, temporary), None))
        })
        .await
    }

    /// The partial file `name` (which may not be there yet), to be gone on with; and how many bytes of it are held.
    ///
    /// # Errors
    /// [`BlobError::Busy`] while somebody else writes it.
    pub async fn resume(blobs: &Blobs, name: &str, most_bytes: u64) -> Result<(Self, u64), BlobError> {
        let (blobs, name) = (blobs.clone(), name.to_owned());
        blocking(move || {
            blobs.check_room()?;
            let busy = &blobs.0.busy;
            if !busy.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.clone()) {
                return Err(BlobError::Busy);
            }
            let turn = Turn { blobs: blobs.clone(), name: name.clone() };
            let temporary = Temporary { path: blobs.0.folder.partial(&name), stays: true };
            let file = OpenOptions::new().read(true).append(true).create(true).open(temporary.path())?;
            let mut writing = Writing::new(&blobs, file, temporary);
            let mut buffer = vec![0; GATHER_BYTES];
            loop {
                match writing.file.read(&mut buffer)? {
                    0 => break,
                    count => writing.take_note(&buffer[..count]),
                }
            }
            let held_bytes = writing.written_bytes;
            writing.written_out_bytes = held_bytes - held_bytes % SYNC_EVERY_BYTES;
            Ok((Self::of(most_bytes, writing, Some(turn)), held_bytes))
        })
        .await
    }

    fn of(most_bytes: u64, writing: Writing, turn: Option<Turn>) -> Self {
        let taken_bytes = writing.written_bytes;
        let state = State::Idle(Box::new(writing));
        Self { most_bytes, taken_bytes, gathered: VecDeque::new(), gathered_bytes: 0, state, turn }
    }

    /// Bytes taken so far, those held before included.
    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Takes more bytes. Waits for the disk only when it is slower than the sender.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] once there are too many, else what the disk said.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.taken_bytes += bytes.len() as u64;
        if self.taken_bytes > self.most_bytes {
            return Err(BlobError::TooLarge { most_bytes: self.most_bytes });
        }
        self.gathered_bytes += bytes.len();
        self.gathered.push_back(bytes);
        while self.piece_bytes() <= self.gathered_bytes {
            self.settle().await?;
            let turn = HASHING.acquire().await.expect("it is never closed");
            // Nobody waits from here on: whoever gives up waiting leaves no thread behind that writes.
            let (mut writing, piece) = (self.take_idle()?, self.next_piece());
            self.state = State::Busy(threads::write(move || {
                writing.append(&piece)?;
                drop(turn);
                writing.write_out()?;
                Ok(writing)
            }));
        }
        Ok(())
    }

    /// Bytes up to the next multiple of [`GATHER_BYTES`] in the file: so each step begins at a multiple of its size, and lies in one
    /// piece in the system's cache (folios), which is read back faster.
    fn piece_bytes(&self) -> usize {
        let start = self.taken_bytes - self.gathered_bytes as u64;
        GATHER_BYTES - (start % GATHER_BYTES as u64) as usize
    }

    /// Takes so much of what was gathered.
    fn next_piece(&mut self) -> Vec<Bytes> {
        let mut length = self.piece_bytes();
        self.gathered_bytes -= length;
        let mut piece = Vec::new();
        while length > 0
            && let Some(mut chunk) = self.gathered.pop_front()
        {
            if chunk.len() > length {
                self.gathered.push_front(chunk.split_off(length));
            }
            length -= chunk.len();
            piece.push(chunk);
        }
        piece
    }

    /// Writes what has come, for the sender to go on later.
    pub async fn pause(mut self) -> Result<(), BlobError> {
        self.settle().await?;
        let mut writing = self.take_idle()?;
        let (gathered, turn) = (Vec::from(std::mem::take(&mut self.gathered)), self.turn.take());
        blocking(move || {
            // Whoever gives up waiting leaves the right to write to the thread that does.
            let _turn = turn;
            writing.append(&gathered)?;
            Ok(writing.write_out()?)
        })
        .await
    }

    /// The file is whole: writes the rest and waits until all is on disk.
    pub async fn finish(mut self) -> Result<Received, BlobError> {
        self.settle().await?;
        let mut writing = self.take_idle()?;
        let (gathered, turn) = (Vec::from(std::mem::take(&mut self.gathered)), self.turn.take());
        blocking(move || {
            writing.append(&gathered)?;
            writing.file.sync_all()?;
            writing.read_back();
            let Writing { digest, written_bytes, head, temporary, .. } = *writing;
            Ok(Received { temporary, turn, hash: named(digest), size_bytes: written_bytes, head })
        })
        .await
    }

    /// Waits until nothing is being written. Whoever gives up waiting may ask again.
    async fn settle(&mut self) -> Result<(), BlobError> {
        if let State::Busy(task) = &mut self.state {
            let written = task.await;
            self.state = State::Failed;
            self.state = State::Idle(written.map_err(io::Error::other)??);
        }
        Ok(())
    }

    /// Takes what writes the file, which must not be busy.
    fn take_idle(&mut self) -> Result<Box<Writing>, BlobError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(writing) => Ok(writing),
            State::Busy(_) | State::Failed => Err(io::Error::other("an earlier write failed").into()),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // A thread may still be writing: whoever comes next waits until it is done, so the right goes with it.
        let turn = self.turn.take();
        if let State::Busy(task) = std::mem::replace(&mut self.state, State::Failed)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                let _ = task.await;
                drop(turn);
            });
        }
    }
}

impl Writing {
    fn new(blobs: &Blobs, file: File, temporary: Temporary) -> Self {
        let (way, digest) = (Arc::clone(&blobs.0.way), Context::new(&SHA256));
        Self { file, way, digest, written_bytes: 0, written_out_bytes: 0, head: Vec::new(), temporary }
    }

    /// Hashes what is in the file behind what was.
    fn take_note(&mut self, chunk: &[u8]) {
        self.head.extend_from_slice(&chunk[..chunk.len().min(HEAD_BYTES - self.head.len())]);
        self.digest.update(chunk);
        self.written_bytes += chunk.len() as u64;
    }

    /// Hashes and writes what came.
    fn append(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        self.way.give(GIVES_WAY_FOR);
        for step in steps(chunks) {
            for chunk in &step {
                self.take_note(chunk);
            }
            std::thread::yield_now();
            self.write(&step)?;
            std::thread::yield_now();
        }
        Ok(())
    }

    fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
        let mut left = &mut slices[..];
        IoSlice::advance_slices(&mut left, 0); // empty ones
        while !left.is_empty() {
            match self.file.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut left, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Has the disk begin to write what lies in memory, and waits for it where the file grew over a multiple of [`SYNC_EVERY_BYTES`].
    fn write_out(&mut self) -> io::Result<()> {
        let waiting_bytes = self.written_bytes - self.written_out_bytes;
        let is_due = self.written_out_bytes / SYNC_EVERY_BYTES != self.written_bytes / SYNC_EVERY_BYTES;
        if waiting_bytes >= WRITE_OUT_BYTES {
            self.way.give(GIVES_WAY_FOR);
            // What this advice begins is the write-out, with no commit of the file system's journal (Linux, mm/fadvise.c); one that is
            // not taken costs time alone.
            let (from, length) = (self.written_out_bytes, NonZeroU64::new(waiting_bytes));
            let _ = fadvise(&self.file, from, length, Advice::DontNeed);
        }
        if is_due {
            self.file.sync_data()?;
        }
        if is_due || waiting_bytes >= WRITE_OUT_BYTES {
            self.written_out_bytes = self.written_bytes;
        }
        Ok(())
    }

    /// Has the system read what it dropped from its cache: the advice that begins a write-out also drops what is on the disk already,
    /// so a quick one loses a page here and there, and whoever fetches the file would wait for each.
    fn read_back(&self) {
        let end = self.written_out_bytes.min(READ_BACK_BYTES);
        for from in (0..end).step_by(READ_BACK_STEP.get() as usize) {
            // Where it is not taken the file is read when it is fetched.
            let _ = fadvise(&self.file, from, Some(READ_BACK_STEP), Advice::WillNeed);
        }
    }
}

impl Received {
    /// Where it lies until it has its name.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Takes out of it, where it lies, what should not be in a file of this type, and counts its hash anew if there was any.
    pub async fn hide_places(mut self, media_type: &'static str) -> Result<Self, BlobError> {
        blocking(move || {
            let mut file = File::options().read(true).write(true).open(self.path())?;
            if places::hide(&mut file, self.size_bytes, media_type)? {
                file.sync_all()?;
                file.rewind()?;
                let (mut digest, mut buffer) = (Context::new(&SHA256), vec![0; GATHER_BYTES]);
                loop {
                    match file.read(&mut buffer)? {
                        0 => break,
                        count => digest.update(&buffer[..count]),
                    }
                }
                self.hash = named(digest);
            }
            Ok(self)
        })
        .await
    }

    /// Gives it its name. Kept when it returns.
    pub async fn keep(mut self, blobs: &Blobs) -> Result<BlobHash, BlobError> {
        blobs.settle(&mut self.temporary, &self.hash.to_string(), self.size_bytes).await?;
        let hash = self.hash;
        self.forget();
        Ok(hash)
    }

    /// Removes it: what was made of it is kept.
    pub fn forget(mut self) {
        self.temporary.stays = false;
        drop(self.temporary);
        drop(self.turn);
    }
}

/// The same bytes in steps of [`STEP_BYTES`], the last one of what is left.
fn steps(chunks: &[Bytes]) -> Vec<Vec<Bytes>> {
    let (mut steps, mut step, mut room) = (Vec::new(), Vec::new(), STEP_BYTES);
    for chunk in chunks {
        let mut chunk = chunk.clone();
        while chunk.len() >= room {
            step.push(chunk.split_to(room));
            steps.push(std::mem::take(&mut step));
            room = STEP_BYTES;
        }
        room -= chunk.len();
        if !chunk.is_empty() {
            step.push(chunk);
        }
    }
    if !step.is_empty() {
        steps.push(step);
    }
    steps
}

fn named(digest: Context) -> BlobHash {
    BlobHash::new(digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    threads::write(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::hash;

    fn blobs() -> (Blobs, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        (
            Blobs::open(directory.path().to_owned(), Box::new(|| Ok((1, 0))), Arc::default(), None).unwrap(),
            directory,
        )
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[tokio::test]
    async fn a_file_in_pieces_is_the_file() {
        let (blobs, _directory) = blobs();
        let whole = pattern(3 * GATHER_BYTES + 17);
        let mut incoming = Incoming::begin(&blobs, u64::MAX).await.unwrap();
        for piece in whole.chunks(60_000) {
            incoming.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        let received = incoming.finish().await.unwrap();
        assert_eq!((received.hash, received.size_bytes), (hash(&whole), whole.len() as u64));
        assert_eq!(received.head, &whole[..HEAD_BYTES]);
        let hash = received.keep(&blobs).await.unwrap();
        assert_eq!(blobs.get(&hash.to_string(), u64::MAX).await.unwrap().unwrap(), whole);
    }

    #[test]
    fn steps_are_the_same_bytes_in_pieces_of_one_size() {
        let whole = Bytes::from(pattern(2 * STEP_BYTES + 5));
        for size in [1_000, STEP_BYTES, STEP_BYTES + 1, whole.len()] {
            let mut chunks: Vec<Bytes> = (0..whole.len())
                .step_by(size)
                .map(|from| whole.slice(from..whole.len().min(from + size)))
                .collect();
            chunks.insert(1, Bytes::new());
            let steps: Vec<Vec<u8>> = steps(&chunks).iter().map(|step| step.concat()).collect();
            let lengths: Vec<usize> = steps.iter().map(Vec::len).collect();
            assert_eq!((lengths, steps.concat()), (vec![STEP_BYTES, STEP_BYTES, 5], whole.to_vec()));
        }
        assert!(steps(&[]).is_empty() && steps(&[Bytes::new()]).is_empty());
    }

    /// Messages that are written without end slow a file down, and no more.
    #[tokio::test]
    async fn a_file_gives_way_and_comes_through() {
        let (blobs, _directory) = blobs();
        let way = Arc::clone(&blobs.0.way);
        let _taken = way.take();
        let whole = pattern(2 * GATHER_BYTES + 1);
        let began = std::time::Instant::now();
        let mut incoming = Incoming::begin(&blobs, u64::MAX).await.unwrap();
        incoming.write(Bytes::from(whole.clone())).await.unwrap();
        assert_eq!(incoming.finish().await.unwrap().hash, hash(&whole));
        assert!(way.is_taken() && began.elapsed() >= 3 * GIVES_WAY_FOR, "each piece waited");
    }

    #[tokio::test]
    async fn too_much_is_refused_and_nothing_is_left() {
        let (blobs, directory) = blobs();
        let mut incoming = Incoming::begin(&blobs, 10).await.unwrap();
        incoming.write(Bytes::from_static(b"0123456789")).await.unwrap();
        assert!(matches!(
            incoming.write(Bytes::from_static(b"x")).await,
            Err(BlobError::TooLarge { most_bytes: 10 })
        ));
        drop(incoming);
        let dropped = Incoming::begin(&blobs, 10).await.unwrap().finish().await.unwrap();
        drop(dropped);
        let left = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["run"]);
    }

    #[tokio::test]
    async fn a_sender_goes_on_where_it_stopped() {
        let (blobs, _directory) = blobs();
        let whole = pattern(2 * GATHER_BYTES + 100_000);
        let (mut first, held) = Incoming::resume(&blobs, "ab", u64::MAX).await.unwrap();
        assert_eq!(held, 0);
        assert!(matches!(Incoming::resume(&blobs, "ab", 1).await, Err(BlobError::Busy)));
        first.write(Bytes::copy_from_slice(&whole[..40_000])).await.unwrap();
        first.pause().await.unwrap();
        assert_eq!(blobs.partial_length("ab").await.unwrap(), 40_000);
        let (mut second, held) = Incoming::resume(&blobs, "ab", u64::MAX).await.unwrap();
        assert_eq!(held, 40_000);
        second.write(Bytes::copy_from_slice(&whole[40_000..])).await.unwrap();
        let received = second.finish().await.unwrap();
        assert_eq!((received.hash, &received.head[..]), (hash(&whole), &whole[..HEAD_BYTES]));
        let name = received.keep(&blobs).await.unwrap().to_string();
        assert_eq!(blobs.partial_length("ab").await.unwrap(), 0);
        assert_eq!(blobs.get(&name, u64::MAX).await.unwrap().unwrap(), whole);
    }

    #[tokio::test]
    async fn pieces_begin_at_multiples_of_their_size_however_a_file_comes() {
        let (blobs, _directory) = blobs();
        let mut first = Incoming::resume(&blobs, "ab", u64::MAX).await.unwrap().0;
        first.write(Bytes::from(pattern(1_000))).await.unwrap();
        assert_eq!((first.piece_bytes(), first.gathered_bytes), (GATHER_BYTES, 1_000));
        first.pause().await.unwrap();
        let (mut second, _) = Incoming::resume(&blobs, "ab", u64::MAX).await.unwrap();
        assert_eq!(second.piece_bytes(), GATHER_BYTES - 1_000);
        second.write(Bytes::from(pattern(3 * GATHER_BYTES))).await.unwrap();
        assert_eq!((second.piece_bytes(), second.gathered_bytes), (GATHER_BYTES, 1_000));
    }

    /// Who gives up waiting leaves nobody behind that writes: the next one finds all that was written.
    #[tokio::test]
    async fn nothing_is_written_after_a_sender_is_gone() {
        let (blobs, _directory) = blobs();
        for round in 0..20 {
            let name = format!("{round:02x}");
            let (mut gone, _) = Incoming::resume(&blobs, &name, u64::MAX).await.unwrap();
            let whole = pattern(8 * GATHER_BYTES);
            tokio::select! {
                biased;
                _ = gone.write(Bytes::from(whole.clone())) => unreachable!("it waits for a thread"),
                () = std::future::ready(()) => {}
            }
            drop(gone);
            let (mut next, held) = loop {
                match Incoming::resume(&blobs, &name, u64::MAX).await {
                    Err(BlobError::Busy) => tokio::task::yield_now().await,
                    other => break other.unwrap(),
                }
            };
            next.write(Bytes::from(whole[held as usize..].to_vec())).await.unwrap();
            let kept = next.finish().await.unwrap().keep(&blobs).await.unwrap().to_string();
            assert!(
                blobs.get(&kept, u64::MAX).await.unwrap().unwrap() == whole,
                "round {round}, held {held}"
            );
        }
    }
}
