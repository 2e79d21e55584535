//! A fault is about a slot that its reporter has in that very order. The core looks at the slots of
//! an order only when that comes in; so the edge looks them up before it logs a fault, and
//! `causewayd verify` does for every fault in the log.

use channel::{AnyStatement, DisclosureFault, Envelope, HeaderView, OrderRef};

use super::logged::{Logged, StatementFault};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;

/// What the log says of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Slot,
    NoSlot,
    NoOrder,
}

impl Gateway {
    /// Checks faults, each with its index among the statements of a call.
    pub(super) async fn check_faults(
        &self,
        caller: &Caller,
        faults: Vec<(usize, DisclosureFault)>,
    ) -> Result<(), Refusal> {
        for (index, fault) in faults {
            let under = |refusal: Refusal| refusal.under(&format!("statements[{index}].signed"));
            let mut found = self.find_slot(caller, fault).await?;
            if found == Found::NoOrder {
                // Perhaps it came so lately that it cannot be read yet.
                self.readable(self.log.end().0.saturating_sub(1)).await?;
                found = self.find_slot(caller, fault).await?;
            }
            match found {
                Found::Slot => {}
                Found::NoSlot => {
                    let message = "must be of a slot that the reporter has in this order";
                    return Err(under(Refusal::field("key", "SLOT_NOT_THERE", message)));
                }
                Found::NoOrder => {
                    let message = "must name an order that was accepted";
                    return Err(under(Refusal::field("order", "ORDER_UNKNOWN", message)));
                }
            }
        }
        Ok(())
    }

    async fn find_slot(&self, caller: &Caller, fault: DisclosureFault) -> Result<Found, Refusal> {
        let gateway = self.clone();
        let find = move || gateway.slot_of(&fault);
        self.blocking::<_, StatementFault>(caller.id, "look up an order's slots", find).await
    }

    /// Blocks.
    fn slot_of(&self, fault: &DisclosureFault) -> Result<Found, StatementFault> {
        for row in self.reader.payments(fault.order.uetr)? {
            let Some(order) = self.reader.order(row.place)? else { continue };
            let header = HeaderView::trusted(&order.header);
            if OrderRef::of(header, order.digest) != Some(fault.order) {
                continue;
            }
            let envelope = Envelope::parse(header, &order.payload).ok();
            let mut slots = envelope.iter().flat_map(Envelope::slots);
            let slot = slots.any(|slot| (slot.role, slot.key) == (fault.role, fault.key));
            let own = slot && self.owns(fault, header)?;
            return Ok(if own { Found::Slot } else { Found::NoSlot });
        }
        Ok(Found::NoOrder)
    }

    /// Whether the key is the reporter's: the order's epoch says whose it is.
    fn owns(
        &self,
        fault: &DisclosureFault,
        header: HeaderView<'_>,
    ) -> Result<bool, StatementFault> {
        let Some(sealing) = header.sealing().ok().flatten() else { return Ok(false) };
        let Some(place) = self.reader.epoch(header.sender(), sealing.epoch)? else {
            return Ok(false);
        };
        let mut log = Logged::new(&*self.log);
        let (AnyStatement::EpochOpen(open), _) = log.at(place)? else { return Ok(false) };
        let slot = (fault.role, fault.key, fault.reporter);
        Ok(open.statement.readers.iter().any(|it| (it.role, it.key, it.participant) == slot))
    }
}
