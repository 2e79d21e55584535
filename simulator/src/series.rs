//! Values over a day, in so few points that they can be drawn.

/// Points of a series, at most.
pub const POINTS_MAX: usize = 600;

/// What stands for the values between two points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changes {
    /// The last of them.
    Last,
    /// The greatest of them.
    Peaks,
}

/// Changes of a value, each at its instant.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<(u64, i128)>);

impl Events {
    pub(crate) fn add(&mut self, at_ms: u64, change: i128) {
        if change != 0 {
            self.0.push((at_ms, change));
        }
    }

    /// The value over a span of time, from zero on: a point at the beginning, and for each of equal
    /// stretches in which it changed one at its beginning and, where that shows another value than
    /// the last of the stretch, one at its end. Changes of one instant count together.
    pub(crate) fn series(
        &mut self,
        (from_ms, until_ms): (u64, u64),
        changes: Changes,
    ) -> Vec<(u64, i128)> {
        // Stable: nothing depends on the order within an instant.
        self.0.sort_by_key(|event| event.0);
        let stretches = POINTS_MAX as u64 / 2 - 1;
        let stretch = (until_ms.saturating_sub(from_ms) / stretches).max(1);
        let mut points: Vec<(u64, i128)> = vec![(from_ms, 0)];
        let mut value = 0;
        for instant in self.0.chunk_by(|one, next| one.0 == next.0) {
            let before = value;
            value += instant.iter().map(|event| event.1).sum::<i128>();
            let at_ms = instant[0].0.clamp(from_ms, until_ms);
            let at_ms = from_ms + (at_ms - from_ms) / stretch * stretch;
            match points.last_mut() {
                Some(last) if last.0 == at_ms && at_ms > from_ms => {
                    if changes == Changes::Last || value > last.1 {
                        last.1 = value;
                    }
                }
                Some(last) if last.1 != before && last.0 + stretch < at_ms => {
                    let end = (last.0 + stretch, before);
                    points.extend([end, (at_ms, value)]);
                }
                _ => points.push((at_ms, value)),
            }
        }
        if let Some(last) = points.last().filter(|last| last.1 != value) {
            points.push(((last.0 + stretch).min(until_ms), value));
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_seen_and_do_not_last() {
        let mut events = Events::default();
        for (at_ms, change) in [(1_000_000, 5), (1_000_100, 20), (1_000_200, -25), (9_000_000, 3)] {
            events.add(at_ms, change);
        }
        let series = events.series((0, 10_000_000), Changes::Peaks);
        let values: Vec<i128> = series.iter().map(|point| point.1).collect();
        assert_eq!(values, [0, 25, 0, 3]);
        assert!(series[2].0 < 1_100_000, "{series:?}");
        let last = events.series((0, 10_000_000), Changes::Last);
        assert_eq!(last.iter().map(|point| point.1).collect::<Vec<_>>(), [0, 0, 3]);
    }

    #[test]
    fn a_busy_day_has_few_points() {
        let mut events = Events::default();
        for at_ms in 0..20_000 {
            events.add(at_ms * 7, if at_ms % 3 == 0 { -2 } else { 1 });
        }
        let series = events.series((0, 140_000), Changes::Peaks);
        assert!(series.len() <= POINTS_MAX && series.is_sorted_by(|one, next| one.0 <= next.0));
        assert_eq!(events.series((5, 5), Changes::Last).last().unwrap().1, -1);
    }
}
