//! Waiting for a store, or a log, that takes or gives nothing now.

use std::thread;
use std::time::Duration;

use crate::fault::Fault;
use crate::metrics;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Tries until it works. What would pass by itself is a fault only once it is `stopping`.
pub(crate) fn insist<T>(
    stopping: impl Fn() -> bool,
    mut attempt: impl FnMut() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut waited = false;
    loop {
        match attempt() {
            Err(fault) if fault.retryable() && !stopping() => {
                tracing::debug!(%fault, "waiting");
                metrics::waiting(&fault);
                waited = true;
                thread::sleep(PAUSE);
            }
            done => {
                if waited && done.is_ok() {
                    metrics::going_on();
                }
                return done;
            }
        }
    }
}
