//! The reader's side: orders as the node delivers them, opened and checked.

use std::collections::{BTreeMap, BTreeSet};

use channel::{
    AnyStatement, DisclosureFault, EpochId, EpochOpen, HeaderView, KeyId, OrderRef,
    PLACE_INDEX_BITS, ParticipantId, PublicKey, Rewrap, Signed, SlotRole,
};
use ledger::Hash;
use proto::v1;
use sealing::{OpenedOrder, Reader, Unread};

use super::keys::KeyStore;
use super::signed_payment::{SignedPayment, sender_keys};
use super::store::TrustStore;
use crate::{Client, Error};

/// Opens what is sealed for one participant.
#[derive(Debug)]
pub struct Opener {
    client: Client,
    reader: Reader,
    /// The keys whose secrets the reader has.
    keys: BTreeSet<KeyId>,
    /// The epochs that were asked for.
    epochs: BTreeMap<(ParticipantId, EpochId), Asked>,
}

/// An epoch that was asked for.
#[derive(Debug)]
struct Asked {
    not_after_ms: u64,
    /// Digests of its orders that were opened: payments come again as they change.
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
    /// Whether the reader has not its secret, so that nobody else is to blame.
    pub lost: bool,
}

impl Unopened {
    /// The allegation, to be signed and published.
    #[must_use]
    pub fn fault(&self, pool: u32, reporter: ParticipantId, found_at_ms: u64) -> DisclosureFault {
        let Self { order, role, key, .. } = *self;
        DisclosureFault { pool, reporter, order, role, key, found_at_ms }
    }
}

impl Opener {
    /// Opens with the secrets of a key store.
    ///
    /// # Errors
    /// As [`KeyStore::keys`].
    pub fn new(client: &Client, keys: &KeyStore) -> Result<Self, Error> {
        let (client, reader) = (client.clone(), Reader::new(client.pool(), client.participant()));
        let (known, epochs) = (BTreeSet::new(), BTreeMap::new());
        let mut opener = Self { client, reader, keys: known, epochs };
        opener.take_keys(keys)?;
        Ok(opener)
    }

    /// Takes in the secrets of keys that were made meanwhile, and wipes those of keys that are gone.
    ///
    /// # Errors
    /// As [`KeyStore::keys`].
    pub fn take_keys(&mut self, keys: &KeyStore) -> Result<(), Error> {
        let present = keys.add_to(&mut self.reader)?;
        for gone in self.keys.difference(&present) {
            self.reader.forget_key(*gone);
        }
        self.keys = present;
        Ok(())
    }

    /// Wipes what opens the orders of epochs that ended before this instant, ms. Should one come yet,
    /// its epoch is asked for again; it opens as long as the secret is there.
    pub fn forget_epochs(&mut self, ended_before_ms: u64) {
        self.reader.forget_epochs(ended_before_ms);
        self.epochs.retain(|_, epoch| epoch.not_after_ms >= ended_before_ms);
    }

    /// Opens an order with all views that this reader may read: checks that its sender signed it,
    /// that it opens, that each view is the one committed to. What was wrapped again for one of its
    /// slots opens by that. The result inside says that it is for this reader and does not open.
    ///
    /// # Errors
    /// As [`SignedPayment::check`]; [`Error::NotServed`] if the node keeps the epoch back, which
    /// says nothing about the sender; [`Error::Unverified`] if there is no slot for this reader, or
    /// another order of the same sequence was opened before; and as any call.
    pub async fn open(
        &mut self,
        store: &TrustStore,
        payment: &v1::Payment,
    ) -> Result<Result<OpenedOrder, Unopened>, Error> {
        let signed = SignedPayment::check(store, payment)?;
        let (order, header) = (signed.order(), signed.header());
        let keys = std::slice::from_ref(signed.key());
        self.learn_epoch(header, keys, payment.place >> PLACE_INDEX_BITS).await?;
        let epoch = name(header)?;
        let known = self.epochs.get(&epoch);
        let again = known.is_some_and(|epoch| epoch.opened.contains(&order.digest));
        let mut read = |rewraps: &[(Signed<Rewrap>, PublicKey)]| {
            let (header, payload) = (header.bytes(), signed.payload());
            match again {
                true => self.reader.reopen_with(header, payload, rewraps),
                false => self.reader.open_with(header, payload, rewraps),
            }
        };
        let mut opened = read(&[]);
        if matches!(opened, Err(Unread::Slot(..))) {
            let rewraps = rewraps(&self.client, store, &order).await?;
            opened = read(&rewraps);
        }
        match opened {
            Ok(opened) => {
                if let Some(epoch) = self.epochs.get_mut(&epoch) {
                    epoch.opened.insert(order.digest);
                }
                Ok(Ok(opened))
            }
            Err(Unread::Slot(role, key)) => {
                let lost = !self.reader.has_secret(key);
                Ok(Err(Unopened { order, role, key, lost }))
            }
            Err(Unread::Refused(_)) => Err(Error::Unverified(
                "the order has no slot for this reader, or another of its sequence was opened",
            )),
        }
    }

    /// Opens an order that this reader knows to have opened before, byte for byte.
    ///
    /// # Errors
    /// [`Error::Unverified`] if it does not open; as [`Opener::open`].
    pub async fn reopen(
        &mut self,
        store: &TrustStore,
        (header, payload): (&[u8], &[u8]),
    ) -> Result<OpenedOrder, Error> {
        let view = HeaderView::check(header)?;
        let keys = sender_keys(store, view.sender(), view.created_at_ms())?;
        self.learn_epoch(view, &keys, 0).await?;
        let opened = self.reader.reopen(header, payload);
        opened.map_err(|_| Error::Unverified("the sealed order does not open"))
    }

    /// Asks for the epoch of an order, unless it is known. One that the sender has not signed is as
    /// one that was not served: neither says anything about the sender.
    async fn learn_epoch(
        &mut self,
        header: HeaderView<'_>,
        keys: &[PublicKey],
        at_least_position: u64,
    ) -> Result<(), Error> {
        if self.reader.knows_epoch(header) {
            return Ok(());
        }
        let (open, key) = epoch(&self.client, header, keys, at_least_position).await?;
        let not_after_ms = open.statement.not_after_ms;
        let asked = || Asked { not_after_ms, opened: BTreeSet::new() };
        self.epochs.entry(name(header)?).or_insert_with(asked);
        // What does not hold is said by the order that does not open.
        let _ = self.reader.accept_epoch(&open, &key);
        Ok(())
    }
}

/// The name of an order's epoch.
fn name(header: HeaderView<'_>) -> Result<(ParticipantId, EpochId), Error> {
    let sealing = header.sealing()?.ok_or(Error::Malformed("the order is not sealed"))?;
    Ok((header.sender(), sealing.epoch))
}

/// The epoch of an order, as its sender has signed it with one of these keys.
pub(super) async fn epoch(
    client: &Client,
    header: HeaderView<'_>,
    keys: &[PublicKey],
    at_least_position: u64,
) -> Result<(Signed<EpochOpen>, PublicKey), Error> {
    let (sender, epoch) = name(header)?;
    let served = client.epoch(sender, epoch.0, at_least_position).await?;
    let missing = Error::NotServed("the order's epoch, as its sender signed it");
    let Some(AnyStatement::EpochOpen(open)) = served else { return Err(missing) };
    let it = &open.statement;
    let same = (it.pool, it.sender, it.epoch) == (header.pool(), sender, epoch);
    let key = keys.iter().find(|key| same && open.verify(key).is_ok()).cloned();
    key.map(|key| (open, key)).ok_or(missing)
}

/// What the sender of an order wrapped again, as far as it has signed it.
async fn rewraps(
    client: &Client,
    store: &TrustStore,
    order: &OrderRef,
) -> Result<Vec<(Signed<Rewrap>, PublicKey)>, Error> {
    let statements = client.statements(Some(order), v1::StatementKind::Rewrap, 0).await?;
    let signed = statements.into_iter().filter_map(|logged| {
        let AnyStatement::Rewrap(signed) = logged.statement else { return None };
        let keys = store.keys_at(order.sender, signed.statement.made_at_ms);
        let key = keys.into_iter().find(|key| signed.verify(key).is_ok())?;
        Some((signed, key))
    });
    Ok(signed.collect())
}
