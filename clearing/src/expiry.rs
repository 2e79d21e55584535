//! When validities end: payments by their `not_after`, found without looking at all of them.
//!
//! Far ends are only sorted into spans of time; a span that begins is put in order. What settles
//! or leaves is not taken out: its place no longer finds a payment when its time comes. When such
//! remains outnumber the rest, they are swept.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::record::Place;

/// A span is 2^8 ms.
const SPAN_BITS: u32 = 8;

/// Ends of validity, by time.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    /// The spans that have begun: ordered.
    near: BinaryHeap<Reverse<(u64, Place)>>,
    /// The others.
    far: BTreeMap<u64, Vec<(u64, Place)>>,
    /// The first span that has not begun.
    next_span: u64,
    count: usize,
    /// Remains are swept beyond this count.
    sweep_at: usize,
}

const SWEEP_AT_MIN: usize = 65_536;

impl Expiry {
    /// Notes that a payment's validity ends after `at_ms`.
    pub(crate) fn insert(&mut self, at_ms: u64, place: Place) {
        self.count += 1;
        let span = at_ms >> SPAN_BITS;
        if span < self.next_span {
            self.near.push(Reverse((at_ms, place)));
        } else {
            self.far.entry(span).or_default().push((at_ms, place));
        }
    }

    /// The next place whose time has passed, by time and place. It may no longer wait.
    pub(crate) fn pop(&mut self, now_ms: u64) -> Option<Place> {
        let span = now_ms >> SPAN_BITS;
        while let Some(first) = self.far.first_entry().filter(|first| *first.key() <= span) {
            self.near.extend(first.remove().into_iter().map(Reverse));
        }
        self.next_span = self.next_span.max(span + 1);
        let Reverse((at_ms, place)) = *self.near.peek()?;
        if at_ms >= now_ms {
            return None;
        }
        self.near.pop();
        self.count -= 1;
        Some(place)
    }

    /// Drops the remains of payments that no longer wait, if there are too many.
    pub(crate) fn sweep(&mut self, waits: impl Fn(Place) -> bool) {
        if self.count <= self.sweep_at.max(SWEEP_AT_MIN) {
            return;
        }
        self.near.retain(|Reverse((_, place))| waits(*place));
        for span in self.far.values_mut() {
            span.retain(|(_, place)| waits(*place));
        }
        self.far.retain(|_, span| !span.is_empty());
        self.count = self.near.len() + self.far.values().map(Vec::len).sum::<usize>();
        self.sweep_at = self.count * 2;
    }

    /// No payment's validity ends before this instant, ms.
    pub(crate) fn earliest_ms(&self) -> Option<u64> {
        let near = self.near.peek().map(|Reverse((at_ms, _))| *at_ms);
        near.or_else(|| self.far.first_key_value().map(|(span, _)| *span << SPAN_BITS))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ends_come_in_the_order_of_their_times(
            steps in prop::collection::vec((0_u64..3_000, 0_u64..400), 1..200),
        ) {
            let (mut expiry, mut model) = (Expiry::default(), BTreeSet::new());
            let mut now_ms = 0;
            for (place, (ahead_ms, passed_ms)) in (0..).map(Place).zip(steps) {
                expiry.insert(now_ms + ahead_ms, place);
                model.insert((now_ms + ahead_ms, place));
                let earliest_ms = expiry.earliest_ms().unwrap();
                prop_assert!(model.first().is_some_and(|(at_ms, _)| *at_ms >= earliest_ms));
                now_ms += passed_ms;
                while let Some(place) = expiry.pop(now_ms) {
                    let (at_ms, first) = model.pop_first().unwrap();
                    prop_assert_eq!(first, place);
                    prop_assert!(at_ms < now_ms);
                }
                prop_assert!(model.first().is_none_or(|(at_ms, _)| *at_ms >= now_ms));
            }
        }
    }

    #[test]
    fn remains_are_swept_once_they_are_many() {
        let mut expiry = Expiry::default();
        for place in 0..100_000 {
            expiry.insert(1_000_000 + place, Place(place));
            expiry.sweep(|place| place.0.is_multiple_of(1_000));
        }
        assert!(expiry.count <= SWEEP_AT_MIN + 1, "{}", expiry.count);
        let mut left = Vec::new();
        while let Some(place) = expiry.pop(2_000_000) {
            left.push(place.0);
        }
        assert!((0..100_000).step_by(1_000).all(|place| left.contains(&place)));
        assert_eq!(expiry.count, 0);
    }
}
