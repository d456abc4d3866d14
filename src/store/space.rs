//! How much room the disk has.

use std::path::PathBuf;

use super::SpaceGauge;

/// Asks the file system of a directory (`statvfs`).
pub struct DiskGauge {
    directory: PathBuf,
    floor_bytes: u64,
}

impl DiskGauge {
    /// A gauge that keeps back `floor_bytes`, or 1 % of the disk where that is more (SAFETY.md §6).
    pub fn new(directory: PathBuf, floor_bytes: u64) -> std::io::Result<Self> {
        let disk = rustix::fs::statvfs(&directory)?;
        let hundredth = disk.f_blocks.saturating_mul(disk.f_frsize) / 100;
        Ok(Self { directory, floor_bytes: if floor_bytes == 0 { 0 } else { floor_bytes.max(hundredth) } })
    }
}

impl SpaceGauge for DiskGauge {
    fn free_bytes(&self) -> std::io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.directory)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn floor_bytes(&self) -> u64 {
        self.floor_bytes
    }
}

/// A disk without end, for stores in memory.
pub struct NoGauge;

impl SpaceGauge for NoGauge {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(u64::MAX)
    }

    fn floor_bytes(&self) -> u64 {
        0
    }
}
