//! How the limits number participants and currencies, and how many there may be.
//!
//! Who takes part, and who is suspended, is in the pool's directory (`clearing`): a suspension
//! decides about orders, not about amounts, so it is no limit.

/// The most participants of a pool.
pub const PARTICIPANTS_MAX: usize = 1 << 20;

/// The most currencies of a pool.
pub const CURRENCIES_MAX: usize = 256;

/// A participant, numbered from 0 in the order of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u32);

impl ParticipantId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A currency's place in the pool's list of currencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurrencyIndex(pub u16);

impl CurrencyIndex {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}
