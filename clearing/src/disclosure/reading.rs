//! What services read of it: the directory as signed statements, the policies, epochs, faults.

use channel::{DisclosurePolicy, Identity, KemKey, KemRevocation, OrderRef, ParticipantId, Signed};

use super::faults::OpenFault;
use super::held::Hold;
use super::parties::{Key, KeyStanding};
use crate::pool::Pool;
use crate::record::Place;

impl Pool {
    /// A number that changes with every change of identities, keys, policies and faults, so that a
    /// copy of them can be renewed when it must. Epochs and holds do not change it.
    #[must_use]
    pub fn disclosure_version(&self) -> u64 {
        self.disclosure.version
    }

    /// The keys that may sign identities and policies, ascending.
    #[must_use]
    pub fn roots(&self) -> &[[u8; 32]] {
        &self.disclosure.roots
    }

    /// The latest identity of each participant that has one, by number.
    pub fn identities(&self) -> impl Iterator<Item = &Signed<Identity>> {
        self.disclosure.parties.0.values().map(|party| &party.identity)
    }

    /// Whether a root has taken a participant's identity away.
    pub(crate) fn identity_revoked(&self, participant: ParticipantId) -> bool {
        let party = self.disclosure.parties.get(participant);
        party.is_some_and(|party| party.identity.statement.revoked)
    }

    /// The KEM keys that are not over, by participant; revoked ones among them.
    pub fn kem_keys(&self) -> impl Iterator<Item = &Signed<KemKey>> {
        self.live_keys().map(|key| &key.signed)
    }

    /// The revocations of those keys.
    pub fn kem_revocations(&self) -> impl Iterator<Item = &Signed<KemRevocation>> {
        self.live_keys().filter_map(|key| key.revoked.as_ref())
    }

    fn live_keys(&self) -> impl Iterator<Item = &Key> {
        let parties = self.disclosure.parties.0.values();
        let parties = parties.filter(|party| !party.identity.statement.revoked);
        let keys = parties.flat_map(|party| &party.keys);
        keys.filter(|key| key.signed.statement.valid_to_ms >= self.now_ms)
    }

    /// For how many participants there are keys, and for how long.
    pub(crate) fn key_standing(&self) -> KeyStanding {
        self.disclosure.parties.standing(self.now_ms)
    }

    /// The disclosure policy in effect.
    #[must_use]
    pub fn policy_in_effect(&self) -> Option<&Signed<DisclosurePolicy>> {
        self.disclosure.policies.in_effect(self.now_ms)
    }

    /// The disclosure policy that is to take effect.
    #[must_use]
    pub fn policy_pending(&self) -> Option<&Signed<DisclosurePolicy>> {
        self.disclosure.policies.pending(self.now_ms)
    }

    /// The faults that no rewrap has answered, by the order's digest. One is overdue once its
    /// deadline is before the pool's time.
    pub fn open_faults(&self) -> impl Iterator<Item = &OpenFault> {
        self.disclosure.faults.iter()
    }

    /// Where an accepted order stands, as long as the pool remembers it.
    #[must_use]
    pub fn place_of(&self, order: &OrderRef) -> Option<Place> {
        self.find_order(order).ok()
    }

    /// What a payment is held for; nothing if it is not.
    #[must_use]
    pub fn hold_of(&self, place: Place) -> Option<Hold> {
        self.disclosure.holds.get(place).map(|held| held.told(place))
    }

    /// How many payments are held, and how many epochs are kept.
    #[must_use]
    pub fn held_and_epochs(&self) -> (usize, usize) {
        (self.disclosure.holds.len(), self.disclosure.epochs.len())
    }
}
