//! Signed bytes on disk before they are sent, so that a retry after a crash sends the same ones.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use channel::sha256;

use crate::{Error, SignedBatch};

/// A folder with one file per signed batch that has no final answer yet.
///
/// ```
/// # use sdk::{LocalSigner, OrderBuilder, Outbox, ParticipantId, SignedBatch};
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let signer = LocalSigner::from_seed(&zeroize::Zeroizing::new([1; 32]));
/// # let order = OrderBuilder::new(1, ParticipantId(7))
/// #     .receiver(ParticipantId(8)).amount("1.00 EUR").value_date("2026-03-02").build()?;
/// # let batch = SignedBatch::sign(vec![order], &signer)?;
/// let outbox = Outbox::open(folder)?;
/// outbox.put(&batch)?; // durable before the first attempt
/// // … submit it; after a crash, submit all of outbox.pending() again …
/// assert_eq!(outbox.pending()?, [batch.clone()]);
/// outbox.remove(&batch)?; // once its decisions were dealt with
/// # assert!(outbox.pending()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Config`] if it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        Ok(Self { folder })
    }

    /// Keeps a batch; it is durable when this returns. Keeping it again changes nothing.
    ///
    /// # Errors
    /// [`Error::Config`] if it cannot be written: do not send the batch then.
    pub fn put(&self, batch: &SignedBatch) -> Result<(), Error> {
        let bytes = batch.to_bytes();
        let path = self.path(batch);
        let draft = path.with_extension("draft");
        write(&draft, &bytes).map_err(at(&draft))?;
        fs::rename(&draft, &path).map_err(at(&path))?;
        self.sync()
    }

    /// The batches kept, in no particular order. What a crash left half written is not among them,
    /// nor what another process of the owner has dealt with meanwhile.
    ///
    /// # Errors
    /// [`Error::Config`] if the folder cannot be read; [`Error::Malformed`] if a file is damaged.
    pub fn pending(&self) -> Result<Vec<SignedBatch>, Error> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(at(&self.folder))? {
            let path = entry.map_err(at(&self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == "batch") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().filter_map(|path| read(path).transpose()).collect()
    }

    /// Forgets a batch.
    ///
    /// # Errors
    /// [`Error::Config`] if its file cannot be removed.
    pub fn remove(&self, batch: &SignedBatch) -> Result<(), Error> {
        let path = self.path(batch);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&path)(error)),
            _ => self.sync(),
        }
    }

    /// Puts a batch aside that the node will never take, for somebody to look at: it is pending no
    /// more. If another process of the owner was faster, it changes nothing.
    ///
    /// # Errors
    /// [`Error::Config`] if its file cannot be renamed.
    pub fn set_aside(&self, batch: &SignedBatch) -> Result<PathBuf, Error> {
        let path = self.path(batch);
        let aside = path.with_extension("refused");
        match fs::rename(&path, &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&path)(error)),
            _ => self.sync()?,
        }
        Ok(aside)
    }

    /// Named after its content: keeping a batch twice keeps it once.
    fn path(&self, batch: &SignedBatch) -> PathBuf {
        let digest = sha256(&[batch.root().as_slice(), batch.signature()].concat());
        let name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension("batch")
    }

    fn sync(&self) -> Result<(), Error> {
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(at(&self.folder))
    }
}

/// Reads a batch; `None` if it is gone.
fn read(path: &Path) -> Result<Option<SignedBatch>, Error> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => SignedBatch::from_bytes(&read.map_err(at(path))?).map(Some),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::config(path.clone(), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::{order, signer};

    fn batch(payload: &str) -> SignedBatch {
        SignedBatch::sign(vec![order(7, payload)], &signer(1)).unwrap()
    }

    #[test]
    fn what_was_put_is_there_after_reopening_until_removed() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        let (first, second) = (batch("a"), batch("b"));
        outbox.put(&first).unwrap();
        outbox.put(&first).unwrap();
        outbox.put(&second).unwrap();
        let again = Outbox::open(folder.path().join("outbox")).unwrap();
        let pending = again.pending().unwrap();
        assert_eq!(pending.len(), 2);
        assert!(pending.contains(&first) && pending.contains(&second));
        again.remove(&first).unwrap();
        again.remove(&first).unwrap();
        assert_eq!(again.pending().unwrap(), [second]);
    }

    #[test]
    fn what_another_process_has_dealt_with_is_gone_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path()).unwrap();
        let (first, second) = (batch("a"), batch("b"));
        outbox.put(&first).unwrap();
        // In the list, and not there any more when it is read.
        let gone = folder.path().join("00.batch");
        std::os::unix::fs::symlink(folder.path().join("nothing"), gone).unwrap();
        assert_eq!(outbox.pending().unwrap(), std::slice::from_ref(&first));
        let aside = outbox.set_aside(&first).unwrap();
        assert_eq!(outbox.set_aside(&first).unwrap(), aside);
        assert!(aside.exists() && outbox.pending().unwrap().is_empty());
        outbox.remove(&second).unwrap();
    }

    #[test]
    fn drafts_are_not_batches_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path()).unwrap();
        fs::write(folder.path().join("00.draft"), b"half").unwrap();
        assert!(outbox.pending().unwrap().is_empty());
        fs::write(folder.path().join("00.batch"), b"half").unwrap();
        assert!(outbox.pending().is_err());
    }
}
