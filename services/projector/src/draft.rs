//! What has happened since the last seal.

use bytes::Bytes;
use channel::Ruling;
use clearing::{AccountInfo, FxEvent, Outcome, PaymentState, Record, RecordBody, Reject, Ruled};

use crate::fault::Fault;
use crate::layout::StateEntry;
use crate::matches::Match;
use crate::people::{People, Slot};
use crate::statements::{Noted, noted};
use crate::uetr::{Entry, Seed};

/// A change of a payment's state, other than by settling from a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) entry: StateEntry,
    pub(crate) sender: Slot,
}

/// Somebody who may read a part of a sealed order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadBy {
    /// What became of the order when it was accepted.
    pub(crate) entry: StateEntry,
    pub(crate) reader: Slot,
}

/// What has happened since the last seal, in order.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) events: Vec<Event>,
    pub(crate) readers: Vec<ReadBy>,
    pub(crate) uetrs: Vec<Entry>,
    pub(crate) accounts: Vec<AccountInfo>,
    pub(crate) matches: Vec<Match>,
    pub(crate) statements: Vec<Noted>,
}

impl Draft {
    /// Adds what came of one record.
    pub(crate) fn note(
        &mut self,
        record: &Bytes,
        outcome: &Outcome,
        people: &mut People,
        seed: Seed,
    ) -> Result<(), Fault> {
        for info in &outcome.accounts_opened {
            people.open(info);
            self.accounts.push(*info);
        }
        if outcome.rulings.iter().any(makes_payment) {
            self.note_rulings(record, outcome, people, seed)?;
        }
        if !outcome.statements.is_empty() {
            self.note_statements(record, outcome)?;
        }
        for change in &outcome.changes {
            let sender = people.slot(change.sender);
            let (place, state, reason) = (change.place, change.state, change.reason);
            let entry = StateEntry { place, at_ms: outcome.time_ms, state, reason };
            self.events.push(Event { entry, sender });
        }
        for event in &outcome.fx {
            if let FxEvent::Matched { order, first_leg, until_ms, fills } = event {
                let (order, first_leg, until_ms) = (*order, *first_leg, *until_ms);
                self.matches.push(Match { order, first_leg, until_ms, fills: fills.clone() });
            }
        }
        Ok(())
    }

    fn note_rulings(
        &mut self,
        record: &Bytes,
        outcome: &Outcome,
        people: &mut People,
        seed: Seed,
    ) -> Result<(), Fault> {
        let position = outcome.position;
        let record = Record::read(record).map_err(|source| Fault::Record { position, source })?;
        let RecordBody::Orders(orders) = record.body else {
            return Err(Fault::Gap { expected: position, found: position });
        };
        let sender = people.slot(orders.sender);
        let mut readers = outcome.readers.iter().peekable();
        for (ruled, header) in outcome.rulings.iter().zip(orders.headers) {
            if !makes_payment(ruled) {
                continue;
            }
            let place = ruled.place;
            let state = state_of(ruled.ruling);
            let entry =
                StateEntry { place, at_ms: ruled.decided_at_ms, state, reason: ruled.reason };
            self.events.push(Event { entry, sender });
            while let Some((_, reader)) = readers.next_if(|(read, _)| *read == place) {
                let reader = people.slot(*reader);
                self.readers.push(ReadBy { entry, reader });
            }
            let uetr = channel::HeaderView::trusted(header).uetr();
            self.uetrs.push(Entry { hash: seed.hash(uetr), place: place.0 });
        }
        Ok(())
    }

    fn note_statements(&mut self, record: &Bytes, outcome: &Outcome) -> Result<(), Fault> {
        let position = outcome.position;
        let record = Record::read(record).map_err(|source| Fault::Record { position, source })?;
        let RecordBody::Statements(record) = record.body else {
            return Err(Fault::Gap { expected: position, found: position });
        };
        self.statements.extend(noted(&record.statements, &outcome.statements));
        Ok(())
    }

    /// Forgets everything, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.readers.clear();
        self.uetrs.clear();
        self.accounts.clear();
        self.matches.clear();
        self.statements.clear();
    }
}

/// Whether a ruling makes a payment: a first ruling on an order that leaves a trace.
fn makes_payment(ruled: &Ruled) -> bool {
    !ruled.replayed
        && ruled.ruling != Ruling::Refused
        && ruled.reason != Some(Reject::IdentityReused)
}

/// The state in which a ruling leaves a payment.
fn state_of(ruling: Ruling) -> PaymentState {
    match ruling {
        Ruling::Queued => PaymentState::Queued,
        Ruling::Settled => PaymentState::Settled,
        Ruling::Warehoused => PaymentState::Warehoused,
        Ruling::AwaitingGroup => PaymentState::AwaitingGroup,
        Ruling::AwaitingMatch => PaymentState::AwaitingMatch,
        Ruling::Matched => PaymentState::Matched,
        Ruling::Held => PaymentState::Held,
        Ruling::Rejected | Ruling::Refused => PaymentState::Rejected,
    }
}
