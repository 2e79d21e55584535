//! What the disclosure policy in effect asks of an order, checked without a key.

use channel::{
    Envelope, EpochId, HeaderView, MessageKind, OrderFacts, ParticipantId, RequiredSlot,
    Requirement, SlotRole,
};
use ledger::Currency;

use super::held::{HELD_MAX, Held};
use crate::intake::ensure;
use crate::pool::Pool;
use crate::reject::Reject;

/// What is noted of a sealed order once it is taken.
#[derive(Debug)]
pub(crate) struct SealedOrder {
    pub(crate) epoch: EpochId,
    pub(crate) sequence: u64,
    /// What it is held for.
    pub(crate) held: Option<Held>,
    /// Who must be able to read it.
    slots: Vec<RequiredSlot>,
}

impl SealedOrder {
    /// Who is told of it when it is accepted, each once: those who own a slot, but for its sender;
    /// its receiver only if it must confirm the payment before it settles.
    pub(crate) fn readers(&self) -> impl Iterator<Item = ParticipantId> {
        let confirms = self.held.as_ref().is_some_and(|held| held.confirmation);
        let told = move |slot: &&RequiredSlot| match slot.role {
            SlotRole::Sender => false,
            SlotRole::Receiver => confirms,
            _ => true,
        };
        let all = self.slots.iter().enumerate().filter(move |(_, slot)| told(slot));
        let first = move |(at, slot): &(usize, &RequiredSlot)| {
            let mut before = self.slots[..*at].iter().filter(told);
            !before.any(|other| other.participant == slot.participant)
        };
        all.filter(first).map(|(_, slot)| slot.participant)
    }
}

impl Pool {
    /// Checks an order against the policy in effect; nothing without one. The order's sender and
    /// receiver, by index, and its currency are those of the pool.
    ///
    /// FX instructions carry no customer's details: they may be empty. Sealed ones are checked, and
    /// not held, as their counterpart relies on them.
    pub(crate) fn judge_sealing(
        &self,
        (header, payload): (HeaderView<'_>, &[u8]),
        (sender, receiver): (u32, u32),
        currency: Currency,
    ) -> Result<Option<SealedOrder>, Reject> {
        let Some(policy) = self.disclosure.policies.in_effect(self.now_ms) else {
            return Ok(None);
        };
        let policy = &policy.statement;
        let instruction = header.kind() == Some(MessageKind::FxInstruction);
        let Some(sealing) = header.sealing().ok().flatten() else {
            ensure(instruction && payload.is_empty(), Reject::SealingRequired)?;
            return Ok(None);
        };
        ensure(header.policy_version() == policy.version, Reject::PolicyVersion)?;
        let country = |index| self.directory.at(index).participant.country;
        let facts = OrderFacts {
            currency,
            minor: header.minor(),
            sender: header.sender(),
            sender_country: country(sender),
            receiver: header.receiver(),
            receiver_country: country(receiver),
        };
        let requirement = policy.require(&facts).map_err(|_| Reject::PolicyUncovered)?;
        // Epochs are of the policy's suite: under another one there is none to look for.
        ensure(sealing.suite == requirement.suite, Reject::SuiteMismatch)?;
        let epoch = self.disclosure.epochs.get(header.sender(), sealing.epoch);
        let epoch = epoch.ok_or(Reject::EpochUnknown)?;
        ensure(epoch.policy_version == policy.version, Reject::PolicyVersion)?;
        let made_at_ms = header.created_at_ms();
        ensure(made_at_ms <= epoch.not_after_ms, Reject::EpochOver)?;
        ensure(epoch.fresh(sealing.sequence), Reject::SequenceUsed)?;
        let envelope = Envelope::parse(header, payload).map_err(|_| Reject::SlotsMismatch)?;
        let owner = |role, key| epoch.owner(role, key, made_at_ms);
        requirement.check(&envelope, owner).map_err(|error| match error {
            channel::DisclosureError::StaleKey => Reject::KeyNotValid,
            channel::DisclosureError::Suite => Reject::SuiteMismatch,
            _ => Reject::SlotsMismatch,
        })?;
        let held = if instruction { None } else { self.held_for(&requirement)? };
        let (epoch, sequence, slots) = (sealing.epoch, sealing.sequence, requirement.slots);
        Ok(Some(SealedOrder { epoch, sequence, held, slots }))
    }

    /// For whose word an order must wait.
    fn held_for(&self, requirement: &Requirement) -> Result<Option<Held>, Reject> {
        if !requirement.screening && !requirement.confirmation {
            return Ok(None);
        }
        let slots = requirement.slots.iter().filter(|slot| slot.role == SlotRole::Screener);
        let screeners = slots.filter(|_| requirement.screening);
        let screeners: Vec<_> = screeners.map(|slot| (slot.participant, None)).collect();
        // Nobody could ever pass it.
        ensure(!requirement.screening || !screeners.is_empty(), Reject::PolicyUncovered)?;
        ensure(self.disclosure.holds.len() < HELD_MAX, Reject::HeldFull)?;
        Ok(Some(Held { screeners, confirmation: requirement.confirmation }))
    }
}

#[cfg(test)]
mod tests {
    use channel::{Suite, ViewMask};

    use super::*;
    use crate::record::Place;

    #[test]
    fn no_more_are_held_than_a_pool_can_hold() {
        let mut pool = Pool::new(1);
        let (role, participant, views) = (SlotRole::Screener, ParticipantId(8), ViewMask::ALL);
        let slots = vec![RequiredSlot { role, participant, views }];
        let suite = Suite::X25519Aes256Gcm;
        let screened = Requirement { suite, slots, screening: true, confirmation: false };
        let free = Requirement { screening: false, ..screened.clone() };
        for number in 1..HELD_MAX as u64 {
            pool.disclosure.holds.insert(Place(number), Held::default());
        }
        let held = pool.held_for(&screened).unwrap().unwrap();
        pool.disclosure.holds.insert(Place(0), held);
        assert_eq!(pool.held_for(&screened), Err(Reject::HeldFull));
        assert_eq!(pool.held_for(&free), Ok(None));
        assert!(Reject::HeldFull.is_transient(), "it may be handed in again");
        pool.disclosure.holds.remove(Place(7));
        assert!(pool.held_for(&screened).is_ok());
    }
}
