//! Identities that roots signed, and the keys to which one may seal.

use std::collections::BTreeMap;

use channel::{
    DecodeError, Identity, KemKey, KemRevocation, KeyId, ParticipantId, Reader, Signed, Suite,
    Writer,
};

use super::{read_signed, write_signed};
use crate::directory::PARTICIPANTS_MAX;
use crate::intake::ensure;
use crate::reject::Reject;
use crate::state::{bounded, read_bool};

/// KEM keys of one participant that are not over, revoked ones among them, at most.
pub const KEM_KEYS_MAX: usize = 8;
/// A key ends soon this long before its end: 3 h, half of the time in which clients renew it.
pub const KEY_ENDS_SOON_MS: u64 = 3 * 3_600_000;

/// How long others can still seal to the participants for whom a root vouches, by the last of each
/// one's keys. Who never had a key is none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyStanding {
    /// Participants whose key lasts for longer than [`KEY_ENDS_SOON_MS`].
    pub lasting: u64,
    /// Those whose key ends before, and who have none behind it.
    pub ending: u64,
    /// Those whose keys are all over or revoked: nobody can seal to them.
    pub over: u64,
}

/// A key to which others seal.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) signed: Signed<KemKey>,
    /// A revoked key is kept until it would be over, so that it does not come back.
    pub(super) revoked: Option<Signed<KemRevocation>>,
}

/// A participant for whom a root vouches.
#[derive(Debug, Clone)]
pub(super) struct Party {
    pub(super) identity: Signed<Identity>,
    /// Its revocation suspended it, so that a later identity readmits it.
    pub(super) readmit: bool,
    pub(super) keys: Vec<Key>,
}

impl Party {
    /// Whether its identity holds at this instant. That it has begun was checked when it came.
    pub(super) fn valid_at(&self, now_ms: u64) -> bool {
        let identity = &self.identity.statement;
        !identity.revoked && now_ms <= identity.valid_to_ms
    }

    pub(super) fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.signed.statement.id() == id)
    }

    /// The end of its last key that is not revoked, ms; 0 if all are. Nothing if it never had one.
    fn sealable_until_ms(&self) -> Option<u64> {
        let good =
            |key: &Key| if key.revoked.is_some() { 0 } else { key.signed.statement.valid_to_ms };
        self.keys.iter().map(good).max()
    }

    /// Takes in a key of its own. Whether anything changed.
    ///
    /// # Errors
    /// [`Reject::StatementStale`], [`Reject::StatementDiffers`], [`Reject::CapacityFull`].
    pub(super) fn add_key(&mut self, signed: &Signed<KemKey>, now_ms: u64) -> Result<bool, Reject> {
        let key = &signed.statement;
        let ahead_ms = now_ms.saturating_add(channel::KEM_KEY_LIFE_MAX_MS);
        ensure(key.valid_to_ms > now_ms && key.valid_from_ms <= ahead_ms, Reject::StatementStale)?;
        if let Some(known) = self.key(key.id()) {
            ensure(known.signed.statement == *key, Reject::StatementDiffers)?;
            return Ok(false);
        }
        let over = |known: &Key| known.signed.statement.valid_to_ms < now_ms;
        let live = self.keys.iter().filter(|known| !over(known)).count();
        ensure(live < KEM_KEYS_MAX, Reject::CapacityFull)?;
        // After this point it must succeed.
        self.keys.retain(|known| !over(known));
        self.keys.push(Key { signed: signed.clone(), revoked: None });
        Ok(true)
    }

    fn write(&self, writer: &mut Writer) {
        write_signed(&self.identity, writer);
        writer.u8(u8::from(self.readmit)).u8(self.keys.len() as u8);
        for key in &self.keys {
            write_signed(&key.signed, writer);
            writer.u8(u8::from(key.revoked.is_some()));
            if let Some(revoked) = &key.revoked {
                write_signed(revoked, writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let identity = read_signed(reader)?;
        let readmit = read_bool(reader, "readmit")?;
        let count = bounded(reader.u8("KEM keys")?.into(), KEM_KEYS_MAX, "KEM keys")?;
        let keys = (0..count).map(|_| read_key(reader)).collect::<Result<_, _>>()?;
        Ok(Self { identity, readmit, keys })
    }
}

fn read_key(reader: &mut Reader<'_>) -> Result<Key, DecodeError> {
    let signed = read_signed(reader)?;
    let revoked = read_bool(reader, "revoked")?;
    let revoked = revoked.then(|| read_signed(reader)).transpose()?;
    Ok(Key { signed, revoked })
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(super) struct Parties(pub(super) BTreeMap<ParticipantId, Party>);

impl Parties {
    pub(super) fn get(&self, id: ParticipantId) -> Option<&Party> {
        self.0.get(&id)
    }

    pub(super) fn standing(&self, now_ms: u64) -> KeyStanding {
        let mut standing = KeyStanding::default();
        let known = self.0.values().filter(|party| party.valid_at(now_ms));
        for until_ms in known.filter_map(Party::sealable_until_ms) {
            let count = if until_ms < now_ms {
                &mut standing.over
            } else if until_ms < now_ms + KEY_ENDS_SOON_MS {
                &mut standing.ending
            } else {
                &mut standing.lasting
            };
            *count += 1;
        }
        standing
    }

    /// Until when one may seal to a participant's key of this suite, if one may at this instant.
    pub(super) fn key_until(
        &self,
        (owner, id): (ParticipantId, KeyId),
        suite: Suite,
        at_ms: u64,
    ) -> Option<u64> {
        let key = self.get(owner).filter(|party| party.valid_at(at_ms))?.key(id)?;
        let said = &key.signed.statement;
        let fits = said.public.suite() == suite && said.valid_at(at_ms) && key.revoked.is_none();
        fits.then_some(said.valid_to_ms)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u32(self.0.len() as u32);
        self.0.values().for_each(|party| party.write(writer));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = bounded(reader.u32("identities")?, PARTICIPANTS_MAX, "identities")?;
        let mut parties = BTreeMap::new();
        for _ in 0..count {
            let party = Party::read(reader)?;
            parties.insert(party.identity.statement.participant.id, party);
        }
        Ok(Self(parties))
    }
}
