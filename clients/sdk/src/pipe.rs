//! What goes over one stream, several under way at once, and is not lost when the connection is.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status, Streaming};

use crate::error::{Refusal, describe, is_local};
use crate::retry::{Backoff, unavailable};
use crate::{Client, Error};

/// Items under way at once, at most.
pub const IN_FLIGHT_MAX: usize = 256;

/// A kind of stream: every item is a request under a number, and has one response.
pub(crate) trait Kind: Send + 'static {
    /// What is sent; the same bytes however often.
    type Item: Debug + Send + Sync;
    type Request: Send + 'static;
    type Response: Debug + Send + 'static;

    fn request(item: &Self::Item, number: u64) -> Self::Request;
    fn number(response: &Self::Response) -> u64;
    fn open(
        client: &Client,
        requests: ReceiverStream<Self::Request>,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Response>>, Status>> + Send;
}

/// Where items are put; clones share one stream. It ends when the last clone and the last
/// [`Waiting`] are dropped.
#[derive(Debug)]
pub(crate) struct Pipe<K: Kind> {
    client: Client,
    inbox: mpsc::Sender<Pending<K>>,
    slots: Arc<Semaphore>,
}

impl<K: Kind> Clone for Pipe<K> {
    fn clone(&self) -> Self {
        let Self { client, inbox, slots } = self;
        Self { client: client.clone(), inbox: inbox.clone(), slots: Arc::clone(slots) }
    }
}

/// An item under way; resolves to its response.
#[derive(Debug)]
pub(crate) struct Waiting<K: Kind> {
    client: Client,
    answer: oneshot::Receiver<Result<K::Response, Error>>,
}

#[derive(Debug)]
struct Pending<K: Kind> {
    item: Arc<K::Item>,
    answer: oneshot::Sender<Result<K::Response, Error>>,
    /// Held until the answer is there: the bound on what is under way.
    _slot: OwnedSemaphorePermit,
}

impl<K: Kind> Pipe<K> {
    /// With at most `in_flight` items under way, 1 to [`IN_FLIGHT_MAX`].
    pub(crate) fn new(client: &Client, in_flight: usize) -> Self {
        let in_flight = in_flight.clamp(1, IN_FLIGHT_MAX);
        let (inbox, outbox) = mpsc::channel(in_flight);
        let feeder = Feeder {
            client: client.clone(),
            inbox: outbox,
            waiting: VecDeque::<(u64, Pending<K>)>::new(),
            next_id: 1,
            in_flight,
        };
        tokio::spawn(feeder.run());
        Self { client: client.clone(), inbox, slots: Arc::new(Semaphore::new(in_flight)) }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Puts an item on the stream; waits while as many as allowed are under way.
    pub(crate) async fn send(&self, item: Arc<K::Item>) -> Result<Waiting<K>, Error> {
        let gone = || ended(&self.client);
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| gone())?;
        let (answer, receiver) = oneshot::channel();
        let pending = Pending { item, answer, _slot: slot };
        self.inbox.send(pending).await.map_err(|_| gone())?;
        Ok(Waiting { client: self.client.clone(), answer: receiver })
    }
}

impl<K: Kind> Waiting<K> {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) async fn response(self) -> Result<K::Response, Error> {
        let Self { client, answer } = self;
        answer.await.map_err(|_| ended(&client))?
    }
}

fn ended(client: &Client) -> Error {
    unavailable(&client.0.address, 0, "the stream has ended".to_owned())
}

/// The task behind a [`Pipe`].
struct Feeder<K: Kind> {
    client: Client,
    inbox: mpsc::Receiver<Pending<K>>,
    /// Sent and not answered, in order, with the numbers they were sent under.
    waiting: VecDeque<(u64, Pending<K>)>,
    next_id: u64,
    in_flight: usize,
}

/// Why a connection ended.
enum Ended {
    /// Nobody will send any more, and everything is answered.
    Done,
    /// Everything without an answer must be sent again.
    Lost(Status),
}

impl<K: Kind> Feeder<K> {
    async fn run(mut self) {
        while let Some(first) = self.inbox.recv().await {
            self.wait_for(first);
            if self.serve().await.is_done() {
                return;
            }
        }
    }

    fn wait_for(&mut self, pending: Pending<K>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.waiting.push_back((id, pending));
        id
    }

    /// Serves until everything is answered or given up.
    async fn serve(&mut self) -> Ended {
        let deadline = self.client.0.limits.deadline;
        let mut backoff = Backoff::new();
        let mut gives_up_at = Instant::now() + deadline;
        loop {
            let answered_before = self.oldest();
            let status = match self.connection(gives_up_at).await {
                Ended::Done => return Ended::Done,
                Ended::Lost(status) => status,
            };
            if self.oldest() != answered_before {
                // There were answers: the node is not away, the connection was.
                backoff = Backoff::new();
                gives_up_at = Instant::now() + deadline;
            }
            let passing =
                is_local(&status) || matches!(status.code(), Code::Unavailable | Code::Cancelled);
            let delay = backoff.next_delay();
            let enough = backoff.attempts() >= self.client.0.limits.attempts_max
                || Instant::now() + delay >= gives_up_at;
            if !passing || enough {
                self.give_up(&status, passing, backoff.attempts());
                return Ended::Lost(status);
            }
            sleep(delay).await;
        }
    }

    fn oldest(&self) -> u64 {
        self.waiting.front().map_or(self.next_id, |(id, _)| *id)
    }

    /// One connection: sends what is waiting, then what comes, and hands out answers.
    async fn connection(&mut self, gives_up_at: Instant) -> Ended {
        // As wide as all that can be under way, so sending never waits.
        let (requests, outgoing) = mpsc::channel(self.in_flight);
        for (id, pending) in &self.waiting {
            if requests.try_send(K::request(&pending.item, *id)).is_err() {
                return Ended::Lost(Status::internal("more under way than allowed"));
            }
        }
        let opening = K::open(&self.client, ReceiverStream::new(outgoing));
        let mut answers = match timeout_at(gives_up_at, opening).await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return Ended::Lost(status),
            Err(_) => return Ended::Lost(Status::unavailable("no connection in time")),
        };
        match self.exchange(&requests, &mut answers).await {
            Ok(()) => Ended::Done,
            Err(status) => Ended::Lost(status),
        }
    }

    async fn exchange(
        &mut self,
        requests: &mpsc::Sender<K::Request>,
        answers: &mut Streaming<K::Response>,
    ) -> Result<(), Status> {
        let deadline = self.client.0.limits.deadline;
        let mut open = true;
        loop {
            if !open && self.waiting.is_empty() {
                return Ok(());
            }
            let silence = sleep(deadline);
            tokio::select! {
                biased;
                answer = answers.message() => {
                    let answer = answer?.ok_or_else(|| Status::unavailable("stream ended"))?;
                    self.hand_out(answer)?;
                }
                pending = self.inbox.recv(), if open => match pending {
                    None => open = false,
                    Some(pending) => {
                        let item = Arc::clone(&pending.item);
                        let message = K::request(&item, self.wait_for(pending));
                        if requests.try_send(message).is_err() {
                            return Err(Status::unavailable("stream does not take more"));
                        }
                    }
                },
                () = silence, if !self.waiting.is_empty() => {
                    return Err(Status::unavailable("no answer in time"));
                }
            }
        }
    }

    fn hand_out(&mut self, answer: K::Response) -> Result<(), Status> {
        match self.waiting.pop_front() {
            Some((id, pending)) if id == K::number(&answer) => {
                // Nobody may be waiting for it any more.
                let _ = pending.answer.send(Ok(answer));
                Ok(())
            }
            other => {
                self.waiting.extend(other);
                self.waiting.rotate_right(usize::from(!self.waiting.is_empty()));
                Err(Status::internal("an answer to something else than the oldest"))
            }
        }
    }

    fn give_up(&mut self, status: &Status, passing: bool, attempts: u32) {
        for (_, pending) in self.waiting.drain(..) {
            let error = if passing {
                unavailable(&self.client.0.address, attempts, describe(status))
            } else {
                Error::Refused(Box::new(Refusal::from_status(status)))
            };
            let _ = pending.answer.send(Err(error));
        }
    }
}

impl Ended {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}
