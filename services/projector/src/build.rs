//! A sealed batch becomes rows. The hot path: no allocation per order, sorting by counting.

use clearing::{PaymentState, Place, SealedBatch, Transfer, TransferKind};
use ledger::AccountId;
use store::{Table, Write};

use crate::draft::{Draft, ReadBy};
use crate::fault::Fault;
use crate::layout::{
    self, BatchPart, FEED_PER_ROW, POSTINGS_PER_ROW, Posting, SUMS_PER_ROW, StateEntry,
    TRANSFERS_PER_ROW,
};
use crate::matches;
use crate::people::{People, Slot};
use crate::reader::{FeedItem, Part};
use crate::statements;

/// Builds rows; holds the memory that building needs.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// Places that were settled by their own ruling, ascending.
    at_once: Vec<u64>,
    states: Vec<StateEntry>,
    /// By account: where it stands in the batch's balances.
    balance_of: Vec<u32>,
    /// By balance or participant: where its part of `order` or `items` ends.
    ends: Vec<u32>,
    /// Transfers by account: index × 2 + (1 if debited).
    order: Vec<u32>,
    unsorted: Vec<(Slot, FeedItem)>,
    items: Vec<FeedItem>,
}

/// Tells an FX payment's settlement once to its sender and once to its receiver. Legs come in pairs:
/// what the lead of a match pays, what its receiver gets.
#[derive(Default)]
struct Legs {
    lead: Option<Place>,
}

impl Legs {
    /// Who is told with a pair of legs, of which payment, and which part they have in it.
    fn told(
        &mut self,
        [paid, got]: &[Transfer; 2],
    ) -> impl Iterator<Item = (AccountId, Place, Part)> {
        let first = self.lead.replace(paid.origin) != Some(paid.origin);
        let crosses = paid.kind == TransferKind::Crossing;
        let all = [
            (first, (paid.debit, paid.origin, Part::Sent)),
            (first, (got.credit, paid.origin, Part::Received)),
            (crosses, (got.debit, got.origin, Part::Sent)),
            (crosses, (paid.credit, got.origin, Part::Received)),
        ];
        all.into_iter().filter_map(|(told, item)| told.then_some(item))
    }
}

impl Builder {
    /// Adds all rows of a batch to a write.
    pub(crate) fn build(
        &mut self,
        draft: &Draft,
        batch: &SealedBatch,
        people: &People,
        write: &mut Write,
    ) -> Result<(), Fault> {
        self.at_once.clear();
        let settled =
            draft.events.iter().filter(|event| event.entry.state == PaymentState::Settled);
        self.at_once.extend(settled.map(|event| event.entry.place.0));
        self.at_once.sort_unstable();
        put_batch(batch, write)?;
        put_transfers(batch, write);
        self.put_states(draft, batch, write);
        self.put_postings(batch, write)?;
        self.put_feed(draft, batch, people, write);
        for info in &draft.accounts {
            write.put(Table::Meta, layout::account_key(info.account), layout::encode_account(info));
        }
        draft.matches.iter().for_each(|made| matches::put(made, write));
        statements::put(&draft.statements, write);
        Ok(())
    }

    /// Whether a payment settled by its own ruling, so that its draft tells of it already.
    fn settled_at_once(&self, place: u64) -> bool {
        self.at_once.first().is_some_and(|first| place >= *first)
            && self.at_once.binary_search(&place).is_ok()
    }

    fn put_states(&mut self, draft: &Draft, batch: &SealedBatch, write: &mut Write) {
        let mut states = std::mem::take(&mut self.states);
        states.clear();
        states.extend(draft.events.iter().map(|event| event.entry));
        for transfer in &batch.transfers {
            let place = transfer.place;
            if transfer.kind == TransferKind::Payment && !self.settled_at_once(place.0) {
                let (at_ms, state) = (batch.sealed_at_ms, PaymentState::Settled);
                states.push(StateEntry { place, at_ms, state, reason: None });
            }
        }
        // Stable: what happened to one payment stays in order.
        states.sort_by_key(|entry| entry.place);
        for row in states.chunk_by(|a, b| a.place.position() == b.place.position()) {
            let key = layout::states_key(row[0].place.position(), batch.number);
            write.put_with(Table::States, key, |into| row.iter().for_each(|it| it.put(into)));
        }
        self.states = states;
    }

    fn put_postings(&mut self, batch: &SealedBatch, write: &mut Write) -> Result<(), Fault> {
        self.sort_postings(batch)?;
        let mut from = 0;
        for (balance, end) in batch.balances.iter().zip(&self.ends) {
            let order = &self.order[from..*end as usize];
            from = *end as usize;
            let mut closing = *balance;
            for (chunk, part) in order.chunks(POSTINGS_PER_ROW).enumerate().rev() {
                let key = layout::owner_key(balance.account.0, batch.number, chunk as u16);
                write.put_with(Table::Postings, key, |into| {
                    layout::put_counters(into, &closing);
                    part.iter().for_each(|coded| posting(batch, *coded).put(into));
                });
                if chunk > 0 {
                    let undone =
                        part.iter().try_for_each(|coded| posting(batch, *coded).undo(&mut closing));
                    undone
                        .ok_or(Fault::malformed(Table::Postings, "balance below its movements"))?;
                }
            }
        }
        Ok(())
    }

    /// Fills `order` with the batch's movements by account, those of one account in the order of
    /// posting, and `ends` with where each account's part ends.
    fn sort_postings(&mut self, batch: &SealedBatch) -> Result<(), Fault> {
        let lacking = Fault::malformed(Table::Postings, "a batch lacks a balance it moved");
        for (at, balance) in (0..).zip(&batch.balances) {
            let account = balance.account.0 as usize;
            if self.balance_of.len() <= account {
                self.balance_of.resize(account + 1, u32::MAX);
            }
            self.balance_of[account] = at;
        }
        let find = |account: AccountId| {
            let at = self.balance_of.get(account.0 as usize).copied();
            let balance = at.and_then(|at| batch.balances.get(at as usize));
            at.filter(|_| balance.is_some_and(|balance| balance.account == account))
        };
        self.ends.clear();
        self.ends.resize(batch.balances.len(), 0);
        for transfer in &batch.transfers {
            let (Some(debit), Some(credit)) = (find(transfer.debit), find(transfer.credit)) else {
                return Err(lacking);
            };
            self.ends[debit as usize] += 1;
            self.ends[credit as usize] += 1;
        }
        begins(&mut self.ends);
        self.order.clear();
        self.order.resize(batch.transfers.len() * 2, 0);
        for (index, transfer) in (0_u32..).zip(&batch.transfers) {
            for (account, debited) in [(transfer.debit, 1), (transfer.credit, 0)] {
                let next = &mut self.ends[self.balance_of[account.0 as usize] as usize];
                self.order[*next as usize] = index * 2 + debited;
                *next += 1;
            }
        }
        Ok(())
    }

    fn put_feed(&mut self, draft: &Draft, batch: &SealedBatch, people: &People, write: &mut Write) {
        self.sort_feed(draft, batch, people);
        let mut from = 0;
        for (slot, end) in (0..).zip(&self.ends) {
            let items = &self.items[from..*end as usize];
            from = *end as usize;
            for (chunk, part) in items.chunks(FEED_PER_ROW).enumerate() {
                let key = layout::owner_key(people.id(slot).0, batch.number, chunk as u16);
                write.put_with(Table::Feed, key, |into| {
                    part.iter().for_each(|item| layout::put_feed(into, item));
                });
            }
        }
    }

    fn tell_settled(&mut self, people: &People, account: AccountId, place: Place, part: Part) {
        if let Some(owner) = people.owner(account) {
            let state = PaymentState::Settled;
            self.unsorted.push((owner, FeedItem { place, state, reason: None, part }));
        }
    }

    /// Fills `items` with what happened, by participant, and `ends` with where each one's part
    /// ends. What happened to one payment stays in order: nothing follows its settlement.
    fn sort_feed(&mut self, draft: &Draft, batch: &SealedBatch, people: &People) {
        self.unsorted.clear();
        for event in &draft.events {
            let StateEntry { place, state, reason, .. } = event.entry;
            if state != PaymentState::Settled {
                let part = Part::Sent;
                self.unsorted.push((event.sender, FeedItem { place, state, reason, part }));
            }
        }
        for ReadBy { entry, reader } in &draft.readers {
            let StateEntry { place, state, reason, .. } = *entry;
            self.unsorted.push((*reader, FeedItem { place, state, reason, part: Part::Read }));
        }
        let mut legs = Legs::default();
        let mut transfers = batch.transfers.iter();
        while let Some(transfer) = transfers.next() {
            match transfer.kind {
                TransferKind::Payment => {
                    self.tell_settled(people, transfer.debit, transfer.origin, Part::Sent);
                    self.tell_settled(people, transfer.credit, transfer.origin, Part::Received);
                }
                TransferKind::FxLeg | TransferKind::Crossing => {
                    let Some(other) = transfers.next() else { break };
                    for (account, place, part) in legs.told(&[*transfer, *other]) {
                        self.tell_settled(people, account, place, part);
                    }
                }
                _ => {}
            }
        }
        self.ends.clear();
        self.ends.resize(people.len(), 0);
        for (slot, _) in &self.unsorted {
            self.ends[*slot as usize] += 1;
        }
        begins(&mut self.ends);
        let Some((_, any)) = self.unsorted.first() else {
            self.items.clear();
            return;
        };
        self.items.clear();
        self.items.resize(self.unsorted.len(), *any);
        for (slot, item) in &self.unsorted {
            let next = &mut self.ends[*slot as usize];
            self.items[*next as usize] = *item;
            *next += 1;
        }
    }
}

/// Turns counts into the index at which each part begins. Filling the parts moves each of these to
/// where its part ends.
fn begins(counts: &mut [u32]) {
    let mut sum = 0;
    for count in counts {
        let begin = sum;
        sum += *count;
        *count = begin;
    }
}

fn posting(batch: &SealedBatch, coded: u32) -> Posting {
    let index = coded / 2;
    let transfer = &batch.transfers[index as usize];
    let credited = batch.credited_order(index as usize).unwrap_or(transfer.origin);
    Posting::of(transfer, credited, index, coded % 2 == 1)
}

fn put_batch(batch: &SealedBatch, write: &mut Write) -> Result<(), Fault> {
    let header = batch.header();
    if header.hash() != batch.hash {
        let why = "its hash is not that of its content";
        return Err(Fault::Divergence { number: batch.number, why });
    }
    let mut value = header.encode();
    value.extend_from_slice(&batch.hash);
    write.put(Table::Batches, layout::batch_key(BatchPart::Header, batch.number, 0), value);
    for (chunk, part) in batch.nets.chunks(SUMS_PER_ROW).enumerate() {
        let key = layout::batch_key(BatchPart::Nets, batch.number, chunk);
        write.put_with(Table::Batches, key, |into| {
            part.iter().for_each(|net| layout::put_net(into, net));
        });
    }
    for (chunk, part) in batch.balances.chunks(SUMS_PER_ROW).enumerate() {
        let key = layout::batch_key(BatchPart::Balances, batch.number, chunk);
        write.put_with(Table::Batches, key, |into| {
            part.iter().for_each(|balance| layout::put_balance(into, balance));
        });
    }
    if !batch.certificates.is_empty() {
        let key = layout::batch_key(BatchPart::Certificates, batch.number, 0);
        write.put(Table::Batches, key, layout::certificates(&batch.certificates));
    }
    Ok(())
}

fn put_transfers(batch: &SealedBatch, write: &mut Write) {
    for (chunk, part) in batch.transfers.chunks(TRANSFERS_PER_ROW).enumerate() {
        write.put_with(Table::Transfers, layout::transfers_key(batch.number, chunk), |into| {
            part.iter().for_each(|transfer| layout::put_transfer(into, transfer));
        });
    }
}
