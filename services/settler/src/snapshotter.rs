//! When a snapshot is taken, and the thread that writes it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bus::EndOnPanic;
use clearing::{Pool, Snapshot};
use store::Store;

use crate::metrics;
use crate::settler::{Fault, spawn};
use crate::snapshot::Snapshots;

/// Takes a snapshot every so many orders, unless the one before is still being written. A record
/// without orders counts as one: it takes its time when it is replayed, too.
#[derive(Debug)]
pub(crate) struct Snapshotter {
    every_orders: u64,
    orders: u64,
    /// Gone once dropped, which ends the thread.
    snapshots: Option<SyncSender<Snapshot>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// After a snapshot that could not be written now, another one is taken no sooner than this.
const RETRY_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Shared {
    busy: AtomicBool,
    /// When the last snapshot could not be written.
    missed: Mutex<Option<Instant>>,
    failed: Mutex<Option<store::Fault>>,
}

impl Snapshotter {
    pub(crate) fn start(
        store: Arc<dyn Store>,
        mut kept: Snapshots,
        every_orders: u64,
    ) -> Result<Self, Fault> {
        let (snapshots, taken) = sync_channel::<Snapshot>(1);
        let shared = Arc::new(Shared::default());
        let thread = spawn("snapshotter", {
            let shared = shared.clone();
            move || {
                let _end = EndOnPanic;
                for snapshot in taken {
                    shared.write(&*store, &mut kept, &snapshot);
                    shared.busy.store(false, Ordering::Release);
                }
            }
        })?;
        let thread = Some(thread);
        Ok(Self { every_orders, orders: 0, snapshots: Some(snapshots), shared, thread })
    }

    /// Counts what was applied, and takes a snapshot if it is time and this process `may`.
    pub(crate) fn offer(&mut self, pool: &mut Pool, orders: u64, may: bool) {
        self.orders += orders;
        let due = may && (self.orders >= self.every_orders || self.shared.retries());
        if !due || self.shared.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.orders = 0;
        *self.shared.missed() = None;
        if let Some(snapshots) = &self.snapshots {
            // There is room: the thread was not busy. If it has ended, there is no snapshot.
            drop(snapshots.try_send(pool.snapshot()));
        }
    }

    /// # Errors
    /// The store has failed for good.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let failed = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.clone().map_or(Ok(()), |fault| Err(fault.into()))
    }
}

impl Shared {
    fn missed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to make up for one that was missed.
    fn retries(&self) -> bool {
        self.missed().is_some_and(|missed| missed.elapsed() >= RETRY_AFTER)
    }

    fn write(&self, store: &dyn Store, kept: &mut Snapshots, snapshot: &Snapshot) {
        let (started, position) = (Instant::now(), snapshot.position);
        match kept.write(store, snapshot) {
            Ok(()) => {
                metrics::snapshot_written(started.elapsed());
                tracing::debug!(position, "snapshot written");
            }
            Err(fault) => {
                metrics::snapshot_failed();
                *self.missed() = Some(Instant::now());
                tracing::warn!(position, %fault, "snapshot not written");
                if !fault.retryable() {
                    let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    *failed = Some(fault);
                }
            }
        }
    }
}

impl Drop for Snapshotter {
    fn drop(&mut self) {
        self.snapshots = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the snapshotter's thread panicked");
        }
    }
}
