//! What all services of the edge share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bus::Log;
use channel::{KeyError, ParticipantId, Signer};
use projector::Reader;
use settler::{Clock, PoolHandle, PoolView};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::directory::Current;
use crate::errors::Refusal;
use crate::fx::Book;
use crate::limits::Limits;
use crate::rate::Rates;
use crate::seats::{Seat, Seats};
use crate::tokens::Tokens;
use crate::turns::Turns;

/// The shared state; every service is implemented on it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Shared>);

/// The parts.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) pool: PoolHandle,
    pub(crate) reader: Reader,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) tokens: Tokens,
    /// The number of the pool; it never changes.
    pub(crate) number: u32,
    /// Cancelled when the node begins to shut down.
    pub(crate) drain: CancellationToken,
    /// Held while a scripted clock is moved.
    pub(crate) advancing: tokio::sync::Mutex<()>,
    pub(crate) analyses: Arc<Semaphore>,
    /// The quotes as they were last copied.
    pub(crate) book: tokio::sync::Mutex<Book>,
    /// The directory as far as it was read.
    pub(crate) current: tokio::sync::Mutex<Current>,
    watches: Seats<ParticipantId>,
    reads: Turns,
}

impl Deref for Gateway {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Gateway {
    pub(crate) fn new(
        (log, pool, reader): (Arc<dyn Log>, PoolHandle, Reader),
        signer: Arc<dyn Signer>,
        clock: Clock,
        limits: Limits,
        drain: CancellationToken,
    ) -> Result<Self, KeyError> {
        let number = pool.view().pool;
        Ok(Self(Arc::new(Shared {
            tokens: Tokens::new(signer.as_ref(), number)?,
            rates: Rates::new(&limits),
            analyses: Arc::new(Semaphore::new(limits.analyses_max)),
            watches: Seats::new(limits.watches_each_max),
            reads: Turns::new(limits.reads_max, limits.reads_each_max),
            book: tokio::sync::Mutex::default(),
            current: tokio::sync::Mutex::default(),
            advancing: tokio::sync::Mutex::new(()),
            log,
            pool,
            reader,
            signer,
            clock,
            limits,
            number,
            drain,
        })))
    }

    pub(crate) fn view(&self) -> Arc<PoolView> {
        self.pool.view()
    }

    pub(crate) fn draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// A seat for a watch, held as long as it lasts.
    pub(crate) fn watch_seat(&self, caller: ParticipantId) -> Result<Seat<ParticipantId>, Refusal> {
        self.watches.take(&caller).ok_or_else(|| {
            Refusal::later(
                Code::ResourceExhausted,
                "TOO_MANY_WATCHES",
                "this participant has as many watches open as it may",
                Duration::from_secs(5),
            )
        })
    }

    /// Runs a caller's read of the store where it may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        caller: ParticipantId,
        doing: &'static str,
        read: impl FnOnce(&Reader) -> Result<T, projector::Fault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let reader = self.reader.clone();
        self.blocking(caller, doing, move || read(&reader)).await
    }

    /// Runs what a caller reads, and what may block, on a thread where it may, when it is its turn.
    pub(crate) async fn blocking<T: Send + 'static, E: std::error::Error + Send + 'static>(
        &self,
        caller: ParticipantId,
        doing: &'static str,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = self.reads.wait(caller).await;
        let work = move || {
            // Held until the work is done, even if nobody waits for it any more.
            let _turn = turn;
            work()
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map_err(|fault| Refusal::fault(doing, &fault)),
            Err(panicked) => Err(Refusal::fault(doing, &panicked)),
        }
    }

    /// Waits until everything up to `position` can be read; 0 does not wait.
    pub(crate) async fn readable(&self, position: u64) -> Result<(), Refusal> {
        let mut readable = self.reader.readable();
        let wait = readable.wait_for(|readable| readable.position >= position);
        match timeout(self.limits.wait_max, wait).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Refusal::halted()),
            Err(_) => Err(Refusal::later(
                Code::DeadlineExceeded,
                "NOT_READABLE_YET",
                "nothing up to this position can be read yet",
                Duration::from_secs(1),
            )),
        }
    }
}
