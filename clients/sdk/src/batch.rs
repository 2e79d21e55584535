//! Signed batches: 1 to 1,024 orders of one sender under one signature.

use bytes::Bytes;
use channel::{BATCH_ORDERS_MAX, HeaderError, Signature, Signer, batch_statement, merkle_root};
use ledger::Hash;
use prost::Message;
use proto::v1;

use crate::{Error, Order};

/// Bytes of one batch on the wire, at most.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// Orders with their sender's signature over the Merkle root of their digests.
///
/// Every attempt to submit it sends the same bytes, so it is always safe to submit it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBatch {
    orders: Vec<Order>,
    root: Hash,
    signature: Signature,
}

impl SignedBatch {
    /// Signs orders of one pool and one sender.
    ///
    /// # Errors
    /// [`Error::Config`] if there are none, too many or too large ones, or of several senders or
    /// pools, or if the key cannot be used.
    pub fn sign(orders: Vec<Order>, signer: &dyn Signer) -> Result<Self, Error> {
        let root = check(&orders)?;
        let statement = statement(&orders, &root);
        let signature =
            signer.sign(&statement).map_err(|error| Error::config("signing_key", error))?;
        Ok(Self { orders, root, signature })
    }

    /// From [`SignedBatch::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Order`] if the bytes are no batch.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let message = v1::SubmitBatchesRequest::decode(bytes)
            .map_err(|_| Error::Malformed("not a signed batch"))?;
        let signature =
            message.signature.as_ref().try_into().map_err(|_| Error::Malformed("signature"))?;
        let orders = message
            .orders
            .into_iter()
            .map(|order| Order::from_bytes(&order.header, order.payload))
            .collect::<Result<Vec<_>, _>>()?;
        let root = check(&orders)?;
        Ok(Self { orders, root, signature })
    }

    /// What an outbox keeps: a `SubmitBatchesRequest` without its number.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_message(0, false).encode_to_vec()
    }

    /// The orders.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The Merkle root of the digests.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The sender's signature over the batch statement.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    pub(crate) fn to_message(&self, batch_id: u64, receipt_only: bool) -> v1::SubmitBatchesRequest {
        v1::SubmitBatchesRequest {
            batch_id,
            orders: self.orders.iter().map(Order::to_message).collect(),
            signature: Bytes::copy_from_slice(&self.signature),
            receipt_only,
        }
    }
}

/// Checks that the orders make one batch; returns the Merkle root of their digests.
fn check(orders: &[Order]) -> Result<Hash, Error> {
    let first = orders.first().ok_or_else(|| Error::config("orders", "must not be empty"))?;
    if orders.len() > BATCH_ORDERS_MAX {
        return Err(Error::config("orders", format!("at most {BATCH_ORDERS_MAX} in a batch")));
    }
    let of_one = |order: &Order| {
        (order.fields().sender(), order.fields().pool())
            == (first.fields().sender(), first.fields().pool())
    };
    if !orders.iter().all(of_one) {
        return Err(Error::config("orders", "a batch has one sender and one pool"));
    }
    // Header, payload and a few bytes of framing each.
    let bytes: usize = orders.iter().map(|order| order.payload().len() + 208).sum();
    if bytes > BATCH_BYTES_MAX {
        return Err(Error::config("orders", format!("at most {BATCH_BYTES_MAX} bytes in a batch")));
    }
    if orders.iter().any(|order| order.payload().len() != order.fields().payload_len()) {
        return Err(HeaderError::PayloadLength.into());
    }
    Ok(merkle_root(orders.iter().map(|order| order.digest().as_slice())))
}

fn statement(orders: &[Order], root: &Hash) -> Vec<u8> {
    let (pool, sender) = orders.first().map_or_else(
        || unreachable!("a checked batch has orders"),
        |order| (order.fields().pool(), order.fields().sender()),
    );
    batch_statement(pool, sender, u32::try_from(orders.len()).unwrap_or(u32::MAX), root)
}

#[cfg(test)]
pub(crate) mod tests {
    use channel::{LocalSigner, ParticipantId, PublicKey};
    use zeroize::Zeroizing;

    use super::*;
    use crate::OrderBuilder;

    pub(crate) fn signer(seed: u8) -> LocalSigner {
        LocalSigner::from_seed(&Zeroizing::new([seed; 32]))
    }

    pub(crate) fn order(sender: u32, payload: &str) -> Order {
        OrderBuilder::new(1, ParticipantId(sender))
            .receiver(ParticipantId(99))
            .amount("1.00 EUR")
            .value_date("2026-03-02")
            .created_at_ms(1)
            .payload(payload.to_owned())
            .build()
            .unwrap()
    }

    #[test]
    fn the_signature_is_over_the_batch_statement() {
        let batch = SignedBatch::sign(vec![order(7, "a"), order(7, "b")], &signer(1)).unwrap();
        let key = PublicKey::new(&signer(1).public_key()).unwrap();
        let digests = batch.orders().iter().map(|order| order.digest().as_slice());
        let root = merkle_root(digests);
        let statement = batch_statement(1, ParticipantId(7), 2, &root);
        assert_eq!(key.verify(&statement, batch.signature()), Ok(()));
    }

    #[test]
    fn bytes_come_back_whole() {
        let batch = SignedBatch::sign(vec![order(7, "a"), order(7, "b")], &signer(1)).unwrap();
        assert_eq!(SignedBatch::from_bytes(&batch.to_bytes()).unwrap(), batch);
        assert!(SignedBatch::from_bytes(b"no").is_err());
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let sign = |orders| SignedBatch::sign(orders, &signer(1)).map(drop);
        assert!(sign(vec![]).is_err());
        assert!(sign(vec![order(7, ""), order(8, "")]).is_err());
        assert!(sign(vec![order(7, ""); BATCH_ORDERS_MAX + 1]).is_err());
        let large = "x".repeat(channel::PAYLOAD_BYTES_MAX);
        assert!(sign(vec![order(7, &large); 64]).is_err());
        assert!(sign(vec![order(7, &large); 63]).is_ok());
    }
}
