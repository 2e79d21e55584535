//! The reader's side: orders as the node delivers them, opened and checked.

use std::collections::BTreeSet;

use channel::{
    AnyStatement, BatchProof, DisclosureFault, Envelope, EpochId, HeaderView, KeyId, OrderRef,
    ParticipantId, SlotRole, order_digest,
};
use ledger::Hash;
use proto::v1;
use sealing::{OpenedOrder, Reader};

use super::keys::KeyStore;
use super::store::TrustStore;
use crate::{Client, Error};

/// Opens what is sealed for one participant.
#[derive(Debug)]
pub struct Opener {
    client: Client,
    reader: Reader,
    own: Vec<KeyId>,
    /// Digests of what was opened: payments come again as they change.
    opened: BTreeSet<Hash>,
}

/// An order that is for this reader and does not open: what may be alleged about it.
#[derive(Debug, Clone, Copy)]
pub struct Unopened {
    /// The order.
    pub order: OrderRef,
    /// The reader's slot in it.
    pub role: SlotRole,
    /// The key of the slot.
    pub key: KeyId,
}

impl Unopened {
    /// The allegation, to be signed and published.
    #[must_use]
    pub fn fault(&self, pool: u32, reporter: ParticipantId, found_at_ms: u64) -> DisclosureFault {
        let Self { order, role, key } = *self;
        DisclosureFault { pool, reporter, order, role, key, found_at_ms }
    }
}

impl Opener {
    /// Opens with the secrets of a key store.
    ///
    /// # Errors
    /// As [`KeyStore::keys`].
    pub fn new(client: &Client, keys: &KeyStore) -> Result<Self, Error> {
        let own = keys.keys()?.iter().map(super::OwnKey::id).collect();
        Ok(Self { client: client.clone(), reader: keys.reader()?, own, opened: BTreeSet::new() })
    }

    /// Opens an order with all views that this reader may read: checks that its sender signed it,
    /// that it opens, that each view is the one committed to. An order that was wrapped again opens
    /// by that. The result inside says that it is for this reader and does not open.
    ///
    /// # Errors
    /// [`Error::Unverified`] if it is not what its sender signed, [`Error::Untrusted`] if nobody
    /// vouches for the sender, and as any call.
    pub async fn open(
        &mut self,
        store: &TrustStore,
        payment: &v1::Payment,
        now_ms: u64,
    ) -> Result<Result<OpenedOrder, Unopened>, Error> {
        let (header, payload) = (payment.header.as_ref(), payment.payload.as_ref());
        let view = HeaderView::check(header)?;
        let key = store.identity_key(view.sender(), now_ms)?;
        let digest = order_digest(header, payload);
        let mut proof = channel::Reader::new(&payment.proof);
        let signed = BatchProof::read(&mut proof).ok().filter(|_| proof.finish().is_ok());
        let signed = signed.ok_or(Error::Malformed("proof of the order's signature"))?;
        if digest != payment.digest.as_ref()
            || signed.verify(view.pool(), view.sender(), &digest, &key).is_err()
        {
            return Err(Error::Unverified("the sender's signature of the order"));
        }
        let order = OrderRef::of(view, digest).ok_or(Error::Malformed("message kind"))?;
        self.learn_epoch(view, &key).await?;
        let opened = match self.opened.contains(&digest) {
            true => self.reader.reopen(header, payload),
            false => self.reader.open(header, payload),
        };
        if let Ok(opened) = opened {
            self.opened.insert(digest);
            return Ok(Ok(opened));
        }
        for rewrap in self.rewraps(&order).await? {
            if let Ok(opened) = self.reader.open_rewrapped(header, payload, &rewrap, &key) {
                return Ok(Ok(opened));
            }
        }
        let envelope = Envelope::parse(view, payload).ok();
        let slot = envelope.and_then(|it| it.slots().find(|slot| self.own.contains(&slot.key)));
        let slot =
            slot.ok_or(Error::Unverified("the order has no slot for a key of this reader"))?;
        Ok(Err(Unopened { order, role: slot.role, key: slot.key }))
    }

    /// Opens an order that this reader knows to have opened before, byte for byte.
    ///
    /// # Errors
    /// [`Error::Unverified`] if it does not open.
    pub async fn reopen(
        &mut self,
        store: &TrustStore,
        (header, payload): (&[u8], &[u8]),
        now_ms: u64,
    ) -> Result<OpenedOrder, Error> {
        let view = HeaderView::check(header)?;
        let key = store.identity_key(view.sender(), now_ms)?;
        self.learn_epoch(view, &key).await?;
        let opened = self.reader.reopen(header, payload);
        opened.map_err(|_| Error::Unverified("the sealed order does not open"))
    }

    /// Asks for the epoch of an order, unless it is known. An epoch that does not hold is as none:
    /// its orders do not open.
    async fn learn_epoch(
        &mut self,
        header: HeaderView<'_>,
        key: &channel::PublicKey,
    ) -> Result<(), Error> {
        let sealing = header.sealing()?.ok_or(Error::Malformed("the order is not sealed"))?;
        if self.reader.knows_epoch(header) {
            return Ok(());
        }
        let EpochId(epoch) = sealing.epoch;
        if let Some(AnyStatement::EpochOpen(open)) =
            self.client.epoch(header.sender(), epoch).await?
        {
            // What does not hold is said by the order that does not open.
            let _ = self.reader.accept_epoch(&open, key);
        }
        Ok(())
    }

    async fn rewraps(
        &self,
        order: &OrderRef,
    ) -> Result<Vec<channel::Signed<channel::Rewrap>>, Error> {
        let kind = v1::StatementKind::Rewrap;
        let statements = self.client.statements(Some(order), kind, 0).await?;
        let rewraps = statements.into_iter().filter_map(|logged| match logged.statement {
            AnyStatement::Rewrap(signed) => Some(signed),
            _ => None,
        });
        Ok(rewraps.collect())
    }
}
