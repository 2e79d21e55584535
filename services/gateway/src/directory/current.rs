//! The directory as it counts now: kept from the statements that were accepted, as they become
//! readable.

use std::collections::BTreeMap;

use channel::{AnyStatement, KEM_KEY_LIFE_MAX_MS, KeyId, ParticipantId};
use clearing::Place;

/// What every client needs before it can seal. Who asks behind a place gets what has come since.
#[derive(Debug, Default)]
pub(crate) struct Current {
    /// Up to here everything was taken in.
    read_to: Option<Place>,
    identities: BTreeMap<ParticipantId, Identity>,
    keys: BTreeMap<(ParticipantId, KeyId), Timed>,
    revocations: BTreeMap<(ParticipantId, KeyId), Timed>,
    /// By version: when it takes effect, ms, and where it stands.
    policies: BTreeMap<u32, Timed>,
}

#[derive(Debug, Clone, Copy)]
struct Identity {
    place: Place,
    key: [u8; 32],
}

/// A statement that matters until an instant, or from an instant on, ms.
#[derive(Debug, Clone, Copy)]
struct Timed {
    place: Place,
    at_ms: u64,
}

impl Current {
    /// Where to go on.
    pub(super) fn next(&self) -> Place {
        self.read_to.unwrap_or(Place(0))
    }

    /// Everything before this place was taken in.
    pub(super) fn read_to(&mut self, place: Place) {
        self.read_to = Some(place);
    }

    /// Takes in a statement that was accepted and logged at an instant.
    pub(super) fn take(&mut self, place: Place, statement: &AnyStatement, logged_at_ms: u64) {
        match statement {
            AnyStatement::Identity(signed) => {
                let (id, key) = (signed.statement.participant.id, signed.statement.participant.key);
                let known = self.identities.insert(id, Identity { place, key });
                if signed.statement.revoked || known.is_some_and(|known| known.key != key) {
                    self.keys.retain(|(owner, _), _| *owner != id);
                }
            }
            AnyStatement::KemKey(signed) => {
                let (owner, key) = (signed.statement.participant, signed.statement.id());
                let at_ms = signed.statement.valid_to_ms;
                if !self.revocations.contains_key(&(owner, key)) {
                    self.keys.insert((owner, key), Timed { place, at_ms });
                }
            }
            AnyStatement::KemRevocation(signed) => {
                let name = (signed.statement.participant, signed.statement.key);
                // A key that nobody has seen yet ends within its longest life.
                let known = self.keys.remove(&name).map(|key| key.at_ms);
                let at_ms = known.unwrap_or(logged_at_ms.saturating_add(KEM_KEY_LIFE_MAX_MS));
                self.revocations.insert(name, Timed { place, at_ms });
            }
            AnyStatement::Policy(signed) => {
                let at_ms = signed.statement.effective_at_ms;
                self.policies.insert(signed.statement.version, Timed { place, at_ms });
            }
            _ => {}
        }
    }

    /// Forgets what is over at an instant.
    pub(super) fn forget(&mut self, now_ms: u64) {
        self.keys.retain(|_, key| key.at_ms >= now_ms);
        self.revocations.retain(|_, revocation| revocation.at_ms >= now_ms);
        let in_effect = self.policies.iter().rev().find(|(_, policy)| policy.at_ms <= now_ms);
        if let Some(version) = in_effect.map(|(version, _)| *version) {
            self.policies = self.policies.split_off(&version);
        }
    }

    /// What counts of what stands at a place or behind it, in the order of the log: at most `limit`,
    /// and where the next page begins if there is more.
    pub(super) fn page(&self, from: Place, limit: usize) -> (Vec<Place>, Option<Place>) {
        let identities = self.identities.values().map(|identity| identity.place);
        let timed = self.keys.values().chain(self.revocations.values());
        let timed = timed.chain(self.policies.values()).map(|timed| timed.place);
        let mut places: Vec<Place> = identities.chain(timed).filter(|it| *it >= from).collect();
        places.sort_unstable();
        let next = places.get(limit).copied();
        places.truncate(limit);
        (places, next)
    }
}
