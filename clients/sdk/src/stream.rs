//! Submitting many batches: several under way on one stream, none lost when the connection is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use proto::v1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::answer::{BatchAnswer, check_decisions, check_receipt};
use crate::error::{Refusal, describe, is_local};
use crate::retry::{Backoff, unavailable};
use crate::{Client, Error, SignedBatch};

/// Batches under way at once, at most.
pub const IN_FLIGHT_MAX: usize = 256;

/// A pipelined stream of batches. Cheap to clone; clones share the stream.
///
/// Batches are logged in the order of [`BatchStream::send`]. When the connection is lost, those
/// without an answer are sent again with the same bytes, in the same order. The stream ends when
/// the last clone and the last [`Ticket`] are dropped.
#[derive(Debug, Clone)]
pub struct BatchStream {
    client: Client,
    inbox: mpsc::Sender<Pending>,
    slots: Arc<Semaphore>,
    receipt_only: bool,
}

/// A batch under way; resolves to its answer.
#[derive(Debug)]
#[must_use = "the answer says whether the batch was taken in"]
pub struct Ticket {
    client: Client,
    batch: Arc<SignedBatch>,
    answer: oneshot::Receiver<Result<v1::SubmitBatchesResponse, Error>>,
}

#[derive(Debug)]
struct Pending {
    batch: Arc<SignedBatch>,
    receipt_only: bool,
    answer: oneshot::Sender<Result<v1::SubmitBatchesResponse, Error>>,
    /// Held until the answer is there: the bound on what is under way.
    _slot: OwnedSemaphorePermit,
}

impl Client {
    /// A stream with at most `in_flight` batches under way, 1 to [`IN_FLIGHT_MAX`]. It connects
    /// with the first batch. Must be called within a Tokio runtime.
    #[must_use]
    pub fn batches(&self, in_flight: usize) -> BatchStream {
        let in_flight = in_flight.clamp(1, IN_FLIGHT_MAX);
        let (inbox, outbox) = mpsc::channel(in_flight);
        let feeder = Feeder {
            client: self.clone(),
            inbox: outbox,
            waiting: VecDeque::new(),
            next_id: 1,
            in_flight,
        };
        tokio::spawn(feeder.run());
        let slots = Arc::new(Semaphore::new(in_flight));
        BatchStream { client: self.clone(), inbox, slots, receipt_only: false }
    }
}

impl BatchStream {
    /// Answers come as soon as a batch is durable, with a receipt and without decisions.
    #[must_use]
    pub fn receipt_only(mut self) -> Self {
        self.receipt_only = true;
        self
    }

    /// Puts a batch on the stream; waits while as many as allowed are under way.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the runtime is shutting down.
    pub async fn send(&self, batch: SignedBatch) -> Result<Ticket, Error> {
        let gone = || unavailable(&self.client.0.address, 0, "the stream has ended".to_owned());
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| gone())?;
        let (answer, receiver) = oneshot::channel();
        let batch = Arc::new(batch);
        let pending = Pending {
            batch: Arc::clone(&batch),
            receipt_only: self.receipt_only,
            answer,
            _slot: slot,
        };
        self.inbox.send(pending).await.map_err(|_| gone())?;
        Ok(Ticket { client: self.client.clone(), batch, answer: receiver })
    }
}

impl Ticket {
    /// The batch.
    #[must_use]
    pub fn batch(&self) -> &SignedBatch {
        &self.batch
    }

    /// The answer, its signatures checked.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing of the batch was logged; if [`Error::is_transient`], send the
    /// same batch again. [`Error::Unavailable`]: it may have been logged; send the same batch again.
    /// [`Error::Unverified`]: the answer is not the operator's.
    pub async fn answer(self) -> Result<BatchAnswer, Error> {
        let gone = |_| unavailable(&self.client.0.address, 0, "the stream has ended".to_owned());
        let response = self.answer.await.map_err(gone)??;
        if let Some(error) = response.error {
            return Err(Error::Refused(Box::new(refusal(error))));
        }
        let key = self.client.operator_key().await?;
        let receipt = check_receipt(key, &self.batch, response.receipt)?;
        let decisions = match response.decisions {
            Some(decisions) => check_decisions(key, &self.batch, &receipt, decisions)?,
            None => Vec::new(),
        };
        Ok(BatchAnswer { receipt, decisions })
    }
}

fn refusal(error: v1::BatchError) -> Refusal {
    let retry_after = Duration::from_millis(error.retry_after_ms);
    Refusal {
        code: Code::from(error.code),
        reason: error.reason,
        field: error.field,
        message: error.message,
        retry_after: (!retry_after.is_zero()).then_some(retry_after),
    }
}

/// The task behind a [`BatchStream`].
struct Feeder {
    client: Client,
    inbox: mpsc::Receiver<Pending>,
    /// Sent and not answered, in order, with the numbers they were sent under.
    waiting: VecDeque<(u64, Pending)>,
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

impl Feeder {
    async fn run(mut self) {
        while let Some(first) = self.inbox.recv().await {
            self.wait_for(first);
            if self.serve().await.is_done() {
                return;
            }
        }
    }

    fn wait_for(&mut self, pending: Pending) -> u64 {
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
            let message = pending.batch.to_message(*id, pending.receipt_only);
            if requests.try_send(message).is_err() {
                return Ended::Lost(Status::internal("more batches under way than allowed"));
            }
        }
        let mut client = self.client.payments();
        let opening = client.submit_batches(ReceiverStream::new(outgoing));
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
        requests: &mpsc::Sender<v1::SubmitBatchesRequest>,
        answers: &mut Streaming<v1::SubmitBatchesResponse>,
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
                        let receipt_only = pending.receipt_only;
                        let batch = Arc::clone(&pending.batch);
                        let message = batch.to_message(self.wait_for(pending), receipt_only);
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

    fn hand_out(&mut self, answer: v1::SubmitBatchesResponse) -> Result<(), Status> {
        match self.waiting.pop_front() {
            Some((id, pending)) if id == answer.batch_id => {
                // Nobody may be waiting for it any more.
                let _ = pending.answer.send(Ok(answer));
                Ok(())
            }
            other => {
                self.waiting.extend(other);
                self.waiting.rotate_right(usize::from(!self.waiting.is_empty()));
                Err(Status::internal("an answer to another batch than the oldest"))
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
