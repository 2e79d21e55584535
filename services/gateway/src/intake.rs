//! The way in for orders: everything that can be checked without the pool's state, then one record
//! in the log.
//!
//! A batch is checked as a whole before anything is appended, so a refused one leaves no trace.
//! The checks run where the request is: 512 orders of 256 bytes take about half a millisecond,
//! most of it SHA-256, which is less than handing them to another thread and back is worth. Bytes
//! are never copied but once, into the record.

use std::time::{Duration, Instant};

use bus::{Refused, Ticket};
use bytes::Bytes;
use channel::{
    BATCH_ORDERS_MAX, Envelope, EnvelopeError, HEADER_LEN, HeaderError, HeaderView, ParticipantId,
    PublicKey, batch_statement, merkle_root, order_digest,
};
use clearing::pack_orders;
use ledger::Hash;
use proto::v1::Order;
use settler::PoolView;
use tonic::Code;

use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::metrics;

/// Bytes of the headers and payloads of a batch, at most.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;
/// Bytes of a message with a batch: its orders with their tags and lengths, and its other fields.
pub(crate) const MESSAGE_BYTES_MAX: usize = BATCH_BYTES_MAX + BATCH_ORDERS_MAX * 16 + 256;

/// A batch that is on its way into the log.
pub(crate) struct Taken {
    pub(crate) sender: ParticipantId,
    /// Resolves once the record is durable.
    pub(crate) ticket: Ticket,
    pub(crate) started_at: Instant,
    pub(crate) received_at_ms: u64,
    pub(crate) rules_hash: Hash,
    pub(crate) root: Hash,
    pub(crate) digests: Vec<Hash>,
}

/// A checked order: header and payload, where they are in the message.
type Checked<'a> = (&'a [u8; HEADER_LEN], &'a [u8]);

/// Where an order stands in its request, for the paths of fields.
#[derive(Clone, Copy)]
pub(crate) enum Within {
    /// `order`
    Single,
    /// `orders[i]`
    Batch,
}

impl Within {
    fn order(self, index: usize) -> String {
        match self {
            Self::Single => "order".to_owned(),
            Self::Batch => format!("orders[{index}]"),
        }
    }
}

impl Gateway {
    /// Checks a batch of the caller's orders and appends it.
    pub(crate) fn take_in(
        &self,
        caller: &Caller,
        within: Within,
        orders: &[Order],
        signature: &Bytes,
    ) -> Result<Taken, Refusal> {
        let started_at = Instant::now();
        let view = self.view();
        self.check_room(&view)?;
        let orders = self.check_orders((caller, &view), within, orders)?;
        let bytes: usize = orders.iter().map(|(_, payload)| HEADER_LEN + payload.len()).sum();
        self.rates.take(caller.id, orders.len(), bytes)?;
        let digests: Vec<Hash> =
            orders.iter().map(|(header, payload)| order_digest(*header, payload)).collect();
        let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let statement = self.statement_of(caller.id, digests.len(), &root);
        let signature = check_signature(&caller.key(&view)?, &statement, signature)?;
        let received_at_ms = self.clock.now_ms();
        let stamp = (self.number, received_at_ms);
        let record = pack_orders(stamp, caller.id, signature, &root, &digests, &orders);
        let ticket = self.append(record)?;
        metrics::batch_checked(digests.len(), started_at.elapsed());
        let (sender, rules_hash) = (caller.id, view.rules_hash);
        Ok(Taken { sender, ticket, started_at, received_at_ms, rules_hash, root, digests })
    }

    /// Nothing is taken in that would only wait.
    pub(crate) fn check_room(&self, view: &PoolView) -> Result<(), Refusal> {
        if self.draining() {
            return Err(Refusal::draining());
        }
        if self.pool.halted().is_some() {
            return Err(Refusal::halted());
        }
        let lag = self.log.end().0.saturating_sub(view.next_position);
        if lag > self.limits.core_lag_max {
            return Err(Refusal::later(
                Code::ResourceExhausted,
                "CORE_BEHIND",
                "more is logged than the core has applied so far",
                Duration::from_millis(100),
            ));
        }
        let unread = view.next_position.saturating_sub(self.reader.readable().borrow().position);
        if unread > self.limits.projector_lag_max {
            return Err(Refusal::later(
                Code::ResourceExhausted,
                "PROJECTOR_BEHIND",
                "more is applied than the projectors have written so far",
                Duration::from_secs(1),
            ));
        }
        Ok(())
    }

    pub(crate) fn append(&self, record: Vec<u8>) -> Result<Ticket, Refusal> {
        self.log.append(Bytes::from(record)).map_err(|refused| {
            let later = |reason, wait| {
                Refusal::later(Code::ResourceExhausted, reason, refused.to_string(), wait)
            };
            match refused {
                Refused::Busy => later("LOG_BUSY", Duration::from_millis(50)),
                Refused::NoSpace => later("LOG_NO_SPACE", Duration::from_secs(10)),
                Refused::Unreachable => Refusal::later(
                    Code::Unavailable,
                    "LOG_UNREACHABLE",
                    refused.to_string(),
                    Duration::from_secs(1),
                ),
                Refused::Halted => Refusal::halted(),
                Refused::TooLarge { .. } => {
                    Refusal::new(Code::ResourceExhausted, "LOG_TOO_LARGE", refused.to_string())
                }
            }
        })
    }

    fn check_orders<'a>(
        &self,
        by: (&Caller, &PoolView),
        within: Within,
        orders: &'a [Order],
    ) -> Result<Vec<Checked<'a>>, Refusal> {
        if orders.is_empty() || orders.len() > BATCH_ORDERS_MAX {
            let message = format!("must be 1 to {BATCH_ORDERS_MAX}, found {}", orders.len());
            return Err(Refusal::field("orders", "ORDER_COUNT", message));
        }
        let mut checked = Vec::with_capacity(orders.len());
        let mut bytes = 0;
        for (index, order) in orders.iter().enumerate() {
            let header =
                self.check_order(by, order).map_err(|error| error.at(&within.order(index)))?;
            bytes += HEADER_LEN + order.payload.len();
            checked.push((header.bytes(), order.payload.as_ref()));
        }
        if bytes > BATCH_BYTES_MAX {
            let message = format!("must be at most {BATCH_BYTES_MAX} bytes together");
            return Err(Refusal::field("orders", "BATCH_TOO_LARGE", message));
        }
        Ok(checked)
    }

    fn check_order<'a>(
        &self,
        (caller, view): (&Caller, &PoolView),
        order: &'a Order,
    ) -> Result<HeaderView<'a>, OrderError> {
        let header = HeaderView::check(&order.header)?;
        if header.pool() != self.number {
            return Err(OrderError::Pool(self.number));
        }
        if header.sender() != caller.id {
            return Err(OrderError::Sender);
        }
        if header.payload_len() != order.payload.len() {
            return Err(HeaderError::PayloadLength.into());
        }
        if header.sealing()?.is_some() {
            Envelope::parse(header, &order.payload)?;
        } else if view.sealing_required && !order.payload.is_empty() {
            // The core would refuse it as well, but then it would stand in the log for everybody.
            return Err(OrderError::Unsealed);
        }
        Ok(header)
    }

    fn statement_of(&self, sender: ParticipantId, orders: usize, root: &Hash) -> Vec<u8> {
        let orders = u32::try_from(orders).unwrap_or(u32::MAX);
        batch_statement(self.number, sender, orders, root)
    }
}

/// What is wrong with one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum OrderError {
    #[error("{0}")]
    Header(#[from] HeaderError),
    #[error("{0}")]
    Envelope(#[from] EnvelopeError),
    #[error("pool: must be {0}")]
    Pool(u32),
    #[error("sender: must be the caller")]
    Sender,
    #[error(
        "payload: must be sealed, as the pool's disclosure policy asks; nothing was kept of it"
    )]
    Unsealed,
}

impl OrderError {
    /// As a refusal that names the field. All texts have the form `field: what it must be`.
    fn at(self, order: &str) -> Refusal {
        let text = self.to_string();
        let (field, must) = text.split_once(": ").unwrap_or(("header", &text));
        let path = match self {
            Self::Header(HeaderError::Length) => format!("{order}.header"),
            Self::Envelope(EnvelopeError::Length) | Self::Unsealed => format!("{order}.payload"),
            _ => format!("{order}.header.{field}"),
        };
        let reason = match self {
            Self::Header(_) => "HEADER_INVALID",
            Self::Envelope(_) => "ENVELOPE_INVALID",
            Self::Pool(_) => "OTHER_POOL",
            Self::Sender => "OTHER_SENDER",
            Self::Unsealed => "SEALING_REQUIRED",
        };
        Refusal::field(path, reason, must)
    }
}

fn check_signature<'a>(
    key: &PublicKey,
    statement: &[u8],
    signature: &'a Bytes,
) -> Result<&'a [u8; 64], Refusal> {
    let signature = signature_bytes(signature, "signature")?;
    key.verify(statement, signature)
        .map_err(|error| Refusal::field("signature", "SIGNATURE_INVALID", error.to_string()))?;
    Ok(signature)
}

/// The 64 bytes of a signature.
pub(crate) fn signature_bytes<'a>(
    signature: &'a Bytes,
    field: &'static str,
) -> Result<&'a [u8; 64], Refusal> {
    signature
        .as_ref()
        .try_into()
        .map_err(|_| Refusal::field(field, "SIGNATURE_INVALID", "must be exactly 64 bytes"))
}
