//! What this client believes, on disk: never less, never older, never something else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use channel::{
    AnyStatement, DisclosurePolicy, Identity, KemKey, KemRevocation, KeyId, ParticipantId,
    PublicKey, Signed, Trust, TrustError,
};
use serde::Deserialize;

use super::files;
use crate::Error;
use crate::profile::{parse_key, read};

/// Which keys count as roots: written by the user, not by the node, and not over the network.
///
/// ```toml
/// pool = 1
/// roots = ["9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    /// The pool.
    pub pool: u32,
    /// Ed25519 public keys of the scheme and its regulators, 64 hexadecimal digits each.
    pub roots: Vec<String>,
}

impl TrustFile {
    /// Reads a trust file.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file or the key.
    pub fn load(path: &Path) -> Result<Self, Error> {
        toml::from_str(&read(path)?)
            .map_err(|error| Error::config(path.display().to_string(), error.message()))
    }

    fn trust(&self) -> Result<Trust, Error> {
        let bad = || Error::config("roots", "must be Ed25519 public keys, 64 hexadecimal digits");
        let keys = self.roots.iter().map(|root| parse_key(root).ok_or_else(bad));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(Error::config("roots", "must name at least one key"));
        }
        Trust::new(self.pool, &keys).map_err(|_| bad())
    }
}

/// How long a key still counts for what is dated after its successor has begun, ms: a root signs an
/// identity before the pool knows it, and orders are signed meanwhile.
pub const SUCCESSION_MS: u64 = 86_400_000;

/// Policies that are kept, at most: roots announce few at once.
const POLICIES_MAX: usize = 16;

/// The statements that were believed, and are kept.
#[derive(Debug)]
pub struct TrustStore {
    file: TrustFile,
    folder: PathBuf,
    /// The latest of each participant.
    identities: BTreeMap<ParticipantId, Signed<Identity>>,
    /// Those that a later one has replaced, by serial: what they signed can still be checked.
    former: BTreeMap<(ParticipantId, u32), Signed<Identity>>,
    /// The policy in effect, the one before it and those that are to follow, by version.
    policies: BTreeMap<u32, Signed<DisclosurePolicy>>,
    revocations: BTreeMap<(ParticipantId, KeyId), Signed<KemRevocation>>,
    /// What the node served last. Not kept: keys are asked for again.
    kem_keys: Vec<Signed<KemKey>>,
    /// What all of it came to when it was last worked out.
    latest: Mutex<Option<Worked>>,
}

/// What the statements come to at every instant of a span, ms.
#[derive(Debug, Clone)]
struct Worked {
    from_ms: u64,
    before_ms: u64,
    trust: Arc<Trust>,
}

impl TrustStore {
    /// What was believed before, in this folder; nothing in a new one.
    ///
    /// # Errors
    /// [`Error::Config`] if a file is damaged, or signed by others than the roots.
    pub fn open(file: TrustFile, folder: &Path) -> Result<Self, Error> {
        file.trust()?;
        files::make_folder(folder)?;
        let mut store = Self::empty(file, folder.to_owned());
        store.load()?;
        Ok(store)
    }

    fn empty(file: TrustFile, folder: PathBuf) -> Self {
        Self {
            file,
            folder,
            identities: BTreeMap::new(),
            former: BTreeMap::new(),
            policies: BTreeMap::new(),
            revocations: BTreeMap::new(),
            kem_keys: Vec::new(),
            latest: Mutex::new(None),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("accepted")
    }

    /// Takes in what is on disk.
    fn load(&mut self) -> Result<(), Error> {
        let Some(bytes) = files::read(&self.path())? else { return Ok(()) };
        let damaged = || Error::config(self.path().display().to_string(), "is damaged");
        for statement in unpack(&bytes).ok_or_else(damaged)? {
            self.add(&statement)?;
        }
        Ok(())
    }

    /// Takes in the whole directory as a node serves it. All of it is checked before any of it is
    /// believed, and what is believed is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if a statement is not signed by whom it should be, contradicts or goes
    /// behind what was believed before: then nothing of it is believed.
    pub fn take(&mut self, served: &[AnyStatement], now_ms: u64) -> Result<(), Error> {
        // Another process of the same owner may have learned more meanwhile.
        let _lock = files::lock(&self.folder)?;
        let mut next = Self::empty(self.file.clone(), self.folder.clone());
        next.load()?;
        let known = next.pack();
        // Who somebody is counts before what they say.
        let identities = |it: &&AnyStatement| matches!(it, AnyStatement::Identity(_));
        for statement in served.iter().filter(identities) {
            next.add(statement)?;
        }
        let mut trust = next.work_out(now_ms)?;
        for statement in served.iter().filter(|it| !identities(it)) {
            match statement {
                // Of a key of an earlier identity: gone with it.
                AnyStatement::KemRevocation(new) => match trust.accept_revocation(new, now_ms) {
                    Err(TrustError::Substituted) => {}
                    Err(TrustError::NoIdentity | TrustError::IdentityNotValid) => {}
                    other => {
                        other.map_err(untrusted("kem revocation"))?;
                        next.add(statement)?;
                    }
                },
                other => next.add(other)?,
            }
        }
        next.check_latest(served)?;
        next.drop_policies(now_ms);
        next.trust(now_ms)?;
        next.keep(&known)?;
        *self = next;
        Ok(())
    }

    /// Takes in identities that later ones have replaced: those of before this client's time, which
    /// the directory does not name any more. None of them speaks for anybody now.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if a root has not signed one: then none of them counts.
    pub fn take_former(&mut self, served: &[Signed<Identity>]) -> Result<(), Error> {
        let _lock = files::lock(&self.folder)?;
        let mut next = Self::empty(self.file.clone(), self.folder.clone());
        next.load()?;
        let known = next.pack();
        next.kem_keys.clone_from(&self.kem_keys);
        for new in served {
            let (id, serial) = (new.statement.participant.id, new.statement.serial);
            self.file.trust()?.accept_identity(new).map_err(untrusted("identity"))?;
            let latest = next.identities.get(&id).map(|it| it.statement.serial);
            if latest.is_some_and(|latest| serial < latest) {
                next.former.insert((id, serial), new.clone());
            }
        }
        next.keep(&known)?;
        *self = next;
        Ok(())
    }

    /// Writes what is believed, if it is more than what is `known` to be on disk.
    fn keep(&self, known: &[u8]) -> Result<(), Error> {
        let bytes = self.pack();
        if bytes == known { Ok(()) } else { files::write(&self.path(), &bytes) }
    }

    /// What it comes to at this instant: the policy in effect, the keys to seal to.
    ///
    /// # Errors
    /// [`Error::Untrusted`].
    pub fn trust(&self, now_ms: u64) -> Result<Arc<Trust>, Error> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = latest.as_ref().filter(|it| (it.from_ms..it.before_ms).contains(&now_ms))
        {
            return Ok(Arc::clone(&it.trust));
        }
        let trust = Arc::new(self.work_out(now_ms)?);
        // Identities are looked at by the instant of each question; but until one begins, its
        // owner's keys are those of a stranger.
        let begins = self.identities.values().map(|it| it.statement.valid_from_ms);
        let effective = self.policies().map(|it| it.statement.effective_at_ms);
        let next = begins.chain(effective).filter(|at_ms| *at_ms > now_ms).min();
        let before_ms = next.unwrap_or(u64::MAX);
        *latest = Some(Worked { from_ms: now_ms, before_ms, trust: Arc::clone(&trust) });
        Ok(trust)
    }

    fn work_out(&self, now_ms: u64) -> Result<Trust, Error> {
        let mut trust = self.file.trust()?;
        for identity in self.identities.values() {
            trust.accept_identity(identity).map_err(untrusted("identity"))?;
        }
        if let Some(policy) = self.policy_at(now_ms) {
            trust.accept_policy(policy).map_err(untrusted("policy"))?;
        }
        for key in &self.kem_keys {
            ignore_strangers(trust.accept_kem_key(key, now_ms), "kem key")?;
        }
        for revocation in self.revocations.values() {
            // Of a key of an earlier identity: gone with it.
            match trust.accept_revocation(revocation, now_ms) {
                Err(TrustError::Substituted) => {}
                other => ignore_strangers(other, "kem revocation")?,
            }
        }
        Ok(trust)
    }

    /// The policy in effect at this instant.
    #[must_use]
    pub fn policy_at(&self, now_ms: u64) -> Option<&Signed<DisclosurePolicy>> {
        self.policies().rfind(|policy| policy.statement.effective_at_ms <= now_ms)
    }

    /// The policies that are known, ascending by version.
    pub fn policies(&self) -> impl DoubleEndedIterator<Item = &Signed<DisclosurePolicy>> {
        self.policies.values()
    }

    /// Who is known, ascending by number.
    pub fn identities(&self) -> impl Iterator<Item = &Signed<Identity>> {
        self.identities.values()
    }

    /// The KEM keys that the node served last, not revoked.
    pub fn kem_keys(&self) -> impl Iterator<Item = &Signed<KemKey>> {
        let revoked = |it: &KemKey| self.revocations.contains_key(&(it.participant, it.id()));
        self.kem_keys.iter().filter(move |key| !revoked(&key.statement))
    }

    /// The trust file.
    #[must_use]
    pub fn file(&self) -> &TrustFile {
        &self.file
    }

    /// Somebody's identity.
    #[must_use]
    pub fn identity(&self, participant: ParticipantId) -> Option<&Identity> {
        self.identities.get(&participant).map(|signed| &signed.statement)
    }

    /// The key that checks what somebody signs.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if no root vouches for them at this instant.
    pub fn identity_key(&self, id: ParticipantId, now_ms: u64) -> Result<PublicKey, Error> {
        self.trust(now_ms)?.identity_key(id, now_ms).map_err(untrusted("identity"))
    }

    /// The keys that may have signed what somebody dated `made_at_ms`: that of its identity, and
    /// those of identities that were in force then and have been replaced since. None of somebody
    /// for whom no root vouches.
    ///
    /// A key counts until its identity ends, and at most [`SUCCESSION_MS`] into its successor's
    /// time; into that of a revocation not at all.
    #[must_use]
    pub fn keys_at(&self, id: ParticipantId, made_at_ms: u64) -> Vec<PublicKey> {
        let latest = self.identities.get(&id).into_iter();
        let former = self.former.range((id, 0)..=(id, u32::MAX)).rev().map(|(_, signed)| signed);
        let (mut keys, mut before_ms) = (Vec::new(), u64::MAX);
        for Signed { statement: it, .. } in latest.chain(former) {
            if !it.revoked && made_at_ms < before_ms && made_at_ms <= it.valid_to_ms {
                keys.extend(PublicKey::new(&it.participant.key).ok());
            }
            let grace_ms = if it.revoked { 0 } else { SUCCESSION_MS };
            before_ms = before_ms.min(it.valid_from_ms.saturating_add(grace_ms));
        }
        keys
    }

    /// Who goes by this name, as a root has signed it: a bank's is its BIC.
    pub fn named(&self, named: impl Fn(&str) -> bool) -> Option<ParticipantId> {
        let mut all = self.identities().map(|signed| &signed.statement);
        all.find(|it| !it.revoked && named(&it.participant.name)).map(|it| it.participant.id)
    }

    /// Adds what is signed by a root; keeps what is signed by others for [`TrustStore::trust`].
    fn add(&mut self, statement: &AnyStatement) -> Result<(), Error> {
        match statement {
            AnyStatement::Identity(new) => {
                let id = new.statement.participant.id;
                let mut trust = self.file.trust()?;
                if let Some(known) = self.identities.get(&id) {
                    trust.accept_identity(known).map_err(untrusted("identity"))?;
                }
                trust.accept_identity(new).map_err(untrusted("identity"))?;
                if let Some(known) = self.identities.insert(id, new.clone())
                    && known.statement.serial < new.statement.serial
                {
                    self.former.insert((id, known.statement.serial), known);
                }
            }
            AnyStatement::Policy(new) => {
                let version = new.statement.version;
                let mut trust = self.file.trust()?;
                if let Some(known) = self.policies.get(&version) {
                    trust.accept_policy(known).map_err(untrusted("policy"))?;
                }
                trust.accept_policy(new).map_err(untrusted("policy"))?;
                self.policies.insert(version, new.clone());
            }
            AnyStatement::KemRevocation(new) => {
                let name = (new.statement.participant, new.statement.key);
                self.revocations.insert(name, new.clone());
            }
            AnyStatement::KemKey(new) => self.kem_keys.push(new.clone()),
            _ => return Err(Error::Malformed("the directory has a statement of another kind")),
        }
        Ok(())
    }

    /// A node that serves policies must serve the newest that was ever seen.
    fn check_latest(&self, served: &[AnyStatement]) -> Result<(), Error> {
        let versions = served.iter().filter_map(|it| match it {
            AnyStatement::Policy(policy) => Some(policy.statement.version),
            _ => None,
        });
        let newest = self.policies.keys().next_back().copied();
        if newest.is_some() && versions.max() != newest {
            return Err(untrusted("policy")(TrustError::RolledBack));
        }
        Ok(())
    }

    /// Drops the policies that are of no use any more: those before the one that was in effect before
    /// this one. Of those that are to follow, a later version is in effect no later: the newest count.
    fn drop_policies(&mut self, now_ms: u64) {
        let begun = self.policy_at(now_ms).map_or(0, |policy| policy.statement.version);
        while self.policies.range(..begun).nth(1).is_some() {
            self.policies.pop_first();
        }
        while self.policies.len() > POLICIES_MAX {
            let next = self.policies.range(begun.saturating_add(1)..).next();
            let Some(version) = next.map(|(version, _)| *version) else { break };
            self.policies.remove(&version);
        }
    }

    fn pack(&self) -> Vec<u8> {
        // Ascending by serial, as they were believed.
        let identities = self.former.values().chain(self.identities.values());
        let identities = identities.cloned().map(AnyStatement::from);
        let policies = self.policies.values().cloned().map(AnyStatement::from);
        let revocations = self.revocations.values().cloned().map(AnyStatement::from);
        let mut bytes = Vec::new();
        for statement in identities.chain(policies).chain(revocations) {
            let encoded = statement.encode();
            bytes.push(statement.kind());
            bytes.extend(u16::try_from(encoded.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(encoded);
        }
        bytes
    }
}

/// `kind u8 ‖ length u16 ‖ statement`, one behind the other.
fn unpack(mut bytes: &[u8]) -> Option<Vec<AnyStatement>> {
    let mut statements = Vec::new();
    while let Some((&[kind, high, low], rest)) = bytes.split_first_chunk() {
        let (encoded, rest) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        statements.push(AnyStatement::decode(kind, encoded).ok()?);
        bytes = rest;
    }
    bytes.is_empty().then_some(statements)
}

/// A key of somebody for whom no root vouches (any more) is of no use, and no harm.
fn ignore_strangers(result: Result<(), TrustError>, what: &'static str) -> Result<(), Error> {
    match result {
        Err(TrustError::NoIdentity | TrustError::IdentityNotValid) => Ok(()),
        other => other.map_err(untrusted(what)),
    }
}

pub(super) fn untrusted(what: &'static str) -> impl Fn(TrustError) -> Error {
    move |error| Error::Untrusted { what, error }
}
