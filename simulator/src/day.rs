//! A day in numbers.

use ledger::{Currency, Hash};

/// What became of a day's payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Orders handed in.
    pub orders: u64,
    /// Of them accepted, exchanges of currencies aside.
    pub accepted: u64,
    /// Cycles closed.
    pub cycles: u64,
    /// Batches sealed.
    pub batches: u64,
    /// Hash of the last batch, over those of all before; zeros if there is none.
    pub batch_hash: Hash,
    /// State root of the last batch.
    pub state_root: Hash,
    /// By currency, ascending.
    pub currencies: Vec<CurrencyDay>,
    /// By participant and currency, of those whose payments ever exceeded what they had been paid.
    pub liquidity: Vec<LiquidityUse>,
}

/// One currency of a day. Delays are times in a queue; settlement is timed by its batch, so they
/// are exact for cycles and at most `seal_ms` too long between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyDay {
    /// Which.
    pub currency: Currency,
    /// Payments settled, exchanges of currencies aside.
    pub settled_count: u64,
    /// Their sum, minor units.
    pub settled_minor: u128,
    /// What exchanges moved in this currency: FX instructions, legs of FX payments, crossings.
    pub fx_count: u64,
    /// Their sum, minor units.
    pub fx_minor: u128,
    /// Mean time from acceptance to settlement of the settled FX orders that sold this currency, ms:
    /// whether they waited for a counterpart, a quote or money.
    pub fx_mean_delay_ms: u64,
    /// Payments rejected, cancelled or expired after they were accepted.
    pub left_count: u64,
    /// Their sum, minor units.
    pub left_minor: u128,
    /// Payments that still wait at the end.
    pub queued_count: u64,
    /// Their sum, minor units.
    pub queued_minor: u128,
    /// Mean delay of settled payments, ms.
    pub mean_delay_ms: u64,
    /// The same, each weighted by its amount.
    pub value_mean_delay_ms: u64,
    /// Half of the settled payments waited no longer, ms.
    pub p50_delay_ms: u64,
    /// 95 % of the settled payments waited no longer, ms.
    pub p95_delay_ms: u64,
    /// Value times delay, minor units times ms: of everything that was queued, settled or not.
    pub minor_ms: u128,
    /// Liquidity used: the greatest net debit of each participant, summed, minor units.
    pub liquidity_minor: u128,
    /// The greatest sum of net debits at one time, minor units.
    pub peak_used_minor: u128,
    /// The greatest sum of queued payments, minor units.
    pub peak_queued_minor: u128,
    /// Queued value over time: ms and minor units, at most [`crate::POINTS_MAX`] points, each
    /// with the greatest value of its stretch of time.
    pub queued: Vec<(u64, i128)>,
    /// Settled value over time, summed up.
    pub settled: Vec<(u64, i128)>,
    /// Sum of net debits over time.
    pub used: Vec<(u64, i128)>,
}

impl CurrencyDay {
    /// A day on which nothing happened in a currency, from an instant on.
    #[must_use]
    pub fn nothing(currency: Currency, from_ms: u64) -> Self {
        Self {
            currency,
            settled_count: 0,
            settled_minor: 0,
            fx_count: 0,
            fx_minor: 0,
            fx_mean_delay_ms: 0,
            left_count: 0,
            left_minor: 0,
            queued_count: 0,
            queued_minor: 0,
            mean_delay_ms: 0,
            value_mean_delay_ms: 0,
            p50_delay_ms: 0,
            p95_delay_ms: 0,
            minor_ms: 0,
            liquidity_minor: 0,
            peak_used_minor: 0,
            peak_queued_minor: 0,
            queued: vec![(from_ms, 0)],
            settled: vec![(from_ms, 0)],
            used: vec![(from_ms, 0)],
        }
    }
}

/// The greatest net debit of somebody's payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiquidityUse {
    /// Whose, by name.
    pub participant: String,
    /// In which currency.
    pub currency: Currency,
    /// How far its payments exceeded what it had been paid, at the most, minor units.
    pub minor: u128,
}
