//! Records: the bytes of the log. One record is one append: a batch of orders of one sender, a
//! signed command, or a step of the system itself.
//!
//! ```text
//! header, 32 bytes:  magic "CWR1" | version u16 = 1 | kind u16 | pool u32 | body length u32
//!                    | time u64 ms | reserved u32 = 0 | CRC-32C u32 of header (without it) + body
//! kind 1 genesis:    Genesis
//! kind 2 orders:     sender u32 | count u32 | signature [64] | root [32]
//!                    | count x digest [32] | count x order header [192] | payloads, one by one
//! kind 3 command:    checker u32 (0 = none) | signature [64] | checker's signature [64] | command
//! kind 4 tick:       cycle u64 (0 = time only)
//! kind 5 settle:     a proposal and its prices, see `record/settle.rs`
//! kind 6 statements: signed statements, see `record/statements.rs`
//! ```
//! Columns of equal width come first so that the core reads headers and digests in place and never
//! touches a payload.

mod settle;
mod statements;

use channel::{
    BATCH_ORDERS_MAX, DecodeError, Genesis, HEADER_LEN, HeaderView, PLACE_INDEX_BITS,
    ParticipantId, Reader, SignedCommand, Writer,
};
use ledger::Hash;
use thiserror::Error;

pub use self::settle::{PRICE_BITS, Prices, Proposal, SettleRecord, pack_settle};
pub use self::statements::{STATEMENTS_MAX, StatementsRecord, pack_statements};

/// Bytes of a record's header.
pub const HEADER_BYTES: usize = 32;

const MAGIC: [u8; 4] = *b"CWR1";
const VERSION: u16 = 1;
const KIND_GENESIS: u16 = 1;
const KIND_ORDERS: u16 = 2;
const KIND_COMMAND: u16 = 3;
const KIND_TICK: u16 = 4;
const KIND_SETTLE: u16 = 5;
const KIND_STATEMENTS: u16 = 6;
const INDEX_MASK: u64 = (1 << PLACE_INDEX_BITS) - 1;

/// Where an order stands in the log: position × 2^20 + index in its record.
///
/// Orders have indices below [`BATCH_ORDERS_MAX`]. A record that matches FX payments with quotes
/// makes payments of its own, the legs; they have the indices from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

impl Place {
    /// The place of order `index` of the record at `position`.
    #[must_use]
    pub fn new(position: u64, index: usize) -> Self {
        Self(position << PLACE_INDEX_BITS | index as u64 & INDEX_MASK)
    }

    /// The record's position.
    #[must_use]
    pub fn position(self) -> u64 {
        self.0 >> PLACE_INDEX_BITS
    }

    /// The index in the record.
    #[must_use]
    pub fn index(self) -> usize {
        (self.0 & INDEX_MASK) as usize
    }

    /// Whether it is that of a leg: a payment that no order stands for but a match.
    #[must_use]
    pub fn leg(self) -> bool {
        self.index() >= BATCH_ORDERS_MAX
    }
}

/// A record that cannot be read: the log is damaged, or was written by another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The magic is not `CWR1`.
    #[error("not a Causeway record")]
    Magic,
    /// A version this build does not know.
    #[error("record version {0} is unknown to this build")]
    Version(u16),
    /// A kind this build does not know.
    #[error("record kind {0} is unknown to this build")]
    Kind(u16),
    /// The lengths do not add up.
    #[error("record length does not match its content")]
    Length,
    /// The checksum does not match.
    #[error("record checksum does not match")]
    Checksum,
    /// Another pool's record.
    #[error("record belongs to pool {0}")]
    Pool(u32),
    /// A field of the body does not decode.
    #[error("record body: {0}")]
    Body(#[from] DecodeError),
    /// Positions must follow each other without a gap.
    #[error("record at position {found} where {expected} was expected")]
    Position {
        /// The next position of the pool.
        expected: u64,
        /// The position given.
        found: u64,
    },
    /// The first record is a genesis; a later one is the same once more, or there is none.
    #[error("a genesis stands at position 0, and no other one behind it")]
    Genesis,
}

/// A record, read in place.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The pool.
    pub pool: u32,
    /// When it was taken in, ms since the Unix epoch.
    pub time_ms: u64,
    /// What it holds.
    pub body: RecordBody<'a>,
}

/// What a record holds.
#[derive(Debug, Clone)]
pub enum RecordBody<'a> {
    /// The beginning of the pool.
    Genesis(Genesis),
    /// A batch of orders.
    Orders(OrdersRecord<'a>),
    /// A signed command.
    Command(SignedCommand),
    /// Time has passed; closes a cycle if it names one (0 = none).
    Tick {
        /// The cycle to close.
        cycle: u64,
    },
    /// A proposal for an open cut.
    Settle(SettleRecord<'a>),
    /// What parties state.
    Statements(StatementsRecord),
}

/// A batch of orders of one sender, read in place.
#[derive(Debug, Clone, Copy)]
pub struct OrdersRecord<'a> {
    /// Who signed.
    pub sender: ParticipantId,
    /// The sender's signature over the batch statement.
    pub signature: &'a [u8; 64],
    /// Merkle root of the digests.
    pub root: &'a Hash,
    /// The digests, one per order.
    pub digests: &'a [Hash],
    /// The headers, one per order; checked before they were logged.
    pub headers: &'a [[u8; HEADER_LEN]],
    payloads: &'a [u8],
}

impl<'a> OrdersRecord<'a> {
    /// Each header with its payload, in order.
    pub fn orders(self) -> impl Iterator<Item = (HeaderView<'a>, &'a [u8])> {
        let mut rest = self.payloads;
        self.headers.iter().map(move |header| {
            let header = HeaderView::trusted(header);
            let (payload, tail) = rest.split_at(header.payload_len().min(rest.len()));
            rest = tail;
            (header, payload)
        })
    }

    fn read(body: &'a [u8]) -> Result<Self, RecordError> {
        let (fixed, rest) = body.split_first_chunk::<104>().ok_or(RecordError::Length)?;
        let (sender, rest_fixed) = fixed.split_first_chunk::<4>().ok_or(RecordError::Length)?;
        let (count, rest_fixed) = rest_fixed.split_first_chunk::<4>().ok_or(RecordError::Length)?;
        let (signature, root) = rest_fixed.split_first_chunk::<64>().ok_or(RecordError::Length)?;
        let root = root.first_chunk::<32>().ok_or(RecordError::Length)?;
        let count = u32::from_be_bytes(*count) as usize;
        if count == 0 || count > BATCH_ORDERS_MAX {
            return Err(RecordError::Length);
        }
        let (digests, rest) = rest.split_at_checked(count * 32).ok_or(RecordError::Length)?;
        let (headers, payloads) =
            rest.split_at_checked(count * HEADER_LEN).ok_or(RecordError::Length)?;
        let (digests, _) = digests.as_chunks::<32>();
        let (headers, _) = headers.as_chunks::<HEADER_LEN>();
        let length: usize =
            headers.iter().map(|header| HeaderView::trusted(header).payload_len()).sum();
        if length != payloads.len() {
            return Err(RecordError::Length);
        }
        let sender = ParticipantId(u32::from_be_bytes(*sender));
        Ok(Self { sender, signature, root, digests, headers, payloads })
    }
}

impl<'a> Record<'a> {
    /// Reads a record and checks its checksum and its lengths.
    ///
    /// # Errors
    /// [`RecordError`]; the log is then damaged or of another version, and reading must stop.
    pub fn read(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let (header, body) =
            bytes.split_first_chunk::<HEADER_BYTES>().ok_or(RecordError::Length)?;
        let mut reader = Reader::new(header);
        let Start { kind, pool, length } = read_start(&mut reader)?;
        if length != body.len() {
            return Err(RecordError::Length);
        }
        let time_ms = reader.u64("time")?;
        if reader.u32("reserved")? != 0 {
            return Err(DecodeError::Range { field: "reserved" }.into());
        }
        if reader.u32("checksum")? != checksum(header, body) {
            return Err(RecordError::Checksum);
        }
        let body = RecordBody::read(kind, body)?;
        match &body {
            RecordBody::Genesis(genesis) if genesis.pool != pool => Err(RecordError::Pool(pool)),
            _ => Ok(Self { pool, time_ms, body }),
        }
    }
}

impl<'a> RecordBody<'a> {
    fn read(kind: u16, body: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(body);
        Ok(match kind {
            KIND_GENESIS => Self::Genesis(Genesis::decode(body)?),
            KIND_ORDERS => Self::Orders(OrdersRecord::read(body)?),
            KIND_COMMAND => {
                let checker = reader.u32("checker")?;
                let signature = reader.array("signature")?;
                let second = reader.array("checker signature")?;
                if checker == 0 && second != [0; 64] {
                    return Err(DecodeError::Range { field: "checker signature" }.into());
                }
                let command = reader.raw(reader.remaining(), "command")?.to_vec();
                let checker = (checker != 0).then_some((ParticipantId(checker), second));
                Self::Command(SignedCommand { command, signature, checker })
            }
            KIND_TICK => {
                let cycle = reader.u64("cycle")?;
                reader.finish()?;
                Self::Tick { cycle }
            }
            KIND_SETTLE => Self::Settle(SettleRecord::read(body)?),
            KIND_STATEMENTS => Self::Statements(StatementsRecord::read(body)?),
            kind => return Err(RecordError::Kind(kind)),
        })
    }
}

/// How many bytes the record with this header has, header included: what tells records apart where
/// they stand one after the other.
///
/// # Errors
/// [`RecordError::Magic`], [`RecordError::Version`]: no record of ours begins with it.
pub fn record_bytes(header: &[u8; HEADER_BYTES]) -> Result<usize, RecordError> {
    let mut reader = Reader::new(header);
    let length = read_start(&mut reader)?.length;
    Ok(HEADER_BYTES + length)
}

/// The first fields of a header.
struct Start {
    kind: u16,
    pool: u32,
    length: usize,
}

fn read_start(reader: &mut Reader<'_>) -> Result<Start, RecordError> {
    if reader.array::<4>("magic")? != MAGIC {
        return Err(RecordError::Magic);
    }
    let version = reader.u16("version")?;
    if version != VERSION {
        return Err(RecordError::Version(version));
    }
    let (kind, pool) = (reader.u16("kind")?, reader.u32("pool")?);
    Ok(Start { kind, pool, length: reader.u32("length")? as usize })
}

fn checksum(header: &[u8; HEADER_BYTES], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..HEADER_BYTES - 4]), body)
}

/// Puts the header in front of a body; `bytes` begins with [`HEADER_BYTES`] bytes of room.
fn seal(mut bytes: Vec<u8>, kind: u16, pool: u32, time_ms: u64) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    let mut writer = Writer::new();
    writer.raw(&MAGIC).u16(VERSION).u16(kind).u32(pool).u32(length).u64(time_ms).u32(0).u32(0);
    bytes[..HEADER_BYTES].copy_from_slice(&writer.into_bytes());
    let crc =
        crc32c::crc32c_append(crc32c::crc32c(&bytes[..HEADER_BYTES - 4]), &bytes[HEADER_BYTES..]);
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn room(body: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body);
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// Packs a batch of orders, all checked: `orders` are headers with their payloads, 1 to
/// [`BATCH_ORDERS_MAX`] of them, `digests` their digests in the same order.
#[must_use]
pub fn pack_orders(
    (pool, time_ms): (u32, u64),
    sender: ParticipantId,
    signature: &[u8; 64],
    root: &Hash,
    digests: &[Hash],
    orders: &[(&[u8; HEADER_LEN], &[u8])],
) -> Vec<u8> {
    let payloads: usize = orders.iter().map(|(_, payload)| payload.len()).sum();
    let mut bytes = room(104 + orders.len() * (32 + HEADER_LEN) + payloads);
    bytes.extend_from_slice(&sender.0.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(orders.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(signature);
    bytes.extend_from_slice(root);
    bytes.extend_from_slice(digests.as_flattened());
    for (header, _) in orders {
        bytes.extend_from_slice(*header);
    }
    for (_, payload) in orders {
        bytes.extend_from_slice(payload);
    }
    seal(bytes, KIND_ORDERS, pool, time_ms)
}

/// Packs a signed command.
#[must_use]
pub fn pack_command((pool, time_ms): (u32, u64), signed: &SignedCommand) -> Vec<u8> {
    let mut bytes = room(132 + signed.command.len());
    let (checker, second) = signed.checker.unwrap_or((ParticipantId(0), [0; 64]));
    bytes.extend_from_slice(&checker.0.to_be_bytes());
    bytes.extend_from_slice(&signed.signature);
    bytes.extend_from_slice(&second);
    bytes.extend_from_slice(&signed.command);
    seal(bytes, KIND_COMMAND, pool, time_ms)
}

/// Packs the first record of a pool.
#[must_use]
pub fn pack_genesis(time_ms: u64, genesis: &Genesis) -> Vec<u8> {
    let mut bytes = room(0);
    bytes.extend_from_slice(&genesis.encode());
    seal(bytes, KIND_GENESIS, genesis.pool, time_ms)
}

/// Packs a tick; `cycle` 0 only lets time pass.
#[must_use]
pub fn pack_tick((pool, time_ms): (u32, u64), cycle: u64) -> Vec<u8> {
    let mut bytes = room(8);
    bytes.extend_from_slice(&cycle.to_be_bytes());
    seal(bytes, KIND_TICK, pool, time_ms)
}
