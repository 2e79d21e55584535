//! Submitting many batches: several under way on one stream, none lost when the connection is.

use std::sync::Arc;
use std::time::Duration;

use proto::v1;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status, Streaming};

use crate::answer::{BatchAnswer, check_decisions, check_receipt};
use crate::error::Refusal;
use crate::pipe::{Kind, Pipe, Waiting};
use crate::{Client, Error, SignedBatch};

/// A pipelined stream of batches. Cheap to clone; clones share the stream.
///
/// Batches are logged in the order of [`BatchStream::send`]. When the connection is lost, those
/// without an answer are sent again with the same bytes, in the same order. The stream ends when
/// the last clone and the last [`Ticket`] are dropped.
#[derive(Debug, Clone)]
pub struct BatchStream {
    pipe: Pipe<Batches>,
    receipt_only: bool,
}

/// A batch under way; resolves to its answer.
#[derive(Debug)]
#[must_use = "the answer says whether the batch was taken in"]
pub struct Ticket {
    sent: Arc<Sent>,
    waiting: Waiting<Batches>,
}

/// A batch as it is sent.
#[derive(Debug)]
struct Sent {
    batch: SignedBatch,
    receipt_only: bool,
}

#[derive(Debug)]
struct Batches;

impl Kind for Batches {
    type Item = Sent;
    type Request = v1::SubmitBatchesRequest;
    type Response = v1::SubmitBatchesResponse;

    fn request(item: &Sent, number: u64) -> v1::SubmitBatchesRequest {
        item.batch.to_message(number, item.receipt_only)
    }

    fn number(response: &v1::SubmitBatchesResponse) -> u64 {
        response.batch_id
    }

    async fn open(
        client: &Client,
        requests: ReceiverStream<v1::SubmitBatchesRequest>,
    ) -> Result<Response<Streaming<v1::SubmitBatchesResponse>>, Status> {
        client.payments().submit_batches(requests).await
    }
}

impl Client {
    /// A stream with at most `in_flight` batches under way, 1 to [`crate::IN_FLIGHT_MAX`]. It
    /// connects with the first batch. Must be called within a Tokio runtime.
    #[must_use]
    pub fn batches(&self, in_flight: usize) -> BatchStream {
        BatchStream { pipe: Pipe::new(self, in_flight), receipt_only: false }
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
        let sent = Arc::new(Sent { batch, receipt_only: self.receipt_only });
        let waiting = self.pipe.send(Arc::clone(&sent)).await?;
        Ok(Ticket { sent, waiting })
    }
}

impl Ticket {
    /// The batch.
    #[must_use]
    pub fn batch(&self) -> &SignedBatch {
        &self.sent.batch
    }

    /// The answer, its signatures checked.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing of the batch was logged; if [`Error::is_transient`], send the
    /// same batch again. [`Error::Unavailable`]: it may have been logged; send the same batch again.
    /// [`Error::Unverified`]: the answer is not the operator's.
    pub async fn answer(self) -> Result<BatchAnswer, Error> {
        let Self { sent, waiting } = self;
        let client = waiting.client().clone();
        let response = waiting.response().await?;
        if let Some(error) = response.error {
            return Err(refused(error));
        }
        let key = client.operator_key().await?;
        let receipt = check_receipt(key, &sent.batch, response.receipt)?;
        let decisions = match response.decisions {
            Some(decisions) => check_decisions(key, &sent.batch, &receipt, decisions)?,
            None => Vec::new(),
        };
        Ok(BatchAnswer { receipt, decisions })
    }
}

/// What was refused within a stream.
pub(crate) fn refused(error: v1::BatchError) -> Error {
    let retry_after = Duration::from_millis(error.retry_after_ms);
    Error::Refused(Box::new(Refusal {
        code: Code::from(error.code),
        reason: error.reason,
        field: error.field,
        message: error.message,
        retry_after: (!retry_after.is_zero()).then_some(retry_after),
    }))
}
