//! What a batch's payments moved, by currency and participant, and how much money that took.

use std::collections::BTreeMap;

use channel::{ParticipantId, Role};
use clearing::Transfer;
use ledger::{AccountId, Currency};
use proto::v1;
use settler::PoolView;

use crate::audit::certificate;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::operator::name;

/// Movements read at once.
const PORTION: usize = 10_000;

/// One account's side of a batch, minor units.
#[derive(Debug, Default)]
struct Side {
    payments_sent: u64,
    sent: u128,
    payments_received: u64,
    received: u128,
    /// What it would have lacked at worst, one payment after the other.
    one_by_one: i128,
}

impl Side {
    fn net(&self) -> i128 {
        self.received.cast_signed() - self.sent.cast_signed()
    }

    /// What it paid beyond what it was paid.
    fn money_used(&self) -> i128 {
        (-self.net()).max(0)
    }

    /// How much less that is than one payment after the other would have taken.
    fn saved(&self) -> i128 {
        self.one_by_one - self.money_used()
    }

    fn send(&mut self, minor: u64) {
        self.payments_sent += 1;
        self.sent += u128::from(minor);
        self.one_by_one = self.one_by_one.max(-self.net());
    }

    fn receive(&mut self, minor: u64) {
        self.payments_received += 1;
        self.received += u128::from(minor);
    }
}

/// The payments of a batch by account.
#[derive(Debug, Default)]
struct Sides(BTreeMap<AccountId, Side>);

impl Sides {
    fn add(&mut self, transfer: &Transfer) {
        if transfer.kind.pays() {
            self.0.entry(transfer.debit).or_default().send(transfer.minor);
            self.0.entry(transfer.credit).or_default().receive(transfer.minor);
        }
    }
}

impl Gateway {
    /// A batch's report: to a bank its own lines only. Certificates are for those who are told of the
    /// batches themselves.
    pub(crate) async fn batch_report(
        &self,
        caller: &Caller,
        batch: u64,
    ) -> Result<v1::GetBatchReportResponse, Refusal> {
        if batch == 0 || batch > self.reader.readable().borrow().batch {
            return Err(Refusal::not_found("no such batch"));
        }
        let read = move |reader: &projector::Reader| {
            let sealed = reader.batch(batch)?;
            let (mut sides, mut from) = (Sides::default(), 0);
            loop {
                let transfers = reader.transfers(batch, from, PORTION)?;
                transfers.iter().for_each(|transfer| sides.add(transfer));
                from += transfers.len();
                if transfers.is_empty() {
                    return Ok((sealed, sides));
                }
            }
        };
        let (sealed, sides) = self.read(caller.id, "read a batch", read).await?;
        let audits = matches!(caller.role, Role::Operator | Role::Regulator);
        let own = (!audits && !caller.sees_all()).then_some(caller.id);
        let sealed = sealed.ok_or_else(|| Refusal::not_found("no such batch"))?;
        let certificates = sealed.certificates.iter().filter(|_| audits).map(certificate);
        Ok(v1::GetBatchReportResponse {
            batch,
            sealed_at_ms: sealed.header.sealed_at_ms,
            currencies: currencies(&self.view(), &sides, own),
            certificates: certificates.collect(),
        })
    }
}

fn currencies(
    view: &PoolView,
    sides: &Sides,
    own: Option<ParticipantId>,
) -> Vec<v1::CurrencyReport> {
    let mut found: BTreeMap<Currency, Vec<(ParticipantId, &Side)>> = BTreeMap::new();
    for (account, side) in &sides.0 {
        let Some(info) = view.directory.account(*account).map(|account| account.info) else {
            continue;
        };
        if let Some(participant) = info.participant.filter(|id| own.is_none_or(|own| own == *id)) {
            found.entry(info.currency).or_default().push((participant, side));
        }
    }
    let reports = found.into_iter().map(|(currency, sides)| {
        let sum = |part: &dyn Fn(&Side) -> i128| {
            let sum: i128 = sides.iter().map(|(_, side)| part(side)).sum();
            if own.is_none() { sum.to_string() } else { String::new() }
        };
        let payments = sides.iter().map(|(_, side)| side.payments_sent).sum();
        let mut participants: Vec<_> =
            sides.iter().map(|(id, side)| participant(name(view, *id), side)).collect();
        participants.sort_unstable_by(|one, other| one.participant.cmp(&other.participant));
        v1::CurrencyReport {
            currency_code: currency.as_str().to_owned(),
            payments: if own.is_none() { payments } else { 0 },
            gross: sum(&|side| side.sent.cast_signed()),
            net: sum(&Side::money_used),
            one_by_one: sum(&|side| side.one_by_one),
            saved: sum(&Side::saved),
            participants,
        }
    });
    reports.collect()
}

fn participant(name: String, side: &Side) -> v1::ParticipantReport {
    v1::ParticipantReport {
        participant: name,
        payments_sent: side.payments_sent,
        sent: side.sent.to_string(),
        payments_received: side.payments_received,
        received: side.received.to_string(),
        net: side.net().to_string(),
        one_by_one: side.one_by_one.to_string(),
        saved: side.saved().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clearing::{Place, TransferKind};

    use super::*;

    #[test]
    fn a_ring_takes_only_the_difference() {
        let mut sides = Sides::default();
        for (debit, credit, minor) in [(1, 2, 100), (2, 3, 100), (3, 1, 90)] {
            let (debit, credit) = (AccountId(debit), AccountId(credit));
            let place = Place::new(1, 0);
            let kind = TransferKind::Payment;
            sides.add(&Transfer { place, origin: place, kind, debit, credit, minor });
        }
        let needed = |side: &Side| (side.net(), side.one_by_one, side.saved());
        let needed: Vec<_> = sides.0.values().map(needed).collect();
        assert_eq!(needed, [(-10, 100, 90), (0, 0, 0), (10, 0, 0)]);
    }
}
