//! Writing an export: whole, or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// An export that is being written beside where it will stand.
///
/// It appears under its name with [`Draft::commit`], all of it durable; dropped before that, it
/// leaves nothing behind. A file of that name is never overwritten.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    /// Removed when the draft is dropped.
    temporary: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl Draft {
    /// Begins an export that shall stand at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if something stands there, or another export is being written
    /// there; and whatever the operating system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(exists("the file exists; name another or remove it"));
        }
        let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        let mut temporary = name.to_owned();
        temporary.push(".part");
        let temporary = path.with_file_name(temporary);
        let file = match File::create_new(&temporary) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let said =
                    format!("{} exists: another export, or its remains", temporary.display());
                return Err(exists(&said));
            }
            file => file?,
        };
        let path = path.to_owned();
        Ok(Self { path, temporary, file: BufWriter::with_capacity(1 << 20, file), bytes: 0 })
    }

    /// Adds the next record.
    ///
    /// # Errors
    /// Whatever the operating system says; the export is then of no use.
    pub fn write(&mut self, record: &[u8]) -> io::Result<()> {
        self.bytes += record.len() as u64;
        self.file.write_all(record)
    }

    /// Makes the export durable under its name; how many bytes it has.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if something stands there by now; and whatever the operating
    /// system says. Nothing is left behind.
    pub fn commit(mut self) -> io::Result<u64> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        // A link, unlike a renaming, never replaces what somebody else has put there.
        fs::hard_link(&self.temporary, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(self.bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What cannot be removed is in nobody's way but the next draft's, which names it.
        drop(fs::remove_file(&self.temporary));
    }
}

fn exists(said: &str) -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, said)
}
