//! Answers to submitted orders, believed only after their signatures were checked.

use channel::{Decision, PublicKey, Ruling, decisions_statement, merkle_root, receipt_statement};
use ledger::Hash;
use proto::v1;
use proto::v1::RejectReason;

use crate::{Error, SignedBatch};

/// The operator's signed promise that the orders stand in the log. See the proto for what it does
/// not promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The pool.
    pub pool: u32,
    /// The position of the batch in the pool's log.
    pub position: u64,
    /// When it was taken in, ms since the Unix epoch.
    pub received_at_ms: u64,
    /// Hash of the rule book in force.
    pub rules_hash: Hash,
    /// The operator's signature over the receipt statement; worth keeping.
    pub signature: [u8; 64],
}

/// The core's decision on one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDecision {
    /// The order's digest.
    pub digest: Hash,
    /// Where the order first stood in the log: position × 2^20 + index.
    pub place: u64,
    /// The ruling.
    pub ruling: Ruling,
    /// Why, if it was rejected or refused.
    pub reason: Option<RejectReason>,
    /// Logged time of the ruling, ms since the Unix epoch.
    pub decided_at_ms: u64,
    /// Whether this attempt repeats an earlier one.
    pub replayed: bool,
    /// The fields that differ from the order first handed in under this identity, if there was one
    /// with another body.
    pub differing_fields: Vec<String>,
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchAnswer {
    /// The receipt.
    pub receipt: Receipt,
    /// One decision per order, in their order; empty if only the receipt was asked for.
    pub decisions: Vec<OrderDecision>,
}

/// The answer to one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The receipt.
    pub receipt: Receipt,
    /// The decision.
    pub decision: OrderDecision,
}

impl OrderDecision {
    /// Whether the order was taken in: it has settled or waits.
    #[must_use]
    pub fn accepted(&self) -> bool {
        !matches!(self.ruling, Ruling::Rejected | Ruling::Refused)
    }
}

/// Checks a receipt against what was submitted.
pub(crate) fn check_receipt(
    key: &PublicKey,
    batch: &SignedBatch,
    message: Option<v1::Receipt>,
) -> Result<Receipt, Error> {
    let message = message.ok_or(Error::Malformed("receipt is missing"))?;
    let pool = batch.orders().first().map(|order| order.fields().pool());
    if Some(message.pool) != pool
        || message.order_count as usize != batch.orders().len()
        || message.root.as_ref() != batch.root()
    {
        return Err(Error::Unverified("receipt is for other orders"));
    }
    let receipt = Receipt {
        pool: message.pool,
        position: message.position,
        received_at_ms: message.received_at_ms,
        rules_hash: array(&message.rules_hash, "rules hash")?,
        signature: array(&message.signature, "receipt signature")?,
    };
    let statement = receipt_statement(
        receipt.pool,
        receipt.position,
        receipt.received_at_ms,
        &receipt.rules_hash,
        message.order_count,
        batch.root(),
    );
    key.verify(&statement, &receipt.signature)
        .map_err(|_| Error::Unverified("signature of the receipt"))?;
    Ok(receipt)
}

/// Checks the decisions of an attempt against what was submitted and against its receipt.
pub(crate) fn check_decisions(
    key: &PublicKey,
    batch: &SignedBatch,
    receipt: &Receipt,
    message: v1::Decisions,
) -> Result<Vec<OrderDecision>, Error> {
    if message.decisions.len() != batch.orders().len() {
        return Err(Error::Unverified("decisions are for other orders"));
    }
    let signature = array(&message.signature, "decisions signature")?;
    let decisions =
        message.decisions.into_iter().map(decision).collect::<Result<Vec<_>, Error>>()?;
    let theirs = decisions.iter().map(|decision| &decision.digest);
    if !theirs.eq(batch.orders().iter().map(crate::Order::digest)) {
        return Err(Error::Unverified("decisions are for other orders"));
    }
    let encoded: Vec<_> = decisions.iter().map(|decision| canonical(decision).encode()).collect();
    let root = merkle_root(encoded.iter().map(<[u8; _]>::as_slice));
    let count = u32::try_from(decisions.len()).unwrap_or(u32::MAX);
    let statement = decisions_statement(receipt.pool, receipt.position, count, &root);
    key.verify(&statement, &signature)
        .map_err(|_| Error::Unverified("signature of the decisions"))?;
    Ok(decisions)
}

fn decision(message: v1::Decision) -> Result<OrderDecision, Error> {
    let ruling = u8::try_from(message.ruling).ok().and_then(Ruling::from_number);
    let ruling = ruling.ok_or(Error::Malformed("ruling is unknown to this client"))?;
    let reason = RejectReason::try_from(message.reason)
        .map_err(|_| Error::Malformed("reason is unknown to this client"))?;
    Ok(OrderDecision {
        digest: array(&message.digest, "digest")?,
        place: message.place,
        ruling,
        reason: (reason != RejectReason::Unspecified).then_some(reason),
        decided_at_ms: message.decided_at_ms,
        replayed: message.replayed,
        differing_fields: message.differing_fields,
    })
}

/// The part of a decision that is signed.
fn canonical(decision: &OrderDecision) -> Decision {
    Decision {
        digest: decision.digest,
        place: decision.place,
        ruling: decision.ruling,
        reason: decision
            .reason
            .map_or(0, |reason| u16::try_from(reason as i32).unwrap_or(u16::MAX)),
        decided_at_ms: decision.decided_at_ms,
    }
}

pub(crate) fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Malformed(what))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use channel::Signer;

    use super::*;
    use crate::batch::tests::{order, signer};

    struct Case {
        batch: SignedBatch,
        key: PublicKey,
        receipt: v1::Receipt,
        decisions: v1::Decisions,
    }

    fn sign(statement: &[u8]) -> Bytes {
        Bytes::copy_from_slice(&signer(9).sign(statement).unwrap())
    }

    fn case() -> Case {
        let batch = SignedBatch::sign(vec![order(7, "a"), order(7, "b")], &signer(1)).unwrap();
        let receipt = v1::Receipt {
            pool: 1,
            position: 5,
            received_at_ms: 6,
            rules_hash: Bytes::copy_from_slice(&[3; 32]),
            order_count: 2,
            root: Bytes::copy_from_slice(batch.root()),
            signature: sign(&receipt_statement(1, 5, 6, &[3; 32], 2, batch.root())),
        };
        let signed = |at: usize, ruling, reason| Decision {
            digest: *batch.orders()[at].digest(),
            place: (5 << channel::PLACE_INDEX_BITS) + at as u64,
            ruling,
            reason,
            decided_at_ms: 6,
        };
        let all = [signed(0, Ruling::Queued, 0), signed(1, Ruling::Rejected, 19)];
        let encoded = all.map(|decision| decision.encode());
        let root = merkle_root(encoded.iter().map(<[u8; _]>::as_slice));
        let message = |decision: Decision| v1::Decision {
            digest: Bytes::copy_from_slice(&decision.digest),
            place: decision.place,
            ruling: decision.ruling as i32,
            reason: decision.reason.into(),
            decided_at_ms: decision.decided_at_ms,
            replayed: true,
            differing_fields: Vec::new(),
        };
        let decisions = v1::Decisions {
            decisions: all.map(message).to_vec(),
            signature: sign(&decisions_statement(1, 5, 2, &root)),
        };
        let key = PublicKey::new(&signer(9).public_key()).unwrap();
        Case { batch, key, receipt, decisions }
    }

    impl Case {
        fn check(self) -> Result<Vec<OrderDecision>, Error> {
            let receipt = check_receipt(&self.key, &self.batch, Some(self.receipt))?;
            check_decisions(&self.key, &self.batch, &receipt, self.decisions)
        }
    }

    #[test]
    fn what_the_operator_signed_is_believed() {
        let decisions = case().check().unwrap();
        assert!(decisions[0].accepted() && decisions[0].replayed);
        assert_eq!(decisions[1].reason, Some(RejectReason::CutOffPassed));
    }

    #[test]
    fn every_change_is_noticed() {
        let changes: [fn(&mut Case); 9] = [
            |case| case.receipt.position += 1,
            |case| case.receipt.received_at_ms += 1,
            |case| case.receipt.rules_hash = Bytes::copy_from_slice(&[4; 32]),
            |case| case.receipt.order_count = 1,
            |case| case.receipt.root = Bytes::copy_from_slice(&[4; 32]),
            |case| case.decisions.decisions[0].place += 1,
            |case| case.decisions.decisions[1].reason = 18,
            |case| case.decisions.decisions[0].ruling = Ruling::Settled as i32,
            |case| case.decisions.decisions.swap(0, 1),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut case = case();
            change(&mut case);
            assert!(matches!(case.check(), Err(Error::Unverified(_))), "change {at}");
        }
    }

    #[test]
    fn another_key_is_not_the_operators() {
        let mut case = case();
        case.key = PublicKey::new(&signer(8).public_key()).unwrap();
        assert!(matches!(case.check(), Err(Error::Unverified(_))));
    }
}
