//! Snapshots: the whole state as bytes, from which a pool goes on as if it had never stopped.
//!
//! Full pages of the index of identities never change, so a snapshot shares them; everything else
//! is in `state`. The layouts are in `docs/internals/records.md`.

use std::sync::Arc;

use channel::{DecodeError, ParticipantId, Reader, RequestId, RuleBook, Uetr, Writer};
use ledger::{AccountId, Amount, Hash, Ledger};
use risk::{Limits, Velocity};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::batch::{OpenBatch, transfer_bytes};
use crate::cycle::Cycle;
use crate::directory::Directory;
use crate::disclosure::Disclosure;
use crate::funding::{DEFUNDS_MAX, Funding, PAY_INS_MAX, PendingDefund};
use crate::fx::{Book, Orders};
use crate::group::GroupId;
use crate::outcome::{Transfer, TransferKind};
use crate::payment::{NO_GROUP, Payment, Stage};
use crate::pool::Pool;
use crate::queue::CLASSES;
use crate::record::Place;
use crate::requests::Requests;
use crate::seen::{SeenIndex, SeenPage};
use crate::state::{bounded, read_bool, read_currency};

const MAGIC: [u8; 4] = *b"CWSS";
const VERSION: u16 = 1;

/// A consistent copy of a pool's state.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The position of the next record: the tail of the log begins here.
    pub position: u64,
    /// Everything but the full pages of the index of identities.
    pub state: Vec<u8>,
    /// Those pages by number, ascending, without gaps. A page of a given number never changes.
    pub pages: Vec<(u64, Arc<SeenPage>)>,
}

/// Why bytes are no snapshot of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// The magic is not `CWSS`.
    #[error("not a Causeway snapshot")]
    Magic,
    /// A version this build does not know.
    #[error("snapshot version {0} is unknown to this build")]
    Version(u16),
    /// The bytes are damaged.
    #[error("snapshot checksum does not match")]
    Checksum,
    /// A field does not decode.
    #[error("snapshot: {0}")]
    Body(#[from] DecodeError),
    /// The books do not decode.
    #[error("snapshot books: {0}")]
    Ledger(#[from] ledger::DecodeError),
    /// The limits do not decode.
    #[error("snapshot limits: {0}")]
    Limits(#[from] risk::DecodeError),
    /// A page of the index of identities is missing or damaged.
    #[error("page {0} of the index of identities is missing or damaged")]
    Page(u64),
    /// The state does not have the root it had when the snapshot was made.
    #[error("the restored state has another root")]
    Root,
}

impl Pool {
    /// A copy of the state. Shares the full pages of the index of identities.
    pub fn snapshot(&mut self) -> Snapshot {
        let root = self.state_root();
        let mut writer = Writer::new();
        writer.raw(&MAGIC).u16(VERSION);
        self.write_head(&mut writer);
        self.directory.write(&mut writer);
        write_blob(&mut writer, &self.ledger.encode());
        write_blob(&mut writer, &self.limits.encode());
        write_blob(&mut writer, &self.velocity.encode());
        self.seen.write(&mut writer);
        self.write_payments(&mut writer);
        self.write_groups(&mut writer);
        self.fx.book.write(&mut writer);
        self.fx.orders.write(&mut writer);
        self.requests.write(&mut writer);
        self.funding.write(&mut writer);
        self.cycle.write(&mut writer);
        self.batch.write(&mut writer);
        writer.raw(&self.last_root).raw(&root);
        let mut state = writer.into_bytes();
        let checksum: Hash = Sha256::digest(&state).into();
        state.extend_from_slice(&checksum);
        Snapshot { position: self.next_position, state, pages: self.seen.full_pages() }
    }

    /// A pool from a snapshot: `state` and at least its pages, ascending by number. Pages that the
    /// snapshot does not need are passed over.
    ///
    /// # Errors
    /// [`RestoreError`]; also if the state does not have the root it had.
    pub fn restore(
        hash_seed: u64,
        state: &[u8],
        pages: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Self, RestoreError> {
        let (body, checksum) = state.split_last_chunk::<32>().ok_or(RestoreError::Magic)?;
        let mut reader = Reader::new(body);
        if reader.array::<4>("magic")? != MAGIC {
            return Err(RestoreError::Magic);
        }
        let version = reader.u16("version")?;
        if version != VERSION {
            return Err(RestoreError::Version(version));
        }
        if Hash::from(Sha256::digest(body)) != *checksum {
            return Err(RestoreError::Checksum);
        }
        let mut pool = Self::new(hash_seed);
        let root = pool.read_state(&mut reader, pages)?;
        reader.finish()?;
        if pool.state_root() != root || pool.check().is_err() {
            return Err(RestoreError::Root);
        }
        Ok(pool)
    }

    fn read_state(
        &mut self,
        reader: &mut Reader<'_>,
        pages: impl Iterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Hash, RestoreError> {
        self.read_head(reader)?;
        self.directory = Directory::read(reader)?;
        self.ledger = Ledger::decode(read_blob(reader)?)?;
        self.limits = Limits::decode(read_blob(reader)?)?;
        self.velocity = Velocity::decode(read_blob(reader)?)?;
        self.seen.read(reader, pages)?;
        let accounts = self.directory.holders().len();
        self.queues.grow(accounts);
        self.batch.grow(accounts);
        self.read_payments(reader)?;
        self.read_groups(reader)?;
        self.fx.book = Book::read(reader, &self.directory)?;
        self.fx.orders = Orders::read(reader, self.directory.currencies().len())?;
        self.enter_restored();
        self.requests = Requests::read(reader)?;
        self.funding = Funding::read(reader)?;
        self.cycle = Cycle::read(reader)?;
        self.batch.read(reader, accounts)?;
        if let Some(cut) = self.cycle.cut.take() {
            if cut.queues.iter().any(|queue| queue.account.0 as usize >= accounts) {
                return Err(DecodeError::Range { field: "cut account" }.into());
            }
            self.open_cut(cut);
        }
        self.last_root = reader.array("last root")?;
        Ok(reader.array("root")?)
    }

    fn write_head(&self, writer: &mut Writer) {
        writer.u32(self.pool).raw(&self.identity).raw(&self.operator_key);
        writer.u64(self.next_position).u64(self.now_ms).u64(self.confirmed_until_ms);
        self.rules.write(writer);
        self.disclosure.write(writer);
    }

    fn read_head(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.pool = reader.u32("pool")?;
        self.identity = reader.array("identity")?;
        self.operator_key = reader.array("operator key")?;
        self.next_position = reader.u64("position")?;
        self.now_ms = reader.u64("time")?;
        self.confirmed_until_ms = reader.u64("confirmed time")?;
        self.rules = RuleBook::read(reader)?;
        self.rules_hash = self.rules.hash();
        self.disclosure = Disclosure::read(reader)?;
        Ok(())
    }

    fn write_payments(&self, writer: &mut Writer) {
        writer.u64(self.queues.joined());
        writer.u32(self.payments.len() as u32);
        self.payments.iter().for_each(|(_, payment)| payment.write(writer));
    }

    /// Takes the payments in; they are put where they wait once their groups are known.
    fn read_payments(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.queues.set_joined(reader.u64("joined")?);
        let accounts = self.directory.holders().len();
        let currencies = self.directory.currencies().len();
        let mut last = None;
        for _ in 0..reader.u32("payments")? {
            let payment = Payment::read(reader)?;
            let fits = (payment.debit.0.max(payment.credit.0) as usize) < accounts
                && usize::from(payment.currency) < currencies
                && self.directory.owner(payment.debit).is_some()
                && self.directory.owner(payment.credit).is_some()
                && usize::from(payment.class) < CLASSES
                && last < Some(payment.place);
            if !fits {
                return Err(DecodeError::Range { field: "payment" });
            }
            if payment.not_after_ms != 0 {
                self.expiry.insert(payment.not_after_ms, payment.place);
            }
            last = Some(payment.place);
            self.payments.insert(payment);
        }
        Ok(())
    }

    fn read_groups(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        for _ in 0..reader.u32("groups")? {
            let id = GroupId::read(reader)?;
            let (size, ready) = (reader.u8("group size")?, reader.u8("group ready")?);
            for _ in 0..reader.u8("group members")? {
                let slot = self.payments.find(Place(reader.u64("group member")?));
                let slot = slot.filter(|_| self.groups.fits(&id, size));
                let slot = slot.ok_or(DecodeError::Range { field: "group member" })?;
                let handle = self.groups.add(id, size, slot);
                self.groups.get_mut(handle).ready = ready;
                self.payments.get_mut(slot).group = handle;
            }
        }
        Ok(())
    }

    /// Puts the restored payments where they wait; those in queues in the order of joining.
    fn enter_restored(&mut self) {
        let mut queued = Vec::new();
        let remembered = self.seen.first_place().unwrap_or(Place(u64::MAX));
        for (slot, payment) in self.payments.iter() {
            if payment.place < remembered && !payment.place.leg() {
                let identity = self.identity_of(payment);
                self.outlived.insert(identity, payment.place);
            }
            match payment.stage {
                Stage::Queue => queued.push((payment.order, slot)),
                stage => {
                    self.waiting.insert(payment);
                    if stage == Stage::Match {
                        self.fx.orders.wait(payment);
                    }
                }
            }
        }
        queued.sort_unstable();
        for (_, slot) in queued {
            self.queues.append(slot, self.payments.get(slot));
        }
    }
}

fn write_blob(writer: &mut Writer, bytes: &[u8]) {
    writer.u64(bytes.len() as u64).raw(bytes);
}

fn read_blob<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.u64("length")?;
    let length = usize::try_from(length).map_err(|_| DecodeError::Range { field: "length" })?;
    reader.raw(length, "section")
}

impl Payment {
    fn write(&self, writer: &mut Writer) {
        writer.u64(self.place.0).raw(&self.digest).u64(self.minor);
        writer.u64(self.not_before_ms).u64(self.not_after_ms).u64(self.order);
        writer.raw(&self.uetr.0).u16(self.kind).u32(self.debit.0).u32(self.credit.0);
        writer.u32(self.value_date).u8(self.currency).u8(self.class);
        writer.u8(u8::from(self.urgent)).u8(self.stage as u8);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            place: Place(reader.u64("place")?),
            digest: reader.array("digest")?,
            minor: reader.u64("amount")?,
            not_before_ms: reader.u64("not_before")?,
            not_after_ms: reader.u64("not_after")?,
            order: reader.u64("order")?,
            uetr: Uetr(reader.array("uetr")?),
            kind: reader.u16("kind")?,
            debit: AccountId(reader.u32("debit")?),
            credit: AccountId(reader.u32("credit")?),
            value_date: reader.u32("value_date")?,
            currency: reader.u8("currency")?,
            class: reader.u8("class")?,
            urgent: read_bool(reader, "urgent")?,
            stage: match reader.u8("stage")? {
                1 => Stage::Time,
                2 => Stage::Date,
                3 => Stage::Group,
                4 => Stage::Queue,
                5 => Stage::Match,
                6 => Stage::Matched,
                7 => Stage::Held,
                value => return Err(DecodeError::Unknown { field: "stage", value: value.into() }),
            },
            group: NO_GROUP,
            in_cut: false,
            in_floor: false,
            gone: false,
        })
    }
}

impl Funding {
    fn write(&self, writer: &mut Writer) {
        writer.u32(self.pay_ins.len() as u32);
        self.pay_ins.iter().for_each(|pay_in| _ = writer.raw(pay_in));
        writer.u32(self.defunds.len() as u32);
        for defund in self.defunds.values() {
            writer.raw(&defund.request.0).u32(defund.participant.0).u32(defund.account.0);
            writer.raw(&defund.amount.currency().to_bytes()).u64(defund.amount.minor());
            writer.u64(defund.place.0);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut funding = Self::default();
        for _ in 0..bounded(reader.u32("pay-ins")?, PAY_INS_MAX, "pay-ins")? {
            funding.use_pay_in(reader.array("pay-in")?);
        }
        for _ in 0..bounded(reader.u32("pay-outs")?, DEFUNDS_MAX, "pay-outs")? {
            let request = RequestId(reader.array("pay-out")?);
            let participant = ParticipantId(reader.u32("pay-out participant")?);
            let account = AccountId(reader.u32("pay-out account")?);
            let currency = read_currency(reader)?;
            let amount = Amount::new(reader.u64("pay-out amount")?, currency)
                .map_err(|_| DecodeError::Range { field: "pay-out amount" })?;
            let place = Place(reader.u64("pay-out place")?);
            let pending = PendingDefund { request, participant, account, amount, place };
            funding.defunds.insert(request, pending);
        }
        Ok(funding)
    }
}

impl OpenBatch {
    fn write(&self, writer: &mut Writer) {
        writer.u64(self.number).u64(self.first).option_u64(self.opened_at_ms).raw(&self.previous);
        writer.u32(self.transfers.len() as u32);
        for transfer in &self.transfers {
            writer.raw(&transfer_bytes(transfer));
        }
        writer.u32(self.leaves.len() as u32).raw(self.leaves.as_flattened());
    }

    fn read(&mut self, reader: &mut Reader<'_>, accounts: usize) -> Result<(), DecodeError> {
        self.number = reader.u64("batch")?;
        self.first = reader.u64("batch first")?;
        self.opened_at_ms = reader.option_u64("batch opened_at")?;
        self.previous = reader.array("batch previous")?;
        for _ in 0..reader.u32("batch transfers")? {
            let transfer = read_transfer(reader)?;
            if transfer.debit.0.max(transfer.credit.0) as usize >= accounts {
                return Err(DecodeError::Range { field: "transfer account" });
            }
            self.count(&transfer);
            self.transfers.push(transfer);
        }
        for _ in 0..reader.u32("batch leaves")? {
            self.leaves.push(reader.array("batch leaf")?);
        }
        Ok(())
    }
}

fn read_transfer(reader: &mut Reader<'_>) -> Result<Transfer, DecodeError> {
    let place = Place(reader.u64("transfer place")?);
    let origin = Place(reader.u64("transfer origin")?);
    let kind = reader.u8("transfer kind")?;
    Ok(Transfer {
        place,
        origin,
        kind: TransferKind::from_number(kind)
            .ok_or(DecodeError::Unknown { field: "transfer kind", value: kind.into() })?,
        debit: AccountId(reader.u32("transfer debit")?),
        credit: AccountId(reader.u32("transfer credit")?),
        minor: reader.u64("transfer amount")?,
    })
}

impl SeenIndex {
    /// The full pages.
    pub(crate) fn full_pages(&self) -> Vec<(u64, Arc<SeenPage>)> {
        (self.first_page()..).zip(self.pages().cloned()).collect()
    }
}
