//! Files that are whole or not there, durable, and their owner's alone.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::Error;

/// Bytes of one file, at most: more is none of ours.
const FILE_BYTES_MAX: u64 = 64 << 20;

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::config(path.clone(), error)
}

/// A draft that is older was left by a process that is gone.
const DRAFT_LIFE: Duration = Duration::from_secs(3_600);

/// Makes a folder that its owner alone may enter, and wipes what a crash left half written.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))?;
    for draft in list(path, "draft")? {
        let written = fs::metadata(&draft).and_then(|about| about.modified());
        let age = written.ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > DRAFT_LIFE) {
            destroy(&draft)?;
        }
    }
    Ok(())
}

/// Waits until nobody else of the owner's is at work in a folder. Ends when it is dropped, and with
/// the process.
pub(super) fn lock(folder: &Path) -> Result<File, Error> {
    let (path, file) = lock_file(folder)?;
    file.lock().map_err(at(&path))?;
    Ok(file)
}

/// The same, without waiting; `None` while somebody is.
pub(super) fn try_lock(folder: &Path) -> Result<Option<File>, Error> {
    let (path, file) = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(at(&path)(error)),
    }
}

fn lock_file(folder: &Path) -> Result<(PathBuf, File), Error> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    file.map_err(at(&path)).map(|file| (path, file))
}

/// Writes a file that is whole or not there, and that its owner alone may read; durable when this
/// returns.
///
/// # Errors
/// [`Error::Config`] naming the file that cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    static DRAFTS: AtomicU64 = AtomicU64::new(0);
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{number}.draft", std::process::id()));
    let filled = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    filled().map_err(at(&draft))?;
    fs::rename(&draft, path).map_err(at(path))?;
    sync(path.parent().unwrap_or(Path::new(".")))
}

/// Reads a file; `None` if it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
        Ok(about) if about.len() > FILE_BYTES_MAX => {
            return Err(Error::config(path.display().to_string(), "is too large"));
        }
        Ok(_) => {}
    }
    fs::read(path).map(|bytes| Some(Zeroizing::new(bytes))).map_err(at(path))
}

/// Reads a secret; a file that others may read is refused.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        let problem = "must be readable by its owner alone (chmod 600)";
        return Err(Error::config(path.display().to_string(), problem));
    }
    read(path)?.ok_or_else(|| Error::config(path.display().to_string(), "is not there"))
}

/// Writes over a secret and removes it. What the file system keeps elsewhere is beyond reach.
pub(super) fn destroy(path: &Path) -> Result<(), Error> {
    let wiped = || {
        let length = usize::try_from(fs::metadata(path)?.len()).unwrap_or(0);
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(&vec![0; length])?;
        file.sync_all()?;
        fs::remove_file(path)
    };
    wiped().map_err(at(path))?;
    sync(path.parent().unwrap_or(Path::new(".")))
}

/// Removes a file, if it is there; gone for good when this returns.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => sync(path.parent().unwrap_or(Path::new("."))),
    }
}

/// The files of a folder with this extension, by name.
pub(super) fn list(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_some_and(|it| it == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
