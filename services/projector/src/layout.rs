//! How rows lie in the store: keys and packed entries. Integers are big-endian, so that keys sort
//! by number. Written down in `docs/internals/store-format.md`.

use channel::{ParticipantId, Reader, Writer};
use clearing::{
    AccountInfo, BalanceAfter, BatchHeader, Certificate, Net, PaymentState, Place, Reject,
    Transfer, TransferKind,
};
use ledger::{AccountId, Counters, Currency, Hash};
use store::{Store, Stream, Table};

use crate::fault::Fault;
use crate::reader::{FeedItem, Part, Readable};

/// The number of the layouts in this file.
pub(crate) const FORMAT: u32 = 1;

/// Transfers in one row, at most.
pub(crate) const TRANSFERS_PER_ROW: usize = 2_048;
/// Postings in one row, at most.
pub(crate) const POSTINGS_PER_ROW: usize = 2_048;
/// Feed items in one row, at most.
pub(crate) const FEED_PER_ROW: usize = 4_096;
/// Nets or balances in one row, at most.
pub(crate) const SUMS_PER_ROW: usize = 768;

pub(crate) const TRANSFER_BYTES: usize = 32;
pub(crate) const POSTING_BYTES: usize = 24;
pub(crate) const STATE_BYTES: usize = 16;
pub(crate) const FEED_BYTES: usize = 12;
pub(crate) const COUNTERS_BYTES: usize = 64;
const NET_BYTES: usize = 23;
const BALANCE_BYTES: usize = 4 + COUNTERS_BYTES;

const KIND_SHIFT: u32 = 60;
const MINOR_MASK: u64 = (1 << KIND_SHIFT) - 1;
const DEBIT_BIT: u64 = 1 << 63;

/// Meta: accounts, behind this their number.
pub(crate) const KEY_ACCOUNT: &[u8] = b"account/";

/// Parts of a batch in table Batches.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum BatchPart {
    Header = 0,
    Nets = 1,
    Balances = 2,
    Certificates = 3,
}

/// `part u8 | batch u64 | chunk u16`.
pub(crate) fn batch_key(part: BatchPart, batch: u64, chunk: usize) -> [u8; 11] {
    let mut key = [0; 11];
    key[0] = part as u8;
    key[1..9].copy_from_slice(&batch.to_be_bytes());
    key[9..].copy_from_slice(&(chunk as u16).to_be_bytes());
    key
}

/// `batch u64 | chunk u16`.
pub(crate) fn transfers_key(batch: u64, chunk: usize) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&batch.to_be_bytes());
    key[8..].copy_from_slice(&(chunk as u16).to_be_bytes());
    key
}

/// `account or participant u32 | batch u64 | chunk u16`.
pub(crate) fn owner_key(owner: u32, batch: u64, chunk: u16) -> [u8; 14] {
    let mut key = [0; 14];
    key[..4].copy_from_slice(&owner.to_be_bytes());
    key[4..12].copy_from_slice(&batch.to_be_bytes());
    key[12..].copy_from_slice(&chunk.to_be_bytes());
    key
}

/// The batch in a key made by [`owner_key`].
pub(crate) fn batch_of_owner_key(table: Table, key: &[u8]) -> Result<u64, Fault> {
    let bytes = key.get(4..12).and_then(<[u8]>::first_chunk);
    bytes.map(|bytes| u64::from_be_bytes(*bytes)).ok_or(Fault::malformed(table, "key"))
}

/// `record position u64 | batch u64`.
pub(crate) fn states_key(position: u64, batch: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&position.to_be_bytes());
    key[8..].copy_from_slice(&batch.to_be_bytes());
    key
}

/// Position and batch of a key made by [`states_key`].
pub(crate) fn split_states_key(key: &[u8]) -> Result<(u64, u64), Fault> {
    match key.as_chunks::<8>() {
        ([position, batch], []) => Ok((u64::from_be_bytes(*position), u64::from_be_bytes(*batch))),
        _ => Err(Fault::malformed(Table::States, "key")),
    }
}

/// A batch's header row is `header | its hash [32]`; reads it and checks the one against the other.
pub(crate) fn decode_header(value: &[u8]) -> Result<BatchHeader, Fault> {
    let split = value.split_last_chunk::<32>();
    let (header, hash) = split.ok_or(Fault::malformed(Table::Batches, "length"))?;
    let header =
        BatchHeader::decode(header).map_err(|_| Fault::malformed(Table::Batches, "header"))?;
    if header.hash() == *hash {
        return Ok(header);
    }
    Err(Fault::malformed(Table::Batches, "a header's hash does not match"))
}

/// Why a header is refused that stands in the row of another batch.
pub(crate) const OTHER_NUMBER: &str = "a header has another number than its row";

/// How far the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) next_position: u64,
    pub(crate) batch: u64,
    pub(crate) hash: Hash,
}

impl Progress {
    /// How far a store is: as far as its last batch.
    pub(crate) fn of(store: &dyn Store) -> Result<Self, Fault> {
        Self::at(store, store.head(Stream::Batches)?)
    }

    /// How far a store was with a batch that it has.
    pub(crate) fn at(store: &dyn Store, batch: u64) -> Result<Self, Fault> {
        if batch == 0 {
            return Ok(Self::default());
        }
        let row = store.get(Table::Batches, &batch_key(BatchPart::Header, batch, 0))?;
        let row = row.ok_or(Fault::malformed(Table::Batches, "a batch is missing"))?;
        let header = decode_header(&row)?;
        if header.number != batch {
            return Err(Fault::malformed(Table::Batches, OTHER_NUMBER));
        }
        let next_position = header.last.checked_add(1);
        let next_position = next_position.ok_or(Fault::malformed(Table::Batches, "position"))?;
        Ok(Self { next_position, batch, hash: header.hash() })
    }

    /// As far as answers go with it.
    pub(crate) fn readable(&self) -> Readable {
        Readable { batch: self.batch, position: self.next_position.saturating_sub(1) }
    }
}

/// `account/ | account u32`.
pub(crate) fn account_key(account: AccountId) -> Vec<u8> {
    [KEY_ACCOUNT, &account.0.to_be_bytes()].concat()
}

/// `account u32 | participant u32, 0 = none | currency [3]`.
pub(crate) fn encode_account(info: &AccountInfo) -> Vec<u8> {
    let participant = info.participant.map_or(0, |participant| participant.0);
    let (account, participant) = (info.account.0.to_be_bytes(), participant.to_be_bytes());
    [&account[..], &participant, &info.currency.to_bytes()].concat()
}

pub(crate) fn decode_account(bytes: &[u8]) -> Result<AccountInfo, Fault> {
    let mut fields = Fields::new(Table::Meta, bytes);
    let account = AccountId(fields.u32()?);
    let participant = fields.u32()?;
    let participant = (participant != 0).then_some(ParticipantId(participant));
    let currency = fields.currency()?;
    fields.end()?;
    Ok(AccountInfo { account, participant, currency })
}

/// `place u64 | origin u64 | kind u4, minor u60 | debit u32 | credit u32`.
pub(crate) fn put_transfer(into: &mut Vec<u8>, transfer: &Transfer) {
    let mut bytes = [0; TRANSFER_BYTES];
    bytes[..8].copy_from_slice(&transfer.place.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&transfer.origin.0.to_be_bytes());
    bytes[16..24].copy_from_slice(&kind_minor(transfer).to_be_bytes());
    bytes[24..28].copy_from_slice(&transfer.debit.0.to_be_bytes());
    bytes[28..].copy_from_slice(&transfer.credit.0.to_be_bytes());
    into.extend_from_slice(&bytes);
}

pub(crate) fn get_transfer(bytes: &[u8; TRANSFER_BYTES]) -> Result<Transfer, Fault> {
    let mut fields = Fields::new(Table::Transfers, bytes);
    let (place, origin) = (Place(fields.u64()?), Place(fields.u64()?));
    let (kind, minor) = split_kind_minor(Table::Transfers, fields.u64()?)?;
    let (debit, credit) = (AccountId(fields.u32()?), AccountId(fields.u32()?));
    Ok(Transfer { place, origin, kind, debit, credit, minor })
}

/// A movement as one of its two accounts sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    /// Of the order or command: of an FX leg, that of the FX payment; of a crossing, that of the
    /// account's own side.
    pub(crate) place: Place,
    pub(crate) kind: TransferKind,
    pub(crate) debit: bool,
    pub(crate) minor: u64,
    /// The transfer's index in its batch.
    pub(crate) index: u32,
    pub(crate) counter_account: AccountId,
}

impl Posting {
    /// The transfer at `index`, seen from its debit or its credit side. `credited` is the order under
    /// which its credit side is paid.
    pub(crate) fn of(transfer: &Transfer, credited: Place, index: u32, debit: bool) -> Self {
        let Transfer { origin, kind, minor, .. } = *transfer;
        let (place, counter_account) =
            if debit { (origin, transfer.credit) } else { (credited, transfer.debit) };
        Self { place, kind, debit, minor, index, counter_account }
    }

    /// `place u64 | debit u1, kind u3, minor u60 | index u32 | counter account u32`.
    pub(crate) fn put(&self, into: &mut Vec<u8>) {
        let side = if self.debit { DEBIT_BIT } else { 0 };
        let mut bytes = [0; POSTING_BYTES];
        bytes[..8].copy_from_slice(&self.place.0.to_be_bytes());
        let word = side | (self.kind as u64) << KIND_SHIFT | self.minor;
        bytes[8..16].copy_from_slice(&word.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.index.to_be_bytes());
        bytes[20..].copy_from_slice(&self.counter_account.0.to_be_bytes());
        into.extend_from_slice(&bytes);
    }

    pub(crate) fn get(bytes: &[u8; POSTING_BYTES]) -> Result<Self, Fault> {
        let mut fields = Fields::new(Table::Postings, bytes);
        let place = Place(fields.u64()?);
        let word = fields.u64()?;
        let (kind, minor) = split_kind_minor(Table::Postings, word & !DEBIT_BIT)?;
        let (index, counter_account) = (fields.u32()?, AccountId(fields.u32()?));
        Ok(Self { place, kind, debit: word & DEBIT_BIT != 0, minor, index, counter_account })
    }

    /// Takes this movement back out of an account's counters.
    pub(crate) fn undo(&self, counters: &mut BalanceAfter) -> Option<()> {
        let minor = u128::from(self.minor);
        let (posted, pending) = if self.debit {
            (&mut counters.debits_posted, &mut counters.debits_pending)
        } else {
            (&mut counters.credits_posted, &mut counters.credits_pending)
        };
        match self.kind {
            TransferKind::Payment
            | TransferKind::Funding
            | TransferKind::FxLeg
            | TransferKind::Crossing => {
                *posted = posted.checked_sub(minor)?;
            }
            TransferKind::DefundReserved => *pending = pending.checked_sub(minor)?,
            TransferKind::DefundMade => {
                *posted = posted.checked_sub(minor)?;
                *pending = pending.checked_add(minor)?;
            }
            TransferKind::DefundReleased => *pending = pending.checked_add(minor)?,
        }
        Some(())
    }
}

fn kind_minor(transfer: &Transfer) -> u64 {
    (transfer.kind as u64) << KIND_SHIFT | transfer.minor
}

fn split_kind_minor(table: Table, word: u64) -> Result<(TransferKind, u64), Fault> {
    let kind = match word >> KIND_SHIFT {
        1 => TransferKind::Payment,
        2 => TransferKind::Funding,
        3 => TransferKind::DefundReserved,
        4 => TransferKind::DefundMade,
        5 => TransferKind::DefundReleased,
        6 => TransferKind::FxLeg,
        7 => TransferKind::Crossing,
        _ => return Err(Fault::malformed(table, "kind of transfer")),
    };
    Ok((kind, word & MINOR_MASK))
}

/// A change of a payment's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateEntry {
    pub(crate) place: Place,
    pub(crate) at_ms: u64,
    pub(crate) state: PaymentState,
    pub(crate) reason: Option<Reject>,
}

impl StateEntry {
    /// `index u16 | state u8 | 0 u8 | reason u16 | 0 u16 | at u64 ms`.
    pub(crate) fn put(&self, into: &mut Vec<u8>) {
        let mut bytes = [0; STATE_BYTES];
        bytes[..2].copy_from_slice(&(self.place.index() as u16).to_be_bytes());
        bytes[2] = self.state as u8;
        bytes[4..6].copy_from_slice(&reason_number(self.reason).to_be_bytes());
        bytes[8..].copy_from_slice(&self.at_ms.to_be_bytes());
        into.extend_from_slice(&bytes);
    }

    pub(crate) fn get(position: u64, bytes: &[u8; STATE_BYTES]) -> Result<Self, Fault> {
        let mut fields = Fields::new(Table::States, bytes);
        let place = Place::new(position, usize::from(fields.u16()?));
        let state = fields.state()?;
        let reserved = fields.u8()?;
        let reason = fields.reason()?;
        if (reserved, fields.u16()?) != (0, 0) {
            return Err(Fault::malformed(Table::States, "reserved bytes"));
        }
        Ok(Self { place, at_ms: fields.u64()?, state, reason })
    }
}

/// `place u64 | state u8 | part u8 | reason u16`.
pub(crate) fn put_feed(into: &mut Vec<u8>, item: &FeedItem) {
    let mut bytes = [0; FEED_BYTES];
    bytes[..8].copy_from_slice(&item.place.0.to_be_bytes());
    bytes[8] = item.state as u8;
    bytes[9] = item.part as u8;
    bytes[10..].copy_from_slice(&reason_number(item.reason).to_be_bytes());
    into.extend_from_slice(&bytes);
}

pub(crate) fn get_feed(bytes: &[u8; FEED_BYTES]) -> Result<FeedItem, Fault> {
    let mut fields = Fields::new(Table::Feed, bytes);
    let place = Place(fields.u64()?);
    let state = fields.state()?;
    let part = match fields.u8()? {
        0 => Part::Sent,
        1 => Part::Received,
        2 => Part::Read,
        _ => return Err(Fault::malformed(Table::Feed, "part")),
    };
    Ok(FeedItem { place, state, reason: fields.reason()?, part })
}

/// `debits posted | credits posted | debits pending | credits pending`, u128 each.
pub(crate) fn put_counters(into: &mut Vec<u8>, balance: &BalanceAfter) {
    for counter in [
        balance.debits_posted,
        balance.credits_posted,
        balance.debits_pending,
        balance.credits_pending,
    ] {
        into.extend_from_slice(&counter.to_be_bytes());
    }
}

pub(crate) fn get_counters(
    account: AccountId,
    bytes: &[u8; COUNTERS_BYTES],
) -> Result<BalanceAfter, Fault> {
    let mut fields = Fields::new(Table::Postings, bytes);
    let mut counter = || match fields.u128()? {
        counter @ ..=Counters::MAX => Ok(counter),
        _ => Err(Fault::malformed(Table::Postings, "counter")),
    };
    Ok(BalanceAfter {
        account,
        debits_posted: counter()?,
        credits_posted: counter()?,
        debits_pending: counter()?,
        credits_pending: counter()?,
    })
}

/// `participant u32 | currency [3] | i128`.
pub(crate) fn put_net(into: &mut Vec<u8>, net: &Net) {
    into.extend_from_slice(&net.participant.0.to_be_bytes());
    into.extend_from_slice(&net.currency.to_bytes());
    into.extend_from_slice(&net.minor.to_be_bytes());
}

pub(crate) fn get_nets(bytes: &[u8], into: &mut Vec<Net>) -> Result<(), Fault> {
    let (nets, rest) = bytes.as_chunks::<NET_BYTES>();
    for net in nets {
        let mut fields = Fields::new(Table::Batches, net);
        let participant = ParticipantId(fields.u32()?);
        let currency = fields.currency()?;
        into.push(Net { participant, currency, minor: fields.u128()?.cast_signed() });
    }
    whole(Table::Batches, rest)
}

/// A batch's certificates, in their canonical bytes.
pub(crate) fn certificates(certificates: &[Certificate]) -> Vec<u8> {
    let mut writer = Writer::new();
    certificates.iter().for_each(|certificate| certificate.write(&mut writer));
    writer.into_bytes()
}

pub(crate) fn get_certificates(bytes: &[u8], into: &mut Vec<Certificate>) -> Result<(), Fault> {
    let mut reader = Reader::new(bytes);
    while reader.remaining() > 0 {
        let certificate = Certificate::read(&mut reader);
        into.push(certificate.map_err(|_| Fault::malformed(Table::Batches, "certificate"))?);
    }
    Ok(())
}

/// `account u32 | counters`.
pub(crate) fn put_balance(into: &mut Vec<u8>, balance: &BalanceAfter) {
    into.extend_from_slice(&balance.account.0.to_be_bytes());
    put_counters(into, balance);
}

pub(crate) fn get_balances(bytes: &[u8], into: &mut Vec<BalanceAfter>) -> Result<(), Fault> {
    let (balances, rest) = bytes.as_chunks::<BALANCE_BYTES>();
    for balance in balances {
        let mut fields = Fields::new(Table::Batches, balance);
        let account = AccountId(fields.u32()?);
        into.push(get_counters(account, &fields.array()?)?);
    }
    whole(Table::Batches, rest)
}

/// Nothing may be left over behind the last entry.
pub(crate) fn whole(table: Table, rest: &[u8]) -> Result<(), Fault> {
    if rest.is_empty() { Ok(()) } else { Err(Fault::malformed(table, "length")) }
}

fn reason_number(reason: Option<Reject>) -> u16 {
    reason.map_or(0, Reject::number)
}

/// Reads fields one after the other.
pub(crate) struct Fields<'a> {
    table: Table,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(table: Table, bytes: &'a [u8]) -> Self {
        Self { table, rest: bytes }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let split = self.rest.split_first_chunk();
        let (head, rest) = split.ok_or(Fault::malformed(self.table, "length"))?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    fn u128(&mut self) -> Result<u128, Fault> {
        self.array().map(u128::from_be_bytes)
    }

    fn currency(&mut self) -> Result<Currency, Fault> {
        let table = self.table;
        Currency::from_bytes(self.array()?).map_err(|_| Fault::malformed(table, "currency"))
    }

    fn state(&mut self) -> Result<PaymentState, Fault> {
        PaymentState::from_number(self.u8()?).ok_or(Fault::malformed(self.table, "state"))
    }

    fn reason(&mut self) -> Result<Option<Reject>, Fault> {
        match self.u16()? {
            0 => Ok(None),
            number => match Reject::from_number(number) {
                None => Err(Fault::malformed(self.table, "reason")),
                reason => Ok(reason),
            },
        }
    }

    pub(crate) fn end(self) -> Result<(), Fault> {
        whole(self.table, self.rest)
    }
}

#[cfg(test)]
mod tests;
