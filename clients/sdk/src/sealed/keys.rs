//! The owner's KEM keys: made here, kept here, deleted here. A secret never leaves this machine.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use channel::{
    KEM_KEY_LIFE_MAX_MS, KemKey, KemRevocation, KeyId, ParticipantId, Signed, Signer, Suite,
};
use rand_core::CryptoRng;
use sealing::{KemSecret, Reader};
use zeroize::Zeroizing;

use super::files;
use super::store::TrustStore;
use crate::Error;

/// How long a secret is kept after its key's end, ms: 30 days, the longest that an order which was
/// sealed to it may wait in a queue or for its value date.
pub const KEEP_MS: u64 = 30 * 86_400_000;

const VERSION: u8 = 1;

/// A folder with one file per key: its secret and its signed public half.
#[derive(Debug, Clone)]
pub struct KeyStore {
    folder: PathBuf,
    pool: u32,
    owner: ParticipantId,
}

/// A key of the store. Its secret is wiped when dropped.
#[derive(Clone)]
pub struct OwnKey {
    /// The public half, as it goes into the directory.
    pub signed: Signed<KemKey>,
    /// The revocation, if it was revoked.
    pub revoked: Option<Signed<KemRevocation>>,
    secret: KemSecret,
}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl OwnKey {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.signed.statement.id()
    }

    /// Its suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.signed.statement.public.suite()
    }

    /// Whether others may seal to it at this instant.
    #[must_use]
    pub fn usable_at(&self, now_ms: u64) -> bool {
        self.revoked.is_none() && self.signed.statement.valid_at(now_ms)
    }

    /// From when on nobody may seal to it any more, ms.
    fn ends_at_ms(&self) -> u64 {
        let end = self.signed.statement.valid_to_ms;
        self.revoked.as_ref().map_or(end, |it| it.statement.revoked_at_ms.min(end))
    }
}

impl KeyStore {
    /// The keys of a participant in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Config`] if it cannot be made.
    pub fn open(folder: &Path, pool: u32, owner: ParticipantId) -> Result<Self, Error> {
        files::make_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), pool, owner })
    }

    /// Makes a key of a suite that is valid for `life_ms` from now on, at most 7 days. It is on disk before
    /// its public half is returned: nobody can seal to a key that would be lost.
    ///
    /// # Errors
    /// [`Error::Config`] for a life that is too long, or a file that cannot be written.
    pub fn make(
        &self,
        suite: Suite,
        (now_ms, life_ms): (u64, u64),
        signer: &dyn Signer,
        mut random: &mut dyn CryptoRng,
    ) -> Result<Signed<KemKey>, Error> {
        if !(1..=KEM_KEY_LIFE_MAX_MS).contains(&life_ms) {
            return Err(Error::config("life", "must be at most 7 days"));
        }
        let secret = KemSecret::generate(suite, &mut random);
        let key = KemKey {
            pool: self.pool,
            participant: self.owner,
            public: secret.public(),
            valid_from_ms: now_ms,
            valid_to_ms: now_ms.saturating_add(life_ms),
        };
        let signed = Signed::sign(key, signer).map_err(|e| Error::config("signing_key", e))?;
        self.write(&signed, &secret)?;
        Ok(signed)
    }

    fn write(&self, signed: &Signed<KemKey>, secret: &KemSecret) -> Result<(), Error> {
        let mut bytes = Zeroizing::new(vec![VERSION]);
        bytes.extend_from_slice(&*secret.to_bytes());
        bytes.extend_from_slice(&signed.encode());
        files::write(&self.path(signed.statement.id(), "key"), &bytes)
    }

    /// Makes the next key of a suite if its newest ends within `ahead_ms`: before it does, so that
    /// there is always one to seal to.
    ///
    /// # Errors
    /// As [`KeyStore::make`].
    pub fn rotate(
        &self,
        suite: Suite,
        now_ms: u64,
        (life_ms, ahead_ms): (u64, u64),
        signer: &dyn Signer,
        random: &mut dyn CryptoRng,
    ) -> Result<Option<Signed<KemKey>>, Error> {
        let until_ms = now_ms.saturating_add(ahead_ms);
        let lasts =
            |key: &OwnKey| key.suite() == suite && key.usable_at(now_ms) && key.usable_at(until_ms);
        if self.keys()?.iter().any(lasts) {
            return Ok(None);
        }
        self.make(suite, (now_ms, life_ms), signer, random).map(Some)
    }

    /// Revokes a key. Its secret stays until no order sealed to it may come any more.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such key.
    pub fn revoke(
        &self,
        id: KeyId,
        now_ms: u64,
        signer: &dyn Signer,
    ) -> Result<Signed<KemRevocation>, Error> {
        let keys = self.keys()?;
        let key = keys.iter().find(|key| key.id() == id);
        let key = key.ok_or_else(|| Error::config("key", "is not in the key store"))?;
        if let Some(signed) = &key.revoked {
            return Ok(signed.clone());
        }
        let (pool, participant) = (self.pool, self.owner);
        let revocation = KemRevocation { pool, participant, key: id, revoked_at_ms: now_ms };
        let signed =
            Signed::sign(revocation, signer).map_err(|e| Error::config("signing_key", e))?;
        files::write(&self.path(id, "revoked"), &signed.encode())?;
        Ok(signed)
    }

    /// Deletes the secrets whose keys ended more than `keep_ms` ago ([`KEEP_MS`]); returns their
    /// ids.
    ///
    /// # Errors
    /// [`Error::Config`] if a file cannot be removed.
    pub fn sweep(&self, now_ms: u64, keep_ms: u64) -> Result<Vec<KeyId>, Error> {
        let mut gone = Vec::new();
        for key in self.keys()? {
            if key.ends_at_ms().saturating_add(keep_ms) < now_ms {
                files::destroy(&self.path(key.id(), "key"))?;
                gone.push(key.id());
            }
        }
        Ok(gone)
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file that cannot be read, is another's, or may be read by
    /// others.
    pub fn keys(&self) -> Result<Vec<OwnKey>, Error> {
        let paths = files::list(&self.folder, "key")?;
        let mut keys = paths.iter().map(|path| self.read(path)).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| (key.signed.statement.valid_from_ms, key.id()));
        Ok(keys)
    }

    /// The newest key of a suite to which others may seal at this instant, among those that the pool
    /// knows: a key that was made and not published, or not taken, is of no use to anybody.
    ///
    /// # Errors
    /// As [`KeyStore::keys`]; also if there is none.
    pub fn published(
        &self,
        store: &TrustStore,
        suite: Suite,
        now_ms: u64,
    ) -> Result<OwnKey, Error> {
        let known = |key: &OwnKey| store.kem_keys().any(|it| it.statement.id() == key.id());
        let usable = |key: &OwnKey| key.suite() == suite && key.usable_at(now_ms) && known(key);
        let newest = self.keys()?.into_iter().rfind(usable);
        newest.ok_or_else(|| {
            Error::config("keys", "the pool knows no valid KEM key of this participant: make one")
        })
    }

    /// Signs the valid keys again that another key than the signer's has signed: the owner's identity
    /// was replaced, and the pool has dropped what the former one had signed.
    ///
    /// # Errors
    /// As [`KeyStore::make`].
    pub fn sign_again(&self, now_ms: u64, signer: &dyn Signer) -> Result<(), Error> {
        let own = signer.public_key();
        let stale = |key: &OwnKey| key.usable_at(now_ms) && key.signed.signer != own;
        for key in self.keys()?.into_iter().filter(stale) {
            let signed = Signed::sign(key.signed.statement, signer);
            let signed = signed.map_err(|e| Error::config("signing_key", e))?;
            self.write(&signed, &key.secret)?;
        }
        Ok(())
    }

    /// The newest key of a suite to which others may seal at this instant.
    ///
    /// # Errors
    /// As [`KeyStore::keys`]; also if there is none.
    pub fn current(&self, suite: Suite, now_ms: u64) -> Result<OwnKey, Error> {
        let usable = |key: &OwnKey| key.suite() == suite && key.usable_at(now_ms);
        let newest = self.keys()?.into_iter().rfind(usable);
        newest.ok_or_else(|| {
            Error::config("keys", "there is no valid KEM key of the policy's suite: make one")
        })
    }

    /// A reader that has all secrets.
    ///
    /// # Errors
    /// As [`KeyStore::keys`].
    pub fn reader(&self) -> Result<Reader, Error> {
        let mut reader = Reader::new(self.pool, self.owner);
        self.add_to(&mut reader)?;
        Ok(reader)
    }

    /// Gives a reader all secrets, and says of which keys; those that it has already change nothing.
    pub(super) fn add_to(&self, reader: &mut Reader) -> Result<BTreeSet<KeyId>, Error> {
        let mut given = BTreeSet::new();
        for key in self.keys()? {
            given.insert(key.id());
            let added = reader.add_key(&key.signed.statement, key.secret.clone());
            added.map_err(|error| Error::config("keys", error))?;
        }
        Ok(given)
    }

    fn read(&self, path: &Path) -> Result<OwnKey, Error> {
        let damaged = || Error::config(path.display().to_string(), "is no KEM key of this owner");
        let bytes = files::read_secret(path)?;
        let (head, signed) = bytes.split_at_checked(33).ok_or_else(damaged)?;
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(&head[1..]);
        let signed: Signed<KemKey> = Signed::decode(signed).map_err(|_| damaged())?;
        let key = &signed.statement;
        let secret = KemSecret::from_bytes(key.public.suite(), &secret).map_err(|_| damaged())?;
        let own = head[0] == VERSION
            && key.pool == self.pool
            && key.participant == self.owner
            && secret.belongs_to(key);
        if !own {
            return Err(damaged());
        }
        let revoked = files::read(&self.path(key.id(), "revoked"))?;
        let revoked = revoked.map(|bytes| Signed::decode(&bytes).map_err(|_| damaged()));
        Ok(OwnKey { revoked: revoked.transpose()?, signed, secret })
    }

    fn path(&self, id: KeyId, extension: &str) -> PathBuf {
        self.folder.join(files::hex(&id.0)).with_extension(extension)
    }
}
