//! The thread that takes up what is appended, whoever appended it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::cursor::Cursor;
use super::{Settings, Shared};
use crate::bug::EndOnPanic;
use crate::port::Fault;

/// How long it waits for records before it looks whether it shall stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often the brokers are asked how far the topic goes while nothing comes from them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Taken up at once, at most.
const GROUP_BYTES: usize = 8 << 20;

/// The running follower; ends when dropped.
pub(super) struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts behind what `shared` has followed so far.
    pub(super) fn start(settings: &Settings, shared: Arc<Shared>) -> Result<Self, Fault> {
        let mut cursor = Cursor::open(settings, true)?;
        cursor.seek(shared.followed())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = thread::Builder::new()
            .name("log-follower".to_owned())
            .spawn(move || follow(&mut cursor, &shared, &stopping))
            .map_err(|error| Fault::io("start a log thread", error))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the follower's thread panicked");
        }
    }
}

fn follow(cursor: &mut Cursor, shared: &Shared, stop: &AtomicBool) {
    let _end = EndOnPanic;
    let mut looked = Instant::now();
    while !stop.load(Ordering::Acquire) {
        match take(cursor, shared, &mut looked) {
            Ok(()) => {}
            Err(fault) if fault.retryable() => {
                tracing::warn!(%fault, "following the log");
                shared.meter.silence(shared.silence());
                thread::sleep(PATIENCE);
            }
            Err(fault) => return shared.break_with(fault),
        }
    }
}

/// Takes up what has come, or makes sure that nothing has and that nothing is missing.
fn take(cursor: &mut Cursor, shared: &Shared, looked: &mut Instant) -> Result<(), Fault> {
    // Where memory ends, and nowhere else: a record at another's position would be served as it.
    cursor.seek(shared.followed())?;
    let records = cursor.take(u64::MAX, GROUP_BYTES, PATIENCE)?;
    if !records.is_empty() {
        shared.follow(records);
    } else if looked.elapsed() > LOOK_EVERY {
        *looked = Instant::now();
        shared.raise_end(cursor.look()?);
    } else {
        return Ok(());
    }
    shared.hear();
    Ok(())
}
