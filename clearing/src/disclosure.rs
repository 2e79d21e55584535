//! Sealed orders, as far as the engine has a say in them: who the parties are that roots vouch for,
//! to which keys one may seal, what the disclosure policy asks of an order, and what readers state.
//!
//! The engine holds no key and opens nothing. Signatures are checked where statements come in, and
//! by the verifier; here it counts whose key signed. Everything has a stated maximum, with a reject.

mod accepted;
mod epochs;
mod faults;
mod held;
mod order_check;
mod parties;
mod policies;
mod reading;
mod release;
mod statements;

use std::collections::BTreeSet;

use channel::{DecodeError, ParticipantId, ROOTS_MAX, Reader, Signed, Statement, Writer};
use ledger::Hash;
use sha2::{Digest, Sha256};

use self::accepted::Accepted;
use self::epochs::Epochs;
pub use self::epochs::{EPOCHS_MAX, EPOCHS_PER_SENDER_MAX, SEQUENCE_WINDOW};
use self::faults::Faults;
pub use self::faults::{FAULTS_MAX, FAULTS_PER_REPORTER_MAX, OpenFault};
use self::held::Holds;
pub use self::held::{HELD_MAX, HeldFor, Hold};
pub(crate) use self::order_check::SealedOrder;
use self::parties::Parties;
pub use self::parties::{KEM_KEYS_MAX, KEY_ENDS_SOON_MS, KeyStanding};
use self::policies::Policies;
use crate::directory::PARTICIPANTS_MAX;
use crate::state::bounded;

/// What is known about keys and statements.
#[derive(Debug, Default)]
pub(crate) struct Disclosure {
    /// The keys that may sign identities and policies, ascending.
    pub(crate) roots: Vec<[u8; 32]>,
    parties: Parties,
    policies: Policies,
    pub(crate) epochs: Epochs,
    pub(crate) holds: Holds,
    faults: Faults,
    accepted: Accepted,
    /// Whose identity was revoked while a cut was open: their payments leave once it is resolved.
    leaving: BTreeSet<ParticipantId>,
    /// Changes with every change of keys, policies and faults.
    version: u64,
    /// The digest of those, at which version.
    digest: Option<(u64, Hash)>,
}

impl Disclosure {
    pub(crate) fn write(&self, writer: &mut Writer) {
        self.write_registry(writer);
        self.epochs.write(writer);
        self.holds.write(writer);
        self.accepted.write(writer);
    }

    /// What changes seldom.
    fn write_registry(&self, writer: &mut Writer) {
        writer.u64(self.version);
        writer.u8(self.roots.len() as u8).raw(self.roots.as_flattened());
        self.parties.write(writer);
        self.policies.write(writer);
        self.faults.write(writer);
        writer.u32(self.leaving.len() as u32);
        self.leaving.iter().for_each(|id| _ = writer.u32(id.0));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u64("disclosure version")?;
        let count = bounded(reader.u8("roots")?.into(), ROOTS_MAX, "roots")?;
        let roots = (0..count).map(|_| reader.array("root")).collect::<Result<_, _>>()?;
        let parties = Parties::read(reader)?;
        let policies = Policies::read(reader)?;
        let faults = Faults::read(reader)?;
        let count = bounded(reader.u32("leaving")?, PARTICIPANTS_MAX, "leaving")?;
        let leaving = (0..count).map(|_| reader.u32("leaving").map(ParticipantId));
        let leaving = leaving.collect::<Result<_, _>>()?;
        let epochs = Epochs::read(reader)?;
        let holds = Holds::read(reader)?;
        let accepted = Accepted::read(reader)?;
        let digest = None;
        Ok(Self {
            roots,
            parties,
            policies,
            epochs,
            holds,
            faults,
            accepted,
            leaving,
            version,
            digest,
        })
    }

    pub(crate) fn root(&mut self) -> Hash {
        let registry = match self.digest {
            Some((version, digest)) if version == self.version => digest,
            _ => self.registry_digest(),
        };
        self.digest = Some((self.version, registry));
        join(&registry, &self.epochs.root(), &self.holds.root(), &self.accepted.root())
    }

    pub(crate) fn recompute_root(&self) -> Hash {
        let (epochs, holds) = (self.epochs.recompute_root(), self.holds.recompute_root());
        join(&self.registry_digest(), &epochs, &holds, &self.accepted.recompute_root())
    }

    /// Whom people have suspended, no later identity brings back by itself.
    pub(crate) fn keep_suspended(&mut self, participant: ParticipantId) {
        if let Some(party) = self.parties.0.get_mut(&participant) {
            party.readmit = false;
            self.version += 1;
        }
    }

    fn registry_digest(&self) -> Hash {
        let mut writer = Writer::new();
        self.write_registry(&mut writer);
        Sha256::digest(writer.into_bytes()).into()
    }
}

fn join(registry: &Hash, epochs: &Hash, holds: &Hash, accepted: &Hash) -> Hash {
    let mut hasher = Sha256::new_with_prefix(b"causeway/1 disclosure");
    for part in [registry, epochs, holds, accepted] {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A signed statement behind its length.
fn write_signed<S: Statement>(signed: &Signed<S>, writer: &mut Writer) {
    let bytes = signed.encode();
    writer.u16(bytes.len() as u16).raw(&bytes);
}

fn read_signed<S: Statement>(reader: &mut Reader<'_>) -> Result<Signed<S>, DecodeError> {
    let length = usize::from(reader.u16("statement length")?);
    Signed::decode(reader.raw(length, "statement")?)
}
