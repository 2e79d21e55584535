//! The metrics of a log, if they are shown.

use std::time::Duration;

use crate::metrics;

/// Where a log's numbers go. The metrics have no labels, so of the logs of a process one has its
/// numbers shown, and the others count nowhere.
#[derive(Clone, Copy)]
pub(super) struct Meter {
    pub(super) shown: bool,
}

impl Meter {
    pub(super) fn end(self, position: u64) {
        if self.shown {
            metrics::end(position);
        }
    }

    pub(super) fn written(self, bytes: u64) {
        if self.shown {
            metrics::written(1, bytes);
        }
    }

    pub(super) fn blocked(self, blocked: bool) {
        if self.shown {
            metrics::blocked(blocked);
        }
    }

    pub(super) fn halted(self) {
        if self.shown {
            metrics::halted();
        }
    }

    pub(super) fn silence(self, lasts: Duration) {
        if self.shown {
            metrics::silence(lasts);
        }
    }
}
