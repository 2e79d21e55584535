//! What the reader must say, worked out the slow way from the outcomes alone.

use std::collections::{BTreeMap, BTreeSet};

use channel::{HeaderView, ParticipantId, Uetr};
use clearing::{
    BalanceAfter, PaymentState, Place, Record, RecordBody, Reject, Ruling, SealedBatch, Transfer,
    TransferKind,
};
use ledger::AccountId;
use projector::{EntryRow, FeedItem, Part, PaymentRow, Projected, Reader};

use crate::day::{BANKS, UETRS, bank, uetr};

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) batches: Vec<SealedBatch>,
    /// Every row a payment ever had.
    payments: BTreeMap<Place, Vec<PaymentRow>>,
    uetrs: BTreeMap<Uetr, BTreeSet<Place>>,
    feed: BTreeMap<(ParticipantId, u64), Vec<FeedItem>>,
    owners: BTreeMap<AccountId, ParticipantId>,
    accounts: Vec<AccountId>,
    /// Since the last seal: what happened to whose payment.
    open: Vec<(ParticipantId, PaymentRow)>,
    orders: BTreeMap<Place, (Vec<u8>, Vec<u8>)>,
}

impl Model {
    pub(crate) fn of(day: &[Projected]) -> Self {
        let mut model = Self::default();
        day.iter().for_each(|projected| model.take(projected));
        model
    }

    fn take(&mut self, projected: &Projected) {
        let outcome = &projected.outcome;
        if let Some(batch) = &outcome.sealed_before {
            self.seal(batch);
        }
        for info in &outcome.accounts_opened {
            self.accounts.push(info.account);
            if let Some(participant) = info.participant {
                self.owners.insert(info.account, participant);
            }
        }
        let record = Record::read(&projected.record).expect("a sound record");
        if let RecordBody::Orders(orders) = record.body {
            for ((index, ruled), (header, payload)) in
                outcome.rulings.iter().enumerate().zip(orders.orders())
            {
                let place = Place::new(projected.position, index);
                self.orders.insert(place, (header.bytes().to_vec(), payload.to_vec()));
                let state = match ruled.ruling {
                    Ruling::Queued => PaymentState::Queued,
                    Ruling::Settled => PaymentState::Settled,
                    Ruling::Warehoused => PaymentState::Warehoused,
                    Ruling::AwaitingGroup => PaymentState::AwaitingGroup,
                    Ruling::AwaitingMatch => PaymentState::AwaitingMatch,
                    Ruling::Matched => PaymentState::Matched,
                    Ruling::Held => PaymentState::Held,
                    Ruling::Rejected => PaymentState::Rejected,
                    Ruling::Refused => continue,
                };
                if ruled.replayed || ruled.reason == Some(Reject::IdentityReused) {
                    continue;
                }
                assert_eq!(ruled.place, place);
                self.uetrs.entry(header.uetr()).or_default().insert(place);
                self.note(orders.sender, place, (state, ruled.reason), ruled.decided_at_ms);
            }
        }
        for change in &outcome.changes {
            self.note(change.sender, change.place, (change.state, change.reason), outcome.time_ms);
        }
        if let Some(batch) = &outcome.sealed {
            self.seal(batch);
        }
    }

    fn note(
        &mut self,
        sender: ParticipantId,
        place: Place,
        (state, reason): (PaymentState, Option<Reject>),
        changed_at_ms: u64,
    ) {
        let row = PaymentRow { place, state, reason, batch: 0, changed_at_ms };
        self.open.push((sender, row));
    }

    fn seal(&mut self, batch: &SealedBatch) {
        let number = batch.number;
        let mut at_once = BTreeSet::new();
        for (sender, row) in std::mem::take(&mut self.open) {
            let PaymentRow { place, state, reason, .. } = row;
            self.payments.entry(place).or_default().push(PaymentRow { batch: number, ..row });
            if state == PaymentState::Settled {
                at_once.insert(place);
            } else {
                let item = FeedItem { place, state, reason, part: Part::Sent };
                self.feed.entry((sender, number)).or_default().push(item);
            }
        }
        for transfer in batch.transfers.iter().filter(|it| it.kind == TransferKind::Payment) {
            let (place, state) = (transfer.place, PaymentState::Settled);
            if !at_once.contains(&place) {
                let changed_at_ms = batch.sealed_at_ms;
                let row = PaymentRow { place, state, reason: None, batch: number, changed_at_ms };
                self.payments.entry(place).or_default().push(row);
            }
            for (account, part) in [(transfer.debit, Part::Sent), (transfer.credit, Part::Received)]
            {
                let item = FeedItem { place, state, reason: None, part };
                let owner = self.owners[&account];
                self.feed.entry((owner, number)).or_default().push(item);
            }
        }
        self.batches.push(batch.clone());
    }

    fn payment(&self, place: Place, last_batch: u64) -> Option<PaymentRow> {
        let rows = self.payments.get(&place)?;
        rows.iter().rfind(|row| row.batch <= last_batch).copied()
    }

    fn balance(&self, account: AccountId, last_batch: u64) -> BalanceAfter {
        let batches = self.batches.iter().rev().filter(|batch| batch.number <= last_batch);
        let mut balances = batches.flat_map(|batch| &batch.balances);
        balances.find(|balance| balance.account == account).copied().unwrap_or(BalanceAfter {
            account,
            debits_posted: 0,
            credits_posted: 0,
            debits_pending: 0,
            credits_pending: 0,
        })
    }

    fn entries(&self, account: AccountId, last_batch: u64) -> Vec<EntryRow> {
        let mut balance_after = 0;
        let mut rows = Vec::new();
        for batch in self.batches.iter().filter(|batch| batch.number <= last_batch) {
            for (index, transfer) in (0..).zip(&batch.transfers) {
                let Transfer { origin: place, kind, debit, credit, minor, .. } = *transfer;
                if debit != account && credit != account {
                    continue;
                }
                let debited = debit == account;
                let posted = match kind {
                    TransferKind::DefundReserved | TransferKind::DefundReleased => 0,
                    _ => i128::from(minor),
                };
                balance_after += if debited { -posted } else { posted };
                rows.push(EntryRow {
                    batch: batch.number,
                    index,
                    place,
                    kind,
                    debit: debited,
                    minor,
                    counter_account: if debited { credit } else { debit },
                    balance_after,
                });
            }
        }
        rows
    }

    /// Compares every answer, as far as the reader says it goes.
    pub(crate) fn compare(&self, reader: &Reader) {
        let last = reader.readable().borrow().batch;
        self.compare_batches(reader, last);
        for (place, (header, payload)) in &self.orders {
            let expected = self.payment(*place, last);
            assert_eq!(reader.payment(*place).expect("reads"), expected, "{place:?}");
            let order = reader.order(*place).expect("reads").expect("is in the log");
            assert_eq!((&order.header[..], &order.payload[..]), (&header[..], &payload[..]));
            let digest = channel::order_digest(&order.header, &order.payload);
            assert_eq!(order.digest, digest);
        }
        for number in 0..UETRS + 5 {
            let places = self.uetrs.get(&uetr(number));
            let expected: Vec<_> = places
                .into_iter()
                .flatten()
                .filter_map(|place| self.payment(*place, last))
                .collect();
            assert_eq!(reader.payments(uetr(number)).expect("reads"), expected, "uetr {number}");
        }
        self.compare_feeds(reader, last);
        self.compare_accounts(reader, last);
    }

    fn compare_batches(&self, reader: &Reader, last: u64) {
        for expected in &self.batches {
            let number = expected.number;
            let got = reader.batch(number).expect("reads");
            if number > last {
                assert_eq!(got, None, "batch {number} is not readable yet");
                assert_eq!(reader.transfers(number, 0, 10).expect("reads"), []);
                continue;
            }
            let got = got.expect("is there");
            assert_eq!((got.header, got.hash), (expected.header(), expected.hash));
            assert_eq!((&got.nets, &got.balances), (&expected.nets, &expected.balances));
            let transfers = reader.transfers(number, 0, usize::MAX).expect("reads");
            assert_eq!(transfers, expected.transfers);
            let some = reader.transfers(number, 2, 3).expect("reads");
            assert!(expected.transfers.iter().skip(2).take(3).eq(&some));
        }
        let from = last.saturating_sub(3).max(1);
        let batches = reader.batches(from, 2).expect("reads");
        let numbers: Vec<u64> = batches.iter().map(|batch| batch.header.number).collect();
        assert_eq!(numbers, (from..=last).take(2).collect::<Vec<_>>());
        let readable = || self.batches.iter().filter(|batch| batch.number <= last);
        let times = readable().flat_map(|it| [it.sealed_at_ms - 1, it.sealed_at_ms]);
        for time_ms in times.chain([0, u64::MAX]) {
            let expected = readable().rfind(|batch| batch.sealed_at_ms <= time_ms);
            let got = reader.batch_at(time_ms).expect("reads");
            assert_eq!(got, expected.map(|batch| batch.number), "at {time_ms}");
        }
    }

    fn compare_feeds(&self, reader: &Reader, last: u64) {
        for index in 0..=BANKS {
            let whose = bank(index);
            let expected: Vec<(u64, Vec<FeedItem>)> = self
                .feed
                .range((whose, 0)..=(whose, last))
                .map(|((_, number), items)| (*number, by_payment(items)))
                .collect();
            let got = reader.feed(whose, 0, usize::MAX).expect("reads");
            let got: Vec<_> =
                got.iter().map(|(number, items)| (*number, by_payment(items))).collect();
            assert_eq!(got, expected, "feed of {whose:?}");
            // The same in pages of two batches.
            let (mut after, mut paged) = (0, Vec::new());
            loop {
                let page = reader.feed(whose, after, 2).expect("reads");
                assert!(page.len() <= 2);
                let Some((number, _)) = page.last() else { break };
                after = *number;
                paged.extend(page.iter().map(|(number, items)| (*number, by_payment(items))));
            }
            assert_eq!(paged, expected);
        }
    }

    fn compare_accounts(&self, reader: &Reader, last: u64) {
        for &account in &self.accounts {
            let expected = self.entries(account, last);
            let got = reader.entries(account, (0, 0), usize::MAX).expect("reads");
            assert_eq!(got, expected, "entries of {account:?}");
            let (mut from, mut paged) = ((0, 0), Vec::new());
            loop {
                let page = reader.entries(account, from, 7).expect("reads");
                let Some(entry) = page.last() else { break };
                from = (entry.batch, entry.index + 1);
                paged.extend(page);
            }
            assert_eq!(paged, expected);
            for batch in 0..=last + 1 {
                let got = reader.balance(account, batch).expect("reads");
                assert_eq!(got, self.balance(account, batch.min(last)), "as of {batch}");
            }
        }
    }
}

/// Items by payment, those of one payment in their order.
fn by_payment(items: &[FeedItem]) -> Vec<FeedItem> {
    let mut items = items.to_vec();
    items.sort_by_key(|item| (item.place, item.part));
    items
}

/// The reference of an order.
pub(crate) fn uetr_of(header: &[u8]) -> Uetr {
    HeaderView::trusted(header.try_into().expect("a header")).uetr()
}
