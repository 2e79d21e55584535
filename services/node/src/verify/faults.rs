//! Faults are about slots that their reporters have in those very orders. The pool keeps no
//! payloads, so the orders that faults name are looked up in the log, once all of it was replayed.

use std::collections::BTreeMap;

use channel::{AnyStatement, DisclosureFault, Envelope, HeaderView, KeyId, ParticipantId};
use clearing::{Outcome, Place, Pool, Record, RecordBody};

use super::report::Bad;
use super::source::Source;

/// The faults of a log that the pool accepted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Whose each KEM key is that was ever accepted.
    owners: BTreeMap<KeyId, ParticipantId>,
    /// By the position of the order: its place, the fault, and where that stands.
    alleged: BTreeMap<u64, Vec<(Place, DisclosureFault, Place)>>,
}

impl Faults {
    /// Follows a record that was applied.
    ///
    /// # Errors
    /// It is not what it was when the pool read it.
    pub(super) fn follow(
        &mut self,
        record: &[u8],
        outcome: &Outcome,
        pool: &Pool,
    ) -> Result<(), Bad> {
        if outcome.statements.is_empty() {
            return Ok(());
        }
        let record = Record::read(record).map_err(|error| Bad::record(outcome.position, error))?;
        let RecordBody::Statements(record) = record.body else { return Ok(()) };
        for (statement, stated) in record.statements.iter().zip(&outcome.statements) {
            match statement {
                _ if stated.reject.is_some() || stated.replayed => {}
                AnyStatement::KemKey(signed) => {
                    let key = &signed.statement;
                    self.owners.insert(key.id(), key.participant);
                }
                AnyStatement::Fault(signed) => {
                    let fault = signed.statement;
                    if let Some(order) = pool.place_of(&fault.order) {
                        let about = self.alleged.entry(order.position()).or_default();
                        about.push((order, fault, stated.place));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks up the orders.
    ///
    /// # Errors
    /// A fault about no slot of its reporter's, or a log that cannot be read again.
    pub(super) fn check(&self, source: &Source) -> Result<(), Bad> {
        let positions = self.alleged.keys().copied().collect();
        source.read_again(&positions, |position, bytes| {
            let record = Record::read(bytes).map_err(|error| Bad::record(position, error))?;
            let RecordBody::Orders(orders) = record.body else { return Ok(()) };
            for (order, fault, at) in self.alleged.get(&position).into_iter().flatten() {
                let order = orders.orders().nth(order.index());
                let slot = order.is_some_and(|(header, payload)| promised(header, payload, fault));
                if !slot || self.owners.get(&fault.key) != Some(&fault.reporter) {
                    let why = format!("the fault of statement {} is about no slot", at.index());
                    return Err(Bad::record(at.position(), why));
                }
            }
            Ok(())
        })
    }
}

/// Whether an order has the slot that a fault is about.
fn promised(header: HeaderView<'_>, payload: &[u8], fault: &DisclosureFault) -> bool {
    let envelope = Envelope::parse(header, payload).ok();
    let mut slots = envelope.iter().flat_map(Envelope::slots);
    slots.any(|slot| (slot.role, slot.key) == (fault.role, fault.key))
}
