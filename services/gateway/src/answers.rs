//! The way back: the receipt of an attempt and the core's decisions, both signed.

use std::sync::Arc;
use std::time::Duration;

use bus::Fault;
use bytes::Bytes;
use channel::{
    DECISION_LEN, Decision, ParticipantId, decisions_statement, merkle_root, receipt_statement,
};
use clearing::{Outcome, Place, Reject, Ruled};
use ledger::Hash;
use proto::v1;
use settler::NotHere;
use tokio::time::timeout;
use tonic::Code;

use crate::differs::{Differing, compare};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::intake::Taken;
use crate::metrics;

/// What is known of a batch once its record is durable.
pub(crate) struct Answer {
    pub(crate) receipt: v1::Receipt,
    pub(crate) decisions: Option<v1::Decisions>,
}

/// Why there is no answer.
pub(crate) enum Unanswered {
    /// Nothing was logged.
    Refused(Refusal),
    /// It may be logged, or is: only the same bytes again can tell.
    Unknown(Refusal),
}

impl From<Unanswered> for Refusal {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(refusal) | Unanswered::Unknown(refusal) => refusal,
        }
    }
}

impl Gateway {
    /// Waits until the batch is durable and, unless the receipt is enough, until it is decided.
    pub(crate) async fn answer(
        &self,
        taken: Taken,
        receipt_only: bool,
    ) -> Result<Answer, Unanswered> {
        let Taken { sender, ticket, started_at, received_at_ms, rules_hash, root, digests } = taken;
        let position = logged(ticket.await)?;
        metrics::orders_logged(digests.len(), started_at.elapsed());
        let count = u32::try_from(digests.len()).unwrap_or(u32::MAX);
        let statement =
            receipt_statement(self.number, position, received_at_ms, &rules_hash, count, &root);
        let receipt = v1::Receipt {
            pool: self.number,
            position,
            received_at_ms,
            rules_hash: Bytes::copy_from_slice(&rules_hash),
            order_count: count,
            root: Bytes::copy_from_slice(&root),
            signature: self.sign(&statement)?,
        };
        if receipt_only {
            return Ok(Answer { receipt, decisions: None });
        }
        let outcome = self.outcome(position).await?;
        metrics::batch_ruled(started_at.elapsed());
        let decisions = self.decisions(sender, &outcome, &digests).await?;
        Ok(Answer { receipt, decisions: Some(decisions) })
    }

    /// Waits for what the core made of a durable record.
    pub(crate) async fn outcome(&self, position: u64) -> Result<Arc<Outcome>, Unanswered> {
        let unknown = match timeout(self.limits.wait_max, self.pool.outcome(position)).await {
            Ok(Ok(outcome)) => return Ok(outcome),
            Ok(Err(NotHere::Halted(_))) => Refusal::halted(),
            Ok(Err(NotHere::TooOld)) | Err(_) => Refusal::later(
                Code::Unavailable,
                "OUTCOME_UNKNOWN",
                "it is logged, but what came of it could not be waited for; send it again",
                Duration::from_millis(100),
            ),
        };
        Err(Unanswered::Unknown(unknown))
    }

    async fn decisions(
        &self,
        sender: ParticipantId,
        outcome: &Outcome,
        digests: &[Hash],
    ) -> Result<v1::Decisions, Unanswered> {
        let mut encoded = Vec::with_capacity(digests.len() * DECISION_LEN);
        for (digest, ruled) in digests.iter().zip(&outcome.rulings) {
            encoded.extend_from_slice(&decision(*digest, ruled).encode());
        }
        let root = merkle_root(encoded.chunks_exact(DECISION_LEN));
        let count = u32::try_from(digests.len()).unwrap_or(u32::MAX);
        let statement = decisions_statement(self.number, outcome.position, count, &root);
        let signature = self.sign(&statement)?;
        let encoded = Bytes::from(encoded);
        let mut differing = self.differing(sender, outcome).await?;
        let mut decisions = Vec::with_capacity(digests.len());
        for (index, ruled) in outcome.rulings.iter().enumerate() {
            let at = index * DECISION_LEN;
            let digest = encoded.slice(at..at + size_of::<Hash>());
            let attempt = Place::new(outcome.position, index);
            decisions.push(worded(digest, ruled, differing.remove(&attempt).unwrap_or_default()));
        }
        Ok(v1::Decisions { decisions, signature })
    }

    /// What is different, by the places of the attempts, from the orders that were first under
    /// their identities. One turn to read, however many there are.
    async fn differing(
        &self,
        sender: ParticipantId,
        outcome: &Outcome,
    ) -> Result<Differing, Unanswered> {
        let reused = |(index, ruled): (usize, &Ruled)| {
            (ruled.reason == Some(Reject::IdentityReused))
                .then(|| (ruled.place, Place::new(outcome.position, index)))
        };
        let reused: Vec<_> = outcome.rulings.iter().enumerate().filter_map(reused).collect();
        if reused.is_empty() {
            return Ok(Differing::new());
        }
        let gateway = self.clone();
        let compare = move || compare(&*gateway.log, reused, gateway.limits.log_bytes_each_max);
        self.blocking(sender, "compare orders", compare).await.map_err(Unanswered::Unknown)
    }

    fn sign(&self, statement: &[u8]) -> Result<Bytes, Unanswered> {
        let signature = self
            .signer
            .sign(statement)
            .map_err(|error| Unanswered::Unknown(Refusal::fault("sign the answer", &error)))?;
        Ok(Bytes::copy_from_slice(&signature))
    }
}

/// The position of a record, or why there is none.
pub(crate) fn logged(appended: Result<bus::Position, Fault>) -> Result<u64, Unanswered> {
    appended.map(|position| position.0).map_err(|fault| match fault {
        Fault::NoSpace => Unanswered::Refused(Refusal::later(
            Code::ResourceExhausted,
            "LOG_NO_SPACE",
            fault.to_string(),
            Duration::from_secs(10),
        )),
        fault => {
            tracing::error!(%fault, "cannot log a record");
            Unanswered::Unknown(Refusal::later(
                Code::Unavailable,
                "OUTCOME_UNKNOWN",
                "the log failed; whether the record is in it is not known: send it again",
                Duration::from_secs(1),
            ))
        }
    })
}

fn worded(digest: Bytes, ruled: &Ruled, differing_fields: Vec<String>) -> v1::Decision {
    if let Some(reject) = ruled.reason {
        metrics::rejected(reject.code());
    }
    v1::Decision {
        digest,
        place: ruled.place.0,
        ruling: i32::from(ruled.ruling as u8),
        reason: ruled.reason.map_or(0, |reject| i32::from(reject.number())),
        decided_at_ms: ruled.decided_at_ms,
        replayed: ruled.replayed,
        differing_fields,
    }
}

fn decision(digest: Hash, ruled: &Ruled) -> Decision {
    Decision {
        digest,
        place: ruled.place.0,
        ruling: ruled.ruling,
        reason: ruled.reason.map_or(0, Reject::number),
        decided_at_ms: ruled.decided_at_ms,
    }
}
