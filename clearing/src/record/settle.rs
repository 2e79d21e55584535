//! The settle record: a proposal for an open cut, and how it was found.
//!
//! ```text
//! body: cycle u64 | as of u64 | warm u64 | solver u16 | steps u64
//!       | count u32 x price u64 (accounts) | count u32 x price u64 (bilateral limits)
//!       | count u32 x place u64, ascending
//! ```

use channel::{DecodeError, Reader};

use crate::record::{KIND_SETTLE, Place, RecordError, room, seal};

/// Prices are in value per minor unit, times `2^PRICE_BITS`.
pub const PRICE_BITS: u32 = 20;

/// Dual prices: what one more minor unit of room would be worth. They show who is short of money.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    /// By account number; missing ones are zero.
    pub accounts: Vec<u64>,
    /// By bilateral limit, in the order of [`crate::Candidates::limits`]; missing ones are zero.
    pub limits: Vec<u64>,
}

impl Prices {
    /// The canonical bytes, as in the record: those of the accounts, those of the limits, each
    /// behind their number.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        for prices in [&self.accounts, &self.limits] {
            bytes.extend_from_slice(&u32::try_from(prices.len()).unwrap_or(u32::MAX).to_be_bytes());
            prices.iter().for_each(|price| bytes.extend_from_slice(&price.to_be_bytes()));
        }
    }
}

/// What a solver proposes for a cut, and what it takes to find it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The cycle whose cut it answers.
    pub cycle: u64,
    /// The pool's next position when the solver got the candidates.
    pub as_of: u64,
    /// The cycle of the proposal whose prices the solver began with; 0 = none.
    pub warm: u64,
    /// The solver's version; 0 = none, as where the floor alone is proposed.
    pub solver: u16,
    /// Work done, in the solver's steps.
    pub steps: u64,
    /// The prices it found; empty if none.
    pub prices: Prices,
    /// The places that shall settle, ascending.
    pub places: Vec<Place>,
}

/// A proposal, read in place; the fields are those of [`Proposal`].
#[derive(Debug, Clone, Copy)]
pub struct SettleRecord<'a> {
    /// The cycle whose cut it answers.
    pub cycle: u64,
    /// The pool's next position when the solver got the candidates.
    pub as_of: u64,
    /// The cycle of the proposal whose prices the solver began with; 0 = none.
    pub warm: u64,
    /// The solver's version; 0 = none.
    pub solver: u16,
    /// Work done, in the solver's steps.
    pub steps: u64,
    account_prices: &'a [[u8; 8]],
    limit_prices: &'a [[u8; 8]],
    places: &'a [[u8; 8]],
}

impl<'a> SettleRecord<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(body);
        let record = Self {
            cycle: reader.u64("cycle")?,
            as_of: reader.u64("as of")?,
            warm: reader.u64("warm")?,
            solver: reader.u16("solver")?,
            steps: reader.u64("steps")?,
            account_prices: numbers(&mut reader, "account prices")?,
            limit_prices: numbers(&mut reader, "limit prices")?,
            places: numbers(&mut reader, "places")?,
        };
        reader.finish()?;
        if record.places.is_sorted() { Ok(record) } else { Err(RecordError::Length) }
    }

    /// The proposed places.
    pub fn places(&self) -> impl ExactSizeIterator<Item = Place> + 'a {
        self.places.iter().map(|bytes| Place(u64::from_be_bytes(*bytes)))
    }

    /// The prices.
    #[must_use]
    pub fn prices(&self) -> Prices {
        let all = |list: &[[u8; 8]]| list.iter().map(|price| u64::from_be_bytes(*price)).collect();
        Prices { accounts: all(self.account_prices), limits: all(self.limit_prices) }
    }

    /// The whole proposal.
    #[must_use]
    pub fn proposal(&self) -> Proposal {
        Proposal {
            cycle: self.cycle,
            as_of: self.as_of,
            warm: self.warm,
            solver: self.solver,
            steps: self.steps,
            prices: self.prices(),
            places: self.places().collect(),
        }
    }
}

fn numbers<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [[u8; 8]], DecodeError> {
    let count = reader.u32(field)? as usize;
    let length = count.checked_mul(8).ok_or(DecodeError::Range { field })?;
    Ok(reader.raw(length, field)?.as_chunks::<8>().0)
}

/// Packs a proposal; its places ascend.
#[must_use]
pub fn pack_settle((pool, time_ms): (u32, u64), proposal: &Proposal) -> Vec<u8> {
    let Prices { accounts, limits } = &proposal.prices;
    let mut bytes = room(46 + (accounts.len() + limits.len() + proposal.places.len()) * 8);
    for number in [proposal.cycle, proposal.as_of, proposal.warm] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&proposal.solver.to_be_bytes());
    bytes.extend_from_slice(&proposal.steps.to_be_bytes());
    proposal.prices.encode(&mut bytes);
    let count = u32::try_from(proposal.places.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&count.to_be_bytes());
    for place in &proposal.places {
        bytes.extend_from_slice(&place.0.to_be_bytes());
    }
    seal(bytes, KIND_SETTLE, pool, time_ms)
}
