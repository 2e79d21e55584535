//! The data directory: where things are in it, and that only one process has it open.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A data directory that this process alone has open, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// The operating system releases it, even if the process is killed.
    _lock: File,
}

impl DataDir {
    /// Takes the directory; makes it if it is not there.
    ///
    /// # Errors
    /// Another process has it, or it cannot be made.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("cannot make the data directory {}", path.display()))?;
        Self::lock(path)
    }

    /// Takes a directory that holds a log: `path` itself, or `data` in it.
    ///
    /// # Errors
    /// There is no log, or another process has it.
    pub(crate) fn existing(path: &Path) -> Result<Self> {
        let found = [path.to_owned(), path.join("data")];
        let found = found.iter().find(|candidate| log_of(candidate).is_dir());
        match found {
            Some(found) => Self::lock(found),
            None => bail!("{} holds no log", path.display()),
        }
    }

    fn lock(path: &Path) -> Result<Self> {
        let file = path.join("lock");
        let lock = File::options().create(true).append(true).open(&file);
        let lock = lock.with_context(|| format!("cannot open {}", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("{} is in use by a running causewayd; stop it first", path.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", file.display()))
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
