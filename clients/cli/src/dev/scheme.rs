//! The root of a development pool, and what it signs: everybody's identity, and a policy.
//!
//! In earnest its key lies on a machine without a network (`causeway root`).

use std::fs;
use std::path::Path;

use channel::{LocalSigner, Signer as _};
use sdk::sealed::{AnyStatement, Identity, Signed, Suite};
use sdk::{Participant, ParticipantId};
use zeroize::Zeroizing;

use super::folder::{Person, make_dir, public, signing_key, write_signing_key};
use crate::commands::show;
use crate::failure::{Failure, at};
use crate::output::hex;
use crate::sealed::{policy_file, statement_file};

/// The rules of a development pool's policy.
const RULES: &str = include_str!("policy.toml");
/// Everything of the root's is in this folder.
pub(super) const FOLDER: &str = "roots";
/// The root's key in it, and what it has signed.
const KEY: &str = "scheme.key.pem";
pub(super) const IDENTITIES: &str = "identities";
pub(super) const POLICY: &str = "policy.signed.toml";
/// How long before the policy takes effect an identity begins to count, and how long it does.
const BEFORE_MS: u64 = 86_400_000;
const IDENTITY_LIFE_MS: u64 = 3_650 * 86_400_000;

/// The scheme that signs for a development pool.
pub(crate) struct Scheme {
    signer: LocalSigner,
    effective_at_ms: u64,
    suite: Suite,
}

impl std::fmt::Debug for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheme").finish_non_exhaustive()
    }
}

impl Scheme {
    /// A new root, its key drawn at random unless its seed is given; its policy is in effect from
    /// this instant on.
    pub(crate) fn new(seed: Option<[u8; 32]>, effective_at_ms: u64) -> Result<Self, Failure> {
        Ok(Self { signer: signing_key(seed)?, effective_at_ms, suite: Suite::X25519Aes256Gcm })
    }

    /// With a policy whose orders are sealed under this suite.
    pub(super) fn suite(self, suite: Suite) -> Self {
        Self { suite, ..self }
    }

    /// The root that a folder was made with, if it was made with one.
    pub(super) fn of_folder(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join(FOLDER).join(KEY);
        if !path.exists() {
            return Ok(None);
        }
        let pem = Zeroizing::new(fs::read_to_string(&path).map_err(at(&path))?);
        let signer = LocalSigner::from_pem(&pem)
            .map_err(|error| Failure::fault(format!("{}: {error}", path.display())))?;
        let (effective_at_ms, suite) = (sdk::now_ms(), Suite::X25519Aes256Gcm);
        Ok(Some(Self { signer, effective_at_ms, suite }))
    }

    /// What genesis and trust files name.
    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.signer.public_key()
    }

    /// Writes the trust file, the root's key and the signed policy.
    pub(super) fn write(&self, dir: &Path, pool: u32) -> Result<(), Failure> {
        let root = hex(&self.public_key());
        public(&dir.join("trust.toml"), &format!("pool = {pool}\nroots = [\"{root}\"]\n"))?;
        let own = dir.join(FOLDER);
        make_dir(&own)?;
        write_signing_key(&own.join(KEY), &self.signer)?;
        let at = show::instant(self.effective_at_ms);
        let suite = policy_file::suite_name(self.suite);
        let head =
            format!("pool = {pool}\nversion = 1\neffective_at = \"{at}\"\nsuite = \"{suite}\"");
        let text = format!("{head}\n\n{RULES}");
        public(&own.join("policy.toml"), &text)?;
        let policy = Signed::sign(policy_file::policy(&text)?, &self.signer);
        statement_file::write(&own.join(POLICY), &signed(policy)?)
    }

    /// Writes somebody's signed identity.
    pub(super) fn write_identity(
        &self,
        dir: &Path,
        pool: u32,
        person: &Person,
        key: [u8; 32],
    ) -> Result<(), Failure> {
        let (role, name, country) = (person.role, person.name.clone(), person.country);
        let participant = Participant { id: ParticipantId(person.id), role, name, country, key };
        let valid_from_ms = self.effective_at_ms.saturating_sub(BEFORE_MS);
        let valid_to_ms = self.effective_at_ms.saturating_add(IDENTITY_LIFE_MS);
        let serial = 1;
        let identity =
            Identity { pool, serial, participant, valid_from_ms, valid_to_ms, revoked: false };
        let own = dir.join(FOLDER).join(IDENTITIES);
        make_dir(&own)?;
        let path = own.join(format!("{}.toml", person.name));
        statement_file::write(&path, &signed(Signed::sign(identity, &self.signer))?)
    }
}

fn signed<S, E: std::fmt::Display>(made: Result<Signed<S>, E>) -> Result<AnyStatement, Failure>
where
    AnyStatement: From<Signed<S>>,
{
    made.map(AnyStatement::from).map_err(|error| Failure::fault(error.to_string()))
}
