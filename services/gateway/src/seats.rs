//! So many at once of each: connections of a peer, watches of a participant. One that takes all it
//! may leaves the others theirs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Seats by key, at most so many for each.
#[derive(Debug)]
pub(crate) struct Seats<K: Ord> {
    taken: Arc<Mutex<BTreeMap<K, usize>>>,
    max: usize,
}

impl<K: Ord + Clone> Seats<K> {
    pub(crate) fn new(max: usize) -> Self {
        Self { taken: Arc::default(), max }
    }

    /// A seat, free again once it is dropped; nothing if all of this key's are taken.
    pub(crate) fn take(&self, key: &K) -> Option<Seat<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_insert(0);
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Seat { taken: Arc::clone(&self.taken), key: key.clone() })
    }
}

/// A taken seat.
#[derive(Debug)]
pub(crate) struct Seat<K: Ord> {
    taken: Arc<Mutex<BTreeMap<K, usize>>>,
    key: K,
}

impl<K: Ord> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_seats_and_gets_them_back() {
        let seats = Seats::new(2);
        let first = seats.take(&"a").unwrap();
        let _second = seats.take(&"a").unwrap();
        assert!(seats.take(&"a").is_none());
        assert!(seats.take(&"b").is_some());
        drop(first);
        assert!(seats.take(&"a").is_some());
        assert_eq!(seats.taken.lock().unwrap().len(), 1, "no key stays without a seat");
    }
}
