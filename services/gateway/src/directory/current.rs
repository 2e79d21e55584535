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
                // Who is revoked may come back with the same keys; till then the identity says that
                // nobody seals to them.
                if known.is_some_and(|known| known.key != key) {
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

#[cfg(test)]
mod tests {
    use channel::{
        DisclosurePolicy, KemKey, KemPublic, KemRevocation, Participant, Role, Signed, Statement,
        Suite,
    };

    use super::*;

    const ID: ParticipantId = ParticipantId(7);

    fn statement<S: Statement>(statement: S) -> AnyStatement
    where
        AnyStatement: From<Signed<S>>,
    {
        Signed { statement, signer: [1; 32], signature: [0; 64] }.into()
    }

    fn identity(serial: u32, key: u8, revoked: bool) -> AnyStatement {
        let (name, country) = ("BRBKDEFF".to_owned(), *b"DE");
        let participant = Participant { id: ID, role: Role::Bank, name, country, key: [key; 32] };
        let (valid_from_ms, valid_to_ms) = (0, 1_000);
        let pool = 1;
        statement(channel::Identity {
            pool,
            serial,
            participant,
            valid_from_ms,
            valid_to_ms,
            revoked,
        })
    }

    fn kem_key(number: u8) -> KemKey {
        let public = KemPublic::X25519([number; 32]);
        KemKey { pool: 1, participant: ID, public, valid_from_ms: 0, valid_to_ms: 1_000 }
    }

    fn policy(version: u32, effective_at_ms: u64) -> AnyStatement {
        let (suite, rules) = (Suite::X25519Aes256Gcm, Vec::new());
        statement(DisclosurePolicy { pool: 1, version, effective_at_ms, suite, rules })
    }

    /// The places of what counts at an instant, of statements at the places 0, 1, 2, ...
    fn counts(statements: &[AnyStatement], now_ms: u64) -> Vec<u64> {
        let mut current = Current::default();
        for (place, statement) in (0..).map(Place).zip(statements) {
            current.take(place, statement, 0);
        }
        current.forget(now_ms);
        current.page(Place(0), 100).0.into_iter().map(|place| place.0).collect()
    }

    #[test]
    fn who_is_revoked_comes_back_with_its_keys() {
        let revocation =
            KemRevocation { pool: 1, participant: ID, key: kem_key(2).id(), revoked_at_ms: 0 };
        let statements = [
            identity(1, 1, false),
            statement(kem_key(1)),
            statement(kem_key(2)),
            statement(revocation),
            identity(2, 1, true),
            identity(3, 1, false),
        ];
        assert_eq!(counts(&statements[..5], 0), [1, 3, 4]);
        assert_eq!(counts(&statements, 0), [1, 3, 5]);
        // With another key, none of them counts any more.
        let other = [&statements[..5], &[identity(3, 9, false)]].concat();
        assert_eq!(counts(&other, 0), [3, 5]);
    }

    /// The one that was replaced is never the highest version whose instant has come.
    #[test]
    fn a_policy_that_was_replaced_does_not_come_into_effect() {
        let policies = [policy(1, 100), policy(2, 900), policy(3, 500), policy(4, 500)];
        assert_eq!(counts(&policies[..2], 899), [0, 1]);
        assert_eq!(counts(&policies[..3], 499), [0, 1, 2]);
        assert_eq!(counts(&policies[..3], 500), [2]);
        assert_eq!(counts(&policies[..3], 900), [2]);
        assert_eq!(counts(&policies, 500), [3]);
    }
}
