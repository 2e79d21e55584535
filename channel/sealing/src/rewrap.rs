//! Wrapping an order's keys again, for a reader who could not open its slot.
//!
//! The epoch's keys may be gone by then. Who can still open the order (the sender, through a slot
//! of its own) agrees on a new key with the reader, for this one statement.

use channel::{
    Envelope, HeaderView, KeyError, KeyId, OrderRef, ParticipantId, PublicKey, Recipient, Rewrap,
    Signed, Signer, SlotEntry, SlotRole, Suite, ViewMask, Writer, order_digest, wrap_len,
};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::kem::{agree, agreed};
use crate::reader::{Deks, OpenedOrder, Reader, take_deks};
use crate::refused::Refused;
use crate::view::{decrypt, encrypt};
use crate::wiped::Wiped;

const INFO_LABEL: &[u8] = b"ppc/1 rewrap";
const KEK_LABEL: &[u8] = b"ppc/1 rewrap kek";
/// The key agreed on encrypts nothing else.
const NONCE_ONCE: [u8; 12] = [0; 12];

/// An order that cannot be wrapped again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RewrapError {
    /// Views that were not opened, another payload, a key of a weaker suite than the order's, or one
    /// with which nothing can be agreed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// In what capacity, who, and by which key somebody reads.
type Named = (SlotRole, ParticipantId, KeyId);

/// The `info` of HPKE: `"ppc/1 rewrap" ‖ suite u16 ‖ pool u32 ‖ sender u32 ‖ reader u32 ‖ role u8
/// ‖ key id [8] ‖ order digest [32] ‖ views u16`.
fn info(suite: Suite, pool: u32, order: &OrderRef, reader: Named, views: ViewMask) -> Vec<u8> {
    let (role, reader, key) = reader;
    let mut writer = Writer::new();
    writer.raw(INFO_LABEL).u16(suite as u16).u32(pool).u32(order.sender.0).u32(reader.0);
    writer.u8(role as u8).raw(&key.0).raw(&order.digest).u16(views.bits());
    writer.into_bytes()
}

impl OpenedOrder {
    /// Wraps the keys of the recipient's views for it, signed by the order's sender.
    ///
    /// # Errors
    /// [`RewrapError`].
    pub fn rewrap(
        &self,
        payload: &[u8],
        recipient: &Recipient,
        made_at_ms: u64,
        signer: &dyn Signer,
        random: &mut impl CryptoRng,
    ) -> Result<Signed<Rewrap>, RewrapError> {
        let header = HeaderView::trusted(&self.header);
        let Recipient { role, key, participant: reader, public, views } = recipient;
        let opened = self.views.iter().fold(ViewMask::NONE, |mask, it| mask.with(it.view()));
        if views.is_empty() || !opened.contains(*views) {
            return Err(Refused.into());
        }
        let envelope = Envelope::parse(header, payload).map_err(|_| Refused)?;
        let suite = public.suite();
        if suite < envelope.sealing().suite {
            return Err(Refused.into());
        }
        let pool = header.pool();
        let order = OrderRef::of(header, order_digest(&self.header, payload)).ok_or(Refused)?;
        let info = info(suite, pool, &order, (*role, *reader, *key), *views);
        let (encapsulated, kek) = agree(public, &info, KEK_LABEL, random)?;
        let mut wrap = Vec::with_capacity(wrap_len(*views));
        for view in views.views() {
            wrap.extend_from_slice(&*self.view(view).ok_or(Refused)?.dek);
        }
        wrap.resize(wrap_len(*views), 0);
        encrypt(&kek, &NONCE_ONCE, &envelope.binding(), &mut wrap)?;
        let (role, reader, key, views) = (*role, *reader, *key, *views);
        let rewrap =
            Rewrap { pool, order, role, reader, key, encapsulated, views, wrap, made_at_ms };
        Ok(Signed::sign(rewrap, signer)?)
    }
}

impl Reader {
    /// Opens an order by keys that its sender, whose identity key is given, wrapped again.
    ///
    /// # Errors
    /// [`Refused`], whatever does not hold.
    pub fn open_rewrapped(
        &self,
        header: &[u8],
        payload: &[u8],
        signed: &Signed<Rewrap>,
        sender: &PublicKey,
    ) -> Result<OpenedOrder, Refused> {
        signed.verify(sender).map_err(|_| Refused)?;
        let rewrap = &signed.statement;
        let envelope = self.envelope(header, payload)?;
        let view = envelope.header();
        let same = rewrap.pool == view.pool()
            && OrderRef::of(view, order_digest(header, payload)) == Some(rewrap.order);
        // It stands for a slot of the order, and for all that it promises.
        let stands = |slot: SlotEntry<'_>| (slot.role, slot.views) == (rewrap.role, rewrap.views);
        if !same || !envelope.slots().any(stands) {
            return Err(Refused);
        }
        let secret = self.secret(rewrap.reader, rewrap.key).ok_or(Refused)?;
        let (suite, named) =
            (rewrap.encapsulated.suite(), (rewrap.role, rewrap.reader, rewrap.key));
        let info = info(suite, rewrap.pool, &rewrap.order, named, rewrap.views);
        let kek = agreed(secret, &rewrap.encapsulated, &info, KEK_LABEL)?;
        let binding = envelope.binding();
        let mut bytes = Wiped::new(rewrap.wrap.clone());
        decrypt(&kek, &NONCE_ONCE, &binding, &mut bytes)?;
        let mut deks = Deks::default();
        take_deks(&bytes, rewrap.views.views(), &mut deks);
        OpenedOrder::open(&envelope, deks, &binding)
    }
}
