//! What shall be different.

use std::collections::BTreeMap;

use channel::{ClosePolicy, NettingMode, RuleBook};
use ledger::{Amount, Currency};

/// How long a cut may wait for its proposal where a plan turns proposals on and does not say, ms.
/// It never does: the simulator answers at once.
const PROPOSAL_TIMEOUT_MS: u32 = 3_000;

/// When cycles are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticks {
    /// At the instants of the log's own ticks and `RunCycle` commands.
    Logged,
    /// Whenever the rule book says that one is due; the log's own ticks are left out.
    Due,
}

/// Rules that shall be others; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleChanges {
    /// [`RuleBook::cycle_ms`].
    pub cycle_ms: Option<u32>,
    /// [`RuleBook::netting`].
    pub netting: Option<NettingMode>,
    /// [`RuleBook::proposal_timeout_ms`]; 3,000 where `netting` turns proposals on and this is none.
    pub proposal_timeout_ms: Option<u32>,
    /// [`RuleBook::class_weights`].
    pub class_weights: Option<[u32; 4]>,
    /// [`RuleBook::currency_weights`], of the currencies named.
    pub currency_weights: BTreeMap<Currency, u32>,
    /// [`RuleBook::ageing_cycles`].
    pub ageing_cycles: Option<u32>,
    /// [`RuleBook::solver_steps`].
    pub solver_steps: Option<u32>,
    /// [`RuleBook::close`].
    pub close: Option<ClosePolicy>,
    /// [`RuleBook::cross_at_midpoint`].
    pub cross_at_midpoint: Option<bool>,
}

/// A share of what was paid in and out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Whose, by name.
    pub participant: String,
    /// In which currency.
    pub currency: Currency,
    /// Percent.
    pub percent: u32,
}

/// What a limit is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitKind {
    /// What it owes another, net, in a day.
    Bilateral(String),
    /// What it owes all others together, as it wants it.
    Multilateral,
    /// The same, as the operator wants it.
    DebitCap,
}

/// A limit in the place of those that the log sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitChange {
    /// Whose, by name.
    pub participant: String,
    /// On what.
    pub kind: LimitKind,
    /// In which currency.
    pub currency: Currency,
    /// Minor units; none for no limit.
    pub minor: Option<u64>,
}

/// Everything that shall be different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When cycles are cut. If none: as they were, until the plan changes something; from then on
    /// whenever one is due if it says how often cycles come, as whoever says that wants them so.
    pub ticks: Option<Ticks>,
    /// Rules.
    pub rules: RuleChanges,
    /// Percent of every pay-in and pay-out that is not in `shares`.
    pub liquidity_percent: u32,
    /// Percent of somebody's pay-ins and pay-outs in a currency.
    pub shares: Vec<Share>,
    /// Credit lines, by participant's name, from the opening of the account on.
    pub credit_lines: Vec<(String, Amount)>,
    /// Limits, from the opening of the account on.
    pub limits: Vec<LimitChange>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            ticks: None,
            rules: RuleChanges::default(),
            liquidity_percent: 100,
            shares: Vec::new(),
            credit_lines: Vec::new(),
            limits: Vec::new(),
        }
    }
}

impl Plan {
    /// When cycles are cut once it has changed something.
    pub(crate) fn ticks(&self) -> Ticks {
        let often = self.rules.cycle_ms.is_some();
        self.ticks.unwrap_or(if often { Ticks::Due } else { Ticks::Logged })
    }

    /// Everybody whom it names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let shares = self.shares.iter().map(|share| share.participant.as_str());
        let lines = self.credit_lines.iter().map(|(name, _)| name.as_str());
        let limits = self.limits.iter().flat_map(|limit| {
            let other = match &limit.kind {
                LimitKind::Bilateral(other) => Some(other.as_str()),
                _ => None,
            };
            [Some(limit.participant.as_str()), other].into_iter().flatten()
        });
        shares.chain(lines).chain(limits)
    }

    /// What is left of a pay-in or pay-out, minor units, rounded down.
    pub(crate) fn share_of(&self, participant: &str, amount: Amount) -> u64 {
        let own = self
            .shares
            .iter()
            .find(|share| share.participant == participant && share.currency == amount.currency());
        let percent = own.map_or(self.liquidity_percent, |share| share.percent);
        let minor = u128::from(amount.minor()) * u128::from(percent) / 100;
        u64::try_from(minor).unwrap_or(u64::MAX).min(ledger::MINOR_MAX)
    }

    pub(crate) fn credit_line(&self, participant: &str, currency: Currency) -> Option<u64> {
        let own = self
            .credit_lines
            .iter()
            .find(|(name, amount)| name == participant && amount.currency() == currency);
        own.map(|(_, amount)| amount.minor())
    }
}

impl RuleChanges {
    pub(crate) fn apply(&self, rules: &mut RuleBook) {
        if let Some(netting) = self.netting {
            rules.netting = netting;
            if netting == NettingMode::FifoFloor && rules.proposal_timeout_ms == 0 {
                rules.proposal_timeout_ms = PROPOSAL_TIMEOUT_MS;
            }
        }
        set(&mut rules.cycle_ms, self.cycle_ms);
        set(&mut rules.proposal_timeout_ms, self.proposal_timeout_ms);
        set(&mut rules.class_weights, self.class_weights);
        set(&mut rules.ageing_cycles, self.ageing_cycles);
        set(&mut rules.solver_steps, self.solver_steps);
        set(&mut rules.close, self.close);
        set(&mut rules.cross_at_midpoint, self.cross_at_midpoint);
        for (currency, weight) in rules.currencies.iter().zip(&mut rules.currency_weights) {
            set(weight, self.currency_weights.get(currency).copied());
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
