//! The fixed header of an order: 192 bytes, one encoding, everything the engine works on.
//!
//! ```text
//!  at  len  field                       at  len  field
//!   0    1  version = 1                 80   16  link group (zero = none)
//!   1    1  flags: bit 0 urgent         96   16  epoch id (zero in suite 0)
//!   2    2  suite: 0 opaque, or sealed 112    8  sequence in the epoch (zero in suite 0)
//!   4    4  pool                       120   16  original UETR (returns; else zero)
//!   8    4  sender                     136   16  return id (returns; else zero)
//!  12    4  receiver                   152    3  counter currency (FX; else zero)
//!  16   16  UETR                       155    1  limit rate scale (FX; else zero)
//!  32    2  message kind               156    8  limit rate mantissa (FX; else zero)
//!  34    1  class 0..=3, 0 first       164    4  payload length in bytes
//!  35    1  link members 0 or 2..=16   168    8  counter amount (FX instruction; else zero)
//!  36    3  currency (ISO 4217)        176   14  reserved, zero
//!  39    1  size bucket (0 in suite 0) 190    1  number of views (zero in suite 0)
//!  40    8  amount in minor units      191    1  number of slots (zero in suite 0)
//!  48    4  value date yyyymmdd
//!  52    4  disclosure policy version
//!  56    8  created at, ms since 1970-01-01T00:00:00Z
//!  64    8  not before, ms (zero = at once)
//!  72    8  not after, ms (zero = until the day closes)
//! ```

use ledger::{Amount, Currency};
use thiserror::Error;

use crate::fx::{FxTerms, Rate};
use crate::participant::ParticipantId;
use crate::suite::Sealing;

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 192;
/// The least urgent priority class; 0 is the first to settle.
pub const CLASS_MAX: u8 = 3;
/// Orders in a link group, at least.
pub const LINK_MEMBERS_MIN: u8 = 2;
/// Orders in a link group, at most.
pub const LINK_MEMBERS_MAX: u8 = 16;
/// Bytes of one order's payload, at most.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

const VERSION: u8 = 1;
const FLAG_URGENT: u8 = 1;

/// A unique end-to-end transaction reference: a version 4 UUID (RFC 9562), made by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uetr(pub [u8; 16]);

impl core::fmt::Display for Uetr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl core::str::FromStr for Uetr {
    type Err = HeaderError;

    /// Takes the canonical 36-character form, lower or upper case.
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let bytes = text.as_bytes();
        let mut out = [0; 16];
        let mut at = 0;
        if bytes.len() != 36 {
            return Err(HeaderError::Uetr);
        }
        for slot in &mut out {
            if matches!(at, 8 | 13 | 18 | 23) {
                if bytes[at] != b'-' {
                    return Err(HeaderError::Uetr);
                }
                at += 1;
            }
            let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(HeaderError::Uetr);
            let value = digit(bytes[at])? * 16 + digit(bytes[at + 1])?;
            *slot = u8::try_from(value).map_err(|_| HeaderError::Uetr)?;
            at += 2;
        }
        let uetr = Self(out);
        if uetr.well_formed() { Ok(uetr) } else { Err(HeaderError::Uetr) }
    }
}

impl Uetr {
    pub(crate) fn well_formed(self) -> bool {
        self.0[6] >> 4 == 4 && self.0[8] >> 6 == 0b10
    }
}

/// A calendar day as the number `yyyymmdd`, 2000-01-01 to 2199-12-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueDate(u32);

impl ValueDate {
    /// A valid Gregorian date, or nothing.
    #[must_use]
    pub fn new(yyyymmdd: u32) -> Option<Self> {
        let (year, month, day) = (yyyymmdd / 10_000, yyyymmdd / 100 % 100, yyyymmdd % 100);
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        ((2000..2200).contains(&year) && (1..=last).contains(&day)).then_some(Self(yyyymmdd))
    }

    /// The number `yyyymmdd`.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// What kind of message an order stands for; part of its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum MessageKind {
    /// pacs.008, a customer credit transfer.
    CustomerTransfer = 1,
    /// pacs.009, a transfer between financial institutions.
    InstitutionTransfer = 2,
    /// pacs.009 COV, the cover of a customer transfer sent another way.
    Cover = 3,
    /// fxtr.014, one side of an exchange agreed on between two parties.
    FxInstruction = 4,
    /// A payment in one currency that arrives in another, at the rate of a quote.
    FxPayment = 5,
}

impl MessageKind {
    /// From its number on the wire.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::CustomerTransfer),
            2 => Some(Self::InstitutionTransfer),
            3 => Some(Self::Cover),
            4 => Some(Self::FxInstruction),
            5 => Some(Self::FxPayment),
            _ => None,
        }
    }

    /// Whether an order of this kind is of two currencies.
    #[must_use]
    pub fn fx(self) -> bool {
        matches!(self, Self::FxInstruction | Self::FxPayment)
    }
}

/// A header that is not well-formed. Each names the field to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Not exactly [`HEADER_LEN`] bytes.
    #[error("header: must be exactly 192 bytes")]
    Length,
    /// A version other than 1.
    #[error("version: must be 1")]
    Version,
    /// Flag bits that have no meaning.
    #[error("flags: only bit 0 (urgent) may be set")]
    Flags,
    /// A sealing suite this build does not take.
    #[error(
        "suite: must be 0 (opaque payload), 1 or 2 (sealed with X25519 or X-Wing, and AES-256-GCM)"
    )]
    Suite,
    /// No such bucket.
    #[error("size_bucket: must be 1 to 6 in a sealed order")]
    SizeBucket,
    /// No epoch.
    #[error("epoch_id: must not be zero in a sealed order")]
    Epoch,
    /// More orders than an epoch may hold.
    #[error("sequence: must be below 16777216")]
    Sequence,
    /// No view, or too many.
    #[error("views: must be 1 to 5 in a sealed order")]
    Views,
    /// No recipient, or too many.
    #[error("slots: must be 1 to 16 in a sealed order")]
    Slots,
    /// Sender and receiver are the same, or one of them is zero.
    #[error("receiver: sender and receiver must be two different participants")]
    Receiver,
    /// Not a version 4 UUID.
    #[error("uetr: must be a version 4 UUID")]
    Uetr,
    /// A message kind this build does not settle.
    #[error(
        "message_kind: must be 1 (pacs.008), 2 (pacs.009), 3 (pacs.009 COV), 4 (FX instruction) \
         or 5 (FX payment)"
    )]
    MessageKind,
    /// A class above 3.
    #[error("class: must be 0 to 3")]
    Class,
    /// Group and number of members do not go together.
    #[error("link_members: must be 2 to 16 with a link group, 0 without")]
    LinkMembers,
    /// Not a currency that can be settled.
    #[error("currency: must be an ISO 4217 code with minor units")]
    Currency,
    /// Zero or more than 18 digits.
    #[error("amount: must be 1 to 999999999999999999 minor units")]
    Amount,
    /// No such day.
    #[error("value_date: must be a calendar day yyyymmdd from 2000 to 2199")]
    ValueDate,
    /// The validity ends before it begins, or before the order was made.
    #[error("not_after: must be zero or later than created_at and not_before")]
    Validity,
    /// The length in the header is not the payload's, or above [`PAYLOAD_BYTES_MAX`].
    #[error("payload_length: must equal the payload's length, at most 65536")]
    PayloadLength,
    /// An FX order that is urgent: it settles in cycles, with its match.
    #[error("flags: an FX order cannot be urgent")]
    FxUrgent,
    /// An FX order in a link group: its match is its group.
    #[error("link_group: an FX order cannot be linked")]
    FxLink,
    /// The counter currency of an FX order cannot be settled, or is that of the amount.
    #[error("counter_currency: must be an ISO 4217 code with minor units, not the amount's own")]
    CounterCurrency,
    /// The limit rate of an FX payment is out of range.
    #[error("limit_rate: must have a mantissa of 1 to 10^12 and a scale of 0 to 10")]
    LimitRate,
    /// The counter amount of an FX instruction is zero or has more than 18 digits.
    #[error("counter_amount: must be 1 to 999999999999999999 minor units")]
    CounterAmount,
    /// Bytes that must be zero are not.
    #[error("reserved: must be zero in this version")]
    Reserved,
}

/// The decoded header. [`OrderHeader::encode`] and [`HeaderView::decode`] are inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderHeader {
    /// Try to settle at once instead of waiting for the cycle.
    pub urgent: bool,
    /// The pool that settles it.
    pub pool: u32,
    /// The debtor agent, who signs.
    pub sender: ParticipantId,
    /// The creditor agent.
    pub receiver: ParticipantId,
    /// The identity of the payment, with sender and kind.
    pub uetr: Uetr,
    /// The kind of message.
    pub kind: MessageKind,
    /// Priority, 0 (first) to [`CLASS_MAX`].
    pub class: u8,
    /// What moves from sender to receiver.
    pub amount: Amount,
    /// The day on which it shall settle.
    pub value_date: ValueDate,
    /// The disclosure policy it was made under; 0 where the pool has none.
    pub policy_version: u32,
    /// When the sender made it, ms since the Unix epoch.
    pub created_at_ms: u64,
    /// Not to settle before this instant, ms; 0 = at once.
    pub not_before_ms: u64,
    /// Expires after this instant, ms; 0 = when the day closes.
    pub not_after_ms: u64,
    /// The group it settles with, all or none, and its number of members (2 to 16).
    pub link: Option<([u8; 16], u8)>,
    /// How the payload is sealed; without it the payload is opaque (suite 0).
    pub sealing: Option<Sealing>,
    /// The other currency of an FX order; as its kind says, none for other kinds.
    pub fx: Option<FxTerms>,
    /// Bytes of the payload.
    pub payload_len: u32,
}

impl OrderHeader {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &[VERSION, if self.urgent { FLAG_URGENT } else { 0 }]);
        put(4, &self.pool.to_be_bytes());
        put(8, &self.sender.0.to_be_bytes());
        put(12, &self.receiver.0.to_be_bytes());
        put(16, &self.uetr.0);
        put(32, &(self.kind as u16).to_be_bytes());
        put(34, &[self.class]);
        put(36, &self.amount.currency().to_bytes());
        put(40, &self.amount.minor().to_be_bytes());
        put(48, &self.value_date.0.to_be_bytes());
        put(52, &self.policy_version.to_be_bytes());
        put(56, &self.created_at_ms.to_be_bytes());
        put(64, &self.not_before_ms.to_be_bytes());
        put(72, &self.not_after_ms.to_be_bytes());
        if let Some((group, members)) = self.link {
            put(35, &[members]);
            put(80, &group);
        }
        if let Some(sealing) = self.sealing {
            put(2, &(sealing.suite as u16).to_be_bytes());
            put(39, &[sealing.bucket as u8]);
            put(96, &sealing.epoch.0);
            put(112, &sealing.sequence.to_be_bytes());
            put(190, &[sealing.views, sealing.slots]);
        }
        match self.fx {
            None => {}
            Some(FxTerms::Instruction { counter }) => {
                put(152, &counter.currency().to_bytes());
                put(168, &counter.minor().to_be_bytes());
            }
            Some(FxTerms::Payment { currency, limit }) => {
                put(152, &currency.to_bytes());
                put(155, &[limit.scale()]);
                put(156, &limit.mantissa().to_be_bytes());
            }
        }
        put(164, &self.payload_len.to_be_bytes());
        bytes
    }
}

/// A header read in place: each accessor is a load, nothing is copied.
///
/// Only [`HeaderView::decode`] checks; [`HeaderView::trusted`] is for bytes already checked.
#[derive(Debug, Clone, Copy)]
pub struct HeaderView<'a>(&'a [u8; HEADER_LEN]);

impl<'a> HeaderView<'a> {
    /// A view of bytes that [`HeaderView::check`] has accepted before (a log record's).
    #[must_use]
    pub fn trusted(bytes: &'a [u8; HEADER_LEN]) -> Self {
        Self(bytes)
    }

    /// Checks every field; the order of the checks is the order of the header.
    ///
    /// # Errors
    /// The first [`HeaderError`] met.
    pub fn check(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let view = Self(bytes.try_into().map_err(|_| HeaderError::Length)?);
        let ensure = |held: bool, error: HeaderError| if held { Ok(()) } else { Err(error) };
        ensure(view.0[0] == VERSION, HeaderError::Version)?;
        ensure(view.0[1] & !FLAG_URGENT == 0, HeaderError::Flags)?;
        view.sealing()?;
        let (sender, receiver) = (view.sender().0, view.receiver().0);
        ensure(sender != 0 && receiver != 0 && sender != receiver, HeaderError::Receiver)?;
        ensure(view.uetr().well_formed(), HeaderError::Uetr)?;
        ensure(MessageKind::from_number(view.kind_number()).is_some(), HeaderError::MessageKind)?;
        ensure(view.class() <= CLASS_MAX, HeaderError::Class)?;
        let grouped = view.array::<16>(80) != [0; 16];
        let members = view.0[35];
        let fits = if grouped {
            (LINK_MEMBERS_MIN..=LINK_MEMBERS_MAX).contains(&members)
        } else {
            members == 0
        };
        ensure(fits, HeaderError::LinkMembers)?;
        let currency =
            Currency::from_bytes(view.currency_bytes()).map_err(|_| HeaderError::Currency)?;
        let amount = view.minor() > 0 && Amount::new(view.minor(), currency).is_ok();
        ensure(amount, HeaderError::Amount)?;
        ensure(ValueDate::new(view.value_date_number()).is_some(), HeaderError::ValueDate)?;
        let starts_at = view.created_at_ms().max(view.not_before_ms());
        let valid = view.not_after_ms() == 0 || view.not_after_ms() > starts_at;
        ensure(valid, HeaderError::Validity)?;
        ensure(view.payload_len() <= PAYLOAD_BYTES_MAX, HeaderError::PayloadLength)?;
        ensure(view.zero(120..152), HeaderError::Reserved)?;
        view.check_fx()?;
        ensure(view.zero(176..190), HeaderError::Reserved)?;
        Ok(view)
    }

    /// What an FX order says of its counter currency; other orders say nothing of one.
    fn check_fx(self) -> Result<(), HeaderError> {
        let ensure = |held: bool, error: HeaderError| if held { Ok(()) } else { Err(error) };
        if !self.kind().is_some_and(MessageKind::fx) {
            return ensure(self.zero(152..164) && self.zero(168..176), HeaderError::Reserved);
        }
        ensure(!self.urgent(), HeaderError::FxUrgent)?;
        ensure(self.link().is_none(), HeaderError::FxLink)?;
        let counter = Currency::from_bytes(self.counter_currency_bytes());
        let counter = counter.map_err(|_| HeaderError::CounterCurrency)?;
        ensure(counter.to_bytes() != self.currency_bytes(), HeaderError::CounterCurrency)?;
        if self.kind() == Some(MessageKind::FxPayment) {
            ensure(self.limit_rate().is_some(), HeaderError::LimitRate)?;
            return ensure(self.counter_minor() == 0, HeaderError::Reserved);
        }
        let bought = self.counter_minor() > 0 && Amount::new(self.counter_minor(), counter).is_ok();
        ensure(bought, HeaderError::CounterAmount)?;
        ensure(self.zero(155..164), HeaderError::Reserved)
    }

    fn zero(self, range: core::ops::Range<usize>) -> bool {
        self.0[range].iter().all(|byte| *byte == 0)
    }

    /// The other currency of an FX order whose fields hold.
    #[must_use]
    pub fn fx(self) -> Option<FxTerms> {
        let currency = Currency::from_bytes(self.counter_currency_bytes()).ok()?;
        match self.kind()? {
            MessageKind::FxInstruction => {
                let counter = Amount::new(self.counter_minor(), currency).ok()?;
                Some(FxTerms::Instruction { counter })
            }
            MessageKind::FxPayment => {
                Some(FxTerms::Payment { currency, limit: self.limit_rate()? })
            }
            _ => None,
        }
    }

    /// Checks and decodes.
    ///
    /// # Errors
    /// The first [`HeaderError`] met.
    pub fn decode(bytes: &'a [u8]) -> Result<OrderHeader, HeaderError> {
        let view = Self::check(bytes)?;
        let currency =
            Currency::from_bytes(view.currency_bytes()).map_err(|_| HeaderError::Currency)?;
        Ok(OrderHeader {
            urgent: view.urgent(),
            pool: view.pool(),
            sender: view.sender(),
            receiver: view.receiver(),
            uetr: view.uetr(),
            kind: view.kind().ok_or(HeaderError::MessageKind)?,
            class: view.class(),
            amount: Amount::new(view.minor(), currency).map_err(|_| HeaderError::Amount)?,
            value_date: ValueDate::new(view.value_date_number()).ok_or(HeaderError::ValueDate)?,
            policy_version: view.policy_version(),
            created_at_ms: view.created_at_ms(),
            not_before_ms: view.not_before_ms(),
            not_after_ms: view.not_after_ms(),
            link: view.link(),
            sealing: view.sealing()?,
            fx: view.fx(),
            payload_len: u32::from_be_bytes(view.array(164)),
        })
    }

    /// The bytes themselves.
    #[must_use]
    pub fn bytes(self) -> &'a [u8; HEADER_LEN] {
        self.0
    }

    /// Whether it should settle at once.
    #[must_use]
    pub fn urgent(self) -> bool {
        self.0[1] & FLAG_URGENT != 0
    }

    /// The pool.
    #[must_use]
    pub fn pool(self) -> u32 {
        u32::from_be_bytes(self.array(4))
    }

    /// The debtor agent.
    #[must_use]
    pub fn sender(self) -> ParticipantId {
        ParticipantId(u32::from_be_bytes(self.array(8)))
    }

    /// The creditor agent.
    #[must_use]
    pub fn receiver(self) -> ParticipantId {
        ParticipantId(u32::from_be_bytes(self.array(12)))
    }

    /// The payment's reference.
    #[must_use]
    pub fn uetr(self) -> Uetr {
        Uetr(self.array(16))
    }

    /// The message kind's number.
    #[must_use]
    pub fn kind_number(self) -> u16 {
        u16::from_be_bytes(self.array(32))
    }

    /// The message kind, if known.
    #[must_use]
    pub fn kind(self) -> Option<MessageKind> {
        MessageKind::from_number(self.kind_number())
    }

    /// The priority class.
    #[must_use]
    pub fn class(self) -> u8 {
        self.0[34]
    }

    /// The currency's three letters.
    #[must_use]
    pub fn currency_bytes(self) -> [u8; 3] {
        self.array(36)
    }

    /// The amount in minor units.
    #[must_use]
    pub fn minor(self) -> u64 {
        u64::from_be_bytes(self.array(40))
    }

    /// The value date as `yyyymmdd`.
    #[must_use]
    pub fn value_date_number(self) -> u32 {
        u32::from_be_bytes(self.array(48))
    }

    /// The disclosure policy it was made under; 0 = none.
    #[must_use]
    pub fn policy_version(self) -> u32 {
        u32::from_be_bytes(self.array(52))
    }

    /// When the sender made it, ms.
    #[must_use]
    pub fn created_at_ms(self) -> u64 {
        u64::from_be_bytes(self.array(56))
    }

    /// Not before, ms; 0 = at once.
    #[must_use]
    pub fn not_before_ms(self) -> u64 {
        u64::from_be_bytes(self.array(64))
    }

    /// Not after, ms; 0 = none.
    #[must_use]
    pub fn not_after_ms(self) -> u64 {
        u64::from_be_bytes(self.array(72))
    }

    /// The link group and its number of members.
    #[must_use]
    pub fn link(self) -> Option<([u8; 16], u8)> {
        let group = self.array(80);
        (group != [0; 16]).then_some((group, self.0[35]))
    }

    /// How the payload is sealed; `None` in suite 0.
    ///
    /// # Errors
    /// The [`HeaderError`] of the field; none on bytes that were checked.
    pub fn sealing(self) -> Result<Option<Sealing>, HeaderError> {
        Sealing::from_fields(
            u16::from_be_bytes(self.array(2)),
            self.array(96),
            u64::from_be_bytes(self.array(112)),
            [self.0[39], self.0[190], self.0[191]],
        )
    }

    /// The counter currency's three letters; zeros for an order of one currency.
    #[must_use]
    pub fn counter_currency_bytes(self) -> [u8; 3] {
        self.array(152)
    }

    /// What an FX instruction buys, in minor units of the counter currency; else 0.
    #[must_use]
    pub fn counter_minor(self) -> u64 {
        u64::from_be_bytes(self.array(168))
    }

    /// The limit rate of an FX payment.
    #[must_use]
    pub fn limit_rate(self) -> Option<Rate> {
        Rate::new(u64::from_be_bytes(self.array(156)), self.0[155])
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn payload_len(self) -> usize {
        u32::from_be_bytes(self.array(164)) as usize
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&self.0[at..at + N]);
        out
    }
}
