//! Where the time of new records comes from. Nothing else in the engine reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of logged time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The operating system's clock. Cycles are closed when they fall due.
    System,
    /// Stands still until somebody moves it, ms since the Unix epoch. Nothing falls due by itself,
    /// so that the same script gives the same log.
    Scripted(Arc<AtomicU64>),
}

impl Clock {
    /// The present, ms since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            Self::Scripted(now) => now.load(Ordering::Acquire),
        }
    }

    /// Moves a scripted clock forward to `now_ms`, never back. The system's clock is not touched.
    pub fn advance_to(&self, now_ms: u64) {
        if let Self::Scripted(now) = self {
            now.fetch_max(now_ms, Ordering::AcqRel);
        }
    }

    /// Whether it moves by itself.
    #[must_use]
    pub fn runs(&self) -> bool {
        matches!(self, Self::System)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_clock_moves_forward_only() {
        let clock = Clock::Scripted(Arc::new(AtomicU64::new(5)));
        clock.advance_to(9);
        clock.advance_to(7);
        assert_eq!(clock.now_ms(), 9);
        assert!(!clock.runs());
    }
}
