//! A participant's own folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use channel::ParticipantId;
use tokio::time::sleep;

use super::files;
use super::keys::KeyStore;
use super::sealer::Sealer;
use super::sent::SentStore;
use super::store::{TrustFile, TrustStore};
use crate::{Client, Error, Outbox, Profile};

/// How often it is looked whether another process is done.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// What one participant keeps: its keys, what it believes, what it sealed. Several processes of one
/// owner may share it.
#[derive(Debug)]
pub struct Vault {
    /// Its KEM keys.
    pub keys: KeyStore,
    /// What it believes.
    pub store: TrustStore,
    /// What it sealed.
    pub sent: SentStore,
    /// What it has to hand in.
    pub outbox: Outbox,
    folder: PathBuf,
    /// What this process has sealed with before: its epochs may last.
    pub(super) sealer: Mutex<Option<Sealer>>,
}

impl Vault {
    /// The folder that a profile names; `None` without a trust file.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file that is not usable.
    pub fn of(profile: &Profile) -> Result<Option<Self>, Error> {
        let Some(path) = &profile.trust else { return Ok(None) };
        let beside = || path.parent().unwrap_or(Path::new("")).join("sealed");
        let folder = profile.sealed.clone().unwrap_or_else(beside);
        let file = TrustFile::load(path)?;
        if file.pool != profile.pool {
            return Err(Error::config("trust", "is for another pool than the profile"));
        }
        Self::open(file, ParticipantId(profile.participant), &folder).map(Some)
    }

    /// The folder of a participant, which is made if it is not there.
    ///
    /// # Errors
    /// As [`Vault::of`].
    pub fn open(file: TrustFile, owner: ParticipantId, folder: &Path) -> Result<Self, Error> {
        files::make_folder(folder)?;
        Ok(Self {
            keys: KeyStore::open(&folder.join("keys"), file.pool, owner)?,
            store: TrustStore::open(file, &folder.join("trust"))?,
            sent: SentStore::open(&folder.join("sent"))?,
            outbox: Outbox::open(folder.join("outbox"))?,
            folder: folder.to_owned(),
            sealer: Mutex::new(None),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fetches the directory and believes what may be believed at this instant.
    ///
    /// # Errors
    /// As [`TrustStore::take`], and as any call.
    pub async fn sync(&mut self, client: &Client, now_ms: u64) -> Result<(), Error> {
        self.store.take(&client.directory_statements().await?, now_ms)
    }

    /// Keeps other processes of the owner from sealing: an order is looked up and sealed by one of
    /// them, and found by the others.
    pub(super) async fn lock(&self) -> Result<File, Error> {
        loop {
            match files::try_lock(&self.folder)? {
                Some(lock) => return Ok(lock),
                None => sleep(LOCK_POLL).await,
            }
        }
    }
}
