//! Identities of payments that wait for longer than the index of identities remembers them.
//!
//! A payment warehoused for weeks outlives its entry. Until it settles or ends its identity stays
//! taken, and it can be found by it. Nothing of this is state of its own: what waits and what the
//! index has forgotten decide it.

use std::collections::BTreeMap;

use crate::record::Place;
use crate::seen::Identity;

/// The payments that wait although their entry was forgotten, by identity.
#[derive(Debug, Default)]
pub(crate) struct Outlived(BTreeMap<Identity, Place>);

impl Outlived {
    pub(crate) fn insert(&mut self, identity: Identity, place: Place) {
        self.0.insert(identity, place);
    }

    pub(crate) fn find(&self, identity: &Identity) -> Option<Place> {
        self.0.get(identity).copied()
    }

    /// The payment at `place` settled or ended. Another one may have its identity by now only if
    /// it had none here.
    pub(crate) fn remove(&mut self, identity: &Identity, place: Place) {
        if self.0.get(identity) == Some(&place) {
            self.0.remove(identity);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
