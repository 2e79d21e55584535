//! `PaymentService`: handing in, and what became of it.

use std::sync::Arc;

use bytes::Bytes;
use channel::{HeaderView, MessageKind, Uetr, Writer};
use clearing::PaymentState;
use ledger::{Amount, Currency};
use projector::{Match, Part, PaymentRow, Reader};
use proto::v1;
use proto::v1::payment_service_server::PaymentService;
use settler::PoolView;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::errors::Refusal;
use crate::fx;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::operator::name;
use crate::orders::{LoggedOrder, OrderFault, Orders};

#[tonic::async_trait]
impl PaymentService for Gateway {
    async fn submit_payment(
        &self,
        request: Request<v1::SubmitPaymentRequest>,
    ) -> Result<Response<v1::SubmitPaymentResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.submit_one(&caller, request.into_inner()).await?))
    }

    type SubmitBatchesStream = BoxStream<v1::SubmitBatchesResponse>;

    async fn submit_batches(
        &self,
        request: Request<Streaming<v1::SubmitBatchesRequest>>,
    ) -> Result<Response<Self::SubmitBatchesStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.submit_stream(caller, request.into_inner())))
    }

    async fn get_payment(
        &self,
        request: Request<v1::GetPaymentRequest>,
    ) -> Result<Response<v1::GetPaymentResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let uetr: Uetr = request.uetr.parse().map_err(|_| {
            Refusal::field("uetr", "UETR_INVALID", "must be a version 4 UUID of 36 characters")
        })?;
        self.readable(request.at_least_position).await?;
        Ok(Response::new(self.payments_of(&caller, uetr).await?))
    }

    async fn cancel_payment(
        &self,
        request: Request<v1::CancelPaymentRequest>,
    ) -> Result<Response<v1::CancelPaymentResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let executed = self.cancel(&caller, &request.command, &request.signature).await?;
        Ok(Response::new(v1::CancelPaymentResponse {
            position: executed.position,
            reason: executed.reason(),
            replayed: executed.replayed,
        }))
    }

    type WatchPaymentsStream = BoxStream<v1::WatchPaymentsResponse>;

    async fn watch_payments(
        &self,
        request: Request<v1::WatchPaymentsRequest>,
    ) -> Result<Response<Self::WatchPaymentsStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.watch_payments_of(caller, &request.into_inner())?))
    }
}

impl Gateway {
    async fn payments_of(
        &self,
        caller: &Arc<Caller>,
        uetr: Uetr,
    ) -> Result<v1::GetPaymentResponse, Refusal> {
        let view = self.view();
        let caller = Arc::clone(caller);
        let as_of_batch = self.reader.readable().borrow().batch;
        let id = caller.id;
        let rows = self.read(id, "look up a payment", move |reader| reader.payments(uetr)).await?;
        let gateway = self.clone();
        let mut payments = self
            .blocking(id, "read payments", move || {
                let mut orders = Orders::new(&*gateway.log);
                let mut payments = Vec::new();
                for row in &rows {
                    let order = orders.at(row.place)?;
                    let seen = Seen::new(*row, order);
                    let seen = if part_of(&caller, row, seen.order()).is_some() {
                        seen.matched(&gateway.reader)?
                    } else if gateway.reader.reads(id, row.place)? {
                        seen
                    } else {
                        continue;
                    };
                    payments.push(seen.with_payload(&mut orders)?.worded(&view));
                }
                Ok::<_, ReadFault>(payments)
            })
            .await?;
        self.tell_holds(id, &mut payments).await?;
        let found = v1::GetPaymentResponse { payments, as_of_batch };
        if found.payments.is_empty() {
            return Err(Refusal::not_found("no such payment"));
        }
        Ok(found)
    }
}

/// Why a payment cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    #[error(transparent)]
    Order(#[from] OrderFault),
    #[error(transparent)]
    Store(#[from] projector::Fault),
}

/// The batch in which a payment settled or ended; 0 if it waits.
pub(crate) fn final_batch(row: &PaymentRow) -> u64 {
    match row.state {
        PaymentState::Queued
        | PaymentState::Warehoused
        | PaymentState::AwaitingGroup
        | PaymentState::AwaitingMatch
        | PaymentState::Matched
        | PaymentState::Held => 0,
        _ => row.batch,
    }
}

/// The caller's part in a payment as its sender, always, or as its receiver, from the settlement
/// on: until then it is an intention of the sender's alone.
pub(crate) fn part_of(caller: &Caller, changed: &PaymentRow, order: &LoggedOrder) -> Option<Part> {
    let header = HeaderView::trusted(&order.header);
    if header.sender() == caller.id {
        return Some(Part::Sent);
    }
    let received = header.receiver() == caller.id && changed.state == PaymentState::Settled;
    received.then_some(Part::Received)
}

/// A payment as somebody sees it who has a part in it.
pub(crate) struct Seen {
    changed: PaymentRow,
    order: LoggedOrder,
    payload: Bytes,
    proof: Bytes,
    matched: Option<Match>,
}

impl Seen {
    pub(crate) fn new(changed: PaymentRow, order: LoggedOrder) -> Self {
        let (payload, proof) = (Bytes::new(), Bytes::new());
        Self { changed, order, payload, proof, matched: None }
    }

    pub(crate) fn order(&self) -> &LoggedOrder {
        &self.order
    }

    /// With the payload, and the proof that the sender signed it. Blocks.
    pub(crate) fn with_payload(mut self, orders: &mut Orders<'_>) -> Result<Self, OrderFault> {
        let mut proof = Writer::new();
        orders.proof(self.changed.place)?.write(&mut proof);
        self.payload = self.order.payload.clone();
        self.proof = proof.into_bytes().into();
        Ok(self)
    }

    /// With what an FX payment is matched with. Blocks.
    pub(crate) fn matched(mut self, reader: &Reader) -> Result<Self, projector::Fault> {
        let kind = HeaderView::trusted(&self.order.header).kind();
        if kind == Some(MessageKind::FxPayment) {
            self.matched = reader.matched(&self.changed)?;
        }
        Ok(self)
    }

    /// Bytes that vary in its message.
    pub(crate) fn payload_len(&self) -> usize {
        self.payload.len() + self.proof.len()
    }

    pub(crate) fn worded(self, view: &PoolView) -> v1::Payment {
        let header = HeaderView::trusted(&self.order.header);
        let amount = Currency::from_bytes(header.currency_bytes())
            .and_then(|currency| Amount::new(header.minor(), currency))
            .ok();
        v1::Payment {
            uetr: header.uetr().to_string(),
            message_kind: u32::from(header.kind_number()),
            sender: name(view, header.sender()),
            receiver: name(view, header.receiver()),
            amount: amount.map(v1::Money::from),
            value_date: header.value_date_number(),
            class: u32::from(header.class()),
            urgent: header.urgent(),
            place: self.changed.place.0,
            digest: Bytes::copy_from_slice(&self.order.digest),
            state: i32::from(self.changed.state as u8),
            reason: self.changed.reason.map_or(0, |reject| i32::from(reject.number())),
            batch: final_batch(&self.changed),
            changed_at_ms: self.changed.changed_at_ms,
            header: Bytes::copy_from_slice(&self.order.header),
            payload: self.payload,
            exchange: fx::exchange(view, header, self.matched.as_ref()),
            holds: Vec::new(),
            proof: self.proof,
        }
    }
}
