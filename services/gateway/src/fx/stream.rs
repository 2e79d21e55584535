//! A stream of quotes: logged in its order, several under way, answered in its order. Whoever does
//! not read the answers is not read from either.

use std::sync::Arc;

use bus::Ticket;
use proto::v1;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Status, Streaming};

use crate::answers::Unanswered;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::submit::unreadable;

/// A command that was read from its stream and is to be answered.
struct Read {
    request_number: u64,
    given: Result<Ticket, Refusal>,
}

impl Gateway {
    pub(super) fn quote_stream(
        &self,
        caller: Arc<Caller>,
        commands: Streaming<v1::StreamQuotesRequest>,
    ) -> BoxStream<v1::StreamQuotesResponse> {
        let (sender, read) = mpsc::channel(self.limits.batches_in_flight);
        tokio::spawn(read_commands(self.clone(), caller, commands, sender));
        let gateway = self.clone();
        let answers = ReceiverStream::new(read).then(move |read| {
            let gateway = gateway.clone();
            async move { gateway.answer_quotes(read?).await }
        });
        Box::pin(answers)
    }

    async fn answer_quotes(&self, read: Read) -> Result<v1::StreamQuotesResponse, Status> {
        let Read { request_number, given } = read;
        let refused = |refusal: Refusal| {
            let error = Some(v1::BatchError::from(refusal));
            v1::StreamQuotesResponse { request_number, error, ..Default::default() }
        };
        let executed = match given {
            Ok(ticket) => self.carried_out(ticket).await,
            Err(refusal) => return Ok(refused(refusal)),
        };
        match executed {
            Ok(executed) => Ok(v1::StreamQuotesResponse {
                request_number,
                position: executed.position,
                reason: executed.reason(),
                replayed: executed.replayed,
                error: None,
            }),
            Err(Unanswered::Refused(refusal)) => Ok(refused(refusal)),
            // An error in an answer says that nothing was logged, which is not known here.
            Err(Unanswered::Unknown(refusal)) => Err(refusal.into()),
        }
    }
}

/// Reads commands and logs them, as long as their answers find room.
async fn read_commands(
    gateway: Gateway,
    caller: Arc<Caller>,
    mut commands: Streaming<v1::StreamQuotesRequest>,
    sender: mpsc::Sender<Result<Read, Status>>,
) {
    // Fails when the client has gone.
    while let Ok(room) = sender.reserve().await {
        let message = tokio::select! {
            biased;
            () = gateway.drain.cancelled() => return room.send(Err(Refusal::draining().into())),
            message = commands.message() => message,
        };
        match message {
            Ok(None) => return,
            Err(status) => return room.send(Err(unreadable(status, "command"))),
            Ok(Some(v1::StreamQuotesRequest { request_number, command, signature })) => {
                let given = gateway.give_quotes(&caller, &command, &signature);
                room.send(Ok(Read { request_number, given }));
            }
        }
    }
}
