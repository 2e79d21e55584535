//! Following payments: what happened to the caller's, batch by batch.
//!
//! A message is a part of one batch; the next part begins where the resume token says, so a watch
//! can be taken up again after every single message.

use std::sync::Arc;

use bytes::Bytes;
use projector::{FeedItem, Part, PaymentRow};
use proto::v1;
use tonic::codegen::BoxStream;

use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::live::{self, Follow, Outlet};
use crate::orders::Orders;
use crate::payments::{ReadFault, Seen, part_of};
use crate::tokens::{Purpose, refused};

/// Payments in one message, at most.
const PAYMENTS_MAX: usize = 256;
/// A message is closed once its payloads have this many bytes.
const PAYLOADS_BYTES: usize = 1 << 20;
/// Batches read from the store at once.
const READ_MAX: usize = 64;

/// Everything up to here was delivered: all of `batch`, and `items` changes of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Delivered {
    batch: u64,
    items: u64,
}

struct Watch {
    gateway: Gateway,
    caller: Arc<Caller>,
    with_payloads: bool,
    delivered: Delivered,
}

impl Gateway {
    pub(crate) fn watch_payments_of(
        &self,
        caller: Arc<Caller>,
        request: &v1::WatchPaymentsRequest,
    ) -> Result<BoxStream<v1::WatchPaymentsResponse>, Refusal> {
        let delivered = match request.resume_token.as_ref() {
            [] => Delivered::default(),
            token => {
                let [batch, items] = self
                    .tokens
                    .read(Purpose::Watch, caller.id, &[], token)
                    .ok_or_else(|| refused("resume_token"))?;
                Delivered { batch, items }
            }
        };
        let (id, with_payloads) = (caller.id, request.with_payloads);
        live::stream(self, id, Watch { gateway: self.clone(), caller, with_payloads, delivered })
    }
}

impl Follow for Watch {
    type Message = v1::WatchPaymentsResponse;

    async fn catch_up(
        &mut self,
        newest: u64,
        outlet: &Outlet<v1::WatchPaymentsResponse>,
    ) -> Result<(), Refusal> {
        while self.delivered.batch < newest {
            let (from, caller) = (self.delivered.batch, self.caller.id);
            let feed = self
                .gateway
                .read(caller, "read the feed", move |reader| reader.feed(caller, from, READ_MAX))
                .await?;
            let mut feed = feed.into_iter().filter(|(batch, _)| *batch <= newest).peekable();
            if feed.peek().is_none() {
                self.delivered = Delivered { batch: newest, items: 0 };
            }
            for (batch, items) in feed {
                self.deliver(batch, &items, outlet).await?;
            }
        }
        Ok(())
    }

    fn heartbeat(&self) -> v1::WatchPaymentsResponse {
        self.message(Vec::new())
    }
}

impl Watch {
    /// Delivers one batch, from where it was left.
    async fn deliver(
        &mut self,
        batch: u64,
        items: &[FeedItem],
        outlet: &Outlet<v1::WatchPaymentsResponse>,
    ) -> Result<(), Refusal> {
        // In the batches between nothing happened to the caller's payments.
        if self.delivered.batch + 1 < batch {
            self.delivered = Delivered { batch: batch - 1, items: 0 };
        }
        while self.delivered.batch < batch {
            let done = usize::try_from(self.delivered.items).unwrap_or(usize::MAX);
            let rest = items.get(done..).unwrap_or_default();
            let changes = rest.iter().take(PAYMENTS_MAX).copied().collect();
            let (payments, count) = self.read_some(batch, changes).await?;
            self.delivered = if count == rest.len() {
                Delivered { batch, items: 0 }
            } else {
                Delivered { batch: batch - 1, items: (done + count) as u64 }
            };
            if !payments.is_empty() {
                outlet.send(self.message(payments)).await?;
            }
        }
        Ok(())
    }

    /// As many payments as one message takes, and how many changes they were.
    async fn read_some(
        &self,
        batch: u64,
        changes: Vec<FeedItem>,
    ) -> Result<(Vec<v1::Payment>, usize), Refusal> {
        let (gateway, caller) = (self.gateway.clone(), Arc::clone(&self.caller));
        let with_payloads = self.with_payloads;
        let log_bytes_max = self.gateway.limits.log_bytes_each_max;
        let read = move || {
            let view = gateway.view();
            let sealed = gateway.reader.batch(batch)?;
            let changed_at_ms = sealed.map_or(0, |sealed| sealed.header.sealed_at_ms);
            let mut orders = Orders::new(&*gateway.log);
            let (mut payments, mut count, mut bytes) = (Vec::new(), 0, 0);
            for FeedItem { place, state, reason, part } in changes {
                if bytes >= PAYLOADS_BYTES || orders.bytes_read() > log_bytes_max {
                    break;
                }
                count += 1;
                let changed = PaymentRow { place, state, reason, batch, changed_at_ms };
                let order = orders.at(place)?;
                // Whom the feed tells of an order that it may read has no other part in it yet.
                if part != Part::Read && part_of(&caller, &changed, &order) != Some(part) {
                    continue;
                }
                let mut seen = Seen::new(changed, order);
                if part != Part::Read {
                    seen = seen.matched(&gateway.reader)?;
                }
                if with_payloads && part != Part::Sent {
                    seen = seen.with_payload(&mut orders)?;
                }
                bytes += seen.payload_len();
                payments.push(seen.worded(&view));
            }
            Ok::<(Vec<v1::Payment>, usize), ReadFault>((payments, count))
        };
        let caller = self.caller.id;
        let (mut payments, count) = self.gateway.blocking(caller, "read payments", read).await?;
        self.gateway.tell_holds(caller, &mut payments).await?;
        Ok((payments, count))
    }

    fn message(&self, payments: Vec<v1::Payment>) -> v1::WatchPaymentsResponse {
        let Delivered { batch, items } = self.delivered;
        let token = self.gateway.tokens.make(Purpose::Watch, self.caller.id, &[], [batch, items]);
        v1::WatchPaymentsResponse { resume_token: Bytes::from(token), batch, payments }
    }
}
