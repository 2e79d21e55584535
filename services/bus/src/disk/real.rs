//! A directory of the operating system.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, OFlags};
use rustix::io::Errno;

use super::{Access, Disk, DiskFile};

/// Direct writes need memory, offset and length to be multiples of this.
const ALIGNMENT: usize = 4096;

/// The file whose lock keeps a second process out.
const LOCK: &str = "lock";

/// A directory, locked against other processes for as long as this value lives.
#[derive(Debug)]
pub struct RealDisk {
    dir: PathBuf,
    direct: bool,
    _lock: Option<File>,
}

impl RealDisk {
    /// Opens a directory, making it if needed. With `direct`, aligned writes bypass the page cache
    /// where the file system can do that.
    ///
    /// # Errors
    /// `WouldBlock` if the directory is open elsewhere, and those of the operating system.
    pub fn open(dir: &Path, direct: bool) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(LOCK))?;
        take(&lock)?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { dir: dir.to_owned(), direct, _lock: Some(lock) })
    }

    /// Opens a directory to read from it. Nothing in it is made or written; where no lock file
    /// is, as in a copy, there is nobody to keep out.
    ///
    /// # Errors
    /// `WouldBlock` if the directory is open elsewhere, and those of the operating system.
    pub fn open_read_only(dir: &Path) -> io::Result<Self> {
        let lock = match File::open(dir.join(LOCK)) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        lock.iter().try_for_each(take)?;
        Ok(Self { dir: dir.to_owned(), direct: false, _lock: lock })
    }

    /// The second, direct handle of a file; none where the file system knows no such thing.
    fn open_direct(&self, path: &Path) -> Option<File> {
        let flags = OFlags::DIRECT.bits().cast_signed();
        self.direct
            .then(|| OpenOptions::new().write(true).custom_flags(flags).open(path).ok())
            .flatten()
    }
}

fn take(lock: &File) -> io::Result<()> {
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => io::Error::from(io::ErrorKind::WouldBlock),
        fs::TryLockError::Error(error) => error,
    })
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.dir)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.dir.join(name);
        let cached = OpenOptions::new().create_new(true).read(true).write(true).open(&path)?;
        Ok(Arc::new(RealFile { direct: self.open_direct(&path), cached }))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.dir.join(name);
        let write = access == Access::Write;
        let cached = OpenOptions::new().read(true).write(write).open(&path)?;
        let advice = match access {
            Access::Scan => Advice::WillNeed,
            // Reads are large and say what they want; read-ahead would only cache pages that a
            // direct write is about to replace.
            Access::Read | Access::Write => Advice::Random,
        };
        rustix::fs::fadvise(&cached, 0, None, advice)?;
        let direct = if write { self.open_direct(&path) } else { None };
        Ok(Arc::new(RealFile { direct, cached }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dir.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn nonce(&self) -> io::Result<u64> {
        getrandom::u64().map_err(io::Error::other)
    }
}

/// A file with one handle through the page cache and, where possible, one around it.
#[derive(Debug)]
struct RealFile {
    cached: File,
    direct: Option<File>,
}

impl DiskFile for RealFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.cached.metadata()?.len())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.cached, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::OPNOTSUPP) => self.cached.set_len(bytes),
            done => Ok(done?),
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.cached.read_exact_at(into, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let aligned = bytes.as_ptr().align_offset(ALIGNMENT) == 0
            && bytes.len().is_multiple_of(ALIGNMENT)
            && offset.is_multiple_of(ALIGNMENT as u64);
        match self.direct.as_ref().filter(|_| aligned) {
            Some(direct) => match direct.write_all_at(bytes, offset) {
                // The file system opens files for direct writes but cannot write them.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.cached.write_all_at(bytes, offset)
                }
                done => done,
            },
            None => self.cached.write_all_at(bytes, offset),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.cached.sync_data()
    }
}
