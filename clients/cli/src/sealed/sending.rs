//! The sender's way: from messages to sealed orders that are on disk before they are sent.

use iso20022::Message;
use ledger::Hash;
use sdk::sealed::{AnyStatement, Contents, Random, Sealer, SentOrder, content_hash};
use sdk::{Order, SignedBatch};

use super::Sealed;
use crate::context::Session;
use crate::failure::Failure;

/// How long an epoch lasts that one run seals in.
const EPOCH_LIFE_MS: u64 = 300_000;

/// An order before it is sealed, and what it says.
pub(crate) struct Draft {
    pub(crate) order: Order,
    pub(crate) contents: Contents,
}

impl Draft {
    /// The order of a message, which is its payload no longer.
    pub(crate) fn new(order: &Order, message: &Message) -> Result<Self, Failure> {
        let contents = message.views().map_err(|error| Failure {
            field: Some(error.path().to_owned()),
            ..Failure::usage(format!("cannot be sealed: {error}"))
        })?;
        Ok(Self { order: order.bare()?, contents })
    }

    fn hash(&self) -> Hash {
        content_hash(&self.order, &self.contents)
    }

    /// The same order as it was sealed before, if it was.
    fn known(&self, sealed: &Sealed) -> Result<Option<SentOrder>, Failure> {
        let kind = self.order.fields().kind();
        let kind = kind.ok_or_else(|| Failure::usage("the order is of an unknown kind"))?;
        let known = sealed.sent.get(kind, self.order.uetr())?;
        match known {
            Some(sent) if sent.content != self.hash() => Err(Failure::rejected(
                "IDENTITY_REUSED",
                format!("{}: was sealed before with another content", self.order.uetr()),
            )),
            known => Ok(known),
        }
    }
}

/// Sealed orders with the hashes of what they say, and the folder where they are kept.
pub(crate) struct Kept {
    sealed: Sealed,
    contents: Vec<(Hash, Hash)>,
}

impl Kept {
    /// Seals what was not sealed before; returns all in their order. New epochs are accepted by
    /// the pool when this returns.
    pub(crate) async fn seal(
        session: &Session,
        sealed: Sealed,
        drafts: &[Draft],
        random: Random,
    ) -> Result<(Vec<Order>, Self), Failure> {
        let mut sealed = sealed;
        let now_ms = session.sync(&mut sealed).await?;
        let Some(policy) = sealed.store.policy_at(now_ms) else {
            return Err(Failure::usage(
                "the pool has no disclosure policy that a root of the trust file has signed, so \
                 nothing can be sealed; --unsealed sends the message for everybody to read",
            ));
        };
        let suite = policy.statement.suite;
        let known = drafts.iter().map(|draft| draft.known(&sealed));
        let known = known.collect::<Result<Vec<_>, _>>()?;
        let fresh = || drafts.iter().zip(&known).filter(|(_, known)| known.is_none());
        let sealer = Sealer::new(session.client.pool(), session.client.participant(), random);
        let mut sealer = sealer.epoch_life(EPOCH_LIFE_MS);
        let own = match fresh().next() {
            Some(_) => Some(sealed.keys.current(suite, now_ms)?),
            None => None,
        };
        if let Some(own) = &own {
            let wanted = fresh().map(|(draft, _)| (&draft.order, &draft.contents));
            let signer = session.client.statement_signer()?;
            let epochs = sealer.prepare((&sealed.store, own), wanted, now_ms, signer)?;
            let epochs: Vec<AnyStatement> = epochs.into_iter().map(AnyStatement::from).collect();
            session.client.publish_all(&epochs).await?;
        }
        let (mut orders, mut contents) = (Vec::new(), Vec::new());
        for (draft, known) in drafts.iter().zip(known) {
            let order = match (known, &own) {
                (Some(sent), _) => sent.order,
                (None, Some(own)) => {
                    let parts = (&draft.order, &draft.contents);
                    sealer.seal((&sealed.store, own), parts, now_ms)?
                }
                (None, None) => return Err(Failure::fault("no key to seal with")),
            };
            contents.push((*order.digest(), draft.hash()));
            orders.push(order);
        }
        Ok((orders, Self { sealed, contents }))
    }

    /// Puts a batch on disk: before it is sent.
    pub(crate) fn keep(&self, batch: &SignedBatch) -> Result<(), Failure> {
        let hash = |order: &Order| {
            let found = self.contents.iter().find(|(digest, _)| digest == order.digest());
            found.map(|(_, content)| *content)
        };
        let contents: Option<Vec<Hash>> = batch.orders().iter().map(hash).collect();
        let contents = contents.ok_or_else(|| Failure::fault("an order was not sealed here"))?;
        self.sealed.sent.put(batch, &contents)?;
        Ok(self.sealed.outbox.put(batch)?)
    }

    /// Takes an answered batch out of the outbox.
    pub(crate) fn done(&self, batch: &SignedBatch) -> Result<(), Failure> {
        Ok(self.sealed.outbox.remove(batch)?)
    }
}

impl Sealed {
    /// Hands in what an earlier run has kept and got no answer for; the same bytes.
    pub(crate) async fn flush(&self, session: &Session) -> Result<usize, Failure> {
        let pending = self.outbox.pending()?;
        for batch in &pending {
            session.client.submit_batch(batch).await?;
            self.outbox.remove(batch)?;
        }
        Ok(pending.len())
    }
}
