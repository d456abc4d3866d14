//! Files in a folder of the local disk: on their way in, and for good where there is no bucket. Everything here blocks.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{SPARED_FOR, SYNC_EVERY_BYTES};

/// Begin the names of files that are being written.
const TEMPORARY: &str = "tmp-";
/// Begin the names of files whose sender may go on later.
const PARTIAL: &str = "part-";
/// File with the id of the system's run in which partial files were written, and where the system tells it.
const RUN: &str = "run";
const RUN_OF_SYSTEM: &str = "/proc/sys/kernel/random/boot_id";

/// The folder.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens it, or makes it; what an interrupted write left behind is removed. What a process wrote outlives it, but not the system:
    /// after a power cut, files whose sender may go on are cut back to what surely reached the disk.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let run = fs::read(RUN_OF_SYSTEM).unwrap_or_default();
        let is_same_run =
            !run.is_empty() && if_there(fs::read(path.join(RUN)))?.is_some_and(|last| last == run);
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
            } else if name.starts_with(PARTIAL) && !is_same_run {
                let length = entry.metadata()?.len();
                let surely = length - length % SYNC_EVERY_BYTES;
                File::options().write(true).open(entry.path())?.set_len(surely)?;
            }
        }
        if !is_same_run {
            write_synced(&path.join(RUN), &run)?;
        }
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file is while it is being written.
    pub fn temporary(&self, number: u64) -> PathBuf {
        self.path.join(format!("{TEMPORARY}{number}"))
    }

    /// Where a file is whose sender may go on.
    pub fn partial(&self, name: &str) -> PathBuf {
        self.path.join(format!("{PARTIAL}{name}"))
    }

    /// Gives a file that is on disk its name; a no-op where it has one. Called under the name's lock.
    pub fn settle(&self, temporary: &Path, name: &str) -> io::Result<()> {
        // What was kept before counts as young again, or a sweep could take it before a row names it.
        if self.touch(name)? {
            return Ok(());
        }
        let (folder, file) = self.place(name);
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            File::open(&self.path)?.sync_all()?;
        }
        fs::rename(temporary, &file)?;
        File::open(&folder)?.sync_all()
    }

    /// Marks a file as young; whether it is kept. Called under the name's lock.
    pub fn touch(&self, name: &str) -> io::Result<bool> {
        let marked = File::open(self.place(name).1).and_then(|file| file.set_modified(SystemTime::now()));
        Ok(if_there(marked)?.is_some())
    }

    /// The file under a name, with its length in bytes.
    pub fn open_file(&self, name: &str) -> io::Result<Option<(File, u64)>> {
        let Some(file) = if_there(File::open(self.place(name).1))? else { return Ok(None) };
        let length = file.metadata()?.len();
        Ok(Some((file, length)))
    }

    /// Names of one of 256 folders whose files are old enough to be swept, and the next folder.
    pub fn old_ones(&self, from: Option<&str>) -> io::Result<(Vec<String>, Option<String>)> {
        let number = from.and_then(|folder| u8::from_str_radix(folder, 16).ok()).unwrap_or(0);
        let path = self.path.join(format!("{number:02x}"));
        let mut found = Vec::new();
        for entry in if_there(fs::read_dir(path))?.into_iter().flatten() {
            let entry = entry?;
            if is_old(&entry.path())? {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok((found, number.checked_add(1).map(|next| format!("{next:02x}"))))
    }

    /// Whether a file is past the age at which it is spared.
    pub fn is_old(&self, name: &str) -> io::Result<bool> {
        is_old(&self.place(name).1)
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.place(name).1)
    }

    /// Removes files whose senders had a day to go on.
    pub fn sweep_partial(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) && is_old(&entry.path())? {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Bytes held of a file whose sender may go on; 0 for none.
    pub fn partial_length(&self, name: &str) -> io::Result<u64> {
        Ok(if_there(fs::metadata(self.partial(name)))?.map_or(0, |meta| meta.len()))
    }

    /// Removes a file whose sender will not go on.
    pub fn remove_partial(&self, name: &str) -> io::Result<()> {
        if_there(fs::remove_file(self.partial(name))).map(drop)
    }

    /// Folder and file of a name: 256 folders, so that none grows without end.
    fn place(&self, name: &str) -> (PathBuf, PathBuf) {
        let folder = self.path.join(name.get(..2).unwrap_or("__"));
        let file = folder.join(name);
        (folder, file)
    }
}

/// What is there; `None` for what is not.
pub(super) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file is past the age at which it is spared. What has gone meanwhile is not.
pub(super) fn is_old(path: &Path) -> io::Result<bool> {
    let Some(meta) = if_there(fs::metadata(path))? else { return Ok(false) };
    Ok(meta.modified()?.elapsed().is_ok_and(|age| age > SPARED_FOR))
}

/// Writes a file that is on disk when this returns.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
