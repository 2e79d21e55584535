//! Orders from a seed: a few core banks carry most of the traffic, amounts have a heavy tail.

use std::collections::BTreeMap;

use bytes::Bytes;
use channel::{
    HEADER_LEN, MessageKind, OrderHeader, Signer as _, Uetr, ValueDate, batch_statement,
    merkle_root, order_digest,
};
use ledger::{Amount, Currency, Hash};
use proto::v1::{Order, SubmitBatchesRequest};

use crate::scene::Bank;
use crate::sealed::Sealer;

/// One bank in so many is a core bank, and every second order goes to one.
const CORE_SHARE: usize = 10;
/// The smallest amounts, minor units; each step of the tail doubles them and halves their number.
const AMOUNT_BASE: u64 = 1_000;
const TAIL_STEPS: u32 = 20;

/// What to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) orders: u64,
    pub(crate) batch: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) urgent_percent: u8,
}

/// What the oracle needs to know of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) sender: u16,
    pub(crate) receiver: u16,
    pub(crate) currency: u8,
    pub(crate) minor: u64,
}

/// A batch ready to be sent, of one sender.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) sender: usize,
    pub(crate) root: Hash,
    pub(crate) request: SubmitBatchesRequest,
}

/// Everything that will be handed in, signed and ready.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) batches: Vec<Batch>,
    pub(crate) movements: Vec<Movement>,
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same in every version of everything.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly below `bound` (which is at least 1), but for a bias below 2^-40 at our bounds.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A version 4 UUID.
    fn uetr(&mut self) -> Uetr {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uetr(bytes)
    }

    /// A bank: every second time one of the core.
    fn bank(&mut self, banks: usize) -> usize {
        let core = (banks / CORE_SHARE).max(1);
        let bound = if self.next() & 1 == 0 { core } else { banks };
        self.below(bound as u64) as usize
    }

    /// Appends so many bytes.
    fn fill(&mut self, buffer: &mut Vec<u8>, bytes: usize) {
        let end = buffer.len() + bytes;
        while buffer.len() < end {
            let left = end - buffer.len();
            buffer.extend_from_slice(&self.next().to_be_bytes()[..left.min(8)]);
        }
    }

    fn amount(&mut self) -> u64 {
        let steps = self.next().trailing_zeros().min(TAIL_STEPS);
        let floor = AMOUNT_BASE << steps;
        floor + self.below(floor)
    }
}

/// The banks whose batches one thread makes, with what seals their orders.
type Share = BTreeMap<usize, Option<Sealer>>;

/// A batch with its number, and what its orders move.
type Numbered = (u64, Batch, Vec<Movement>);

impl Workload {
    /// Makes and signs every batch, on as many threads as there are cores. With a sealer for each
    /// bank payloads are sealed, without they are opaque.
    pub(crate) fn make(
        shape: Shape,
        banks: &[Bank],
        sealers: Option<Vec<Sealer>>,
    ) -> anyhow::Result<Self> {
        let threads = std::thread::available_parallelism()?.get();
        let mut shares: Vec<Share> = vec![];
        shares.resize_with(threads, Share::new);
        let mut sealers = sealers.map(Vec::into_iter);
        for sender in 0..banks.len() {
            let sealer = sealers.as_mut().and_then(Iterator::next);
            shares[sender % threads].insert(sender, sealer);
        }
        let parts: Vec<anyhow::Result<Vec<Numbered>>> = std::thread::scope(|scope| {
            let part = |share| scope.spawn(move || of_share(shape, banks, share));
            let running: Vec<_> = shares.into_iter().map(part).collect();
            let panicked = |_| Err(anyhow::anyhow!("a thread that makes orders panicked"));
            running.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
        });
        let mut made = parts.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
        made.sort_unstable_by_key(|(number, ..)| *number);
        let mut workload = Self { batches: Vec::new(), movements: Vec::new() };
        for (_, batch, movements) in made {
            workload.batches.push(batch);
            workload.movements.extend(movements);
        }
        Ok(workload)
    }

    /// Bytes of a payload: every order of a workload has as many.
    pub(crate) fn payload_bytes(&self) -> usize {
        let first = self.batches.first().and_then(|batch| batch.request.orders.first());
        first.map_or(0, |order| order.payload.len())
    }
}

/// The batches of some senders, each sender's in their order.
fn of_share(shape: Shape, banks: &[Bank], mut share: Share) -> anyhow::Result<Vec<Numbered>> {
    let mut made = Vec::new();
    for number in 0..shape.orders.div_ceil(shape.batch as u64) {
        let mut draw = Draw::new(shape.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        let sender = draw.bank(banks.len());
        if let Some(sealer) = share.get_mut(&sender) {
            let (batch, movements) = one(shape, banks, (number, sender, draw), sealer.as_mut())?;
            made.push((number, batch, movements));
        }
    }
    Ok(made)
}

/// Batch `number`: if it is not sealed, a function of the shape and its number alone.
fn one(
    shape: Shape,
    banks: &[Bank],
    (number, sender, mut draw): (u64, usize, Draw),
    mut sealer: Option<&mut Sealer>,
) -> anyhow::Result<(Batch, Vec<Movement>)> {
    let size = (shape.orders - number * shape.batch as u64).min(shape.batch as u64) as usize;
    let mut buffer = Vec::with_capacity(size * (HEADER_LEN + shape.payload_bytes));
    let mut movements = Vec::with_capacity(size);
    let mut digests: Vec<Hash> = Vec::with_capacity(size);
    let mut ends = Vec::with_capacity(size);
    for _ in 0..size {
        let (header, movement) = order(&mut draw, shape, banks, sender)?;
        let start = buffer.len();
        match &mut sealer {
            Some(sealer) => {
                let receiver = usize::from(movement.receiver);
                let sealed = sealer.seal(&header, receiver, shape.payload_bytes)?;
                buffer.extend_from_slice(&sealed.header);
                buffer.extend_from_slice(&sealed.payload);
            }
            None => {
                buffer.extend_from_slice(&header.encode());
                draw.fill(&mut buffer, shape.payload_bytes);
            }
        }
        let (header, payload) = buffer[start..].split_at(HEADER_LEN);
        digests.push(order_digest(header, payload));
        movements.push(movement);
        ends.push(buffer.len());
    }
    let root = merkle_root(digests.iter().map(Hash::as_slice));
    let bank = &banks[sender];
    let statement = batch_statement(bank.pool, bank.id, u32::try_from(size)?, &root);
    let buffer = Bytes::from(buffer);
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let order = |(start, end): (usize, &usize)| Order {
        header: buffer.slice(start..start + HEADER_LEN),
        payload: buffer.slice(start + HEADER_LEN..*end),
    };
    let request = SubmitBatchesRequest {
        batch_id: number,
        orders: starts.zip(&ends).map(order).collect(),
        signature: Bytes::copy_from_slice(&bank.signer.sign(&statement)?),
        receipt_only: false,
    };
    Ok((Batch { sender, root, request }, movements))
}

fn order(
    draw: &mut Draw,
    shape: Shape,
    banks: &[Bank],
    sender: usize,
) -> anyhow::Result<(OrderHeader, Movement)> {
    let mut receiver = draw.bank(banks.len());
    if receiver == sender {
        receiver = (receiver + 1) % banks.len();
    }
    let bank = &banks[sender];
    let currency = draw.below(bank.currencies.len() as u64) as usize;
    let amount = Amount::new(draw.amount(), bank.currencies[currency])?;
    let header = OrderHeader {
        urgent: draw.below(100) < u64::from(shape.urgent_percent),
        pool: bank.pool,
        sender: bank.id,
        receiver: banks[receiver].id,
        uetr: draw.uetr(),
        kind: MessageKind::CustomerTransfer,
        class: draw.below(4) as u8,
        amount,
        value_date: ValueDate::new(bank.value_date).unwrap_or_else(|| unreachable!("checked")),
        policy_version: 0,
        created_at_ms: bank.now_ms,
        not_before_ms: 0,
        not_after_ms: 0,
        link: None,
        sealing: None,
        fx: None,
        payload_len: u32::try_from(shape.payload_bytes)?,
    };
    let movement = Movement {
        sender: u16::try_from(sender)?,
        receiver: u16::try_from(receiver)?,
        currency: u8::try_from(currency)?,
        minor: amount.minor(),
    };
    Ok((header, movement))
}

/// The currencies of the pool that is loaded.
pub(crate) fn currencies() -> anyhow::Result<Vec<Currency>> {
    ["EUR", "GBP", "JPY", "USD"].iter().map(|code| Ok(Currency::parse(code)?)).collect()
}
