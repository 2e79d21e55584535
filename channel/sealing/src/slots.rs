//! Opening an order slot by slot: each by its own wrap, or by what its sender wrapped again.

use channel::{Envelope, KeyId, PublicKey, Rewrap, Signed, SlotEntry, SlotRole};
use thiserror::Error;

use crate::reader::{OpenedOrder, OpenedView, Reader};
use crate::refused::Refused;

/// Why an order was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unread {
    /// It is nothing for this reader, no envelope, or of a sequence that was opened before.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A slot of this reader does not open, by its wrap or by any rewrap: what a fault is stated
    /// about.
    #[error("sealed order refused")]
    Slot(SlotRole, KeyId),
}

impl Reader {
    /// Opens an order as [`Reader::open`] does; where a wrap does not open, by what the sender
    /// wrapped again for that slot, each with the identity key that it is to be checked by. Every
    /// slot of this reader opens, to all views that it promises, or the order does not.
    ///
    /// # Errors
    /// [`Unread`].
    pub fn open_with(
        &mut self,
        header: &[u8],
        payload: &[u8],
        rewraps: &[(Signed<Rewrap>, PublicKey)],
    ) -> Result<OpenedOrder, Unread> {
        let envelope = self.envelope(header, payload)?;
        let sequence = envelope.sealing().sequence;
        if self.epoch(&envelope).is_some_and(|epoch| epoch.seen.contains(sequence)) {
            return Err(Refused.into());
        }
        let opened = self.reopen_with(header, payload, rewraps)?;
        if let Some(epoch) = self.epoch_mut(&envelope) {
            epoch.seen.insert(sequence);
        }
        Ok(opened)
    }

    /// Opens an order that the caller knows to have opened before, byte for byte, as
    /// [`Reader::open_with`] does.
    ///
    /// # Errors
    /// [`Unread`].
    pub fn reopen_with(
        &self,
        header: &[u8],
        payload: &[u8],
        rewraps: &[(Signed<Rewrap>, PublicKey)],
    ) -> Result<OpenedOrder, Unread> {
        let envelope = self.envelope(header, payload)?;
        let mut views: Vec<OpenedView> = Vec::new();
        for slot in envelope.slots().filter(|slot| self.owns(&envelope, slot)) {
            let opened = self.open_slot(&envelope, &slot).or_else(|_| {
                let stands = |(it, _): &&(Signed<Rewrap>, PublicKey)| {
                    (it.statement.role, it.statement.views) == (slot.role, slot.views)
                };
                let open = |(it, sender): &(Signed<Rewrap>, PublicKey)| {
                    self.open_rewrapped(header, payload, it, sender).ok()
                };
                rewraps.iter().filter(stands).find_map(open).ok_or(Refused)
            });
            let opened = opened.map_err(|_| Unread::Slot(slot.role, slot.key))?;
            views.extend(opened.views);
        }
        if views.is_empty() {
            return Err(Refused.into());
        }
        // Of a view that stands in two slots both keys are those committed to, and so one.
        views.sort_by_key(OpenedView::view);
        views.dedup_by_key(|it| it.view());
        Ok(OpenedOrder { header: *envelope.header().bytes(), views })
    }

    fn open_slot(
        &self,
        envelope: &Envelope<'_>,
        slot: &SlotEntry<'_>,
    ) -> Result<OpenedOrder, Refused> {
        self.epoch(envelope).ok_or(Refused)?.open_slot(envelope, slot)
    }
}
