//! Answers: everything that can be asked of the rows. All calls block.
//!
//! An answer tells of batches up to [`Readable::batch`] only, as it was when the call began.

use std::sync::Arc;

use bus::{Log, Position};
use bytes::Bytes;
use channel::{HEADER_LEN, HeaderView, ParticipantId, Uetr};
use clearing::{
    BalanceAfter, BatchHeader, Certificate, Net, PaymentState, Place, Record, RecordBody, Reject,
    Transfer, TransferKind, certificates_hash, nets_hash,
};
use ledger::{AccountId, Hash};
use store::{Store, Table};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::feed::Inbox;
use crate::layout::{
    self, BatchPart, COUNTERS_BYTES, OTHER_NUMBER, Posting, Progress, StateEntry,
    TRANSFERS_PER_ROW, whole,
};
use crate::matches::{self, Match};
use crate::start::founded;
use crate::uetr::Index;

/// Rows that one answer gives, at most, whatever was asked for. Feeds end at the first batch that
/// reaches it.
pub const READ_ROWS_MAX: usize = 10_000;
/// Stored rows read at once.
const SCAN_ROWS: usize = 16;

/// How far answers go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// The last batch; 0 before the first.
    pub batch: u64,
    /// The last position whose effects, if it had any, are all in the answers; 0 also before the
    /// first.
    pub position: u64,
}

/// A sealed batch, without its transfers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What its hash is over.
    pub header: BatchHeader,
    /// The hash of the header.
    pub hash: Hash,
    /// What its payments changed, ascending by participant and currency.
    pub nets: Vec<Net>,
    /// The accounts it touched with their counters after it, ascending.
    pub balances: Vec<BalanceAfter>,
    /// One for each cycle that settled something in it.
    pub certificates: Vec<Certificate>,
}

/// Where a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    /// Its order's place in the log.
    pub place: Place,
    /// Its state.
    pub state: PaymentState,
    /// Why, if it ended without settling.
    pub reason: Option<Reject>,
    /// The batch that brought it into this state.
    pub batch: u64,
    /// Since when it is in this state, logged time in ms. For a payment that settled from a queue,
    /// the time at which its batch was sealed.
    pub changed_at_ms: u64,
}

/// An order as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The canonical header.
    pub header: [u8; HEADER_LEN],
    /// The order's digest.
    pub digest: Hash,
    /// The payload as it was handed in.
    pub payload: Bytes,
}

/// How a participant is concerned by a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Part {
    /// As its sender.
    Sent = 0,
    /// As its receiver.
    Received = 1,
    /// As somebody who may read a part of what is sealed in it.
    Read = 2,
}

/// Something that happened to a payment, as one of those sees it whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// The payment.
    pub place: Place,
    /// The state it came into.
    pub state: PaymentState,
    /// Why, if it ended without settling.
    pub reason: Option<Reject>,
    /// The participant's part in it.
    pub part: Part,
}

/// A movement as one of its accounts sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// The batch it is in.
    pub batch: u64,
    /// Its index among the batch's transfers.
    pub index: u32,
    /// The payment's place, or that of the command.
    pub place: Place,
    /// What it was for.
    pub kind: TransferKind,
    /// Whether the account is debited; else it is credited.
    pub debit: bool,
    /// Minor units.
    pub minor: u64,
    /// The account on the other side.
    pub counter_account: AccountId,
    /// Posted credits less posted debits of the account right after it, minor units.
    pub balance_after: i128,
}

/// Answers questions from the store and the log. Clones share everything.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    log: Arc<dyn Log>,
    index: Index,
    readable: watch::Receiver<Readable>,
    inbox: Arc<Inbox>,
}

impl Reader {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        log: Arc<dyn Log>,
        index: Index,
        readable: watch::Receiver<Readable>,
        inbox: Arc<Inbox>,
    ) -> Self {
        Self { store, log, index, readable, inbox }
    }

    /// A reader of a store into which nobody projects.
    ///
    /// # Errors
    /// As [`crate::Projector::start`].
    pub fn open(store: Arc<dyn Store>, log: Arc<dyn Log>, pool: u32) -> Result<Self, Fault> {
        founded(&*store, pool)?;
        let progress = Progress::of(&*store)?;
        let (index, _) = Index::open(store.clone(), 0)?;
        let (_, readable) = watch::channel(progress.readable());
        let inbox = Arc::new(Inbox::new(0, 0, progress.next_position));
        inbox.close("nobody projects");
        Ok(Self::new(store, log, index, readable, inbox))
    }

    /// Watches how far answers go.
    #[must_use]
    pub fn readable(&self) -> watch::Receiver<Readable> {
        self.readable.clone()
    }

    /// Why the projector takes no more outcomes, if it does not. Answers go on.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        self.inbox.closed().map(|why| why.to_string())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    fn last_batch(&self) -> u64 {
        self.readable.borrow().batch
    }

    /// A batch by its number.
    ///
    /// # Errors
    /// [`Fault::Store`]; [`Fault::Malformed`] if what is stored does not match the batch's hash.
    pub fn batch(&self, number: u64) -> Result<Option<Batch>, Fault> {
        if number > self.last_batch() {
            return Ok(None);
        }
        let Some(header) = self.header(number)? else { return Ok(None) };
        let (mut nets, mut balances) = (Vec::new(), Vec::new());
        for value in self.batch_rows(BatchPart::Nets, number)? {
            layout::get_nets(&value, &mut nets)?;
        }
        for value in self.batch_rows(BatchPart::Balances, number)? {
            layout::get_balances(&value, &mut balances)?;
        }
        let mut certificates = Vec::new();
        for value in self.batch_rows(BatchPart::Certificates, number)? {
            layout::get_certificates(&value, &mut certificates)?;
        }
        if certificates_hash(&certificates) != header.certificates_hash {
            let why = "hash of the certificates does not match";
            return Err(Fault::malformed(Table::Batches, why));
        }
        if nets_hash(&nets) != header.nets_hash {
            return Err(Fault::malformed(Table::Batches, "hash of the nets does not match"));
        }
        Ok(Some(Batch { header, hash: header.hash(), nets, balances, certificates }))
    }

    fn header(&self, number: u64) -> Result<Option<BatchHeader>, Fault> {
        let row =
            self.store.get(Table::Batches, &layout::batch_key(BatchPart::Header, number, 0))?;
        let header = row.map(|value| layout::decode_header(&value)).transpose()?;
        match header {
            Some(header) if header.number != number => {
                Err(Fault::malformed(Table::Batches, OTHER_NUMBER))
            }
            header => Ok(header),
        }
    }

    fn batch_rows(&self, part: BatchPart, number: u64) -> Result<Vec<Bytes>, Fault> {
        let from = layout::batch_key(part, number, 0);
        let to = layout::batch_key(part, number + 1, 0);
        let rows = self.store.scan(Table::Batches, &from, &to, usize::MAX)?;
        Ok(rows.into_iter().map(|(_, value)| value).collect())
    }

    /// Batches from a number on, at most `limit` and [`READ_ROWS_MAX`].
    ///
    /// # Errors
    /// As [`Reader::batch`].
    pub fn batches(&self, from: u64, limit: usize) -> Result<Vec<Batch>, Fault> {
        let from = from.max(1);
        let end = from.saturating_add(limit.min(READ_ROWS_MAX) as u64);
        let end = end.min(self.last_batch().saturating_add(1));
        (from..end)
            .map(|number| {
                let batch = self.batch(number)?;
                batch.ok_or(Fault::malformed(Table::Batches, "a batch is missing"))
            })
            .collect()
    }

    /// The last batch sealed at or before an instant, logged time in ms.
    ///
    /// # Errors
    /// As [`Reader::batch`].
    pub fn batch_at(&self, time_ms: u64) -> Result<Option<u64>, Fault> {
        // Batches up to `low` are old enough, those from `high` on are too new.
        let (mut low, mut high) = (0, self.last_batch() + 1);
        while high - low > 1 {
            let middle = low.midpoint(high);
            let header = self.header(middle)?;
            let header = header.ok_or(Fault::malformed(Table::Batches, "a batch is missing"))?;
            if header.sealed_at_ms <= time_ms { low = middle } else { high = middle }
        }
        Ok((low > 0).then_some(low))
    }

    /// The payments under a reference, by place: several senders, or several kinds of message, may
    /// use the same one.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Log`], [`Fault::Record`], [`Fault::Malformed`].
    pub fn payments(&self, uetr: Uetr) -> Result<Vec<PaymentRow>, Fault> {
        let mut rows = Vec::new();
        for place in self.index.places(uetr)? {
            let order = self.order(place)?;
            if order.is_some_and(|order| HeaderView::trusted(&order.header).uetr() == uetr) {
                rows.extend(self.payment(place)?);
            }
        }
        Ok(rows)
    }

    /// The payment whose order stands at a place.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn payment(&self, place: Place) -> Result<Option<PaymentRow>, Fault> {
        for (key, value) in self.states(place)?.iter().rev() {
            let (entries, rest) = value.as_chunks();
            whole(Table::States, rest)?;
            for entry in entries.iter().rev() {
                let StateEntry { place: at, at_ms, state, reason } =
                    StateEntry::get(place.position(), entry)?;
                if at == place {
                    let (_, batch) = layout::split_states_key(key)?;
                    let changed_at_ms = at_ms;
                    return Ok(Some(PaymentRow { place, state, reason, batch, changed_at_ms }));
                }
            }
        }
        Ok(None)
    }

    /// What changed for the payments of a place's record, by batch.
    fn states(&self, place: Place) -> Result<Vec<store::Row>, Fault> {
        let position = place.position();
        let (from, to) = (
            layout::states_key(position, 0),
            layout::states_key(position, self.last_batch().saturating_add(1)),
        );
        Ok(self.store.scan(Table::States, &from, &to, usize::MAX)?)
    }

    /// Whether a participant, neither sender nor receiver, may read a part of the sealed order at a
    /// place; of a receiver, whether it does before the settlement.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn reads(&self, participant: ParticipantId, place: Place) -> Result<bool, Fault> {
        // It was told with the batch in which the order was accepted.
        let Some(batch) = self.accepted_in(place)? else { return Ok(false) };
        let from = layout::owner_key(participant.0, batch, 0);
        let to = layout::owner_key(participant.0, batch + 1, 0);
        for (_, value) in self.store.scan(Table::Feed, &from, &to, usize::MAX)? {
            let (entries, rest) = value.as_chunks();
            whole(Table::Feed, rest)?;
            for entry in entries {
                let item = layout::get_feed(entry)?;
                if item.place == place && item.part == Part::Read {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The batch of the first change of a payment.
    fn accepted_in(&self, place: Place) -> Result<Option<u64>, Fault> {
        for (key, value) in self.states(place)? {
            let (entries, rest) = value.as_chunks();
            whole(Table::States, rest)?;
            for entry in entries {
                if StateEntry::get(place.position(), entry)?.place == place {
                    return Ok(Some(layout::split_states_key(&key)?.1));
                }
            }
        }
        Ok(None)
    }

    /// The match by which an FX payment came into this state; none if it is neither matched nor
    /// settled.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn matched(&self, row: &PaymentRow) -> Result<Option<Match>, Fault> {
        if !matches!(row.state, PaymentState::Matched | PaymentState::Settled) {
            return Ok(None);
        }
        let Some(batch) = self.header(row.batch)? else { return Ok(None) };
        matches::latest(&*self.store, row.place, batch.last)
    }

    /// The matches of a liquidity provider's quotes whose first leg stands at this place or behind
    /// it, in the order in which they were made, at most `limit` and [`READ_ROWS_MAX`]; each with
    /// the state of its payment if it is that payment's latest.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn matches_of(
        &self,
        provider: ParticipantId,
        from: Place,
        limit: usize,
    ) -> Result<Vec<(Match, Option<PaymentRow>)>, Fault> {
        let position = self.readable.borrow().position;
        let limit = limit.min(READ_ROWS_MAX);
        let found = matches::of_provider(&*self.store, provider, (from, position), limit)?;
        let with_state = found.into_iter().map(|made| {
            let latest = matches::latest(&*self.store, made.order, position)?;
            let stands = latest.is_some_and(|latest| latest.first_leg == made.first_leg);
            let row = if stands { self.payment(made.order)? } else { None };
            Ok((made, row))
        });
        with_state.collect()
    }

    /// The order at a place of the log, whatever became of it.
    ///
    /// # Errors
    /// [`Fault::Log`], [`Fault::Record`].
    pub fn order(&self, place: Place) -> Result<Option<Order>, Fault> {
        let position = place.position();
        if Position(position) >= self.log.end() {
            return Ok(None);
        }
        let records = self.log.read(Position(position), 0)?;
        let Some(bytes) = records.first() else { return Ok(None) };
        let record = Record::read(bytes).map_err(|source| Fault::Record { position, source })?;
        let RecordBody::Orders(orders) = record.body else { return Ok(None) };
        let order = orders.orders().zip(orders.digests).nth(place.index());
        Ok(order.map(|((header, payload), digest)| Order {
            header: *header.bytes(),
            digest: *digest,
            payload: bytes.slice_ref(payload),
        }))
    }

    /// What happened to a participant's payments in the batches behind `after_batch`, batch by
    /// batch, those left out in which nothing did: at most `limit` batches, and no more once
    /// [`READ_ROWS_MAX`] items are reached. What happened to one payment is in order. To its
    /// receiver, a payment is there from its settlement on, unless it is among its readers: these
    /// are told of its acceptance.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn feed(
        &self,
        participant: ParticipantId,
        after_batch: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<FeedItem>)>, Fault> {
        let mut batches: Vec<(u64, Vec<FeedItem>)> = Vec::new();
        let mut items_sum = 0;
        let mut rows = self.owned(Table::Feed, participant.0, after_batch.saturating_add(1));
        while let Some((batch, value)) = rows.next()? {
            let (entries, rest) = value.as_chunks();
            whole(Table::Feed, rest)?;
            if batches.last().is_none_or(|(last, _)| *last != batch) {
                if batches.len() >= limit || items_sum >= READ_ROWS_MAX {
                    break;
                }
                batches.push((batch, Vec::with_capacity(entries.len())));
            }
            let Some((_, items)) = batches.last_mut() else { break };
            for entry in entries {
                items.push(layout::get_feed(entry)?);
            }
            items_sum += entries.len();
        }
        Ok(batches)
    }

    /// The movements of an account from (batch, index) on, in the order of posting, at most
    /// `limit` and [`READ_ROWS_MAX`]. The next page begins behind the last one's (batch, index).
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn entries(
        &self,
        account: AccountId,
        from: (u64, u32),
        limit: usize,
    ) -> Result<Vec<EntryRow>, Fault> {
        let limit = limit.min(READ_ROWS_MAX);
        let mut found = Vec::new();
        let mut rows = self.owned(Table::Postings, account.0, from.0);
        while found.len() < limit {
            let Some((batch, value)) = rows.next()? else { break };
            let entries = entries_of(account, batch, &value)?;
            found.extend(entries.into_iter().filter(|entry| (entry.batch, entry.index) >= from));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// An account's counters after a batch; zeros if nothing had moved by then.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn balance(&self, account: AccountId, as_of_batch: u64) -> Result<BalanceAfter, Fault> {
        let as_of = as_of_batch.min(self.last_batch());
        let key = layout::owner_key(account.0, as_of, u16::MAX);
        let prefix = account.0.to_be_bytes();
        match self.store.last_at_or_before(Table::Postings, &prefix, &key)? {
            None => Ok(BalanceAfter {
                account,
                debits_posted: 0,
                credits_posted: 0,
                debits_pending: 0,
                credits_pending: 0,
            }),
            Some((_, value)) => counters_of(account, &value).map(|(counters, _)| counters),
        }
    }

    /// The transfers of a batch from an index on, in the order of posting, at most `limit` and
    /// [`READ_ROWS_MAX`].
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn transfers(&self, batch: u64, from: usize, limit: usize) -> Result<Vec<Transfer>, Fault> {
        let limit = limit.min(READ_ROWS_MAX);
        let mut found = Vec::new();
        if batch > self.last_batch() || limit == 0 {
            return Ok(found);
        }
        let chunks = from / TRANSFERS_PER_ROW..=(from + limit - 1) / TRANSFERS_PER_ROW;
        for chunk in chunks {
            let row = self.store.get(Table::Transfers, &layout::transfers_key(batch, chunk))?;
            let Some(value) = row else { break };
            let (entries, rest) = value.as_chunks();
            whole(Table::Transfers, rest)?;
            let skipped = from.saturating_sub(chunk * TRANSFERS_PER_ROW);
            for entry in entries.iter().skip(skipped).take(limit - found.len()) {
                found.push(layout::get_transfer(entry)?);
            }
        }
        Ok(found)
    }

    /// The rows of an account or a participant from a batch on, up to the last readable one.
    fn owned(&self, table: Table, owner: u32, from_batch: u64) -> OwnedRows<'_> {
        let end = layout::owner_key(owner, self.last_batch().saturating_add(1), 0);
        let from = layout::owner_key(owner, from_batch, 0).to_vec();
        OwnedRows { store: &*self.store, table, from, end, rows: Vec::new().into_iter() }
    }
}

/// Rows of one owner, read a few at a time.
struct OwnedRows<'a> {
    store: &'a dyn Store,
    table: Table,
    from: Vec<u8>,
    end: [u8; 14],
    rows: std::vec::IntoIter<store::Row>,
}

impl OwnedRows<'_> {
    /// The next row's batch and value.
    fn next(&mut self) -> Result<Option<(u64, Bytes)>, Fault> {
        if self.rows.as_slice().is_empty() {
            self.rows = self.store.scan(self.table, &self.from, &self.end, SCAN_ROWS)?.into_iter();
        }
        let Some((key, value)) = self.rows.next() else { return Ok(None) };
        // Behind this key: the same with a zero byte more.
        self.from = [&key[..], &[0]].concat();
        Ok(Some((layout::batch_of_owner_key(self.table, &key)?, value)))
    }
}

/// The counters at the head of a row of postings, and the packed postings behind them.
fn counters_of(account: AccountId, value: &[u8]) -> Result<(BalanceAfter, &[u8]), Fault> {
    let split = value.split_first_chunk::<COUNTERS_BYTES>();
    let (counters, postings) = split.ok_or(Fault::malformed(Table::Postings, "length"))?;
    Ok((layout::get_counters(account, counters)?, postings))
}

/// The entries of a row, with the balance after each: the row's own counters are those after its
/// last one, and going backwards takes each movement out again.
fn entries_of(account: AccountId, batch: u64, value: &[u8]) -> Result<Vec<EntryRow>, Fault> {
    let (mut counters, postings) = counters_of(account, value)?;
    let (postings, rest) = postings.as_chunks();
    whole(Table::Postings, rest)?;
    let mut entries = Vec::with_capacity(postings.len());
    for bytes in postings.iter().rev() {
        let posting = Posting::get(bytes)?;
        let Posting { place, kind, debit, minor, index, counter_account } = posting;
        let balance_after =
            counters.credits_posted.cast_signed() - counters.debits_posted.cast_signed();
        entries.push(EntryRow {
            batch,
            index,
            place,
            kind,
            debit,
            minor,
            counter_account,
            balance_after,
        });
        let undone = posting.undo(&mut counters);
        undone.ok_or(Fault::malformed(Table::Postings, "balance below its movements"))?;
    }
    entries.reverse();
    Ok(entries)
}
