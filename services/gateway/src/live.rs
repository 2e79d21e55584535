//! Streams that follow what becomes readable: from the store first, then as it comes.
//!
//! The core never waits for a follower. Everything is read from the store at the follower's pace,
//! and only a few messages are made ahead of it. When there is nothing to say a heartbeat goes out;
//! when the node drains the stream ends with UNAVAILABLE, and the last token goes on from there.

use std::future::Future;

use channel::ParticipantId;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::errors::Refusal;
use crate::gateway::Gateway;

/// Messages that wait for a slow follower, at most.
const BUFFERED_MAX: usize = 4;

/// What a stream follows, and how far it has come.
pub(crate) trait Follow: Send + 'static {
    type Message: Send + 'static;

    /// Delivers everything up to the batch `newest`.
    fn catch_up(
        &mut self,
        newest: u64,
        outlet: &Outlet<Self::Message>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// A message that only says how far it has come.
    fn heartbeat(&self) -> Self::Message;
}

/// Where messages go.
pub(crate) struct Outlet<M>(mpsc::Sender<Result<M, Status>>);

impl<M> Outlet<M> {
    /// Waits until there is room.
    pub(crate) async fn send(&self, message: M) -> Result<(), Refusal> {
        // Nobody reads any more: nobody sees this refusal either.
        self.0.send(Ok(message)).await.map_err(|_| Refusal::draining())
    }
}

/// Follows until the client has gone, the node drains, or a read fails.
pub(crate) fn stream<F: Follow>(
    gateway: &Gateway,
    caller: ParticipantId,
    mut follow: F,
) -> Result<BoxStream<F::Message>, Refusal> {
    let seat = gateway.watch_seat(caller)?;
    let gateway = gateway.clone();
    let (sender, messages) = mpsc::channel(BUFFERED_MAX);
    tokio::spawn(async move {
        let _seat = seat;
        let outlet = Outlet(sender.clone());
        let refusal = tokio::select! {
            biased;
            () = gateway.drain.cancelled() => Refusal::draining(),
            () = sender.closed() => return,
            refusal = run(&gateway, &mut follow, &outlet) => refusal,
        };
        // A client that does not read has no room left: it sees the connection end.
        let _ = sender.try_send(Err(refusal.into()));
    });
    Ok(Box::pin(ReceiverStream::new(messages)))
}

/// Returns why it cannot go on.
async fn run<F: Follow>(gateway: &Gateway, follow: &mut F, outlet: &Outlet<F::Message>) -> Refusal {
    let mut readable = gateway.reader.readable();
    // Counts on while there is news for others: a follower without news hears from us all the same.
    // The first comes at once: whoever only wants what is there sees that this was all.
    let mut heartbeat = interval(gateway.limits.heartbeat_interval);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let newest = readable.borrow_and_update().batch;
        if let Err(refusal) = follow.catch_up(newest, outlet).await {
            return refusal;
        }
        let sent = tokio::select! {
            changed = readable.changed() => changed.map_err(|_| Refusal::halted()),
            _ = heartbeat.tick() => outlet.send(follow.heartbeat()).await,
        };
        if let Err(refusal) = sent {
            return refusal;
        }
    }
}
