//! Files kept by hash in the data directory. A file is whole and on disk before anything names it (SAFETY.md §5.9).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder of blobs; clones are cheap.
#[derive(Clone)]
pub struct Blobs(Arc<Folder>);

struct Folder {
    path: PathBuf,
    next_temporary: AtomicU64,
}

impl Blobs {
    /// Opens the folder, or makes it; what an interrupted write left behind is removed.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("tmp-") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self(Arc::new(Folder { path, next_temporary: AtomicU64::new(0) })))
    }

    /// Keeps bytes under their hash (lower-case hex); a no-op where they are kept already. On disk when it returns.
    pub fn put(&self, hash: &str, bytes: &[u8]) -> io::Result<()> {
        let (folder, file) = self.place(hash);
        if file.exists() {
            return Ok(());
        }
        let number = self.0.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.0.path.join(format!("tmp-{number}"));
        let mut writing = File::create(&temporary)?;
        writing.write_all(bytes)?;
        writing.sync_all()?;
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            File::open(&self.0.path)?.sync_all()?;
        }
        fs::rename(&temporary, &file)?;
        File::open(&folder)?.sync_all()
    }

    /// The bytes under a hash.
    pub fn get(&self, hash: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.place(hash).1) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Folder and file of a hash: 256 folders, so that none grows without end.
    fn place(&self, hash: &str) -> (PathBuf, PathBuf) {
        let folder = self.0.path.join(hash.get(..2).unwrap_or("__"));
        let file = folder.join(hash);
        (folder, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_by_hash_and_leftovers_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blobs");
        let blobs = Blobs::open(path.clone()).unwrap();
        blobs.put("ab12", b"sun over hills").unwrap();
        blobs.put("ab12", b"sun over hills").unwrap();
        assert_eq!(blobs.get("ab12").unwrap().as_deref(), Some(&b"sun over hills"[..]));
        assert_eq!(blobs.get("ab13").unwrap(), None);
        fs::write(path.join("tmp-7"), b"half").unwrap();
        Blobs::open(path.clone()).unwrap();
        assert!(!path.join("tmp-7").exists());
    }
}
