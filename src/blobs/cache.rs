//! What is made of pictures, kept on disk up to a number of bytes; what was not asked for longest goes first. Losing it costs the work of
//! making it again, so nothing here is synced.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex as Turn;

/// A file asked for again is marked as young at most this often.
const MARK_EVERY: Duration = Duration::from_secs(60 * 60);

/// The cache; clones are cheap.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    path: PathBuf,
    most_bytes: u64,
    kept_bytes: Mutex<u64>,
    /// Turns at making a file that several ask for at once.
    turns: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

impl Cache {
    /// Opens the folder, or makes it, for at most `most_bytes`.
    pub fn open(path: PathBuf, most_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let mut kept_bytes = 0;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(".new") {
                fs::remove_file(entry.path())?;
            } else {
                kept_bytes += entry.metadata()?.len();
            }
        }
        let (kept_bytes, turns) = (Mutex::new(kept_bytes), Mutex::default());
        Ok(Self(Arc::new(Inner { path, most_bytes, kept_bytes, turns })))
    }

    /// The turn at a name: whoever holds it makes the file, others find it made.
    pub async fn turn(&self, name: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody waits for have no other holder.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(name.to_owned()).or_default().clone()
        };
        turn.lock_owned().await
    }

    /// The bytes under a name (of letters, digits, `-` and `.`). Blocks.
    pub fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let path = self.0.path.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_marked = fs::metadata(&path)?.modified()?.elapsed().is_ok_and(|age| age < MARK_EVERY);
        if !is_marked {
            File::open(&path)?.set_modified(SystemTime::now())?;
        }
        Ok(Some(bytes))
    }

    /// Keeps bytes under a name, and drops the oldest files when there are too many bytes. Blocks.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if length > self.0.most_bytes {
            return Ok(());
        }
        let (path, unfinished) = (self.0.path.join(name), self.0.path.join(format!("{name}.new")));
        fs::write(&unfinished, bytes)?;
        let mut kept_bytes = self.0.kept_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = fs::metadata(&path).map_or(0, |meta| meta.len());
        fs::rename(unfinished, path)?;
        *kept_bytes = (*kept_bytes + length).saturating_sub(before);
        if *kept_bytes > self.0.most_bytes {
            *kept_bytes = self.shrink()?;
        }
        Ok(())
    }

    /// Drops the oldest files down to seven eighths, so that the walk is spread over many puts; what is kept comes back, bytes.
    fn shrink(&self) -> io::Result<u64> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0.path)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
        files.sort();
        let mut kept_bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if kept_bytes <= self.0.most_bytes / 8 * 7 {
                break;
            }
            fs::remove_file(path)?;
            kept_bytes -= length;
        }
        Ok(kept_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_is_too_much() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Cache::open(directory.path().to_owned(), 100).unwrap();
        let cache = open();
        for (age, name) in ["a", "b", "c"].into_iter().enumerate() {
            cache.put(name, &[0; 28]).unwrap();
            let made = SystemTime::now() - Duration::from_secs(10_000 * (3 - age as u64));
            File::open(directory.path().join(name)).unwrap().set_modified(made).unwrap();
        }
        assert!(cache.get("a").unwrap().is_some(), "asked for, so young again");
        cache.put("d", &[0; 28]).unwrap();
        let kept = |name| cache.get(name).unwrap().is_some();
        assert_eq!((kept("a"), kept("b"), kept("c"), kept("d")), (true, false, true, true));
        cache.put("huge", &[0; 101]).unwrap();
        assert!(!kept("huge"));
        cache.put("d", &[0; 20]).unwrap();
        assert_eq!(*open().0.kept_bytes.lock().unwrap(), 76, "counted anew at the next start");
        assert_eq!(*cache.0.kept_bytes.lock().unwrap(), 76);
    }
}
