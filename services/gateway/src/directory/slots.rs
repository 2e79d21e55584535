//! A fault is about a slot that its reporter has in that very order, and who records an opening has
//! one. The core looks at the slots of an order only when that comes in, and forgets the order some
//! days later; so the edge looks them up before it logs such a statement, and `causewayd verify`
//! does for every fault in the log.

use channel::{AnyStatement, Envelope, HeaderView, KeyId, OrderRef, ParticipantId, SlotRole};

use super::logged::{Logged, StatementFault};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;

/// What a statement takes for granted: that somebody has a slot in an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    order: OrderRef,
    reader: ParticipantId,
    /// In which capacity, by which key; none = in any.
    slot: Option<(SlotRole, KeyId)>,
}

impl Claim {
    pub(super) fn of(statement: &AnyStatement) -> Option<Self> {
        match statement {
            AnyStatement::Fault(signed) => {
                let said = &signed.statement;
                let slot = Some((said.role, said.key));
                Some(Self { order: said.order, reader: said.reporter, slot })
            }
            AnyStatement::Opening(signed) => {
                let said = &signed.statement;
                Some(Self { order: said.order, reader: said.reader, slot: None })
            }
            _ => None,
        }
    }

    fn not_there(&self) -> Refusal {
        let (field, message) = match self.slot {
            Some(_) => ("key", "must be of a slot that the reporter has in this order"),
            None => ("reader", "must have a slot in this order"),
        };
        Refusal::field(field, "SLOT_NOT_THERE", message)
    }
}

/// What the log says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Slot,
    NoSlot,
    NoOrder,
}

impl Gateway {
    /// Checks claims, each with the index of its statement among those of a call.
    pub(super) async fn check_claims(
        &self,
        caller: &Caller,
        claims: Vec<(usize, Claim)>,
    ) -> Result<(), Refusal> {
        for (index, claim) in claims {
            let under = |refusal: Refusal| refusal.under(&format!("statements[{index}].signed"));
            let mut found = self.find_slot(caller, claim).await?;
            if found == Found::NoOrder {
                // Perhaps it came so lately that it cannot be read yet.
                self.readable(self.log.end().0.saturating_sub(1)).await?;
                found = self.find_slot(caller, claim).await?;
            }
            match found {
                Found::Slot => {}
                Found::NoSlot => return Err(under(claim.not_there())),
                Found::NoOrder => {
                    let message = "must name an order that was accepted";
                    return Err(under(Refusal::field("order", "ORDER_UNKNOWN", message)));
                }
            }
        }
        Ok(())
    }

    async fn find_slot(&self, caller: &Caller, claim: Claim) -> Result<Found, Refusal> {
        let gateway = self.clone();
        let find = move || gateway.slot_of(&claim);
        self.blocking::<_, StatementFault>(caller.id, "look up an order's slots", find).await
    }

    /// Blocks.
    fn slot_of(&self, claim: &Claim) -> Result<Found, StatementFault> {
        for row in self.reader.payments(claim.order.uetr)? {
            let Some(order) = self.reader.order(row.place)? else { continue };
            let header = HeaderView::trusted(&order.header);
            if OrderRef::of(header, order.digest) != Some(claim.order) {
                continue;
            }
            let envelope = Envelope::parse(header, &order.payload).ok();
            let slots = envelope.iter().flat_map(Envelope::slots).map(|slot| (slot.role, slot.key));
            let slots: Vec<_> =
                slots.filter(|slot| claim.slot.is_none_or(|claimed| claimed == *slot)).collect();
            let own = !slots.is_empty() && self.owns_one(claim.reader, &slots, header)?;
            return Ok(if own { Found::Slot } else { Found::NoSlot });
        }
        Ok(Found::NoOrder)
    }

    /// Whether one of the slots is this reader's: the order's epoch says whose each key is.
    fn owns_one(
        &self,
        reader: ParticipantId,
        slots: &[(SlotRole, KeyId)],
        header: HeaderView<'_>,
    ) -> Result<bool, StatementFault> {
        let Some(sealing) = header.sealing().ok().flatten() else { return Ok(false) };
        let Some(place) = self.reader.epoch(header.sender(), sealing.epoch)? else {
            return Ok(false);
        };
        let mut log = Logged::new(&*self.log);
        let (AnyStatement::EpochOpen(open), _) = log.at(place)? else { return Ok(false) };
        let mut readers = open.statement.readers.iter().filter(|it| it.participant == reader);
        Ok(readers.any(|it| slots.contains(&(it.role, it.key))))
    }
}
