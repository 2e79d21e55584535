//! Sealed payments: keys, trust, and what senders, readers and screeners do with them.
//!
//! Everything secret stays in the folder that the profile names; the protocol itself is the SDK's
//! (`sdk::sealed`), the message inside the views is `iso20022`'s.

mod dispute;
mod faults;
mod keys;
mod open;
pub(crate) mod policy_file;
mod reading;
mod root;
mod screen;
mod sending;
pub(crate) mod statement_file;
mod trust;

use std::path::{Path, PathBuf};

use sdk::sealed::{KeyStore, SentStore, TrustFile, TrustStore};
use sdk::{Outbox, ParticipantId, Profile};

pub(crate) use self::dispute::Command as Dispute;
pub(crate) use self::faults::FaultsArgs;
pub(crate) use self::keys::Command as Keys;
pub(crate) use self::open::OpenArgs;
pub(crate) use self::policy_file::view_name;
pub(crate) use self::reading::{Desk, Reading, is_sealed};
pub(crate) use self::root::Command as Root;
pub(crate) use self::screen::Command as Screening;
pub(crate) use self::sending::{Draft, Kept};
pub(crate) use self::trust::{Policy, Trust};
use crate::context::Session;
use crate::failure::Failure;

/// A participant's own folder: its keys, what it believes, what it sealed.
pub(crate) struct Sealed {
    pub(crate) keys: KeyStore,
    pub(crate) store: TrustStore,
    pub(crate) sent: SentStore,
    pub(crate) outbox: Outbox,
    pub(crate) folder: PathBuf,
}

impl Sealed {
    /// The folder that a profile names; `None` without a trust file.
    pub(crate) fn of(profile: &Profile) -> Result<Option<Self>, Failure> {
        let Some(path) = &profile.trust else { return Ok(None) };
        let beside = || path.parent().unwrap_or(Path::new("")).join("sealed");
        let folder = profile.sealed.clone().unwrap_or_else(beside);
        let file = TrustFile::load(path)?;
        if file.pool != profile.pool {
            return Err(Failure::usage("the trust file is for another pool than the profile"));
        }
        let owner = ParticipantId(profile.participant);
        Ok(Some(Self {
            keys: KeyStore::open(&folder.join("keys"), profile.pool, owner)?,
            store: TrustStore::open(file, &folder.join("trust"))?,
            sent: SentStore::open(&folder.join("sent"))?,
            outbox: Outbox::open(folder.join("outbox"))?,
            folder,
        }))
    }
}

impl Session {
    /// The participant's folder.
    pub(crate) fn sealed(&self) -> Result<Sealed, Failure> {
        let missing = "the profile names no trust file: put `trust = \"trust.toml\"` into it";
        Sealed::of(&self.profile)?.ok_or_else(|| Failure::usage(missing))
    }

    /// Fetches the directory and believes what may be believed; returns the time it holds for.
    pub(crate) async fn sync(&self, sealed: &mut Sealed) -> Result<u64, Failure> {
        let now_ms = self.now_ms().await?;
        let served = self.client.directory_statements().await?;
        sealed.store.take(&served, now_ms)?;
        Ok(now_ms)
    }
}
