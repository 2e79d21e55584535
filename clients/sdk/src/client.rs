//! The client itself, and the payments it hands in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use channel::{
    Command, CommandBody, MessageKind, ParticipantId, PublicKey, RequestId, Signer, Uetr,
    command_statement,
};
use proto::v1;
use proto::v1::payment_service_client::PaymentServiceClient;
use tokio::sync::OnceCell;
use tonic::transport::Channel;

use crate::answer::{Answer, BatchAnswer, array, check_decisions, check_receipt};
use crate::order::now_ms;
use crate::{Error, Order, OrderBuilder, SignedBatch, retry};

/// Bytes of one message that the client takes, at most.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A client of one node, acting as one participant.
///
/// Cheap to clone; clones share one connection. Every call has a deadline, and is repeated with
/// the same bytes while the node is away, until then.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) channel: Channel,
    pub(crate) address: String,
    pub(crate) pool: u32,
    pub(crate) participant: ParticipantId,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) operator_key: OnceCell<PublicKey>,
    /// The position of the last statements that this client handed in.
    pub(crate) published: AtomicU64,
    pub(crate) limits: retry::Limits,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.0.address)
            .field("pool", &self.0.pool)
            .field("participant", &self.0.participant)
            .finish_non_exhaustive()
    }
}

/// A command with its maker's signature: the bytes to keep and to send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCommand {
    /// The canonical bytes.
    pub command: Vec<u8>,
    /// The maker's signature over the command statement.
    pub signature: [u8; 64],
    /// A second person's number and signature over the same statement, where the rule book asks
    /// for one.
    pub checker: Option<(ParticipantId, [u8; 64])>,
}

/// A command that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// Its position in the log.
    pub position: u64,
    /// Whether it had taken effect before, under the same request id.
    pub replayed: bool,
}

impl Client {
    /// Where the node is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> u32 {
        self.0.pool
    }

    /// As whom this client acts.
    #[must_use]
    pub fn participant(&self) -> ParticipantId {
        self.0.participant
    }

    /// A new order of this participant.
    pub fn order(&self) -> OrderBuilder {
        OrderBuilder::new(self.0.pool, self.0.participant)
    }

    /// Signs orders of this participant as one batch.
    ///
    /// # Errors
    /// As [`SignedBatch::sign`]; [`Error::Config`] if the client has no signing key.
    pub fn sign(&self, orders: Vec<Order>) -> Result<SignedBatch, Error> {
        SignedBatch::sign(orders, self.signer()?)
    }

    /// Signs a command of this participant. The same `request_id` never takes effect twice.
    ///
    /// # Errors
    /// [`Error::Config`] if the client has no usable signing key.
    pub fn sign_command(
        &self,
        request_id: RequestId,
        issued_at_ms: u64,
        body: CommandBody,
    ) -> Result<SignedCommand, Error> {
        let (pool, maker) = (self.0.pool, self.0.participant);
        let command = Command { pool, request_id, maker, issued_at_ms, body }.encode();
        let signature = self
            .signer()?
            .sign(&command_statement(&command))
            .map_err(|error| Error::config("signing_key", error))?;
        Ok(SignedCommand { command, signature, checker: None })
    }

    /// Adds this participant's signature to another one's command, as the second person.
    ///
    /// # Errors
    /// [`Error::Config`] if the client has no usable signing key.
    pub fn countersign(&self, command: SignedCommand) -> Result<SignedCommand, Error> {
        let signature = self
            .signer()?
            .sign(&command_statement(&command.command))
            .map_err(|error| Error::config("signing_key", error))?;
        Ok(SignedCommand { checker: Some((self.0.participant, signature)), ..command })
    }

    /// Hands in one order and waits for the core's decision.
    ///
    /// # Errors
    /// [`Error::Refused`] (nothing was logged), [`Error::Unavailable`] (submit the same order
    /// again), [`Error::Unverified`]. A rejection by the core is a decision, not an error.
    pub async fn submit(&self, order: &Order) -> Result<Answer, Error> {
        let batch = self.sign(vec![order.clone()])?;
        self.submit_signed(&batch).await
    }

    /// As [`Client::submit`], with a batch of one order that was signed before.
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn submit_signed(&self, batch: &SignedBatch) -> Result<Answer, Error> {
        let key = self.operator_key().await?;
        let [order] = batch.orders() else {
            return Err(Error::config("orders", "must be one; use batches for more"));
        };
        let message = v1::SubmitPaymentRequest {
            order: Some(order.to_message()),
            signature: Bytes::copy_from_slice(batch.signature()),
            receipt_only: false,
        };
        let client = self.payments();
        let response = self
            .call(message, move |request| {
                let mut client = client.clone();
                async move { client.submit_payment(request).await }
            })
            .await?;
        let receipt = check_receipt(key, batch, response.receipt)?;
        let decisions = response.decisions.ok_or(Error::Malformed("decisions are missing"))?;
        let mut decisions = check_decisions(key, batch, &receipt, decisions)?;
        let decision = decisions.pop().ok_or(Error::Malformed("decision is missing"))?;
        Ok(Answer { receipt, decision })
    }

    /// Hands in one batch and waits for its decisions. For more than one, [`Client::batches`]
    /// keeps several under way.
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn submit_batch(&self, batch: &SignedBatch) -> Result<BatchAnswer, Error> {
        retry::refused(&self.0.address, self.0.limits, || async {
            self.batches(1).send(batch.clone()).await?.answer().await
        })
        .await
    }

    /// The participant's payments with this reference, in the order of the log.
    ///
    /// `at_least_position` (from a receipt) waits until that position can be read; 0 does not wait.
    ///
    /// # Errors
    /// [`Error::Refused`] with [`tonic::Code::NotFound`] if there is none.
    pub async fn get(
        &self,
        uetr: Uetr,
        at_least_position: u64,
    ) -> Result<v1::GetPaymentResponse, Error> {
        let message = v1::GetPaymentRequest { uetr: uetr.to_string(), at_least_position };
        let client = self.payments();
        self.call(message, move |request| {
            let mut client = client.clone();
            async move { client.get_payment(request).await }
        })
        .await
    }

    /// Takes back an order that has not settled.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the payment is final or unknown.
    pub async fn cancel(&self, uetr: Uetr, kind: MessageKind) -> Result<Executed, Error> {
        let body = CommandBody::Cancel { uetr, kind };
        self.execute(&self.sign_command(new_request_id(), now_ms(), body)?).await
    }

    /// Carries out a signed command. Always safe to repeat.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the core's reason; [`Error::Refused`]; [`Error::Unavailable`].
    pub async fn execute(&self, command: &SignedCommand) -> Result<Executed, Error> {
        let (bytes, signature) = command.bytes();
        let decoded = Command::decode(&bytes).map_err(|error| Error::config("command", error))?;
        match decoded.body {
            CommandBody::Cancel { .. } => {
                let message = v1::CancelPaymentRequest { command: bytes, signature };
                let client = self.payments();
                let response = self
                    .call(message, move |request| {
                        let mut client = client.clone();
                        async move { client.cancel_payment(request).await }
                    })
                    .await?;
                executed((response.position, response.reason, response.replayed))
            }
            CommandBody::SetQuotes { .. } => {
                let message = v1::SetQuotesRequest { command: bytes, signature };
                let client = self.fx();
                let response = self
                    .call(message, move |request| {
                        let mut client = client.clone();
                        async move { client.set_quotes(request).await }
                    })
                    .await?;
                executed((response.position, response.reason, response.replayed))
            }
            _ => {
                let (checker, second) =
                    command.checker.map_or((0, Bytes::new()), |(id, signature)| {
                        (id.0, Bytes::copy_from_slice(&signature))
                    });
                let response = self
                    .execute_command(v1::ExecuteCommandRequest {
                        command: bytes,
                        signature,
                        checker,
                        checker_signature: second,
                    })
                    .await?;
                executed((response.position, response.reason, response.replayed))
            }
        }
    }

    /// The key that checks receipts and decisions: the pinned one, or the one the node states.
    ///
    /// # Errors
    /// As any call, the first time; none with a pinned key.
    pub async fn operator_key(&self) -> Result<&PublicKey, Error> {
        let ask = || async {
            let pool = self.pool_info().await?;
            let bytes = array(&pool.operator_key, "operator key")?;
            PublicKey::new(&bytes).map_err(|_| Error::Malformed("operator key"))
        };
        self.0.operator_key.get_or_try_init(ask).await
    }

    pub(crate) fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.0.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn signer(&self) -> Result<&dyn Signer, Error> {
        self.0.signer.as_deref().ok_or_else(|| Error::config("signing_key", "this client has none"))
    }

    /// Calls with this client's deadline and retries.
    pub(crate) async fn call<M: Clone, R, F>(
        &self,
        message: M,
        call: impl FnMut(tonic::Request<M>) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<tonic::Response<R>, tonic::Status>>,
    {
        retry::call(&self.0.address, self.0.limits, message, call).await
    }
}

/// What the core made of a command: position, reason, whether it is replayed.
pub(crate) fn executed((position, reason, replayed): (u64, i32, bool)) -> Result<Executed, Error> {
    match v1::RejectReason::try_from(reason) {
        Ok(v1::RejectReason::Unspecified) => Ok(Executed { position, replayed }),
        Ok(reason) => Err(Error::Rejected { reason, position }),
        Err(_) => Err(Error::Malformed("reason is unknown to this client")),
    }
}

impl SignedCommand {
    /// The command and its maker's signature, as messages carry them.
    pub(crate) fn bytes(&self) -> (Bytes, Bytes) {
        (Bytes::copy_from_slice(&self.command), Bytes::copy_from_slice(&self.signature))
    }
}

/// A new number for a command, drawn at random. Keep it before the command is sent.
#[must_use]
pub fn new_request_id() -> RequestId {
    RequestId(uuid::Uuid::new_v4().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every call can be spawned.
    #[expect(dead_code, reason = "it holds if it compiles")]
    fn calls_are_send(client: &'static Client, order: &'static Order) {
        fn send(_: impl Send) {}
        send(client.submit(order));
        send(client.get(crate::Uetr([0; 16]), 0));
        send(client.operator_key());
        send(client.pool_info());
    }
}
