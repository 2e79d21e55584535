//! `AuditService`: the sealed batches, in order, without gaps. Nets of all participants are in
//! them, so only regulators and operators may call it.

use std::sync::Arc;

use bytes::Bytes;
use clearing::Certificate;
use projector::Batch;
use proto::v1;
use proto::v1::audit_service_server::AuditService;
use settler::PoolView;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::live::{self, Follow, Outlet};
use crate::operator::name;
use crate::tokens::{Purpose, refused};

/// Batches read from the store at once.
const READ_MAX: usize = 64;

#[tonic::async_trait]
impl AuditService for Gateway {
    type SubscribeBatchesStream = BoxStream<v1::SubscribeBatchesResponse>;

    async fn subscribe_batches(
        &self,
        request: Request<v1::SubscribeBatchesRequest>,
    ) -> Result<Response<Self::SubscribeBatchesStream>, Status> {
        let caller = Caller::of(request.extensions())?;
        let delivered = match request.get_ref().resume_token.as_ref() {
            [] => 0,
            token => {
                let [batch] = self
                    .tokens
                    .read(Purpose::Batches, caller.id, &[], token)
                    .ok_or_else(|| refused("resume_token"))?;
                batch
            }
        };
        let id = caller.id;
        let subscription = Subscription { gateway: self.clone(), caller, delivered };
        Ok(Response::new(live::stream(self, id, subscription)?))
    }
}

struct Subscription {
    gateway: Gateway,
    caller: Arc<Caller>,
    /// The last batch delivered.
    delivered: u64,
}

impl Follow for Subscription {
    type Message = v1::SubscribeBatchesResponse;

    async fn catch_up(
        &mut self,
        newest: u64,
        outlet: &Outlet<v1::SubscribeBatchesResponse>,
    ) -> Result<(), Refusal> {
        while self.delivered < newest {
            let from = self.delivered + 1;
            let batches = self
                .gateway
                .read(self.caller.id, "read batches", move |reader| reader.batches(from, READ_MAX))
                .await?;
            if batches.is_empty() {
                return Ok(());
            }
            let view = self.gateway.view();
            for row in &batches {
                self.delivered = row.header.number;
                outlet.send(self.message(Some(batch(&view, row)))).await?;
            }
        }
        Ok(())
    }

    fn heartbeat(&self) -> v1::SubscribeBatchesResponse {
        self.message(None)
    }
}

impl Subscription {
    fn message(&self, batch: Option<v1::Batch>) -> v1::SubscribeBatchesResponse {
        let token =
            self.gateway.tokens.make(Purpose::Batches, self.caller.id, &[], [self.delivered]);
        v1::SubscribeBatchesResponse { resume_token: Bytes::from(token), batch }
    }
}

fn batch(view: &PoolView, row: &Batch) -> v1::Batch {
    let header = &row.header;
    let nets = row.nets.iter().map(|net| v1::Net {
        participant: name(view, net.participant),
        net: Some(v1::NetMoney::new(net.minor, net.currency)),
    });
    v1::Batch {
        pool: header.pool,
        number: header.number,
        first_position: header.first,
        last_position: header.last,
        sealed_at_ms: header.sealed_at_ms,
        transfer_count: header.transfers,
        payment_count: header.payments,
        orders_root: Bytes::copy_from_slice(&header.orders_root),
        previous_hash: Bytes::copy_from_slice(&header.previous),
        state_root: Bytes::copy_from_slice(&header.state_root),
        hash: Bytes::copy_from_slice(&row.hash),
        header: Bytes::from(header.encode()),
        nets: nets.collect(),
        certificates: row.certificates.iter().map(certificate).collect(),
    }
}

/// A certificate, for those who may see what all payments count.
pub(crate) fn certificate(found: &Certificate) -> v1::Certificate {
    v1::Certificate {
        cycle: found.cycle,
        basis: u32::from(found.basis as u8),
        candidate_count: found.candidates,
        settled_count: found.settled,
        value: found.value.to_string(),
        fifo_value: found.fifo_value.to_string(),
        bound: found.bound.to_string(),
        value_by_class: found.value_by_class.iter().map(u128::to_string).collect(),
        solver: u32::from(found.solver),
        steps: found.steps,
        prices_hash: Bytes::copy_from_slice(&found.prices_hash),
        gap: found.bound.saturating_sub(found.value).to_string(),
    }
}
