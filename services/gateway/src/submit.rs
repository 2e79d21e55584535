//! Handing in: one order a call, or a stream of batches.
//!
//! Of one stream several batches are under way at once, and their answers come in the order of the
//! batches. Whoever does not read his answers is not read from either.

use std::sync::Arc;

use proto::v1;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Code, Status, Streaming};

use crate::answers::Unanswered;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::intake::{Taken, Within};

/// A batch that was read from its stream and is to be answered.
struct Read {
    batch_id: u64,
    receipt_only: bool,
    taken: Result<Taken, Refusal>,
}

impl Gateway {
    pub(crate) async fn submit_one(
        &self,
        caller: &Caller,
        request: v1::SubmitPaymentRequest,
    ) -> Result<v1::SubmitPaymentResponse, Refusal> {
        let Some(order) = request.order else {
            return Err(Refusal::field("order", "MISSING", "must be given"));
        };
        let orders = std::slice::from_ref(&order);
        let taken = self.take_in(caller, Within::Single, orders, &request.signature)?;
        let answer = self.answer(taken, request.receipt_only).await?;
        Ok(v1::SubmitPaymentResponse { receipt: Some(answer.receipt), decisions: answer.decisions })
    }

    pub(crate) fn submit_stream(
        &self,
        caller: Arc<Caller>,
        batches: Streaming<v1::SubmitBatchesRequest>,
    ) -> BoxStream<v1::SubmitBatchesResponse> {
        let (sender, read) = mpsc::channel(self.limits.batches_in_flight);
        tokio::spawn(read_batches(self.clone(), caller, batches, sender));
        let gateway = self.clone();
        let answers = ReceiverStream::new(read).then(move |read| {
            let gateway = gateway.clone();
            async move { gateway.answer_batch(read?).await }
        });
        Box::pin(answers)
    }

    async fn answer_batch(&self, read: Read) -> Result<v1::SubmitBatchesResponse, Status> {
        let Read { batch_id, receipt_only, taken } = read;
        let refused = |refusal: Refusal| {
            let error = Some(v1::BatchError::from(refusal));
            v1::SubmitBatchesResponse { batch_id, error, ..Default::default() }
        };
        let taken = match taken {
            Ok(taken) => taken,
            Err(refusal) => return Ok(refused(refusal)),
        };
        match self.answer(taken, receipt_only).await {
            Ok(answer) => Ok(v1::SubmitBatchesResponse {
                batch_id,
                receipt: Some(answer.receipt),
                decisions: answer.decisions,
                error: None,
            }),
            Err(Unanswered::Refused(refusal)) => Ok(refused(refusal)),
            // An error in an answer says that nothing was logged, which is not known here.
            Err(Unanswered::Unknown(refusal)) => Err(refusal.into()),
        }
    }
}

/// Reads batches and takes them in, as long as their answers find room.
async fn read_batches(
    gateway: Gateway,
    caller: Arc<Caller>,
    mut batches: Streaming<v1::SubmitBatchesRequest>,
    sender: mpsc::Sender<Result<Read, Status>>,
) {
    // Fails when the client has gone.
    while let Ok(room) = sender.reserve().await {
        let message = tokio::select! {
            biased;
            () = gateway.drain.cancelled() => return room.send(Err(Refusal::draining().into())),
            message = batches.message() => message,
        };
        match message {
            Ok(None) => return,
            Err(status) => return room.send(Err(unreadable(status, "orders"))),
            Ok(Some(v1::SubmitBatchesRequest { batch_id, orders, signature, receipt_only })) => {
                let taken = gateway.take_in(&caller, Within::Batch, &orders, &signature);
                room.send(Ok(Read { batch_id, receipt_only, taken }));
            }
        }
    }
}

/// A message that is none: too large, because of this field, cut off, not protobuf. The stream ends
/// with it.
pub(crate) fn unreadable(status: Status, field: &'static str) -> Status {
    match status.code() {
        Code::OutOfRange => Refusal::field(field, "MESSAGE_TOO_LARGE", status.message()).into(),
        Code::Internal => Refusal::field("", "MESSAGE_UNREADABLE", status.message()).into(),
        _ => status,
    }
}
