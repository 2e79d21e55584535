//! The data directory: where things are in it, and that only one process has it open.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The file that is locked.
const LOCK: &str = "lock";

/// A data directory that this process alone has open, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// The operating system releases it, even if the process is killed.
    _lock: Option<File>,
}

impl DataDir {
    /// Takes the directory; makes it if it is not there.
    ///
    /// # Errors
    /// Another process has it, or it cannot be made.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot make the data directory {}", path.display()))?;
        let file = path.join(LOCK);
        let lock = File::options().create(true).append(true).open(&file);
        let lock = lock.with_context(|| format!("cannot open {}", file.display()))?;
        Self::lock(path, Some(lock))
    }

    /// Takes a directory that holds a log: `path` itself, or `data` in it. Nothing is made in it:
    /// where no lock is, as in a copy, there is nobody to keep out.
    ///
    /// # Errors
    /// There is no log, or another process has it.
    pub(crate) fn existing(path: &Path) -> Result<Self> {
        let found = [path.to_owned(), path.join("data")];
        let found = found.iter().find(|candidate| log_of(candidate).is_dir());
        match found {
            Some(found) => Self::lock(found, open_lock(found)?),
            None => bail!("{} holds no log", path.display()),
        }
    }

    fn lock(path: &Path, lock: Option<File>) -> Result<Self> {
        match lock.as_ref().map_or(Ok(()), File::try_lock) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("{} is in use by a running causewayd; stop it first", path.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// The log's directory.
    pub(crate) fn log(&self) -> PathBuf {
        log_of(&self.path)
    }

    /// The store's directory.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join("store")
    }
}

/// The lock of a directory, if it has one.
fn open_lock(path: &Path) -> Result<Option<File>> {
    match File::open(path.join(LOCK)) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot open the lock of {}", path.display()))
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    path.join("log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::create(dir.path()).unwrap();
        let second = format!("{:#}", DataDir::create(dir.path()).unwrap_err());
        assert!(second.contains("in use by a running causewayd"), "{second}");
        drop(first);
        DataDir::create(dir.path()).unwrap();
    }

    #[test]
    fn finds_the_log_in_either_place() {
        let dir = tempfile::tempdir().unwrap();
        let none = format!("{:#}", DataDir::existing(dir.path()).unwrap_err());
        assert!(none.contains("holds no log"), "{none}");
        std::fs::create_dir_all(dir.path().join("data/log")).unwrap();
        let found = DataDir::existing(dir.path()).unwrap();
        assert_eq!(found.log(), dir.path().join("data/log"));
    }
}
