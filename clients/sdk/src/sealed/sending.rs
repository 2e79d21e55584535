//! The sender's way: from orders to sealed orders that are on disk before they are sent, and are
//! sent until the pool has ruled on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;

use ledger::Hash;

use super::keys::OwnKey;
use super::sealer::{Contents, Sealer, content_hash};
use super::sent::SentOrder;
use super::vault::Vault;
use super::{AnyStatement, Random};
use crate::v1::RejectReason;
use crate::{BatchAnswer, Client, Error, Order, OrderDecision, Ruling, SignedBatch, Uetr};

/// How long an epoch lasts that is opened for one run, ms.
const EPOCH_LIFE_MS: u64 = 60_000;
/// Orders of one batch, at most.
const BATCH: usize = 256;
/// Batches under way at once.
const IN_FLIGHT: usize = 4;

/// An order before it is sealed, and what it says.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The order, without a payload.
    pub order: Order,
    /// What it says.
    pub contents: Contents,
}

/// A batch that was handed in, and the pool's answer.
#[derive(Debug, Clone)]
pub struct HandedIn {
    /// The batch.
    pub batch: SignedBatch,
    /// Its answer, the signatures checked.
    pub answer: BatchAnswer,
}

/// What came of the batches that an earlier run has left.
#[derive(Debug, Default)]
pub struct Flushed {
    /// Those that were answered.
    pub handed_in: Vec<HandedIn>,
    /// Those that the node will not take, where they were put, and why.
    pub set_aside: Vec<(PathBuf, Error)>,
}

impl Draft {
    /// The terms of an order, to be sealed with these contents in place of its payload.
    ///
    /// # Errors
    /// None for an order that was built.
    pub fn of(order: &Order, contents: Contents) -> Result<Self, Error> {
        Ok(Self { order: order.bare()?, contents })
    }

    fn hash(&self) -> Hash {
        content_hash(&self.order, &self.contents)
    }

    fn is(&self, order: &Order) -> bool {
        name(&self.order) == name(order)
    }
}

/// What tells a sender's orders apart.
fn name(order: &Order) -> (u16, Uetr) {
    (order.fields().kind_number(), order.uetr())
}

/// Each order once. Sealed twice, an order would be two to the pool, of which it refuses one.
fn distinct(drafts: &[Draft]) -> Result<Vec<&Draft>, Error> {
    let (mut distinct, mut known) = (Vec::new(), BTreeMap::new());
    for draft in drafts {
        let hash = draft.hash();
        match known.insert(name(&draft.order), hash) {
            None => distinct.push(draft),
            Some(first) if first == hash => {}
            Some(_) => {
                let problem = "names two orders of different content";
                return Err(Error::config(draft.order.uetr().to_string(), problem));
            }
        }
    }
    Ok(distinct)
}

impl Vault {
    /// Seals orders and hands them in: those that were sealed before as they were sealed, the others
    /// once their epochs are accepted. All are on disk before the first is sent. The same order twice
    /// is handed in once.
    ///
    /// Who hands in once has epochs that end soon. Who does it again, with the same vault, seals in the
    /// epochs that are open, and opens some that last: a pool takes only so many of a sender.
    ///
    /// An order that the pool has refused without a trace because of how it was sealed is sealed
    /// anew under its reference, once. The last answer that names an order is what became of it.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no policy that a root has signed, or if another content was
    /// sealed under a reference, or is to be; [`Error::Untrusted`] as [`Sealer::prepare`]; as any call. What is
    /// on disk then is handed in by the next run, or by [`Vault::flush`].
    pub async fn hand_in(
        &mut self,
        client: &Client,
        drafts: &[Draft],
        now_ms: u64,
        random: impl Fn() -> Random,
    ) -> Result<Vec<HandedIn>, Error> {
        let mut all = Vec::new();
        let mut open = distinct(drafts)?;
        for _ in 0..2 {
            let batches = self.seal(client, &open, now_ms, random()).await?;
            let stream = client.batches(IN_FLIGHT);
            let mut tickets = Vec::new();
            for batch in batches {
                tickets.push(stream.send(batch).await?);
            }
            let mut stale = Vec::new();
            for ticket in tickets {
                let batch = ticket.batch().clone();
                let answer = ticket.answer().await?;
                stale.extend(self.settle(&batch, &answer)?);
                all.push(HandedIn { batch, answer });
            }
            open.retain(|draft| stale.iter().any(|order| draft.is(order)));
            if open.is_empty() {
                break;
            }
            // They were refused for the epochs that they were sealed in.
            *self.sealer() = None;
        }
        Ok(all)
    }

    /// Hands in what an earlier run has kept and got no answer for: the same bytes. What the node
    /// refuses for good is put aside, so that it is not in the way of the others.
    ///
    /// # Errors
    /// As any call; [`Error::Config`] if the outbox cannot be read.
    pub async fn flush(&self, client: &Client) -> Result<Flushed, Error> {
        let mut flushed = Flushed::default();
        for batch in self.outbox.pending()? {
            match client.submit_batch(&batch).await {
                Ok(answer) => {
                    self.settle(&batch, &answer)?;
                    flushed.handed_in.push(HandedIn { batch, answer });
                }
                Err(error) if error.is_rejected() => {
                    flushed.set_aside.push((self.outbox.set_aside(&batch)?, error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(flushed)
    }

    /// Seals and signs what was not sealed before; returns all in their order. New epochs are
    /// accepted by the pool when this returns.
    async fn seal(
        &mut self,
        client: &Client,
        drafts: &[&Draft],
        now_ms: u64,
        random: Random,
    ) -> Result<Vec<SignedBatch>, Error> {
        let _lock = self.lock().await?;
        self.sync(client, now_ms).await?;
        let known = drafts.iter().map(|draft| self.known(draft)).collect::<Result<Vec<_>, _>>()?;
        let fresh: Vec<&Draft> = drafts
            .iter()
            .zip(&known)
            .filter_map(|(it, known)| known.is_none().then_some(*it))
            .collect();
        let mut new = self.seal_new(client, &fresh, now_ms, random).await?.into_iter();
        let mut batches = Vec::new();
        for (drafts, known) in drafts.chunks(BATCH).zip(known.chunks(BATCH)) {
            let orders = known.iter().filter_map(|it| match it {
                Some(sent) => Some(sent.order.clone()),
                None => new.next(),
            });
            let batch = client.sign(orders.collect())?;
            let contents: Vec<Hash> = drafts.iter().map(|draft| draft.hash()).collect();
            self.sent.put(&batch, &contents)?;
            self.outbox.put(&batch)?;
            batches.push(batch);
        }
        Ok(batches)
    }

    fn sealer(&mut self) -> &mut Option<Sealer> {
        self.sealer.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    async fn seal_new(
        &mut self,
        client: &Client,
        drafts: &[&Draft],
        now_ms: u64,
        random: Random,
    ) -> Result<Vec<Order>, Error> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let Some(policy) = self.store.policy_at(now_ms) else {
            let problem = "the pool has none that a root of the trust file has signed, so nothing can \
                           be sealed";
            return Err(Error::config("policy", problem));
        };
        let own = self.keys.published(&self.store, policy.statement.suite, now_ms)?;
        let new = || Sealer::new(client.pool(), client.participant(), random);
        let mut sealer = match self.sealer().take() {
            None => new().epoch_life(EPOCH_LIFE_MS),
            Some(sealer) => sealer.lasting(),
        };
        let sealed = self.seal_with(&mut sealer, &own, client, drafts, now_ms).await;
        // Whatever one of the orders lacks: the epochs that the pool has accepted are open.
        *self.sealer() = Some(sealer);
        sealed
    }

    async fn seal_with(
        &self,
        sealer: &mut Sealer,
        own: &OwnKey,
        client: &Client,
        drafts: &[&Draft],
        now_ms: u64,
    ) -> Result<Vec<Order>, Error> {
        let parts = || drafts.iter().map(|draft| (&draft.order, &draft.contents));
        let signer = client.statement_signer()?;
        let epochs = sealer.prepare((&self.store, own), parts(), now_ms, signer)?;
        let epochs: Vec<AnyStatement> = epochs.into_iter().map(AnyStatement::from).collect();
        if !epochs.is_empty()
            && let Err(error) = client.publish_all(&epochs).await
        {
            sealer.forget_last(epochs.len());
            return Err(error);
        }
        parts().map(|parts| sealer.seal((&self.store, own), parts, now_ms)).collect()
    }

    /// The same order as it was sealed before, if it was.
    fn known(&self, draft: &Draft) -> Result<Option<SentOrder>, Error> {
        let kind = draft.order.fields().kind().ok_or(Error::Malformed("message kind"))?;
        match self.sent.get(kind, draft.order.uetr())? {
            Some(sent) if sent.content != draft.hash() => {
                let problem = "was sealed before with another content";
                Err(Error::config(draft.order.uetr().to_string(), problem))
            }
            known => Ok(known),
        }
    }

    /// Deals with the answer to a batch; returns the orders that may be sealed anew, which are
    /// forgotten. Only a decision that the pool has signed, and that leaves no trace in it, is a
    /// reason to seal anew: of no answer the opposite may be true.
    fn settle(&self, batch: &SignedBatch, answer: &BatchAnswer) -> Result<Vec<Order>, Error> {
        let decided = batch.orders().iter().zip(&answer.decisions);
        let stale = decided.filter(|(_, decision)| stale(decision)).map(|(order, _)| order.clone());
        let stale: Vec<Order> = stale.collect();
        for order in &stale {
            self.sent.remove(order)?;
        }
        self.outbox.remove(batch)?;
        Ok(stale)
    }
}

/// Whether an order was refused because of how it is sealed: the same bytes will be refused again.
fn stale(decision: &OrderDecision) -> bool {
    use RejectReason::{
        EpochOver, EpochUnknown, KeyNotValid, PolicyUncovered, PolicyVersion, SequenceUsed,
        SlotsMismatch, SuiteMismatch,
    };
    let sealing = decision.reason.is_some_and(|reason| {
        matches!(
            reason,
            EpochOver
                | EpochUnknown
                | KeyNotValid
                | PolicyUncovered
                | PolicyVersion
                | SequenceUsed
                | SlotsMismatch
                | SuiteMismatch
        )
    });
    decision.ruling == Ruling::Refused && sealing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OrderBuilder, ParticipantId};

    fn draft(uetr: &str, amount: &str, contents: &Contents) -> Draft {
        let order = OrderBuilder::new(1, ParticipantId(7)).receiver(ParticipantId(8));
        let order = order.uetr(uetr.parse().unwrap()).created_at_ms(1_772_431_200_000);
        let order = order.amount(amount).value_date("2026-03-02").build().unwrap();
        Draft::of(&order, contents.clone()).unwrap()
    }

    #[test]
    fn the_same_order_twice_is_one_and_two_of_one_name_are_refused() {
        let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f00{at}");
        let (empty, full) = (Contents::default(), Contents::from([0; 5].map(|_| vec![1])));
        let draft = |at, amount, contents| draft(&uetr(at), amount, contents);
        let (one, other) = (draft(1, "1.00 EUR", &full), draft(2, "1.00 EUR", &full));
        let drafts = [one.clone(), other.clone(), one.clone(), one.clone()];
        let kept: Vec<Hash> = distinct(&drafts).unwrap().iter().map(|it| it.hash()).collect();
        assert_eq!(kept, [one.hash(), other.hash()]);
        // Of other terms, and of the same that say something else.
        for differs in [draft(1, "2.00 EUR", &full), draft(1, "1.00 EUR", &empty)] {
            let error = distinct(&[one.clone(), other.clone(), differs]).unwrap_err();
            assert_eq!(error.field(), Some(uetr(1).as_str()));
        }
    }
}
