//! Certificates: what a cycle settled, and how much more nobody could have settled.
//!
//! ```text
//! 171 bytes: cycle u64 | basis u8 | candidates u32 | settled u32 | value u128 | FIFO value u128
//!            | bound u128 | value of class 0 to 3, each u128 | solver u16 | steps u64 | prices [32]
//! prices:    SHA-256 of "causeway/1 prices" and the prices as they stand in the settle record;
//!            zeros if the bound rests on none
//! ```
//! Values are sums of class weight × currency weight × (1 + age) × minor units, by the rule book.

use channel::{DecodeError, Reader, Writer};
use ledger::Hash;
use sha2::{Digest, Sha256};

use crate::bound::Remainder;
use crate::cycle::CutQueue;
use crate::payment::Slot;
use crate::pool::Pool;
use crate::queue::CLASSES;
use crate::record::{Prices, SettleRecord};

const LABEL: &[u8] = b"causeway/1 certificates";
const PRICES_LABEL: &[u8] = b"causeway/1 prices";

/// Bytes of an encoded [`Certificate`].
pub const CERTIFICATE_BYTES: usize = 171;

/// What a bound rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Basis {
    /// What settled is the most there is: the one FIFO maximum where the mode is strict FIFO, or
    /// all candidates. The bound is its value.
    Most = 1,
    /// The prices of the proposal that settled: the bound is D(prices).
    Prices = 2,
    /// Nobody proposed: the floor settled, and the bound is the value of all that is not hopeless.
    Nothing = 3,
}

impl Basis {
    /// From its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Most, Self::Prices, Self::Nothing].into_iter().find(|it| *it as u8 == number)
    }
}

/// What a cycle settled, how that was found, and an upper bound, computed by the core itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// The cycle.
    pub cycle: u64,
    /// What the bound rests on.
    pub basis: Basis,
    /// Payments that could have settled.
    pub candidates: u32,
    /// Payments that did.
    pub settled: u32,
    /// What they count.
    pub value: u128,
    /// What the FIFO maximum counts, which is among them.
    pub fifo_value: u128,
    /// No set that the pool's mode allows counts more.
    pub bound: u128,
    /// What settled, by class.
    pub value_by_class: [u128; CLASSES],
    /// The solver's version; 0 = none.
    pub solver: u16,
    /// The solver's steps.
    pub steps: u64,
    /// Hash of the prices; zeros if there are none.
    pub prices_hash: Hash,
}

impl Certificate {
    /// How much more could have settled at most.
    #[must_use]
    pub fn gap(&self) -> u128 {
        self.bound.saturating_sub(self.value)
    }

    /// Appends the canonical bytes.
    pub fn write(&self, writer: &mut Writer) {
        writer.u64(self.cycle).u8(self.basis as u8).u32(self.candidates).u32(self.settled);
        let sums = [self.value, self.fifo_value, self.bound];
        for sum in sums.iter().chain(&self.value_by_class) {
            writer.raw(&sum.to_be_bytes());
        }
        writer.u16(self.solver).u64(self.steps).raw(&self.prices_hash);
    }

    /// The inverse of [`Certificate::write`].
    ///
    /// # Errors
    /// [`DecodeError`] naming the field.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let cycle = reader.u64("cycle")?;
        let basis = reader.u8("basis")?;
        let basis = Basis::from_number(basis)
            .ok_or(DecodeError::Unknown { field: "basis", value: basis.into() })?;
        let (candidates, settled) = (reader.u32("candidates")?, reader.u32("settled")?);
        let mut sums = [0; 3 + CLASSES];
        for sum in &mut sums {
            *sum = u128::from_be_bytes(reader.array("value")?);
        }
        let [value, fifo_value, bound, value_by_class @ ..] = sums;
        Ok(Self {
            cycle,
            basis,
            candidates,
            settled,
            value,
            fifo_value,
            bound,
            value_by_class,
            solver: reader.u16("solver")?,
            steps: reader.u64("steps")?,
            prices_hash: reader.array("prices")?,
        })
    }
}

/// Hash over a batch's certificates, in their order; zeros if it has none.
#[must_use]
pub fn certificates_hash(certificates: &[Certificate]) -> Hash {
    if certificates.is_empty() {
        return [0; 32];
    }
    let mut writer = Writer::new();
    writer.raw(LABEL);
    certificates.iter().for_each(|certificate| certificate.write(&mut writer));
    Sha256::digest(writer.into_bytes()).into()
}

/// Hash over prices; zeros if there are none.
#[must_use]
pub fn prices_hash(prices: &Prices) -> Hash {
    if prices.accounts.is_empty() && prices.limits.is_empty() {
        return [0; 32];
    }
    let mut bytes = PRICES_LABEL.to_vec();
    prices.encode(&mut bytes);
    Sha256::digest(bytes).into()
}

impl Pool {
    /// The certificate of a cut whose payments in `slots` are about to settle: by a proposal, or
    /// as the FIFO maximum.
    pub(crate) fn certify(
        &mut self,
        cycle: u64,
        queues: &[CutQueue],
        slots: &[Slot],
        proposal: Option<&SettleRecord<'_>>,
    ) -> Certificate {
        let certificate = self.certificate(cycle, queues, slots, proposal);
        self.note_evidence(&certificate, queues, slots, proposal);
        certificate
    }

    fn certificate(
        &self,
        cycle: u64,
        queues: &[CutQueue],
        slots: &[Slot],
        proposal: Option<&SettleRecord<'_>>,
    ) -> Certificate {
        let value_by_class = self.values(slots);
        let value = value_by_class.iter().sum();
        let (candidates, floor) = crate::cycle::totals(queues);
        let mut certificate = Certificate {
            cycle,
            basis: Basis::Most,
            candidates: candidates as u32,
            settled: slots.len() as u32,
            value,
            fifo_value: value,
            bound: value,
            value_by_class,
            solver: 0,
            steps: 0,
            prices_hash: [0; 32],
        };
        let strict = self.rules.netting == channel::NettingMode::StrictFifo;
        if floor < candidates && !(strict && proposal.is_none()) {
            let rest = Remainder::of(self, queues);
            let prices = proposal.map(SettleRecord::prices).unwrap_or_default();
            certificate.fifo_value = rest.floor_value();
            certificate.prices_hash = prices_hash(&prices);
            let given = certificate.prices_hash != [0; 32];
            certificate.basis = if given { Basis::Prices } else { Basis::Nothing };
            certificate.bound = rest.floor_value() + rest.bound(&prices);
        }
        if let Some(proposal) = proposal {
            (certificate.solver, certificate.steps) = (proposal.solver, proposal.steps);
        }
        certificate
    }

    /// What payments count, by class.
    fn values(&self, slots: &[Slot]) -> [u128; CLASSES] {
        let weights = self.weights();
        let mut values = [0; CLASSES];
        for payment in slots.iter().map(|slot| self.payments.get(*slot)) {
            let age = self.cycle.ages.of(payment.order);
            let unit = weights.unit(payment.class, payment.currency, age);
            values[usize::from(payment.class)] += u128::from(unit) * u128::from(payment.minor);
        }
        values
    }
}
