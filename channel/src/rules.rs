//! The rule book of a pool. It takes effect at the position that logs it; its hash is in receipts.

use ledger::{Currency, Hash};

use crate::bytes::{DecodeError, Reader, Writer};
use crate::digest::sha256;

/// How a cycle chooses what settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NettingMode {
    /// A prefix of every queue: the unique FIFO maximum, computed by the core itself.
    StrictFifo = 1,
    /// At least the FIFO maximum; a proposal may settle more past blocked heads.
    FifoFloor = 2,
}

/// What happens to queued orders when the day of their currency closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ClosePolicy {
    /// They are rejected.
    Reject = 1,
    /// They wait for the next day.
    Roll = 2,
}

/// The rules of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleBook {
    /// Counts up by one with every change.
    pub version: u32,
    /// The currencies settled here, 1 to 32, each once.
    pub currencies: Vec<Currency>,
    /// Time between two cycles, 10 to 86,400,000 ms.
    pub cycle_ms: u32,
    /// An open batch is sealed after this long at the latest, 10 to 60,000 ms.
    pub seal_ms: u32,
    /// How a cycle chooses.
    pub netting: NettingMode,
    /// How long a cut waits for a proposal before the FIFO floor settles, 0 to 60,000 ms.
    /// At 0 the floor settles in the cut itself.
    pub proposal_timeout_ms: u32,
    /// How long an identity is remembered, 60,000 ms to 366 days in ms.
    pub dedupe_horizon_ms: u64,
    /// How many identities are remembered at once, 1,024 to 2^32 − 1; beyond it orders are refused.
    pub dedupe_entries_max: u32,
    /// Orders waiting at once in the whole pool, 1 to 100,000,000.
    pub queue_max: u32,
    /// How far ahead of the log's time a record's time may be before an operator must confirm it,
    /// 1,000 ms to 366 days in ms.
    pub clock_jump_max_ms: u64,
    /// How many days ahead a value date may lie, 0 to 366.
    pub warehouse_days_max: u16,
    /// What happens to the queue at the close.
    pub close: ClosePolicy,
    /// How long an FX instruction waits for its counterpart, 100 ms to 30 days in ms.
    pub unmatched_ms: u32,
    /// How long the match of an FX payment with quotes stands before it lapses, 100 ms to one day
    /// in ms.
    pub match_ms: u32,
    /// Within this time a sender must answer a disclosure fault with a rewrap, 1,000 ms to 30 days
    /// in ms.
    pub rewrap_within_ms: u32,
    /// Kinds of command (their numbers) that need a second person, ascending.
    pub two_person: Vec<u16>,
    /// What a settled payment of each class counts, 1 to [`CLASS_WEIGHT_MAX`], not ascending.
    pub class_weights: [u32; CLASSES],
    /// What one minor unit of each currency counts, 1 to [`CURRENCY_WEIGHT_MAX`], in the order of
    /// `currencies`: all in one common unit, so that a solver can compare them.
    pub currency_weights: Vec<u32>,
    /// A queued payment grows a step older every so many cycles, up to [`AGES`] − 1 steps; each
    /// makes it count once more. 0 to 1,000,000; at 0 nothing ages.
    pub ageing_cycles: u32,
    /// Work a solver may spend on one cut, in its steps, 0 to 100,000,000; 0 = by the cut's size.
    pub solver_steps: u32,
    /// Whether opposite FX payments may cross each other at the midpoint of the quotes.
    pub cross_at_midpoint: bool,
}

/// How many ages a queued payment can have.
pub const AGES: u8 = 4;
/// The largest class weight.
pub const CLASS_WEIGHT_MAX: u32 = 1 << 14;
/// The largest currency weight.
pub const CURRENCY_WEIGHT_MAX: u32 = 1 << 20;

const CLASSES: usize = crate::CLASS_MAX as usize + 1;
const DAY_MS: u64 = 86_400_000;
const CURRENCIES_MAX: usize = 32;
const TWO_PERSON_MAX: usize = 64;

impl RuleBook {
    /// A rule book with cautious defaults for `currencies`.
    #[must_use]
    pub fn standard(currencies: Vec<Currency>) -> Self {
        Self {
            version: 1,
            currency_weights: vec![1; currencies.len()],
            currencies,
            cycle_ms: 1_000,
            seal_ms: 100,
            netting: NettingMode::FifoFloor,
            // What a cut of a million payments takes to solve, and half of it again.
            proposal_timeout_ms: 3_000,
            dedupe_horizon_ms: 3 * DAY_MS,
            dedupe_entries_max: 50_000_000,
            queue_max: 10_000_000,
            clock_jump_max_ms: 12 * 3_600_000,
            warehouse_days_max: 30,
            close: ClosePolicy::Reject,
            unmatched_ms: 86_400_000,
            match_ms: 60_000,
            rewrap_within_ms: 86_400_000,
            two_person: Vec::new(),
            class_weights: [1_000, 100, 10, 1],
            // Who has waited for three minutes counts four times as much.
            ageing_cycles: 60,
            solver_steps: 0,
            cross_at_midpoint: false,
        }
    }

    /// SHA-256 of `"causeway/1 rules"` and the canonical bytes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut writer = Writer::new();
        writer.raw(b"causeway/1 rules");
        self.write(&mut writer);
        sha256(&writer.into_bytes())
    }

    /// Appends the canonical bytes.
    pub fn write(&self, writer: &mut Writer) {
        writer.u32(self.version).u8(u8::try_from(self.currencies.len()).unwrap_or(u8::MAX));
        for currency in &self.currencies {
            writer.raw(&currency.to_bytes());
        }
        writer.u32(self.cycle_ms).u32(self.seal_ms).u8(self.netting as u8);
        writer.u32(self.proposal_timeout_ms).u64(self.dedupe_horizon_ms);
        writer.u32(self.dedupe_entries_max).u32(self.queue_max).u64(self.clock_jump_max_ms);
        writer.u16(self.warehouse_days_max).u8(self.close as u8);
        writer.u32(self.unmatched_ms).u32(self.match_ms).u32(self.rewrap_within_ms);
        writer.u8(u8::try_from(self.two_person.len()).unwrap_or(u8::MAX));
        for kind in &self.two_person {
            writer.u16(*kind);
        }
        for weight in self.class_weights.iter().chain(&self.currency_weights) {
            writer.u32(*weight);
        }
        writer.u32(self.ageing_cycles).u32(self.solver_steps);
        writer.u8(u8::from(self.cross_at_midpoint));
    }

    /// Reads and checks one rule book.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field that is out of its range.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u32("version")?;
        let count = usize::from(reader.u8("currencies")?);
        let mut currencies = Vec::with_capacity(count);
        for _ in 0..count {
            let currency = Currency::from_bytes(reader.array("currencies")?)
                .map_err(|_| DecodeError::Range { field: "currencies" })?;
            currencies.push(currency);
        }
        let cycle_ms = reader.u32("cycle_ms")?;
        let seal_ms = reader.u32("seal_ms")?;
        let netting = match reader.u8("netting")? {
            1 => NettingMode::StrictFifo,
            2 => NettingMode::FifoFloor,
            value => return Err(DecodeError::Unknown { field: "netting", value: value.into() }),
        };
        let rules = Self {
            version,
            currencies,
            cycle_ms,
            seal_ms,
            netting,
            proposal_timeout_ms: reader.u32("proposal_timeout_ms")?,
            dedupe_horizon_ms: reader.u64("dedupe_horizon_ms")?,
            dedupe_entries_max: reader.u32("dedupe_entries_max")?,
            queue_max: reader.u32("queue_max")?,
            clock_jump_max_ms: reader.u64("clock_jump_max_ms")?,
            warehouse_days_max: reader.u16("warehouse_days_max")?,
            close: match reader.u8("close")? {
                1 => ClosePolicy::Reject,
                2 => ClosePolicy::Roll,
                value => return Err(DecodeError::Unknown { field: "close", value: value.into() }),
            },
            unmatched_ms: reader.u32("unmatched_ms")?,
            match_ms: reader.u32("match_ms")?,
            rewrap_within_ms: reader.u32("rewrap_within_ms")?,
            two_person: {
                let count = usize::from(reader.u8("two_person")?);
                (0..count).map(|_| reader.u16("two_person")).collect::<Result<_, _>>()?
            },
            class_weights: {
                let mut weights = [0; CLASSES];
                for weight in &mut weights {
                    *weight = reader.u32("class_weights")?;
                }
                weights
            },
            currency_weights: (0..count)
                .map(|_| reader.u32("currency_weights"))
                .collect::<Result<_, _>>()?,
            ageing_cycles: reader.u32("ageing_cycles")?,
            solver_steps: reader.u32("solver_steps")?,
            cross_at_midpoint: match reader.u8("cross_at_midpoint")? {
                0 => false,
                1 => true,
                _ => return Err(DecodeError::Range { field: "cross_at_midpoint" }),
            },
        };
        rules.check()?;
        Ok(rules)
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`DecodeError::Range`] naming the field.
    pub fn check(&self) -> Result<(), DecodeError> {
        let ensure =
            |held: bool, field| if held { Ok(()) } else { Err(DecodeError::Range { field }) };
        let mut sorted = self.currencies.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let distinct = sorted.len() == self.currencies.len();
        ensure(distinct && (1..=CURRENCIES_MAX).contains(&sorted.len()), "currencies")?;
        ensure((10..=86_400_000).contains(&self.cycle_ms), "cycle_ms")?;
        ensure((10..=60_000).contains(&self.seal_ms), "seal_ms")?;
        ensure(self.proposal_timeout_ms <= 60_000, "proposal_timeout_ms")?;
        ensure((60_000..=366 * DAY_MS).contains(&self.dedupe_horizon_ms), "dedupe_horizon_ms")?;
        ensure(self.dedupe_entries_max >= 1_024, "dedupe_entries_max")?;
        ensure((1..=100_000_000).contains(&self.queue_max), "queue_max")?;
        ensure((1_000..=366 * DAY_MS).contains(&self.clock_jump_max_ms), "clock_jump_max_ms")?;
        ensure(self.warehouse_days_max <= 366, "warehouse_days_max")?;
        ensure((100..=2_592_000_000).contains(&self.unmatched_ms), "unmatched_ms")?;
        ensure((100..=86_400_000).contains(&self.match_ms), "match_ms")?;
        let rewrap = (1_000..=2_592_000_000).contains(&self.rewrap_within_ms);
        ensure(rewrap, "rewrap_within_ms")?;
        let ascending = self.two_person.windows(2).all(|pair| pair[0] < pair[1]);
        ensure(ascending && self.two_person.len() <= TWO_PERSON_MAX, "two_person")?;
        let within = |weights: &[u32], most| weights.iter().all(|it| (1..=most).contains(it));
        let descending = self.class_weights.is_sorted_by(|one, next| one >= next);
        let fits = descending && within(&self.class_weights, CLASS_WEIGHT_MAX);
        ensure(fits, "class_weights")?;
        let one_each = self.currency_weights.len() == self.currencies.len();
        let fits = one_each && within(&self.currency_weights, CURRENCY_WEIGHT_MAX);
        ensure(fits, "currency_weights")?;
        ensure(self.ageing_cycles <= 1_000_000, "ageing_cycles")?;
        ensure(self.solver_steps <= 100_000_000, "solver_steps")
    }
}
